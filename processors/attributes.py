"""The profile as rules read it: what each field holds, and the leaf over one of them.

The memo says what time alone cannot change: nothing where the leaf says the same as of an empty profile, else whether
all other operators pass; for `older_than` and `newer_than` it is the moment that they count from.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from processors.leaf import FOR_EVER, after
from processors.profile import attribute_of, email_of, known_of, source_of, tags_of
from processors.windows import local_midnight, window_of
from schemas.base import millis
from schemas.rule_checks import exact

if TYPE_CHECKING:
    from processors.leaf import Memo, Turn, Zones
    from processors.rows import Profile
    from processors.totals import Day
    from schemas.rules import ContactRule

Test = Callable[[Any], bool]
LAST_BOOKING = "last_booking"

ZONES_APART = 2
"""Days by which a day of one zone may begin before an earlier one of another."""

_READ: dict[str, Callable[[Profile, str], Any]] = {
    "source": lambda profile, _: source_of(profile),
    "email": email_of,
    "tags": lambda profile, _: tags_of(profile),
    "bookings": lambda profile, _: profile.bookings,
    "spent": lambda profile, _: profile.spent,
    "latest_rating": lambda profile, _: profile.latest_rating or None,
    "customer_since": lambda profile, _: profile.since,
    LAST_BOOKING: lambda profile, _: profile.last_booking,
}


def value_of(profile: Profile, contact: str, field: str) -> Any:
    """Return what a field holds: text, texts, a number, money by currency, epoch ms, an attribute's JSON, or None."""
    read = _READ.get(field)
    if read is not None:
        return read(profile, contact)
    _, dot, name = field.partition(".")
    return attribute_of(profile, name) if dot else known_of(profile, field)


_EMPTY: dict[str, Any] = {"bookings": 0, "spent": {}, "tags": []}
"""What the fields of a contact hold of whom nothing is known."""


class ContactLeaf:
    """A field of the profile passes every operator given."""

    kind = "attribute"

    def __init__(self, rule: ContactRule, zone: str, zones: Zones) -> None:
        self.rule = rule
        self.field = rule.contact
        self.zone, self.zones = zone, zones
        self.older, self.newer = window_of(rule.older_than, zone), window_of(rule.newer_than, zone)
        self.dated = self.older is not None or self.newer is not None
        self.fades = self.older is None
        self.tests = tuple(_tests(rule))
        self.empty = not self.dated and self._passes(_EMPTY.get(self.field))

    def memo(self, value: Any) -> Memo:
        """Build the memo from what the field holds; of `last_booking` that is the moment of the last check-out."""
        passed = self._passes(value)
        if not self.dated:
            return [] if passed == self.empty else [passed]
        start = value if isinstance(value, int) and not self.field.startswith("attributes.") else self._moment(value)
        return [start] if passed and start is not None else []

    def last_stay(self, days: Iterable[Day]) -> int | None:
        """Return the moment of the last check-out: the day's 00:00 in its property's zone; the last day comes first."""
        found: list[tuple[date, int]] = []
        for text, place in days:
            day = date.fromisoformat(text)
            if found and (found[0][0] - day).days > ZONES_APART:
                break
            found.append((day, local_midnight(day, self.zones.of(place))))
        return max((moment for _, moment in found), default=None)

    def end(self, memo: Memo) -> int:
        """See Leaf."""
        if self.newer is None:
            return FOR_EVER if self.true_at(memo, 0) else 0
        return self.newer.deadline(memo[0]) if memo else 0

    def true_at(self, memo: Memo, t: int) -> bool:
        """See Leaf."""
        if not self.dated:
            return bool(memo[0]) if memo else self.empty
        if not memo or (self.older is not None and t < self.older.deadline(memo[0])):
            return False
        return self.newer is None or t < self.newer.deadline(memo[0])

    def evaluate(self, memo: Memo, t: int) -> tuple[bool, Iterator[Turn]]:
        """See Leaf."""
        windows = (self.older, self.newer) if self.dated and memo else ()
        turns = after(t, [window.deadline(memo[0]) for window in windows if window is not None])
        return self.true_at(memo, t), ((turn, self.true_at(memo, turn)) for turn in turns)

    def _passes(self, value: Any) -> bool:
        """Whether all operators but those of time pass; of money, in any one currency that the rule lets count."""
        if self.rule.present is not None and self.rule.present != self._is_there(value):
            return False
        ones = _amounts(value, self.rule.currency) if self.field == "spent" else (value,)
        return any(all(test(one) for test in self.tests) for one in ones)

    def _is_there(self, value: Any) -> bool:
        if self.field in {"bookings", "spent"}:
            return bool(value)
        return value is not None and value != []

    def _moment(self, value: Any) -> int | None:
        return moment_in(value, self.zone) if isinstance(value, str) else None


def _tests(rule: ContactRule) -> Iterable[Test]:
    if rule.is_ is not None:
        yield lambda value: _same(value, rule.is_)
    if rule.is_any is not None:
        wanted = rule.is_any
        yield lambda value: any(_same(value, one) for one in wanted)
    if rule.has_any is not None:
        some = frozenset(map(_plain, rule.has_any))
        yield lambda value: not some.isdisjoint(_texts(value))
    if rule.has_all is not None:
        every = frozenset(map(_plain, rule.has_all))
        yield lambda value: every <= _texts(value)
    if rule.min is not None:
        least = rule.min
        yield lambda value: (number := _number(value)) is not None and number >= least
    if rule.max is not None:
        most = rule.max
        yield lambda value: (number := _number(value)) is not None and number <= most


def _plain(text: str) -> str:
    return text.strip().casefold()


def _same(value: Any, wanted: Any) -> bool:
    """Texts are the same in any case; numbers by value; true is not 1, and 1 is not "1"."""
    if isinstance(value, str) or isinstance(wanted, str):
        return isinstance(value, str) and isinstance(wanted, str) and _plain(value) == _plain(wanted)
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    return isinstance(value, int | float | Decimal) and Decimal(str(value)) == Decimal(str(wanted))


def _number(value: Any) -> Decimal | None:
    """Read a number, also one that a channel writes as text."""
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        return None
    return exact(str(value))


def _texts(value: Any) -> frozenset[str]:
    """Return the texts of a list; a text alone is a list of one."""
    items: list[Any] = value if isinstance(value, list) else [value]  # pyright: ignore[reportUnknownVariableType]
    return frozenset(_plain(item) for item in items if isinstance(item, str))


def _amounts(spent: dict[str, str] | None, currency: str | None) -> list[Decimal]:
    """Return what was spent in each currency that counts; nothing at all is 0."""
    amounts = [Decimal(amount) for name, amount in (spent or {}).items() if currency in (None, name)]
    return amounts or [Decimal(0)]


@lru_cache(8_192)
def moment_in(text: str, zone: str) -> int | None:
    """Read an ISO date, which is its 00:00 in the zone, or an RFC 3339 time into epoch ms; None if it is neither."""
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        return None
    if not 1900 <= at.year <= 2999:
        return None
    if len(text.strip()) <= 10:
        return local_midnight(at.date(), zone)
    return millis(at) if at.tzinfo is not None else None
