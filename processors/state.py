"""What a fold may ask of its partition's state, and the writes that it has not committed yet."""

from __future__ import annotations

from bisect import bisect_right, insort
from collections.abc import Iterator, Mapping, Sequence
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
        self._keys: list[bytes] | None = None

    def get(self, key: bytes) -> bytes | None:
        """See Store."""
        return self.rows.get(key)

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """See Store."""
        return [self.rows.get(key) for key in keys]

    def scan(self, prefix: bytes, after: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """See Store."""
        if self._keys is None:
            self._keys = sorted(self.rows)
        keys = self._keys
        at = bisect_right(keys, max(after, prefix))
        at -= at > 0 and (not after or after < prefix) and keys[at - 1] == prefix
        while at < len(keys) and keys[at].startswith(prefix):
            yield keys[at], self.rows[keys[at]]
            at += 1

    def write(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Apply a commit."""
        self._keys = None
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
        self._unsorted: list[tuple[bytes, bytes]] = []

    def get(self, key: bytes) -> bytes | None:
        """Return the newest value, committed or not."""
        if key in self.writes:
            return self.writes[key]
        return self.store.get(key)

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """Return the newest values of many keys, in their order."""
        unread = [key for key in keys if key not in self.writes]
        read = dict(zip(unread, self.store.get_many(unread), strict=True))
        return [self.writes[key] if key in self.writes else read[key] for key in keys]

    def put(self, key: bytes, value: bytes | None, under: bytes = b"") -> None:
        """Write a value, or None to delete the key; `under` is the prefix by which a scan will look for it."""
        if under and key not in self.writes:
            self._unsorted.append((under, key))  # most are never scanned for before the commit
        self.writes[key] = value

    def scan(self, prefix: bytes, after: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """Yield the newest rows under a prefix that was named to `put`, in key order, committed or not, after a key."""
        fresh, writes = self._fresh(prefix, after), self.writes
        if not fresh:
            yield from self.store.scan(prefix, after)
            return
        fresh.reverse()
        for key, value in self.store.scan(prefix, after):
            yield from _written(fresh, key, writes)
            if key not in writes:
                yield key, value
        yield from _written(fresh, None, writes)

    def _fresh(self, prefix: bytes, after: bytes) -> list[bytes]:
        """Return the keys after one that were written under a prefix, in their order."""
        while self._unsorted:
            under, key = self._unsorted.pop()
            insort(self._under.setdefault(under, []), key)
        keys = self._under.get(prefix, [])
        return keys[bisect_right(keys, after) :]

    def take(self) -> dict[bytes, bytes | None]:
        """Return the writes and forget them: they are being committed."""
        writes, self.writes, self._under, self._unsorted = self.writes, {}, {}, []
        return writes


def _written(
    fresh: list[bytes], until: bytes | None, writes: Mapping[bytes, bytes | None]
) -> Iterator[tuple[bytes, bytes]]:
    """Take the keys up to one, or all, from the end of a list, and yield those that are not deleted."""
    while fresh and (until is None or fresh[-1] <= until):
        key = fresh.pop()
        value = writes[key]
        if value is not None:
            yield key, value
