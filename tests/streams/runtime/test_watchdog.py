"""When the watchdog bites."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from streams.runtime.partition_owner import PartitionOwner
from streams.runtime.watchdog import Progress, Seen, Watchdog


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


def test_looks_that_lie_far_apart() -> None:
    """What came between two looks is not taken to have waited since the look before."""
    assert told((1, False, 5), (300, True, 5)) == 0
    assert told((1, False, 5), (300, True, 5), (310, True, 5)) == 10


def owner_at(clock: Clock) -> PartitionOwner:
    """Return an owner without a broker, whose waiting is measured by a clock that is set by hand."""
    none: Any = None
    links: Any = SimpleNamespace(wake=lambda: None, appender=SimpleNamespace(append=lambda *_: None))
    owner = PartitionOwner(3, none, links)
    owner.ready, owner.progress = True, Progress(clock)
    return owner


def test_the_first_record_after_hours() -> None:
    """A record that comes after a night in which nothing did has waited for no time; then it counts."""
    clock = Clock()
    owner = owner_at(clock)
    for clock.at in (4.0, 405.0, 8 * 3600.0):
        owner.progress.made()
        assert owner.progress.waited(busy=owner.busy) == 0
    clock.at += 405
    owner.feed([])
    assert owner.progress.waited(busy=owner.busy) == 0
    clock.at += 7
    assert owner.progress.waited(busy=owner.busy) == 7


def test_more_work_hides_no_stall() -> None:
    """Records that come while others wait do not make the waiting begin anew."""
    clock = Clock()
    owner = owner_at(clock)
    for clock.at in (100.0, 110.0, 120.0):
        owner.feed([])
    assert owner.progress.waited(busy=owner.busy) == 20


def test_the_tick_of_a_quiet_quarter() -> None:
    """A tick that is appended after a quiet quarter of an hour counts from then, also while the broker is slow."""
    clock = Clock()
    owner = owner_at(clock)
    clock.at = 900
    owner.tick()
    clock.at += 3
    assert owner.progress.waited(busy=owner.busy) == 3
