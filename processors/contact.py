"""The contact's actor: its facts and pins in, its memberships out. It answers every rule of its tenant."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import structs

from processors import deletion
from processors.ahead import fact_of
from processors.edits import apply_edit, set_by_event
from processors.facts import Facts, count
from processors.hearing import hear, suspect
from processors.jobs import Review, job_of
from processors.membership import Who, Why, row_of, settle, settle_at_end, settle_now
from processors.nested import settle_waiting
from processors.notices import notify
from processors.pins import apply_pin, kept, may_greet
from processors.profile import learn, meet
from processors.review import answer, find, look_back, read
from processors.revisions import with_revision
from processors.rows import BEFORE, counts, encode, fact_key, facts_under, is_alias, is_gone, is_shown, keeps
from schemas.activity import Edit, FactPut, FactTaken, Heard, MessageFact, MessageSeen, Pin, Seen

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from processors.ahead import Ahead
    from processors.definitions import Definition, Definitions, Word
    from processors.desk import Desk
    from processors.leaf import Memo
    from processors.membership import Happening
    from processors.rows import Head


def touch(
    desk: Desk, key: bytes, definitions: Definitions, event: Happening | None = None, *, reply: bool = True
) -> Who:
    """Return a contact, which may be met only now, by an event; with `reply` the groups of everybody may greet it."""
    at = Who(desk, key, desk.head(key))
    if at.head.version < 0:
        _meet(at, definitions, event, reply=reply)
    return at


def _meet(at: Who, definitions: Definitions, event: Happening | None, *, reply: bool) -> None:
    """Have the groups that are true without any facts asked, live, once the record at hand is taken in."""
    at.desk.met[at.key.partition(b"/")[0]] += 1
    why = Why(None, "no_longer_matches", event, at.desk.now, reply=reply)
    for definition in definitions.index.true_when_empty:
        settle_at_end(at, definition, why)
    at.head.version = definitions.version


def renew(at: Who, definitions: Definitions, t: int) -> bool:
    """Bring a contact up to date with its tenant's definitions, as far as the slice goes; whether it is by then.

    Groups that came since are answered from the facts (origin backfill), those being deleted are left. While that goes
    on others may come: then there is one more round.
    """
    head, job = at.head, job_of(at.desk)
    while head.version != definitions.version:
        if is_alias(head):  # in no group, and asked again if it is ever a contact of its own
            head.version = definitions.version
            break
        if job.renewal is None or job.renewal.since != head.version:
            job.renewal = Review(head.version, definitions.version)
            _forget_rules(head, definitions)
        if not read(at, definitions, job.renewal) or not _answer_all(at, definitions, job.renewal, t):
            return False
        if definitions.formatted > head.version and at.key.partition(b"/")[2].startswith(b"tel:") and is_shown(head):
            at.desk.changed_profiles[at.key] = None
        head.version = job.renewal.until
    if job.renewal is not None and not settle_waiting(at, t):
        return False
    job.renewal = None
    return True


def _forget_rules(head: Head, definitions: Definitions) -> None:
    """Forget what rows remember of rules that others have replaced, before any group asks another."""
    if definitions.ruled > head.version:
        for definition in definitions.since(head.version):
            if definition.ruled > head.version and definition.id in head.rows:
                row = head.rows[definition.id]
                row.memos, row.stuck = definition.rule.empty(), row.stuck and definition.group.sticky


def _answer_all(at: Who, definitions: Definitions, review: Review, t: int) -> bool:
    return answer(at, definitions, review, lambda facts, definition: _answer(at, facts, definition, t))


def _answer(at: Who, facts: Facts, definition: Definition, t: int) -> None:
    known = row_of(at, definition) if definition.id in at.head.rows else None
    leave = "group_deleted" if definition.deleting else "no_longer_matches"
    why = Why(None, leave, definition.cause, t, origin="backfill")
    if definition.deleting:
        if known is not None:
            known.memos, known.pins, known.stuck = definition.rule.empty(), kept(known.pins), False
            settle(at, definition, known, t, why)
        return
    memos = [facts.memo(definition, i, known) for i in range(len(definition.rule.leaves))]
    if known is not None or any(memos) or definition.rule.true_when_empty:
        row = row_of(at, definition)
        row.memos = memos
        settle(at, definition, row, t, why)


def on_message(desk: Desk, key: bytes, seen: MessageSeen, definitions: Definitions) -> bool:
    """Keep a message and let it join (or, edited or deleted, leave) the groups whose words it has; whether it is done.

    One that was edited or deleted may be done only once all the others are read again.
    """
    event, ahead = (seen.source, seen.event), desk.ahead
    at = touch(desk, key, definitions, event)
    before = desk.message(ahead.place, ahead.stored)
    if before is not None and before.revision >= seen.revision:
        desk.counts["repeated"] += 1
        if before.revision > seen.revision and seen.revision not in before.older:
            older = with_revision(before.older, seen.revision)
            desk.pending.put(ahead.place, encode(structs.replace(before, older=older)), ahead.under)
            _get_to_know(at, seen.time, seen.seen, event)  # what it tells of the guest counts in any order
            _listen(at, seen, definitions, late=True)
        return True
    back = before is not None and _needs_others(at, definitions, before)
    others = look_back(at, definitions, ahead.place) if back else _NONE
    if others is None:
        return False
    ended = at.head.deleted is not None
    late = ended and not keeps(at.head, seen.time)
    row = ahead.row if before is None else _next_row(seen, before)
    desk.pending.put(ahead.place, None if late else row, ahead.under)
    _get_to_know(at, seen.time, seen.seen, event)
    hits = _listen(at, seen, definitions, late=late)
    if before is not None:
        why = Why("message", "retracted", event, min(seen.time, desk.now), seen=seen)
        if not late:
            find(at, definitions, others, row)
        _revise(at, Facts(at, definitions, others.found), before, hits, why)
        return True
    if not ended or counts(at.head, seen.time):
        for hit in hits:
            _count(at, hit, seen, event)
    return True


_NONE = Review(0, 0)


def _next_row(seen: MessageSeen, before: MessageFact) -> bytes:
    """Return what is kept of a message that was there in another revision."""
    return encode(structs.replace(fact_of(seen), older=with_revision(before.older, before.revision)))


def _listen(at: Who, seen: MessageSeen, definitions: Definitions, *, late: bool = False) -> Sequence[Word]:
    """Act on what a message says of consent, unless that was heard already; return what rules hit in it."""
    if not seen.words:
        return ()
    ahead: Ahead = at.desk.ahead
    told = ahead.heard
    heard = told.meaning is not None and hear(at, seen, told.meaning, definitions, late=late)
    if told.near is not None and not heard:
        suspect(at, seen, told.near)
    return told.hits


def _get_to_know(at: Who, time: int, seen: Seen | None, event: Happening) -> None:
    profile = at.head.profile
    if at.head.deleted is not None:
        if not counts(at.head, time):
            return
        if is_gone(at.head):
            at.desk.revived = event, time, True
    changed = meet(profile, time, event[0])
    if seen is not None:
        changed |= learn(profile, seen)
        if seen.edited is not None:
            changed |= set_by_event(profile, (seen.time, f"{event[1]}\0{event[0]}"), seen.edited)
        if seen.phone_invalid:
            notify(at.desk, at.key, "identity_invalid", event)
    if changed:
        at.desk.changed_profiles[at.key] = None


def _hits(definitions: Definitions, fact: MessageFact) -> Sequence[Word]:
    if not fact.inbound or fact.deleted or not fact.words:
        return ()
    return definitions.hits(fact.words, fact.channel)


def _count(at: Who, hit: Word, seen: MessageSeen, event: Happening) -> None:
    definition, now = hit.definition, at.desk.now
    row = row_of(at, definition)
    known = row.memos[hit.at]
    memo = hit.leaf.add(known, seen.time)
    if memo is not known:
        row.memos[hit.at] = memo
        effective = min(hit.leaf.since(memo), now)  # true since the newest of those
        why = Why("message", "no_longer_matches", event, effective, "live", hit.phrase, seen)
        plain = not definition.rule.joint and at.desk.spent < at.desk.until
        (settle_now if plain else settle)(at, definition, row, now, why)


def _needs_others(at: Who, definitions: Definitions, before: MessageFact) -> bool:
    """Whether all the other messages must be read to tell what takes the place of one."""
    rows, counted = at.head.rows, _is_counted(at, before.time)
    hits = [hit for hit in _hits(definitions, before) if counted and hit.definition.id in rows]
    memos = [(hit.leaf, rows[hit.definition.id].memos[hit.at : hit.at + 1]) for hit in hits]
    return any(leaf.take(memo, before.time) is None for leaf, found in memos for memo in found)


def _revise(at: Who, facts: Facts, before: MessageFact, hits: Iterable[Word], why: Why) -> None:
    """Take a message's former time from the leaves that it matched, and give its time (`why.seen`) to those it does."""
    seen = why.seen
    told, tells = ({hit.leaf: hit for hit in some} for some in (_hits(facts.definitions, before), hits))
    for leaf, hit in {**told, **tells}.items():
        row = row_of(at, hit.definition)
        memo: Memo | None = row.memos[hit.at]
        if leaf in told and _is_counted(at, before.time):
            memo = leaf.take(memo, before.time)
        if leaf in tells and memo is not None and seen is not None and _is_counted(at, seen.time):
            memo = leaf.add(memo, seen.time)
        row.memos[hit.at] = leaf.spare(facts.times(hit.definition, hit.at, row)) if memo is None else memo
        settle(at, hit.definition, row, at.desk.now, structs.replace(why, evidence=hit.phrase))


def _is_counted(at: Who, time: int) -> bool:
    """Whether a message is told by its row: beyond the retention only memos tell, whether it is swept or not."""
    return time >= at.desk.oldest and counts(at.head, time)


def on_fact_put(desk: Desk, key: bytes, put: FactPut, definitions: Definitions) -> None:
    """Take a booking or rating, or a newer revision of one, from its owner."""
    event = (put.source, put.event)
    at = touch(desk, key, definitions, event)
    replaced = _keep(at, put)
    deleted = at.head.deleted
    if put.seen is not None or (deleted is not None and deleted.erased is None):
        _get_to_know(at, put.at, put.seen, event)  # who was deleted, not erased, is known again by a newer fact alone
    leave = "retracted" if replaced else "no_longer_matches"
    why = Why(put.kind, leave, event, min(put.at, desk.now), evidence=_evidence(put))
    _recount(at, definitions, put.kind, why)


def _keep(at: Who, put: FactPut) -> bool:
    """Keep a fact; return whether it was there in another revision."""
    fact = put.booking or put.rating
    if fact is not None and not keeps(at.head, fact.time):
        return deletion.refuse(at, put)
    if at.head.links is not None and held(at, put.kind, put.source, put.id) > put.turn:
        return False  # it came by a linked id, and by a longer way
    if put.booking is not None:
        return at.desk.put_booking(at.key, put.source, put.id, put.booking) is not None
    return at.desk.put_rating(at.key, put.source, put.id, put.rating) is not None


def held(at: Who, kind: str, source: str, id_: str) -> int:
    """Tell by which of its owner's turns a booking or rating lies here, by less than any if it does not."""
    letter, facts = (b"b", at.desk.bookings(at.key)) if kind == "booking" else (b"r", at.desk.ratings(at.key))
    fact: Any = facts.get(fact_key(facts_under(at.key, letter), source, id_))
    return BEFORE if fact is None else fact.turn


def _evidence(put: FactPut) -> str | None:
    if put.rating is not None:
        return None if put.rating.withdrawn else f"{put.rating.stars:g}"
    return put.booking.room_type if put.booking is not None else None


def on_fact_taken(desk: Desk, key: bytes, taken: FactTaken, definitions: Definitions) -> None:
    """Give up a booking or rating that has moved to another contact."""
    event = (taken.source, taken.event)
    at = touch(desk, key, definitions, event)
    if at.head.links is not None and held(at, taken.kind, taken.source, taken.id) >= taken.turn:
        pass  # another id of this contact has it, or has it again
    elif taken.kind == "booking":
        desk.put_booking(key, taken.source, taken.id, None)
    else:
        desk.put_rating(key, taken.source, taken.id, None)
    if taken.seen is not None:
        _get_to_know(at, taken.at, taken.seen, event)
    _recount(at, definitions, taken.kind, Why(taken.kind, "retracted", event, min(taken.at, desk.now)))


def _recount(at: Who, definitions: Definitions, kind: str, why: Why) -> None:
    count(at, kind)
    at.desk.changed_profiles[at.key] = None
    facts = Facts(at, definitions)
    for definition in definitions.index.of_kind[kind]:
        reweigh(at, facts, definition, why)


def reweigh(at: Who, facts: Facts, definition: Definition, why: Why) -> None:
    """Build the memos anew of the leaves that read what has changed (`why.join`), and settle the row."""
    leaves = definition.rule.leaves
    memos = {i: facts.followed(definition, i) for i, leaf in enumerate(leaves) if leaf.kind == why.join}
    if definition.id in at.head.rows or definition.rule.true_when_empty or any(memos.values()):
        row = row_of(at, definition)
        for i, memo in memos.items():
            row.memos[i] = memo
        settle(at, definition, row, at.desk.now, why)


def on_pin(desk: Desk, key: bytes, pin: Pin, definitions: Definitions) -> None:
    """Add, remove, clear or take consent by hand, and say what became of it."""
    at = touch(desk, key, definitions, (pin.source, pin.id), reply=may_greet(pin))
    apply_pin(at, pin, definitions)


def on_heard(desk: Desk, key: bytes, heard: Heard, definitions: Definitions) -> None:
    """Learn what a former revision tells of the guest."""
    event = (heard.source, heard.event)
    _get_to_know(touch(desk, key, definitions, event), heard.at, heard.seen, event)


def on_edit(desk: Desk, key: bytes, edit: Edit, definitions: Definitions) -> bool:
    """Tag, untag, note, write or delete a contact, and say what became of it; whether it is done."""
    at = touch(desk, key, definitions, (edit.source, edit.id))
    if edit.type == "contact.delete":
        return deletion.delete(at, edit, definitions)
    apply_edit(at, edit, definitions)
    return True


def look(desk: Desk, key: bytes, definitions: Definitions) -> bool:
    """Let all that is due by now happen to a contact, and bring it up to date; whether all of that is done."""
    at = Who(desk, key, desk.head(key))
    while 0 < at.head.due <= desk.now:
        if not expire(at, definitions):
            return False
    return renew(at, definitions, desk.now)


def expire(at: Who, definitions: Definitions) -> bool:
    """Let what time alone flips at the contact's next moment happen, and find the next; whether that is done.

    All definitions came before that moment, so the contact is first brought up to date as it was right before it.
    """
    head, job, t = at.head, job_of(at.desk), at.head.due
    if not job.acted:
        if not renew(at, definitions, t - 1):
            return False
        _turn(at, definitions, t)
        job.acted = True
    if not settle_waiting(at, t):
        return False
    at.desk.job, head.due = None, 0
    for row in head.rows.values():
        if row.due:
            at.desk.wake(at.key, head, row.due)
    return True


def _turn(at: Who, definitions: Definitions, t: int) -> None:
    """Have the rows settled that are due at `t`."""
    why = Why("time", "expired", None, t)
    for name, row in at.head.rows.items():
        definition = definitions.groups.get(name)
        if definition is None:
            row.due = 0
        elif 0 < row.due <= t:
            settle(at, definition, row, t, why)
