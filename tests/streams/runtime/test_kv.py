"""Rows on disk: what a look costs when there are many."""

from __future__ import annotations

import re
from pathlib import Path

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


def _key(number: int) -> bytes:
    return b"%012d" % number


def _bytes_read() -> int:
    """What this process has asked the system for, whether or not it lay in memory."""
    found = re.search(r"rchar: (\d+)", Path("/proc/self/io").read_text())
    assert found is not None
    return int(found[1])
