"""The logs of kept processes: each goes on from run to run, and has a bound."""

from __future__ import annotations

import asyncio
import os
import shutil
from contextlib import suppress
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

LIMIT = 16 * 1024 * 1024


def appended(log: Path) -> IO[bytes]:
    """Open a log that goes on from the last run."""
    log.parent.mkdir(parents=True, exist_ok=True)
    rotate(log)
    return log.open("ab")


async def bound(log: Path, every: float) -> None:
    """Keep a log within its limit for as long as somebody writes to it."""
    while True:
        await asyncio.to_thread(rotate, log)
        await asyncio.sleep(every)


def rotate(log: Path) -> None:
    """Empty a log that is too large, and keep what it held beside it in place of what was kept before.

    Its writers have it open for appending, so that they go on at its new end. What they write meanwhile may be lost.
    """
    with suppress(FileNotFoundError):
        if log.stat().st_size <= LIMIT:
            return
        with suppress(OSError):  # on a full disk nothing is kept
            shutil.copyfile(log, log.with_suffix(".log.1"))
        os.truncate(log, 0)


def last_lines(log: Path, count: int = 8) -> list[str]:
    """Read the end of a log, for someone who is told that a process failed."""
    with suppress(OSError), log.open("rb") as file:
        file.seek(max(log.stat().st_size - 8192, 0))
        lines = file.read().decode(errors="replace").splitlines()
        return [line for line in lines if line.strip()][-count:]
    return []
