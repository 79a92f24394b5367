"""The key's file: made once, whole and private; and rows that were made with another one are refused."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from processors.afterlife import KEYED, LETTER, fingerprint
from processors.fold import Fold
from processors.state import MemoryStore
from streams.runtime.hash_key import BYTES, HashKeyError, check, hash_key, key_file, known_key
from streams.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Settings of a data folder that is not there yet."""
    return Settings(data=tmp_path / "data")


def test_the_first_makes_it(settings: Settings) -> None:
    """32 bytes that only their owner may read; the next one reads the same, and nothing else is left in the folder."""
    assert known_key(settings) is None
    key = hash_key(settings)
    assert len(key) == BYTES
    assert stat.S_IMODE(key_file(settings).stat().st_mode) == 0o600
    assert hash_key(settings) == known_key(settings) == key
    assert [path.name for path in settings.data.iterdir()] == ["hash.key"]


def test_all_that_come_at_once_get_one_key(settings: Settings) -> None:
    """Workers that start at one moment on one folder have the same key."""
    with ThreadPoolExecutor(16) as threads:
        keys = set(threads.map(lambda _: hash_key(settings), range(64)))
    assert len(keys) == 1
    assert [path.name for path in settings.data.iterdir()] == ["hash.key"]


def test_a_named_file_must_be_there(settings: Settings, tmp_path: Path) -> None:
    """A mistyped name is no second key; a file that is there is the key as it is."""
    path = tmp_path / "own.key"
    named = Settings.from_env({"ROLLCALL_HASH_KEY_FILE": str(path)}, data=settings.data)
    assert named.environ()["ROLLCALL_HASH_KEY_FILE"] == str(path)
    with pytest.raises(HashKeyError, match=r"ROLLCALL_HASH_KEY_FILE: there is no file .*own\.key"):
        hash_key(named)
    assert known_key(named) is None
    path.write_bytes(b"x" * 40)
    assert hash_key(named) == b"x" * 40
    path.write_bytes(b"short\n")
    with pytest.raises(HashKeyError, match="holds 6 bytes: a hash key has 32 at least"):
        hash_key(named)


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    """What the system says is told with the file's name."""
    (tmp_path / "file").write_text("")
    with pytest.raises(HashKeyError, match=r"hash\.key cannot be read or made: "):
        hash_key(Settings(data=tmp_path / "file"))


def test_rows_of_another_key_are_refused(settings: Settings) -> None:
    """Hashes with the same fingerprint, or none yet, are fine; with another one the text says what to do."""
    key = hash_key(settings)
    store = MemoryStore()
    check(store, 3, key, settings)
    store.write({KEYED: fingerprint(key), LETTER + b"x" * 32: b"x"})
    check(store, 3, key, settings)
    with pytest.raises(HashKeyError, match=r"rows of partition 3 were made with another key .*ROLLCALL_HASH_KEY_FILE"):
        check(store, 3, b"y" * BYTES, settings)


def test_a_lost_key_is_replaced_where_nobody_was_erased(settings: Settings) -> None:
    """A lost data folder stops no one: the rows take the new key's fingerprint with the next commit, and only then."""
    store, key = MemoryStore(), hash_key(settings)
    store.write({KEYED: fingerprint(b"x" * BYTES)})
    check(store, 3, key, settings)
    fold = Fold(store, 0, 1, hash_key=key)
    assert not fold.scanning
    store.write(fold.flush().rows)
    assert store.get(KEYED) == fingerprint(key)
    assert KEYED not in Fold(store, 0, 1, hash_key=key).flush().rows


def test_who_only_reads_needs_it_for_erased_contacts_only(settings: Settings) -> None:
    """Without a key rows can be looked at, as long as none of them is a hash."""
    store = MemoryStore()
    store.write({KEYED: b"x"})
    check(store, 3, None, settings)
    store.write({LETTER + b"x" * 32: b"x"})
    with pytest.raises(HashKeyError, match=r"partition 3 has erased contacts, and there is no .*hash\.key"):
        check(store, 3, None, settings)
