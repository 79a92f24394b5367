"""What the store needs of a database: sorted bytes, read by range and written in one batch; and one in memory."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

Batch = dict[bytes, bytes | None]
"""What to write: a value, or None to delete the row."""


class Rows(Protocol):
    """Sorted rows of bytes."""

    def get(self, key: bytes) -> bytes | None:
        """One row's value, or None."""
        ...

    def scan(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Rows from `start` up to but without `stop`, in the order of their keys."""
        ...

    def write(self, batch: Mapping[bytes, bytes | None]) -> None:
        """All of it or none of it."""
        ...


class Memory:
    """Rows in a dict: the same laws are run over it and over RocksDB."""

    def __init__(self) -> None:
        self.rows: dict[bytes, bytes] = {}

    def get(self, key: bytes) -> bytes | None:
        """One row's value, or None."""
        return self.rows.get(key)

    def scan(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Rows from `start` up to but without `stop`, in the order of their keys."""
        keys = sorted(self.rows)
        for at in range(bisect_left(keys, start), bisect_left(keys, stop)):
            yield keys[at], self.rows[keys[at]]

    def write(self, batch: Mapping[bytes, bytes | None]) -> None:
        """All of it or none of it."""
        for key, value in batch.items():
            if value is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = value
