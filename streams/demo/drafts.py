"""One record of the demo on its way: when it arrives, on which topic, under which key, with what."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from schemas.base import moment
from schemas.events import BookingEvent, Guest, MessageEvent, RatingEvent
from streams.demo import guests as people
from streams.demo.dice import happens
from streams.demo.groups import TENANT, TENANT_ID

if TYPE_CHECKING:
    import random

    from schemas.events import Booking, Message, Rating


class Draft(NamedTuple):
    """A record and its moment of arrival, by which records are sorted; those of one moment by their event's id."""

    arrives: int
    event: str
    topic: str
    key: bytes
    value: bytes


def booking(data: Booking, ms: int) -> Draft:
    """Make a booking's revision into a record."""
    event = f"{data.booking_id}:{data.revision}"
    source = "booking.com" if data.channel == "booking.com" else "channel-manager"
    value = BookingEvent(data=data, **envelope(source, event, ms, data.property))
    return Draft(ms, event, "bookings", data.booking_id.encode(), msgspec.json.encode(value))


def rating(data: Rating, ms: int) -> Draft:
    """Make a rating's revision into a record."""
    event = f"{data.rating_id}:{data.revision}"
    value = RatingEvent(data=data, **envelope("reviews", event, ms, data.property))
    return Draft(ms, event, "ratings", data.rating_id.encode(), msgspec.json.encode(value))


def message(data: Message, ms: int) -> Draft:
    """Make a message's revision into a record; its key keeps the revisions of a message in order."""
    event = f"{data.message_id}:{data.revision}"
    value = MessageEvent(data=data, **envelope(data.channel, event, ms, data.property))
    return Draft(ms, event, "messages", data.message_id.encode(), msgspec.json.encode(value))


def envelope(source: str, event: str, ms: int, place: str | None) -> dict[str, Any]:
    """Return the CloudEvents attributes; the clock of the event's property shows its time."""
    local = moment(ms).astimezone(ZoneInfo(zone(place)))
    return {"specversion": "1.0", "source": source, "id": event, "time": local, "tenant": TENANT_ID}


def zone(place: str | None) -> str:
    """Return a property's time zone, else the tenant's."""
    known = TENANT.properties.get(place or "")
    return known.zone if known and known.zone else TENANT.zone


def region(place: str | None) -> str:
    """Return the region in which a property reads phones, else the tenant's."""
    known = TENANT.properties.get(place or "")
    return (known and known.region) or TENANT.region or ""


def on_form(who: people.Guest, place: str, dice: random.Random) -> tuple[Guest, str | None]:
    """Return the guest as a form knows them, with the country that the form names."""
    phone, country = people.typed(who, region(place), dice) if who.phone else (None, None)
    split = happens(0.8, dice)  # some channels know one name only
    return Guest(
        first_name=who.first_name if split else None,
        last_name=who.last_name if split else None,
        name=None if split else who.name,
        phone=phone,
        email=who.email,
        language=who.language,
    ), country
