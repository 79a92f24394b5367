"""A contact hands all that it has to the one it is linked to, and is an alias from then on.

It goes by the number of what the tenant's actor says, and whoever is behind is told again. Who hands over leaves its
groups (`merged`), then sends what it has in parts of a bounded size, then whatever comes later; so all of it arrives in
this order, and the contact takes everything in at once (takeover.py). An alias that is to lead again stays one until it
is handed something: so nothing goes round in circles for longer than that takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from processors.alias import first_of, has_phone, tell_first
from processors.changes import named_by
from processors.consent import answers_of
from processors.desk import ORIGIN
from processors.holdings import DECODE, LETTERS, groups_by, links_under, put_fact, said_by, weigh, why_of
from processors.jobs import job_of
from processors.membership import Who, Why, settle
from processors.message_leaf import MessageLeaf
from processors.nested import settle_waiting
from processors.pins import kept
from processors.rows import NEVER, Estate, Left, Links, Profile, counts, encode, facts_under, later, links_of
from processors.standing import show
from processors.takeover import pass_on_parts
from schemas.activity import Handed

if TYPE_CHECKING:
    from processors.definitions import Definition, Definitions
    from processors.desk import Desk
    from processors.rows import Row
    from schemas.activity import Directed

PIECE = 256 * 1024
"""Bytes of facts and rows in one record; the profile of the first may come to as much again."""


HAND_OVER, FACTS, LEAVE, END, SHOW = range(1, 6)
"""The steps of handing over: rows, facts, leave the groups, say the last; or, of who leads, show the ids."""


def on_directed(desk: Desk, key: bytes, directed: Directed, definitions: Definitions) -> bool:
    """Do what the tenant says: lead, be an alias of another, or hand over to it; whether that is done."""
    job = job_of(desk)
    if not job.step and not _begin(desk, key, directed):
        return True
    at = Who(desk, key, desk.head(key))
    if job.step == SHOW:
        return show(at, definitions, why_of(directed))
    return _hand_over(at, directed, definitions)


def _begin(desk: Desk, key: bytes, directed: Directed) -> bool:
    """Take in what the tenant says; whether anything is left to be done then."""
    known, job = links_under(desk, key), job_of(desk)
    if known is not None and directed.gen <= known.gen:
        return False
    at = Who(desk, key, desk.head(key))
    links = _linked(at, directed)
    if directed.to == named_by(key)[1]:
        links.leads, job.step = bool(links.to), SHOW
        return not links.to
    links.leads, job.step = False, HAND_OVER
    pass_on_parts(at, directed.to)
    if not links.to and at.head.version >= 0:
        return True
    if not links.to or directed.asked is not None:
        _Sent(at, directed, Estate()).say(None, more=False)
    links.to = directed.to
    return False


def _linked(at: Who, directed: Directed) -> Links:
    """Take in the edges, and since when the id is known by them."""
    head, me = at.head, named_by(at.key)[1]
    first, told = first_of(head), directed.firsts.get(me, NEVER)
    if head.links is None:
        head.links = Links(0, NEVER, said=said_by(head, me), groups=groups_by(head, me))
    links = head.links
    links.gen, links.edges, links.first = directed.gen, directed.edges, min(first, told)
    if first < told and not has_phone(links):
        tell_first(at.desk, at.key, (directed.source, directed.event), first)
    return links


class _Sent:
    """What is sent, a piece of bounded size after the other."""

    def __init__(self, at: Who, directed: Directed, estate: Estate) -> None:
        self.at, self.directed, self.estate = at, directed, estate
        self.facts: list[tuple[bytes, bytes]] = []
        self.size = 0

    def add(self, size: int) -> None:
        """Count what was put in, and send what there is if it is a piece."""
        self.size += size
        if self.size >= PIECE:
            self.send()

    def send(self) -> None:
        """Send what there is, if there is anything; more follows."""
        if self.facts or self.estate != Estate():
            self.say(self.estate, more=True)

    def end(self) -> None:
        """Send what there is as the last."""
        self.say(self.estate, more=False)

    def say(self, estate: Estate | None, *, more: bool) -> None:
        """Send a piece; without an estate nothing was known of the id."""
        (tenant, me), directed, job = named_by(self.at.key), self.directed, job_of(self.at.desk)
        handed = Handed(
            *ORIGIN, directed.source, directed.event, directed.at, directed.gen, me, job.nth, more, directed.edges,
            None if estate is None else encode(estate), self.facts, None if more else directed.asked,
        )  # fmt: skip
        self.at.desk.tell(f"{tenant}/{directed.to}".encode(), handed)
        self.estate, self.facts, self.size, job.nth = Estate(), [], 0, job.nth + 1


def _hand_over(at: Who, directed: Directed, definitions: Definitions) -> bool:
    """Send all that there is, leave the groups, and say so at last; whether that is done."""
    job = job_of(at.desk)
    sent = _Sent(at, directed, _first(at) if job.step == HAND_OVER else Estate())
    done = _send_all(at, sent, definitions) and _leave(at, definitions, directed)
    (sent.end if done else sent.send)()
    return done


def _send_all(at: Who, sent: _Sent, definitions: Definitions) -> bool:
    """Send rows and facts on, as far as the slice goes; the facts are let go as they are read."""
    job = job_of(at.desk)
    if job.step == HAND_OVER:
        _send_rows(at, sent, definitions)
        job.step, job.kind = FACTS, 0
    while job.step == FACTS:
        if job.kind == len(LETTERS):
            job.step = LEAVE
        elif _send_facts(at, sent, LETTERS[job.kind]):
            job.kind, job.cursor = job.kind + 1, b""
        else:
            return False
    return True


def _send_rows(at: Who, sent: _Sent, definitions: Definitions) -> None:
    for group, parts in links_of(at.head).groups.items():
        sent.estate.groups[group] = parts
        sent.add(len(group) + len(encode(parts)))
    for group, row in at.head.rows.items():
        definition = definitions.groups.get(group)
        if definition is not None and not definition.deleting:
            left = _left(at, definition, row)
            if left.pins is not None or left.stuck or any(left.memos):
                sent.estate.rows[group] = left
                sent.add(len(group) + len(encode(left)))


def _send_facts(at: Who, sent: _Sent, letter: bytes) -> bool:
    """Send facts of a kind, but for those that a deletion has cut off; whether all of them are sent.

    Messages beyond the retention go too: whether the sweep has come to them already must make no difference.
    """
    under, job = facts_under(at.key, letter), job_of(at.desk)
    for key, raw in at.desk.pending.scan(under, job.cursor):
        if at.desk.spent >= at.desk.until:
            return False
        job.cursor, time = key, DECODE[letter](raw).time
        weigh(at, letter, time)
        if counts(at.head, time):
            put_fact(at, letter, key, None)
            if letter != b"m" or time >= at.desk.oldest:
                sent.facts.append((letter + key[len(under) :], raw))
                sent.add(len(key) + len(raw))
    return True


def _leave(at: Who, definitions: Definitions, directed: Directed) -> bool:
    """Be an alias: out of all groups, without a profile. What was told of memberships and consent is kept."""
    job = job_of(at.desk)
    if job.step == LEAVE:
        _leave_all(at, definitions, directed)
        job.step = END
    if not settle_waiting(at, at.desk.now):
        return False
    for group, row in at.head.rows.items():
        known = definitions.groups.get(group)
        row.memos = [] if known is None else known.rule.empty()
    at.head.due = 0
    return True


def _leave_all(at: Who, definitions: Definitions, directed: Directed) -> None:
    head, links = at.head, links_of(at.head)
    links.to, links.said, links.groups = directed.to, {}, {}
    head.deleted, links.cut = later(head.deleted, links.cut), None
    if head.consent is not None:
        head.consent.confirmed = False
    why = Why(None, "merged", (directed.source, directed.event), min(directed.at, at.desk.now), reply=False)
    for group, row in head.rows.items():
        row.pins, row.stuck = kept(row.pins), False
        definition = definitions.groups.get(group)
        if definition is not None:
            settle(at, definition, row, at.desk.now, why)
    head.profile, head.noticed, head.due = Profile(), {}, 0
    at.desk.changed_profiles[at.key] = None


def _first(at: Who) -> Estate:
    head = at.head
    told = structs.replace(head.profile, bookings=0, spent={}, latest_rating=0, last_booking=None)  # counted anew
    return Estate(told, {}, head.noticed, links_of(head).said, {}, answers_of(head))


def _left(at: Who, definition: Definition, row: Row) -> Left:
    pairs = zip(definition.rule.leaves, row.memos, strict=False)
    memos = [leaf.forgotten(memo, at.desk.oldest) if isinstance(leaf, MessageLeaf) else [] for leaf, memo in pairs]
    return Left(definition.ruled, row.pins, memos, row.stuck)
