"""Small waits and small processes for the tests of the command line."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from streams.cli.supervise import Child, Launch

LIMIT = 10.0


async def until(condition: Callable[[], bool]) -> None:
    """Wait for a condition, and fail when it does not come."""
    async with asyncio.timeout(LIMIT):
        while not condition():  # noqa: ASYNC110  # it asks other processes
            await asyncio.sleep(0.01)


PAUSE = "be_ready(); signal.pause()"


class Script:
    """A maker of tiny children: each writes its start and end into a file that all share."""

    def __init__(self, folder: Path) -> None:
        self.events = folder / "events"
        self._folder = folder

    def child(self, name: str, then: str = PAUSE, *, rank: int = 0, must_begin: bool = False) -> Child:
        """A child that is ready once it says so; it may use `tell`, `told` and `be_ready`."""
        code = f"""
import os, signal, sys, time
def tell(what):
    with open({str(self.events)!r}, "a") as out: out.write(what + "\\n")
def told():
    return open({str(self.events)!r}).read().splitlines()
def be_ready():
    open({str(self._folder)!r} + f"/{{os.getpid()}}.ready", "w").close()
def leave(*_):
    tell("end {name}"); sys.exit(0)
signal.signal(signal.SIGTERM, leave)
tell("start {name}")
{then}
"""
        launch = Launch(argv=[sys.executable, "-c", code], probe=lambda pid: (self._folder / f"{pid}.ready").exists())
        return Child(name=name, launch=lambda: launch, rank=rank, must_begin=must_begin)

    def told(self) -> list[str]:
        """What was written so far."""
        return self.events.read_text().splitlines() if self.events.exists() else []


@pytest.fixture
def script(tmp_path: Path) -> Script:
    """A maker of children that share one file."""
    return Script(tmp_path)
