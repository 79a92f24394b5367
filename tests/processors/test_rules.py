"""Rules, leaves and outlooks: the memo tells what all the facts tell, and how it goes on."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.booking_leaf import BookingLeaf
from processors.leaf import FOR_EVER, Leaf, ManualLeaf, Zones, end_of
from processors.message_leaf import SPARE, MessageLeaf, times_in
from processors.outlook import Outlook, look
from processors.rating_leaf import RatingLeaf
from processors.rows import Add, Pins, Row
from processors.rules import LOOK_AHEAD, compile_rule, rule_in_force
from processors.windows import Window, window_of
from schemas.activity import BookingFact, RatingFact
from schemas.rules import BookingRule, MessageRule, RatingRule
from tests.processors.world import DAY, HOUR, START

ZONES = Zones("UTC", {"auckland": "Pacific/Auckland"})
END_OF_JANUARY = 1_769_731_200_000  # 2026-01-30T00:00:00Z
times = st.integers(0, 80).map(lambda at: END_OF_JANUARY + at * HOUR)
windows = st.sampled_from([None, "P1M", "P1D"]).map(lambda within: window_of(within, "UTC"))


def moments(window: Window | None, starts: list[int]) -> list[int]:
    """Return moments around every deadline."""
    ends = {end_of(window, start) for start in starts} - {FOR_EVER}
    return sorted({END_OF_JANUARY, *starts, *ends, *(end - 1 for end in ends)})


def flips_are_foretold(leaf: Leaf, memo: list[Any], at: list[int]) -> None:
    """Between two turns nothing changes."""
    for t in at:
        following = next((turn for turn, _ in leaf.evaluate(memo, t)[1]), FOR_EVER)
        assert {leaf.true_at(memo, other) for other in at if t <= other < following} == {leaf.true_at(memo, t)}


@given(st.lists(times, max_size=6), windows, st.integers(1, 3))
def test_messages_one_by_one_or_all_at_once(times_: list[int], window: Window | None, count: int) -> None:
    """However they come, so many of them in the window is true."""
    leaf = MessageLeaf(MessageRule(any_of=("x",), min_count=count), window)
    memo: list[int] = []
    for time in times_:
        memo = leaf.add(memo, time)
    assert memo == leaf.memo(times_)
    at = moments(window, times_)
    for t in at:
        assert leaf.true_at(memo, t) == (sum(t < end_of(window, time) for time in times_) >= count)
    flips_are_foretold(leaf, memo, at)


@given(st.lists(st.tuples(times, st.booleans()), max_size=20), windows, st.integers(1, 3), st.data())
def test_messages_that_are_taken_back(
    steps: list[tuple[int, bool]], window: Window | None, count: int, data: Any
) -> None:
    """What decides is always that of all messages there are, and they are read again only where nothing else tells."""
    leaf, there, memo = (
        MessageLeaf(MessageRule(any_of=("x",), min_count=count), window),
        list[int](),
        list[int | None](),
    )
    for time, takes in steps:
        if takes and there:
            gone = there.pop(data.draw(st.integers(0, len(there) - 1)))
            left = leaf.take(memo, gone)
            assert left is not None or len(there) >= len(memo) - 1
            memo = leaf.spare(there) if left is None else left
        else:
            there.append(time)
            memo = leaf.add(memo, time)
        assert times_in(memo)[:count] == leaf.memo(there)
        assert leaf.end(memo) == leaf.end(leaf.memo(there))
        assert not there or leaf.since(memo) == max(leaf.memo(there))
    assert leaf.take(memo, END_OF_JANUARY - 1) is memo


@pytest.mark.parametrize("window", [None, window_of("P1M", "UTC")])
def test_messages_that_are_taken_back_again_and_again(window: Window | None) -> None:
    """Of any number of messages they are read again once for as many as are kept to spare, not for each."""
    leaf, there, read = MessageLeaf(MessageRule(any_of=("x",)), window), [START + at for at in range(300)], 0
    there = [*there, *there[:SPARE]]
    memo = leaf.memo(there)
    for at in range(250):
        gone = there.pop(0 if window is None else -1)
        said = at if window is None else START + 1_000 + at
        for step, time in ((leaf.take, gone), (leaf.add, said), (leaf.take, said)):
            memo = step(memo, time)
            read += memo is None
            memo = leaf.spare(there) if memo is None else memo
        assert times_in(memo)[:1] == leaf.memo(there)
    assert read <= 1 + 250 // SPARE


@given(st.lists(st.tuples(times, st.sampled_from([1.0, 5.0]))), windows, st.sampled_from(["any", "latest", "all"]))
def test_ratings_in_the_window(given_: list[tuple[int, float]], window: Window | None, mode: Any) -> None:
    """Any, the latest or all of those in the window are in range, also where a later one ends earlier."""
    leaf = RatingLeaf(RatingRule(min_stars=4, mode=mode), window)
    memo = leaf.memo([RatingFact(1, time, stars) for time, stars in given_])
    at = moments(window, [time for time, _ in given_])
    for t in at:
        good = [stars >= 4 for time, stars in sorted(given_) if t < end_of(window, time)]
        assert leaf.true_at(memo, t) == (bool(good) and {"any": any, "latest": lambda g: g[-1], "all": all}[mode](good))
        if leaf.fades:
            assert leaf.true_at(memo, t) == (t < leaf.end(memo))
    flips_are_foretold(leaf, memo, at)


def test_ratings_of_a_property() -> None:
    """Withdrawn ratings and those of other properties do not count."""
    leaf = RatingLeaf(RatingRule(property="ubud"), None)
    facts = [RatingFact(1, 1, 5, "kuta"), RatingFact(1, 1, 5), RatingFact(1, 1, 5, "ubud", withdrawn=True)]
    assert leaf.memo(facts) == []
    assert leaf.memo([*facts, RatingFact(1, 1, 5, "ubud")]) == [[1, True]]


stays = st.builds(
    lambda day, nights, amount, property_: BookingFact(
        1, 0, "confirmed", property_, None, "Villa", f"2026-01-{day:02}", f"2026-01-{day + nights:02}", amount, "IDR"
    ),
    st.integers(1, 25),
    st.integers(0, 4),
    st.sampled_from([None, "50", "70.5"]),
    st.sampled_from([None, "auckland"]),
)


@settings(max_examples=60)
@given(
    st.lists(stays, max_size=4), windows, st.sampled_from(["past", "current", "upcoming", "any"]),
    st.sampled_from([1, 2]), st.sampled_from([None, 3]), st.sampled_from([None, Decimal(100)]),
)  # fmt: skip
def test_bookings_in_the_window(  # noqa: PLR0917 - what Hypothesis draws
    facts: list[BookingFact], window: Window | None, stay: Any, least: int, nights: int | None, spent: Any
) -> None:
    """What fades is true until its end; what does not foretells every flip."""
    rule = BookingRule(stay=stay, min_bookings=least, min_nights=nights, min_spent=spent, currency="IDR")
    leaf = BookingLeaf(rule, window, ZONES)
    memo = leaf.memo(facts)
    at = moments(window, [moment for entry in memo for moment in entry[:2]])
    for t in at if leaf.fades else []:
        assert leaf.true_at(memo, t) == (t < leaf.end(memo))
    flips_are_foretold(leaf, memo, at)


@pytest.mark.parametrize(
    ("rule", "admitted"),
    [
        ({}, True),
        ({"statuses": ("checked_out",)}, False),
        ({"room_types": ("pool VILLA",)}, True),
        ({"room_types": ("Suite",)}, False),
        ({"channels": ("Booking.com",)}, True),
        ({"channels": ("walk_in",)}, False),
    ],
)
def test_filters_of_bookings(rule: dict[str, Any], admitted: bool) -> None:  # noqa: FBT001 - the expected answer
    """Status, room type and channel filter, in any case."""
    leaf = BookingLeaf(BookingRule(**rule), None, ZONES)
    fact = BookingFact(1, 0, "confirmed", None, "booking.com", "Pool Villa", "2026-01-01", "2026-01-02")
    assert leaf.admits(fact) is admitted


def test_a_cancellation_without_dates() -> None:
    """It counts from its event time and for no nights, but is no stay of any kind."""
    fact = BookingFact(1, START, "cancelled")
    leaf = BookingLeaf(BookingRule(statuses=("cancelled",)), window_of("P1D", "UTC"), ZONES)
    assert leaf.end(leaf.memo([fact])) == START + 86_400_000
    for stay in ("past", "current", "upcoming"):
        assert not BookingLeaf(BookingRule(statuses=("cancelled",), stay=stay), None, ZONES).admits(fact)
    nights = BookingLeaf(BookingRule(statuses=("cancelled",), min_nights=1), None, ZONES)
    assert not nights.true_at(nights.memo([fact]), START)


@pytest.mark.parametrize(
    ("rule", "enough"),
    [
        ({"min_bookings": 2}, True),
        ({"min_bookings": 3}, False),
        ({"min_nights": 3}, True),
        ({"min_nights": 4}, False),
        ({"min_spent": Decimal("150.5"), "currency": "IDR"}, True),
        ({"min_spent": Decimal("150.51"), "currency": "IDR"}, False),
        ({"min_spent": Decimal(1), "currency": "EUR"}, False),
        ({"min_bookings": 2, "min_nights": 4}, False),
        ({"min_nights": 3, "min_spent": Decimal(151), "currency": "IDR"}, False),
    ],
)
def test_all_named_conditions_must_hold(rule: dict[str, Any], enough: bool) -> None:  # noqa: FBT001 - the answer
    """Two bookings of three nights and 150.50 together: each condition counts, in its currency, and all do."""
    facts = [
        BookingFact(1, 0, "confirmed", None, None, "Villa", "2026-01-01", "2026-01-02", "100", "IDR"),
        BookingFact(1, 0, "confirmed", None, None, "Villa", "2026-01-01", "2026-01-03", "50.5", "idr"),
    ]
    for stay in ("any", "past"):
        leaf = BookingLeaf(BookingRule(stay=stay, **rule), None, ZONES)
        assert leaf.true_at(leaf.memo(facts), START) is enough
        assert (leaf.end(leaf.memo(facts)) > START) is enough


def test_added_by_hand_is_no_rule() -> None:
    """The manual leaf is never true and never changes."""
    assert (ManualLeaf().true_at([], START), [*ManualLeaf().evaluate([], START)[1]]) == (False, [])


def compiled(rule: dict[str, Any]) -> Any:
    """Compile a rule of JSON."""
    return compile_rule(rule_in_force(rule), "UTC", ZONES)


def test_an_outlook_tells_sources_the_next_change_and_the_end() -> None:
    """An add that ends before the rule changes the sources first, and the end is the rule's."""
    rule = compiled({"event": "message", "any_of": ["x"], "within": "P1D"})
    row = Row(memos=[[START]], pins=Pins(adds={"flow": Add(START, "c", START + HOUR)}))
    assert look(rule, row, START) == Outlook(0b10001, START + HOUR, START + DAY)
    row.pins = Pins(adds={"flow": Add(START, "c")})
    assert look(rule, row, START) == Outlook(0b10001, START + DAY, 0)
    row.pins = None
    assert look(rule, row, START) == Outlook(1, START + DAY, START + DAY)
    assert look(compiled({"event": "message", "any_of": ["x"]}), row, START) == Outlook(1, 0, 0)
    row.stuck = True
    assert look(rule, row, START) == Outlook(1, 0, 0)


def test_an_outlook_looks_again_where_it_gave_up() -> None:
    """Hundreds of stays of which none decides: the row is looked at again at the last turn that was looked through."""
    rule = compiled({"any": [{"event": "rating"}, {"event": "booking", "stay": "current"}]})
    entries = [[START + at * DAY, START + at * DAY + HOUR, 1, "0"] for at in range(1, LOOK_AHEAD)]
    found = look(rule, Row(memos=[[[START, True]], entries]), START)
    assert found == Outlook(1, START + LOOK_AHEAD // 2 * DAY + HOUR, 0)
    pins = Pins(adds={"flow": Add(START, "c", START + 300 * DAY)})
    found = look(rule, Row(memos=[[[START, True]], entries], pins=pins), START)
    assert found == Outlook(0b10001, START + LOOK_AHEAD // 2 * DAY + HOUR, 0)


def test_an_outlook_looks_through_any_number_of_stays_that_decide() -> None:
    """The end is known of thousands that one leaf alone counts."""
    for stay, end in (("upcoming", 5_000 * DAY), ("any", 5_000 * DAY + HOUR + DAY), ("current", DAY + HOUR)):
        rule = compiled({"event": "booking", "stay": stay, "within": "P1D"})
        entries = [[START + at * DAY, START + at * DAY + HOUR, 1, "0"] for at in range(1, 5_001)]
        assert look(rule, Row(memos=[entries]), START + DAY) == Outlook(1, START + end, START + end)
