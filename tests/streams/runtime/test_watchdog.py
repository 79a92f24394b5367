"""When the watchdog bites."""

from __future__ import annotations

from streams.runtime.watchdog import Seen, Watchdog


class Clock:
    """A clock that is set by hand."""

    def __init__(self) -> None:
        self.at = 0.0

    def __call__(self) -> float:
        """Return the time (s)."""
        return self.at


def told(*seen: tuple[float, bool, int]) -> float:
    """Return how long a place is stuck after so many looks (seconds, waiting, at), beside one that always moves."""
    clock = Clock()
    dog = Watchdog(clock)
    for clock.at, waiting, at in seen:
        dog.note({"here": Seen(waiting, at), "there": Seen(waiting=True, at=clock.at)})
    return dog.stuck_for


def test_waiting_without_moving() -> None:
    """Work that waits at one place is stuck since the first look at it, though another place moves."""
    assert told((1, True, 5), (50, True, 5), (100, True, 5)) == 99


def test_moving() -> None:
    """What moves is not stuck, however slowly."""
    assert told((1, True, 5), (100, True, 6)) == 0


def test_idle() -> None:
    """Where nothing waits nothing is stuck."""
    assert told((1, True, 5), (100, False, 5)) == 0


def test_a_place_that_went_elsewhere() -> None:
    """A place that is not named any more is not waited for, and begins anew when it comes back."""
    clock = Clock()
    dog = Watchdog(clock)
    for clock.at, places in ((1.0, ["here"]), (50.0, []), (100.0, ["here"])):
        dog.note({place: Seen(waiting=True, at=5) for place in places})
        assert dog.stuck_for == 0


def test_silence() -> None:
    """What is not told of at all counts as stuck: a broker that answers nobody."""
    clock = Clock()
    dog = Watchdog(clock)
    clock.at = 130
    assert dog.stuck_for == 130
