"""Windows: durations, month ends, clocks that are moved, and that the fast way is the exact way."""

from __future__ import annotations

import calendar
import struct
from datetime import UTC, date, datetime, timedelta
from importlib.resources import files
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from processors import windows
from processors.windows import (
    DAY,
    FOR_EVER,
    KEPT,
    Duration,
    Window,
    deadline,
    duration_upper_bound_ms,
    local_midnight,
    parse_duration,
    zone_of,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
ALL_ZONES = sorted(files("tzdata").joinpath("zones").read_text().split())
ZONES = ["UTC", "Asia/Makassar", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Sao_Paulo"]
ODD_ZONES = ["Pacific/Apia", "Asia/Kathmandu", "Africa/Casablanca", "Asia/Gaza", "America/Nuuk", "Pacific/Kiritimati"]


def ms(text: str) -> int:
    """Epoch milliseconds of an ISO 8601 time with offset."""
    return round((datetime.fromisoformat(text) - EPOCH) / timedelta(milliseconds=1))


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("P3M", Duration(months=3)),
        ("P6M", Duration(months=6)),
        ("P12M", Duration(months=12)),
        ("P1Y", Duration(months=12)),
        ("P1Y2M10D", Duration(months=14, days=10)),
        ("P2W", Duration(days=14)),
        ("P1M2W3D", Duration(months=1, days=17)),
        ("P400D", Duration(days=400)),
        ("P100Y", Duration(months=1200)),
        ("PT20S", Duration(ms=20_000)),
        ("PT0.5S", Duration(ms=500)),
        ("PT0,25S", Duration(ms=250)),
        ("PT1.001S", Duration(ms=1001)),
        ("PT1H30M", Duration(ms=5_400_000)),
        ("PT36H", Duration(ms=129_600_000)),
        ("P1DT12H", Duration(days=1, ms=43_200_000)),
        ("P0Y0M1D", Duration(days=1)),
        ("P03M", Duration(months=3)),
    ],
)
def test_durations(text: str, duration: Duration) -> None:
    """Years are months and weeks are days; times are exact milliseconds."""
    assert parse_duration(text) == duration


@pytest.mark.parametrize(
    "text",
    [
        "", "P", "PT", "P1YT", "3M", "P3", "P3m", "p3M", "P-3M", "-P3M", "+P3M", "P1.5M", "PT1.5H", "PT1.2345S",
        "PT.5S", "P1D2M", "P1M1Y", "PT1S1M", "P1H", "P3M ", " P3M", "P3M\n", "P 3M", "P\u0663M", "3 months", "P3M/P4M",
        "P" + "9" * 99 + "M",
    ],
)  # fmt: skip
def test_what_is_no_duration(text: str) -> None:
    """Nothing, signs, fractions but of seconds, other order, other digits: the error says what one looks like."""
    with pytest.raises(ValueError, match="not an ISO 8601 duration such as P3M"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["P0D", "PT0S", "P0Y0M0DT0H0M0.000S"])
def test_a_duration_is_longer_than_nothing(text: str) -> None:
    """Nobody would ever be in such a window."""
    with pytest.raises(ValueError, match="longer than nothing"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["P102Y", "P36601D", "PT878425H", "P50YT500000H", "P99999999Y"])
def test_a_duration_ends_within_the_calendar(text: str) -> None:
    """A hundred years are enough."""
    with pytest.raises(ValueError, match="not be longer than 100 years"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        *(("P1M", 31), ("P2M", 62), ("P3M", 92), ("P12M", 366), ("P13M", 397), ("P4Y", 1461), ("P100Y", 36_525)),
        *(("P1D", 1), ("P2W", 14), ("P1M1D", 32), ("PT12H", 0.5), ("P1Y2M10DT6H", 366 + 62 + 10 + 0.25)),
    ],
)
def test_the_longest_that_a_duration_can_be(text: str, days: float) -> None:
    """Over all months to begin in, leap years too; July and August, or December and January, are 62 days."""
    assert duration_upper_bound_ms(parse_duration(text)) == days * DAY


@pytest.mark.parametrize(
    ("zone", "begin", "duration", "end"),
    [
        # the contract's example
        ("Asia/Makassar", "2026-11-02T18:05:11+08:00", "P3M", "2027-02-02T18:05:11+08:00"),
        # month ends are clamped
        ("UTC", "2026-01-31T12:00:00Z", "P1M", "2026-02-28T12:00:00Z"),
        ("UTC", "2028-01-31T12:00:00Z", "P1M", "2028-02-29T12:00:00Z"),
        ("UTC", "2026-11-30T12:00:00Z", "P3M", "2027-02-28T12:00:00Z"),
        ("UTC", "2026-08-31T12:00:00Z", "P6M", "2027-02-28T12:00:00Z"),
        ("UTC", "2026-03-31T12:00:00Z", "P1M", "2026-04-30T12:00:00Z"),
        ("UTC", "2026-02-28T12:00:00Z", "P1M", "2026-03-28T12:00:00Z"),
        ("UTC", "2026-12-31T23:59:59.999Z", "P2M", "2027-02-28T23:59:59.999Z"),
        # leap days
        ("UTC", "2028-02-29T00:00:00Z", "P1Y", "2029-02-28T00:00:00Z"),
        ("UTC", "2028-02-29T00:00:00Z", "P4Y", "2032-02-29T00:00:00Z"),
        ("UTC", "2028-02-28T00:00:00Z", "P1D", "2028-02-29T00:00:00Z"),
        ("UTC", "1999-12-31T00:00:00Z", "P2M", "2000-02-29T00:00:00Z"),
        ("UTC", "2099-12-31T00:00:00Z", "P2M", "2100-02-28T00:00:00Z"),
        # months first, clamped, then days, then the exact time
        ("UTC", "2026-01-31T12:00:00Z", "P1M1D", "2026-03-01T12:00:00Z"),
        ("UTC", "2026-01-31T12:00:00Z", "P1M1DT13H", "2026-03-02T01:00:00Z"),
        # the date is the zone's, not UTC's
        ("Asia/Makassar", "2026-01-30T20:00:00Z", "P1M", "2026-02-27T20:00:00Z"),
        ("America/New_York", "2026-02-01T03:00:00Z", "P1M", "2026-03-01T03:00:00Z"),
        ("Asia/Makassar", "1969-12-31T20:00:00Z", "P1M", "1970-01-31T20:00:00Z"),
        # days keep the clock's time, hours do not
        ("Europe/Berlin", "2026-10-24T12:00:00+02:00", "P1D", "2026-10-25T12:00:00+01:00"),
        ("Europe/Berlin", "2026-10-24T12:00:00+02:00", "PT24H", "2026-10-25T11:00:00+01:00"),
        ("Europe/Berlin", "2026-03-28T12:00:00+01:00", "P1D", "2026-03-29T12:00:00+02:00"),
        ("Europe/Berlin", "2026-03-28T12:00:00+01:00", "P1DT1H", "2026-03-29T13:00:00+02:00"),
        # a gap goes later: 02:30 is read as 03:30
        ("Europe/Berlin", "2026-03-28T02:30:00+01:00", "P1D", "2026-03-29T03:30:00+02:00"),
        ("Europe/Berlin", "2026-02-28T02:30:00+01:00", "P1M1D", "2026-03-29T03:30:00+02:00"),
        ("America/New_York", "2026-02-08T02:30:00-05:00", "P1M", "2026-03-08T03:30:00-04:00"),
        ("Australia/Lord_Howe", "2026-10-03T02:15:00+10:30", "P1D", "2026-10-04T02:45:00+11:00"),
        # an overlap goes earlier
        ("Europe/Berlin", "2026-10-24T02:30:00+02:00", "P1D", "2026-10-25T02:30:00+02:00"),
        ("America/New_York", "2026-10-01T01:30:00-04:00", "P1M", "2026-11-01T01:30:00-04:00"),
        ("Australia/Lord_Howe", "2026-04-04T01:45:00+11:00", "P1D", "2026-04-05T01:45:00+11:00"),
        # from the second time in an overlap too
        ("Europe/Berlin", "2026-10-25T02:30:00+01:00", "P1M", "2026-11-25T02:30:00+01:00"),
        ("Europe/Berlin", "2026-10-25T02:30:00+01:00", "P364D", "2027-10-24T02:30:00+02:00"),
        ("Europe/Berlin", "2025-10-26T02:30:00+01:00", "P52W", "2026-10-25T02:30:00+02:00"),
        ("Europe/Berlin", "2026-10-25T02:30:00+01:00", "PT1S", "2026-10-25T02:30:01+01:00"),
        # a zone without a second clock, and one that skipped a whole day
        ("Asia/Makassar", "2026-03-28T02:30:00+08:00", "P1D", "2026-03-29T02:30:00+08:00"),
        ("Pacific/Apia", "2011-12-29T12:00:00-10:00", "P1D", "2011-12-31T12:00:00+14:00"),
    ],
)
def test_deadlines(zone: str, begin: str, duration: str, end: str) -> None:
    """Calendar units in the zone, month ends clamped, gaps later, overlaps earlier; the fast way says the same."""
    assert deadline(ms(begin), parse_duration(duration), zone) == ms(end)
    assert Window(parse_duration(duration), zone).deadline(ms(begin)) == ms(end)


def test_a_deadline_is_not_monotone() -> None:
    """A later fact may count less long: at month ends, and where an hour comes twice."""
    month, day = parse_duration("P1M"), parse_duration("P1D")
    assert deadline(ms("2026-01-30T23:00:00Z"), month, "UTC") > deadline(ms("2026-01-31T01:00:00Z"), month, "UTC")
    first, second = ms("2026-10-25T02:59:00+02:00"), ms("2026-10-25T02:00:00+01:00")
    assert first < second
    assert deadline(first, day, "Europe/Berlin") > deadline(second, day, "Europe/Berlin")


@pytest.mark.parametrize(
    ("t", "duration"),
    [
        (FOR_EVER, "P1D"),
        (FOR_EVER - DAY, "P1M"),
        (FOR_EVER - 40 * DAY, "P1MT300H"),
        (FOR_EVER - 40 * DAY, "P9D"),
        (FOR_EVER - 9 * DAY, "P1M"),
        (FOR_EVER - 300 * DAY, "P30Y"),
        (FOR_EVER, "PT1S"),
        (FOR_EVER - 20 * DAY, "P19D"),
        (2**60, "P1M"),
    ],
)
@pytest.mark.parametrize("zone", ["UTC", "Asia/Makassar", "America/New_York"])
def test_the_calendar_s_end_raises_nothing(t: int, duration: str, zone: str) -> None:
    """What would be later than the year 9999 is its last millisecond, or the fact's own time if that is later still."""
    window = Window(parse_duration(duration), zone)
    assert window.deadline(t) == deadline(t, window.duration, zone) <= max(t, FOR_EVER)
    assert deadline(t, window.duration, zone) >= min(t, FOR_EVER)


@pytest.mark.parametrize("t", [ms("0001-01-01T00:00:00Z"), ms("0001-01-01T10:00:00Z"), -(2**60)])
@pytest.mark.parametrize("zone", ["UTC", "Asia/Makassar", "America/New_York"])
def test_the_calendar_s_beginning_raises_nothing(t: int, zone: str) -> None:
    """Nonsense has some deadline, both ways the same."""
    for duration in (Duration(months=1), Duration(days=1), Duration(ms=1)):
        assert Window(duration, zone).deadline(t) == deadline(t, duration, zone) > t


@pytest.mark.parametrize(
    "zone", ["", "Nowhere", "Europe", "europe/berlin", "../etc/passwd", "/etc/localtime", "EST5", "zones"]
)
def test_an_unknown_zone(zone: str) -> None:
    """It is a ValueError that says what a zone looks like, and no file outside of the zones is opened."""
    for use in (zone_of, lambda z: Window(Duration(days=1), z), lambda z: local_midnight(date(2026, 1, 1), z)):
        with pytest.raises(ValueError, match="not an IANA time zone such as Asia/Makassar"):
            use(zone)


@pytest.mark.parametrize("zone", ALL_ZONES)
def test_every_zone_is_known(zone: str) -> None:
    """All names of tzdata load, and a window of three months ends within three hours of some 90 days."""
    end = Window(parse_duration("P3M"), zone).deadline(ms("2026-11-02T10:05:11Z"))
    assert abs(end - ms("2027-02-02T10:05:11Z")) <= 3 * 3_600_000


def transitions(zone: str) -> Iterator[int]:
    """Epoch seconds at which a zone's offset changes, read from the 64-bit block of its TZif file."""
    data = files("tzdata.zoneinfo").joinpath(*zone.split("/")).read_bytes()
    isutc, isstd, leap, count, types, chars = struct.unpack_from(">6l", data, 20)
    at = 44 + count * 5 + types * 6 + chars + leap * 8 + isstd + isutc
    isutc, isstd, leap, count, types, chars = struct.unpack_from(">6l", data, at + 20)
    times = struct.unpack_from(f">{count}q", data, at + 44)
    kinds = struct.unpack_from(f">{count}B", data, at + 44 + count * 8)
    offsets = [struct.unpack_from(">l", data, at + 44 + count * 9 + kind * 6)[0] for kind in range(types)]
    changes = zip(times, pairwise([0, *kinds]), strict=True)
    return (time for time, (old, new) in changes if offsets[old] != offsets[new])


@pytest.mark.parametrize("zone", ALL_ZONES)
def test_no_zone_moves_its_clock_twice_within_two_days(zone: str) -> None:
    """What `Window` relies on: equal offsets at both ends of a day mean that nothing changes between."""
    assert all(b - a > 2 * 86_400 for a, b in pairwise(transitions(zone)))


@pytest.mark.parametrize(
    ("zone", "day", "moment"),
    [
        ("UTC", date(2026, 11, 4), "2026-11-04T00:00:00Z"),
        ("Asia/Makassar", date(2026, 11, 4), "2026-11-03T16:00:00Z"),
        ("Europe/Berlin", date(2026, 3, 29), "2026-03-29T00:00:00+01:00"),
        ("Europe/Berlin", date(2026, 3, 30), "2026-03-30T00:00:00+02:00"),
        ("America/Sao_Paulo", date(2018, 11, 4), "2018-11-04T01:00:00-02:00"),  # 00:00 was skipped
        ("America/Havana", date(2026, 11, 1), "2026-11-01T00:00:00-04:00"),  # 00:00 comes twice
        ("Pacific/Apia", date(2011, 12, 30), "2011-12-31T00:00:00+14:00"),  # the whole day was skipped
        ("Asia/Makassar", date(9999, 12, 31), "9999-12-30T16:00:00Z"),
        ("America/New_York", date(1, 1, 1), "0001-01-01T04:56:02Z"),
    ],
)
def test_local_midnights(zone: str, day: date, moment: str) -> None:
    """00:00 in the zone; a gap goes later, of two the first counts; any date has one."""
    assert local_midnight(day, zone) == ms(moment)


def obvious(t: int, duration: Duration, zone: str) -> int:
    """Compute a deadline another way: try the offsets around the wall time and see which lead back to it."""
    wall = (EPOCH + timedelta(milliseconds=t)).astimezone(zone_of(zone)).replace(tzinfo=None, fold=0)
    for _ in range(duration.months):
        days = calendar.monthrange(wall.year, wall.month)[1]
        wall = wall.replace(day=1) + timedelta(days=days)
    start = (EPOCH + timedelta(milliseconds=t)).astimezone(zone_of(zone)).day
    if duration.months:
        wall = wall.replace(day=min(start, calendar.monthrange(wall.year, wall.month)[1]))
    wall += timedelta(days=duration.days)
    around = [wall.replace(tzinfo=UTC) + timedelta(hours=h) for h in range(-30, 31)]
    offsets = [at.astimezone(zone_of(zone)).utcoffset() or timedelta() for at in around]
    fits = [
        at
        for at in (wall.replace(tzinfo=UTC) - offset for offset in offsets)
        if at.astimezone(zone_of(zone)).replace(tzinfo=None) == wall
    ]
    end = min(fits, default=wall.replace(tzinfo=UTC) - offsets[0])  # in a gap: by the clock before it
    return (end - EPOCH) // timedelta(milliseconds=1) + duration.ms


durations = st.builds(
    Duration,
    months=st.sampled_from([0, 0, 1, 2, 3, 6, 12, 13, 48]),
    days=st.sampled_from([0, 0, 1, 7, 10, 30, 31, 365]),
    ms=st.sampled_from([0, 0, 1, 20_000, 5_400_000]),
).filter(any)
zones = st.sampled_from([*ZONES, *ODD_ZONES])
moments = st.integers(ms("2005-01-01T00:00:00Z"), ms("2034-01-01T00:00:00Z"))
near_changes = st.builds(
    lambda zone, at, off: (zone, [t for t in transitions(zone) if t > 1_100_000_000][at:][:1], off),
    zones,
    st.integers(0, 20),
    st.integers(-100 * 3_600_000, 100 * 3_600_000),
)


@given(moments, durations, zones)
@example(ms("2011-12-29T12:00:00-10:00"), Duration(days=1), "Pacific/Apia")
def test_fast_exact_and_obvious_agree(t: int, duration: Duration, zone: str) -> None:
    """Calendar units in any zone: the same deadline in three ways."""
    window = Window(duration, zone)
    expected = deadline(t, duration, zone)
    if duration.months or duration.days:
        assert expected == obvious(t, duration, zone)
    assert window.deadline(t) == window.deadline(t) == expected


@given(near_changes, durations)
def test_fast_and_exact_agree_where_clocks_change(near: tuple[str, list[int], int], duration: Duration) -> None:
    """Close to a change of the clock, and a duration before one."""
    zone, change, off = near
    for at in change:
        for t in (at * 1000 + off, at * 1000 + off - duration.days * DAY - duration.months * 30 * DAY):
            window = Window(duration, zone)
            assert window.deadline(t) == window.deadline(t) == deadline(t, duration, zone)


@pytest.mark.parametrize("zone", ZONES)
def test_fast_and_exact_agree_all_through_two_years(zone: str) -> None:
    """Every seven hours and at the last millisecond of every hour of days with changes, with one window."""
    for text in ("P1M", "P3M", "P1D"):
        window = Window(parse_duration(text), zone)
        start = ms("2027-01-01T00:00:00Z")
        for t in [
            *range(start, start + 730 * DAY, 7 * 3_600_000),
            *range(start + 3_599_999, start + 90 * DAY, 3_600_000),
        ]:
            assert window.deadline(t) == deadline(t, window.duration, zone)


@given(moments, moments, st.sampled_from([Duration(days=1), Duration(days=90), Duration(ms=1)]))
def test_days_and_times_are_monotone_where_no_clock_is_moved(a: int, b: int, duration: Duration) -> None:
    """Without months and without summer time the later fact counts longer."""
    early, late = sorted((a, b))
    ends = [deadline(t, duration, "Asia/Makassar") for t in (early, late)]
    assert ends == sorted(ends)


@given(moments, moments, durations, zones)
def test_a_later_day_never_ends_a_day_earlier(a: int, b: int, duration: Duration, zone: str) -> None:
    """However month ends clamp: deadlines are out of order by 26 hours at most, a day and the clock's change."""
    early, late = sorted((a, b))
    slack = 50 if zone == "Pacific/Apia" else 26
    assert deadline(late, duration, zone) > deadline(early, duration, zone) - slack * 3_600_000


@given(moments, durations, zones)
def test_a_deadline_is_later_and_within_the_bound(t: int, duration: Duration, zone: str) -> None:
    """It is never longer than the upper bound and a change of the clock."""
    slack = 25 if zone == "Pacific/Apia" else 3
    assert -slack * 3_600_000 < deadline(t, duration, zone) - t
    assert deadline(t, duration, zone) - t <= duration_upper_bound_ms(duration) + slack * 3_600_000


def test_a_window_s_memory_is_bounded() -> None:
    """After many days it begins anew and says the same."""
    window = Window(Duration(days=1), "UTC")
    ends = [window.deadline(day * DAY) for day in range(KEPT + 10)]
    assert ends == [(day + 1) * DAY for day in range(KEPT + 10)]
    assert len(window._days) == 10


@pytest.mark.parametrize("zone", ZONES)
@pytest.mark.parametrize("text", ["P1M", "P6M", "P1D", "PT36H"])
def test_no_day_is_computed_moment_by_moment(monkeypatch: pytest.MonkeyPatch, zone: str, text: str) -> None:
    """Not the last of a month, nor 29 February, nor one on which a clock is moved: each falls into a few stretches."""
    window, hours = Window(parse_duration(text), zone), range(0, DAY, 3_600_000)
    days = range(ms("2027-07-01T00:00:00Z"), ms("2028-07-01T00:00:00Z"), DAY)
    moments = [day + hour for day in days for hour in hours]
    exact = [deadline(t, window.duration, zone) for t in moments]
    assert [window.deadline(t) for t in moments] == exact
    monkeypatch.setattr(windows, "deadline", None)
    assert [window.deadline(t) for t in moments] == exact
    assert max(map(len, window._days.values())) <= 4


@pytest.mark.parametrize(
    ("zone", "day", "text", "deltas"),
    [
        ("Asia/Jakarta", "2026-11-04", "P1M", {30}),
        ("Asia/Jakarta", "2026-01-30", "P1M", {29, 28}),  # cut at local midnight: both end on 28 February
        ("Asia/Jakarta", "2028-02-29", "P1Y", {365}),
        ("Europe/Berlin", "2026-10-24", "P1D", {1, 1 + 1 / 24}),  # the day whose deadline falls on a change
        ("Europe/Berlin", "2026-10-25", "P1D", {1, 1 + 1 / 24}),  # the day of the change
        ("Europe/Berlin", "2026-10-26", "P1D", {1}),
    ],
)
def test_a_day_falls_into_stretches(zone: str, day: str, text: str, deltas: set[float]) -> None:
    """One on most days; each is as many days later."""
    window = Window(parse_duration(text), zone)
    window.deadline(ms(f"{day}T12:00:00Z"))
    ((*stretches,),) = window._days.values()
    assert {stretch.delta / DAY for stretch in stretches} == deltas


@given(moments, durations, zones)
@example(ms("2011-12-29T12:00:00-10:00"), Duration(days=1), "Pacific/Apia")
@example(ms("2018-11-03T12:00:00Z"), Duration(days=1), "America/Sao_Paulo")
@example(ms("2026-10-25T12:00:00Z"), Duration(days=154), "Europe/Berlin")
def test_stretches_end_where_they_say(t: int, duration: Duration, zone: str) -> None:
    """At the last millisecond of each and at the first of the next the exact way says the same."""
    window = Window(duration, zone)
    window.deadline(t)
    for last, _ in window._days[t // DAY]:
        for at in (last, last + 1):
            assert window.deadline(at) == deadline(at, duration, zone)
