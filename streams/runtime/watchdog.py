"""For how long records have waited while nothing moved: Faust's own detector cannot fire, and its recovery may hang."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any


class Watchdog:
    """Is told now and then whether work waits and where everything stands."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._places: Any = None
        self._moved_at = clock()

    def note(self, *, waiting: bool, places: Any) -> None:
        """Take what was seen; `places` is any value that changes when something moves."""
        if not waiting or places != self._places:
            self._moved_at = self._clock()
        self._places = places

    @property
    def stuck_for(self) -> float:
        """The seconds since something moved or nothing waited; what is not told for long counts as stuck."""
        return self._clock() - self._moved_at
