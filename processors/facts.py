"""A contact's facts as rules and totals read them: each kind once, and only if somebody asks for it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from processors.attributes import LAST_BOOKING, ContactLeaf, value_of
from processors.booking_leaf import BookingLeaf
from processors.budget import FACT
from processors.changes import named_by
from processors.group_leaf import GroupLeaf
from processors.membership import view_of
from processors.message_leaf import MessageLeaf
from processors.nested import group_memo
from processors.rating_leaf import RatingLeaf
from processors.rows import counts, facts_under
from processors.totals import BookingTotals, RatingTotals

if TYPE_CHECKING:
    from collections.abc import Iterable

    from processors.definitions import Definition, Definitions
    from processors.leaf import Memo
    from processors.membership import Who
    from processors.rows import Head, Row
    from schemas.activity import MessageFact

_KINDS_OF_FACTS = {"booking", "rating"}
Found = dict[str, dict[int, list[int]]]
"""The times of the messages that matter to a leaf of a group's rule."""


def counting(head: Head, facts: Iterable[MessageFact]) -> Iterable[MessageFact]:
    """Leave out what a contact.delete has cut off."""
    return facts if head.deleted is None else [fact for fact in facts if counts(head, fact.time)]


def count(at: Who, kind: str) -> None:
    """Bring the profile's totals over one kind of facts up to date."""
    if kind == "booking":
        view_of(at, b"b", BookingTotals).tell(at.head.profile)
    else:
        view_of(at, b"r", RatingTotals).tell(at.head.profile)


class Facts:
    """What the memos of a contact's rows are built from; `found` is what its messages say, where those were read."""

    def __init__(self, at: Who, definitions: Definitions, found: Found | None = None) -> None:
        self.at = at
        self.definitions = definitions
        self._found = found

    @cached_property
    def _matched(self) -> dict[tuple[str, int], list[int]]:
        if self._found is not None:
            known = {group: found for group, found in self._found.items() if group in self.definitions.groups}
            return {(group, nth): times for group, found in known.items() for nth, times in found.items()}
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
            return leaf.memo(self.times(definition, at, before))
        if leaf.kind in _KINDS_OF_FACTS:
            self.at.desk.spent += FACT * len(self.at.desk.ledger(self.at.key, leaf.kind[:1].encode()).facts)
        return self.followed(definition, at)

    def followed(self, definition: Definition, at: int) -> Memo:
        """Return the memo of a leaf that is not of messages, once a fact has come or gone: not all are looked at."""
        leaf = definition.rule.leaves[at]
        if isinstance(leaf, RatingLeaf):
            return view_of(self.at, b"r", leaf.view).memo
        if isinstance(leaf, BookingLeaf):
            return view_of(self.at, b"b", leaf.view).memo
        if isinstance(leaf, GroupLeaf):
            return group_memo(self.at, definition, leaf, self.at.desk.now)
        return leaf.memo(self._value(leaf)) if isinstance(leaf, ContactLeaf) else []

    def times(self, definition: Definition, at: int, before: Row | None) -> list[int]:
        """Return the times of all the messages that match a leaf."""
        leaf: Any = definition.rule.leaves[at]
        old: list[int] = self._after_deletion(before.memos[at]) if before is not None else []
        return [*self._matched.get((definition.id, at), ()), *leaf.forgotten(old, self.at.desk.oldest)]

    def _after_deletion(self, times: Memo) -> Memo:
        head = self.at.head
        return times if head.deleted is None else [time for time in times if time is not None and counts(head, time)]

    def _value(self, leaf: ContactLeaf) -> Any:
        if leaf.field == LAST_BOOKING:
            return leaf.last_stay(view_of(self.at, b"b", BookingTotals).days)
        return value_of(self.at.head.profile, named_by(self.at.key)[1], leaf.field)
