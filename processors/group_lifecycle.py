"""How a group's life goes on: partitions report up to which version they have all contacts, and what waited goes on.

A group waits in a row under the version at which it was created, began to be deleted, or got a successor to be built.
So a report costs the rows that have become ready, not all that wait.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from processors.desk import ORIGIN, Desk
from processors.office import Office, finish
from processors.progress import forget
from processors.successor import count_differing, take_over
from processors.upgrade import upgrade
from schemas.activity import Scanned

if TYPE_CHECKING:
    from collections.abc import Iterator

    from processors.rows import Open

AT_ONCE = 100
"""Groups that are finished in one go, 10 ms; for more the actor tells itself to go on."""


def on_scanned(desk: Desk, key: bytes, scanned: Scanned) -> None:
    """A partition is up to date: finish the groups that waited for it last, and put successors in force."""
    office = upgrade(Office(desk, key.decode()))
    _count(office, scanned)
    if not scanned.more:
        _report(office, scanned)
        _go_on(office, scanned.by)
    forget(office)


def _count(office: Office, scanned: Scanned) -> None:
    """Count members, and who differs under successors, of the groups that this partition had not reported before."""
    before = office.authority.reported.get(scanned.by, 0)
    for version, count in _counted(office, scanned):
        row = office.opened(version)
        if row is not None and before < version <= scanned.version:
            row.members += count
            office.keep_open(version, row)
    for name, counts in scanned.shadows.items():
        known = office.group(name)
        if known is not None and known.succession and before < known.succession.version <= scanned.version:
            count_differing(office, known, counts)


def _counted(office: Office, scanned: Scanned) -> Iterator[tuple[int, int]]:
    yield from scanned.counts.items()
    for name, count in scanned.members.items():  # of a lap from before
        known = office.group(name)
        if known is not None:
            yield known.version, count


def _report(office: Office, scanned: Scanned) -> None:
    authority = office.authority
    authority.reported[scanned.by] = max(authority.reported.get(scanned.by, 0), scanned.version)
    if scanned.earliest is not None:
        authority.earliest[scanned.by] = scanned.earliest


def _go_on(office: Office, by: int) -> None:
    """Finish what all partitions have reported, some at a time."""
    reported = office.authority.reported
    everywhere = min(reported.get(one, 0) for one in range(office.desk.partitions))
    for done, (version, row) in enumerate(office.open()):
        if version > everywhere:
            break
        if done == AT_ONCE:
            office.desk.tell(office.tenant.encode(), Scanned(*ORIGIN, by, 0, {}))
            break
        office.keep_open(version, None)
        office.authority.finished = version
        _finish(office, version, row)
    office.save()


def _finish(office: Office, version: int, row: Open) -> None:
    """Let a group go on that waited for a version, unless it waits for another by now."""
    known = office.group(row.group)
    if known is not None and known.version == version:
        finish(office, known, row.members)
    elif known is not None and known.succession is not None and known.succession.version == version:
        take_over(office, known)
