"""Bookings: each real row becomes a stay of an invented guest, told in one to four revisions."""

from __future__ import annotations

from datetime import timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from schemas.events import Booking, Status
from streams.demo import drafts, rows
from streams.demo.dice import happens
from streams.demo.times import DAY, HOUR, Year, at, day_in

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator
    from datetime import date

    from streams.demo.drafts import Draft
    from streams.demo.guests import Guest

ROOMS = {
    "city": {"A": "Classic Room", "B": "Classic Twin", "C": "Family Room", "D": "Superior Room", "E": "Junior Suite"},
    "resort": {
        "A": "Garden Room", "B": "Garden Twin", "C": "Family Room", "D": "Sea View Room", "E": "Junior Suite",
        "F": "Pool Villa", "G": "Pool Villa", "I": "Sea View Room", "L": "Beach Cabana",
    },
}  # fmt: skip
"""What the data's room letters are called; any other letter is a Grand Suite, and those are dear and rare."""

CHANNELS = {
    "Online TA": ("booking.com", "expedia"),
    "Direct": ("website", "phone", "walk_in"),
    "Corporate": ("dashboard",),
}
COUNTRIES = {
    "PRT": "PT", "GBR": "GB", "ESP": "ES", "FRA": "FR", "DEU": "DE", "IRL": "IE", "ITA": "IT", "CN": "CN", "CHN": "CN",
    "NLD": "NL", "BRA": "BR", "POL": "PL", "BEL": "BE", "USA": "US", "AUT": "AT", "CHE": "CH", "SWE": "SE", "NOR": "NO",
    "AUS": "AU", "JPN": "JP", "IND": "IN", "KOR": "KR", "ISR": "IL", "TUR": "TR", "UKR": "UA", "ZAF": "ZA", "ARG": "AR",
}  # fmt: skip
IDR_PER_EUR = 17_500
ARRIVAL = 15
"""The hour from which rooms are ready."""


class Stay(NamedTuple):
    """A booking on the calendar of the past twelve months; moments in epoch milliseconds."""

    id: str
    row: rows.BookingRow
    place: str
    guest: Guest
    heir: Guest | None
    check_in: date
    booked: int
    ended: int
    status: Status

    @property
    def check_out(self) -> date:
        """Return the day of departure."""
        return self.check_in + timedelta(days=self.row.nights)


def plan(number: int, count: int, year: Year, book: dict[str, list[Guest]], dice: random.Random) -> Stay | None:
    """Plan stay `number` of `count`, or None where it is not booked yet."""
    row = rows.spread(rows.bookings(), number, count)
    place = "resort" if row.hotel.startswith("Resort") else "city"
    check_in = day_in(year.squeeze(row.arrival), drafts.zone(place)) + timedelta(days=number // len(rows.bookings()))
    arrives = at(check_in, ARRIVAL, drafts.zone(place))
    lead = round(row.lead_days * year.factor * DAY) + round(dice.uniform(1, 12) * HOUR)
    # what was booked before the twelve months begin is on the books when they do
    booked = max(arrives - lead, year.start + dice.randrange(DAY))
    guest = _guest(row, place, book, dice)
    heir = dice.choice(book[guest.region]) if guest.phone and happens(0.015, dice) else None
    if booked > year.now:
        return None
    status, ended = _end(row, check_in, booked, drafts.zone(place), dice)
    suffix = f"-{number}" if number >= len(rows.bookings()) else ""
    return Stay(f"bk-{row.row}{suffix}", row, place, guest, heir, check_in, booked, ended, status)


def tell(stay: Stay, year: Year, dice: random.Random) -> Iterator[Draft]:
    """Tell the revisions of a stay that have happened by now."""
    told = ((status, ms) for status, ms in _revisions(stay, dice) if ms <= year.now)
    first = _first(stay, dice)
    for revision, (status, ms) in enumerate(told, start=1):
        data = replace(first, revision=revision, status=status)
        if revision > 1:
            data = _later(stay, data, dice)
        yield drafts.booking(data, ms)


def _revisions(stay: Stay, dice: random.Random) -> list[tuple[Status, int]]:
    arrives = at(stay.check_in, ARRIVAL, drafts.zone(stay.place))
    told: list[tuple[Status, int]] = [("confirmed", stay.booked)]
    if stay.row.changes and stay.status != "no_show":
        told.append(("confirmed", stay.booked + dice.randrange(1, max(2, min(arrives, stay.ended) - stay.booked))))
    if stay.status == "checked_out":
        told.append(("checked_in", max(told[-1][1], arrives) + dice.randrange(1, 6 * HOUR)))
    return [*told, (stay.status, max(told[-1][1] + 1, stay.ended))]


def _end(row: rows.BookingRow, check_in: date, booked: int, zone: str, dice: random.Random) -> tuple[Status, int]:
    arrives = at(check_in, ARRIVAL, zone)
    if row.status == "Canceled":
        # the share of the lead time after which the real guest cancelled
        share = 1 - max(0, (row.arrival - row.status_day).days) / max(1, row.lead_days)
        return "cancelled", booked + max(HOUR, round((arrives - booked) * min(1.0, max(0.0, share))))
    if row.status == "No-Show":
        return "no_show", at(check_in + timedelta(days=1), 3, zone)
    left = at(check_in + timedelta(days=row.nights), dice.uniform(8, 12), zone)
    return "checked_out", max(left, booked + HOUR, arrives + 8 * HOUR)


def _guest(row: rows.BookingRow, place: str, book: dict[str, list[Guest]], dice: random.Random) -> Guest:
    region = COUNTRIES.get(row.country, "")
    if region == "PT" and place == "resort":
        region = "ID"
    return dice.choice(book.get(region) or book[dice.choice([*book])])


def _first(stay: Stay, dice: random.Random) -> Booking:
    guest, country = drafts.on_form(stay.guest, stay.place, dice)
    channel = dice.choice(CHANNELS.get(stay.row.segment, ("travel-agent",)))
    if channel == "booking.com" and guest.phone and happens(0.5, dice):
        guest = replace(guest, email=f"guest{stay.guest.number}.{stay.id}@guest.booking.com")
    amount, currency = _price(stay)
    return Booking(
        booking_id=stay.id, status="confirmed", property=stay.place, guest=guest, channel=channel, country=country,
        room_type=_room(stay.place, stay.row.reserved), check_in=stay.check_in, check_out=stay.check_out,
        amount=amount, currency=currency, attributes={"adults": stay.row.adults, "children": stay.row.children},
    )  # fmt: skip


def _later(stay: Stay, data: Booking, dice: random.Random) -> Booking:
    if data.status == "cancelled" and not stay.heir and happens(0.5, dice):
        # many channels tell only which booking is off
        off = Booking(booking_id=data.booking_id, revision=data.revision, status="cancelled")
        return replace(off, property=data.property, channel=data.channel)
    guest, country = drafts.on_form(stay.heir or stay.guest, stay.place, dice)
    room = data.room_type if data.status == "confirmed" else _room(stay.place, stay.row.assigned)
    return replace(data, guest=guest, country=country, room_type=room)


def _room(place: str, letter: str) -> str:
    return ROOMS[place].get(letter, "Grand Suite")


def _price(stay: Stay) -> tuple[Decimal, str]:
    euros = max(Decimal(0), Decimal(stay.row.adr)) * stay.row.nights
    if stay.place == "city":
        return euros.quantize(Decimal("0.01"), ROUND_HALF_UP), "EUR"
    return (euros * IDR_PER_EUR / 1000).quantize(Decimal(1), ROUND_HALF_UP) * 1000, "IDR"
