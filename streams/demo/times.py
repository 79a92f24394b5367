"""The past twelve months, and how the data's twenty months are shifted and squeezed into them."""

from __future__ import annotations

import calendar
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from zoneinfo import ZoneInfo

from schemas.base import millis, moment

HOUR = 3_600_000
DAY = 24 * HOUR
FIRST_ARRIVAL = date(2015, 7, 1)
LAST_ARRIVAL = date(2017, 2, 28)
AHEAD_DAYS = 60
"""How far ahead of now the last booking's arrival lies."""


class Year:
    """The twelve months before `now`, both ends in epoch milliseconds."""

    def __init__(self, now_ms: int) -> None:
        self.now = now_ms
        self.start = now_ms - 365 * DAY

    @cached_property
    def factor(self) -> float:
        """Return how much shorter a day of the data becomes."""
        return (363 + AHEAD_DAYS) / (LAST_ARRIVAL - FIRST_ARRIVAL).days

    def squeeze(self, day: date) -> int:
        """Return the moment that a day becomes: the first arrival's two days after the start, the last one's ahead."""
        return self.start + 2 * DAY + round((day - FIRST_ARRIVAL).days * self.factor * DAY)


def day_in(ms: int, zone: str) -> date:
    """Return the calendar day of a moment in a zone."""
    return moment(ms).astimezone(ZoneInfo(zone)).date()


def at(day: date, hour: float, zone: str) -> int:
    """Return the moment at which clocks in a zone show an hour of a day."""
    local = datetime.combine(day, time(0), ZoneInfo(zone)) + timedelta(hours=hour)
    return millis(local.astimezone(UTC))


def months_before(ms: int, months: int, zone: str) -> int | None:
    """Return the moment from which so many months end at `ms`; None where none does."""
    local = moment(ms).astimezone(ZoneInfo(zone))
    year, month = divmod(local.year * 12 + local.month - 1 - months, 12)
    # windows end in the first of an hour that clocks show twice, so none ends in the second
    if local.fold or local.day > calendar.monthrange(year, month + 1)[1]:
        return None
    before = local.replace(year=year, month=month + 1)
    shown = before.astimezone(UTC).astimezone(before.tzinfo)
    return millis(before) if shown.replace(tzinfo=None) == before.replace(tzinfo=None) else None
