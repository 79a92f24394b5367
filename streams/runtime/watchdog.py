"""For how long records have waited while nothing moved: Faust's own detector cannot fire, and its recovery may hang.

Each partition is watched by itself: one that stands still must be noticed though all others go on.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable, Mapping
from typing import Any, NamedTuple


class Seen(NamedTuple):
    """What is seen of a place: whether work waits there, and any value that changes when something moves."""

    waiting: bool
    at: Any


class Progress:
    """How long work has waited in one place: since something last got on, or since it came where nothing waited."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self.at = clock()

    def made(self) -> None:
        """Something got on."""
        self.at = self._clock()

    def work_comes(self, *, busy: bool) -> None:
        """Work comes to where other work waits already (`busy`), or to where there was none: then waiting begins."""
        if not busy:
            self.made()

    def waited(self, *, busy: bool) -> float:
        """Return for how long (s) work has waited; where none is, nothing waits."""
        return self._clock() - self.at if busy else 0.0


class Watchdog:
    """Is told now and then of every place where work may wait."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._told_at = clock()
        self._places: dict[Hashable, tuple[Seen, float]] = {}

    def note(self, seen: Mapping[Hashable, Seen]) -> None:
        """Take what was seen of all places; those that are not named are no more."""
        now = self._told_at = self._clock()
        self._places = {place: (one, self._moved_at(place, one, now)) for place, one in seen.items()}

    def _moved_at(self, place: Hashable, one: Seen, now: float) -> float:
        """Waiting counts from the first look that saw work: looks may lie far apart on a slow machine."""
        before, moved_at = self._places.get(place, (one, now))
        return moved_at if one.waiting and one == before else now

    @property
    def stuck_for(self) -> float:
        """The longest time (s) for which work has waited at a place; what is not told for long counts as stuck."""
        return self._clock() - min([self._told_at, *(moved_at for _, moved_at in self._places.values())])
