"""A contact's facts as rules and totals read them: each kind once, and only if somebody asks for it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any, TypeVar

from processors.attributes import LAST_BOOKING, ContactLeaf, value_of
from processors.budget import FACT
from processors.changes import named_by
from processors.leaves import BookingLeaf, GroupLeaf, MessageLeaf, RatingLeaf
from processors.nested import group_memo
from processors.profile import count_bookings, count_ratings
from processors.rows import counts, facts_under

if TYPE_CHECKING:
    from collections.abc import Iterable

    from processors.definitions import Definition, Definitions
    from processors.leaves import Memo
    from processors.membership import Who
    from processors.rows import Head, Row
    from schemas.activity import BookingFact, MessageFact, RatingFact

_KINDS_OF_FACTS = {"booking", "rating"}
Fact = TypeVar("Fact", "BookingFact", "RatingFact", "MessageFact")


def counting(head: Head, facts: Iterable[Fact]) -> Iterable[Fact]:
    """Leave out what a contact.delete has cut off."""
    return facts if head.deleted is None else [fact for fact in facts if counts(head, fact.time)]


def count(at: Who, kind: str) -> None:
    """Bring the profile's totals over one kind of facts up to date."""
    if kind == "booking":
        count_bookings(at.head.profile, _bookings(at))
    else:
        count_ratings(at.head.profile, _ratings(at))


def _bookings(at: Who) -> Iterable[BookingFact]:
    """Return a contact's bookings; each time they are gone through, whether they are decoded already or not."""
    known = at.desk.bookings(at.key)
    at.desk.spent += FACT * len(known)
    return counting(at.head, known.values())


def _ratings(at: Who) -> Iterable[RatingFact]:
    """Return a contact's ratings, as its bookings."""
    known = at.desk.ratings(at.key)
    at.desk.spent += FACT * len(known)
    return counting(at.head, known.values())


class Facts:
    """What the memos of a contact's rows are built from."""

    def __init__(self, at: Who, definitions: Definitions) -> None:
        self.at = at
        self.definitions = definitions

    @cached_property
    def _matched(self) -> dict[tuple[str, int], list[int]]:
        return self.definitions.matched(counting(self.at.head, self.at.desk.messages(self.at.key)))

    def concerned(self, version: int) -> list[Definition]:
        """Return the definitions since a version, oldest first, that may say anything of the contact.

        Of 10,000 new groups most look for words that it never wrote, or for facts that it has none of.
        """
        head, known = self.at.head, self.definitions
        found = {name for name in head.rows if name in known.groups and known.groups[name].version > version}
        for kind in known.kinds_since(version):
            if kind == "message":
                found |= {group for group, _ in self._matched if known.groups[group].version > version}
            elif kind not in _KINDS_OF_FACTS or self._has(kind):
                found |= {one.id for one in known.since(version, kind)}
        return known.in_order(found)

    def _has(self, kind: str) -> bool:
        under = facts_under(self.at.key, kind[:1].encode())
        return next(self.at.desk.pending.scan(under), None) is not None

    def memo(self, definition: Definition, at: int, before: Row | None) -> Memo:
        """Build one leaf's memo from all the facts; of messages beyond the retention only the old memo tells."""
        leaf = definition.rule.leaves[at]
        if isinstance(leaf, MessageLeaf):
            old = self._after_deletion(before.memos[at]) if before is not None else []
            return leaf.memo([*self._matched.get((definition.id, at), ()), *leaf.forgotten(old, self.at.desk.oldest)])
        if isinstance(leaf, RatingLeaf):
            return leaf.memo(_ratings(self.at))
        if isinstance(leaf, BookingLeaf):
            return leaf.memo(_bookings(self.at))
        if isinstance(leaf, GroupLeaf):
            return group_memo(self.at, definition, leaf, self.at.desk.now)
        return leaf.memo(self._value(leaf)) if isinstance(leaf, ContactLeaf) else []

    def _after_deletion(self, times: Memo) -> Memo:
        head = self.at.head
        return times if head.deleted is None else [time for time in times if counts(head, time)]

    def _value(self, leaf: ContactLeaf) -> Any:
        if leaf.field == LAST_BOOKING:
            return leaf.last_stay(_bookings(self.at))
        return value_of(self.at.head.profile, named_by(self.at.key)[1], leaf.field)
