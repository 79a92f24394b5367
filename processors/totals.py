"""What a profile tells of all the facts: stays, money by currency, the last check-out, the latest rating."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from decimal import Context, Decimal
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from processors.rows import Profile
    from schemas.activity import BookingFact, RatingFact

NO_STAY = frozenset({"cancelled", "no_show"})

Day = tuple[str, str]
"""A check-out: the day (ISO) and the property, "" where none is told."""

_exact = Context(prec=120)
"""Sums of money do not depend on their order, however many there are."""


@dataclass
class Money:
    """A sum, and how many amounts in it have how many decimals: it is told with as many as any of them."""

    total: Decimal = Decimal(0)
    decimals: Counter[int] = field(default_factory=Counter[int])

    def add(self, amount: str, sign: int) -> None:
        """Count an amount, or with -1 no more."""
        self.total = (_exact.add if sign > 0 else _exact.subtract)(self.total, Decimal(amount))
        decimals = len(amount.partition(".")[2])
        self.decimals[decimals] += sign
        if not self.decimals[decimals]:
            del self.decimals[decimals]

    def __str__(self) -> str:
        return f"{self.total:.{max(self.decimals)}f}"


class BookingTotals:
    """Stays, what was spent by currency, and the check-outs, over bookings not cancelled or no_show."""

    worn = False

    def __init__(self, facts: Iterable[BookingFact]) -> None:
        self._stays = 0
        self._spent: dict[str, Money] = {}
        self._counts: Counter[Day] = Counter()
        self._days: list[Day] = []
        for fact in facts:
            self.put(fact)

    def put(self, fact: BookingFact) -> None:
        """Count a booking."""
        if fact.status in NO_STAY:
            return
        self._stays += 1
        if fact.amount and fact.currency:
            self._spent.setdefault(fact.currency, Money()).add(fact.amount, 1)
        if fact.check_out:
            day = fact.check_out, fact.property or ""
            if not self._counts[day]:
                insort(self._days, day)
            self._counts[day] += 1

    def take(self, fact: BookingFact) -> None:
        """Count a booking no more."""
        if fact.status in NO_STAY:
            return
        self._stays -= 1
        if fact.amount and fact.currency:
            spent = self._spent[fact.currency]
            spent.add(fact.amount, -1)
            if not spent.decimals:
                del self._spent[fact.currency]
        if fact.check_out:
            day = fact.check_out, fact.property or ""
            self._counts[day] -= 1
            if not self._counts[day]:
                del self._counts[day], self._days[bisect_left(self._days, day)]

    @property
    def days(self) -> Iterator[Day]:
        """The check-outs, the last first, each day of a property once."""
        return reversed(self._days)

    def tell(self, profile: Profile) -> None:
        """Write the totals into a profile."""
        profile.bookings = self._stays
        profile.spent = {currency: str(money) for currency, money in sorted(self._spent.items())}
        profile.last_booking = self._days[-1][0] if self._days else None


class RatingTotals:
    """The ratings that are not withdrawn, by event time."""

    worn = False

    def __init__(self, facts: Iterable[RatingFact]) -> None:
        self._given = sorted((fact.time, fact.stars) for fact in facts if not fact.withdrawn)

    def put(self, fact: RatingFact) -> None:
        """Count a rating."""
        if not fact.withdrawn:
            insort(self._given, (fact.time, fact.stars))

    def take(self, fact: RatingFact) -> None:
        """Count a rating no more."""
        if not fact.withdrawn:
            del self._given[bisect_left(self._given, (fact.time, fact.stars))]

    def tell(self, profile: Profile) -> None:
        """Write the latest rating into a profile."""
        profile.latest_rating = self._given[-1][1] if self._given else 0
