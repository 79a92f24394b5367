"""Windows of time: ISO 8601 durations, the deadline that each sets in a time zone, and local midnights."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from importlib.resources import files
from itertools import groupby
from operator import itemgetter
from typing import NamedTuple
from zoneinfo import ZoneInfo

DAY = 86_400_000  # milliseconds
FOR_EVER = 253_402_300_799_999  # the last millisecond of the year 9999: later deadlines are cut to it
LONGEST = 100  # years of a duration; nobody means more, and the calendar ends in 9999
KEPT = 4_096  # UTC days whose stretches a window remembers: eleven years, 1 MB
BEGINNING = -62_135_424_000_000  # the second day of the year 1: every moment since has a date in every zone

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECOND = timedelta(milliseconds=1)
_ISO = re.compile(
    r"P(?=[0-9T])(?:([0-9]+)Y)?(?:([0-9]+)M)?(?:([0-9]+)W)?(?:([0-9]+)D)?"
    r"(?:T(?=[0-9])(?:([0-9]+)H)?(?:([0-9]+)M)?(?:([0-9]+)(?:[.,]([0-9]{1,3}))?S)?)?",
    re.ASCII,
)


class Moment(NamedTuple):
    """What a deadline's distance depends on: the local date and the zone's offset (ms); and the distance (ms)."""

    date: date
    offset: int
    delta: int


class Stretch(NamedTuple):
    """Moments up to `last` (epoch ms) whose deadlines are all `delta` (ms) later."""

    last: int
    delta: int


class Duration(NamedTuple):
    """An ISO 8601 duration: calendar months and days, which depend on the zone, and exact milliseconds.

    P1Y2M10DT30S is Duration(months=14, days=10, ms=30_000)
    """

    months: int = 0
    days: int = 0
    ms: int = 0


def parse_duration(text: str) -> Duration:
    """Read `P3M`, `P2W`, `P1Y2M10D`, `PT1H30M`, `PT0.5S`; ValueError says what is wrong with any other text."""
    found = _ISO.fullmatch(text) if len(text) <= LONGEST else None
    if found is None:
        raise ValueError("not an ISO 8601 duration such as P3M, P2W or PT1H30M")
    *whole, fraction = (found[i] or "0" for i in range(1, 9))
    years, months, weeks, days, hours, minutes, seconds = map(int, whole)
    ms = ((hours * 60 + minutes) * 60 + seconds) * 1000 + int(fraction.ljust(3, "0"))
    return _checked(Duration(years * 12 + months, weeks * 7 + days, ms))


def _checked(duration: Duration) -> Duration:
    if not any(duration):
        raise ValueError("a duration must be longer than nothing")
    if duration.months * 30 + duration.days + duration.ms // DAY > LONGEST * 366:
        raise ValueError(f"a duration must not be longer than {LONGEST} years")
    return duration


@lru_cache(1_024)
def duration_upper_bound_ms(duration: Duration) -> int:
    """Return the longest that a duration can be, days taken as 24 hours: P3M is 92 days, P12M 366."""
    starts = range(1901 * 12, 1909 * 12)  # every position in the cycle of leap years
    days = max(_month_start(m + duration.months) - _month_start(m) for m in starts)
    return (days + duration.days) * DAY + duration.ms


def _month_start(month: int) -> int:
    return date(month // 12, month % 12 + 1, 1).toordinal()


@lru_cache(1_024)
def zone_of(name: str) -> ZoneInfo:
    """Return an IANA zone, or raise ValueError.

    Always of the tzdata package and not of the system: every worker must compute the same deadline from the same log.
    """
    if name not in _zone_names():
        raise ValueError("not an IANA time zone such as Asia/Makassar")
    with files("tzdata.zoneinfo").joinpath(*name.split("/")).open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


@lru_cache(1)
def _zone_names() -> frozenset[str]:
    return frozenset(files("tzdata").joinpath("zones").read_text().split())


@lru_cache(65_536)
def local_midnight(day: date, zone: str) -> int:
    """Return epoch ms of a date's 00:00 in a zone; where the clock skips it, of the moment that much later."""
    return _resolve(datetime(day.year, day.month, day.day, tzinfo=zone_of(zone)))


def deadline(t_ms: int, duration: Duration, zone: str) -> int:
    """Return epoch ms of t + duration in a zone.

    Months clamp to the month's end; a wall time that the clock skips is moved later by the gap, of one that comes twice
    the first counts; then hours, minutes and seconds are added exactly. Not monotone: 30 January 23:00 + P1M is later
    than 31 January 01:00 + P1M.
    """
    if not duration.months and not duration.days:
        return min(t_ms + duration.ms, FOR_EVER)
    try:
        wall = (_EPOCH + t_ms * _MILLISECOND).astimezone(zone_of(zone))
        return min(_resolve(_later(wall, duration)) + duration.ms, FOR_EVER)
    except OverflowError:  # beyond the years 1 to 9999
        return max(t_ms, FOR_EVER)


def _later(wall: datetime, duration: Duration) -> datetime:
    """Add months, clamped to the month's end, then days, to a wall time; the first of two equal wall times."""
    month = wall.year * 12 + wall.month - 1 + duration.months
    if month >= 120_000:
        raise OverflowError
    length = _month_start(month + 1) - _month_start(month) if month < 119_999 else 31
    moved = wall.replace(year=month // 12, month=month % 12 + 1, day=min(wall.day, length), fold=0)
    return moved + timedelta(days=duration.days)


def _resolve(wall: datetime) -> int:
    """Return epoch ms of a wall time; fold 0 is the first of two, and in a gap reads the clock as if not yet moved."""
    return (wall - _EPOCH) // _MILLISECOND


class Window:
    """The deadlines of one duration in one zone, fast: 0.2 µs where the day has been seen before.

    A UTC day falls into a few stretches in which every moment's deadline is the same time later: most days are one,
    the last of a month is two, cut at local midnight, and days on which a clock changes, here or at the deadline, are
    two or three. They are found once a day, and looked up by it.
    """

    __slots__ = ("_days", "_longest", "duration", "zone")

    def __init__(self, duration: Duration, zone: str) -> None:
        zone_of(zone)
        self.duration = duration
        self.zone = zone
        self._longest = duration_upper_bound_ms(duration) + 3 * DAY
        self._days: dict[int, list[Stretch]] = {}

    def deadline(self, t_ms: int) -> int:
        """Return what `deadline(t_ms, duration, zone)` does."""
        for last, delta in self._days.get(t_ms // DAY) or self._learn(t_ms // DAY):
            if t_ms <= last:
                return t_ms + delta
        return deadline(t_ms, self.duration, self.zone)

    def _learn(self, day: int) -> list[Stretch]:
        """Remember the stretches of a UTC day; the first and the last days of the calendar have none."""
        if not BEGINNING <= day * DAY <= FOR_EVER - self._longest:
            return []
        if len(self._days) >= KEPT:
            self._days.clear()
        found = self._days[day] = _joined(self._stretches(day * DAY, day * DAY + DAY - 1))
        return found

    def _stretches(self, first: int, last: int) -> Iterator[Stretch]:
        """Cut the moments from `first` to `last`, which are of two days at most, into stretches.

        Between two moments of one local date and one offset nothing moves the clock, as no zone moves it twice within
        two days (a test reads them all). For the same reason the clock at the deadline is moved there once at most, so
        that equal deltas at both ends mean that it is not.
        """
        begin, end = self._at(first), self._at(last)
        if begin == end:
            yield Stretch(last, begin.delta)
            return
        same_clock = begin.offset == end.offset and begin.date != end.date
        cut = last - (last + end.offset) % DAY if same_clock else (first + last + 1) // 2
        yield from self._stretches(first, cut - 1)
        yield from self._stretches(cut, last)

    def _at(self, t_ms: int) -> Moment:
        wall = (_EPOCH + t_ms * _MILLISECOND).astimezone(zone_of(self.zone))
        offset = (wall.utcoffset() or timedelta()) // _MILLISECOND
        return Moment(wall.date(), offset, deadline(t_ms, self.duration, self.zone) - t_ms)


def _joined(stretches: Iterable[Stretch]) -> list[Stretch]:
    """Join neighbours of one delta."""
    return [[*run][-1] for _, run in groupby(stretches, key=itemgetter(1))]


@lru_cache(1_024)
def window_of(within: str | None, zone: str) -> Window | None:
    """Return the window of a rule, or None for ever; rules share it with all that it has learnt."""
    return Window(parse_duration(within), zone) if within else None
