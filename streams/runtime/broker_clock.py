"""The broker's clock as a worker knows it: append times seen, carried on by the machine's monotonic clock.

It only says when to ask for the time (with a tick); what fires is decided by the tick's own append time. So a wrong
wall clock of a worker, or one that jumps, changes nothing.
"""

from __future__ import annotations

import time
from typing import Any


class BrokerClock:
    """An estimate of the broker's time in epoch milliseconds, never ahead of it by more than the clocks drift."""

    def __init__(self) -> None:
        self._ahead: float | None = None

    def observe(self, records: list[Any]) -> None:
        """Take the append time of the newest of some records."""
        self.note(records[-1].timestamp)

    def note(self, append_time: int) -> None:
        """An append time lies in the past, so the largest difference is the best."""
        ahead = append_time - time.monotonic() * 1000
        if self._ahead is None or ahead > self._ahead:
            self._ahead = ahead

    def correct(self, append_time: int) -> None:
        """Take the append time that was just given: the broker's clock may have been set back."""
        self._ahead = append_time - time.monotonic() * 1000

    def now(self) -> int:
        """Return the broker's time, 0 while no record was seen."""
        return 0 if self._ahead is None else int(self._ahead + time.monotonic() * 1000)
