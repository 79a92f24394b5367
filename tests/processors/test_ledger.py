"""Many facts of one contact: what follows them one by one says what is made of all of them at once."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors import booking_leaf, ledger, timeline
from processors.booking_leaf import BookingLeaf
from processors.leaf import FOR_EVER, MANY, Leaf, Memo, Turn, Zones
from processors.ledger import Ledger
from processors.rating_leaf import RatingLeaf
from processors.rows import Profile
from processors.rules import compile_rule, rule_in_force
from processors.timeline import Timeline
from processors.totals import BookingTotals, RatingTotals
from schemas.activity import BookingFact, RatingFact
from tests.processors.test_laws import BEGIN, booking_rules, law, rating_rules
from tests.processors.world import DAY, HOUR

ZONES = Zones("Asia/Makassar", {"auckland": "Pacific/Auckland"})
SINCE = -FOR_EVER

moments = st.integers(0, 40).map(lambda at: BEGIN + at * HOUR)
days = st.integers(0, 12).map(lambda at: datetime.fromtimestamp((BEGIN + at * DAY) / 1000, UTC).date().isoformat())
bookings = st.builds(
    lambda time, status, property_, room, stay, paid: BookingFact(
        1, time, status, property_, None, room, *(sorted(stay) if stay else (None, None)), *paid
    ),
    moments,
    st.sampled_from(["confirmed", "confirmed", "checked_out", "cancelled", "no_show"]),
    st.sampled_from([None, "auckland"]),
    st.sampled_from(["Pool Villa", "Suite"]),
    st.one_of(st.tuples(days, days), st.none()),
    st.sampled_from([(None, None), ("0", "IDR"), ("50.25", "IDR"), ("200", "IDR"), ("7.5", "EUR")]),
)
ratings = st.builds(
    lambda time, stars, withdrawn: RatingFact(1, time, stars, None, withdrawn),
    moments, st.sampled_from([1, 3.5, 5]), st.sampled_from([False, False, False, True]),
)  # fmt: skip
ids = st.integers(0, 7).map(lambda at: b"%d" % at)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a few facts be many."""
    monkeypatch.setattr(ledger, "FEW", 2)
    monkeypatch.setattr(booking_leaf, "KEPT", 2)
    monkeypatch.setattr(timeline, "BLOCK", 2)


def leaf_of(rule: dict[str, Any]) -> Any:
    """Compile a rule of one leaf."""
    return compile_rule(rule_in_force(rule), "Asia/Makassar", ZONES).single


def flips(leaf: Leaf, memo: Memo, t: int) -> Iterator[Turn]:
    """Yield whether a leaf is true, and then each moment at which that changes."""
    true, turns = leaf.evaluate(memo, t)
    assert true is leaf.true_at(memo, t)
    yield t, true
    for turn, then in turns:
        assert turn > t
        if then != true:
            yield turn, then
        t, true = turn, then


@law(150)
@given(
    st.lists(st.tuples(ids, st.one_of(bookings, bookings, st.none())), min_size=15, max_size=60),
    booking_rules,
    st.data(),
)
def test_bookings_one_by_one_or_all_at_once(
    changes: list[tuple[bytes, BookingFact | None]], rule: dict[str, Any], data: Any
) -> None:
    """New, revised, cancelled, moved: memo, truth, turns, end and what is lacking are those of all the facts."""
    leaf: BookingLeaf = leaf_of(rule)
    kept, since = Ledger({}), data.draw(st.sampled_from([SINCE, BEGIN + 10 * HOUR]))
    for key, fact in changes:
        kept.put(key, fact)
        view = kept.view(leaf.view, since)
        facts = [fact for fact in kept.facts.values() if fact.time > since and leaf.admits(fact)]
        entries, t = sorted(map(leaf.entry, facts)), BEGIN + data.draw(st.integers(-2, 20)) * DAY
        assert view.memo == leaf.memo(facts) == (entries if len(entries) <= 2 else MANY)
        assert [*flips(leaf, view, t)] == [*flips(leaf, entries, t)]
        assert leaf.lacking(view, t) == leaf.lacking(entries, t)
        if leaf.fades:
            assert leaf.end(view) == leaf.end(entries)


@law(150)
@given(st.lists(st.tuples(ids, st.one_of(ratings, ratings, st.none())), min_size=15, max_size=60), rating_rules)
def test_ratings_one_by_one_or_all_at_once(
    changes: list[tuple[bytes, RatingFact | None]], rule: dict[str, Any]
) -> None:
    """New, revised, withdrawn, moved: the memo is that of all the facts."""
    leaf: RatingLeaf = leaf_of(rule)
    kept = Ledger({})
    for key, fact in changes:
        kept.put(key, fact)
        assert kept.view(leaf.view, SINCE).memo == leaf.memo(kept.facts.values())


@law(100)
@given(
    st.lists(st.tuples(ids, st.one_of(bookings, bookings, st.none())), min_size=15, max_size=40),
    st.lists(st.tuples(ids, st.one_of(ratings, ratings, st.none())), min_size=15, max_size=40),
)
def test_totals_one_by_one_or_all_at_once(
    stays: list[tuple[bytes, BookingFact | None]], given_: list[tuple[bytes, RatingFact | None]]
) -> None:
    """Stays, money as it is written, the last check-out and the latest rating are those of all the facts."""
    for changes, totals in ((stays, BookingTotals), (given_, RatingTotals)):
        kept, profile, anew = Ledger({}), Profile(), Profile()
        for key, fact in changes:
            kept.put(key, fact)
            view: Any = kept.view(totals, SINCE)
            fresh: Any = totals(kept.facts.values())
            view.tell(profile)
            fresh.tell(anew)
            assert profile == anew
            if totals is BookingTotals:
                assert [*view.days] == [*fresh.days]


def test_a_view_that_nobody_asks_for_is_dropped() -> None:
    """Its rule may be there no more; until then it follows, and whoever asks again gets one that is made anew."""
    kept, leaf = Ledger({}), leaf_of({"event": "rating"})
    for at in range(5):
        kept.put(b"%d" % at, RatingFact(1, at, 5))
    view = kept.view(leaf.view, SINCE)
    for at in range(ledger.IDLE):
        kept.put(b"%d" % at, None)
        kept.put(b"new%d" % at, RatingFact(1, 100 + at, 5))
        assert kept.view(leaf.view, SINCE) is view
    size = kept.size
    for at in range(ledger.IDLE + 1):
        kept.put(b"newer%d" % at, RatingFact(1, 200 + at, 5))
    assert kept.size < size + ledger.IDLE + 1
    assert kept.view(leaf.view, SINCE) is not view
    assert kept.view(leaf.view, SINCE).memo == [[200 + ledger.IDLE, True]]


spans = st.tuples(
    st.sampled_from([-FOR_EVER, *range(12)]), st.sampled_from([*range(12), FOR_EVER]),
    st.tuples(st.integers(1, 2), st.integers(0, 3)),
)  # fmt: skip


@law(300)
@given(st.lists(st.tuples(spans, st.booleans()), max_size=50), st.tuples(st.integers(1, 6), st.integers(0, 9)))
def test_a_timeline_is_what_its_spans_say(changes: list[tuple[Any, bool]], needs: tuple[int, int]) -> None:
    """However spans come and go: what is lacking at any moment, each moment at which that turns, and the end."""
    line, there = Timeline(needs), list[Any]()
    for span, takes in changes:
        if takes and there:
            line.take(there.pop(len(there) // 2))
        line.put(span)
        there.append(span)

    for t in range(-1, 13):
        counting = [amounts for start, end, amounts in there if start <= t < end]
        wanted = [need - sum(amounts[nth] for amounts in counting) for nth, need in enumerate(needs)]
        assert line.lacking(t) == wanted
    truths = [max(line.lacking(t)) <= 0 for t in range(-1, 13)]
    turns = dict(line.turns(-1))
    changed = {t: truths[t + 1] for t in range(12) if truths[t] != truths[t + 1]}
    assert {t: then for t, then in turns.items() if t in changed} == changed
    assert all(truths[t + 1] is then for t, then in turns.items())


@law(100)
@given(st.lists(st.tuples(st.integers(0, 12), st.integers(1, 2)), max_size=30), st.integers(1, 9))
def test_the_end_of_what_only_falls(given_: list[tuple[int, int]], need: int) -> None:
    """It is the last moment before which enough counts, 0 if never enough does."""
    line = Timeline([need], [(5, 5, [need]), *((-FOR_EVER, end, [amount]) for end, amount in given_)])
    enough = [t for t in range(-1, 13) if sum(amount for end, amount in given_ if t < end) >= need]
    assert line.end() == (enough[-1] + 1 if enough else 0)
    line.put((-FOR_EVER, FOR_EVER, [need]))
    assert line.end() == FOR_EVER
