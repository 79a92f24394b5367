"""The contacts' heads as rows: written with a commit, or let go of where an erased contact leaves nothing else.

What was written last stays in memory as it was written, and is decoded again when the contact comes again. A decoded
head is fifty objects that lie scattered, so to keep these took ten times the memory and more time.
"""

from __future__ import annotations

from heapq import merge
from itertools import groupby, islice
from operator import itemgetter
from typing import TYPE_CHECKING

from processors import changes
from processors.afterlife import is_over
from processors.deadlines import index_key
from processors.desk import CONTACTS
from processors.rows import Head, encode, head_key, head_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from processors.afterlife import Afterlife
    from processors.desk import Desk
    from processors.state import Store


FORGOTTEN = 1_000
"""Heads that are dropped at a time where too much is kept."""


class Heads:
    """What becomes of the heads on the desk, in the store and in the local index of deadlines.

    `hot` is how much (bytes) of what was written stays in memory, `kept` how much does.
    """

    def __init__(self, store: Store, desk: Desk, afterlife: Afterlife, hot: int) -> None:
        self.hot = hot
        self.kept = 0
        self._store = store
        self._desk = desk
        self._afterlife = afterlife
        self._index: dict[bytes, bytes | None] = {}
        self._written: dict[bytes, bytes] = {}

    def read(self, contacts: Collection[bytes]) -> list[Head]:
        """Return contacts' heads as of the last commit, new ones for those that have none."""
        rows: list[bytes | None] = [*map(self._written.get, contacts)]
        others = [head_key(key) for key, row in zip(contacts, rows, strict=True) if row is None]
        if others:
            stored = iter(self._store.get_many(others))
            rows = [next(stored) if row is None else row for row in rows]
        return [head_of(row) if row is not None else Head(version=-1) for row in rows]

    def under(self, prefix: bytes, after: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield heads in key order, changed ones as b"": what goes through them must not depend on commits."""
        fresh, gone = [(head_key(key), b"") for key in self._desk.dirty], self._afterlife.departed
        mine = sorted(row for row in fresh if row[0] > after and row[0].startswith(prefix))
        both = merge(self._store.scan(prefix, after), mine, key=itemgetter(0))
        return (next(rows) for key, rows in groupby(both, key=itemgetter(0)) if key[1:] not in gone)

    def write(self) -> None:
        """Write every head that has changed, and let go of all that is decoded.

        Each at once: it lies in the core's cache then, and to fetch it again is what takes most of the time.
        """
        desk, writes = self._desk, self._desk.pending.writes
        desk.heads.clear()
        while desk.dirty:
            key, head = desk.dirty.popitem()
            if head.deleted is not None and self._is_over(key, head):
                continue
            if head.due != head.indexed:
                self._place(key, head)
            self._forget(key)
            raw = writes[head_key(key)] = self._written[key] = encode(head)
            self.kept += len(raw)

    def committed(self) -> None:
        """All is durable: let go of the rows that nobody wrote for longest, if they are too much."""
        while self.kept > self.hot:
            for key in [*islice(self._written, FORGOTTEN)]:
                self._forget(key)

    def take_index(self) -> dict[bytes, bytes | None]:
        """Return what changes in the local index, and forget it: it is being committed."""
        index, self._index = self._index, {}
        return index

    def see_off(self, key: bytes) -> None:
        """Let a deleted contact go at once if a record has left nothing of it that must lie under its id."""
        desk, head = self._desk, self._desk.heads[key]
        if not is_over(desk.pending, key, head):
            self._afterlife.departed.discard(key)
            return
        changes.tell(desk)
        for row in [row for row in desk.changed_rows if row[0] == key]:
            del desk.changed_rows[row]  # it has left, which is told
        if key in desk.changed_profiles:
            desk.records[CONTACTS].append((key, desk.changed_profiles.pop(key)))
        self._let_go(key, head)
        del desk.dirty[key]

    def _is_over(self, key: bytes, head: Head) -> bool:
        """Whether nothing of a deleted contact is left that must lie under its id; then it is let go."""
        over = is_over(self._desk.pending, key, head)
        if over:
            self._let_go(key, head)
        else:
            self._afterlife.forget(key)
        return over

    def _place(self, key: bytes, head: Head) -> None:
        """Have a contact stand in the index at its next deadline."""
        if head.indexed:
            self._index[index_key(head.indexed, key)] = None
        if head.due:
            self._index[index_key(head.due, key)] = b""
        head.indexed = head.due

    def _forget(self, key: bytes) -> None:
        self.kept -= len(self._written.pop(key, b""))

    def _let_go(self, key: bytes, head: Head) -> None:
        """Put what outlives a contact in the place of its head."""
        desk = self._desk
        self._afterlife.keep(key, head)
        if head.indexed:
            self._index[index_key(head.indexed, key)] = None
        if desk.pending.get(head_key(key)) is not None:
            desk.pending.put(head_key(key), None)
        desk.heads.pop(key, None)
        self._forget(key)
