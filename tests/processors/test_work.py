"""What one more record costs of a contact with many facts: as much as of one with a hundredth of them.

Lines of code that run in processors/ are counted, not time: the count is the same on every machine. The bytes of the
contact's record are too: they are written with every commit.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, NamedTuple

import pytest

import processors
from processors.rows import encode, fact_key, facts_under, head_key
from schemas.activity import BookingFact, MessageFact, RatingFact
from tests.processors.world import DAY, HOUR, MADE, START, World, iso

KEY = f"bali/tel:{MADE}".encode()
OTHER = "+4915123456789"
FEW, MANY = 100, 10_000
HERE = processors.__path__[0]

RULES: dict[str, Any] = {
    "any": {"event": "booking", "within": "P6M", "min_bookings": 3},
    "upcoming": {"event": "booking", "stay": "upcoming"},
    "current": {"event": "booking", "stay": "current", "min_nights": 4},
    "past": {"event": "booking", "stay": "past", "within": "P1M", "min_spent": "500", "currency": "IDR"},
    "spent": {"event": "booking", "min_spent": "99999999", "currency": "IDR"},
    "rich": {"contact": "spent", "min": "100"},
    "back": {"contact": "last_booking", "older_than": "P1M"},
    "happy": {"event": "rating", "min_stars": 4, "within": "P6M"},
    "latest": {"event": "rating", "min_stars": 4, "mode": "latest", "within": "P1M"},
    "always": {"event": "rating", "min_stars": 4, "mode": "all"},
    "dinner": {"event": "message", "any_of": ["dinner"], "within": "P6M"},
    "hungry": {"event": "message", "any_of": ["dinner"], "min_count": 3},
    "both": {"all": [{"event": "booking", "stay": "current"}, {"event": "rating", "mode": "latest"}]},
    "outer": {"any": [{"group": "current"}, {"group": "upcoming"}]},
}


class Worked(NamedTuple):
    """The most lines that a record took, and the bytes of the contact's record after the last."""

    lines: int
    bytes: int


@contextmanager
def counted() -> Iterator[Counter[str]]:
    """Count the lines of processors/ that run."""
    lines = Counter[str]()

    def trace(frame: FrameType, event: str, arg: object) -> Any:
        if not frame.f_code.co_filename.startswith(HERE):
            return None
        lines["lines"] += event == "line"
        return trace

    before = sys.gettrace()  # that of coverage, if it is measured
    sys.settrace(trace)
    try:
        yield lines
    finally:
        sys.settrace(before)


def facts(count: int) -> dict[bytes, bytes]:
    """Return rows of so many bookings, ratings and messages of one contact."""
    rows: dict[bytes, bytes] = {}
    for at in range(count):
        day, time = at % 400 - 200, START - DAY - at * HOUR // 10
        stay = iso(START + day * DAY)[:10], iso(START + (day + 3) * DAY)[:10]
        booking = BookingFact(1, time, "confirmed", None, None, "Villa", *stay, f"{at % 7}.5", "IDR")
        rating = RatingFact(1, time, at % 5 + 1)
        message = MessageFact(1, time, "dinner please", "whatsapp")
        for letter, fact in ((b"b", booking), (b"r", rating), (b"m", message)):
            rows[fact_key(facts_under(KEY, letter), "s", f"{letter.decode()}{at}")] = encode(fact)
    return rows


def crowded(count: int) -> World:
    """Make a world with a contact of so many facts, and groups that were asked of them."""
    world = World()
    world.tenant()
    world.book("b0")
    world.stores[0].write(facts(count))
    world.restart()
    world.folds[0].sweep._sweep.due = 2 * START  # looks through some thousand facts a tick, whoever's they are
    for name, rule in RULES.items():
        world.group(name, rule)
    return world


DEEDS: dict[str, Callable[[World, int], None]] = {
    "a new booking": lambda world, at: world.book(f"new{at}", check_in="2026-12-01", check_out="2026-12-02"),
    "a revised booking": lambda world, at: world.book(
        "b7", revision=2 + at, check_in="2026-12-04", check_out="2026-12-24"
    ),
    "a cancelled booking": lambda world, at: world.book(f"b{at + 20}", revision=2, status="cancelled"),
    "the last booking, back and forth": lambda world, at: world.book(
        "b3", revision=2 + at, check_in="2026-12-04", check_out=("2028-12-24", "2026-12-24")[at % 2]
    ),
    "a booking that moves": lambda world, at: world.book("moves", (MADE, OTHER)[at % 2], revision=1 + at),
    "a new rating": lambda world, at: world.rate(5, f"new{at}"),
    "the latest rating, back and forth": lambda world, at: world.rate(at % 2 * 4 + 1, "r0", revision=2 + at),
    "the latest rating, withdrawn": lambda world, at: world.rate(1, "r0", revision=2 + at, withdrawn=at % 2 == 0),
    "a new message": lambda world, at: world.say("dinner", id_=f"new{at}"),
    "the newest message, deleted": lambda world, at: world.say("dinner", id_=f"m{at}", revision=2, deleted=True),
    "the newest message, back and forth": lambda world, at: world.say(
        "dinner", id_="m0", revision=2 + at, deleted=at % 2 == 0
    ),
    "a day": lambda world, _: world.tick(DAY),
}


@pytest.mark.parametrize("deed", DEEDS)
def test_work_and_bytes_do_not_grow_with_the_facts(deed: str) -> None:
    """After the first has read the facts, no later one costs more of a hundred times as many."""
    few, many = (_worked(crowded(count), DEEDS[deed]) for count in (FEW, MANY))
    assert many.lines < 1.25 * few.lines
    assert many.bytes < few.bytes + 250


def _worked(world: World, deed: Callable[[World, int], None]) -> Worked:
    lines = list[int]()
    for at in range(12):
        with counted() as run:
            deed(world, at)
        lines.append(run["lines"])
    return Worked(max(lines[2:]), len(world.stores[0].rows[head_key(KEY)]))
