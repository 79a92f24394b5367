"""One partition's rows in RocksDB: what was committed, and up to which offset of the changelog.

RocksDB follows the commit: rows and changelog position go in one batch after the transaction, so the folder never
holds what was not committed. It keeps no log of its own: what a kill takes is read again from the changelog, from the
position that the files on disk stand for. A folder that belongs to another log, lies beyond it, begins before it, or
has been away for longer than tombstones are kept, is wiped and built again.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct
from rocksdict import RdictIter, ReadOptions, WriteOptions

from streams.runtime.fact_filter import FACTS, FactFilter
from streams.runtime.kv import batch_of, open_rows

TOMBSTONE_SECONDS = 6 * 86_400
"""A folder older than this may have missed deletions: topics keep tombstones for 7 days."""

_MARK = b"\0mark"

_WITHOUT_LOG = WriteOptions()
_WITHOUT_LOG.disable_wal = True  # type: ignore[method-assign,assignment]  # a property, whatever its stub says


class Mark(Struct, frozen=True):
    """Which changelog a folder follows and how far: `offset` is the next to read, `written` epoch seconds."""

    log: str
    offset: int
    written: float


class PartitionStore:
    """The Store of one partition's fold."""

    def __init__(self, folder: Path, log: str) -> None:
        self.folder = folder
        self.log = log
        self._open()
        self.offset = self._trusted_offset()

    def _open(self) -> None:
        self._db = open_rows(self.folder)
        self._know_facts_anew()

    def get(self, key: bytes) -> bytes | None:
        """See processors.state.Store."""
        value: bytes | None = self._db.get(key)
        return value

    def get_many(self, keys: Sequence[bytes]) -> list[bytes | None]:
        """See processors.state.Store; for facts that are not there the disk is not asked."""
        sought: list[Any] = [*self._facts.among(keys)]
        rows: Any = self._db.get(sought) if sought else ()
        found: dict[bytes, bytes | None] = dict(zip(sought, rows, strict=True))
        return [found.get(key) for key in keys]

    def scan(self, prefix: bytes, after: bytes = b"") -> Iterator[tuple[bytes, bytes]]:
        """See processors.state.Store."""
        return ((row.key(), row.value()) for row in self._walk(prefix, after))

    def _walk(self, prefix: bytes, after: bytes) -> Iterator[RdictIter]:
        """Stand at one row after the other."""
        options = ReadOptions()
        options.set_iterate_upper_bound(_beyond(prefix))
        rows = self._db.iter(options)
        rows.seek(after + b"\0" if after else prefix)
        while rows.valid():
            yield rows
            rows.next()
        rows.status()  # an iterator that broke looks like one that ended

    def write(self, changes: Mapping[bytes, bytes | None], index: Mapping[bytes, bytes | None], offset: int) -> None:
        """Write a commit's rows, the local index's, and the changelog offset that they stand for."""
        mark = {_MARK: msgspec.json.encode(Mark(self.log, offset, time.time()))}
        self._db.write(batch_of(changes, index, mark), _WITHOUT_LOG)
        self.offset = offset
        self._facts.note(changes)
        if self._facts.worn:
            self._know_facts_anew()
        elif not self._facts.complete:
            self._read_on()

    def _know_facts_anew(self) -> None:
        self._facts = FactFilter(self._db.property_int_value("rocksdb.estimate-num-keys") or 0)
        self._read_on()

    def _read_on(self) -> None:
        """Let the filter read the next slice; no iterator stays open in between, which would keep old files."""
        self._facts.read_on(row.key() for row in self._walk(FACTS, self._facts.read_to))

    def wipe(self) -> None:
        """Begin again with an empty folder."""
        self._db.close()
        shutil.rmtree(self.folder)
        self._open()
        self.offset = 0

    def bytes_on_disk(self) -> int:
        """Return the size of the tables on disk."""
        return self._db.property_int_value("rocksdb.total-sst-files-size") or 0

    def close(self) -> None:
        """Let the folder go."""
        self._db.close()

    def _trusted_offset(self) -> int:
        raw = self._db.get(_MARK)
        mark = msgspec.json.decode(raw, type=Mark) if raw is not None else None
        if mark is not None and mark.log == self.log and time.time() - mark.written < TOMBSTONE_SECONDS:
            return mark.offset
        if mark is not None:
            self.wipe()
        return 0


def _beyond(prefix: bytes) -> bytes:
    """Return the smallest key that is greater than every key with the prefix."""
    stem = prefix.rstrip(b"\xff")
    return stem[:-1] + bytes([stem[-1] + 1]) if stem else b"\xff" * 64
