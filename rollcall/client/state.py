"""Where a reader's checkpoint lies when it is not stored together with what was made of it."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Protocol


class ReaderState(Protocol):
    """A place for a checkpoint. `save` returns once it is durable, and replaces the former one as a whole."""

    def load(self) -> bytes | None:
        """The checkpoint saved last; None if there is none."""
        ...

    def save(self, checkpoint: bytes) -> None:
        """Replace the checkpoint."""
        ...


class FileState:
    """A checkpoint in a file of its own, replaced as a whole: at least once, since the effect lies elsewhere."""

    def __init__(self, path: Path | str) -> None:
        self._path = Path(path)

    def load(self) -> bytes | None:
        """The checkpoint saved last; None if there is no file."""
        try:
            return self._path.read_bytes()
        except FileNotFoundError:
            return None

    def save(self, checkpoint: bytes) -> None:
        """Write beside it, then rename: a kill at any moment leaves the old checkpoint or the new one."""
        beside = self._path.with_name(self._path.name + ".new")
        with beside.open("wb") as file:
            file.write(checkpoint)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(self._path)
        sync_folder(self._path.parent)


def sync_folder(folder: Path) -> None:
    """Make a new name durable; not every system can."""
    with contextlib.suppress(OSError):
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)
