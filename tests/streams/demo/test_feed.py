"""The demo's events, as a whole."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from schemas.base import millis
from schemas.events import BookingEvent, MessageEvent, RatingEvent
from streams.demo import feed
from streams.demo.faults import REASONS
from streams.demo.times import DAY
from tests.streams.demo import expected

NOW = millis(datetime(2026, 11, 22, 18, 30, 12, 345_000, UTC))
SCHEMAS: dict[str, Any] = {"bookings": BookingEvent, "ratings": RatingEvent, "messages": MessageEvent}
ALL = list(feed.events(NOW))
SOUND = [(topic, key, json.loads(value)) for topic, key, value in ALL if key not in REASONS]


def times() -> list[int]:
    """Return the event times in the order of arrival."""
    return [expected.millis(datetime.fromisoformat(event["time"])) for _, _, event in SOUND]


def test_same_bytes() -> None:
    """The same now, scale and seed give the same bytes in the same order."""
    assert list(feed.events(NOW, 0.05)) == list(feed.events(NOW, 0.05))


@pytest.mark.parametrize("other", [(NOW + 1, 0.05, feed.SEED), (NOW, 0.06, feed.SEED), (NOW, 0.05, 1)])
def test_other_bytes(other: tuple[int, float, int]) -> None:
    """Another now, scale or seed gives others."""
    assert list(feed.events(*other)) != list(feed.events(NOW, 0.05))


def test_size() -> None:
    """There are about 20,000 events."""
    assert 19_000 < len(ALL) < 21_000


@pytest.mark.parametrize("count", [1_000, 5_000, 25_000])
def test_scale(count: int) -> None:
    """A scale for a number of events gives about that many."""
    assert len(list(feed.events(NOW, feed.scale_for(count)))) == pytest.approx(count, rel=0.1)


def test_every_sound_event_decodes() -> None:
    """All but the faults are what the contract's structs say."""
    for topic, key, value in ALL:
        if key not in REASONS:
            msgspec.json.decode(value, type=SCHEMAS[topic])


def test_faults() -> None:
    """Each of the bad records is there once, and they are few."""
    assert len(ALL) - len(SOUND) == len(REASONS)
    assert expected.read(ALL, NOW).turned_away == len(REASONS)


def test_twelve_months() -> None:
    """All that happened lies in the past twelve months, and reaches over all of them."""
    assert NOW - 366 * DAY <= min(times()) < NOW - 364 * DAY
    assert NOW - DAY < max(times()) <= NOW


def test_order() -> None:
    """Events come in the order of their time, but for a few late ones."""
    newest, late = 0, 0
    for at in times():
        late += at < newest
        newest = max(newest, at)
    assert 0.005 < late / len(SOUND) < 0.04


def test_repeats() -> None:
    """A few events come twice, and then they are the same to the byte."""
    seen = Counter((event["source"], event["id"]) for _, _, event in SOUND)
    assert set(seen.values()) >= {1, 2}
    assert len(SOUND) - len(seen) < 0.02 * len(SOUND)
    assert len({json.dumps(event) for _, _, event in SOUND}) == len(seen)


def test_keys() -> None:
    """All revisions of a thing have its key, so that they stay in order."""
    for topic, key, event in SOUND:
        assert key.decode() == event["data"][f"{topic.removesuffix('s')}_id"]


def test_guests() -> None:
    """Every event leads to a guest of the cast."""
    people = feed.cast()
    known = {guest.contact for guest in (*people.regulars, *people.leavers)}
    facts = expected.read(ALL, NOW)
    found = {fact.contact for kind in SCHEMAS for fact in facts.of[kind].values()}
    assert found <= known
    assert len(found) > 1_000


def test_statuses() -> None:
    """Bookings go through all their statuses, and some rooms change on the way."""
    told = Counter(event["data"]["status"] for topic, _, event in SOUND if topic == "bookings")
    assert set(told) == expected.STATUSES
    assert min(told.values()) > 50


def test_upcoming() -> None:
    """Some guests are still to come."""
    days = [event["data"].get("check_in", "") for topic, _, event in SOUND if topic == "bookings"]
    assert sum(day > "2026-11-22" for day in days) > 100


def test_bookings_without_guest() -> None:
    """Some cancellations name no guest, and some bookings move to another one."""
    assert any("guest" not in event["data"] for topic, _, event in SOUND if topic == "bookings")
    facts = expected.read(ALL, NOW).of["bookings"].values()
    assert sum(len(set(fact.contacts.values())) > 1 for fact in facts) > 5


def test_prices() -> None:
    """The city hotel's prices are in euros, the resort's in thousands of rupiah."""
    for topic, _, event in SOUND:
        if topic == "bookings" and "amount" in event["data"]:
            currency, amount = event["data"]["currency"], event["data"]["amount"]
            assert currency == {"city": "EUR", "resort": "IDR"}[event["data"]["property"]]
            assert (
                float(amount) % (1000 if currency == "IDR" else 0.01) == pytest.approx(0, abs=0.02) or currency == "EUR"
            )


def test_messages() -> None:
    """Messages come in four languages over four channels, and the hotel answers."""
    data = [event["data"] for topic, _, event in SOUND if topic == "messages"]
    assert {one.get("language") for one in data} >= {"en", "de", "it", "zh"}
    assert {one["channel"] for one in data} == {"whatsapp", "sms", "telegram", "instagram"}
    assert {one["direction"] for one in data} == {"inbound", "outbound"}
    assert any(one.get("deleted") for one in data)


def test_ratings() -> None:
    """Ratings have comments and halves of stars, and some are taken back."""
    data = [event["data"] for topic, _, event in SOUND if topic == "ratings"]
    assert {one["stars"] for one in data} >= {1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5}
    assert sum(bool(one.get("comment")) for one in data) > 1_000
    assert any(one.get("withdrawn") for one in data)
