"""One partition's rows on disk: what is trusted, what is wiped, and that a commit is written at once."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from processors.state import MemoryStore
from streams.runtime.kv import FolderInUseError
from streams.runtime.partition_store import TOMBSTONE_SECONDS, PartitionStore

LOG = "cluster/rollcall.decide-changelog/0"


def opened(folder: Path, log: str = LOG) -> PartitionStore:
    """Open a folder."""
    return PartitionStore(folder, log)


def filled(folder: Path) -> None:
    """A folder with one row that stands at offset 7."""
    store = opened(folder)
    store.write({b"a": b"1"}, {}, 7)
    store.close()


def test_rows_and_place_stay(tmp_path: Path) -> None:
    """What was written is there again, with the offset that it stands for."""
    filled(tmp_path)
    store = opened(tmp_path)
    assert (store.get(b"a"), store.offset) == (b"1", 7)
    store.close()


@pytest.mark.parametrize("other", ["cluster/rollcall.decide-changelog/1", "another/rollcall.decide-changelog/0"])
def test_foreign_folder_is_wiped(tmp_path: Path, other: str) -> None:
    """A folder of another partition, or of another cluster, is begun again."""
    filled(tmp_path)
    store = opened(tmp_path, other)
    assert (store.get(b"a"), store.offset) == (None, 0)
    store.close()


def test_old_folder_is_wiped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder that was away for so long that deletions may be forgotten is begun again; a younger one is not."""
    filled(tmp_path)
    at = time.time()
    monkeypatch.setattr(time, "time", lambda: at + TOMBSTONE_SECONDS - 60)
    store = opened(tmp_path)
    assert store.offset == 7
    store.close()
    monkeypatch.setattr(time, "time", lambda: at + TOMBSTONE_SECONDS + 60)
    store = opened(tmp_path)
    assert (store.get(b"a"), store.offset) == (None, 0)
    store.close()


def test_corrupt_folder_is_wiped(tmp_path: Path) -> None:
    """A folder whose files are broken is begun again instead of ending every start."""
    filled(tmp_path)
    (tmp_path / "CURRENT").write_text("nonsense\n")
    store = opened(tmp_path)
    assert (store.get(b"a"), store.offset) == (None, 0)
    store.close()


def test_taken_folder_is_left_alone(tmp_path: Path) -> None:
    """A folder that another owner still holds is not wiped: opening it fails."""
    first = opened(tmp_path)
    first.write({b"a": b"1"}, {}, 1)
    with pytest.raises(FolderInUseError, match="open elsewhere"):
        opened(tmp_path)
    assert first.get(b"a") == b"1"
    first.close()


def test_scans_like_the_dict(tmp_path: Path) -> None:
    """Scans by prefix and from a key on, gets and deletions agree with the store in a dict."""
    rows: dict[bytes, bytes | None] = {bytes([97 + i % 3, i, 255]): bytes([i]) for i in range(60)}
    rows |= {b"a": b"", b"\xff\xff": b"x", b"\xff": b"y"}
    disk, memory = opened(tmp_path), MemoryStore()
    for changes in (rows, dict.fromkeys(list(rows)[::4])):
        disk.write(changes, {}, 1)
        memory.write(changes)
    for prefix in (b"a", b"b", b"c", b"a\x03", b"zz", b"\xff"):
        for after in (b"", b"a\x0c\xff", b"b\x01", b"\xff"):
            if not after or after.startswith(prefix):
                assert list(disk.scan(prefix, after)) == list(memory.scan(prefix, after)), (prefix, after)
    keys = list(rows)
    assert disk.get_many(keys) == memory.get_many(keys)
    disk.close()


def test_wipe_begins_again(tmp_path: Path) -> None:
    """After a wipe nothing is left and writing goes on."""
    store = opened(tmp_path)
    store.write({b"a": b"1"}, {b"i": b""}, 5)
    store.wipe()
    assert (store.get(b"a"), store.get(b"i"), store.offset) == (None, None, 0)
    store.write({b"b": b"2"}, {}, 3)
    assert store.bytes_on_disk() >= 0
    store.close()
