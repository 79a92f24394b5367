"""One partition of contact-activity, folded: records in their log order to what follows from them, and nothing else.

The fold knows only its log and its rows. Its clock is the append time of the record at hand and never goes back;
before a record is applied, the deadlines that are not after its append time fire, each at its own moment. So the same
log gives the same changes, however it is cut into chunks, commits and restarts, and a worker's own clock decides
nothing.

`apply` leaves what follows in `desk.out`; `flush` turns what changed into rows to be written and adds the tables'
records; after the commit, `committed` is called. Whoever carries the fold commits outputs, rows and the input's offset
at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import Any, NamedTuple, Protocol

from msgspec import Struct

from processors import (
    alias,
    bulk,
    changes,
    consent,
    contact,
    deletion,
    edits_asked,
    fact_owner,
    handover,
    links,
    parting,
    profile,
    progress,
    renaming,
    shadow,
    tenant,
)
from processors.afterlife import KEYED, Afterlife, fingerprint, is_over
from processors.ahead import Ahead, look_ahead
from processors.deadlines import index_key
from processors.definitions import Definition, Definitions
from processors.desk import ORIGIN, Desk, Out
from processors.office import to_json
from processors.rows import (
    Defined as DefinedRow,
)
from processors.rows import (
    Head,
    Scan,
    Sweep,
    defined_of,
    encode,
    head_key,
    head_of,
    is_gone,
    is_message,
    message_of,
    read_of,
    scan_of,
    sweep_of,
)
from processors.state import Store
from processors.watch import watched
from processors.windows import DAY, duration_upper_bound_ms, parse_duration
from schemas.activity import (
    BookingSeen,
    Conflict,
    CountAsked,
    Counted,
    Defined,
    Directed,
    Edit,
    EditsAsked,
    FactErased,
    FactPut,
    FactTaken,
    Forwarded,
    Handed,
    Heard,
    Lapping,
    LinkAsked,
    LinkSeen,
    MessageSeen,
    Parted,
    Parting,
    Pin,
    PinsAsked,
    RatingSeen,
    RenameAsked,
    Renaming,
    Scanned,
    TenantAsked,
    Tick,
    decode,
)

SLICE = 300
"""Contacts that one tick brings up to date during scans, of all tenants together."""

FIRED = 500
"""Contacts whose deadlines fire in one go: a million may be due at once, and their changes must go out in between."""

DECODED = 50_000
"""Bookings and ratings that stay decoded from one commit to the next."""

GROUPS = 50_000
"""Groups that stay compiled from one commit to the next, the last tenant's always."""

SWEPT = 2_000
"""Facts that one tick looks through for messages beyond the retention."""

GRACE = 2 * DAY
"""Messages are kept this much longer (ms): a retention has days of 24 hours, a window those of the calendar."""

CLOCK, READ, SWEEP = b"c", b"r", b"w"


class Appended(Protocol):
    """What the fold reads of a record of contact-activity; `timestamp` is its append time (epoch ms)."""

    @property
    def key(self) -> bytes: ...  # noqa: D102
    @property
    def value(self) -> bytes: ...  # noqa: D102
    @property
    def timestamp(self) -> int: ...  # noqa: D102


class Record(NamedTuple):
    """One record of contact-activity, by itself."""

    key: bytes
    value: bytes
    timestamp: int


Decoded = tuple[bytes, int, Any]
"""Key, append time (epoch ms) and content of a record."""


class Flushed(Struct, frozen=True):
    """What a commit writes: rows (None deletes) for state and changelog, and rows for the local index only."""

    rows: dict[bytes, bytes | None]
    index: dict[bytes, bytes | None]


class Fold:
    """One partition's fold over its rows in `store`; messages are kept for `retention`.

    What outlives an erased contact lies under a hash made with `hash_key`, the same for ever.
    """

    def __init__(  # noqa: PLR0913, PLR0917 - what a partition is, and its settings
        self,
        store: Store,
        partition: int,
        partitions: int,
        prefix: str = "rollcall.",
        hot: int = 20_000,
        retention: str = "P400D",
        *,
        hash_key: bytes,
    ) -> None:
        kept = duration_upper_bound_ms(parse_duration(retention)) + GRACE
        self.store = store
        self.desk = Desk(store, partition, partitions, prefix, kept)
        self.afterlife = Afterlife(hash_key, self.desk.pending, self.definitions)
        self.desk.returning = self.afterlife.find
        self.hot = hot
        self.tenants: dict[bytes, Definitions] = {}
        self.read: dict[int, list[int]] = {}
        self.scans: dict[str, Scan] = {}
        self.sweep = Sweep()
        self._index: dict[bytes, bytes | None] = {}
        self._read_changed = False
        self._load()
        made, mine = store.get(KEYED), fingerprint(hash_key)
        if made != mine:
            self.desk.pending.put(KEYED, mine)
        if made is None:
            self._begin_hashing()

    def apply(self, records: Sequence[Appended]) -> None:
        """Apply records in log order."""
        for run in _between_definitions([(one.key, one.timestamp, decode(one.value)) for one in records]):
            self._apply(run)
        changes.tell(self.desk)

    def _apply(self, run: Sequence[Decoded]) -> None:
        """Apply records under whose definitions nothing changes."""
        desk = self.desk
        known = self._read_ahead(run)
        if desk.now >= self.wake:
            self._fire()  # the rest of what the last owner was at
        for (key, timestamp, activity), ahead in zip(run, known, strict=True):
            desk.ahead = ahead
            if timestamp > desk.now:
                desk.now = timestamp
                if timestamp >= self.wake:
                    self._fire()
            if activity.topic < 0 or self._first_seen(activity):
                _HANDLE[activity.__class__](self, key, activity)
        desk.found.clear()

    def flush(self) -> Flushed:
        """Append the tables' records and return the rows that changed."""
        desk = self.desk
        changes.tell(desk)
        for (key, group), id_ in desk.changed_rows.items():
            desk.out.append(changes.table_row(key, group, desk.heads[key], id_))
        for key in desk.changed_profiles:
            digits = self.definitions(key).record.phone_format == "digits"
            head = desk.heads[key]
            if is_gone(head):
                desk.out.append(Out("contacts", key, None))
            else:
                out = consent.opted_out(head)
                desk.out.append(profile.table_row(key, head.profile, digits=digits, opted_out=out, links=head.links))
        for key in desk.dirty:
            self._put_head(key, desk.heads[key])
        self._put_marks()
        desk.changed_rows.clear()
        desk.changed_profiles.clear()
        desk.dirty.clear()
        index, self._index = self._index, {}
        return Flushed(desk.pending.take(), index)

    def committed(self) -> None:
        """The last flush is durable: forget what is decoded or compiled if it is too much."""
        desk = self.desk
        desk.deadlines.trim()
        self.afterlife.departed.clear()
        if len(desk.heads) > self.hot or desk.decoded > DECODED:
            desk.clear()
        while len(self.tenants) > 1 and sum(len(known.groups) for known in self.tenants.values()) > GROUPS:
            del self.tenants[next(iter(self.tenants))]

    @property
    def wake(self) -> int:
        """The next moment (epoch ms) at which a deadline fires or the horizon must move."""
        return self.desk.deadlines.wake

    @property
    def next_due(self) -> int:
        """The next deadline that is held in memory (epoch ms), or 0."""
        return self.desk.deadlines.next_due

    @property
    def scanning(self) -> bool:
        """Whether a lap over some tenant's contacts, or the sweep, is under way: ticks carry it on."""
        return bool(self.sweep.cursor) or any(scan.lap for scan in self.scans.values())

    def definitions(self, key: bytes) -> Definitions:
        """Return the definitions of the tenant of a key."""
        name = key.partition(b"/")[0]
        known = self.tenants.get(name)
        if known is None:
            known = self.tenants[name] = self._load_definitions(name)
        return known

    # reading -----------------------------------------------------------------------------------------------------

    def _read_ahead(self, run: Sequence[Decoded]) -> list[Ahead | None]:
        """Read the rows of a whole run at once, one call into RocksDB instead of two per event, and all messages."""
        known = self.desk.heads
        heads = dict.fromkeys([key for key, _, a in run if key not in known and a.__class__ in _OF_CONTACTS])
        if heads:
            rows = self.store.get_many([head_key(key) for key in heads])
            known.update(zip(heads, [head_of(raw) if raw else Head(version=-1) for raw in rows], strict=True))
        erased = self._erased(heads) if self.afterlife.any else ()
        messages = [(key, a) for key, _, a in run if a.__class__ is MessageSeen]
        ahead = look_ahead(messages, self.definitions)
        self._find([(key, one.place) for (key, _), one in zip(messages, ahead, strict=True)])
        for key in erased:
            del known[key]  # the desk looks them up when it comes to them: what is kept depends on the groups by then
        if len(messages) == len(run):
            return [*ahead]
        rest = iter(ahead)
        return [next(rest) if a.__class__ is MessageSeen else None for _, _, a in run]

    def _find(self, places: Sequence[tuple[bytes, bytes]]) -> None:
        """Read what messages' contacts keep under their keys; one that is only now met has nothing on disk."""
        heads = self.desk.heads
        found = dict[bytes, bytes | None].fromkeys([place for key, place in places if heads[key].version < 0])
        facts = [place for key, place in places if heads[key].version >= 0]
        found.update(zip(facts, self.store.get_many(facts), strict=True))
        self.desk.found = found

    def _erased(self, read: Iterable[bytes]) -> Sequence[bytes]:
        """Return who of those just read was erased; heads that only stand in say that they may have facts."""
        known, afterlife = self.desk.heads, self.afterlife
        erased = afterlife.among([key for key in read if known[key].version < 0 or key in afterlife.departed])
        for key in erased:
            known[key] = Head()
        return erased

    def _first_seen(self, activity: Any) -> bool:
        """Whether a record of a raw topic lies above all that was read of that raw partition."""
        at = activity.partition << 4 | activity.topic
        place = [activity.offset, activity.index]
        known = self.read.get(at)
        if known is not None and place <= known:
            self.desk.counts["replayed"] += 1
            return False
        self.read[at] = place
        self._read_changed = True
        return True

    # time --------------------------------------------------------------------------------------------------------

    def fire(self, now: int, most: int) -> bool:
        """Let time go on to `now`, and fire what is due by then in its order; whether more than `most` contacts are.

        Contacts come by their next deadline, and again if they have more.
        """
        self.desk.now = max(self.desk.now, now)
        more = self._fire_some(most)
        changes.tell(self.desk)
        return more

    def _fire_some(self, most: int) -> bool:
        desk = self.desk
        while desk.now >= self.wake:
            entry = desk.deadlines.pop(desk.now)
            if entry is None:
                desk.deadlines.load(desk.now, desk.heads)
                self._begin_sweep()
            elif desk.head(entry[1]).due == entry[0]:
                desk.counts["fired"] += 1
                definitions = self.definitions(entry[1])
                contact.touch(desk, entry[1], definitions)
                contact.expire(desk, entry[1], definitions)
                most -= 1
            if not most:
                return desk.now >= self.wake
        return False

    def _fire(self) -> None:
        more = True
        while more:
            more = self._fire_some(FIRED)

    # rows --------------------------------------------------------------------------------------------------------

    def _load(self) -> None:
        clock, read, sweep = self.store.get(CLOCK), self.store.get(READ), self.store.get(SWEEP)
        self.desk.now = int.from_bytes(clock, "big") if clock else 0
        self.read = read_of(read) if read else {}
        self.sweep = sweep_of(sweep) if sweep else Sweep()
        for key, value in self.store.scan(b"s"):
            self.scans[key[1:].decode()] = scan_of(value)
        self.desk.deadlines.load(self.desk.now, self.desk.heads)

    def _load_definitions(self, name: bytes) -> Definitions:
        known, under = Definitions(name.decode()), _definitions_under(name)
        rows = [(key, defined_of(value)) for key, value in self.desk.pending.scan(under)]
        for key, row in sorted(rows, key=lambda one: (one[0] != under, one[1].version)):
            if key == under:
                known.set_record(row.version, row.body)
            else:
                group = known.set_group(row.version, row.body, (row.source, row.id), row.ruled, row.shadow)
                group.born = row.born or group.born
        return known

    def _put_head(self, key: bytes, head: Head) -> None:
        index = self._index
        if head.deleted is not None:
            if is_over(self.desk.pending, key, head):
                self._let_go(key, head)
                return
            self.afterlife.forget(key)
        if head.due != head.indexed:
            if head.indexed:
                index[index_key(head.indexed, key)] = None
            if head.due:
                index[index_key(head.due, key)] = b""
            head.indexed = head.due
        self.desk.pending.put(head_key(key), encode(head))

    def see_off(self, key: bytes) -> None:
        """Let a deleted contact go at once if a record has left nothing of it that must lie under its id."""
        desk, head = self.desk, self.desk.heads[key]
        if not is_over(desk.pending, key, head):
            self.afterlife.departed.discard(key)
            return
        changes.tell(desk)
        for group in [group for who, group in desk.changed_rows if who == key]:
            desk.out.append(changes.table_row(key, group, head, desk.changed_rows.pop((key, group))))
        if key in desk.changed_profiles:
            desk.out.append(Out("contacts", key, desk.changed_profiles.pop(key)))
        self._let_go(key, head)
        del desk.dirty[key]

    def _let_go(self, key: bytes, head: Head) -> None:
        """Put what outlives a contact in the place of its head."""
        desk = self.desk
        self.afterlife.keep(key, head)
        if head.indexed:
            self._index[index_key(head.indexed, key)] = None
        if desk.pending.get(head_key(key)) is not None:
            desk.pending.put(head_key(key), None)
        del desk.heads[key]

    def _begin_hashing(self) -> None:
        """Rows from before there were hashes have a lap of their own, which lets the erased go."""
        for name, scan in self.scans.items():
            scan.lap = scan.lap or self.definitions(name.encode()).version
            self.desk.pending.put(b"s" + name.encode(), encode(scan), b"s")

    def _put_marks(self) -> None:
        if self.desk.met:
            progress.count_met(self.desk, self.scans)
        self.desk.pending.put(CLOCK, self.desk.now.to_bytes(8, "big"))
        if self._read_changed:
            self.desk.pending.put(READ, encode(self.read))
            self._read_changed = False

    # definitions and scans ---------------------------------------------------------------------------------------

    def on_defined(self, key: bytes, defined: Defined) -> None:
        """Take a definition, and begin or queue a lap over the tenant's contacts where one is needed."""
        known, under = self.definitions(key), _definitions_under(key)
        if defined.gone is not None:
            known.drop_group(defined.gone)
            self.desk.pending.put(under + defined.gone.encode(), None, under)
        elif defined.group is not None:
            before, shadows = known.version, dict(known.shadows)
            group = known.set_group(defined.version, defined.group, (defined.source, defined.id))
            self._keep_group(group, known, under)
            if shadows:
                shadow.follow(self.desk, key, self._scan(key), shadows, known)
            if known.outstanding(before):
                self._begin_lap(key, known)
        elif defined.record is not None:  # what a tenant had stays as it is when its record is taken away
            changed = known.set_record(defined.version, defined.record)
            row = DefinedRow(known.version, defined.record, defined.source, defined.id)
            self.desk.pending.put(under, encode(row), under)
            if changed:
                self._ask_again(key, known, under)

    def _keep_group(self, definition: Definition, known: Definitions, under: bytes) -> None:
        asked = known.shadows.get(definition.id)
        versions = definition.ruled, asked.version if asked is not None else 0, definition.born
        row = DefinedRow(definition.version, to_json(definition.group), *definition.cause, *versions)
        self.desk.pending.put(under + definition.id.encode(), encode(row), under)

    def _ask_again(self, name: bytes, known: Definitions, under: bytes) -> None:
        for definition in known.groups.values():
            self._keep_group(definition, known, under)
        self._begin_lap(name, known)

    def _scan(self, name: bytes) -> Scan:
        return self.scans.setdefault(name.decode(), Scan())

    def _begin_lap(self, name: bytes, known: Definitions) -> None:
        scan = self._scan(name)
        if not scan.lap:
            scan.lap, scan.cursor = known.version, b""
            self._go_on(name, scan)

    def on_tick(self, key: bytes, tick: Tick) -> None:
        """Go on with the laps, which share a slice, and with the sweep."""
        del key, tick
        for name, scan in self.scans.items():
            if scan.lap:
                self._go_on(name.encode(), scan)
        if self.sweep.cursor:
            self._sweep_on()

    def _go_on(self, name: bytes, scan: Scan) -> None:
        known = self.definitions(name)
        ahead = shadow.those_ahead(self.desk, name, scan)
        for key in ahead:
            contact.touch(self.desk, key, known)
        if not ahead:
            self._go_through(name, scan, known)
        self.desk.pending.put(b"s" + name, encode(scan), b"s")

    def _go_through(self, name: bytes, scan: Scan, known: Definitions) -> None:
        """Bring the next slice up to date."""
        found, seen = shadow.Differing(), 0
        share = max(1, SLICE // sum(bool(one.lap) for one in self.scans.values()))
        for key, raw in self.contacts(head_key(name + b"/"), scan.cursor):
            scan.cursor, seen = key, seen + 1
            self._look_in(key[1:], raw, scan, known, found)
            if seen >= share:
                break
        scan.seen += seen
        shadow.write_down(self.desk, name, found)
        if seen < share:
            self._end_lap(name, scan, known)
        else:
            progress.tell_progress(self.desk, name, scan)

    def contacts(self, under: bytes, after: bytes) -> Iterator[tuple[bytes, bytes]]:
        """Yield the contacts' heads in key order, with those not committed yet: a lap does not depend on commits."""
        fresh, gone = [(head_key(key), b"") for key in self.desk.dirty], self.afterlife.departed
        mine = sorted(row for row in fresh if row[0] > after and row[0].startswith(under))
        both = merge(self.store.scan(under, after), mine, key=itemgetter(0))
        return (next(rows) for key, rows in groupby(both, key=itemgetter(0)) if key[1:] not in gone)

    def _look_in(self, key: bytes, raw: bytes, scan: Scan, known: Definitions, found: shadow.Differing) -> None:
        """Bring one contact up to date, and count it for the groups that the lap is for."""
        if key not in self.desk.heads:
            self.desk.heads[key] = head_of(raw)
        at = contact.touch(self.desk, key, known)
        head = at.head
        if known.shadows:
            shadow.look_ahead(at, scan, known, found)
        for definition in known.since(scan.done):
            row = head.rows.get(definition.id)
            if row is not None and row.seq & 1:
                scan.members[definition.id] = scan.members.get(definition.id, 0) + 1
        if head.deleted is not None:
            self.see_off(key)
        since = head.profile.since
        if since is not None and (scan.earliest is None or since < scan.earliest):
            scan.earliest = since

    def _end_lap(self, name: bytes, scan: Scan, known: Definitions) -> None:
        told = scan.lap, scan.members, scan.earliest, scan.shadows
        self.desk.tell(name, Scanned(*ORIGIN, self.desk.partition, *told))
        scan.total, scan.seen = max(scan.total, scan.seen - self.desk.met[name]), 0
        scan.done, scan.cursor, scan.members, scan.earliest, scan.shadows = scan.lap, b"", {}, None, {}
        scan.lap = known.version if known.outstanding(scan.lap) else 0

    # the sweep ---------------------------------------------------------------------------------------------------

    def _begin_sweep(self) -> None:
        """Once a day, look through the facts for messages that are beyond the retention."""
        if self.desk.now >= self.sweep.due and not self.sweep.cursor:
            self.sweep = Sweep(self.desk.now + DAY, b"f" if self.sweep.due else b"")
            self.desk.pending.put(SWEEP, encode(self.sweep))

    def _sweep_on(self) -> None:
        desk, seen = self.desk, 0
        for key, value in self.store.scan(b"f", self.sweep.cursor):
            self.sweep.cursor, seen = key, seen + 1
            if is_message(key) and key not in desk.pending.writes and message_of(value).time < desk.oldest:
                desk.pending.put(key, None)
                desk.counts["forgotten"] += 1
            if seen >= SWEPT:
                break
        else:
            self.sweep.cursor = b""
        desk.pending.put(SWEEP, encode(self.sweep))


def _between_definitions(records: Sequence[Decoded]) -> Iterator[Sequence[Decoded]]:
    """Cut before and after each definition: what is found out ahead of records depends on those in force."""
    start = 0
    for at, (_, _, activity) in enumerate(records):
        if activity.__class__ is Defined:
            if at > start:
                yield records[start:at]
            yield records[at : at + 1]
            start = at + 1
    if start < len(records):
        yield records[start:]


def _definitions_under(name: bytes) -> bytes:
    """Return the key of a tenant's record, which is also the prefix of its groups."""
    return b"d" + name + b"/"


def _to_desk(act: Callable[[Desk, bytes, Any], None]) -> Callable[[Fold, bytes, Any], None]:
    return lambda fold, key, activity: act(fold.desk, key, activity)


def _to_contact(act: Callable[[Desk, bytes, Any, Definitions], None]) -> Callable[[Fold, bytes, Any], None]:
    watching = watched(act)

    def run(fold: Fold, key: bytes, activity: Any) -> None:
        definitions = fold.definitions(key)
        head = fold.desk.heads.get(key)
        if head is not None and head.links is not None and alias.passed_on(fold.desk, key, activity, definitions):
            return
        (watching if definitions.entangled else act)(fold.desk, key, activity, definitions)
        if fold.desk.revived is not None:
            deletion.revive(fold.desk, key, definitions)
        head = fold.desk.heads[key]
        if head.deleted is not None:
            if head.links is not None and activity.__class__ is Edit:
                parting.part(fold.desk, key, head, partial(is_over, fold.desk.pending, key))
            fold.see_off(key)

    return run


def _to_linked(act: Callable[[Desk, bytes, Any, Definitions], None]) -> Callable[[Fold, bytes, Any], None]:
    def run(fold: Fold, key: bytes, activity: Any) -> None:
        act(fold.desk, key, activity, fold.definitions(key))
        head = fold.desk.heads.get(key)
        if head is None or key not in fold.desk.dirty:
            return
        if head.deleted is not None:
            fold.see_off(key)
        elif head.links is not None and head.links.cut is not None:
            fold.afterlife.forget(key)  # it was erased once, and is there again without what tells so

    return run


def _on_forwarded(fold: Fold, key: bytes, forwarded: Forwarded) -> None:
    """Take in what came to a linked id, as of the contact."""
    if alias.arrived(fold.desk, key, forwarded):
        activity = decode(forwarded.body)
        fold.desk.via = forwarded.via
        if activity.__class__ is MessageSeen:
            (fold.desk.ahead,) = look_ahead([(key, activity)], fold.definitions)
        _HANDLE[activity.__class__](fold, key, activity)
        fold.desk.via = ""


_HANDLE: dict[type, Callable[[Fold, bytes, Any], None]] = {
    MessageSeen: _to_contact(contact.on_message),
    FactPut: _to_contact(contact.on_fact_put),
    FactTaken: _to_contact(contact.on_fact_taken),
    Pin: _to_contact(contact.on_pin),
    Heard: _to_contact(contact.on_heard),
    Edit: _to_contact(contact.on_edit),
    BookingSeen: _to_desk(fact_owner.on_fact_seen),
    RatingSeen: _to_desk(fact_owner.on_fact_seen),
    FactErased: _to_desk(fact_owner.on_fact_erased),
    TenantAsked: _to_desk(tenant.on_tenant_asked),
    PinsAsked: _to_desk(tenant.on_pins_asked),
    EditsAsked: _to_desk(edits_asked.on_edits_asked),
    LinkSeen: _to_desk(alias.on_link_seen),
    LinkAsked: _to_desk(links.on_link_asked),
    Conflict: _to_desk(alias.on_conflict),
    RenameAsked: _to_desk(links.on_rename_asked),
    Renaming: _to_desk(renaming.on_renaming),
    Directed: _to_linked(handover.on_directed),
    Handed: _to_linked(handover.on_handed),
    Parting: _to_desk(links.on_parting),
    Parted: _to_linked(lambda desk, key, parted, _: parting.on_parted(desk, key, parted)),
    Forwarded: _on_forwarded,
    Scanned: _to_desk(tenant.on_scanned),
    Lapping: _to_desk(progress.on_lapping),
    CountAsked: _to_desk(bulk.on_count_asked),
    Counted: _to_desk(bulk.on_counted),
    Defined: Fold.on_defined,
    Tick: Fold.on_tick,
}
_OF_CONTACTS = frozenset({
    MessageSeen, FactPut, FactTaken, Heard, Pin, Edit, LinkSeen, Conflict, Renaming, Directed, Handed, Parted,
    Forwarded,
})  # fmt: skip
