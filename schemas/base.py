"""What all schemas share: identifiers, moments, and the two faults that data can have."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct

_TENANT = r"^[a-z0-9][a-z0-9-]{0,62}\Z"
TenantId = Annotated[str, Meta(pattern=_TENANT, description="one business account")]
TenantName = Annotated[str, Meta(extra_json_schema={"pattern": _TENANT}, description="one business account")]
"""A TenantId that whoever decodes it holds against its pattern: by `check_tenant` that costs a sixth."""
GroupId = Annotated[str, Meta(pattern=r"^[a-z0-9][a-z0-9._-]{0,62}\Z", description="a group of one tenant")]
PropertyId = Annotated[str, Meta(min_length=1, max_length=255, description="one hotel or outlet of a tenant")]
ContactId = Annotated[str, Meta(min_length=3, max_length=1024, description="tel:+…, mailto:…, whatsapp:…, …")]
Id = Annotated[str, Meta(min_length=1, max_length=1024, description="an identifier given by the publisher")]
Name = Annotated[str, Meta(max_length=1024)]
Moment = Annotated[datetime, Meta(tz=True, description="RFC 3339 with offset")]

Reason = Literal[
    "null_value",  # the record has no value
    "too_large",  # beyond 256 KiB, commands 1 MiB
    "not_json",  # the value is no UTF-8 JSON object
    "content_type_unsupported",  # neither CloudEvents structured nor binary JSON
    "field_missing",  # a required field is absent; `detail` names it
    "field_invalid",  # a field has a wrong type or value; `detail` names it
    "type_unknown",  # no event or command has this `type`, or not on this topic
    "tenant_unknown",  # the tenant has no record
    "group_unknown",  # a command names a group that the tenant does not have
    "phone_invalid",  # the only identity is a phone that is none
    "identity_missing",  # nothing names the guest
    "from_the_future",  # event time is more than 5 minutes ahead of the append time, and it is no opt-out
    "too_old",  # a message older than the retention
    "quota_exceeded",  # more than a definition may have; `detail` is the path, the bound and its setting
    "rule_invalid",  # a group's rule does not parse; `detail` is the path of the wrong node
]
"""Why a record became a dead letter: one list for the code, the metric labels and the docs."""


class Reject(Struct, frozen=True):
    """The data's fault: why a record is a dead letter, and which field (never its content).

    {"reason": "field_missing", "detail": "data.booking_id"}
    """

    reason: Reason
    detail: str = ""


def check_tenant(name: str) -> Reject | None:
    """Return what decoding a TenantId would say of a text that is none."""
    return None if len(name) <= 63 and _is_tenant(name) else _NO_TENANT


@lru_cache(10_000)
def _is_tenant(name: str) -> bool:
    return re.match(_TENANT, name) is not None


_NO_TENANT = Reject("field_invalid", f"tenant: Expected `str` matching regex {_TENANT!r}")
_AT = re.compile(r" - at (?:`key` in )?`\$\.?(?P<path>[^`]*)`\Z")
_MISSING = re.compile(r"Object missing required field `(?P<name>[^`]+)`")
_TELLING = re.compile(
    r"Expected `[a-z |]+`(?: matching regex .*| of length [<>=]+ [0-9]+| [<>=]+ -?[0-9.]+| that's a multiple of [0-9.]+"
    r"| with a timezone component|, got `[a-z |]+`)?"
    r"|Invalid (?:RFC3339 encoded datetime|RFC3339 encoded date|date|decimal string)"
    r"|(?:Integer value|Number) out of range"
)


def explain(error: msgspec.ValidationError) -> Reject:
    """Turn msgspec's message into a reason and a path, without any value of the record.

    Only texts known to hold nothing but names of types and our own limits are passed on: some messages quote the value.
    """
    text = str(error)
    at = _AT.search(text)
    path = at["path"] if at else ""
    what = text[: at.start()] if at else text
    missing = _MISSING.fullmatch(what)
    if missing:
        return Reject("field_missing", f"{path}.{missing['name']}".lstrip("."))
    telling = f": {what}" if path != "type" and _TELLING.fullmatch(what) else ""
    return Reject("field_invalid", f"{path or 'value'}{telling}")


def moment(ms: int) -> datetime:
    """Give a datetime in UTC from epoch milliseconds; what lies outside the years 1 to 9999 is cut to them."""
    seconds, rest = divmod(min(max(ms, _FIRST_MS), _LAST_MS), 1000)
    return _EPOCH + timedelta(0, seconds, rest * 1000)  # exact: a float of seconds loses milliseconds


def stamp(ms: int) -> bytes:
    """Write as JSON what `moment` gives, in a sixth of the time."""
    minute, rest = divmod(ms if _FIRST_MS <= ms <= _LAST_MS else min(max(ms, _FIRST_MS), _LAST_MS), 60_000)
    second, ms = divmod(rest, 1000)
    return _minute(minute) + (b'%02d.%03d000Z"' % (second, ms) if ms else _SECONDS[second])


@lru_cache(4_096)
def _minute(minute: int) -> bytes:
    day, minute = divmod(minute, 1_440)
    return _day(day) + _MINUTES[minute]


@lru_cache(4_096)
def _day(day: int) -> bytes:
    return f'"{(_EPOCH + timedelta(day)).date().isoformat()}T'.encode()


_MINUTES = [f"{hour:02}:{minute:02}:".encode() for hour in range(24) for minute in range(60)]
_SECONDS = [f'{second:02}Z"'.encode() for second in range(60)]


def millis(at: datetime) -> int:
    """Epoch milliseconds, rounded down, of a datetime with offset."""
    delta = at - _EPOCH
    return (delta.days * 86_400 + delta.seconds) * 1000 + delta.microseconds // 1000


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIRST_MS, _LAST_MS = -62_135_596_800_000, 253_402_300_799_999


def example(struct: type[Any]) -> bytes:
    """Give the JSON example of a struct's docstring: from the first `{` to the end."""
    text = struct.__doc__ or ""
    return text[text.index("{") :].encode()
