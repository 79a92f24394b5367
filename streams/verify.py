"""Compare what a partition's owner, its tables and its log say with what its facts, pins and rules say.

The comparison behind `rollcall verify`. `Books` (verify_books.py) lays the records of one partition's changelog,
memberships and membership-changes into one ordered store; `Audit` then takes contact after contact: it builds every
leaf's memo anew from all the facts, asks the rules what each membership must be at the partition's own clock, and holds
the owner's rows, the table and the folded log against that. Nothing here reads Kafka or writes anything.

Two things no facts can tell: whether somebody is still in a sticky group, and what was counted of messages that are
beyond the retention. Those are taken from the owner's row.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain, islice
from typing import Any, NamedTuple

import msgspec
from msgspec.structs import replace

from processors.changes import change_id, named_by
from processors.consent import sendable
from processors.definitions import Definition, Definitions
from processors.facts import Facts, count
from processors.fold import Fold
from processors.group_leaf import GroupLeaf
from processors.leaf import KEPT, MANY, Leaf, Memo, end_of
from processors.membership import Who, evaluated
from processors.message_leaf import MessageLeaf, times_in
from processors.outlook import NOTHING, Outlook, look, mask_at, pinned_out
from processors.rows import BIT, NAMED, Head, Profile, Row, head_key, head_of, is_gone
from processors.rules import LOOK_AHEAD, Compiled
from processors.state import Store
from schemas.base import moment
from schemas.outputs import Membership
from streams.verify_books import LOG_ROWS, TABLE_ROWS, Difference, Kind, Told, Values, contact_in, told_of, under
from streams.verify_consent import CONSENT_ROWS, differences

_KINDS_OF_FACTS = frozenset({"message", "rating", "booking", "manual"})
_membership_of = msgspec.json.Decoder(Membership).decode


class Extent(NamedTuple):
    """Which partition is looked at, and whether its log of changes is kept from its beginning."""

    partition: int
    partitions: int
    retention: str = "P400D"
    whole_log: bool = True
    hash_key: bytes = b""  # that of the owners; whoever has none looks at partitions without erased contacts only


class Audit:
    """One partition as its books say at one cut; `counts` tells what was looked at."""

    def __init__(self, store: Store, extent: Extent) -> None:
        self.store = store
        self.extent = extent
        self.counts: Counter[str] = Counter()
        self._fold = Fold(
            store, extent.partition, extent.partitions, retention=extent.retention, hash_key=extent.hash_key
        )
        self._desk = self._fold.desk

    @property
    def clock(self) -> int:
        """The partition's own time (epoch ms): the append time of the last record that its owner committed."""
        return self._desk.now

    def contacts(self) -> Iterator[bytes]:
        """Yield everybody that the owner, the facts, the table or the log know; those without owner perhaps twice."""
        for key, _ in self.store.scan(b"h"):
            yield key[1:]
        for letter in (b"f", TABLE_ROWS, LOG_ROWS, CONSENT_ROWS):
            yield from self._strangers(letter)

    def _strangers(self, letter: bytes) -> Iterator[bytes]:
        last = b""
        for key, _ in self.store.scan(letter):
            contact = contact_in(key, len(letter))
            if contact != last and self.store.get(head_key(contact)) is None:
                yield contact
            last = contact

    def check(self, key: bytes) -> list[Difference]:
        """Return all that disagrees about one contact."""
        self.counts["contacts"] += 1
        head = self._head(key)
        if head is None:
            return [_differ("owner_unreadable", key)]
        known = head.version >= 0
        found = [*(self._owner(key, head) if known else self._stranger(key))]
        found += [*self._table(key, head), *self._log(key, head), *self._consent(key, head)]
        self._desk.clear()
        return found

    def _head(self, key: bytes) -> Head | None:
        raw = self.store.get(head_key(key))
        try:
            return head_of(raw) if raw is not None else self._fold.afterlife.find(key) or Head(version=-1)
        except (msgspec.DecodeError, UnicodeDecodeError):
            return None

    def _stranger(self, key: bytes) -> Iterator[Difference]:
        if next(iter(self.store.scan(under(b"f", key))), None) is not None:
            yield _differ("owner_missing", key, field="facts")

    # the owner against the facts -----------------------------------------------------------------------------------

    def _owner(self, key: bytes, head: Head) -> Iterator[Difference]:
        definitions = self._fold.definitions(key)
        facts, overtaken = Facts(Who(self._desk, key, head), definitions), definitions.overtaken(head.version)
        for definition in self._concerned(key, head, definitions):
            if definition.version > head.version or definition.id in overtaken:
                self.counts["building"] += 1  # its lap has not come to this contact yet
            else:
                yield from self._judge(key, facts, definition, head.rows.get(definition.id))
        for group, row in head.rows.items():
            self.counts["memberships"] += row.seq & 1
            if group not in definitions.groups and (row.mask or row.seq & 1):
                yield _differ("group_unknown", key, group)
        yield from self._profile(key, head)
        yield from self._deadlines(key, head)

    def _concerned(self, key: bytes, head: Head, definitions: Definitions) -> list[Definition]:
        """List the groups that may have this contact: the others ask only for facts that it has none of."""
        index = definitions.index
        kinds = {kind for kind in ("message", "rating", "booking") if self._has(key, kind)}
        kinds |= index.of_kind.keys() - _KINDS_OF_FACTS
        asked = {d.id: d for d in index.true_when_empty}
        asked |= {d.id: d for kind in sorted(kinds) for d in index.of_kind.get(kind, ())}
        asked |= {name: definitions.groups[name] for name in head.rows if name in definitions.groups}
        return list(asked.values())

    def _has(self, key: bytes, kind: str) -> bool:
        return next(iter(self.store.scan(under(b"f", key) + kind[:1].encode())), None) is not None

    def _judge(self, key: bytes, facts: Facts, definition: Definition, row: Row | None) -> Iterator[Difference]:
        """Compare one row with what facts, pins and rule say now."""
        row = row or Row()
        if definition.deleting or is_gone(facts.at.head):
            yield from _unlike(key, definition.id, row, NOTHING)
            return
        rule, now = definition.rule, self.clock
        same = len(row.memos) == len(rule.leaves)
        memos = [facts.memo(definition, at, row if same else None) for at in range(len(rule.leaves))]
        for at, leaf in enumerate(rule.leaves):
            if _living(leaf, memos[at], now) != _living(leaf, row.memos[at] if same else [], now):
                yield _differ("memo_stale", key, definition.id, field=f"leaf {at} ({leaf.kind})")
        anew = evaluated(facts.at, rule, Row(memos=memos, stuck=row.stuck, pins=row.pins))
        if row.stuck != _stuck(definition, anew, now):
            yield _differ("membership_wrong", key, definition.id, ("sticky", not row.stuck, row.stuck))
        should = look(rule, anew, now)
        yield from _unlike(key, definition.id, row, _looked_at_later(rule, anew, row, should))

    def _profile(self, key: bytes, head: Head) -> Iterator[Difference]:
        anew, profile = Profile(), head.profile
        at = Who(self._desk, key, replace(head, profile=anew))
        count(at, "booking")
        count(at, "rating")
        for field in ("bookings", "spent", "latest_rating", "last_booking"):
            if getattr(anew, field) != getattr(profile, field):
                yield _differ("profile_stale", key, field=field)

    def _deadlines(self, key: bytes, head: Head) -> Iterator[Difference]:
        if 0 < head.due <= self.clock:
            yield _differ("deadline_missed", key, values=("due", None, moment(head.due)))
        for group, row in head.rows.items():
            if row.due and not 0 < head.due <= row.due:
                yield _differ("deadline_lost", key, group, ("due", moment(row.due), _moment(head.due)))

    # the table and the log against the owner -----------------------------------------------------------------------

    def _table(self, key: bytes, head: Head) -> Iterator[Difference]:
        prefix = under(TABLE_ROWS, key)
        said = {at[len(prefix) :].decode(): value for at, value in self.store.scan(prefix)}
        members = {group: row for group, row in head.rows.items() if row.seq & 1}
        yield from (_differ("table_missing", key, group) for group in members.keys() - said.keys())
        yield from (_differ("table_extra", key, group) for group in said.keys() - members.keys())
        for group in members.keys() & said.keys():
            found = read_membership(said[group])
            if found is None:
                yield _differ("table_unreadable", key, group)
            else:
                values = unequal(_expected(key, group, head), found)
                yield from (_differ("table_wrong", key, group, value) for value in values)

    def _log(self, key: bytes, head: Head) -> Iterator[Difference]:
        prefix = under(LOG_ROWS, key)
        said = {at[len(prefix) :].decode(): told_of(value) for at, value in self.store.scan(prefix)}
        for group, told in said.items():
            self.counts["changes"] += told.last - told.first + 1 if told.last else 0
            yield from (_differ(fault[0], key, group, tuple(fault[1:])) for fault in told.faults)
        for group in {*said, *(name for name, row in head.rows.items() if row.seq)} - {""}:
            told, row = said.get(group, Told()), head.rows.get(group, Row())
            yield from self._history(key, group, told, row)

    def _consent(self, key: bytes, head: Head) -> Iterator[Difference]:
        messages = self._desk.messages(key)
        for kind, *values in differences(self.store, key, head, messages, whole=self.extent.whole_log):
            yield _differ(kind, key, values=tuple(values))  # type: ignore[arg-type]

    def _history(self, key: bytes, group: str, told: Told, row: Row) -> Iterator[Difference]:
        """The kept end of a membership's log must end in its state and, if nothing is beyond the log, begin with 1."""
        if told.first != 1:
            self.counts["beyond_log"] += 1
            if self.extent.whole_log:
                yield _differ("log_gap" if told.last else "log_missing", key, group, ("seq", 1, told.first or None))
        if not told.last:
            return
        if told.last != row.seq:
            yield _differ("log_wrong", key, group, ("seq", row.seq, told.last))
        elif row.seq & 1 and told.since != row.since:
            yield _differ("log_wrong", key, group, ("since", moment(row.since), moment(told.since)))


def _living(leaf: Leaf, memo: Memo, now: int) -> Memo:
    """Leave out what cannot count any more: of such messages the facts may be gone, and that is right.

    Nor do times that are kept to spare; and rows from before list all bookings.
    """
    if isinstance(leaf, GroupLeaf):
        return [[start if start > now else 0, until] for start, until in memo if until > max(start, now)]
    if not isinstance(leaf, MessageLeaf):
        return memo if len(memo) <= KEPT else MANY
    return [time for time in times_in(memo)[: leaf.count] if end_of(leaf.window, time) > now]


def _stuck(definition: Definition, row: Row, now: int) -> bool:
    """Whether a row must be stuck; that it is already cannot be told from the facts."""
    if not definition.group.sticky or row.stuck:
        return definition.group.sticky
    held = row.pins is not None and pinned_out(row.pins)
    return not held and definition.rule.true_at(row.memos, now)


def _looked_at_later(rule: Compiled, anew: Row, row: Row, should: Outlook) -> Outlook:
    """A rule with very many turns is looked at again at one of them: such a row is right, though it knows less."""
    if (row.due, row.expires) == (should.due, should.expires) or not row.due or row.expires:
        return should
    sooner = not should.due or row.due < should.due
    if sooner and mask_at(rule, anew, row.due) == should.mask and _is_crowded(rule, anew, row):
        return Outlook(should.mask, row.due, 0)
    return should


def _is_crowded(rule: Compiled, anew: Row, row: Row) -> bool:
    """Whether there are, or were by rows from before, more turns than are looked through."""
    if any(len(memo) > KEPT or memo == MANY for memo in row.memos):
        return True
    pairs = zip(rule.leaves, anew.memos, strict=True)
    turns = chain.from_iterable(leaf.evaluate(memo, 0)[1] for leaf, memo in pairs)
    return sum(1 for _ in islice(turns, LOOK_AHEAD)) == LOOK_AHEAD


def _unlike(key: bytes, group: str, row: Row, should: Outlook) -> Iterator[Difference]:
    pairs: list[Values] = [
        ("member", bool(should.mask), bool(row.seq & 1)),
        ("sources", NAMED[should.mask], NAMED[row.mask]),
        ("expires_at", _moment(should.expires), _moment(row.expires)),
        ("due", _moment(should.due), _moment(row.due)),
    ]
    return (_differ("membership_wrong", key, group, pair) for pair in pairs if pair[1] != pair[2])


def _moment(ms: int) -> datetime | None:
    return moment(ms) if ms else None


def _differ(
    kind: Kind, key: bytes, group: str | None = None, values: Values | None = None, field: str | None = None
) -> Difference:
    tenant, contact = named_by(key)
    said, expected, found = values or (field, None, None)
    return Difference(
        kind=kind, tenant=tenant, contact=contact, group=group, field=said, expected=expected, found=found
    )


# memberships as the table and HTTP tell them -----------------------------------------------------------------------

SHOWN = ("since", "expires_at", "sources", "sendable")
"""What HTTP tells of a member."""
_FIELDS = (*SHOWN, "seq", "change_id", "tenant", "group", "contact")


def _expected(key: bytes, group: str, head: Head) -> Membership:
    (tenant, contact), row = named_by(key), head.rows[group]
    return Membership(
        tenant=tenant,
        group=group,
        contact=contact,
        since=moment(row.since),
        seq=row.seq,
        change_id=change_id(tenant, group, contact, row.seq),
        sources=NAMED[row.mask],
        expires_at=_moment(row.expires),
        sendable=sendable(head, row, contact),
    )


def read_membership(raw: bytes) -> Membership | None:
    """Read a row of memberships, or return None if it is none."""
    try:
        return _membership_of(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def unequal(expected: Membership, found: Membership, fields: Sequence[str] = _FIELDS) -> list[Values]:
    """Return the fields in which two memberships differ; sources in whatever order."""
    pairs = [(name, _plain(expected, name), _plain(found, name)) for name in fields]
    return [
        (name, "as in the key", "another") if name in {"contact", "tenant"} else (name, one, two)
        for name, one, two in pairs
        if one != two
    ]


def _plain(row: Membership, name: str) -> Any:
    value = getattr(row, name)
    return sorted(value, key=BIT.__getitem__) if name == "sources" else value


def compare_member(row: Membership | None, shown: Membership | None) -> list[Difference]:
    """Compare a row of memberships with what HTTP shows of the same member; either may be absent."""
    one = row or shown
    if one is None:
        return []
    key = f"{one.tenant}/{one.contact}".encode()
    if shown is None:
        return [_differ("store_missing", key, one.group)]
    if row is None:
        return [_differ("store_extra", key, one.group)]
    return [_differ("store_wrong", key, one.group, value) for value in unequal(row, shown, SHOWN)]


def compare_lists(rows: Iterable[Membership], shown: Iterable[Membership]) -> Iterator[list[Difference]]:
    """Compare a group's rows with what HTTP lists, both in the order of the contacts' bytes; yield what differs."""
    left, right = iter(rows), iter(shown)
    row, other = next(left, None), next(right, None)
    while row is not None or other is not None:
        order = _order(row, other)
        found = compare_member(row if order <= 0 else None, other if order >= 0 else None)
        if found:
            yield found
        row = next(left, None) if order <= 0 else row
        other = next(right, None) if order >= 0 else other


def _order(row: Membership | None, other: Membership | None) -> int:
    if row is None or other is None:
        return 1 if row is None else -1
    one, two = row.contact.encode(), other.contact.encode()
    return (one > two) - (one < two)
