"""The leaves of a rule: what each remembers of a contact's facts, and when that makes it true.

A leaf reduces the facts that concern it to a memo, a plain list that is stored in the contact's row. From the memo
alone it answers `evaluate(memo, t)`: whether it is true at `t`, and the moments after `t` at which that changes without
any new fact. So an event costs what it touches, and time is handled in one place for every kind of rule.

A memo stays small however many facts there are: it keeps those that decide. Where no few of them do (bookings are
summed), it holds up to KEPT and then says MANY: rules are asked of the facts themselves then, see ledger.py.

A fact counts while now < deadline, and a later fact's deadline may come earlier (30 January 23:00 and 31 January 01:00
plus a month), so a memo keeps the facts that last longest, not those that are newest.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple, Protocol

from processors.windows import Window

Memo = Any
"""A list that is stored; for bookings also Stays, what is in the place of MANY when a rule is asked."""

Turn = tuple[int, bool]
"""A moment (epoch ms), and whether a leaf or rule is true from then on."""

FOR_EVER = 1 << 62

KEPT = 16
"""Bookings that a memo lists."""

MANY: Memo = ["many"]
"""The memo of more than that."""


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

    def evaluate(self, memo: Memo, t: int) -> tuple[bool, Iterator[Turn]]:
        """Return the same, and the moments after `t` at which it may change by itself, in their order."""
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

    def evaluate(self, memo: Memo, t: int) -> tuple[bool, Iterator[Turn]]:
        """See Leaf."""
        return until(self.end(memo), t)


class ManualLeaf(Fading):
    """Never true by itself: members are added."""

    kind = "manual"

    def end(self, memo: Memo) -> int:
        """See Leaf."""
        del memo
        return 0


class Zones(NamedTuple):
    """The time zone of each property of a tenant."""

    default: str
    by_property: dict[str, str]

    def of(self, property_: str | None) -> str:
        """Return the property's zone, else the tenant's."""
        return self.by_property.get(property_ or "", self.default)


def end_of(window: Window | None, t: int) -> int:
    """When a fact of time `t` stops to count."""
    return FOR_EVER if window is None else window.deadline(t)


def until(end: int, t: int) -> tuple[bool, Iterator[Turn]]:
    """Return what there is to say at `t` of a leaf that is true until its end."""
    return t < end, iter(((end, False),) if t < end < FOR_EVER else ())


def after(t: int, moments: Iterable[int]) -> list[int]:
    """Return the moments that lie after `t`, each once and in their order."""
    return sorted({moment for moment in moments if t < moment < FOR_EVER})
