"""A contact hands all that it has to the one it is linked to, and is an alias from then on.

It goes by the number of what the tenant's actor says, and whoever is behind is told again. Who hands over leaves its
groups (`merged`), then sends what it has in parts of a bounded size, then whatever comes later; so all of it arrives in
this order, and the contact takes everything in at once (takeover.py). An alias that is to lead again stays one until it
is handed something: so nothing goes round in circles for longer than that takes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import structs

from processors.alias import first_of, has_phone, tell_first
from processors.changes import named_by
from processors.consent import answers_of
from processors.contact import touch
from processors.desk import ORIGIN
from processors.holdings import DECODE, groups_by, links_under, put_fact, said_by, why_of
from processors.membership import Who, Why, settle
from processors.message_leaf import MessageLeaf
from processors.nested import settle_waiting
from processors.pins import kept
from processors.rows import NEVER, Estate, Left, Links, Profile, counts, encode, facts_under, later, links_of
from processors.standing import show
from processors.takeover import pass_on_parts
from schemas.activity import Handed

if TYPE_CHECKING:
    from collections.abc import Iterator

    from processors.definitions import Definition, Definitions
    from processors.desk import Desk
    from processors.rows import Row
    from schemas.activity import Directed

PIECE = 256 * 1024
"""Bytes of facts and rows in one record; the profile of the first may come to as much again."""


def on_directed(desk: Desk, key: bytes, directed: Directed, definitions: Definitions) -> None:
    """Do what the tenant says: lead, be an alias of another, or hand over to it."""
    known = links_under(desk, key)
    if known is not None and directed.gen <= known.gen:
        return
    at = Who(desk, key, desk.head(key))
    links = _linked(at, directed)
    if directed.to == named_by(key)[1]:
        links.leads = bool(links.to)
        if not links.to:
            show(at, definitions, why_of(directed))
        return
    links.leads = False
    pass_on_parts(at, directed.to)
    if links.to:
        links.to = directed.to
        if directed.asked is not None:
            _send(at, directed, [(None, [])])
    else:
        _hand_over(at, directed, definitions)


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


def _hand_over(at: Who, directed: Directed, definitions: Definitions) -> None:
    links = links_of(at.head)
    if at.head.version < 0:
        links.to = directed.to
        _send(at, directed, [(None, [])])
        return
    touch(at.desk, at.key, definitions)
    pieces = list(_pieces(at, definitions))
    _leave(at, definitions, directed)
    _send(at, directed, pieces)


def _send(at: Who, directed: Directed, pieces: list[tuple[Estate | None, list[tuple[bytes, bytes]]]]) -> None:
    tenant, me = named_by(at.key)
    for nth, (estate, facts) in enumerate(pieces):
        more = nth < len(pieces) - 1
        handed = Handed(
            *ORIGIN, directed.source, directed.event, directed.at, directed.gen, me, nth, more, directed.edges,
            None if estate is None else encode(estate), facts, None if more else directed.asked,
        )  # fmt: skip
        at.desk.tell(f"{tenant}/{directed.to}".encode(), handed)


def _leave(at: Who, definitions: Definitions, directed: Directed) -> None:
    """Be an alias: out of all groups, without a profile. What was told of memberships and consent is kept."""
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
    settle_waiting(at, at.desk.now)
    for group, row in head.rows.items():
        known = definitions.groups.get(group)
        row.memos = [] if known is None else known.rule.empty()
    head.profile, head.noticed, head.due = Profile(), {}, 0
    at.desk.changed_profiles[at.key] = None


def _pieces(at: Who, definitions: Definitions) -> Iterator[tuple[Estate | None, list[tuple[bytes, bytes]]]]:
    """Yield what there is in pieces of a bounded size; the facts are let go as they are read."""
    estate, facts, size = _first(at), list[tuple[bytes, bytes]](), 0
    for kind, name, value in _items(at, definitions):
        if size >= PIECE:
            yield estate, facts
            estate, facts, size = Estate(), [], 0
        if kind == "row":
            estate.rows[name] = value
        elif kind == "words":
            estate.groups[name] = value
        else:
            facts.append((name, value))
        size += len(name) + len(value if kind == "fact" else encode(value))
    yield estate, facts


def _first(at: Who) -> Estate:
    head = at.head
    told = structs.replace(head.profile, bookings=0, spent={}, latest_rating=0, last_booking=None)  # counted anew
    return Estate(told, {}, head.noticed, links_of(head).said, {}, answers_of(head))


def _items(at: Who, definitions: Definitions) -> Iterator[tuple[str, Any, Any]]:
    links = links_of(at.head)
    yield from (("words", group, parts) for group, parts in links.groups.items())
    for group, row in at.head.rows.items():
        definition = definitions.groups.get(group)
        if definition is not None and not definition.deleting:
            left = _left(at, definition, row)
            if left.pins is not None or left.stuck or any(left.memos):
                yield "row", group, left
    for letter in (b"m", b"b", b"r"):
        yield from (("fact", name, value) for name, value in _facts(at, letter))


def _left(at: Who, definition: Definition, row: Row) -> Left:
    pairs = zip(definition.rule.leaves, row.memos, strict=False)
    memos = [leaf.forgotten(memo, at.desk.oldest) if isinstance(leaf, MessageLeaf) else [] for leaf, memo in pairs]
    return Left(definition.ruled, row.pins, memos, row.stuck)


def _facts(at: Who, letter: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield the facts of a kind, but for those that a deletion has cut off, and let them go.

    Messages beyond the retention go too: whether the sweep has come to them already must make no difference.
    """
    under = facts_under(at.key, letter)
    for key, raw in list(at.desk.pending.scan(under)):
        time = DECODE[letter](raw).time
        if counts(at.head, time):
            put_fact(at, letter, key, None)
            if letter != b"m" or time >= at.desk.oldest:
                yield letter + key[len(under) :], raw
