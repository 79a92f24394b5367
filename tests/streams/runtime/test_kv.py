"""Rows on disk: what a look costs when there are many."""

from __future__ import annotations

import re
from pathlib import Path

from streams.runtime import kv
from streams.runtime.kv import RocksRows

ROWS = 1_000_000
LOOKS = 500


def test_a_look_reads_a_few_blocks_however_many_rows_there_are(tmp_path: Path) -> None:
    """No filter or index is read as a whole, neither for a row that is there nor for one that is not."""
    rows = RocksRows(tmp_path / "rows")
    for first in range(0, ROWS, 20_000):
        rows.write({_key(number * 7919 % ROWS): b"x" * 40 for number in range(first, first + 20_000)})
    before = _bytes_read()
    for number in range(LOOKS):
        key = _key(number * (ROWS // LOOKS))
        assert rows.get(key) == b"x" * 40
        assert rows.get(key + b"+") is None
    assert _bytes_read() - before < LOOKS * 40_000
    rows.close()


def test_the_buffers_of_all_folders_are_counted_together(tmp_path: Path) -> None:
    """So that a worker's memory does not grow with its partitions."""
    before, folders = kv._BUFFERS.get_usage(), [RocksRows(tmp_path / name) for name in "ab"]
    for rows in folders:
        rows.write({_key(number): b"x" * 1_000 for number in range(4_000)})
    assert kv._BUFFERS.get_usage() - before > 8_000_000
    assert kv._BUFFERS.get_buffer_size() == kv.ALL_BUFFERS_BYTES
    for rows in folders:
        rows.close()


def _key(number: int) -> bytes:
    return b"%012d" % number


def _bytes_read() -> int:
    """What this process has asked the system for, whether or not it lay in memory."""
    found = re.search(r"rchar: (\d+)", Path("/proc/self/io").read_text())
    assert found is not None
    return int(found[1])
