"""CloudEvents from records: what is read, what is turned away and with which field, and that nothing raises."""

from __future__ import annotations

import copy
import functools
import operator
from datetime import timedelta
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas import commands, events
from schemas.base import Reject, example
from schemas.envelope import MAX_COMMAND, MAX_EVENT, group_id_from_name, read

TOPIC = {"booking": "bookings", "rating": "ratings", "message": "messages"}
ABSENT = object()
PRIVATE = "Zq7Secret"
EVENTS = (events.BookingEvent, events.RatingEvent, events.MessageEvent)
COMMANDS = (
    commands.TenantPut, commands.TenantDelete, commands.GroupCreate, commands.GroupUpdate, commands.GroupDelete,
    commands.GroupAdd, commands.GroupRemove, commands.GroupClearPin, commands.ContactUpsert, commands.ContactTag,
    commands.ContactUntag, commands.ContactNote, commands.ContactDelete, commands.ContactRename, commands.ConsentOptOut,
    commands.ConsentOptIn,
)  # fmt: skip
BY_TAG: dict[str, type[msgspec.Struct]] = {str(one.__struct_config__.tag): one for one in (*EVENTS, *COMMANDS)}


def sample(kind: str, changes: dict[str, Any] | None = None) -> dict[str, Any]:
    """Give the example of an event or command with paths such as `data.stars` set, or taken out by ABSENT."""
    whole: dict[str, Any] = msgspec.json.decode(example(BY_TAG[kind]))
    for path, value in (changes or {}).items():
        *parents, last = path.split(".")
        at = whole
        for name in parents:
            at = at[name]
        if value is ABSENT:
            del at[last]
        else:
            at[last] = value
    return whole


def read_kind(kind: str, changes: dict[str, Any] | None = None, **settings: Any) -> Any:
    """Read a changed example on the topic where its kind belongs."""
    value = msgspec.json.encode(sample(kind, changes))
    return read(TOPIC.get(kind, "commands"), value, (), **settings)


@pytest.mark.parametrize("kind", BY_TAG)
def test_examples_are_read(kind: str) -> None:
    """The example of every event and command is read as its struct."""
    assert type(read_kind(kind)) is BY_TAG[kind]


def test_message_values() -> None:
    """What a message says comes out typed: the time with its offset, `from` as from_."""
    message = read_kind("message")
    assert message.data.from_ == "6281234567890"
    assert message.time.utcoffset() == timedelta(hours=8)


GUEST = {"phone": "0812"}
TAKEN: list[tuple[str, dict[str, Any]]] = [
    ("booking", {"data.amount": 4250000.5}),
    ("booking", {"data.amount": 0}),
    ("booking", {"data.amount": ABSENT, "data.currency": ABSENT}),
    ("booking", {"data.guest": ABSENT, "data.revision": 2}),
    ("booking", {"data.guest": {}}),
    ("booking", {"data.check_out": "2026-11-01"}),
    ("booking", {"data.currency": "idr"}),
    ("booking", {"data.status": "cancelled", "data.guest": ABSENT, "data.revision": 4}),
    (
        "booking",
        {"data.status": "cancelled", "data.guest": ABSENT, "data.revision": ABSENT, "data.check_in": ABSENT,
         "data.check_out": ABSENT, "data.room_type": ABSENT},
    ),
    ("booking", {"data.whatever": {"new": ["field"]}}),
    ("booking", {"data.attributes": {"tier": "gold", "points": 3}}),
    ("rating", {"data.stars": 4.5}),
    ("rating", {"data.stars": 1}),
    ("rating", {"data.guest": ABSENT, "data.revision": 2}),
    ("rating", {"data.guest": ABSENT, "data.stars": ABSENT, "data.withdrawn": True}),
    ("message", {"data.text": ""}),
    ("message", {"data.text": ABSENT, "data.deleted": True}),
    ("message", {"data.direction": "outbound", "data.from": ABSENT, "data.to": "628"}),
    ("message", {"data.revision": 2**53}),
    ("message", {"time": "2026-11-02T10:05:11.123456789Z"}),
    ("group.create", {"data.id": ABSENT}),
    ("group.create", {"data.name": ABSENT}),
    ("group.create", {"data.rule": ABSENT}),
    ("group.create", {"data.rule": None}),
    ("group.update", {"data.rule": {"event": "manual"}}),
    ("group.update", {"data.join_words": ["JOIN"], "data.leave_words": []}),
    ("group.add", {"data.contacts": [{"id": "tel:+628"}, {"phone": "628"}]}),
    ("group.add", {"data.contacts": [{"phone": "628"}] * 10_000}),
    ("tenant.put", {"data.tenant": "bali-resorts"}),
    ("tenant.put", {"data.properties": {"ubud": {"zone": "Asia/Tokyo"}, "kuta": {}}}),
    ("tenant.put", {"data.opt_out_words": ["止めて", "DECLINE"]}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "changes"), TAKEN, ids=str)
def test_what_is_taken(kind: str, changes: dict[str, Any]) -> None:
    """What the contract allows is read."""
    assert type(read_kind(kind, changes)) is BY_TAG[kind]


def test_amounts_are_exact() -> None:
    """A JSON number gives the decimal as it was written, not a float's neighbour."""
    value = msgspec.json.encode(sample("booking", {"data.amount": "XX"})).replace(b'"XX"', b"0.1")
    booking = read("bookings", value, ())
    assert isinstance(booking, events.BookingEvent)
    assert booking.data.amount == Decimal("0.1")


REFUSED: list[tuple[str, dict[str, Any], str, str]] = [
    # the envelope
    ("message", {"type": ABSENT}, "field_missing", "type"),
    ("message", {"type": "call"}, "type_unknown", "type"),
    ("message", {"type": 3}, "type_unknown", "type"),
    ("message", {"type": None}, "type_unknown", "type"),
    ("message", {"type": ["message"]}, "type_unknown", "type"),
    ("message", {"specversion": ABSENT}, "field_missing", "specversion"),
    ("message", {"specversion": "0.3"}, "field_invalid", "specversion"),
    ("message", {"source": ABSENT}, "field_missing", "source"),
    ("message", {"source": ""}, "field_invalid", "source"),
    ("message", {"id": ABSENT}, "field_missing", "id"),
    ("message", {"id": 7}, "field_invalid", "id"),
    ("message", {"tenant": ABSENT}, "field_missing", "tenant"),
    ("message", {"tenant": "Bali Resorts"}, "field_invalid", "tenant"),
    ("message", {"tenant": "bali\n"}, "field_invalid", "tenant"),
    ("message", {"time": ABSENT}, "field_missing", "time"),
    ("message", {"time": "2026-11-02T18:05:11"}, "field_invalid", "time"),
    ("message", {"time": "yesterday"}, "field_invalid", "time"),
    ("message", {"time": 1793613911}, "field_invalid", "time"),
    ("message", {"time": "2026-02-30T00:00:00Z"}, "field_invalid", "time"),
    ("message", {"time": "10000-01-01T00:00:00Z"}, "field_invalid", "time"),
    ("message", {"time": "9999-12-31T23:59:59-12:00"}, "field_invalid", "time"),
    ("message", {"time": "0001-01-01T00:00:00+12:00"}, "field_invalid", "time"),
    ("message", {"data": ABSENT}, "field_missing", "data"),
    ("message", {"data": None}, "field_invalid", "data"),
    ("message", {"data": []}, "field_invalid", "data"),
    ("message", {"data": "text"}, "field_invalid", "data"),
    # messages
    ("message", {"data.message_id": ABSENT}, "field_missing", "data.message_id"),
    ("message", {"data.channel": ""}, "field_invalid", "data.channel"),
    ("message", {"data.direction": "sideways"}, "field_invalid", "data.direction"),
    ("message", {"data.text": ABSENT}, "field_missing", "data.text"),
    ("message", {"data.text": 3}, "field_invalid", "data.text"),
    ("message", {"data.from": ABSENT}, "field_missing", "data.from"),
    ("message", {"data.from": ""}, "field_missing", "data.from"),
    ("message", {"data.direction": "outbound"}, "field_missing", "data.to"),
    ("message", {"data.revision": -1}, "field_invalid", "data.revision"),
    ("message", {"data.revision": 1.5}, "field_invalid", "data.revision"),
    ("message", {"data.revision": 2**53 + 1}, "field_invalid", "data.revision"),
    ("message", {"data.deleted": "yes"}, "field_invalid", "data.deleted"),
    # ratings
    ("rating", {"data.stars": ABSENT}, "field_missing", "data.stars"),
    ("rating", {"data.stars": None}, "field_missing", "data.stars"),
    ("rating", {"data.stars": 9}, "field_invalid", "data.stars"),
    ("rating", {"data.stars": 0}, "field_invalid", "data.stars"),
    ("rating", {"data.stars": 4.3}, "field_invalid", "data.stars"),
    ("rating", {"data.stars": "5"}, "field_invalid", "data.stars"),
    ("rating", {"data.guest": ABSENT}, "field_missing", "data.guest"),
    ("rating", {"data.guest": "Made"}, "field_invalid", "data.guest"),
    ("rating", {"data.guest": {"phone": 62812}}, "field_invalid", "data.guest.phone"),
    # bookings
    ("booking", {"data.booking_id": ABSENT}, "field_missing", "data.booking_id"),
    ("booking", {"data.status": ABSENT}, "field_missing", "data.status"),
    ("booking", {"data.status": "perhaps"}, "field_invalid", "data.status"),
    ("booking", {"data.guest": ABSENT, "data.revision": ABSENT}, "field_missing", "data.guest"),
    ("booking", {"data.check_in": ABSENT}, "field_missing", "data.check_in"),
    ("booking", {"data.check_out": ABSENT}, "field_missing", "data.check_out"),
    ("booking", {"data.room_type": ABSENT}, "field_missing", "data.room_type"),
    ("booking", {"data.check_in": "01.11.2026"}, "field_invalid", "data.check_in"),
    ("booking", {"data.check_in": "0202-11-01"}, "field_invalid", "data.check_in"),
    ("booking", {"data.check_out": "9999-12-31"}, "field_invalid", "data.check_out"),
    ("booking", {"data.check_out": "2026-10-31"}, "field_invalid", "data.check_out"),
    ("booking", {"data.status": "cancelled", "data.check_out": "2026-10-31"}, "field_invalid", "data.check_out"),
    ("booking", {"data.amount": "-1"}, "field_invalid", "data.amount"),
    ("booking", {"data.amount": -0.01}, "field_invalid", "data.amount"),
    ("booking", {"data.amount": "NaN"}, "field_invalid", "data.amount"),
    ("booking", {"data.amount": "Infinity"}, "field_invalid", "data.amount"),
    ("booking", {"data.amount": "1e999999"}, "field_invalid", "data.amount"),
    ("booking", {"data.amount": "1" * 5000}, "field_invalid", "data.amount"),
    ("booking", {"data.amount": "0." + "1" * 5000}, "field_invalid", "data.amount"),
    ("booking", {"data.amount": "4,250"}, "field_invalid", "data.amount"),
    ("booking", {"data.amount": True}, "field_invalid", "data.amount"),
    ("booking", {"data.currency": "rupiah"}, "field_invalid", "data.currency"),
    ("booking", {"data.tags": "vip"}, "field_invalid", "data.tags"),
    # commands
    ("tenant.put", {"data.tenant": "other"}, "field_invalid", "data.tenant"),
    ("tenant.put", {"tenant": "Bali Resorts"}, "field_invalid", "tenant"),
    ("group.add", {"tenant": "x" * 64}, "field_invalid", "tenant"),
    ("tenant.put", {"data.zone": "Asia/Atlantis"}, "field_invalid", "data.zone"),
    ("tenant.put", {"data.zone": "../../etc/passwd"}, "field_invalid", "data.zone"),
    ("tenant.put", {"data.region": "Indonesia"}, "field_invalid", "data.region"),
    ("tenant.put", {"data.properties": {PRIVATE: {"zone": "x"}}}, "field_invalid", "data.properties[...].zone"),
    ("tenant.put", {"data.properties": {PRIVATE: {"region": "x"}}}, "field_invalid", "data.properties[...].region"),
    ("tenant.put", {"data.properties": {"": {}}}, "field_invalid", "data.properties"),
    ("tenant.put", {"data.opt_out_words": ["STOP", "!"]}, "field_invalid", "data.opt_out_words[1]"),
    ("tenant.put", {"data.opt_in_words": [""]}, "field_invalid", "data.opt_in_words[0]"),
    ("group.create", {"data.id": "VIP"}, "field_invalid", "data.id"),
    ("group.create", {"data.id": ABSENT, "data.name": ABSENT}, "field_missing", "data.id"),
    ("group.create", {"data.id": ABSENT, "data.name": " "}, "field_missing", "data.id"),
    ("group.create", {"data.rule": []}, "field_invalid", "data.rule"),
    ("group.create", {"data.rule": {}}, "rule_invalid", "data.rule"),
    ("group.create", {"data.rule": {"any": [{"event": "rating", "min_stars": 9}]}}, "rule_invalid",
     "data.rule.any[0].min_stars"),
    ("group.create", {"data.join_words": [" "]}, "field_invalid", "data.join_words[0]"),
    ("group.create", {"data.leave_words": ["?"]}, "field_invalid", "data.leave_words[0]"),
    ("group.update", {"data.group": ABSENT}, "field_missing", "data.group"),
    ("group.update", {"data.rule": {"event": "x"}}, "rule_invalid", "data.rule.event"),
    ("group.update", {"data.leave_words": [""]}, "field_invalid", "data.leave_words[0]"),
    ("group.add", {"data.group": "No Such"}, "field_invalid", "data.group"),
    ("group.add", {"data.contacts": []}, "field_invalid", "data.contacts"),
    ("group.add", {"data.contacts": [{"phone": "1"}] * 10_001}, "field_invalid", "data.contacts"),
    ("group.add", {"data.contacts": [{"phone": "1"}, {}]}, "field_invalid", "data.contacts[1]"),
    ("group.add", {"data.contacts": [{"phone": "1", "id": "tel:1"}]}, "field_invalid", "data.contacts[0]"),
    ("group.add", {"data.reason": "whim"}, "field_invalid", "data.reason"),
    ("group.remove", {"data.contacts": [{}]}, "field_invalid", "data.contacts[0]"),
    ("group.clear_pin", {"data.contacts": [{}]}, "field_invalid", "data.contacts[0]"),
    ("group.delete", {"time": "9999-12-31T23:59:59Z"}, "field_invalid", "time"),
    ("group.delete", {"type": "group.explode"}, "type_unknown", "type"),
    ("contact.rename", {"data.contact": {}}, "field_invalid", "data.contact"),
    ("contact.tag", {"data.tags": []}, "field_invalid", "data.tags"),
    ("contact.tag", {"data.tags": ["vip", " "]}, "field_invalid", "data.tags[1]"),
    ("contact.tag", {"data.contacts": [{}]}, "field_invalid", "data.contacts[0]"),
    ("contact.untag", {"data.tags": ["x" * 256]}, "field_invalid", "data.tags[0]"),
    ("contact.delete", {"data.contact": {}}, "field_invalid", "data.contact"),
    ("contact.note", {"data.contact": {}}, "field_invalid", "data.contact"),
    ("contact.note", {"data.text": ABSENT}, "field_missing", "data.text"),
    ("contact.upsert", {"data.contact": {"name": "Made"}}, "field_missing", "data.contact.phone"),
    ("contact.upsert", {"data.contact": {"phone": "1", "id": "tel:1"}}, "field_invalid", "data.contact"),
    ("contact.upsert", {"data.contact.tags": [" "]}, "field_invalid", "data.contact.tags[0]"),
    ("contact.upsert", {"data.contact.attributes": {"": 1}}, "field_invalid", "data.contact.attributes"),
    ("contact.upsert", {"data.contact.attributes": {"x": "y" * 1024}}, "field_invalid", "data.contact.attributes"),
    ("contact.upsert", {"data.contact.attributes": {"x": [10**30]}}, "field_invalid", "data.contact.attributes"),
    ("contact.upsert", {"data.groups": ["No Such"]}, "field_invalid", "data.groups[0]"),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "changes", "reason", "path"), REFUSED, ids=[f"{r[0]}-{r[2]}-{r[3]}" for r in REFUSED])
def test_what_is_refused(kind: str, changes: dict[str, Any], reason: str, path: str) -> None:
    """What the contract does not allow is turned away with the reason and the field."""
    reject = read_kind(kind, changes)
    assert isinstance(reject, Reject)
    assert reject.reason == reason
    assert reject.detail.partition(": ")[0] == path


BROKEN = [
    b"", b" ", b"{", b'{"a":1,}', b"{} {}", b"[]", b"3", b"null", b'"text"', b"\xff\xfe", b"\xef\xbb\xbf{}",
    b'{"type": "message"} trailing', b'{"type": "\xff"}', b'{"unknown": "\xff"}', b"[" * 100_000,
    b'{"type": "message", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b'{"type": "message", "id": NaN}',
]  # fmt: skip


@pytest.mark.parametrize("topic", ["messages", "commands"])
@pytest.mark.parametrize("value", BROKEN, ids=[str(value[:20]) for value in BROKEN])
def test_not_json(topic: str, value: bytes) -> None:
    """A value that is no UTF-8 JSON object is `not_json`, also where a field before the break is wrong."""
    assert read(topic, value, ()) == Reject("not_json")


@pytest.mark.parametrize("text", [b'"\\ud800"', b'"\\udc00\\ud800"', b'"\xed\xa0\x80"', b'"\xc0\xaf"', b'"\xff"'])
def test_broken_unicode(text: bytes) -> None:
    """Lone surrogates and bytes that are no UTF-8 are no JSON, wherever they are."""
    for field in ("name", "text", "message_id"):
        value = msgspec.json.encode(sample("message", {f"data.{field}": "XX"})).replace(b'"XX"', text)
        assert read("messages", value, ()) == Reject("not_json")


def test_unknown_fields_are_no_cost() -> None:
    """Fields that nobody knows are skipped; odd but valid Unicode is kept as it is."""
    message = read_kind(
        "message", {"data.name": "Z̴a\u200dlgo \U0001f469\u200d\U0001f373 \x00", "data.new": 1, "extra": {}}
    )
    assert message.data.name == "Z̴a\u200dlgo \U0001f469\u200d\U0001f373 \x00"


def test_duplicate_keys_take_the_last() -> None:
    """Of a key that comes twice the last one counts, in text as in fields."""
    value = msgspec.json.encode(sample("message")).replace(b'"data":{', b'"data":{"text":"first",')
    message = read("messages", value, ())
    assert isinstance(message, events.MessageEvent)
    assert message.data.text == "Can we book dinner at the restaurant?"


@pytest.mark.parametrize(("topic", "limit"), [("messages", MAX_EVENT), ("commands", MAX_COMMAND)])
def test_size(topic: str, limit: int) -> None:
    """The largest record is read, one byte more is too large."""
    value = example(BY_TAG["message" if topic == "messages" else "group.add"])
    assert not isinstance(read(topic, value.ljust(limit), ()), Reject)
    assert read(topic, value.ljust(limit + 1), ()) == Reject("too_large")
    assert (MAX_EVENT, MAX_COMMAND) == (262_144, 1_048_576)


def test_null() -> None:
    """A record without a value is `null_value`, with headers too."""
    assert read("messages", None, ()) == Reject("null_value")
    assert read("commands", None, [("ce_id", b"x")]) == Reject("null_value")


@pytest.mark.parametrize("kind", BY_TAG)
@pytest.mark.parametrize("topic", ["bookings", "ratings", "messages", "commands"])
def test_types_stay_on_their_topics(kind: str, topic: str) -> None:
    """An event or command on a topic of others is `type_unknown`."""
    found = read(topic, example(BY_TAG[kind]), ())
    if topic == TOPIC.get(kind, "commands"):
        assert type(found) is BY_TAG[kind]
    else:
        assert isinstance(found, Reject)
        assert (found.reason, found.detail.partition(": ")[0]) == ("type_unknown", "type")


def test_retention_reaches_rules() -> None:
    """A message rule's window is held against the retention of the settings."""
    changes = {"data.rule": {"event": "message", "any_of": ["pet"], "within": "P31D"}}
    assert isinstance(read_kind("group.create", changes, retention="P400D"), commands.GroupCreate)
    assert read_kind("group.create", changes, retention="P30D").reason == "rule_invalid"


def binary(whole: dict[str, Any]) -> tuple[bytes, list[tuple[str, bytes]]]:
    """Write a structured event in binary mode."""
    attributes = {name: value for name, value in whole.items() if name != "data"}
    headers = [(f"ce_{name}", str(value).encode()) for name, value in attributes.items()]
    return msgspec.json.encode(whole["data"]), headers


@pytest.mark.parametrize("kind", BY_TAG)
@pytest.mark.parametrize("content_type", [None, b"application/json", b"application/json; charset=UTF-8", b"text/json"])
def test_binary_is_structured(kind: str, content_type: bytes | None) -> None:
    """Binary mode gives the very event that structured mode gives."""
    value, headers = binary(sample(kind))
    headers += [("traceparent", b"00-1"), ("ce_extension", b"\xff")]
    headers += [("Content-Type", content_type)] if content_type else []
    assert read(TOPIC.get(kind, "commands"), value, headers) == read_kind(kind)


@pytest.mark.parametrize(
    ("kind", "changes"),
    [
        (kind, changes)
        for kind, changes, _, _ in REFUSED
        if all(isinstance(v, str) or "." in p for p, v in changes.items())
    ],
    ids=str,
)
def test_binary_faults_are_structured_faults(kind: str, changes: dict[str, Any]) -> None:
    """What is wrong in structured mode is wrong in binary mode, with the same words."""
    changes = {path: value for path, value in changes.items() if value is not ABSENT or path.startswith("data.")}
    value, headers = binary(sample(kind, changes))
    found = read(TOPIC.get(kind, "commands"), value, headers)
    # an attribute that is empty cannot be told from one that is not there
    assert found == read_kind(kind, changes) or changes == {"source": ""}


@pytest.mark.parametrize("name", ["specversion", "type", "source", "id", "time", "tenant"])
def test_binary_attributes_are_required(name: str) -> None:
    """An attribute without its header, or with an empty one, is missing; one that is no UTF-8 is invalid."""
    value, headers = binary(sample("message"))
    others = [header for header in headers if header[0] != f"ce_{name}"]
    assert read("messages", value, others) == Reject("field_missing", name)
    assert read("messages", value, [*others, (f"ce_{name}", b"")]) == Reject("field_missing", name)
    assert read("messages", value, [*others, (f"ce_{name}", b"\xff")]) == Reject("field_invalid", f"{name}: not UTF-8")


@pytest.mark.parametrize("value", [b"", b"{", b'{}, "tenant": "other"', b'{"a": "\xff"}', b"[" * 100_000, b"{} {}"])
def test_binary_data_is_one_json_value(value: bytes) -> None:
    """The data of a binary record is one JSON value, and can smuggle nothing into the envelope."""
    _, headers = binary(sample("message"))
    assert read("messages", value, headers) == Reject("not_json")


@pytest.mark.parametrize(
    "content_type",
    [b"application/cloudevents+json", b"application/cloudevents+json; charset=utf-8", b"Application/CloudEvents+JSON"],
)
def test_structured_by_content_type(content_type: bytes) -> None:
    """The structured content type is structured, also beside `ce_` headers of someone's tracing."""
    for headers in ([("content-type", content_type)], [("content-type", content_type), ("ce_type", b"other")]):
        assert read("messages", example(events.MessageEvent), headers) == read_kind("message")


@pytest.mark.parametrize(
    "content_type",
    [
        b"application/cloudevents+avro", b"application/cloudevents-batch+json", b"text/plain", b"", b"\xff",
        b"application/cloudevents+json; charset=latin-1", b"application/json; charset=utf-16",
    ],
)  # fmt: skip
def test_other_content_types(content_type: bytes) -> None:
    """What is neither CloudEvents JSON nor binary JSON is not supported."""
    value, headers = binary(sample("message"))
    reject = Reject("content_type_unsupported", "content-type")
    assert read("messages", value, [*headers, ("content-type", content_type)]) == reject
    assert read("messages", value, [("content-type", content_type)]) == reject


def test_json_without_attributes() -> None:
    """Plain JSON without `ce_` headers can only be structured: many producers write no better content type."""
    value = example(events.MessageEvent)
    assert read("messages", value, [("content-type", b"application/json")]) == read("messages", value, ())


@pytest.mark.parametrize(
    ("topic", "paths"),
    [
        ("bookings", ["tags", "attributes", "revision", "guest.first_name", "property", "amount"]),
        ("ratings", ["revision", "withdrawn", "comment"]),
        ("messages", ["revision", "deleted", "name"]),
        ("commands", ["description", "sticky", "join_words"]),
    ],
)
def test_null_is_a_field_left_out(topic: str, paths: list[str]) -> None:
    """Several of them too, and what else is told stays as it was written."""
    kind: Any = {"bookings": events.BookingEvent, "ratings": events.RatingEvent, "messages": events.MessageEvent}
    null = msgspec.json.decode(example(kind.get(topic, commands.GroupCreate)))
    bare = msgspec.json.decode(msgspec.json.encode(null))
    for path in paths:
        *inner, name = path.split(".")
        functools.reduce(operator.getitem, inner, null["data"])[name] = None
        functools.reduce(operator.getitem, inner, bare["data"]).pop(name, None)
    assert read(topic, msgspec.json.encode(null), ()) == read(topic, msgspec.json.encode(bare), ())


@pytest.mark.parametrize(
    ("topic", "data"),
    [
        (
            "bookings",
            b'"data":{"booking_id":"b","status":"cancelled","tags":null,"guest":{}},"data":{"booking_id":"b"}',
        ),
        ("bookings", b'"data":{"booking_id":"b","status":"cancelled","tags":null},"data":[]'),
        ("bookings", b'"data":{"booking_id":"b","status":"cancelled","tags":null,"tags":["x"]}'),
        ("commands", b'"data":{"contact":{"phone":"1","tags":null},"contact":{"phone":"1"}}'),
        ("commands", b'"data":{"contact":{"phone":"1","tags":null},"contact":null}'),
    ],
)
def test_null_in_one_of_two_of_a_name(topic: str, data: bytes) -> None:
    """The fault is told, whichever of the two it is in."""
    kind = "booking" if topic == "bookings" else "contact.upsert"
    head = msgspec.json.encode({**msgspec.json.decode(example(events.BookingEvent)), "type": kind, "data": None})
    whole = head.replace(b'"data":null', data)
    reject = read(topic, whole, ())
    assert isinstance(reject, Reject)
    assert reject.detail.endswith("tags: Expected `array`, got `null`")


def test_null_in_an_update_is_no_field_left_out() -> None:
    """It could mean that a text is to go, and is refused where it cannot."""
    whole = msgspec.json.decode(example(commands.GroupUpdate))
    whole["data"]["description"] = None
    assert read("commands", msgspec.json.encode(whole), ()) == Reject(
        "field_invalid", "data.description: Expected `str`, got `null`"
    )


def test_null_for_what_must_be_there_is_missing() -> None:
    """Also beside nulls that are nothing wrong."""
    whole = msgspec.json.decode(example(events.BookingEvent))
    whole["data"] = {"tags": None, **whole["data"], "booking_id": None}
    assert read("bookings", msgspec.json.encode(whole), ()) == Reject("field_missing", "data.booking_id")


def test_foreign_headers() -> None:
    """Headers that are not of CloudEvents change nothing."""
    assert read("messages", example(events.MessageEvent), [("traceparent", b"00")]) == read_kind("message")


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    pairs = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [inner for name, one in pairs for inner in _paths(one, (*path, name))]


@pytest.mark.parametrize("kind", BY_TAG)
def test_details_hold_no_values(kind: str) -> None:
    """Whatever is put into whichever field, a fault never repeats it."""
    odd = (
        PRIVATE,
        f"{PRIVATE}` - at `$.{PRIVATE}`",
        f"missing required field `{PRIVATE}`",
        [PRIVATE],
        {PRIVATE: PRIVATE},
    )
    for path in _paths(sample(kind)):
        for value in odd:
            whole = copy.deepcopy(sample(kind))
            at: Any = whole
            for name in path[:-1]:
                at = at[name]
            at[path[-1]] = value
            found = read(TOPIC.get(kind, "commands"), msgspec.json.encode(whole), ())
            assert not isinstance(found, Reject) or PRIVATE not in found.detail


topics = st.sampled_from(["bookings", "ratings", "messages", "commands"])
names = st.sampled_from(
    ["content-type", "ce_id", "ce_type", "ce_time", "ce_tenant", "ce_source", "ce_specversion", "x"]
)
contents = st.binary(max_size=30) | st.sampled_from([b"application/json", b"application/cloudevents+json", b"message"])


@given(
    topics, st.none() | st.binary(max_size=200), st.lists(st.tuples(names | st.text(max_size=9), contents), max_size=8)
)
def test_any_bytes_are_read(topic: str, value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
    """Reading never raises, whatever bytes and headers come."""
    assert isinstance(read(topic, value, headers), msgspec.Struct)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=9),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=9), inner, max_size=3),
    max_leaves=6,
)


@given(st.sampled_from(sorted(BY_TAG)), st.data())
def test_any_json_in_any_field_is_read(kind: str, data: st.DataObject) -> None:
    """Reading never raises, whatever JSON stands in whichever field, in both modes alike."""
    whole = sample(kind)
    path = data.draw(st.sampled_from([path for path in _paths(whole) if path[0] == "data"]))
    at: Any = whole
    for name in path[:-1]:
        at = at[name]
    at[path[-1]] = data.draw(json_values)
    topic = TOPIC.get(kind, "commands")
    found = read(topic, msgspec.json.encode(whole), ())
    assert isinstance(found, msgspec.Struct)
    value, headers = binary(whole)
    assert read(topic, value, headers) == found


@given(st.binary(max_size=3), st.integers(0, 400), st.integers(0, 4))
def test_any_damage_is_read(patch: bytes, at: int, gone: int) -> None:
    """Reading never raises when bytes of a good record are lost or overwritten."""
    value = example(events.MessageEvent)
    assert isinstance(read("messages", value[:at] + patch + value[at + gone :], ()), msgspec.Struct)


@pytest.mark.parametrize(
    ("name", "group"),
    [
        ("Food lovers", "food-lovers"), ("Café & Bar", "cafe-bar"), ("  VIP!  ", "vip"), ("5 stars", "5-stars"),
        ("a" * 100, "a" * 63), ("a" * 62 + " b", "a" * 62), ("\uff26\uff35\uff2c\uff2c", "full"), ("Straße", "strasse"),
        ("貴賓", "group-86158ca2"), (" 貴賓 ", "group-86158ca2"), ("貴賓 2024!", "2024-742f526a"),
        ("a" * 62 + "ก", "a" * 54 + "-d28c5c84"), ("---", None), ("", None), (" ", None),
    ],
)  # fmt: skip
def test_group_id_from_name(name: str, group: str | None) -> None:
    """A group's id is made from the letters and digits of its name, else a digest of it stands in."""
    assert group_id_from_name(name) == group


@given(st.text())
def test_made_ids_are_ids(name: str) -> None:
    """A made id always is one that the contract allows."""
    made = group_id_from_name(name)
    assert made is None or isinstance(read_kind("group.create", {"data.id": made}), commands.GroupCreate)
