"""When the watchdog bites."""

from __future__ import annotations

from streams.runtime.watchdog import Watchdog


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        """Return the time (s)."""
        return self.at


def told(*seen: tuple[float, bool, int]) -> float:
    """Return how long things are stuck after so many looks (seconds, waiting, place), at the last one."""
    clock = Clock()
    dog = Watchdog(clock)
    for clock.at, waiting, place in seen:
        dog.note(waiting=waiting, places=place)
    return dog.stuck_for


def test_waiting_without_moving() -> None:
    """Work that waits at one place is stuck since the first look at it."""
    assert told((1, True, 5), (50, True, 5), (100, True, 5)) == 99


def test_moving() -> None:
    """What moves is not stuck, however slowly."""
    assert told((1, True, 5), (100, True, 6)) == 0


def test_idle() -> None:
    """Where nothing waits nothing is stuck."""
    assert told((1, True, 5), (100, False, 5)) == 0


def test_silence() -> None:
    """What is not told of at all counts as stuck: a broker that answers nobody."""
    clock = Clock()
    dog = Watchdog(clock)
    clock.at = 130
    assert dog.stuck_for == 130
