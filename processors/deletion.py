"""contact.delete: a contact ends, up to the command's time; what is newer stays, or comes to a new contact.

Facts of a deleted contact are kept but match no rule; erased, they go too, from their own actors as well, and what
comes late is not kept either. What is left is the time, what was said of consent, and where the seqs of memberships
stand: the next one goes on from there. Of an erased contact that lies under a keyed hash (afterlife.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from processors.bonds import others
from processors.changes import named_by
from processors.desk import ORIGIN
from processors.facts import Facts, count
from processors.holdings import DECODE, weigh
from processors.jobs import Job, job_of
from processors.membership import Who, Why, row_of, settle
from processors.nested import settle_waiting
from processors.pins import kept, mark_of, outcome
from processors.profile import PARTS, introduce, meet, names_of
from processors.review import look_back
from processors.rows import (
    NO_PIN,
    Deleted,
    Edits,
    Known,
    Pins,
    Profile,
    counts,
    fact_name,
    facts_under,
    keeps,
    owner_key,
)
from schemas.activity import FactErased

if TYPE_CHECKING:
    from processors.consent import Verdict
    from processors.definitions import Definitions
    from schemas.activity import Edit, FactPut

KINDS = ((b"m", "message"), (b"b", "booking"), (b"r", "rating"))


def delete(at: Who, edit: Edit, definitions: Definitions) -> bool:
    """Carry out a contact.delete, and say what became of it; whether that is done."""
    job = job_of(at.desk)
    if not job.step:
        late = _begin(at, edit)
        if late is not None:
            at.desk.out.append(outcome(at, edit, late))
            return True
        job.step = 1
    review = look_back(at, definitions) if _go_through(at, job) else None
    if review is None:
        return False
    verdict = _end(at, edit, Facts(at, definitions, review.found), job.first)
    at.desk.out.append(outcome(at, edit, verdict))
    return True


def _begin(at: Who, edit: Edit) -> Verdict | None:
    """Put down until when the contact is deleted; say why not, where that is known already."""
    head, (time, id_) = at.head, mark_of(edit)
    before = head.deleted or Deleted(time - 1, "")
    erased = max((t for t in (before.erased, time if edit.erase else None) if t is not None), default=None)
    if (time, id_) <= (before.at, before.id) and erased == before.erased:
        return ("unchanged", "repeated") if id_ == before.id else ("skipped", "newer_known")
    head.deleted = Deleted(*max((time, id_), (before.at, before.id)), erased)
    return None


def _end(at: Who, edit: Edit, facts: Facts, first: tuple[int, str] | None) -> Verdict:
    """Let go of all but the facts."""
    profile, (time, _), deleted = at.head.profile, mark_of(edit), at.head.deleted
    assert deleted is not None  # noqa: S101 - it was put down first
    known = profile.since is not None or profile.introduced is not None
    _forget(at, deleted.at, first)
    why = Why(None, "contact_deleted", (edit.source, edit.id), min(time, at.desk.now), reply=False)
    _leave(at, facts, deleted.at, why)
    at.desk.changed_profiles[at.key] = None
    return ("applied", None) if known or edit.erase else ("unchanged", "contact_unknown")


def _leave(at: Who, facts: Facts, floor: int, why: Why) -> None:
    """Leave all groups but those that what is newer holds in."""
    definitions = facts.definitions
    for name, row in at.head.rows.items():
        row.pins, row.stuck = _newer(row.pins, floor), False
        definition = definitions.groups.get(name)
        if definition is not None:
            before = row if row.memos else None
            row.memos = [facts.memo(definition, i, before) for i in range(len(definition.rule.leaves))]
            settle(at, definition, row, at.desk.now, why)


def _newer(pins: Pins | None, floor: int) -> Pins | None:
    """Keep what was added and removed by hand since then, and what was said of consent."""
    if pins is None:
        return None
    new = kept(pins) or Pins()
    new.adds = {reason: add for reason, add in pins.adds.items() if add.time > floor}
    if pins.reset != NO_PIN and pins.reset_time > floor:
        new.reset, new.reset_time, new.reset_id = pins.reset, pins.reset_time, pins.reset_id
    return new


def _forget(at: Who, floor: int, first: tuple[int, str] | None) -> None:
    """Keep of the profile what is newer than the deletion; `first` is the earliest fact that is."""
    old, new = at.head.profile, Profile()
    at.head.profile = new
    new.fields = _after(old.fields, floor)
    if old.edits is not None:
        edits = (old.edits.tags, old.edits.attributes, old.edits.note)
        new.edits = Edits(*(_after(known, floor) for known in edits))
    _introduce_again(at, old, new, floor)
    if old.since is not None and old.since > floor:
        new.since, new.source = old.since, old.source
    elif first is not None:
        meet(new, *first)
    names = [known for name in ("name", *PARTS) if (known := new.fields.get(name)) is not None]
    if old.original_name is not None and old.original_at > floor:
        new.original_name, new.original_at = old.original_name, old.original_at
    elif (full := names_of(new)[0]) is not None:
        new.original_name, new.original_at = full, min(known.at for known in names)
    count(at, "booking")
    count(at, "rating")


def _introduce_again(at: Who, old: Profile, new: Profile, floor: int) -> None:
    """Have the earliest command that is newer, as far as it is still known, name the contact."""
    if old.named is not None and old.named.at > floor:
        introduce(new, old.named.at, old.named.id, old.named.value)
    if old.introduced is not None and old.introduced.at > floor:
        introduce(new, old.introduced.at, old.introduced.id, old.introduced.value)
        return
    edits = new.edits or Edits()
    known = [*new.fields.values(), *edits.tags.values(), *edits.attributes.values(), *edits.note.values()]
    marks = [(one.at, one.id, "manual") for one in known if one.id]
    for row in at.head.rows.values():
        adds = row.pins.adds if row.pins is not None else {}
        marks += [(add.time, add.id, reason) for reason, add in adds.items() if add.time > floor]
    if marks:
        introduce(new, *min(marks))


def _after(known: dict[str, Known], floor: int) -> dict[str, Known]:
    return {name: one for name, one in known.items() if one.at > floor}


def _go_through(at: Who, job: Job) -> bool:
    """Erase the facts, and look for the earliest of those that are newer, as far as the slice goes."""
    while job.step <= len(KINDS):
        letter, kind = KINDS[job.step - 1]
        for key, raw in at.desk.pending.scan(facts_under(at.key, letter), job.cursor):
            if at.desk.spent >= at.desk.until:
                return False
            time = DECODE[letter](raw).time
            weigh(at, letter, time)
            _go_past(at, job, kind, key, time)
        job.step, job.cursor = job.step + 1, b""
    return True


def _go_past(at: Who, job: Job, kind: str, key: bytes, time: int) -> None:
    job.cursor = key
    if not keeps(at.head, time):
        _erase(at, kind, key)
    elif counts(at.head, time):
        mine = time, fact_name(key)[0]
        job.first = min(job.first or mine, mine)


def _erase(at: Who, kind: str, key: bytes) -> None:
    """Let a fact go, here and where it belongs."""
    deleted = at.head.deleted
    if kind == "message":
        at.desk.pending.put(key, None, facts_under(at.key, b"m"))
    elif deleted is not None and deleted.erased is not None:
        let_go(at, kind, *fact_name(key), deleted.erased)


def let_go(at: Who, kind: str, source: str, id_: str, until: int) -> bool:
    """Let a fact go here and at its own actor; return whether it was there."""
    put = at.desk.put_booking if kind == "booking" else at.desk.put_rating
    tenant, contact = named_by(at.key)
    for name in (contact, *others(at.head.links, contact)):
        at.desk.tell(owner_key(tenant, kind, source, id_), FactErased(*ORIGIN, name, until))
    return put(at.key, source, id_, None) is not None


def refuse(at: Who, put: FactPut) -> bool:
    """Send an erased fact that comes late away again; return whether it was there in another revision."""
    return let_go(at, put.kind, put.source, put.id, put.at)


def revive(at: Who, definitions: Definitions) -> bool:
    """Ask the groups that need no fact to be true for one who was deleted and is heard of again; whether it is done."""
    desk, review = at.desk, look_back(at, definitions)
    if review is None:
        return False
    (event, time, reply), desk.revived = desk.revived or (("", ""), 0, False), None
    facts = Facts(at, definitions, review.found)
    why = Why(None, "no_longer_matches", event, min(time, desk.now), reply=reply)
    for _, definition in sorted(definitions.groups.items()):
        if (definition.rule.true_when_empty or definition.rule.fields) and not definition.deleting:
            row = row_of(at, definition)
            row.memos = [facts.memo(definition, i, row) for i in range(len(definition.rule.leaves))]
            settle(at, definition, row, desk.now, why)
    return settle_waiting(at, desk.now)
