"""The nodes of a rule as people read them: what each rests on, what it lacks, when it turns."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any, cast

import msgspec

from processors.attributes import value_of
from processors.booking_leaf import BookingLeaf
from processors.changes import named_by
from processors.leaf import FOR_EVER, Leaf, Memo, end_of
from processors.message_leaf import MessageLeaf
from processors.rating_leaf import RatingLeaf
from processors.rows import fact_name
from schemas.base import moment
from schemas.questions import FactKind, FactShown, NodeShown
from schemas.rules import AllRule, AnyRule, BookingRule, Composed, ContactRule, GroupRule, MessageRule, RatingRule

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from processors.definitions import Definition, Definitions
    from processors.glance import Glance
    from processors.rows import Head
    from processors.windows import Window
    from schemas.activity import BookingFact, RatingFact
    from schemas.rules import Rule

SHOWN = 20
"""Facts shown of one leaf, the newest; how many more there are is said."""


@dataclass
class Leaves:
    """One group's rule over one contact's facts; nodes are asked for in the order of the rule."""

    glance: Glance
    key: bytes
    head: Head
    definitions: Definitions
    definition: Definition
    memos: list[Memo]
    _next: Iterator[int] = field(default_factory=count)

    def node(self, rule: Rule, path: str) -> NodeShown:
        """Show a node with all that is below it."""
        return self._composed(rule, path) if isinstance(rule, Composed) else self._leaf(rule, path)

    def _composed(self, rule: Composed, path: str) -> NodeShown:
        word = "all" if isinstance(rule, AllRule) else "any" if isinstance(rule, AnyRule) else "none"
        parts = [self.node(part, f"{path}.{word}[{at}]") for at, part in enumerate(rule.rules)]
        truths = [part.true for part in parts]
        true = all(truths) if word == "all" else any(truths) == (word == "any")
        turns = [part.turns_at for part in parts if part.turns_at is not None]
        return NodeShown(path=path, rule={word: []}, true=true, turns_at=min(turns, default=None), rules=parts)

    def _leaf(self, rule: Rule, path: str) -> NodeShown:
        at = next(self._next)
        leaf, memo, now = self.definition.rule.leaves[at], self.memos[at], self.glance.now
        facts = sorted(self._facts(leaf), key=lambda fact: fact.time, reverse=True)
        true, turns = leaf.evaluate(memo, now)
        turn = next((turn for turn, _ in turns), None)
        return NodeShown(
            path=path,
            rule=msgspec.to_builtins(rule),
            true=true,
            facts=facts[:SHOWN],
            more_facts=max(0, len(facts) - SHOWN),
            value=self._value(rule),
            lacks=None if true else _lacks(rule, leaf, memo, now),
            turns_at=None if turn is None else moment(turn),
        )

    def _value(self, rule: Rule) -> Any:
        """Return what the profile's field holds that a leaf is about."""
        if not isinstance(rule, ContactRule):
            return None
        value = value_of(self.head.profile, named_by(self.key)[1], rule.contact)
        return moment(value) if rule.contact == "customer_since" and value is not None else value

    def _facts(self, leaf: Leaf) -> Iterable[FactShown]:
        if isinstance(leaf, MessageLeaf):
            return self._messages(leaf)
        if isinstance(leaf, RatingLeaf):
            ratings = self.glance.ratings(self.key).items()
            return [self._rating(leaf, key, fact) for key, fact in ratings if leaf.admits(fact)]
        if isinstance(leaf, BookingLeaf):
            bookings = self.glance.bookings(self.key).items()
            return [self._booking(leaf, key, fact) for key, fact in bookings if leaf.admits(fact)]
        return []

    def _messages(self, leaf: MessageLeaf) -> list[FactShown]:
        found: list[FactShown] = []
        for key, fact in self.glance.messages_by_key(self.key).items():
            if fact.words and fact.inbound and not fact.deleted:
                hits = self.definitions.hits(fact.words, fact.channel)
                phrases = [hit.phrase for hit in hits if hit.leaf is leaf]
                found += [self._shown("message", key, fact.time, phrase, leaf.window, fact.time) for phrase in phrases]
        return found

    def _rating(self, leaf: RatingLeaf, key: bytes, fact: RatingFact) -> FactShown:
        return self._shown("rating", key, fact.time, f"{fact.stars:g} stars", leaf.window, fact.time)

    def _booking(self, leaf: BookingLeaf, key: bytes, fact: BookingFact) -> FactShown:
        entry = leaf.entry(fact)
        dates = f"{fact.check_in} to {fact.check_out}" if fact.check_in and fact.check_out else None
        what = ", ".join(filter(None, (fact.status, fact.room_type, dates)))
        shown = self._shown("booking", key, fact.time, what, leaf.window, entry[1])
        start, end, _ = leaf.span(entry)
        return msgspec.structs.replace(shown, counts=start <= self.glance.now < end)

    def _shown(  # noqa: PLR0913, PLR0917 - a fact, and from when its window runs
        self, kind: FactKind, key: bytes, time: int, what: str, window: Window | None, since: int
    ) -> FactShown:
        source, id_ = fact_name(key)
        end = end_of(window, since)
        return FactShown(
            kind=kind,
            source=source,
            id=id_,
            time=moment(time),
            what=what,
            counts=self.glance.now < end,
            until=moment(end) if end < FOR_EVER else None,
        )


def _lacks(rule: Rule, leaf: Leaf, memo: Memo, now: int) -> str:
    """Say what a false leaf waits for."""
    if isinstance(rule, MessageRule) and isinstance(leaf, MessageLeaf):
        return _message_lacks(rule, leaf, memo, now)
    if isinstance(rule, RatingRule):
        return _rating_lacks(rule)
    if isinstance(rule, BookingRule) and isinstance(leaf, BookingLeaf):
        return _booking_lacks(rule, leaf, memo, now)
    if isinstance(rule, ContactRule):
        return _profile_lacks(rule)
    return f"to be in {rule.group}" if isinstance(rule, GroupRule) else "to be added"


def _profile_lacks(rule: ContactRule) -> str:
    said: dict[str, Any] = msgspec.to_builtins(rule)
    told = {word: value for word, value in said.items() if word != "contact" and value is not None}
    return f"{rule.contact} with {' and '.join(f'{word} {_listed(value)}' for word, value in told.items())}"


def _listed(value: Any) -> str:
    return ", ".join(map(str, cast("list[Any]", value))) if isinstance(value, list | tuple) else str(value)


def _message_lacks(rule: MessageRule, leaf: MessageLeaf, memo: Memo, now: int) -> str:
    more = rule.min_count - sum(now < end_of(leaf.window, time) for time in memo)
    where = f" on {' or '.join(rule.channels)}" if rule.channels else ""
    return f"{more} more message{'s' * (more > 1)} with {' or '.join(rule.any_of)}{where}"


def _rating_lacks(rule: RatingRule) -> str:
    stars = f"{rule.min_stars:g} to {rule.max_stars:g} stars"
    place = f" of {rule.property}" if rule.property else ""
    return {
        "any": f"a rating{place} of {stars}",
        "latest": f"a latest rating{place} of {stars}",
        "all": f"ratings{place} of {stars} only",
    }[rule.mode]


def _booking_lacks(rule: BookingRule, leaf: BookingLeaf, memo: Memo, now: int) -> str:
    bookings, nights, spent = leaf.lacking(memo, now)
    more = [f"{bookings} more bookings"] if bookings > 0 else []
    more += [f"{nights} more nights"] if nights > 0 else []
    if spent > 0:
        more.append(f"{leaf.currency} {spent.normalize():f} more spent")
    rooms = f" in {' or '.join(rule.room_types)}" if rule.room_types else ""
    stays = "" if rule.stay == "any" else f" in {rule.stay} stays"
    return f"{' and '.join(more)}{rooms}{stays}"
