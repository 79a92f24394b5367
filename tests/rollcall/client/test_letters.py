"""What a publisher sends: checked, under the right key, and named so that a retry is a duplicate."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollcall.client import InvalidEventError, Publisher, UnreachableError
from rollcall.client.errors import ClientError
from rollcall.client.letters import Attributes, command_letter, enveloped, event_letter
from schemas.base import example
from schemas.commands import GroupAdd
from schemas.events import Booking, BookingEvent, Guest, MessageEvent, RatingEvent

AT = datetime(2026, 10, 20, 9, 30, tzinfo=UTC)
SENT: Attributes = {"tenant": "bali", "source": "pms", "time": AT}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.binary(max_size=4) | st.just(3j),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=12,
)


def sample(kind: type, **data: Any) -> Any:
    """A struct's example as a dict, with other data."""
    event = msgspec.json.decode(example(kind))
    return event | {"data": {**event["data"], **data}}


@pytest.mark.parametrize(
    ("kind", "data", "topic", "key"),
    [
        (BookingEvent, {}, "bookings", "bali-resorts/bk-1001"),
        (RatingEvent, {}, "ratings", "bali-resorts/rt-77"),
        (MessageEvent, {}, "messages", "bali-resorts/6281234567890"),
        (MessageEvent, {"direction": "outbound", "to": "628555"}, "messages", "bali-resorts/628555"),
    ],
)
def test_each_event_has_its_topic_and_key(kind: type, data: dict[str, Any], topic: str, key: str) -> None:
    """One fact's revisions, and one guest's messages both ways, share a key; a dict and a struct send the same."""
    letter = event_letter(sample(kind, **data))
    assert (letter.topic, letter.key) == (topic, key.encode())
    assert event_letter(msgspec.json.decode(letter.value, type=kind))[:2] == letter[:2]


def test_commands_are_keyed_by_tenant() -> None:
    """A tenant's commands keep their order."""
    letter = command_letter(msgspec.json.decode(example(GroupAdd)))
    assert (letter.topic, letter.key) == ("commands", b"bali-resorts")


@pytest.mark.parametrize(
    ("event", "reason", "field"),
    [
        (sample(BookingEvent, booking_id=None), "field_missing", "data.booking_id"),
        (sample(BookingEvent, booking_id=7), "field_invalid", "data.booking_id"),
        (sample(BookingEvent, check_out="2026-10-01"), "field_invalid", "data.check_out"),
        (sample(RatingEvent, stars=9), "field_invalid", "data.stars"),
        (sample(MessageEvent, text=None), "field_missing", "data.text"),
        (sample(MessageEvent) | {"tenant": "Not OK"}, "field_invalid", "tenant"),
        (sample(MessageEvent) | {"time": datetime(2026, 1, 1)}, "field_invalid", "time"),  # noqa: DTZ001 - the fault
        ({k: v for k, v in sample(MessageEvent).items() if k != "id"}, "field_missing", "id"),
        (sample(MessageEvent, text="x" * 300_000), "too_large", ""),
        (sample(MessageEvent, text=3j), "not_json", "value"),
        (sample(GroupAdd), "type_unknown", "type"),
        ({}, "type_unknown", "type"),
        ([], "type_unknown", "type"),
    ],
)
def test_an_invalid_event_names_the_field(event: Any, reason: str, field: str) -> None:
    """Nothing is sent that would be a dead letter: the error has the dead letter's word and the field's path."""
    with pytest.raises(InvalidEventError) as caught:
        event_letter(event)
    assert (caught.value.reason, caught.value.field) == (reason, field)
    assert str(caught.value).startswith(reason)


def test_an_error_tells_no_content() -> None:
    """A guest's phone and words stay out of the error's text."""
    with pytest.raises(InvalidEventError) as caught:
        event_letter(sample(MessageEvent, text="secret words", channel="", **{"from": "6281299999999"}))
    assert "secret" not in str(caught.value)
    assert "62812" not in str(caught.value)


def test_an_error_of_a_list_tells_which() -> None:
    """Among many events the index tells which one is wrong."""
    with pytest.raises(InvalidEventError, match=r"^event 3: field_invalid: data\.stars"):
        event_letter(sample(RatingEvent, stars=9), index=3)


def test_content_gets_an_envelope_that_a_retry_repeats() -> None:
    """Without an id, the fact's id and revision make one: the same fact sent again is a duplicate."""
    booking = Booking(booking_id="bk-1", revision=3, status="cancelled", guest=Guest(phone="0812"))
    first, again = (event_letter(enveloped("booking", booking, SENT)) for _ in range(2))
    assert first == again
    assert msgspec.json.decode(first.value)["id"] == "bk-1:3"
    assert msgspec.json.decode(event_letter(enveloped("booking", booking, {**SENT, "id": "own"})).value)["id"] == "own"
    with pytest.raises(InvalidEventError, match=r"field_missing: data\.booking_id"):
        event_letter(enveloped("booking", {"status": "cancelled"}, SENT))


@given(st.dictionaries(st.sampled_from(["specversion", "type", "id", "source", "time", "tenant", "data"]), JSON) | JSON)
def test_what_is_no_event_is_refused_by_name(event: Any) -> None:
    """Any value at all that is no event raises InvalidEventError, nothing else."""
    for check in (event_letter, command_letter):
        with pytest.raises(InvalidEventError):
            check(event)


async def test_a_wrong_address_is_named() -> None:
    """Where no broker answers, the error says where it looked and what to do."""
    with pytest.raises(
        UnreachableError, match=r"no broker answers at 127\.0\.0\.1:1: start it, or correct the address"
    ):
        async with Publisher("127.0.0.1:1"):
            pass


async def test_a_closed_publisher_says_so() -> None:
    """Outside of `async with` nothing is sent, and the error says how it is used."""
    with pytest.raises(ClientError, match="async with"):
        await Publisher("127.0.0.1:1").publish(sample(MessageEvent))


def test_the_client_is_light() -> None:
    """Importing the client loads neither Faust nor RocksDB nor the pipeline."""
    heavy = ("faust", "mode", "rocksdict", "typer", "aiohttp", "processors", "streams.runtime", "streams.cli")
    run = f"import sys, rollcall.client; print([name for name in {heavy!r} if name in sys.modules])"
    told = subprocess.run([sys.executable, "-c", run], capture_output=True, text=True, check=True)
    assert told.stdout.strip() == "[]"
