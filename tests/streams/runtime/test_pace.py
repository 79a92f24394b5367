"""When a commit is due."""

from __future__ import annotations

import pytest

from streams.runtime.pace import BUSY_SHARE, IDLE_SHARE, LATE, LATEST, SOON, WORK, Pace


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        """Return the time (s)."""
        return self.at


def due(takes: float, *, more: bool) -> float:
    """Return how long after the last commit one is due, where commits take so long and something is pending at once."""
    clock = Clock()
    pace = Pace(clock)
    for _ in range(100):
        clock.at += takes
        pace.add()
        pace.committed(clock.at - takes)
    ended = clock.at
    pace.add()
    while not pace.due(more=more):
        clock.at += 0.001
    return clock.at - ended


@pytest.mark.parametrize(
    ("takes", "more", "seconds"),
    [
        (0.0, False, SOON),
        (0.0, True, LATE),
        (0.05, False, 0.05 * IDLE_SHARE),
        (0.05, True, 0.05 * BUSY_SHARE),
        (5.0, False, LATEST),
        (5.0, True, LATEST),
    ],
)
def test_slow_commits_come_less_often(takes: float, more: bool, seconds: float) -> None:  # noqa: FBT001
    """Soon where nothing more waits, later where more does, and by how long commits take; a second at the most."""
    assert due(takes, more=more) == pytest.approx(seconds, abs=0.002)


def test_nothing_is_due_where_nothing_is_pending() -> None:
    """However late it is."""
    clock = Clock()
    pace = Pace(clock)
    clock.at += 1000
    assert not pace.pending
    assert not pace.due(more=False)


def test_much_work_is_committed_at_once() -> None:
    """The rows of a commit lie in memory."""
    pace = Pace(Clock())
    pace.add(WORK - 1)
    assert not pace.due(more=True)
    pace.add(1)
    assert pace.due(more=True)


def test_one_slow_commit_is_no_reason_to_wait() -> None:
    """Only many in a row are; and some quick ones after them let the next come soon again."""
    clock = Clock()
    pace = Pace(clock)
    for seconds, count, less in ((0.3, 1, 0.3 / 4), (0.001, 30, 0.02)):
        for _ in range(count):
            pace.committed(clock.at - seconds)
        assert pace._takes < less
