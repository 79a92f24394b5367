"""Which facts a partition's folder may hold: a filter in memory that knows 99 of 100 new ones not to be there.

Every message is looked up to see whether it is a repeat, and nearly none is. RocksDB has such filters too, but on disk,
behind a cache that they share with the data: with half a million messages in a partition, its answer takes some 2 µs
of CPU, and longer where the disk is slow. Here it costs 0.3 µs, and 10 to 20 bits of memory for each fact.

What the filter says is not there, is not there. A fact is added when it is written. What lay in the folder when it was
opened is read in slices, in the order of the keys, one with each commit: a key that this has not reached yet may be
there. A filter forgets nothing, so once half of its facts were deleted it should be made anew (`worn`).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice

from rbloom import Bloom

FACTS, BEHIND = b"f", b"g"
"""Facts' keys begin with the one letter; the other is greater than all of them."""
FALSE_POSITIVES = 0.01
"""The share of new facts for which the folder is asked in vain."""
LEAST = 100_000
"""A filter has room for so many facts at the least, which takes 120 KB."""
SLICE = 5_000
"""Keys that are read of the folder at once, which takes 3 ms."""


class FactFilter:
    """A Bloom filter that grows, over the facts of a folder that held about `expected` rows when it was opened."""

    def __init__(self, expected: int) -> None:
        self.read_to = FACTS
        self._blooms: list[Bloom] = []
        self._added = self._room = self._deleted = 0
        self._grow(expected)

    @property
    def complete(self) -> bool:
        """Whether all facts of the folder were read."""
        return self.read_to == BEHIND

    @property
    def worn(self) -> bool:
        """Whether so much was deleted that another filter would be much smaller."""
        return self._deleted > LEAST and self._deleted > self._added / 2

    @property
    def bytes_in_memory(self) -> int:
        """Return the size of the filter."""
        return sum(bloom.size_in_bits for bloom in self._blooms) // 8

    def among(self, keys: Sequence[bytes]) -> set[bytes]:
        """Return those that the folder may hold, whatever is no fact among them."""
        read_to = self.read_to
        unknown = {key for key in keys if not FACTS <= key <= read_to}
        return unknown.union(key for bloom in self._blooms for key in keys if key in bloom)

    def note(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Take in the facts among rows that are written."""
        facts = [key for key in changes if FACTS <= key < BEHIND]
        written = [key for key in facts if changes[key] is not None]
        self._add(written)
        self._deleted += len(facts) - len(written)

    def read_on(self, keys: Iterator[bytes]) -> None:
        """Take in the next slice of the folder's facts: `keys` are those greater than `read_to`, in their order."""
        some = [*islice(keys, SLICE)]
        self._add(some)
        self.read_to = some[-1] if len(some) == SLICE else BEHIND

    def _add(self, keys: Sequence[bytes]) -> None:
        if len(keys) > self._room:
            self._grow(len(keys))
        self._blooms[-1].update(keys)
        self._room -= len(keys)
        self._added += len(keys)

    def _grow(self, expected: int) -> None:
        """Begin one more filter, with as much room as all before it, so that a key is looked for in few."""
        self._room = max(expected, self._added, LEAST)
        self._blooms.append(Bloom(self._room, FALSE_POSITIVES))
