"""A contact hands all that it has to the one it is linked to, and is an alias from then on.

It goes by the number of what the tenant's actor says, and whoever is behind is told again. Who hands over leaves its
groups (`merged`), then sends what it has in parts of a bounded size, then whatever comes later; so all of it arrives in
this order. The parts are laid aside until the last one has come: the contact takes everything in at once and joins what
it was not in. An alias that is to lead again stays one until it is handed something: so nothing goes round in circles
for longer than that takes.

A deletion before the link cut off what was of one id; that stays behind, and what comes late by that id is cut off too.
Facts are united by key, of two revisions the higher.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import structs

from processors.alias import first_of, has_phone, tell_first
from processors.bonds import ids_of, newest, united
from processors.changes import named_by
from processors.consent import ALL, hold, left_for_good, tell
from processors.contact import touch
from processors.desk import ORIGIN
from processors.facts import Facts, count
from processors.identity import is_relay
from processors.leaves import MessageLeaf
from processors.membership import Who, Why, row_of, settle
from processors.nested import settle_waiting
from processors.outlook import RULE, mask_at, pinned_out
from processors.pins import kept
from processors.profile import newest as newest_of_field
from processors.renaming import became
from processors.rows import (
    NAMED,
    NEVER,
    Estate,
    Left,
    Links,
    Pins,
    Profile,
    Row,
    booking_of,
    counts,
    encode,
    estate_of,
    facts_under,
    later,
    links_of,
    message_of,
    named_in,
    rating_of,
)
from processors.union import unite_parts, unite_pins, unite_profiles, unite_words
from schemas.activity import Handed, decode
from schemas.activity import encode as encode_activity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from processors.definitions import Definition, Definitions
    from processors.desk import Desk
    from processors.rows import Head
    from schemas.activity import Directed

PIECE = 256 * 1024
"""Bytes of facts and rows in one record; the profile of the first may come to as much again."""

_DECODE: dict[bytes, Any] = {b"m": message_of, b"b": booking_of, b"r": rating_of}
_OF = dict[str, Any]


def on_directed(desk: Desk, key: bytes, directed: Directed, definitions: Definitions) -> None:
    """Do what the tenant says: lead, be an alias of another, or hand over to it."""
    known = _links(desk, key)
    if known is not None and directed.gen <= known.gen:
        return
    at = Who(desk, key, desk.head(key))
    links = _linked(at, directed)
    if directed.to == named_by(key)[1]:
        links.leads = bool(links.to)
        if not links.to:
            _show(at, definitions, _why(directed))
        return
    links.leads = False
    _pass_on_parts(at, directed.to)
    if links.to:
        links.to = directed.to
        if directed.asked is not None:
            _send(at, directed, [(None, [])])
    else:
        _hand_over(at, directed, definitions)


def _links(desk: Desk, key: bytes) -> Links | None:
    head = desk.heads.get(key)
    return head.links if head is not None else None


def _linked(at: Who, directed: Directed) -> Links:
    """Take in the edges, and since when the id is known by them."""
    head, me = at.head, named_by(at.key)[1]
    first, told = first_of(head), directed.firsts.get(me, NEVER)
    if head.links is None:
        head.links = Links(0, NEVER, said=_said(head, me), groups=_groups(head, me))
    links = head.links
    links.gen, links.edges, links.first = directed.gen, directed.edges, min(first, told)
    if first < told and not has_phone(links):
        tell_first(at.desk, at.key, (directed.source, directed.event), first)
    return links


def _said(head: Head, me: str) -> _OF:
    said = head.consent.said if head.consent is not None else None
    return {} if said is None else {me: said}


def _groups(head: Head, me: str) -> dict[str, _OF]:
    rows = head.rows.items()
    return {group: {me: row.pins.consent} for group, row in rows if row.pins is not None and row.pins.consent}


def _why(word: Directed | Handed) -> Why:
    return Why(None, "no_longer_matches", (word.source, word.event), word.at, reply=False)


# handing over --------------------------------------------------------------------------------------------------------


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
    links = links_of(at.head)
    told = structs.replace(at.head.profile, bookings=0, spent={}, latest_rating=0, last_booking=None)  # counted anew
    return Estate(told, {}, at.head.noticed, links.said, {})


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
        time = _DECODE[letter](raw).time
        if counts(at.head, time):
            _put(at, letter, key, None)
            if letter != b"m" or time >= at.desk.oldest:
                yield letter + key[len(under) :], raw


def _put(at: Who, letter: bytes, key: bytes, fact: Any) -> None:
    under = facts_under(at.key, letter)
    if letter == b"m":
        at.desk.pending.put(key, None if fact is None else encode(fact), under)
    elif letter == b"b":
        at.desk.put_booking(at.key, *named_in(key, under), fact)
    else:
        at.desk.put_rating(at.key, *named_in(key, under), fact)


# taking in -----------------------------------------------------------------------------------------------------------


def on_handed(desk: Desk, key: bytes, handed: Handed, definitions: Definitions) -> None:
    """Take in what another id had, once all of it is there."""
    known = _links(desk, key)
    if known is not None and known.to and not known.leads and handed.gen < known.gen:
        desk.tell(f"{named_by(key)[0]}/{known.to}".encode(), handed)
        return
    under = _parts_under(key)
    if handed.more:
        desk.pending.put(_part_key(key, handed), encode_activity(handed), under)
        return
    at = Who(desk, key, desk.head(key))
    links = at.head.links = _leading(at, handed)
    if handed.estate is not None and at.head.version >= 0:
        touch(desk, key, definitions)
        _make_room(at)
    for name, raw in list(desk.pending.scan(under)):
        part = decode(raw)
        if (part.of, part.gen) == (handed.of, handed.gen):
            _take_in(at, part, definitions)
            desk.pending.put(name, None, under)
    _take_in(at, handed, definitions)
    links.to, links.leads = "", False
    if handed.estate is not None and at.head.version < 0:
        at.head.version = definitions.version
    if handed.estate is None:
        _show(at, definitions, _why(handed))
    else:
        _stand(at, definitions, _why(handed))
    if handed.asked is not None:
        became(desk, named_by(key)[0], handed.asked, named_by(key)[1], ("applied", None))


def _make_room(at: Who) -> None:
    """Let go of what a deletion has cut off before anything is taken in: it is of this id alone, from now on too."""
    head, links = at.head, links_of(at.head)
    if head.deleted is not None:
        for letter, decoded in _DECODE.items():
            for key, raw in list(at.desk.pending.scan(facts_under(at.key, letter))):
                if not counts(head, decoded(raw).time):
                    _put(at, letter, key, None)
        head.deleted, links.cut = None, later(head.deleted, links.cut)


def _leading(at: Who, handed: Handed) -> Links:
    """Have the edges by which the other is linked, if no newer word has come."""
    head, me = at.head, named_by(at.key)[1]
    links = head.links or Links(0, first_of(head), said=_said(head, me), groups=_groups(head, me))
    if handed.gen >= links.gen:
        links.gen, links.edges = handed.gen - (links.gen < handed.gen), handed.edges
    return links


def _parts_under(key: bytes) -> bytes:
    return b"j" + len(key).to_bytes(2, "big") + key


def _part_key(key: bytes, handed: Handed) -> bytes:
    return b"%b%b/%d/%08d" % (_parts_under(key), handed.of.encode(), handed.gen, handed.nth)


def _pass_on_parts(at: Who, to: str) -> None:
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
    fact = _DECODE[letter](raw)
    before = at.desk.pending.get(key)
    if before is not None and _order(_DECODE[letter](before)) >= _order(fact):
        return
    _put(at, letter, key, fact)


def _order(fact: Any) -> tuple[int, int]:
    return getattr(fact, "turn", 0), fact.revision


# as one --------------------------------------------------------------------------------------------------------------


def _show(at: Who, definitions: Definitions, why: Why) -> None:
    """Show which ids a contact has; what they said of consent depends on it, and its e-mail if none was told.

    Most new guests come with a phone and an e-mail at once: that must not ask all groups.
    """
    links = links_of(at.head)
    if at.head.version >= 0:
        if links.said or links.groups or _mails(at):
            _stand(at, definitions, why)
        at.desk.changed_profiles[at.key] = None


def _mails(at: Who) -> bool:
    """Have an id that is an e-mail address as the contact's, where nothing newer is told; return whether it is news."""
    links = links_of(at.head)
    mails = [name[7:] for name in ids_of(links.edges) if name.startswith("mailto:")]
    told = [newest_of_field(at.head.profile, "email", 0, mail) for mail in mails if not is_relay(mail)]
    return any(told)


def _stand(at: Who, definitions: Definitions, why: Why) -> None:
    """Answer all groups by all that the ids of the contact have, and show it anew."""
    _mails(at)
    _consent(at)
    count(at, "booking")
    count(at, "rating")
    at.desk.changed_profiles[at.key] = None
    facts, why = Facts(at, definitions), why._replace(effective=min(why.effective, at.desk.now))
    concerned = _concerned(at, definitions)
    for definition in definitions.since(-1):
        if definition.id in concerned:
            _answer(at, facts, definition, why)
    settle_waiting(at, at.desk.now)


def _concerned(at: Who, definitions: Definitions) -> set[str]:
    """List the groups that may have the contact: of 10,000 most ask for facts that it has none of."""
    index, pending = definitions.index, at.desk.pending
    none = {
        kind
        for kind in ("message", "booking", "rating")
        if next(pending.scan(facts_under(at.key, kind[:1].encode())), None) is None
    }
    kinds = [kind for kind in index.of_kind if kind not in {*none, "manual"}]
    asked = {definition.id for kind in kinds for definition in index.of_kind[kind]}
    return asked | at.head.rows.keys() | {definition.id for definition in index.true_when_empty}


def _consent(at: Who) -> None:
    """Have what the ids have said hold, as of one."""
    head, links = at.head, links_of(at.head)
    if links.said:
        hold(at.desk, at.key, newest(links.said, links.edges))
    for group, parts in links.groups.items():
        row = head.rows.open(group)
        pins = row.pins = row.pins or Pins()
        was, pins.consent = left_for_good(pins), united(parts, links.edges)
        if was != left_for_good(pins) and group != ALL:
            tell(at.desk, at.key, group, pins.consent.said)


def _answer(at: Who, facts: Facts, definition: Definition, why: Why) -> None:
    known = row_of(at, definition) if definition.id in at.head.rows else None
    if definition.deleting:
        return
    memos = [facts.memo(definition, i, known) for i in range(len(definition.rule.leaves))]
    if known is not None or any(memos) or definition.rule.true_when_empty:
        row = row_of(at, definition)
        row.memos = memos
        settle(at, definition, row, at.desk.now, _reason(row, mask_at(definition.rule, row, at.desk.now), why))


def _reason(row: Row, mask: int, why: Why) -> Why:
    """Say why it joins: by its rule, or as it was added; or why it leaves."""
    if mask:
        return why if mask & RULE else why._replace(join=NAMED[mask][0])
    if row.pins is not None and pinned_out(row.pins):
        return why._replace(leave="keyword" if left_for_good(row.pins) else "manual")
    return why
