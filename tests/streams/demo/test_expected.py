"""The judge of memberships, on cases small enough to see who is right."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from tests.streams.demo.expected import expected, phone, plus_months, says

NOW = int(datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp() * 1000)
ANA = {"phone": "+351 912 345 678"}
RUI = {"phone": "00351961234567"}
ANAS, RUIS = "tel:+351912345678", "tel:+351961234567"

Record = tuple[str, bytes, bytes]


def told(topic: str, when: str, data: dict[str, Any], **more: str) -> Record:
    """Return a record of an event."""
    kind = topic.removesuffix("s")
    event = {
        "specversion": "1.0",
        "type": kind,
        "source": "s",
        "id": json.dumps(data),
        "time": when,
        "tenant": "demo-hotels",
    }
    return topic, b"", json.dumps(event | {"data": data} | more).encode()


def rated(stars: float, when: str = "2026-05-01T12:00:00Z", **more: Any) -> Record:
    """Return a rating by Ana."""
    return told("ratings", when, {"rating_id": "r", "stars": stars, "guest": ANA} | more)


def booked(revision: int, **more: Any) -> Record:
    """Return a booking of a Pool Villa by Ana."""
    stay = {"room_type": "Pool Villa", "check_in": "2026-02-27", "check_out": "2026-02-28", "property": "resort"}
    data = {"booking_id": "b", "revision": revision, "status": "confirmed", "guest": ANA} | stay | more
    return told("bookings", "2026-01-01T00:00:00Z", {name: value for name, value in data.items() if value is not None})


def wrote(text: str, when: str = "2026-05-01T12:00:00Z", **more: Any) -> Record:
    """Return a message by Ana."""
    data = {"message_id": "m", "channel": "sms", "direction": "inbound", "from": "+351912345678", "text": text}
    return told("messages", when, data | more)


@pytest.mark.parametrize(("stars", "happy", "unhappy"), [(4, True, False), (3.5, False, False), (3, False, True)])
def test_stars(stars: float, happy: bool, unhappy: bool) -> None:  # noqa: FBT001
    """4 stars or more are happy, 3 or fewer unhappy, what lies between is neither."""
    members = expected([rated(stars)], NOW)
    assert (ANAS in members["happy-guests"], ANAS in members["unhappy-guests"]) == (happy, unhappy)


def test_latest_rating() -> None:
    """Unhappy is whose latest rating is low; happy is who gave any high one."""
    members = expected([rated(2), rated(5, "2026-05-02T12:00:00Z", rating_id="q")], NOW)
    assert (members["happy-guests"], members["unhappy-guests"]) == ({ANAS}, set())


def test_withdrawn() -> None:
    """A rating taken back does not count, whichever comes first."""
    records = [rated(5), rated(5, revision=2, withdrawn=True)]
    assert not expected(records, NOW)["happy-guests"]
    assert not expected(records[::-1], NOW)["happy-guests"]


def test_window_of_ratings() -> None:
    """A rating counts until six months later, not at that very moment."""
    # clocks in Lisbon show 13:00 both times, which in winter is an hour later
    end = int(datetime(2026, 11, 1, 13, tzinfo=UTC).timestamp() * 1000)
    assert expected([rated(5)], end - 1)["happy-guests"] == {ANAS}
    assert expected([rated(5)], end)["happy-guests"] == set()


def test_booking() -> None:
    """A dear room counts until nine months after midnight of check-out at the property."""
    check_out = int(datetime(2026, 2, 27, 16, tzinfo=UTC).timestamp() * 1000)
    assert expected([booked(1)], NOW)["luxury-rooms"] == {ANAS}
    end = plus_months(check_out, 9)
    assert expected([booked(1)], end - 1)["luxury-rooms"] == {ANAS}
    assert expected([booked(1)], end)["luxury-rooms"] == set()


@pytest.mark.parametrize("change", [{"status": "cancelled", "guest": None}, {"status": "no_show"}, {"room_type": "A"}])
def test_booking_revised(change: dict[str, Any]) -> None:
    """A later revision takes the membership back, in any order."""
    records = [booked(1), booked(2, **change)]
    assert expected(records, NOW)["luxury-rooms"] == expected(records[::-1], NOW)["luxury-rooms"] == set()


def test_booking_moved() -> None:
    """A revision that names another guest moves the booking; one without a guest leaves it there."""
    records = [booked(1), booked(2, guest=RUI), booked(3, guest=None, status="checked_in")]
    assert expected(records, NOW)["luxury-rooms"] == {RUIS}


@pytest.mark.parametrize(
    ("text", "counts"),
    [
        ("Which RESTAURANTS are near?", True),
        ("the restaurant's menu", True),
        ("dinner-time", True),
        ("dinnertime", False),
        ("Il ristorante più vicino", True),
        ("附近有什么餐厅吗", True),
        ("La cenà", True),
        ("hello", False),
    ],
)
def test_food(text: str, counts: bool) -> None:  # noqa: FBT001
    """Whole words and simple plurals count in any case; Han counts anywhere."""
    assert bool(expected([wrote(text)], NOW)["food-lovers"]) == counts


@pytest.mark.parametrize(
    ("text", "counts"),
    [("bring pets", True), ("Pet-friendly?", True), ("bring my pet", False), ("carpet friendly", False)],
)
def test_pets(text: str, counts: bool) -> None:  # noqa: FBT001
    """Phrases count in order, with nothing between."""
    assert says(text, ("pet friendly", "bring pet")) == counts


@pytest.mark.parametrize("change", [{"direction": "outbound", "to": "+351912345678"}, {"deleted": True}])
def test_messages_that_do_not_count(change: dict[str, Any]) -> None:
    """What the hotel says and what was deleted counts for nobody."""
    assert not expected([wrote("dinner", **change)], NOW)["food-lovers"]


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("0812-3456-7890", "ID"), ("+62 812 3456 7890", "PT"), ("6281234567890", "ID"), ("006281234567890", "PT"),
        ("whatsapp:+6281234567890", "PT"), ("https://wa.me/6281234567890", "PT"), ("6281234567890@c.us", "PT"),
    ],
)  # fmt: skip
def test_phone(text: str, region: str) -> None:
    """All the contract's forms are one number."""
    assert phone(text, region) == "+6281234567890"


@pytest.mark.parametrize("text", ["6.28E+11", "12345", "no number"])
def test_no_phone(text: str) -> None:
    """What is no number is none."""
    assert phone(text, "PT") is None


@pytest.mark.parametrize(
    "record",
    [
        rated(9), ("ratings", b"", b"{"), rated(5, guest={"first_name": "Ana"}), rated(5, guest={"phone": "1"}),
        rated(5, "2027-01-01T00:00:00Z"), told("ratings", "2026-05-01T12:00:00Z", {}), booked(1, amount="-1"),
        wrote("dinner", "2024-01-01T00:00:00Z"), booked(1, room_type=None), booked(1, check_out="28.02."),
        wrote("dinner", direction="up"),
    ],
)  # fmt: skip
def test_unsound(record: Record) -> None:
    """What the contract turns away puts nobody into a group."""
    assert not any(expected([record], NOW).values())


def test_by_hand() -> None:
    """Who is added is in until taken out; the newest word by time wins."""

    def order(kind: str, at: str, guest: dict[str, str]) -> Record:
        return told("commands", at, {"group": "vip", "contacts": [guest]}, type=f"group.{kind}")

    late = order("remove", "2026-05-03T00:00:00Z", ANA)
    early = [order("add", "2026-05-01T00:00:00Z", ANA), order("add", "2026-05-02T00:00:00Z", {"id": RUIS})]
    assert expected([late, *early], NOW)["vip"] == {RUIS}
