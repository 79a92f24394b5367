"""A contact's bookings, or its ratings, decoded; and what rules and totals make of them, where they are many.

A view is made of all the facts once and then follows each that comes or goes, so that one more fact costs the same
whether there are a hundred of them or 10,000. It lives as long as the facts are in memory, and says what it would if it
were made anew. Of a few facts it is made each time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar

Fact = Any
"""A booking or a rating."""
Made = TypeVar("Made", bound="View")

IDLE = 8
"""Facts that may come and go before a view that nobody asks for is dropped: its rule may be there no more."""

FEW = 8
"""Facts of which views are not kept: it costs no more to make them anew."""

VIEWED = 8
"""Facts that take as much room in a view as one that is decoded."""


class View(Protocol):
    """What is made of facts."""

    @property
    def worn(self) -> bool:
        """Whether it must be made anew."""
        ...

    def put(self, fact: Fact) -> None:
        """Take in a fact."""
        ...

    def take(self, fact: Fact) -> None:
        """Give up a fact that was taken in."""
        ...


@dataclass
class _Kept:
    view: Any
    since: int
    idle: int = 0


class Ledger:
    """The facts of one kind by their keys; `counted` is the size that whoever keeps the ledger has reckoned with."""

    def __init__(self, facts: dict[bytes, Fact]) -> None:
        self.facts = facts
        self.counted = 0
        self._views: dict[Callable[[Iterable[Fact]], View], _Kept] = {}

    @property
    def size(self) -> int:
        """How much room it takes, in facts; who has none counts as one."""
        return 1 + len(self.facts) + len(self._views) * (1 + len(self.facts) // VIEWED)

    def put(self, key: bytes, fact: Fact | None) -> Fact | None:
        """Keep, replace or drop (None) a fact; return what was there."""
        before = self.facts.pop(key, None)
        if fact is not None:
            self.facts[key] = fact
        for make, kept in list(self._views.items()):
            kept.idle += 1
            if kept.idle > IDLE:
                del self._views[make]
                continue
            if before is not None and before.time > kept.since:
                kept.view.take(before)
            if fact is not None and fact.time > kept.since:
                kept.view.put(fact)
        return before

    def view(self, make: Callable[[Iterable[Fact]], Made], since: int) -> Made:
        """Return what `make` makes of the facts that are later than `since` (epoch ms)."""
        kept = self._views.get(make)
        if kept is None or kept.since != since or kept.view.worn:
            made = make(fact for fact in self.facts.values() if fact.time > since)
            if len(self.facts) <= FEW:
                self._views.pop(make, None)
                return made
            kept = self._views[make] = _Kept(made, since)
        kept.idle = 0
        return kept.view  # type: ignore[no-any-return]  # what this one made
