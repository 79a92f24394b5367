"""The leaves of a rule: what each remembers of a contact's facts, and when that makes it true.

A leaf reduces the facts that concern it to a memo, a plain list that is stored in the contact's row. From the memo
alone it answers `true_at(memo, t)` and `next_after(memo, t)`, the next moment at which its truth may change without any
new fact. So an event costs what it touches, and time is handled in one place for every kind of rule.

A fact counts while now < deadline, and a later fact's deadline may come earlier (30 January 23:00 and 31 January 01:00
plus a month), so a memo keeps the facts that last longest, not those that are newest.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date
from decimal import Context, Decimal
from typing import Any, NamedTuple, Protocol

from processors.identity import channel_of
from processors.windows import Window, local_midnight
from schemas.activity import BookingFact, RatingFact
from schemas.rules import BookingRule, MessageRule, RatingRule

Memo = list[Any]
FOR_EVER = 1 << 62

add_exactly = Context(prec=120).add
"""Sums of money do not depend on their order, however many there are."""


class Leaf(Protocol):
    """One leaf of a compiled rule."""

    kind: str
    fades: bool
    """Without new facts it is true until `end` and then false for ever."""

    def end(self, memo: Memo) -> int:
        """When a leaf that fades stops to be true; 0 when it is not true at any time."""
        ...

    def true_at(self, memo: Memo, t: int) -> bool:
        """Whether the facts in the memo make the leaf true at `t` (epoch ms)."""
        ...

    def next_after(self, memo: Memo, t: int) -> int:
        """The next moment after `t` at which truth may change by itself, or 0."""
        ...


class Fading:
    """What all leaves share that are true until their end."""

    fades = True

    def end(self, memo: Memo) -> int:
        """See Leaf."""
        raise NotImplementedError

    def true_at(self, memo: Memo, t: int) -> bool:
        """See Leaf."""
        return t < self.end(memo)

    def next_after(self, memo: Memo, t: int) -> int:
        """See Leaf."""
        end = self.end(memo)
        return end if t < end < FOR_EVER else 0


class ManualLeaf(Fading):
    """Never true by itself: members are added."""

    kind = "manual"

    def end(self, memo: Memo) -> int:
        """See Leaf."""
        del memo
        return 0


def end_of(window: Window | None, t: int) -> int:
    """When a fact of time `t` stops to count."""
    return FOR_EVER if window is None else window.deadline(t)


class MessageLeaf(Fading):
    """At least `min_count` messages in the window; the memo holds the times of the `min_count` that last longest.

    Of those that count for ever it holds the oldest: newer ones can be read again, beyond the retention only it tells.
    """

    kind = "message"

    def __init__(self, rule: MessageRule, window: Window | None) -> None:
        self.window = window
        self.count = rule.min_count
        self.channels = frozenset(map(channel_of, rule.channels))

    def admits(self, channel: str) -> bool:
        """Whether the rule's filter lets a message of this channel count."""
        return not self.channels or channel_of(channel) in self.channels

    def add(self, memo: Memo, time: int) -> Memo:
        """Return the memo with one more matching message; the same one when the message ends too early to matter."""
        if len(memo) == self.count and self._lasting(time) <= self._lasting(memo[-1]):
            return memo
        return [time] if self.count == 1 else self.memo([*memo, time])

    def memo(self, times: Iterable[int]) -> Memo:
        """Build the memo from the times of all the matching messages."""
        return sorted(times, key=self._lasting, reverse=True)[: self.count]

    def forgotten(self, memo: Memo, before: int) -> Memo:
        """Return what must be kept of messages so old that their facts are gone: only a rule for ever counts them."""
        return [time for time in memo if time < before] if self.window is None else []

    def end(self, memo: Memo) -> int:
        """See Leaf: the deadline of the last that is needed."""
        if len(memo) < self.count:
            return 0
        return FOR_EVER if self.window is None else self.window.deadline(memo[-1])

    def _lasting(self, time: int) -> tuple[int, int]:
        return (FOR_EVER, -time) if self.window is None else (self.window.deadline(time), time)


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
        counted = [f for f in facts if self.looks_at(f)]
        counted.sort(key=lambda f: (f.time, f.stars), reverse=True)
        entries = [[f.time, self.low <= f.stars <= self.high] for f in counted]
        if self.mode == "latest":
            return self._outlasting(entries)
        good = self._outlasting([e for e in entries if e[1]])[-1:]
        return good if self.mode == "any" else good + self._outlasting([e for e in entries if not e[1]])[-1:]

    def looks_at(self, fact: RatingFact) -> bool:
        """Whether a rating passes the rule's filters, in range or not."""
        return not fact.withdrawn and self.property in (None, fact.property)

    def _outlasting(self, entries: list[Memo]) -> Memo:
        """Keep, latest first, the entries that last longer than all before them."""
        kept: Memo = []
        longest = -1 << 62
        for entry in entries:
            end = end_of(self.window, entry[0])
            if end > longest:
                longest = end
                kept.append(entry)
        return kept

    def end(self, memo: Memo) -> int:
        """See Leaf."""
        return end_of(self.window, memo[0][0]) if memo else 0

    def true_at(self, memo: Memo, t: int) -> bool:
        """See Leaf."""
        counting = [good for time, good in memo if t < end_of(self.window, time)]
        return all(counting[:1] if self.mode == "latest" else counting) if counting else False

    def next_after(self, memo: Memo, t: int) -> int:
        """See Leaf."""
        return soonest((end_of(self.window, time) for time, _ in memo), t)


class Zones(NamedTuple):
    """The time zone of each property of a tenant."""

    default: str
    by_property: dict[str, str]

    def of(self, property_: str | None) -> str:
        """Return the property's zone, else the tenant's."""
        return self.by_property.get(property_ or "", self.default)


class BookingLeaf:
    """All named conditions hold over the bookings that pass; the memo holds [check-in, check-out, nights, amount].

    A cancellation may come without dates. It is no stay, past or to come, and its window runs from its event time.
    """

    kind = "booking"

    def __init__(self, rule: BookingRule, window: Window | None, zones: Zones) -> None:
        self.rule = rule
        self.window = window
        self.zones = zones
        self.fades = rule.stay == "any"
        self.statuses = frozenset(rule.statuses)
        self.rooms = frozenset(r.casefold() for r in rule.room_types)
        self.channels = frozenset(c.casefold() for c in rule.channels)
        self.currency = rule.currency.upper() if rule.currency else None

    def memo(self, facts: Iterable[BookingFact]) -> Memo:
        """Build the memo from the contact's bookings."""
        return sorted(self.entry(fact) for fact in facts if self.admits(fact))

    def admits(self, fact: BookingFact) -> bool:
        """Whether a booking passes the rule's filters."""
        return (
            fact.status in self.statuses
            and (self.rule.stay == "any" or (fact.check_in is not None and fact.check_out is not None))
            and (not self.rooms or (fact.room_type or "").casefold() in self.rooms)
            and (not self.channels or (fact.channel or "").casefold() in self.channels)
        )

    def entry(self, fact: BookingFact) -> list[Any]:
        """Return [check-in, check-out, nights, amount in the rule's currency] of a booking."""
        paid = fact.amount if fact.amount and fact.currency and fact.currency.upper() == self.currency else "0"
        if fact.check_in is None or fact.check_out is None:
            return [fact.time, fact.time, 0, paid]
        zone = self.zones.of(fact.property)
        first, last = date.fromisoformat(fact.check_in), date.fromisoformat(fact.check_out)
        return [local_midnight(first, zone), local_midnight(last, zone), (last - first).days, paid]

    def end(self, memo: Memo) -> int:
        """See Leaf: the deadline of the last booking that is needed, those that last longest taken first."""
        lasting = sorted(((end_of(self.window, entry[1]), entry) for entry in memo), reverse=True)
        tally = Tally(self.rule)
        for end, entry in lasting:
            if tally.enough(entry):
                return end
        return 0

    def true_at(self, memo: Memo, t: int) -> bool:
        """See Leaf."""
        tally = Tally(self.rule)
        return any(tally.enough(entry) for entry in memo if t < end_of(self.window, entry[1]) and self.stays(entry, t))

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
        if self.fades:
            return soonest([self.end(memo)], t)
        return soonest((turn for e in memo for turn in (end_of(self.window, e[1]), e[0], e[1])), t)


class Tally:
    """Bookings counted one by one, until they are enough for a rule."""

    def __init__(self, rule: BookingRule) -> None:
        self.bookings = rule.min_bookings
        self.nights = rule.min_nights or 0
        self.spent = rule.min_spent
        self.sum = Decimal(0)

    def enough(self, entry: Sequence[Any]) -> bool:
        """Count one more booking; return whether all conditions hold."""
        self.bookings -= 1
        self.nights -= entry[2]
        if self.spent is not None:
            self.sum = add_exactly(self.sum, Decimal(entry[3]))
        return self.bookings <= 0 >= self.nights and (self.spent is None or self.sum >= self.spent)


class GroupLeaf:
    """Member of another group; the memo holds the spells of that membership, [from, until] each, as far as known.

    A spell without length is no membership, but a moment at which to look again.
    """

    kind = "group"
    fades = False

    def __init__(self, group: str) -> None:
        self.group = group

    def end(self, memo: Memo) -> int:
        """See Leaf."""
        return max((until for _, until in memo), default=0)

    def true_at(self, memo: Memo, t: int) -> bool:
        """See Leaf."""
        return any(start <= t < until for start, until in memo)

    def next_after(self, memo: Memo, t: int) -> int:
        """See Leaf."""
        return soonest((turn for spell in memo for turn in spell), t)


def soonest(moments: Iterable[int], t: int) -> int:
    """Return the first of the moments that lies after `t`, or 0."""
    return min((m for m in moments if t < m < FOR_EVER), default=0)
