"""Ratings in a range of stars: any, the latest or all of those within a window."""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator

from processors.leaf import FOR_EVER, Memo, Turn, after, end_of
from processors.windows import Window
from schemas.activity import RatingFact
from schemas.rules import RatingRule

Place = tuple[float, ...]
"""Where a rating stands in an order: times and ends in epoch ms, and stars."""


class RatingLeaf:
    """Any, the latest or all of the ratings in the window are in range; the memo holds those that can matter.

    Each is [time, in range]: for `any` the good one that lasts longest, for `all` also the bad one that does, for
    `latest` each that outlasts all later ones, latest first.
    """

    kind = "rating"

    def __init__(self, rule: RatingRule, window: Window | None) -> None:
        self.window = window
        self.mode = rule.mode
        self.low, self.high = rule.min_stars, rule.max_stars
        self.property = rule.property
        self.fades = rule.mode == "any"

    def memo(self, facts: Iterable[RatingFact]) -> Memo:
        """Build the memo from the contact's ratings."""
        return self.view(facts).memo

    def view(self, facts: Iterable[RatingFact]) -> Rated:
        """Lay out the contact's ratings so that the memo follows from each that comes or goes."""
        return Rated(self, facts)

    def admits(self, fact: RatingFact) -> bool:
        """Whether a rating passes the rule's filters, in range or not."""
        return not fact.withdrawn and self.property in (None, fact.property)

    def is_good(self, stars: float) -> bool:
        """Whether so many stars are in range."""
        return self.low <= stars <= self.high

    def end(self, memo: Memo) -> int:
        """See Leaf."""
        return end_of(self.window, memo[0][0]) if memo else 0

    def true_at(self, memo: Memo, t: int) -> bool:
        """See Leaf."""
        counting = [good for time, good in memo if t < end_of(self.window, time)]
        return all(counting[:1] if self.mode == "latest" else counting) if counting else False

    def evaluate(self, memo: Memo, t: int) -> tuple[bool, Iterator[Turn]]:
        """See Leaf."""
        ends = after(t, [end_of(self.window, time) for time, _ in memo])
        return self.true_at(memo, t), ((end, self.true_at(memo, end)) for end in ends)


class Rated:
    """The ratings of one contact that pass a leaf's filters, so ordered that those that can matter stand last.

    For `latest` all by end, time and stars, and by time and stars; else by end and time, those in range apart.
    """

    worn = False

    def __init__(self, leaf: RatingLeaf, facts: Iterable[RatingFact]) -> None:
        self._leaf = leaf
        self._orders: dict[str, list[Place]] = {"latest": [], "lasting": [], "good": [], "bad": []}
        for fact in facts:
            for order, place in self._places(fact):
                order.append(place)
        for order in self._orders.values():
            order.sort()

    def put(self, fact: RatingFact) -> None:
        """Take in a rating."""
        for order, place in self._places(fact):
            insort(order, place)

    def take(self, fact: RatingFact) -> None:
        """Give up a rating that was taken in."""
        for order, place in self._places(fact):
            del order[bisect_left(order, place)]

    @property
    def memo(self) -> Memo:
        """The leaf's memo."""
        if self._leaf.mode == "latest":
            return self._outlasting()
        good = [[time, True] for _, time in self._orders["good"][-1:]]
        return good if self._leaf.mode == "any" else good + [[time, False] for _, time in self._orders["bad"][-1:]]

    def _places(self, fact: RatingFact) -> Iterator[tuple[list[Place], Place]]:
        """Yield the orders in which a rating stands, each with its place there."""
        leaf = self._leaf
        if not leaf.admits(fact):
            return
        end = end_of(leaf.window, fact.time)
        if leaf.mode == "latest":
            yield self._orders["latest"], (fact.time, fact.stars)
            yield self._orders["lasting"], (end, fact.time, fact.stars)
        else:
            yield self._orders["good" if leaf.is_good(fact.stars) else "bad"], (end, fact.time)

    def _outlasting(self) -> Memo:
        """Return, latest first, the ratings that last longer than all later ones: mostly there is one."""
        kept: Memo = []
        latest, lasting = self._orders["latest"][-1:], self._orders["lasting"]
        while latest:
            time, stars = latest[0]
            kept.append([time, self._leaf.is_good(stars)])
            longer = lasting[bisect_right(lasting, (end_of(self._leaf.window, int(time)), FOR_EVER)) :]
            latest = [max(place[1:] for place in longer)] if longer else []
        return kept
