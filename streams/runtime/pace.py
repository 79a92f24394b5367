"""When a worker commits: soon after the first record that waits for it, yet so that commits take a small share of time.

While nothing more waits to be done, a commit is due at once but for a moment in which others may come along. While more
waits, it may take longer: a commit costs the same for few records as for many. How long a commit takes tells how
far apart they must lie; what it may take is bounded by work, since the rows lie in memory until then.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from streams import metrics

SOON, LATE, LATEST = 0.01, 0.15, 1.0
"""Seconds after the first pending record: when nothing more waits; when more waits; and at the latest."""
IDLE_SHARE, BUSY_SHARE = 3, 9
"""So many times as long as a commit takes pass until the next: when nothing more waits, and when more does."""
WORK = 1_000_000
"""Work (processors/budget.py) after which a commit is due in any case: some 20,000 records or deadlines, a second."""
REMEMBERED = 8
"""How long a commit takes is the average of about so many."""


class Pace:
    """Knows since when something is pending, and how long commits take."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._since = self._work = 0.0
        self._ended_at = self._takes = 0.0

    @property
    def pending(self) -> bool:
        """Whether something waits for a commit."""
        return bool(self._since)

    def add(self, work: float = 0) -> None:
        """Something waits for a commit, which took so much work."""
        self._since = self._since or self._clock()
        self._work += work

    def due(self, *, more: bool) -> bool:
        """Whether it is time for a commit; `more` says whether more waits to be done."""
        return self.pending and (self._work >= WORK or self._clock() >= self._at(more=more))

    def left(self) -> float:
        """Return for how many seconds a commit may still wait, while nothing more does."""
        return max(0.0, self._at(more=False) - self._clock())

    def _at(self, *, more: bool) -> float:
        first, share = (LATE, BUSY_SHARE) if more else (SOON, IDLE_SHARE)
        return min(max(self._since + first, self._ended_at + share * self._takes), self._since + LATEST)

    def committed(self, began: float) -> None:
        """Nothing is pending any more, after a commit that began then."""
        self._since = self._work = 0.0
        self._ended_at = self._clock()
        self._note(self._ended_at - began)

    def _note(self, seconds: float) -> None:
        metrics.COMMIT_SECONDS.observe(seconds)
        self._takes += (seconds - self._takes) / REMEMBERED
