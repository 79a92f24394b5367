"""The deadlines of one partition: the next in a heap, the rest in the store's index, in the order of their moments.

Memory is bounded: the heap takes the deadlines of the next 15 minutes, but no more than `MOST` at a time, of one
millisecond as of many. `reached` is the last place in the index, of moment and contact, up to which the heap has
everything. What a commit has made durable lies in the index too, so that the heap may be cut back after it.
"""

from __future__ import annotations

from collections.abc import Mapping
from heapq import heapify, heappop, heappush

from processors.rows import Head
from processors.state import Store

HORIZON = 15 * 60 * 1000
"""Deadlines due within this (ms) are held in memory; the rest wait in the index."""

MOST = 20_000
"""Deadlines that are taken out of the index at once."""


class Deadlines:
    """The heap over the index."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.heap: list[tuple[int, bytes]] = []
        self.reached = (0, b"")

    @property
    def wake(self) -> int:
        """The next moment (epoch ms) at which one is due, or more must be taken out of the index."""
        return min(self.heap[0][0], self.reached[0]) if self.heap else self.reached[0]

    @property
    def next_due(self) -> int:
        """The next in the heap (epoch ms), or 0."""
        return self.heap[0][0] if self.heap else 0

    def put(self, due: int, contact: bytes) -> None:
        """Have a contact looked at when `due` comes; the commit writes it into the index."""
        if (due, contact) <= self.reached:
            heappush(self.heap, (due, contact))

    def pop(self, now: int) -> tuple[int, bytes] | None:
        """Take the next that is due out of the heap; None if there is none in it."""
        return heappop(self.heap) if self.heap and self.heap[0][0] <= now else None

    def load(self, now: int, heads: Mapping[bytes, Head]) -> None:
        """Take the next stretch out of the index; `heads`, which may not be written yet, know better than it."""
        before = self.reached
        self.reached = (max(now, before[0]) + HORIZON, b"")
        taken = 0
        for key, _ in self._store.scan(b"i", index_key(*before)):
            entry = int.from_bytes(key[1:9], "big"), key[9:]
            if entry > self.reached:
                break
            if entry[1] not in heads:
                self.heap.append(entry)
                taken += 1
            if taken == MOST:
                self.reached = entry
                break
        fresh = ((head.due, contact) for contact, head in heads.items())
        self.heap += [entry for entry in fresh if before < entry <= self.reached]
        heapify(self.heap)

    def trim(self) -> None:
        """Cut the heap back: after a commit the index has all of it, and what is outdated is not missed."""
        if len(self.heap) > 2 * MOST:
            self.heap = sorted(set(self.heap))[:MOST]
            self.reached = self.heap[-1]


def index_key(due: int, contact: bytes) -> bytes:
    """Return the key of a deadline in the local index."""
    return b"i" + due.to_bytes(8, "big") + contact
