"""The contact's actor: its facts and pins in, its memberships out. It answers every rule of its tenant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from processors.leaves import BookingLeaf, Memo, MessageLeaf, RatingLeaf
from processors.membership import Who, Why, row_of, settle, who
from processors.pins import apply_pin
from processors.profile import count_bookings, count_ratings, learn, meet
from processors.rows import fact_key
from schemas.activity import FactPut, FactTaken, MessageFact, MessageSeen, Pin

if TYPE_CHECKING:
    from collections.abc import Iterable

    from processors.definitions import Definition, Definitions, Hit
    from processors.desk import Desk
    from processors.leaves import Leaf


def touch(desk: Desk, key: bytes, definitions: Definitions) -> Who:
    """Return a contact, first brought up to date with its tenant's definitions."""
    at = who(desk, key)
    if at.head.version != definitions.version:
        catch_up(desk, at, definitions)
    return at


def catch_up(desk: Desk, at: Who, definitions: Definitions) -> None:
    """Answer the groups that came since from the facts (origin backfill), and leave those being deleted."""
    new = at.head.version < 0
    for definition in definitions.true_when_empty() if new else definitions.since(at.head.version):
        _answer(desk, at, definitions, definition)
    at.head.version = definitions.version


def _answer(desk: Desk, at: Who, definitions: Definitions, definition: Definition) -> None:
    known = at.head.rows.get(definition.group.id)
    if definition.deleting:
        if known is not None:
            known.memos, known.pins, known.stuck = definition.rule.empty(), None, False
            settle(desk, at, definition, known, desk.now, _by(definition, "group_deleted", desk.now))
        return
    memos = [memo_of(desk, at.key, definitions, definition, i) for i in range(len(definition.rule.leaves))]
    if known is not None or any(memos) or definition.rule.true_at(memos, desk.now):
        row = row_of(at, definition)
        row.memos = memos
        settle(desk, at, definition, row, desk.now, _by(definition, "no_longer_matches", desk.now))


def _by(definition: Definition, leave: str, now: int) -> Why:
    return Why(None, leave, definition.cause, now, origin="backfill")


def memo_of(desk: Desk, key: bytes, definitions: Definitions, definition: Definition, at: int) -> Memo:
    """Build one leaf's memo from all the contact's facts."""
    leaf: Leaf = definition.rule.leaves[at]
    if isinstance(leaf, MessageLeaf):
        return leaf.memo(definitions.matching(definition, at, desk.messages(key)))
    if isinstance(leaf, RatingLeaf):
        return leaf.memo(desk.ratings(key).values())
    if isinstance(leaf, BookingLeaf):
        return leaf.memo(desk.bookings(key).values())
    return []


def on_message(desk: Desk, key: bytes, seen: MessageSeen, definitions: Definitions) -> None:
    """Keep a message and let it join (or, edited or deleted, leave) the groups whose words it has."""
    at = touch(desk, key, definitions)
    kept_at = fact_key(key, b"m", seen.source, seen.id)
    before = desk.message(kept_at)
    if before is not None and before.revision >= seen.revision:
        desk.counts["repeated"] += 1
        return
    fact = MessageFact(
        seen.revision, seen.time, seen.words, seen.channel, seen.property, seen.inbound, seen.deleted
    )
    desk.put_message(key, kept_at, fact)
    if meet(at.head.profile, seen.time, seen.source) | (seen.seen is not None and learn(at.head.profile, seen.seen)):
        desk.changed_profiles[key] = None
    why = Why("message", "retracted", (seen.source, seen.event), min(seen.time, desk.now))
    if before is not None:
        _reread(desk, at, definitions, [*_hits(definitions, before), *_hits(definitions, fact)], why)
        return
    for hit in _hits(definitions, fact):
        _count(desk, at, hit, fact.time, why)


def _hits(definitions: Definitions, fact: MessageFact) -> list[Hit]:
    if not fact.inbound or fact.deleted or not fact.words:
        return []
    return definitions.hits(fact.words, fact.channel)


def _count(desk: Desk, at: Who, hit: Hit, time: int, why: Why) -> None:
    definition = hit.definition
    leaf = definition.rule.leaves[hit.leaf]
    assert isinstance(leaf, MessageLeaf)  # noqa: S101 - only those have words
    row = row_of(at, definition)
    memo = leaf.add(row.memos[hit.leaf], time)
    if memo is not row.memos[hit.leaf]:
        row.memos[hit.leaf] = memo
        settle(desk, at, definition, row, desk.now, why._replace(evidence=hit.phrase))


def _reread(desk: Desk, at: Who, definitions: Definitions, hits: Iterable[Hit], why: Why) -> None:
    for hit in {(h.definition.group.id, h.leaf): h for h in hits}.values():
        row = row_of(at, hit.definition)
        row.memos[hit.leaf] = memo_of(desk, at.key, definitions, hit.definition, hit.leaf)
        settle(desk, at, hit.definition, row, desk.now, why._replace(evidence=hit.phrase))


def on_fact_put(desk: Desk, key: bytes, put: FactPut, definitions: Definitions) -> None:
    """Take a booking or rating, or a newer revision of one, from its owner."""
    at = touch(desk, key, definitions)
    before: Any
    if put.booking is not None:
        before = desk.put_booking(key, put.source, put.id, put.booking)
    else:
        before = desk.put_rating(key, put.source, put.id, put.rating)
    meet(at.head.profile, put.at, put.source)
    if put.seen is not None:
        learn(at.head.profile, put.seen)
    why = Why(put.kind, "retracted" if before else "no_longer_matches", (put.source, put.event), min(put.at, desk.now))
    _recount(desk, at, definitions, put.kind, why._replace(evidence=_evidence(put)))


def _evidence(put: FactPut) -> str | None:
    if put.rating is not None:
        return f"{put.rating.stars:g}"
    return put.booking.room_type if put.booking is not None else None


def on_fact_taken(desk: Desk, key: bytes, taken: FactTaken, definitions: Definitions) -> None:
    """Give up a booking or rating that has moved to another contact."""
    at = touch(desk, key, definitions)
    if taken.kind == "booking":
        desk.put_booking(key, taken.source, taken.id, None)
    else:
        desk.put_rating(key, taken.source, taken.id, None)
    why = Why(taken.kind, "retracted", (taken.source, taken.event), min(taken.at, desk.now))
    _recount(desk, at, definitions, taken.kind, why)


def _recount(desk: Desk, at: Who, definitions: Definitions, kind: str, why: Why) -> None:
    if kind == "booking":
        count_bookings(at.head.profile, desk.bookings(at.key).values())
    else:
        count_ratings(at.head.profile, desk.ratings(at.key).values())
    desk.changed_profiles[at.key] = None
    for definition in definitions.of_kind(kind):
        _reweigh(desk, at, definitions, definition, kind, why)


def _reweigh(desk: Desk, at: Who, definitions: Definitions, definition: Definition, kind: str, why: Why) -> None:
    memos = {
        i: memo_of(desk, at.key, definitions, definition, i)
        for i, leaf in enumerate(definition.rule.leaves)
        if leaf.kind == kind
    }
    if definition.group.id not in at.head.rows and not any(memos.values()):
        return
    row = row_of(at, definition)
    for i, memo in memos.items():
        row.memos[i] = memo
    settle(desk, at, definition, row, desk.now, why)


def on_pin(desk: Desk, key: bytes, pin: Pin, definitions: Definitions) -> None:
    """Add, remove or clear by hand, and say what became of it."""
    at = touch(desk, key, definitions)
    apply_pin(desk, at, pin, definitions)


def expire(desk: Desk, key: bytes, definitions: Definitions) -> None:
    """Let every flip that time alone causes happen, each at its own moment, up to now."""
    at = who(desk, key)
    at.head.due = 0
    for name, row in at.head.rows.items():
        definition = definitions.groups.get(name)
        if definition is None:
            row.due = 0
            continue
        while row.due and row.due <= desk.now:
            settle(desk, at, definition, row, row.due, Why("time", "expired", None, row.due))
        desk.wake(key, at.head, row.due)
