"""A wall clock that can be wrong: on the workers' PYTHONPATH; the file CHAOS_CLOCK says by how many seconds.

What the process then reads from time.time is off; monotonic clocks are not, as with a real jump. Beside the file it
leaves a note of what it has seen, which proves that the jump reached the process.
"""

from __future__ import annotations

import os
import time
from contextlib import suppress
from pathlib import Path

LOOK_SECONDS = 0.2


class WrongClock:
    """time.time with an offset that is read anew five times a second."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.note = file.with_suffix(".seen")
        self.offset = 0.0
        self._real = time.time
        self._looked = 0.0

    def time(self) -> float:
        """See time.time."""
        if time.monotonic() - self._looked > LOOK_SECONDS:
            self._looked = time.monotonic()
            self._look()
        return self._real() + self.offset

    def time_ns(self) -> int:
        """See time.time_ns."""
        return int(self.time() * 1e9)

    def _look(self) -> None:
        with suppress(OSError, ValueError):
            found = float(self.file.read_text())
            if found != self.offset:
                self.offset = found
                self.note.write_text(f"{os.getpid()} {found}")


if "CHAOS_CLOCK" in os.environ:
    _clock = WrongClock(Path(os.environ["CHAOS_CLOCK"]))
    time.time, time.time_ns = _clock.time, _clock.time_ns
