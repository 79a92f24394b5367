"""Items and checkpoint in one append-only file: exactly once without a database.

The file is JSON lines. A batch is its items, a line each as `[item]`, and then one line that seals it:
`{"checkpoint": …, "crc": …}`. What no seal follows is not there: a kill in the midst of a write leaves a tail that the
next opening cuts off, and the reader tells those items once more.
"""

from __future__ import annotations

import contextlib
import os
import sys
import zlib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, Self

import msgspec

from rollcall.client.errors import ClientError
from rollcall.client.state import sync_folder
from rollcall.client.told import Told


class _Seal(msgspec.Struct, forbid_unknown_fields=True):
    checkpoint: msgspec.Raw
    crc: int


_SEAL = msgspec.json.Decoder(_Seal)


class Journal:
    """Opened by one process at a time. A batch is appended as a whole, and is durable when `append` returns.

    A context manager. Raises ClientError when another process has it open, or when an append failed before: then open
    it again, and the reader from its checkpoint.
    """

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)
        self._file: Any = None

    def __enter__(self) -> Self:
        self._file = self._path.open("a+b", buffering=0)
        try:
            _lock(self._file, self._path)
            end, self._checkpoint = _sealed(self._file)
            self._file.truncate(end)
            os.fsync(self._file.fileno())
            sync_folder(self._path.parent)
        except BaseException:
            self._file.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    @property
    def checkpoint(self) -> bytes | None:
        """The checkpoint of the last sealed batch, to open a reader from; None while there is none."""
        return self._checkpoint

    def append(self, told: Sequence[Told], checkpoint: bytes) -> None:
        """Append what was told, and the checkpoint after it."""
        if self._file.closed:
            raise ClientError(f"{self._path} is closed: open the journal again, and the reader from its checkpoint")
        body = b"".join(b"[" + msgspec.json.encode(one) + b"]\n" for one in told)
        seal = _Seal(msgspec.Raw(checkpoint), zlib.crc32(body + checkpoint))
        try:
            _write(self._file, body + msgspec.json.encode(seal) + b"\n")
            os.fsync(self._file.fileno())
        except BaseException:
            # half a batch may be in the file: nothing may follow it
            self._file.close()
            raise
        self._checkpoint = checkpoint

    @staticmethod
    def read(path: Path | str) -> Iterator[dict[str, Any]]:
        """Every item that is sealed, in order, as JSON objects; also while another process appends."""
        with Path(path).open("rb") as file:
            for lines, _ in _batches(file):
                yield from (msgspec.json.decode(line)[0] for line in lines)


def _write(file: Any, data: bytes) -> None:
    """All of it: an unbuffered file may take a part, for example when the disk is full."""
    view = memoryview(data)
    while view:
        view = view[file.write(view) :]


def _sealed(file: Any) -> tuple[int, bytes | None]:
    """Where the last sealed batch ends, and its checkpoint."""
    end, checkpoint = 0, None
    file.seek(0)
    for lines, seal in _batches(file):
        end += sum(map(len, lines)) + len(seal)
        checkpoint = bytes(_SEAL.decode(seal).checkpoint)
    return end, checkpoint


def _batches(file: Any) -> Iterator[tuple[list[bytes], bytes]]:
    """The sealed batches: their lines, and the line that seals them; ends at the first that is not whole."""
    lines: list[bytes] = []
    for line in file:
        if line.startswith(b"["):
            lines.append(line)
        elif _seals(line, b"".join(lines)):
            yield lines, line
            lines = []
        else:
            return


def _seals(line: bytes, body: bytes) -> bool:
    if not line.endswith(b"\n"):
        return False
    with contextlib.suppress(msgspec.DecodeError, UnicodeDecodeError):
        seal = _SEAL.decode(line)
        return zlib.crc32(body + bytes(seal.checkpoint)) == seal.crc
    return False


if sys.platform == "win32":

    def _lock(_file: Any, _path: Path) -> None:
        """Windows has no flock: see that only one process opens the journal."""

else:
    import fcntl

    def _lock(file: Any, path: Path) -> None:
        """Keep others out; the system lets go of the lock when the process ends, however it ends."""
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise ClientError(f"{path} is open in another process: one reader a journal") from None
