"""What a contact's facts say of some of its groups, found out in slices.

A contact may have 100,000 messages and a tenant 10,000 groups: first the messages are read, some at a time, and what
they say is kept by group; then the groups are answered, some at a time. How far that has come is part of the job
(jobs.py) and is committed with it, so whoever goes on later goes on there.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from processors.budget import ANSWERED, READ
from processors.facts import Facts, counting
from processors.jobs import Review, job_of
from processors.rows import facts_under, message_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from processors.definitions import Definition, Definitions
    from processors.membership import Who
    from schemas.activity import MessageFact


def read(at: Who, definitions: Definitions, review: Review, but: bytes = b"") -> bool:
    """Read on in a contact's messages, but for one; return whether all are read that there is somebody to ask for."""
    if not review.read and "message" not in definitions.kinds_since(review.since):
        review.read = True
    if not review.read:
        _add(at, definitions, review, [*_unread(at, review, but)])
    return review.read


def _unread(at: Who, review: Review, but: bytes) -> Iterator[MessageFact]:
    """Yield the next messages, as far as the slice goes; those beyond the retention may be swept, and are no work."""
    desk = at.desk
    for key, raw in desk.pending.scan(facts_under(at.key, b"m"), review.cursor):
        if desk.spent >= desk.until:
            return
        review.cursor, fact = key, message_of(raw)
        if fact.time >= desk.oldest:
            desk.spent += READ
            if key != but:
                yield fact
    review.read = True


def look_back(at: Who, definitions: Definitions, but: bytes = b"") -> Review | None:
    """Return what all of a contact's messages, but for one, say of all groups, once all are read; None before.

    Where definitions have come meanwhile, it is begun anew.
    """
    job = job_of(at.desk)
    if job.review is None or job.review.until != definitions.version:
        job.review = Review(-1, definitions.version)
    return job.review if read(at, definitions, job.review, but) else None


def _of(facts: Facts, review: Review) -> Iterable[Definition]:
    """Return the groups under review that may have the contact, in an order that stays while others come."""
    return sorted((one for one in facts.concerned(review.since) if one.version <= review.until), key=_mark)


def _mark(definition: Definition) -> tuple[int, str]:
    return definition.version, definition.id


def find(at: Who, definitions: Definitions, review: Review, row: bytes) -> None:
    """Add what one more message says to what was found."""
    fact = message_of(row)
    if fact.time >= at.desk.oldest:
        _add(at, definitions, review, [fact])


def _add(at: Who, definitions: Definitions, review: Review, facts: Iterable[MessageFact]) -> None:
    for (group, nth), times in definitions.matched(counting(at.head, facts)).items():
        definition = definitions.groups[group]
        if review.since < definition.version <= review.until:
            found = review.found.setdefault(group, {})
            leaf: Any = definition.rule.leaves[nth]
            found[nth] = leaf.lasting([*found.get(nth, ()), *times])


def answer(at: Who, definitions: Definitions, review: Review, each: Callable[[Facts, Definition], None]) -> bool:
    """Have groups answered by what was found; return whether all of them are."""
    desk, facts = at.desk, Facts(at, definitions, review.found)
    for definition in _of(facts, review):
        if _mark(definition) <= review.asked:
            continue
        if desk.spent >= desk.until:
            return False
        desk.spent += ANSWERED
        each(facts, definition)
        review.asked = _mark(definition)
    return True
