"""CloudEvents from Kafka records: one typed decode, then what types cannot say; never an exception.

Structured mode is JSON whose content type is `application/cloudevents+json`, or which has none, or any JSON's, and no
`ce_` headers. Binary mode has the attributes in `ce_` headers and JSON data as the value. Both give the same structs
and faults. A chat message without headers, which most records are, costs one decode and four comparisons.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from schemas.base import Reject, check_tenant, explain
from schemas.command_content import check_command, group_id_from_name
from schemas.commands import Command
from schemas.event_content import EVENT_CHECKS
from schemas.events import BookingEvent, Event, MessageEvent, RatingEvent
from schemas.quotas import DEFAULT, Quotas
from schemas.unknown_fields import explain_unknown

__all__ = ["MAX_COMMAND", "MAX_EVENT", "group_id_from_name", "read"]

MAX_EVENT = 256 * 1024
MAX_COMMAND = 1024 * 1024
ATTRIBUTES = ("specversion", "type", "source", "id", "time", "tenant")

_EVENT = msgspec.json.Decoder(Event)
_COMMAND = msgspec.json.Decoder(Command)
_ANY = msgspec.json.Decoder(msgspec.Raw)
_KIND: dict[str, type[Event]] = {"bookings": BookingEvent, "ratings": RatingEvent, "messages": MessageEvent}
_NULL = re.compile(r"Expected .*, got `null` - at `\$\.(?P<path>data\.[a-z_.]+)`")
_PARTIAL = frozenset({"group.update"})
"""Commands in which null is not the same as nothing said."""
_FIRST_YEAR, _LAST_YEAR = 2, 9998
"""A day of room at both ends of the calendar, so that a change of zone never leaves it."""


class _Type(msgspec.Struct):
    type: str


_TYPE = msgspec.json.Decoder(_Type)
Headers = Sequence[tuple[str, bytes]]
Read = TypeVar("Read")


def read(
    topic: str, value: bytes | None, headers: Headers, *, retention: str = "P400D", quotas: Quotas = DEFAULT
) -> Event | Command | Reject:
    """Read a record of a raw topic (`bookings`, `ratings`, `messages` or `commands`, without the prefix)."""
    if value is None:
        return Reject("null_value")
    if len(value) > (MAX_COMMAND if topic == "commands" else MAX_EVENT):
        return Reject("too_large")
    whole = _structured(value, headers) if headers else value
    if isinstance(whole, Reject):
        return whole
    return _command(whole, retention, quotas) if topic == "commands" else _event(_KIND[topic], whole)


def _event(kind: type[Event], whole: bytes) -> Event | Reject:
    try:
        event = _decoded(_EVENT, whole)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _fault(error, whole)
    if type(event) is not kind:
        return Reject("type_unknown", "type: of another topic")
    if not _FIRST_YEAR <= event.time.year <= _LAST_YEAR:
        return Reject("field_invalid", "time: out of range")
    return check_tenant(event.tenant) or EVENT_CHECKS[kind](event.data) or event


def _command(whole: bytes, retention: str, quotas: Quotas) -> Command | Reject:
    try:
        command = _decoded(_COMMAND, whole)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return _unknown(error, whole) or _fault(error, whole)
    if not _FIRST_YEAR <= command.time.year <= _LAST_YEAR:
        return Reject("field_invalid", "time: out of range")
    return check_tenant(command.tenant) or check_command(command, retention, quotas) or command


def _decoded(decoder: msgspec.json.Decoder[Read], whole: bytes) -> Read:
    """Decode a record; a field of its data that is null is one left out, as many publishers write it."""
    while True:
        try:
            return decoder.decode(whole)
        except msgspec.ValidationError as error:
            null = _NULL.fullmatch(str(error))
            if null is None or _TYPE.decode(whole).type in _PARTIAL:
                raise
            fields = _fields(whole)
            if not _leave_out(fields, null["path"].split(".")):
                raise
        whole = msgspec.json.encode(fields)


def _fields(raw: bytes) -> dict[str, Any]:
    return msgspec.json.decode(raw, type=dict[str, msgspec.Raw])


def _leave_out(fields: dict[str, Any], path: Sequence[str]) -> bool:
    """Leave a null out, named by a path of fields; whether it was there: of two of one name it may be the other."""
    name, *rest = path
    value = bytes(fields.get(name, b""))
    if not rest:
        return value == b"null" and fields.pop(name) is not None
    if not value.startswith(b"{"):
        return False
    inner = _fields(value)
    found = _leave_out(inner, rest)
    fields[name] = msgspec.Raw(msgspec.json.encode(inner))
    return found


def _fault(error: Exception, whole: bytes) -> Reject:
    """Say what is wrong with a value; one that is broken further on is broken first of all."""
    if not isinstance(error, msgspec.ValidationError) or not _is_object(whole):
        return Reject("not_json")
    reject = explain(error)
    unknown = reject.detail == "type" and reject.reason == "field_invalid"
    return Reject("type_unknown", "type") if unknown else reject


def _unknown(error: Exception, whole: bytes) -> Reject | None:
    if not isinstance(error, msgspec.ValidationError) or not _is_object(whole):
        return None
    try:
        return explain_unknown(error, _TYPE.decode(whole).type)
    except msgspec.ValidationError:
        return None


def _is_object(whole: bytes) -> bool:
    try:
        _ANY.decode(whole)
        return whole.decode().lstrip(" \t\r\n").startswith("{")
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False


def _structured(value: bytes, headers: Headers) -> bytes | Reject:
    attributes = {name.lower()[3:]: content for name, content in headers if name.lower().startswith("ce_")}
    content_type = next((content for name, content in headers if name.lower() == "content-type"), None)
    form = _form(content_type, binary=bool(attributes))
    if form == "binary":
        return _united(attributes, value)
    return value if form == "structured" else Reject("content_type_unsupported", "content-type")


def _form(content_type: bytes | None, *, binary: bool) -> str | None:
    if content_type is None:
        return "binary" if binary else "structured"
    media, _, parameters = content_type.decode("latin-1").lower().partition(";")
    if not _is_utf8(parameters):
        return None
    if media.strip() == "application/cloudevents+json":
        return "structured"
    if not _is_json(media.strip()):
        return None
    return "binary" if binary else "structured"


def _is_json(media: str) -> bool:
    plain = media in {"application/json", "text/json"}
    return plain or (media.endswith("+json") and not media.startswith("application/cloudevents"))


def _is_utf8(parameters: str) -> bool:
    pairs = (part.strip().partition("=") for part in parameters.split(";"))
    charsets = [value.strip(' "') for name, _, value in pairs if name.strip() == "charset"]
    return all(charset in {"utf-8", "utf8", "us-ascii"} for charset in charsets)


def _united(attributes: dict[str, bytes], value: bytes) -> bytes | Reject:
    """Write a binary record as the structured one that says the same, so that one decoder reads both."""
    try:
        _ANY.decode(value)
    except (msgspec.DecodeError, RecursionError):
        return Reject("not_json")
    texts: dict[str, Any] = {}
    for name in ATTRIBUTES:
        try:
            texts |= {name: attributes[name].decode()} if attributes.get(name) else {}
        except UnicodeDecodeError:
            return Reject("field_invalid", f"{name}: not UTF-8")
    return msgspec.json.encode(texts | {"data": msgspec.Raw(value)})
