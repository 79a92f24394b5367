"""What this system keeps is its user's alone: guests' names and phones lie in its folders, and tokens in a file."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from stat import S_IMODE

OTHERS = 0o077
"""The rights of the group and of everybody else."""


def keep_private() -> None:
    """Have this process, and those that it starts, make folders as 700 and files as 600."""
    os.umask(OTHERS)


def private(folder: Path) -> Path:
    """Return a folder that only its owner can enter; it is made where it is missing.

    What somebody else owns (a mounted volume) keeps its rights: who gave it to this process decided on them.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    if is_open(folder):
        with suppress(PermissionError):
            folder.chmod(0o700)
    return folder


def is_open(path: Path) -> bool:
    """Tell whether anybody but its owner may do anything with a file or folder. Raises OSError."""
    return bool(S_IMODE(path.stat().st_mode) & OTHERS)
