"""One partition of contact-activity, folded: records in their log order to what follows from them, and nothing else.

The fold knows only its log and its rows. Its clock is the append time of the record at hand and never goes back; before a
record is applied, the deadlines that are not after its append time fire, each at its own moment. So the same log gives
the same changes, however it is cut into chunks, commits and restarts, and a worker's own clock decides nothing.

`apply` leaves what follows in `desk.out`; `flush` turns what changed into rows to be written and adds the tables' records;
after the commit, `committed` is called. Whoever carries the fold commits outputs, rows and the input's offset at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from heapq import heapify, heappop, heappush
from typing import Any, NamedTuple

from processors import contact, fact_owner, membership, profile, tenant
from processors.definitions import Definition, Definitions
from processors.desk import ORIGIN, Desk, Out
from processors.rows import (
    Defined as DefinedRow,
    Head,
    Scan,
    defined_of,
    encode,
    fact_key,
    head_key,
    head_of,
    read_of,
    scan_of,
)
from processors.state import Store
from processors.tenant import to_json
from schemas.activity import (
    BookingSeen,
    Defined,
    FactPut,
    FactTaken,
    MessageSeen,
    Pin,
    PinsAsked,
    RatingSeen,
    Scanned,
    TenantAsked,
    Tick,
    decode,
)

HORIZON = 15 * 60 * 1000
"""Deadlines due within this (ms) are held in memory; the rest wait in the index."""

SLICE = 300
"""Contacts that one tick brings up to date during a scan."""

CLOCK, READ = b"c", b"r"


class Record(NamedTuple):
    """One record of contact-activity; `timestamp` is its append time (epoch ms)."""

    key: bytes
    value: bytes
    timestamp: int


class Flushed(NamedTuple):
    """What a commit writes: rows (None deletes) for state and changelog, and rows for the local index only."""

    rows: dict[bytes, bytes | None]
    index: dict[bytes, bytes | None]


class Fold:
    """One partition's fold over its rows in `store`."""

    def __init__(
        self, store: Store, partition: int, partitions: int, prefix: str = "rollcall.", hot: int = 20_000
    ) -> None:
        self.store = store
        self.desk = Desk(store, partition, partitions, prefix)
        self.hot = hot
        self.read: dict[str, list[int]] = {}
        self.scans: dict[str, Scan] = {}
        self._read_changed = False
        self._load()

    def apply(self, records: Sequence[Record]) -> None:
        """Apply records in log order."""
        decoded = [(record, decode(record.value)) for record in records]
        self._prefetch(decoded)
        for record, activity in decoded:
            if record.timestamp > self.desk.now:
                self.desk.now = record.timestamp
                if self.desk.now >= self.wake:
                    self._fire()
            if activity.topic < 0 or self._first_seen(activity):
                _HANDLE[type(activity)](self, record.key, activity)
        self.desk.found.clear()

    def flush(self) -> Flushed:
        """Append the tables' records and return the rows that changed."""
        desk, index = self.desk, dict[bytes, bytes | None]()
        for key, group in desk.changed_rows:
            desk.out.append(membership.table_row(key, group, desk.heads[key].rows[group]))
        for key in desk.changed_profiles:
            digits = self.definitions(key).record.phone_format == "digits"
            desk.out.append(profile.table_row(key, desk.heads[key].profile, digits=digits))
        for key in desk.dirty:
            self._put_head(key, desk.heads[key], index)
        self._put_marks()
        desk.changed_rows.clear()
        desk.changed_profiles.clear()
        desk.dirty.clear()
        return Flushed(desk.pending.take(), index)

    def committed(self) -> None:
        """The last flush is durable: forget decoded rows if there are too many."""
        if len(self.desk.heads) > self.hot:
            self.desk.clear()

    @property
    def wake(self) -> int:
        """The next moment (epoch ms) at which a deadline fires or the horizon must move."""
        heap = self.desk.heap
        return min(heap[0][0], self.desk.horizon) if heap else self.desk.horizon

    @property
    def next_due(self) -> int:
        """The next deadline within the horizon (epoch ms), or 0."""
        return self.desk.heap[0][0] if self.desk.heap else 0

    @property
    def scanning(self) -> bool:
        """Whether a lap over some tenant's contacts is under way: ticks carry it on."""
        return any(scan.lap for scan in self.scans.values())

    def definitions(self, key: bytes) -> Definitions:
        """Return the definitions of the tenant of a key."""
        name = key.partition(b"/")[0].decode()
        known = self.desk.tenants.get(name)
        if known is None:
            known = self.desk.tenants[name] = self._load_definitions(name)
        return known

    # reading -----------------------------------------------------------------------------------------------------

    def _prefetch(self, decoded: Iterable[tuple[Record, Any]]) -> None:
        """Read the rows of a whole chunk at once: one call into RocksDB instead of two per event."""
        desk, writes = self.desk, self.desk.pending.writes
        heads, facts = dict[bytes, None](), dict[bytes, None]()
        for record, activity in decoded:
            kind = type(activity)
            if kind is MessageSeen:
                facts[fact_key(record.key, b"m", activity.source, activity.id)] = None
            if (kind in _OF_CONTACTS) and record.key not in desk.heads:
                heads[record.key] = None
        wanted = [key for key in facts if key not in writes]
        desk.found = dict(zip(wanted, self.store.get_many(wanted), strict=True)) if wanted else {}
        if heads:
            rows = self.store.get_many([head_key(key) for key in heads])
            for key, raw in zip(heads, rows, strict=True):
                desk.heads[key] = head_of(raw) if raw is not None else Head(version=-1)

    def _first_seen(self, activity: Any) -> bool:
        """Whether a record of a raw topic lies above all that was read of that raw partition."""
        at = f"{activity.topic}/{activity.partition}"
        known = self.read.get(at)
        if known is not None and (activity.offset, activity.index) <= (known[0], known[1]):
            self.desk.counts["replayed"] += 1
            return False
        self.read[at] = [activity.offset, activity.index]
        self._read_changed = True
        return True

    # time --------------------------------------------------------------------------------------------------------

    def _fire(self) -> None:
        desk = self.desk
        while True:
            while desk.heap and desk.heap[0][0] <= desk.now:
                _, key = heappop(desk.heap)
                if 0 < desk.head(key).due <= desk.now:
                    desk.counts["fired"] += 1
                    definitions = self.definitions(key)
                    contact.touch(desk, key, definitions)
                    contact.expire(desk, key, definitions)
            if desk.now < desk.horizon:
                return
            self._move_horizon()

    def _move_horizon(self) -> None:
        """Take the deadlines of the next stretch out of the index, and of heads not in the index yet."""
        desk, start = self.desk, self.desk.horizon
        desk.horizon = max(desk.now, start) + HORIZON
        due = {(int.from_bytes(key[1:9], "big"), key[9:]) for key in self._index(desk.horizon)}
        due |= {(head.due, key) for key, head in desk.heads.items() if 0 < head.due < desk.horizon}
        for entry in due:
            heappush(desk.heap, entry)

    def _index(self, end: int) -> Iterable[bytes]:
        limit = b"i" + end.to_bytes(8, "big")
        for key, _ in self.store.scan(b"i"):
            if key >= limit:
                return
            yield key

    # rows --------------------------------------------------------------------------------------------------------

    def _load(self) -> None:
        clock, read = self.store.get(CLOCK), self.store.get(READ)
        self.desk.now = int.from_bytes(clock, "big") if clock else 0
        self.read = read_of(read) if read else {}
        for key, value in self.store.scan(b"s"):
            self.scans[key[1:].decode()] = scan_of(value)
        heapify(self.desk.heap)
        self._move_horizon()

    def _load_definitions(self, name: str) -> Definitions:
        known, under = Definitions(name), b"d" + name.encode() + b"/"
        raw = self.desk.pending.get(under)
        if raw is not None:
            row: DefinedRow = defined_of(raw)
            known.set_record(row.version, row.body)
        rows = [defined_of(v) for k, v in self.desk.pending.scan(under) if k != under]
        for row in sorted(rows, key=lambda r: r.version):
            known.set_group(row.version, row.body, (row.source, row.id))
        return known

    def _put_head(self, key: bytes, head: Head, index: dict[bytes, bytes | None]) -> None:
        if head.due != head.indexed:
            if head.indexed:
                index[index_key(head.indexed, key)] = None
            if head.due:
                index[index_key(head.due, key)] = b""
            head.indexed = head.due
        self.desk.pending.put(head_key(key), encode(head))

    def _put_marks(self) -> None:
        self.desk.pending.put(CLOCK, self.desk.now.to_bytes(8, "big"))
        if self._read_changed:
            self.desk.pending.put(READ, encode(self.read))
            self._read_changed = False

    # definitions and scans ---------------------------------------------------------------------------------------

    def on_defined(self, key: bytes, defined: Defined) -> None:
        """Take a definition, and begin or queue a lap over the tenant's contacts where one is needed."""
        known, under = self.definitions(key + b"/"), b"d" + defined.tenant.encode() + b"/"
        cause = (defined.source, defined.id)
        if defined.gone is not None:
            known.drop_group(defined.gone)
            self.desk.pending.put(under + defined.gone.encode(), None, under)
            return
        if defined.group is None:
            if known.set_record(defined.version, defined.record):
                self._keep_groups(known, under)
                self._begin_lap(defined.tenant, known)
            self.desk.pending.put(under, encode(DefinedRow(defined.version, defined.record, *cause)), under)
            return
        before = known.version
        group = known.set_group(defined.version, defined.group, cause)
        self._keep_group(group, under)
        if group.version > before:
            self._begin_lap(defined.tenant, known)

    def _keep_group(self, definition: Definition, under: bytes) -> None:
        row = DefinedRow(definition.version, to_json(definition.group), *definition.cause)
        self.desk.pending.put(under + definition.group.id.encode(), encode(row), under)

    def _keep_groups(self, known: Definitions, under: bytes) -> None:
        for definition in known.groups.values():
            self._keep_group(definition, under)

    def _begin_lap(self, name: str, known: Definitions) -> None:
        """Contacts changed since the last commit are not in the store yet: bring those up to date at once."""
        within = name.encode() + b"/"
        for key in [key for key in self.desk.dirty if key.startswith(within)]:
            contact.touch(self.desk, key, known)
        scan = self.scans.setdefault(name, Scan())
        if not scan.lap:
            scan.lap, scan.cursor = known.version, b""
            self._go_on(name, scan)

    def on_tick(self, key: bytes, tick: Tick) -> None:
        """Go on with the laps under way, a slice each."""
        del key, tick
        for name, scan in list(self.scans.items()):
            if scan.lap:
                self._go_on(name, scan)

    def _go_on(self, name: str, scan: Scan) -> None:
        under = head_key(name.encode() + b"/")
        known, seen = self.definitions(under[1:]), 0
        for key, raw in self.store.scan(under, scan.cursor):
            scan.cursor, seen = key, seen + 1
            self._look_in(key[1:], raw, scan, known)
            if seen >= SLICE:
                break
        else:
            self._end_lap(name, scan, known)
        self.desk.pending.put(b"s" + name.encode(), encode(scan), b"s")

    def _look_in(self, key: bytes, raw: bytes, scan: Scan, known: Definitions) -> None:
        """Bring one contact up to date, and count it for the groups that the lap is for."""
        if key not in self.desk.heads:
            self.desk.heads[key] = head_of(raw)
        head = contact.touch(self.desk, key, known).head
        for definition in known.since(scan.done):
            row = head.rows.get(definition.group.id)
            if row is not None and row.seq & 1:
                scan.members[definition.group.id] = scan.members.get(definition.group.id, 0) + 1
        if head.profile.since and (not scan.earliest or head.profile.since < scan.earliest):
            scan.earliest = head.profile.since

    def _end_lap(self, name: str, scan: Scan, known: Definitions) -> None:
        done = Scanned(*ORIGIN, self.desk.partition, scan.lap, scan.members, scan.earliest)
        self.desk.tell(name.encode(), done)
        later = known.since(scan.lap)
        scan.done, scan.cursor, scan.members, scan.earliest = scan.lap, b"", {}, 0
        scan.lap = known.version if later else 0


def index_key(due: int, contact_key: bytes) -> bytes:
    """Return the key of a deadline in the local index."""
    return b"i" + due.to_bytes(8, "big") + contact_key


def _to_desk(act: Callable[[Desk, bytes, Any], None]) -> Callable[[Fold, bytes, Any], None]:
    return lambda fold, key, activity: act(fold.desk, key, activity)


def _to_contact(act: Callable[[Desk, bytes, Any, Definitions], None]) -> Callable[[Fold, bytes, Any], None]:
    return lambda fold, key, activity: act(fold.desk, key, activity, fold.definitions(key))


_HANDLE: dict[type, Callable[[Fold, bytes, Any], None]] = {
    MessageSeen: _to_contact(contact.on_message),
    FactPut: _to_contact(contact.on_fact_put),
    FactTaken: _to_contact(contact.on_fact_taken),
    Pin: _to_contact(contact.on_pin),
    BookingSeen: _to_desk(fact_owner.on_fact_seen),
    RatingSeen: _to_desk(fact_owner.on_fact_seen),
    TenantAsked: _to_desk(tenant.on_tenant_asked),
    PinsAsked: _to_desk(tenant.on_pins_asked),
    Scanned: _to_desk(tenant.on_scanned),
    Defined: Fold.on_defined,
    Tick: Fold.on_tick,
}
_OF_CONTACTS = frozenset({MessageSeen, FactPut, FactTaken, Pin})
