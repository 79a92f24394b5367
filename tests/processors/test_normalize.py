"""normalize: what each raw record becomes, or why it is a dead letter."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from processors.normalize import AHEAD, Normalizer, Raw, contact_of
from schemas.activity import RAW_TOPICS, BookingSeen, MessageSeen, PinsAsked, RatingSeen, TenantAsked, decode
from schemas.base import Reject
from schemas.commands import ContactRef
from schemas.tenants import Property, Tenant
from tests.processors.world import DAY, MADE, START, iso

TENANT = Tenant(tenant="bali", region="ID", properties={"berlin": Property(region="DE"), "plain": Property()})
STAY = {"status": "confirmed", "room_type": "Villa", "check_in": "2026-11-01", "check_out": "2026-11-02"}
NO_TENANT = Reject("tenant_unknown", "tenant")
HELLO = {"message_id": "m1", "channel": "whatsapp", "direction": "inbound", "from": MADE, "text": "Hello!"}


def normalize(kind: str, data: dict[str, Any], headers: Any = (), **more: Any) -> Any:
    """Normalize one event of the tenant bali."""
    topic = {"booking": "bookings", "rating": "ratings", "message": "messages"}.get(kind, "commands")
    base = {"specversion": "1.0", "source": "s", "id": "e1", "tenant": "bali", "time": iso(START)}
    value = msgspec.json.encode({**base, "type": kind, **more, "data": data})
    raw = Raw(RAW_TOPICS.index(topic), 3, 17, START, b"k", value, headers)
    keyed = Normalizer({"bali": TENANT}).normalize(raw)
    if isinstance(keyed, Reject):
        return keyed
    (one,) = keyed
    return one.key.decode(), decode(one.value)


def test_a_message_goes_to_its_contact() -> None:
    """Key, words, raw place and what the event tells of the guest."""
    key, seen = normalize("message", {**HELLO, "name": "Made", "from": "0812-3456-7890"})
    assert key == f"bali/tel:{MADE}"
    assert isinstance(seen, MessageSeen)
    assert (seen.topic, seen.partition, seen.offset, seen.index) == (2, 3, 17, 0)
    assert (seen.words, seen.time, seen.address) == ("hello", START, MADE)
    assert seen.seen is not None
    assert seen.seen.name == "Made"


def test_what_nobody_said_is_not_told() -> None:
    """A message without anything on its guest tells nothing of them; an outbound one neither tells nor matches."""
    assert normalize("message", HELLO)[1].seen is None
    key, seen = normalize("message", {**HELLO, "direction": "outbound", "to": MADE, "from": "628", "name": "Hotel"})
    assert (key, seen.seen, seen.words, seen.inbound) == (f"bali/tel:{MADE}", None, "", False)


@pytest.mark.parametrize(
    ("hints", "contact"),
    [
        ({}, "tel:+6281234567890"),
        ({"property": "berlin"}, "tel:+4981234567890"),
        ({"property": "plain"}, "tel:+6281234567890"),
        ({"property": "nowhere"}, "tel:+6281234567890"),
        ({"property": "berlin", "country": "ID"}, "tel:+6281234567890"),
        ({"country": "XX"}, "tel:+6281234567890"),
    ],
)
def test_the_region_is_the_events_then_the_propertys_then_the_tenants(hints: dict[str, str], contact: str) -> None:
    """A country hint goes before the property's region, and that before the tenant's."""
    guest = {"phone": "081234567890"}
    assert normalize("rating", {"rating_id": "r", "stars": 5, "guest": guest, **hints})[1].contact == contact


def test_facts_go_to_their_own_actor() -> None:
    """Bookings and ratings are keyed by what names them, unambiguously; days, money and currency in one form."""
    data = {**STAY, "booking_id": "b:c", "guest": {"phone": MADE}, "amount": 1e3, "currency": "idr"}
    key, seen = normalize("booking", data, source="a")
    assert isinstance(seen, BookingSeen)
    assert key != normalize("booking", {**data, "booking_id": "c"}, source="a:b")[0]
    assert (seen.fact.amount, seen.fact.currency, seen.fact.check_in) == ("1000.0", "IDR", "2026-11-01")
    assert isinstance(normalize("rating", {"rating_id": "r", "stars": 4.5, "guest": {"phone": MADE}})[1], RatingSeen)


def test_a_revision_without_a_guest_names_no_contact() -> None:
    """The known guest is meant; the owner knows who that is."""
    seen = normalize("booking", {"booking_id": "b", "status": "cancelled"})[1]
    assert (seen.contact, seen.seen, seen.fact.check_in, seen.fact.amount) == (None, None, None, None)


def test_a_booking_with_nothing_has_its_own_contact() -> None:
    """A guest without any address is the booking's; one whose only address is a wrong phone is a dead letter."""
    data = {**STAY, "booking_id": "b1"}
    assert normalize("booking", {**data, "guest": {"name": "Made"}})[1].contact == "booking:s:b1"
    assert normalize("booking", {**data, "guest": {"phone": "12345"}}) == Reject("phone_invalid", "data.guest")
    mailed = normalize("booking", {**data, "guest": {"phone": "12345", "email": "a@b.example"}})[1]
    assert (mailed.contact, mailed.seen.phone_invalid) == ("mailto:a@b.example", True)


@pytest.mark.parametrize(
    ("kind", "data", "more", "reject"),
    [
        ("message", HELLO, {"tenant": "nobody"}, Reject("tenant_unknown", "tenant")),
        ("message", HELLO, {"time": iso(START + AHEAD + 1)}, Reject("from_the_future", "time")),
        ("message", HELLO, {"time": iso(START - 401 * DAY)}, Reject("too_old", "time")),
        ("message", {**HELLO, "from": "12345"}, {}, Reject("phone_invalid", "data.from")),
        ("message", {**HELLO, "channel": "chat", "from": " "}, {}, Reject("identity_missing", "data.from")),
        (
            "message",
            {**HELLO, "direction": "outbound", "to": "1"},
            {},
            Reject("phone_invalid", "data.to"),
        ),
        ("message", {"message_id": "m"}, {}, Reject("field_missing", "data.channel")),
        ("rating", {"rating_id": "r", "stars": 5, "guest": {}}, {}, Reject("identity_missing", "data.guest")),
        ("rating", {"rating_id": "r", "stars": 5, "guest": {}}, {"tenant": "x"}, Reject("tenant_unknown", "tenant")),
        ("group.add", {"group": "g", "contacts": [{"phone": "1"}]}, {"tenant": "x"}, NO_TENANT),
        ("contact.tag", {"contacts": [{"phone": "1"}], "tags": ["x"]}, {"tenant": "x"}, NO_TENANT),
    ],
)  # fmt: skip
def test_rejects(kind: str, data: dict[str, Any], more: dict[str, Any], reject: Reject) -> None:
    """The data's fault is told by a reason and a path."""
    assert normalize(kind, data, **more) == reject


def test_times_at_the_edge_are_taken() -> None:
    """Five minutes ahead and as old as the retention are still good; what is ahead counts as of its append time."""
    assert normalize("message", HELLO, time=iso(START + AHEAD))[1].time == START
    assert normalize("message", HELLO, time=iso(START - 1))[1].time == START - 1
    assert normalize("message", HELLO, time=iso(START - 400 * DAY))[1].words == "hello"


def test_pins_go_to_the_tenant() -> None:
    """With the contacts' ids, None for what is none, and an end within the calendar."""
    contacts = [{"phone": "0812-3456-7890"}, {"id": "tel:6281234567890"}, {"phone": "1"}, {"id": "nonsense"}]
    key, asked = normalize("group.add", {"group": "g", "contacts": contacts, "expires_at": "1970-01-01T00:00:00Z"})
    assert key == "bali"
    assert isinstance(asked, PinsAsked)
    assert (asked.contacts, asked.expires) == ([f"tel:{MADE}", f"tel:{MADE}", "", None], 1)
    late = normalize("group.add", {"group": "g", "contacts": contacts, "expires_at": "9999-12-31T23:59:59-14:00"})[1]
    assert late.expires == 253_402_300_799_999
    assert normalize("group.clear_pin", {"group": "g", "contacts": contacts})[1].expires == 0


def test_definitions_go_to_the_tenant_with_their_original() -> None:
    """A group without an id gets it from its name; the record that came is kept for a dead letter."""
    key, asked = normalize("group.create", {"name": "Café & Bar"}, headers=[("content-type", None)])
    assert (key, asked.headers, asked.key) == ("bali", [("content-type", b"")], b"k")
    assert isinstance(asked, TenantAsked)
    assert msgspec.json.decode(asked.command)["data"]["id"] == "cafe-bar"
    assert b'"id":"cafe-bar"' not in asked.original


def test_contacts_are_named_by_phone_or_id() -> None:
    """A reference is a phone in the tenant's region or an id, or nobody."""
    assert contact_of(ContactRef(phone="081234567890"), "ID") == f"tel:{MADE}"
    assert contact_of(ContactRef(), "ID") is None
