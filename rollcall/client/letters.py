"""From what a caller gives to a record that the pipeline takes: checked bytes, their topic and their key. No I/O."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, NamedTuple, NotRequired, TypedDict, cast

import msgspec

from rollcall.client.errors import InvalidEventError
from schemas.base import Reject
from schemas.commands import Command
from schemas.envelope import read
from schemas.events import BookingEvent, Event, MessageEvent, RatingEvent

TOPICS = {"booking": "bookings", "rating": "ratings", "message": "messages"}
"""The topic of each type of event."""


class Letter(NamedTuple):
    """A record to be sent: topic without prefix, key, value."""

    topic: str
    key: bytes
    value: bytes


def event_letter(event: Event | Mapping[str, Any], *, index: int | None = None) -> Letter:
    """Check a booking, rating or message. Raises InvalidEventError, which names the field."""
    kind = _type_of(event)
    if not isinstance(kind, str) or kind not in TOPICS:
        raise InvalidEventError(
            "type_unknown", f"type: one of {', '.join(TOPICS)}; commands go to command()", index=index
        )
    return _letter(TOPICS[kind], event, index)


def command_letter(command: Command | Mapping[str, Any], *, index: int | None = None) -> Letter:
    """Check a command. Raises InvalidEventError, which names the field."""
    return _letter("commands", command, index)


class Attributes(TypedDict):
    """What an envelope says beside its content; without an id, the content's own id and revision make one."""

    tenant: str
    source: str
    time: datetime
    id: NotRequired[str]


def enveloped(kind: str, data: msgspec.Struct | Mapping[str, Any], attributes: Attributes) -> dict[str, Any]:
    """Put content into an envelope. Raises InvalidEventError when JSON cannot say it."""
    content = msgspec.json.decode(_encoded(data, None))
    return {"specversion": "1.0", "type": kind, "id": _own_id(kind, content), **attributes, "data": content}


def _own_id(kind: str, content: Any) -> str:
    """The same fact in the same revision is the same event, whoever sends it again: `bk-1001:3`."""
    named = cast("dict[str, Any]", content) if isinstance(content, dict) else {}
    return f"{named.get(f'{kind}_id', '')}:{named.get('revision', 1)}"


def _type_of(event: Any) -> Any:
    if isinstance(event, msgspec.Struct):
        return event.__struct_config__.tag
    return event.get("type") if isinstance(event, Mapping) else None  # pyright: ignore[reportUnknownMemberType,reportUnknownVariableType]


def _letter(topic: str, given: object, index: int | None) -> Letter:
    value = _encoded(given, index)
    found = read(topic, value, ())
    if isinstance(found, Reject):
        raise InvalidEventError(found.reason, found.detail, index=index)
    return Letter(topic, key_of(found), value)


def _encoded(given: object, index: int | None) -> bytes:
    try:
        return msgspec.json.encode(given)
    except (TypeError, ValueError, RecursionError):
        # the encoder's own text may quote the value
        raise InvalidEventError("not_json", "value: holds something that JSON cannot say", index=index) from None


def key_of(event: Event | Command) -> bytes:
    """The key that keeps one guest's or one fact's events in order.

    tenant/booking_id, tenant/rating_id, tenant/<the guest's address> for messages both ways; the tenant for commands.
    """
    if isinstance(event, BookingEvent):
        return f"{event.tenant}/{event.data.booking_id}".encode()
    if isinstance(event, RatingEvent):
        return f"{event.tenant}/{event.data.rating_id}".encode()
    if isinstance(event, MessageEvent):
        guest = event.data.from_ if event.data.direction == "inbound" else event.data.to
        return f"{event.tenant}/{guest}".encode()
    return event.tenant.encode()
