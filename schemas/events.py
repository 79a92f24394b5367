"""What channel managers and chat gateways publish: bookings, ratings and messages as CloudEvents."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from schemas.base import Id, Moment, Name, PropertyId, TenantName

Status = Literal["confirmed", "checked_in", "checked_out", "cancelled", "no_show"]
Direction = Literal["inbound", "outbound"]
Revision = Annotated[int, Meta(ge=0, le=2**53)]
Stars = Annotated[float, Meta(ge=1, le=5, multiple_of=0.5)]
Amount = Annotated[Decimal, Meta(description="a decimal string, or a JSON number; at least 0")]


class Guest(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Who booked or rated: any identity that the channel knows.

    {"first_name": "Made", "last_name": "Wirawan", "phone": "0812-3456-7890", "email": "made@example.com"}
    """

    first_name: Name | None = None
    last_name: Name | None = None
    name: Name | None = None
    phone: Name | None = None
    email: Name | None = None
    whatsapp: Name | None = None
    telegram: Name | None = None
    instagram: Name | None = None
    facebook: Name | None = None
    live_chat: Name | None = None
    country: Name | None = None
    language: Name | None = None


class Booking(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One booking in one revision.

    {"booking_id": "bk-1001", "revision": 3, "status": "confirmed", "property": "ubud",
     "guest": {"phone": "0812-3456-7890"},
     "channel": "booking.com", "room_type": "Pool Villa", "check_in": "2026-11-01", "check_out": "2026-11-04",
     "amount": "4250000.00", "currency": "IDR"}
    """

    booking_id: Id
    status: Status
    revision: Revision = 1
    property: PropertyId | None = None
    guest: Guest | None = None
    channel: Name | None = None
    room_type: Name | None = None
    check_in: date | None = None
    check_out: date | None = None
    amount: Amount | None = None
    currency: Annotated[str, Meta(pattern=r"^[A-Za-z]{3}\Z")] | None = None
    country: Name | None = None
    postal_code: Name | None = None
    tags: list[Name] = []
    attributes: dict[str, Any] = {}


class Rating(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One rating in one revision; `withdrawn` takes it back.

    {"rating_id": "rt-77", "revision": 1, "stars": 5, "property": "ubud", "guest": {"phone": "+62 812 3456 7890"},
     "comment": "Lovely dinner"}
    """

    rating_id: Id
    stars: Stars | None = None
    revision: Revision = 1
    property: PropertyId | None = None
    guest: Guest | None = None
    comment: str | None = None
    country: Name | None = None
    channel: Name | None = None
    withdrawn: bool = False


class Message(Struct, frozen=True, kw_only=True, omit_defaults=True, gc=False):
    """One chat message in one revision; `deleted` takes it back.

    {"message_id": "wamid.A1", "channel": "whatsapp", "direction": "inbound", "from": "6281234567890",
     "name": "Made", "text": "Can we book dinner at the restaurant?", "property": "ubud"}
    """

    message_id: Id
    channel: Annotated[str, Meta(min_length=1, max_length=64)]
    direction: Direction
    text: str | None = None
    from_: Name | None = field(default=None, name="from")
    to: Name | None = None
    user_id: Name | None = None
    revision: Revision = 1
    name: Name | None = None
    email: Name | None = None
    property: PropertyId | None = None
    country: Name | None = None
    language: Name | None = None
    deleted: bool = False


class Envelope(Struct, frozen=True, kw_only=True):
    """The CloudEvents attributes that every event and command has.

    {"specversion": "1.0", "source": "booking.com", "id": "bk-1001:3", "time": "2026-10-20T09:30:00Z",
     "tenant": "bali-resorts"}
    """

    specversion: Literal["1.0"]
    source: Id
    id: Id
    time: Moment
    tenant: TenantName


class BookingEvent(Envelope, frozen=True, kw_only=True, tag_field="type", tag="booking"):
    """A booking made, changed or cancelled.

    {"specversion": "1.0", "type": "booking", "source": "booking.com", "id": "bk-1001:3",
     "time": "2026-10-20T09:30:00Z",
     "tenant": "bali-resorts", "data": {"booking_id": "bk-1001", "revision": 3, "status": "confirmed",
     "property": "ubud",
     "guest": {"first_name": "Made", "last_name": "Wirawan", "phone": "0812-3456-7890", "email": "made@example.com"},
     "channel": "booking.com", "room_type": "Pool Villa", "check_in": "2026-11-01", "check_out": "2026-11-04",
     "amount": "4250000.00", "currency": "IDR"}}
    """

    data: Booking


class RatingEvent(Envelope, frozen=True, kw_only=True, tag_field="type", tag="rating"):
    """A rating given, changed or withdrawn.

    {"specversion": "1.0", "type": "rating", "source": "reviews", "id": "rt-77:1", "time": "2026-11-04T12:00:00Z",
     "tenant": "bali-resorts", "data": {"rating_id": "rt-77", "revision": 1, "stars": 5, "property": "ubud",
     "guest": {"phone": "+62 812 3456 7890"}, "comment": "Lovely dinner"}}
    """

    data: Rating


class MessageEvent(Envelope, frozen=True, kw_only=True, tag_field="type", tag="message", gc=False):
    """A chat message received, sent, edited or deleted.

    {"specversion": "1.0", "type": "message", "source": "whatsapp", "id": "wamid.A1",
     "time": "2026-11-02T18:05:11+08:00",
     "tenant": "bali-resorts", "data": {"message_id": "wamid.A1", "channel": "whatsapp", "direction": "inbound",
     "from": "6281234567890", "name": "Made", "text": "Can we book dinner at the restaurant?", "property": "ubud"}}
    """

    data: Message


Event = BookingEvent | RatingEvent | MessageEvent
