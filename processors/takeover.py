"""A contact takes in what another id had: parts are laid aside until the last has come, then all of it at once.

A deletion before the link cut off what was of one id; that stays behind, and what comes late by that id is cut off too.
Facts are united by key, of two revisions the higher. An opt-out that was answered to one of them was to both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import structs

from processors.alias import first_of
from processors.budget import TAKEN
from processors.changes import named_by
from processors.consent import inherit
from processors.holdings import DECODE, LETTERS, groups_by, links_under, put_fact, said_by, weigh, why_of
from processors.jobs import Job, job_of
from processors.membership import Who, row_of
from processors.renaming import became
from processors.revisions import REMEMBERED
from processors.rows import Links, counts, estate_of, facts_under, later, links_of
from processors.standing import show, stand
from processors.union import unite_parts, unite_pins, unite_profiles, unite_words
from schemas.activity import MessageFact, decode
from schemas.activity import encode as encode_activity

if TYPE_CHECKING:
    from processors.definitions import Definitions
    from processors.desk import Desk
    from processors.rows import Left
    from schemas.activity import Handed


ROOM, PARTS, STAND = 1, 2, 3
"""The steps of taking in: make room, take in the parts, answer the groups by all of it."""


def on_handed(desk: Desk, key: bytes, handed: Handed, definitions: Definitions) -> bool:
    """Take in what another id had, once all of it is there; whether that is done."""
    job = job_of(desk)
    if not job.step and not _begin(desk, key, handed):
        return True
    job.step, at = job.step or ROOM, Who(desk, key, desk.head(key))
    if job.step == ROOM and not _make_room(at, handed):
        return False
    if job.step <= PARTS and not _take_parts(at, handed, definitions):
        return False
    if not (show if handed.estate is None else stand)(at, definitions, why_of(handed)):
        return False
    if handed.asked is not None:
        became(desk, named_by(key)[0], handed.asked, named_by(key)[1], ("applied", None))
    return True


def _begin(desk: Desk, key: bytes, handed: Handed) -> bool:
    """Whether all is there, and where it belongs; a part is laid aside, or sent on."""
    known = links_under(desk, key)
    if known is not None and known.to and not known.leads and handed.gen < known.gen:
        desk.tell(f"{named_by(key)[0]}/{known.to}".encode(), handed)
        return False
    if handed.more:
        desk.pending.put(_part_key(key, handed), encode_activity(handed), _parts_under(key))
        return False
    at = Who(desk, key, desk.head(key))
    at.head.links = _leading(at, handed)
    return True


def _make_room(at: Who, handed: Handed) -> bool:
    """Let go of what a deletion has cut off before anything is taken in: it is of this id alone, from now on too."""
    head, links, job = at.head, links_of(at.head), job_of(at.desk)
    if handed.estate is not None and head.version >= 0 and head.deleted is not None:
        while job.kind < len(LETTERS):
            if not _cut_off(at, LETTERS[job.kind], job):
                return False
            job.kind, job.cursor = job.kind + 1, b""
        head.deleted, links.cut = None, later(head.deleted, links.cut)
    job.step = PARTS
    return True


def _cut_off(at: Who, letter: bytes, job: Job) -> bool:
    for key, raw in at.desk.pending.scan(facts_under(at.key, letter), job.cursor):
        if at.desk.spent >= at.desk.until:
            return False
        job.cursor, time = key, DECODE[letter](raw).time
        weigh(at, letter, time)
        if not counts(at.head, time):
            put_fact(at, letter, key, None)
    return True


def _take_parts(at: Who, handed: Handed, definitions: Definitions) -> bool:
    """Take in what was laid aside, part by part, and then the last; the contact is one from then on."""
    links, under, job = links_of(at.head), _parts_under(at.key), job_of(at.desk)
    for name, raw in at.desk.pending.scan(under):
        if at.desk.spent >= at.desk.until:
            return False
        part = decode(raw)
        if (part.of, part.gen) == (handed.of, handed.gen):
            _take_in(at, part, definitions)
            at.desk.pending.put(name, None, under)
    _take_in(at, handed, definitions)
    links.to, links.leads, job.step = "", False, STAND
    if handed.estate is not None and at.head.version < 0:
        at.head.version = definitions.version
    return True


def _leading(at: Who, handed: Handed) -> Links:
    """Have the edges by which the other is linked, if no newer word has come."""
    head, me = at.head, named_by(at.key)[1]
    links = head.links or Links(0, first_of(head), said=said_by(head, me), groups=groups_by(head, me))
    if handed.gen >= links.gen:
        links.gen, links.edges = handed.gen - (links.gen < handed.gen), handed.edges
    return links


def _parts_under(key: bytes) -> bytes:
    return b"j" + len(key).to_bytes(2, "big") + key


def _part_key(key: bytes, handed: Handed) -> bytes:
    return b"%b%b/%d/%08d" % (_parts_under(key), handed.of.encode(), handed.gen, handed.nth)


def pass_on_parts(at: Who, to: str) -> None:
    """Send on what was laid aside: its last part goes on too."""
    under = _parts_under(at.key)
    for name, raw in list(at.desk.pending.scan(under)):
        at.desk.tell(f"{named_by(at.key)[0]}/{to}".encode(), decode(raw))
        at.desk.pending.put(name, None, under)


def _take_in(at: Who, handed: Handed, definitions: Definitions) -> None:
    if handed.estate is None:
        return
    estate, head, links = estate_of(handed.estate), at.head, links_of(at.head)
    unite_profiles(head.profile, estate.profile)
    for kind, time in estate.noticed.items():
        head.noticed[kind] = max(time, head.noticed.get(kind, time))
    unite_words(links.said, estate.said)
    inherit(head, estate.consent)
    for group, parts in estate.groups.items():
        unite_parts(links.groups.setdefault(group, {}), parts)
    for group, left in estate.rows.items():
        _take_row(at, group, left, definitions)
    for name, raw in handed.facts:
        _take_fact(at, name[:1], facts_under(at.key, name[:1]) + name[1:], raw)


def _take_row(at: Who, group: str, left: Left, definitions: Definitions) -> None:
    """Take in a row. Its group may be one that this partition is yet to hear of, but none that is no more.

    That a group is gone is told once all partitions are through with it: what was sent before was there before.
    """
    definition = definitions.groups.get(group)
    row = at.head.rows.open(group)
    row.pins = unite_pins(row.pins, left.pins)
    if definition is None or definition.deleting:
        row.memos, row.stuck = left.memos, left.stuck
    elif definition.ruled == left.ruled:  # else the row tells of a rule that has been replaced
        row = row_of(at, definition)
        row.stuck |= left.stuck
        row.memos = [[*one, *other] for one, other in zip(row.memos, left.memos, strict=False)] or row.memos


def _take_fact(at: Who, letter: bytes, key: bytes, raw: bytes) -> None:
    at.desk.spent += TAKEN
    fact = DECODE[letter](raw)
    before = at.desk.pending.get(key)
    if before is not None:
        known = DECODE[letter](before)
        newer, other = (known, fact) if _order(known) >= _order(fact) else (fact, known)
        fact = _united(newer, other)
        if fact == known:
            return
    put_fact(at, letter, key, fact)


def _united(newer: Any, other: Any) -> Any:
    """Return the newer of two revisions; of messages with all that were read of either."""
    if not isinstance(newer, MessageFact):
        return newer
    older = {*newer.older, *other.older, other.revision} - {newer.revision}
    return structs.replace(newer, older=tuple(sorted(older)[-REMEMBERED:]))


def _order(fact: Any) -> tuple[int, int]:
    return getattr(fact, "turn", 0), fact.revision
