"""contact.delete: a contact ends, up to the command's time; what is newer stays, or comes to a new contact.

Facts of a deleted contact are kept but match no rule; erased, they go too, from their own actors as well, and what
comes late is not kept either. What is left is the time, what was said of consent, and where the seqs of memberships
stand: the next one goes on from there. Of an erased contact that lies under a keyed hash (afterlife.py).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from processors.bonds import others
from processors.changes import named_by
from processors.desk import ORIGIN
from processors.facts import Facts, count
from processors.membership import Who, Why, row_of, settle
from processors.nested import settle_waiting
from processors.pins import kept, mark_of, outcome
from processors.profile import PARTS, introduce, meet, names_of
from processors.rows import (
    NO_PIN,
    Deleted,
    Edits,
    Known,
    Pins,
    Profile,
    counts,
    facts_under,
    message_of,
    named_in,
    owner_key,
)
from schemas.activity import FactErased

if TYPE_CHECKING:
    from processors.consent import Verdict
    from processors.definitions import Definitions
    from processors.desk import Desk
    from schemas.activity import Edit, FactPut


def delete(at: Who, edit: Edit, definitions: Definitions) -> None:
    """Carry out a contact.delete, and say what became of it."""
    at.desk.out.append(outcome(at, edit, _delete(at, edit, definitions)))


def _delete(at: Who, edit: Edit, definitions: Definitions) -> Verdict:
    head, (time, id_) = at.head, mark_of(edit)
    before = head.deleted or Deleted(time - 1, "")
    erased = max((t for t in (before.erased, time if edit.erase else None) if t is not None), default=None)
    if (time, id_) <= (before.at, before.id) and erased == before.erased:
        return ("unchanged", "repeated") if id_ == before.id else ("skipped", "newer_known")
    known = head.profile.since is not None or head.profile.introduced is not None
    head.deleted = Deleted(*max((time, id_), (before.at, before.id)), erased)
    if erased is not None:
        _erase(at, erased)
    _forget(at, head.deleted.at)
    why = Why(None, "contact_deleted", (edit.source, edit.id), min(time, at.desk.now), reply=False)
    _leave(at, definitions, head.deleted.at, why)
    at.desk.changed_profiles[at.key] = None
    return ("applied", None) if known or edit.erase else ("unchanged", "contact_unknown")


def _leave(at: Who, definitions: Definitions, floor: int, why: Why) -> None:
    """Leave all groups but those that what is newer holds in."""
    facts = Facts(at, definitions)
    for name, row in at.head.rows.items():
        row.pins, row.stuck = _newer(row.pins, floor), False
        definition = definitions.groups.get(name)
        if definition is not None:
            before = row if row.memos else None
            row.memos = [facts.memo(definition, i, before) for i in range(len(definition.rule.leaves))]
            settle(at, definition, row, at.desk.now, why)
    settle_waiting(at, at.desk.now)


def _newer(pins: Pins | None, floor: int) -> Pins | None:
    """Keep what was added and removed by hand since then, and what was said of consent."""
    if pins is None:
        return None
    new = kept(pins) or Pins()
    new.adds = {reason: add for reason, add in pins.adds.items() if add.time > floor}
    if pins.reset != NO_PIN and pins.reset_time > floor:
        new.reset, new.reset_time, new.reset_id = pins.reset, pins.reset_time, pins.reset_id
    return new


def _forget(at: Who, floor: int) -> None:
    """Keep of the profile what is newer than the deletion."""
    old, new = at.head.profile, Profile()
    at.head.profile = new
    new.fields = _after(old.fields, floor)
    if old.edits is not None:
        edits = (old.edits.tags, old.edits.attributes, old.edits.note)
        new.edits = Edits(*(_after(known, floor) for known in edits))
    _introduce_again(at, old, new, floor)
    if old.since is not None and old.since > floor:
        new.since, new.source = old.since, old.source
    else:
        _meet_again(at, new)
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


def _meet_again(at: Who, new: Profile) -> None:
    """Take first source and customer since from the facts that are newer."""
    known: list[tuple[bytes, dict[bytes, int]]] = [
        (b"b", {key: fact.time for key, fact in at.desk.bookings(at.key).items()}),
        (b"r", {key: fact.time for key, fact in at.desk.ratings(at.key).items()}),
        (b"m", _messages(at)),
    ]
    for kind, times in known:
        for key, time in times.items():
            if counts(at.head, time):
                meet(new, time, named_in(key, facts_under(at.key, kind))[0])


def _messages(at: Who) -> dict[bytes, int]:
    return {key: message_of(raw).time for key, raw in at.desk.pending.scan(facts_under(at.key, b"m"))}


def _erase(at: Who, until: int) -> None:
    """Let go of the facts, here and where they belong."""
    desk, key = at.desk, at.key
    for at_key, time in _messages(at).items():
        if time <= until:
            desk.pending.put(at_key, None, facts_under(key, b"m"))
    for name, booking in sorted(desk.bookings(key).items(), key=_by_key):
        if booking.time <= until:
            let_go(at, "booking", *named_in(name, facts_under(key, b"b")), until)
    for name, rating in sorted(desk.ratings(key).items(), key=_by_key):
        if rating.time <= until:
            let_go(at, "rating", *named_in(name, facts_under(key, b"r")), until)


def _by_key(fact: tuple[bytes, Any]) -> bytes:
    """Order facts as they lie on disk: what is decoded lies as it came."""
    return fact[0]


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


def revive(desk: Desk, key: bytes, definitions: Definitions) -> None:
    """Ask the groups that need no fact to be true for somebody who was deleted and is heard of again."""
    (event, time, reply), desk.revived = desk.revived or (("", ""), 0, False), None
    at = Who(desk, key, desk.head(key))
    facts, why = Facts(at, definitions), Why(None, "no_longer_matches", event, min(time, desk.now), reply=reply)
    for _, definition in sorted(definitions.groups.items()):
        if (definition.rule.true_when_empty or definition.rule.fields) and not definition.deleting:
            row = row_of(at, definition)
            row.memos = [facts.memo(definition, i, row) for i in range(len(definition.rule.leaves))]
            settle(at, definition, row, desk.now, why)
    settle_waiting(at, desk.now)
