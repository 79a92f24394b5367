"""The table of one partition as it stood at one offset of its log: rows and changes folded, newest wins. No I/O.

The two topics of a partition are written in the same transactions, but a reader sees them at different moments. So the
table is read first, up to an end noted after its reading began, then the log up to an end noted after the table's. Rows
may then be newer than the changes before that point but never older, and `seq` tells which of the two to believe.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from rollcall.client.told import Record, Told, Wanted, row_of
from schemas.outputs import Change, Membership


class Snapshot:
    """Rows by key tenant/group/contact, as bytes: this is what a reader's memory holds of one partition at a time."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._rows: dict[str, bytes] = {}

    def add_row(self, record: Record) -> None:
        """Take a record of `memberships`; no value means that the contact has left."""
        key = (record.key or b"").decode()
        tenant, group, _ = (*key.split("/", 2), "", "")[:3]
        if not self._wanted.takes(tenant, group):
            return
        if record.value is None:
            self._rows.pop(key, None)
        else:
            self._rows[key] = record.value

    def add_change(self, told: Told) -> None:
        """Take a join or leave; one that is not above the row's seq is in the row already."""
        if not isinstance(told.value, Change):
            return
        key = key_of(told)
        known = self._rows.get(key)
        if known is not None and row_of(known).seq >= told.value.data.seq:
            return
        if told.kind == "joined":
            self._rows[key] = msgspec.json.encode(joined_row(told.value))
        else:
            self._rows.pop(key, None)

    def above(self, key: str) -> Iterator[tuple[str, Membership]]:
        """The rows whose keys are above this one, in the order of their keys, decoded as they are taken."""
        for one in sorted(self._rows):
            if one > key:
                yield one, row_of(self._rows[one])


def key_of(told: Told) -> str:
    """tenant/group/contact, as `memberships` is keyed."""
    return f"{told.tenant}/{told.group}/{told.contact}"


def joined_row(change: Change) -> Membership:
    """The row that a join makes in `memberships`."""
    data = change.data
    return Membership(
        tenant=change.tenant,
        group=data.group,
        contact=data.contact,
        since=data.effective_at,
        seq=data.seq,
        change_id=change.id,
        sources=data.sources,
        expires_at=data.expires_at,
        sendable=data.sendable,
    )
