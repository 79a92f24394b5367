"""What judges look at: the valid input, the model that was made of it, tables as they stand, logs in their order."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any, Literal, TypeVar, get_args

from tests.chaos.history import RAW, History, newest
from tests.chaos.model import NEVER, Model, millis, read
from tests.chaos.reader import Taken

T = TypeVar("T")
Fault = Literal["lost", "wrong", "repeated", "early", "slow"]
FAULTS: tuple[Fault, ...] = get_args(Fault)
Judge = Callable[[History], Iterator[tuple[Fault, str]]]
Log = Iterator[tuple[Taken, dict[str, Any]]]


def accepted(history: History, *topics: str) -> Iterator[tuple[Taken, Mapping[str, Any]]]:
    """Yield the raw records that are valid events, with these."""
    for topic in topics:
        yield from _remembered(history, topic, lambda topic=topic: _accepted(history, topic))  # type: ignore[misc]


def _accepted(history: History, topic: str) -> list[tuple[Taken, Mapping[str, Any]]]:
    small = (one for one in sorted(history[topic]) if len(one.value or b"") <= _LARGEST[topic])
    return [(one, _in_its_time(one, event)) for one in small if (event := read(one.value)) is not None]


def _in_its_time(one: Taken, event: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return an event as it counts: no later than it was appended, also where the broker's clock was set back."""
    if millis(event["time"]) <= one.timestamp:
        return event
    appended = datetime.fromtimestamp(one.timestamp / 1000, UTC)
    return {**event, "time": appended.isoformat(timespec="milliseconds")}


def _remembered(history: History, name: str, make: Callable[[], T]) -> T:
    """Make a thing once for a history as it is: several judges want it."""
    lengths = tuple(len(history[topic]) for topic in RAW)
    known = history.remembered.get(name)
    if known is None or known[0] != lengths:
        known = history.remembered[name] = (lengths, make())
    found: T = known[1]
    return found


_LARGEST = {"bookings": 256 * 1024, "ratings": 256 * 1024, "messages": 256 * 1024, "commands": 1024 * 1024}


def model_of(history: History) -> Model:
    """Return the model of a history's input."""
    return _remembered(history, "model", lambda: _model(history))


def _model(history: History) -> Model:
    events = (event for _, event in accepted(history, "messages", "bookings", "ratings"))
    return Model([event for _, event in accepted(history, "commands")], events)


def told(history: History, topic: str) -> Log:
    """Yield the records of a log with what they say, each partition in its order."""
    for one in sorted(history[topic]):
        yield one, json.loads(one.value or b"{}")


def table(history: History, topic: str) -> list[dict[str, Any]]:
    """Return the rows of a table."""
    return [json.loads(value) for value in newest(history[topic]).values() if value is not None]


def members(history: History) -> dict[tuple[str, str], dict[str, Any]]:
    """Return the rows of the memberships table by group and contact."""
    return {(row["group"], row["contact"]): row for row in table(history, "memberships")}


def expiry(row: Mapping[str, Any]) -> int:
    """Return when a membership ends."""
    return millis(row["expires_at"]) if row["expires_at"] else NEVER


def compare(left: str, one: Mapping[Any, Any], right: str, other: Mapping[Any, Any]) -> Iterator[tuple[Fault, str]]:
    """Tell what one side has and the other has not, or has otherwise."""
    for name in one.keys() - other.keys():
        yield "lost", f"{name} is in {left} and not in {right}"
    for name in other.keys() - one.keys():
        yield "wrong", f"{name} is in {right} and not in {left}"
    for name in one.keys() & other.keys():
        if one[name] != other[name]:
            yield "wrong", f"{name}: {left} {one[name]}, {right} {other[name]}"
