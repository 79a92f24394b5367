"""What a tenant's actor knew was in one row, which grew with its groups: this puts an old row into today's form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from processors.accounts import account
from processors.rows import Open

if TYPE_CHECKING:
    from processors.office import Office


def upgrade(office: Office) -> Office:
    """Count the groups, note who names whom, and have each that waits for partitions wait in a row of its own."""
    authority = office.authority
    if authority.groups >= 0:
        return office
    authority.groups = 0
    authority.reported = dict.fromkeys(range(office.desk.partitions), authority.version)
    for group in office.groups():
        if group.status != "deleting":
            account(office, None, group)
    for name in authority.open:
        known = office.group(name)
        if known is not None:
            _wait(office, known.version, Open(name, known.counted), known.waiting)
            if known.earliest is not None:
                authority.earliest[0] = min(authority.earliest.get(0, known.earliest), known.earliest)
    for name in authority.shadows:
        known = office.group(name)
        if known is not None and known.succession is not None:
            _wait(office, known.succession.version, Open(name), known.succession.waiting)
    authority.open, authority.shadows = [], []
    office.save()
    return office


def _wait(office: Office, version: int, row: Open, waiting: list[int]) -> None:
    """Who has not told of a version has told of none after it."""
    office.keep_open(version, row)
    reported = office.authority.reported
    for by in waiting:
        reported[by] = min(reported[by], version - 1)
