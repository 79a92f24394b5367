"""The store's rows in RocksDB: one folder, written in batches by one thread and read by any.

Memory is bounded for all folders of a process together, however many it has: one cache, and one budget for write
buffers. Rows that are written again and again, as contacts are, are only written to disk once for each time that a
buffer fills; with buffers of 8 MB RocksDB merged files for a sixth of decide's work, with these a thirtieth.
"""

from __future__ import annotations

import re
import shutil
import threading
from typing import TYPE_CHECKING

from rocksdict import (
    BlockBasedIndexType,
    BlockBasedOptions,
    Cache,
    DBCompressionType,
    Options,
    Rdict,
    ReadOptions,
    WriteBatch,
    WriteBufferManager,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

CACHE_BYTES = 128 * 1024 * 1024
BUFFER_BYTES = 32 * 1024 * 1024
"""What is written to a folder before it goes to disk, at the most."""
ALL_BUFFERS_BYTES = 256 * 1024 * 1024
"""What is written to all folders; when it is as much, the fullest buffer goes to disk before its time."""
_LEVELS = [DBCompressionType.none(), *[DBCompressionType.lz4()] * 6]
"""How files are compressed; those of level 0 are soon merged into others."""
_CACHE = Cache(CACHE_BYTES)
_BUFFERS = WriteBufferManager(ALL_BUFFERS_BYTES, allow_stall=False)
_DAMAGE = re.compile(r"Corruption|Invalid argument|NotFound|Not found|IO error: No such file")


class FolderInUseError(RuntimeError):
    """Another process has the folder open."""


class RocksRows:
    """Sorted rows on disk. Written without waiting for the disk: what a power cut takes is read from Kafka again."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._db = open_rows(folder)

    def get(self, key: bytes) -> bytes | None:
        """One row's value, or None."""
        value: bytes | None = self._db.get(key)
        return value

    def scan(self, start: bytes, stop: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Rows from `start` up to but without `stop`, in the order of their keys."""
        options = ReadOptions()
        options.set_iterate_upper_bound(stop)
        rows = self._db.iter(options)
        rows.seek(start)
        while rows.valid():
            yield rows.key(), rows.value()
            rows.next()
        rows.status()  # an iterator that broke looks like one that ended

    def write(self, batch: Mapping[bytes, bytes | None]) -> None:
        """All of it or none of it."""
        if not batch:
            return
        self._db.write(batch_of(batch))

    def wipe(self) -> None:
        """Throw everything away. Nobody may be reading."""
        with self._lock:
            self._db.close()
            shutil.rmtree(self.folder)
            self._db = open_rows(self.folder)

    def bytes_on_disk(self) -> int:
        """The size of the tables on disk."""
        return self._db.property_int_value("rocksdb.total-sst-files-size") or 0

    def close(self) -> None:
        """Write what is in memory and let the folder go."""
        with self._lock:
            self._db.close()


def batch_of(*parts: Mapping[bytes, bytes | None]) -> WriteBatch:
    """Give one batch of writes, None deleting a key."""
    batch = WriteBatch(raw_mode=True)
    for rows in parts:
        for key, value in rows.items():
            if value is None:
                batch.delete(key)
            else:
                batch.put(key, value)
    return batch


def open_rows(folder: Path) -> Rdict:
    """Open a folder of rows, or make it; one that is damaged begins again, as all can be read anew.

    Raises FolderInUseError.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        return Rdict(str(folder), options=_options())
    except Exception as error:
        if _DAMAGE.match(str(error)):
            # all it holds can be read again
            shutil.rmtree(folder)
            folder.mkdir(parents=True)
            return Rdict(str(folder), options=_options())
        if "LOCK" in str(error):
            raise FolderInUseError(f"{folder} is open elsewhere: one process at a time may have it") from error
        raise


def _options() -> Options:
    """Give what bounds the memory: all that is read goes through the cache, a file's filter and index in small parts.

    A whole filter (a megabyte for a million rows) has no room in one of the cache's shards, and would be read anew by
    every get.
    """
    tables = BlockBasedOptions()
    tables.set_block_cache(_CACHE)
    tables.set_bloom_filter(10, block_based=False)
    tables.set_cache_index_and_filter_blocks(v=True)
    tables.set_index_type(BlockBasedIndexType.two_level_index_search())
    tables.set_partition_filters(size=True)
    tables.set_pin_top_level_index_and_filter(v=True)
    options = Options(raw_mode=True)
    options.create_if_missing(create_if_missing=True)
    options.set_write_buffer_size(BUFFER_BYTES)
    options.set_write_buffer_manager(_BUFFERS)
    options.set_compression_per_level(_LEVELS)
    # most rows that are asked for are not there: a message's place before it came
    options.set_memtable_whole_key_filtering(True)
    options.set_memtable_prefix_bloom_ratio(0.05)
    options.set_allow_concurrent_memtable_write(False)  # one thread writes
    options.set_block_based_table_factory(tables)
    options.set_keep_log_file_num(2)
    options.set_max_open_files(256)
    return options
