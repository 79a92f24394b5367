"""The broker's clock, as a worker guesses it."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from streams.runtime import broker_clock
from streams.runtime.broker_clock import BrokerClock


@pytest.fixture
def machine(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """The machine's monotonic clock, set by hand (s)."""
    at = SimpleNamespace(seconds=100.0)
    monkeypatch.setattr(broker_clock, "time", SimpleNamespace(monotonic=lambda: at.seconds))
    return at


def test_unknown() -> None:
    """Before any record was seen it is no time at all, so no deadline is due."""
    assert BrokerClock().now() == 0


def test_goes_on(machine: SimpleNamespace) -> None:
    """It goes on from the newest append time by the machine's monotonic clock."""
    clock = BrokerClock()
    clock.observe([SimpleNamespace(timestamp=1), SimpleNamespace(timestamp=50_000)])
    machine.seconds += 3
    assert clock.now() == 53_000


def test_late_records_do_not_hold_it_back(machine: SimpleNamespace) -> None:
    """A record that was appended long ago says nothing of now."""
    clock = BrokerClock()
    clock.note(50_000)
    machine.seconds += 3
    clock.note(20_000)
    assert clock.now() == 53_000


def test_set_back(machine: SimpleNamespace) -> None:
    """Where the broker's clock was set back, the next tick's append time is believed, so ticks do not spin."""
    clock = BrokerClock()
    clock.note(3_600_000)
    clock.correct(50_000)
    machine.seconds += 1
    assert clock.now() == 51_000
