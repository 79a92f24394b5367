"""The sweep: once a day, messages beyond the retention are dropped, some with every tick."""

from __future__ import annotations

from typing import TYPE_CHECKING

from processors.rows import Sweep, contact_of, encode, is_message, message_of, sweep_of
from processors.windows import DAY

if TYPE_CHECKING:
    from processors.desk import Desk
    from processors.jobs import Jobs
    from processors.state import Store

SWEPT = 2_000
"""Facts that one tick looks through."""
ROW = b"w"


class Sweeper:
    """One partition's sweep."""

    def __init__(self, store: Store, desk: Desk, jobs: Jobs) -> None:
        self._store = store
        self._desk = desk
        self._jobs = jobs
        row = store.get(ROW)
        self._sweep = sweep_of(row) if row else Sweep()

    @property
    def under_way(self) -> bool:
        """Whether it is to go on."""
        return bool(self._sweep.cursor)

    def begin(self) -> None:
        """Begin, if that is due: the first time it only finds out when."""
        if self._desk.now >= self._sweep.due and not self._sweep.cursor:
            self._sweep = Sweep(self._desk.now + DAY, b"f" if self._sweep.due else b"")
            self._desk.pending.put(ROW, encode(self._sweep))

    def _is_wanted(self, key: bytes) -> bool:
        """Whether a message has just been written, or may be looked at as of an earlier moment than now."""
        return key in self._desk.pending.writes or contact_of(key) in self._jobs.of

    def go_on(self) -> None:
        """Look through the next facts."""
        desk, sweep, seen = self._desk, self._sweep, 0
        if not sweep.cursor:
            return
        for key, value in self._store.scan(b"f", sweep.cursor):
            sweep.cursor, seen = key, seen + 1
            if is_message(key) and not self._is_wanted(key) and message_of(value).time < desk.oldest:
                desk.pending.put(key, None)
                desk.counts["forgotten"] += 1
            if seen >= SWEPT:
                break
        else:
            sweep.cursor = b""
        desk.pending.put(ROW, encode(sweep))
