"""Records that must end as dead letters, one of each kind, so that the demo shows them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from schemas.base import moment
from streams.demo.drafts import Draft
from streams.demo.groups import TENANT_ID
from streams.demo.times import DAY

if TYPE_CHECKING:
    from collections.abc import Iterator

    from schemas.base import Reason


class Fault(NamedTuple):
    """The reason a record must be turned away with, and what its data and envelope say instead of what is good."""

    reason: Reason
    topic: str
    data: dict[str, Any]
    envelope: dict[str, Any] = {}  # noqa: RUF012 - never changed
    days: int = 0


GUEST = {"phone": "+351912345678"}
GOOD: dict[str, dict[str, Any]] = {
    "bookings": {
        "booking_id": "bad", "status": "confirmed", "guest": GUEST, "room_type": "Pool Villa", "check_in": "2026-01-01",
        "check_out": "2026-01-03", "amount": "100.00", "currency": "EUR", "property": "city",
    },
    "ratings": {"rating_id": "bad", "stars": 5, "guest": GUEST, "property": "city"},
    "messages": {
        "message_id": "bad", "channel": "whatsapp", "direction": "inbound", "from": "whatsapp:+351912345678",
        "text": "dinner",
    },
}  # fmt: skip
TYPES = {"bookings": "booking", "ratings": "rating", "messages": "message"}
"""What would be good but for the fault; a None in a fault takes the field away."""

FAULTS: tuple[Fault, ...] = (
    Fault("field_missing", "bookings", {"booking_id": None}),
    Fault("field_missing", "bookings", {"room_type": None}),
    Fault("field_invalid", "bookings", {"status": "maybe"}),
    Fault("field_invalid", "bookings", {"amount": "-80.00"}),
    Fault("field_invalid", "bookings", {"check_in": "01/02/2026"}),
    Fault("field_invalid", "bookings", {"revision": "two"}),
    Fault("field_missing", "ratings", {"stars": None}),
    Fault("field_invalid", "ratings", {"stars": 9}),
    Fault("phone_invalid", "ratings", {"guest": {"phone": "6.28E+11"}}),
    Fault("phone_invalid", "ratings", {"guest": {"phone": "12345"}}),
    Fault("identity_missing", "ratings", {"guest": {"first_name": "Ana"}}),
    Fault("phone_invalid", "messages", {"from": "no number", "channel": "sms"}),
    Fault("field_missing", "messages", {"text": None}),
    Fault("field_invalid", "messages", {"direction": "sideways"}),
    Fault("type_unknown", "messages", {}, {"type": "telegram"}),
    Fault("type_unknown", "ratings", {"rating_id": None, "stars": None} | GOOD["messages"], {"type": "message"}),
    Fault("tenant_unknown", "messages", {}, {"tenant": "nobody-hotels"}),
    Fault("field_missing", "messages", {}, {"time": None}),
    Fault("from_the_future", "ratings", {}, days=30),
    Fault("too_old", "messages", {}, days=-500),
)

NOT_JSON = b'{"specversion": "1.0", "type": "mess'

REASONS: dict[bytes, Reason] = {
    f"fault-{number}".encode(): fault.reason for number, fault in enumerate(FAULTS, start=1)
}
REASONS[b"fault-json"] = "not_json"
"""The reason of each bad record, by its key, which its dead letter keeps."""


def drafts(start_ms: int, now_ms: int) -> Iterator[Draft]:
    """Spread the bad records over the time from start to now."""
    step = (now_ms - start_ms) // (len(FAULTS) + 2)
    for number, fault in enumerate(FAULTS, start=1):
        ms = start_ms + number * step
        happened = (now_ms if fault.days else ms) + fault.days * DAY
        event = f"fault-{number}"
        yield Draft(ms, event, fault.topic, event.encode(), _value(fault, event, happened))
    yield Draft(now_ms - step, "fault-json", "messages", b"fault-json", NOT_JSON)


def _value(fault: Fault, event: str, ms: int) -> bytes:
    data = GOOD[fault.topic] | fault.data
    envelope = {
        "specversion": "1.0", "type": TYPES[fault.topic], "source": "demo-faults", "id": event, "time": moment(ms),
        "tenant": TENANT_ID, "data": _present(data),
    }  # fmt: skip
    return msgspec.json.encode(_present(envelope | fault.envelope))


def _present(fields: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}
