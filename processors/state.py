"""What a fold may ask of its partition's state, and the writes that it has not committed yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol


class Store(Protocol):
    """Ordered bytes by key, as of the last commit."""

    def get(self, key: bytes) -> bytes | None:
        """Return the value of a key."""
        ...

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the values of many keys, in their order."""
        ...

    def scan(self, prefix: bytes, after: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Yield the rows whose key begins with the prefix and is greater than `after`, in key order."""
        ...


class MemoryStore:
    """A Store in a dict, for tests and models."""

    def __init__(self) -> None:
        self.rows: dict[bytes, bytes] = {}

    def get(self, key: bytes) -> bytes | None:
        """See Store."""
        return self.rows.get(key)

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """See Store."""
        return [self.rows.get(key) for key in keys]

    def scan(self, prefix: bytes, after: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """See Store."""
        for key in sorted(self.rows):
            if key.startswith(prefix) and key > after:
                yield key, self.rows[key]

    def write(self, changes: dict[bytes, bytes | None]) -> None:
        """Apply a commit."""
        for key, value in changes.items():
            if value is None:
                self.rows.pop(key, None)
            else:
                self.rows[key] = value


class Pending:
    """A Store with the writes since the last commit laid over it."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.writes: dict[bytes, bytes | None] = {}
        self._under: dict[bytes, list[bytes]] = {}

    def get(self, key: bytes) -> bytes | None:
        """Return the newest value, committed or not."""
        if key in self.writes:
            return self.writes[key]
        return self.store.get(key)

    def put(self, key: bytes, value: bytes | None, under: bytes = b"") -> None:
        """Write a value, or None to delete the key; `under` is the prefix by which a scan will look for it."""
        self.writes[key] = value
        if under:
            self._under.setdefault(under, []).append(key)

    def scan(self, prefix: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the newest rows under a prefix that was named to `put`: committed ones, then those only pending."""
        for key, value in self.store.scan(prefix):
            if key not in self.writes:
                yield key, value
        for key in dict.fromkeys(self._under.get(prefix, ())):
            fresh = self.writes[key]
            if fresh is not None:
                yield key, fresh

    def take(self) -> dict[bytes, bytes | None]:
        """Return the writes and forget them: they are being committed."""
        writes, self.writes, self._under = self.writes, {}, {}
        return writes
