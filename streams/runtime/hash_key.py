"""The key under which the state keeps what outlives erased contacts: one file, outside Kafka, for all decide workers.

`hash.key` in the data folder is made by whoever comes first. A file that ROLLCALL_HASH_KEY_FILE names must be there: a
mistyped name must not become a second key. Each partition's rows hold a fingerprint of the key that they were made
with, so that another one is noticed before anybody who was erased is taken for a stranger. Where nobody was erased,
another key is as good: a lost data folder stops no one.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from secrets import token_bytes, token_hex

from processors.afterlife import KEYED, LETTER, fingerprint
from processors.state import Store
from streams.settings import Settings

DEFAULT = "hash.key"
BYTES = 32


class HashKeyError(Exception):
    """The key is not there, or is not that of the state; the text says what to do."""


def key_file(settings: Settings) -> Path:
    """Return where the key lies."""
    return settings.hash_key_file or settings.data / DEFAULT


def hash_key(settings: Settings) -> bytes:
    """Return the key of all decide workers; in the data folder the first one makes it. Raises HashKeyError."""
    path = key_file(settings)
    try:
        if settings.hash_key_file is None and not path.exists():
            _make(path)
        key = path.read_bytes()
    except FileNotFoundError:
        raise HashKeyError(
            f"ROLLCALL_HASH_KEY_FILE: there is no file {path}: put there the key that the other workers have, or,"
            f" for the very first, {BYTES} random bytes"
        ) from None
    except OSError as error:
        raise HashKeyError(f"{path} cannot be read or made: {error.strerror}") from None
    if len(key) < BYTES:
        raise HashKeyError(f"{path} holds {len(key)} bytes: a hash key has {BYTES} at least")
    return key


def known_key(settings: Settings) -> bytes | None:
    """Return the key for those who only read, None where there is no file. Raises HashKeyError."""
    return hash_key(settings) if key_file(settings).exists() else None


def _make(path: Path) -> None:
    """Put a new key there, whole from the first moment; of several at once the first one's stays."""
    path.parent.mkdir(parents=True, exist_ok=True)
    own = path.with_name(f"{path.name}.{token_hex(8)}")
    try:
        with open(os.open(own, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:  # noqa: PTH123
            file.write(token_bytes(BYTES))
            file.flush()
            os.fsync(file.fileno())
        with suppress(FileExistsError):
            os.link(own, path)
    finally:
        own.unlink(missing_ok=True)


def check(store: Store, partition: int, key: bytes | None, settings: Settings) -> None:
    """Nobody was erased in a partition, or its rows were made with this key. Raises HashKeyError."""
    made, where = store.get(KEYED), key_file(settings)
    if next(iter(store.scan(LETTER)), None) is None:
        return
    if key is None:
        raise HashKeyError(
            f"partition {partition} has erased contacts, and there is no {where} to know them by: name the decide"
            " workers' own file with ROLLCALL_HASH_KEY_FILE"
        )
    if made is not None and made != fingerprint(key):
        raise HashKeyError(
            f"the rows of partition {partition} were made with another key than that in {where}: put the file of the"
            " former decide workers there, or name it with ROLLCALL_HASH_KEY_FILE (docs/privacy.md)"
        )
