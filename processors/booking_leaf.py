"""Bookings that pass a rule's filters, and are enough: so many, of so many nights, for so much money."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterable, Iterator, Sequence
from datetime import date
from decimal import ROUND_CEILING, Decimal
from itertools import groupby
from operator import itemgetter
from typing import Any

from processors.leaf import FOR_EVER, KEPT, MANY, Memo, Turn, Zones, end_of, until
from processors.timeline import Span, Timeline
from processors.windows import Window, local_midnight
from schemas.activity import BookingFact
from schemas.rules import BookingRule

Entry = list[Any]
"""[check-in, check-out, nights, amount in the rule's currency] of a booking; both moments in epoch ms."""

DECIMALS = 9
"""Decimals of an amount at most: sums are kept in whole numbers of the last one."""


class BookingLeaf:
    """All named conditions hold over the bookings that pass; the memo holds an entry of each, or says MANY.

    A cancellation may come without dates. It is no stay, past or to come, and its window runs from its event time.
    """

    kind = "booking"

    def __init__(self, rule: BookingRule, window: Window | None, zones: Zones) -> None:
        self.rule = rule
        self.window = window
        self.zones = zones
        self.fades = rule.stay in {"any", "upcoming"}
        self.statuses = frozenset(rule.statuses)
        self.rooms = frozenset(r.casefold() for r in rule.room_types)
        self.channels = frozenset(c.casefold() for c in rule.channels)
        self.currency = rule.currency.upper() if rule.currency else None
        spent = None if rule.min_spent is None else units(rule.min_spent)
        wanted = (rule.min_bookings, rule.min_nights, spent)
        self._summed = [nth for nth, need in enumerate(wanted) if need is not None]
        self.needs = [need for need in wanted if need is not None]

    def memo(self, facts: Iterable[BookingFact]) -> Memo:
        """Build the memo from the contact's bookings."""
        entries = sorted(self.entry(fact) for fact in facts if self.admits(fact))
        return entries if len(entries) <= KEPT else MANY

    def view(self, facts: Iterable[BookingFact]) -> Stays:
        """Lay out the contact's bookings so that the memo follows from each that comes or goes."""
        return Stays(self, facts)

    def admits(self, fact: BookingFact) -> bool:
        """Whether a booking passes the rule's filters."""
        return (
            fact.status in self.statuses
            and (self.rule.stay == "any" or (fact.check_in is not None and fact.check_out is not None))
            and (not self.rooms or (fact.room_type or "").casefold() in self.rooms)
            and (not self.channels or (fact.channel or "").casefold() in self.channels)
        )

    def entry(self, fact: BookingFact) -> Entry:
        """Return the entry of a booking."""
        paid = fact.amount if fact.amount and fact.currency and fact.currency.upper() == self.currency else "0"
        if fact.check_in is None or fact.check_out is None:
            return [fact.time, fact.time, 0, paid]
        zone = self.zones.of(fact.property)
        first, last = date.fromisoformat(fact.check_in), date.fromisoformat(fact.check_out)
        return [local_midnight(first, zone), local_midnight(last, zone), (last - first).days, paid]

    def span(self, entry: Entry) -> Span:
        """Return from when until when a booking counts (past, current, upcoming or any), and how much."""
        check_in, check_out, nights, paid = entry
        end, amounts = end_of(self.window, check_out), (1, nights, units(Decimal(paid)) if 2 in self._summed else 0)
        counted = [amounts[nth] for nth in self._summed]
        match self.rule.stay:
            case "past":
                return check_out, end, counted
            case "current":
                return check_in, check_out, counted
            case "upcoming":
                return -FOR_EVER, min(check_in, end), counted
            case _:
                return -FOR_EVER, end, counted

    def end(self, memo: Memo) -> int:
        """See Leaf: the end of the last booking that is needed, those that last longest taken first."""
        if isinstance(memo, Stays):
            return memo.timeline.end()
        lacking = self.needs
        for end, amounts in sorted(((end, amounts) for _, end, amounts in map(self.span, memo)), reverse=True):
            lacking = _less(lacking, amounts)
            if max(lacking) <= 0:
                return end
        return 0

    def true_at(self, memo: Memo, t: int) -> bool:
        """See Leaf."""
        return max(self._lacking(memo, t)) <= 0

    def evaluate(self, memo: Memo, t: int) -> tuple[bool, Iterator[Turn]]:
        """See Leaf."""
        if self.fades:
            return until(self.end(memo), t)
        if isinstance(memo, Stays):
            return self.true_at(memo, t), memo.timeline.turns(t)
        return self._sweep(memo, t)

    def _sweep(self, entries: Sequence[Entry], t: int) -> tuple[bool, Iterator[Turn]]:
        """Evaluate a few bookings: that costs less than to lay them out in a timeline."""
        lacking, ahead = self.needs, list[tuple[int, Sequence[int]]]()
        for start, end, amounts in map(self.span, entries):
            if start <= t < end:
                lacking = _less(lacking, amounts)
            elif t < start < end:
                ahead.append((start, amounts))
            if start < end and t < end < FOR_EVER:
                ahead.append((end, [-amount for amount in amounts]))
        ahead.sort(key=itemgetter(0))
        return max(lacking) <= 0, _turns(lacking, ahead)

    def lacking(self, memo: Memo, t: int) -> tuple[int, int, Decimal]:
        """Return how many bookings and nights, and how much money, are lacking at `t`."""
        known = dict(zip(self._summed, self._lacking(memo, t), strict=True))
        return known.get(0, 0), known.get(1, 0), Decimal(known.get(2, 0)).scaleb(-DECIMALS)

    def _lacking(self, memo: Memo, t: int) -> list[int]:
        if isinstance(memo, Stays):
            return memo.timeline.lacking(t)
        lacking = self.needs
        for start, end, amounts in map(self.span, memo):
            if start <= t < end:
                lacking = _less(lacking, amounts)
        return lacking


class Stays:
    """The bookings of one contact that pass a leaf's filters: entries while these are few, and what counts when."""

    def __init__(self, leaf: BookingLeaf, facts: Iterable[BookingFact]) -> None:
        self._leaf = leaf
        entries = sorted(leaf.entry(fact) for fact in facts if leaf.admits(fact))
        self._count = len(entries)
        self._entries: list[Entry] | None = entries
        self._timeline: Timeline | None = None
        self._crowd()

    def put(self, fact: BookingFact) -> None:
        """Take in a booking."""
        if self._leaf.admits(fact):
            entry = self._leaf.entry(fact)
            self._count += 1
            if self._timeline is not None:
                self._timeline.put(self._leaf.span(entry))
            if self._entries is not None:
                insort(self._entries, entry)
                self._crowd()

    def take(self, fact: BookingFact) -> None:
        """Give up a booking that was taken in."""
        if self._leaf.admits(fact):
            entry = self._leaf.entry(fact)
            self._count -= 1
            if self._timeline is not None:
                self._timeline.take(self._leaf.span(entry))
            if self._entries is not None:
                del self._entries[bisect_left(self._entries, entry)]

    @property
    def timeline(self) -> Timeline:
        """What counts when."""
        if self._timeline is None:
            self._timeline = Timeline(self._leaf.needs, map(self._leaf.span, self._entries or ()))
        return self._timeline

    @property
    def worn(self) -> bool:
        """Whether there are few again, whose entries were not kept."""
        return self._entries is None and self._count <= KEPT

    @property
    def memo(self) -> Memo:
        """The leaf's memo."""
        return MANY if self._entries is None or self._count > KEPT else list(self._entries)

    def _crowd(self) -> None:
        """Keep no entries of many bookings, but only what counts when: that takes far less room."""
        if self._count > 2 * KEPT:
            self._timeline, self._entries = self.timeline, None


def units(amount: Decimal) -> int:
    """Return an amount in units of its last decimal, rounded up."""
    return int(amount.scaleb(DECIMALS).to_integral_value(ROUND_CEILING))


def _turns(lacking: Sequence[int], ahead: Iterable[tuple[int, Sequence[int]]]) -> Iterator[Turn]:
    """Yield the moments at which amounts begin to count, or cease to, and whether they are enough from then on."""
    for moment, changes in groupby(ahead, key=itemgetter(0)):
        for _, amounts in changes:
            lacking = _less(lacking, amounts)
        yield moment, max(lacking) <= 0


def _less(lacking: Sequence[int], amounts: Sequence[int]) -> list[int]:
    return [need - amount for need, amount in zip(lacking, amounts, strict=True)]
