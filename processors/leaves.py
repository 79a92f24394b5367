"""The leaves of a rule: what each remembers of a contact's facts, and when that makes it true.

A leaf reduces the facts that concern it to a memo, a plain list that is stored in the contact's row. From the memo alone
it answers `true_at(memo, t)` and `next_after(memo, t)`, the next moment at which its truth may change without any new
fact. So an event costs what it touches, and time is handled in one place for every kind of rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Decimal
from typing import Any, Protocol

from processors.windows import Window, local_midnight
from schemas.activity import BookingFact, MessageFact, RatingFact
from schemas.rules import BookingRule, MessageRule, RatingRule

Memo = list[Any]
FOR_EVER = 1 << 62


class Leaf(Protocol):
    """One leaf of a compiled rule."""

    kind: str

    def true_at(self, memo: Memo, t: int) -> bool:
        """Whether the facts in the memo make the leaf true at `t` (epoch ms)."""
        ...

    def next_after(self, memo: Memo, t: int) -> int:
        """The next moment after `t` at which truth may change by itself, or 0."""
        ...


class ManualLeaf:
    """Never true by itself: members are added."""

    kind = "manual"

    def true_at(self, memo: Memo, t: int) -> bool:
        """Return False."""
        del memo, t
        return False

    def next_after(self, memo: Memo, t: int) -> int:
        """Return 0: nothing ever changes."""
        del memo, t
        return 0


def end_of(window: Window | None, t: int) -> int:
    """When a fact of time `t` stops to count."""
    return FOR_EVER if window is None else window.deadline(t)


class MessageLeaf:
    """At least `min_count` messages in the window; the memo holds the newest `min_count` times, newest first."""

    kind = "message"

    def __init__(self, rule: MessageRule, window: Window | None) -> None:
        self.window = window
        self.count = rule.min_count
        self.channels = frozenset(c.casefold() for c in rule.channels)

    def admits(self, channel: str) -> bool:
        """Whether the rule's filter lets a message of this channel count."""
        return not self.channels or channel.casefold() in self.channels

    def add(self, memo: Memo, time: int) -> Memo:
        """Return the memo with one more matching message; unchanged when the message is too old to matter."""
        if self.count == 1:
            return [time] if not memo or time > memo[0] else memo
        return sorted([*memo, time], reverse=True)[: self.count]

    def memo(self, matching: Iterable[MessageFact]) -> Memo:
        """Build the memo from all the matching messages."""
        return sorted((fact.time for fact in matching), reverse=True)[: self.count]

    def end(self, memo: Memo) -> int:
        """When the leaf stops to be true: the deadline of the count-th newest message; 0 when there are too few."""
        return end_of(self.window, memo[self.count - 1]) if len(memo) >= self.count else 0

    def true_at(self, memo: Memo, t: int) -> bool:
        """See Leaf."""
        return t < self.end(memo)

    def next_after(self, memo: Memo, t: int) -> int:
        """See Leaf."""
        end = self.end(memo)
        return end if t < end < FOR_EVER else 0


class RatingLeaf:
    """Any, the latest or all of the ratings in the window are in range; the memo holds [time, in range], newest first."""

    kind = "rating"

    def __init__(self, rule: RatingRule, window: Window | None) -> None:
        self.window = window
        self.mode = rule.mode
        self.low, self.high = rule.min_stars, rule.max_stars
        self.property = rule.property

    def memo(self, facts: Iterable[RatingFact]) -> Memo:
        """Build the memo from the contact's ratings."""
        kept = [
            [f.time, self.low <= f.stars <= self.high]
            for f in facts
            if not f.withdrawn and self.property in (None, f.property)
        ]
        kept.sort(reverse=True)
        if self.mode == "any":
            return [entry for entry in kept if entry[1]][:1]
        return kept[:1] if self.mode == "latest" else kept

    def true_at(self, memo: Memo, t: int) -> bool:
        """See Leaf."""
        counting = [good for time, good in memo if t < end_of(self.window, time)]
        return bool(counting) and all(counting)

    def next_after(self, memo: Memo, t: int) -> int:
        """See Leaf."""
        return soonest((end_of(self.window, time) for time, _ in memo), t)


class BookingLeaf:
    """All named conditions hold over the bookings that pass; the memo holds [check-in, check-out, nights, amount]."""

    kind = "booking"

    def __init__(self, rule: BookingRule, window: Window | None, zones: Zones) -> None:
        self.rule = rule
        self.window = window
        self.zones = zones
        self.statuses = frozenset(rule.statuses)
        self.rooms = frozenset(r.casefold() for r in rule.room_types)
        self.channels = frozenset(c.casefold() for c in rule.channels)
        self.currency = rule.currency.upper() if rule.currency else None
        self.spent = Decimal(str(rule.min_spent)) if rule.min_spent is not None else None

    def memo(self, facts: Iterable[BookingFact]) -> Memo:
        """Build the memo from the contact's bookings."""
        return sorted(self.entry(fact) for fact in facts if self.admits(fact))

    def admits(self, fact: BookingFact) -> bool:
        """Whether a booking passes the rule's filters; one without dates never does."""
        return (
            fact.status in self.statuses
            and fact.check_in is not None
            and fact.check_out is not None
            and (not self.rooms or (fact.room_type or "").casefold() in self.rooms)
            and (not self.channels or (fact.channel or "").casefold() in self.channels)
        )

    def entry(self, fact: BookingFact) -> list[Any]:
        """Return [check-in, check-out, nights, amount in the rule's currency] of a booking."""
        zone = self.zones.of(fact.property)
        start, end = (local_midnight(day_of(day), zone) for day in (fact.check_in, fact.check_out))
        nights = (day_of(fact.check_out) - day_of(fact.check_in)).days
        paid = fact.amount if fact.amount and (fact.currency or "").upper() == self.currency else "0"
        return [start, end, nights, paid]

    def true_at(self, memo: Memo, t: int) -> bool:
        """See Leaf."""
        counting = [entry for entry in memo if t < end_of(self.window, entry[1]) and self.stays(entry, t)]
        if len(counting) < self.rule.min_bookings:
            return False
        if self.rule.min_nights is not None and sum(entry[2] for entry in counting) < self.rule.min_nights:
            return False
        return self.spent is None or sum((Decimal(e[3]) for e in counting), Decimal(0)) >= self.spent

    def stays(self, entry: Sequence[Any], t: int) -> bool:
        """Whether a stay is past, current, upcoming or any, at `t`."""
        start, end = entry[0], entry[1]
        match self.rule.stay:
            case "past":
                return bool(end <= t)
            case "current":
                return bool(start <= t < end)
            case "upcoming":
                return bool(t < start)
            case _:
                return True

    def next_after(self, memo: Memo, t: int) -> int:
        """See Leaf."""
        turns = [end_of(self.window, entry[1]) for entry in memo]
        if self.rule.stay != "any":
            turns += [moment for entry in memo for moment in entry[:2]]
        return soonest(turns, t)


class Zones:
    """The time zone of each property of a tenant."""

    def __init__(self, default: str, by_property: dict[str, str]) -> None:
        self.default = default
        self.by_property = by_property

    def of(self, property_: str | None) -> str:
        """Return the property's zone, else the tenant's."""
        return self.by_property.get(property_ or "", self.default)


def soonest(moments: Iterable[int], t: int) -> int:
    """Return the first of the moments that lies after `t`, or 0."""
    return min((m for m in moments if t < m < FOR_EVER), default=0)


def day_of(text: str | None) -> date:
    """Return the date of an ISO day."""
    return date.fromisoformat(text or "")
