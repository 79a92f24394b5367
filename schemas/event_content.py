"""What an event's content must say beyond its types: fields that others ask for, dates in order, money that adds up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from schemas.base import Reject
from schemas.events import Booking, BookingEvent, Message, MessageEvent, Rating, RatingEvent
from schemas.rule_checks import sane

_FIRST_YEAR, _LAST_YEAR = 1900, 2999
"""Stays outside are slips of the pen (0202-11-01), and would carry windows out of the calendar."""


def _missing(name: str) -> Reject:
    return Reject("field_missing", f"data.{name}")


def _message(data: Message) -> Reject | None:
    if data.text is None and not data.deleted:
        return _missing("text")
    if data.direction == "inbound":
        return None if data.from_ else _missing("from")
    return None if data.to else _missing("to")


def _rating(data: Rating) -> Reject | None:
    if data.stars is None and not data.withdrawn:
        return _missing("stars")
    # a later revision without a guest means the guest already known
    if data.guest is None and data.revision <= 1 and not data.withdrawn:
        return _missing("guest")
    return None


def _booking(data: Booking) -> Reject | None:
    return (None if data.status == "cancelled" else _unfinished(data)) or _stay(data) or _amount(data)


def _unfinished(data: Booking) -> Reject | None:
    if data.guest is None and data.revision <= 1:
        return _missing("guest")
    for name in ("check_in", "check_out", "room_type"):
        if getattr(data, name) is None:
            return _missing(name)
    return None


def _stay(data: Booking) -> Reject | None:
    for name in ("check_in", "check_out"):
        day = getattr(data, name)
        if day is not None and not _FIRST_YEAR <= day.year <= _LAST_YEAR:
            return Reject("field_invalid", f"data.{name}: out of range")
    if data.check_in is not None and data.check_out is not None and data.check_out < data.check_in:
        return Reject("field_invalid", "data.check_out: before check_in")
    return None


def _amount(data: Booking) -> Reject | None:
    if data.amount is None or (sane(data.amount) and data.amount >= 0):
        return None
    return Reject("field_invalid", "data.amount: at least 0, below 10^18, with 9 decimals at most")


EVENT_CHECKS: dict[type, Callable[[Any], Reject | None]] = {
    BookingEvent: _booking,
    RatingEvent: _rating,
    MessageEvent: _message,
}
