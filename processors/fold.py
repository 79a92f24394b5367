"""One partition of contact-activity, folded: records in their log order to what follows from them, and nothing else.

The fold knows only its log and its rows. Its clock is the append time of the record at hand and never goes back;
before a record is applied, the deadlines that are not after its append time fire, each at its own moment. So the same
log gives the same changes, however it is cut into chunks, commits and restarts, and a worker's own clock decides
nothing.

`apply` leaves what follows on the desk; `flush` turns what changed into rows to be written and adds the tables'
records; after the commit, `committed` is called. Whoever carries the fold commits outputs, rows and the input's offset
at once.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Any, NamedTuple, Protocol

from msgspec import Struct

from processors import changes, consent, contact, profile
from processors.afterlife import KEYED, Afterlife, fingerprint
from processors.ahead import Ahead, look_ahead
from processors.asks import Asks
from processors.budget import BUDGET, RECORD, Budget
from processors.catalogue import Catalogue
from processors.desk import CONTACTS, MEMBERSHIPS, Desk
from processors.handlers import ASKED, HANDLE, OF_CONTACTS, OF_PARTITIONS
from processors.heads import Heads
from processors.jobs import Jobs
from processors.membership import Who
from processors.rows import Head, encode, head_key, is_gone, read_of
from processors.scans import Scans
from processors.state import Store
from processors.sweep import Sweeper
from processors.windows import DAY, duration_upper_bound_ms, parse_duration
from schemas.activity import Defined, MessageSeen, decode
from schemas.quotas import DEFAULT, Quotas

DECODED = 50_000
"""Bookings and ratings that stay decoded from one commit to the next; who has none counts as one."""

HOT = 16 * 1024 * 1024
"""Bytes of heads that stay in memory from one commit to the next: some 40,000 contacts, and half as much for keys."""

GRACE = 2 * DAY
"""Messages are kept this much longer (ms): a retention has days of 24 hours, a window those of the calendar."""

CLOCK, READ = b"c", b"r"


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
        hot: int = HOT,
        retention: str = "P400D",
        *,
        hash_key: bytes,
        quotas: Quotas = DEFAULT,
        budget: Budget = BUDGET,
    ) -> None:
        kept = duration_upper_bound_ms(parse_duration(retention)) + GRACE
        self.store = store
        self.turn = budget.turn
        self.desk = Desk(store, partition, partitions, prefix, kept, quotas)
        self.desk.slice = budget.slice
        self.catalogue = Catalogue(self.desk)
        self.definitions = self.catalogue.of
        self.afterlife = Afterlife(hash_key, self.desk.pending, self.definitions)
        self.desk.returning = self.afterlife.find
        self.heads = Heads(store, self.desk, self.afterlife, hot)
        self.jobs = Jobs(self.desk, self.definitions)
        self.scans = Scans(self.desk, self.catalogue, self.heads, self.jobs)
        self.asks = Asks(self.desk)
        self.sweep = Sweeper(store, self.desk, self.jobs)
        clock, read = store.get(CLOCK), store.get(READ)
        self.desk.now = int.from_bytes(clock, "big") if clock else 0
        self.read: dict[int, list[int]] = read_of(read) if read else {}
        self._read_changed = False
        self.desk.deadlines.load(self.desk.now, self.desk.heads)
        self._mark_key(store.get(KEYED), fingerprint(hash_key))

    def apply(self, records: Sequence[Appended]) -> None:
        """Apply records in log order, in as many turns as that takes."""
        done = 0
        while done < len(records):
            done += self.take_turn(records[done:])

    def take_turn(self, records: Sequence[Appended]) -> int:
        """Apply records in log order until the turn's work is done; return how many were applied.

        That may be none, where so many deadlines are due before the first: each turn gets some of them done.
        """
        self.desk.spent = done = 0
        for run in _between_definitions([(one.key, one.timestamp, decode(one.value)) for one in records]):
            applied = self._apply(run)
            done += applied
            if applied < len(run) or self._spent:
                break
        changes.tell(self.desk)
        return done

    @property
    def _spent(self) -> bool:
        """Whether the turn's work is done."""
        return self.desk.spent >= self.turn

    def _apply(self, run: Sequence[Decoded]) -> int:
        """Apply records under whose definitions nothing changes; return how many there was time for."""
        desk, busy = self.desk, self.jobs.of
        known = self._read_ahead(run)
        self._fire()  # the rest of what the last turn, or the last owner, was at
        known.reverse()
        for done, (key, timestamp, activity) in enumerate(run):
            if timestamp > desk.now:
                desk.now = timestamp
                self._fire()
            if desk.spent >= self.turn:
                return done
            desk.ahead = known.pop()  # which then goes while it lies in the core's cache
            desk.spent += RECORD
            desk.until = desk.spent + desk.slice
            if activity.topic < 0 or self._first_seen(activity):
                if key in busy and activity.__class__ not in OF_PARTITIONS:
                    self.jobs.park(key, activity)
                elif HANDLE[activity.__class__](self, key, activity) is False:
                    self.jobs.keep(key, activity)
                else:
                    desk.job = None
        return len(run)

    def _ask(self, key: bytes, activity: Any) -> None:
        """Carry out a command that had to wait, or have it wait for the job of the one before it."""
        desk = self.desk
        desk.until = desk.spent + desk.slice
        if key in self.jobs.of:
            self.jobs.park(key, activity)
        elif ASKED[activity.__class__](desk, key, activity) is False:
            self.jobs.keep(key, activity)
        desk.job = None

    def _carry_out(self, key: bytes, activity: Any) -> bool:
        """Apply a record that was a job, or has waited for one, or look at the contact; whether that is done."""
        if activity.__class__ in ASKED:
            return ASKED[activity.__class__](self.desk, key, activity) is not False
        if activity is not None:
            (self.desk.ahead,) = self._read_ahead([(key, self.desk.now, activity)])
            return HANDLE[activity.__class__](self, key, activity) is not False
        known = self.desk.pending.get(head_key(key)) is not None or key in self.desk.dirty
        return not known or contact.look(self.desk, key, self.definitions(key))

    def flush(self) -> Flushed:
        """Append the tables' records and return the rows that changed."""
        desk = self.desk
        changes.tell(desk)
        heads, contacts = desk.heads, desk.records[CONTACTS]
        desk.records[MEMBERSHIPS] += [changes.table_row(key, group, heads[key]) for key, group in desk.changed_rows]
        for key in desk.changed_profiles:
            digits, head = self.definitions(key).digits, heads[key]
            if is_gone(head):
                contacts.append((key, None))
            else:
                out = consent.opted_out(head)
                contacts.append(profile.table_row(key, head.profile, digits=digits, opted_out=out, links=head.links))
        self.heads.write()
        self._put_marks()
        desk.changed_rows.clear()
        desk.changed_profiles.clear()
        return Flushed(desk.pending.take(), self.heads.take_index())

    def committed(self) -> None:
        """The last flush is durable: forget what is decoded, kept or compiled if it is too much."""
        desk = self.desk
        desk.deadlines.trim()
        self.afterlife.departed.clear()
        self.heads.committed()
        desk.trim(DECODED)
        self.catalogue.trim()

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
        """Whether jobs, commands that wait, laps over tenants' contacts, or the sweep are under way: by ticks."""
        return bool(self.jobs.of) or self.sweep.under_way or self.scans.under_way or self.asks.under_way

    def tick(self) -> None:
        """Go on with the jobs and with the laps, each of which share a slice, with commands, and with the sweep."""
        self.jobs.go_on(self._carry_out)
        self.asks.go_on(self._ask)
        self.scans.go_on()
        self.sweep.go_on()

    # reading -----------------------------------------------------------------------------------------------------

    def _read_ahead(self, run: Sequence[Decoded]) -> list[Ahead | None]:
        """Read the rows of a whole run at once, one call into RocksDB instead of two per event, and all messages."""
        known = self.desk.heads
        heads = dict.fromkeys([key for key, _, a in run if key not in known and a.__class__ in OF_CONTACTS])
        found = self.heads.read(heads)
        known.update(zip(heads, found, strict=True))
        erased = self._erased(heads) if self.afterlife.any else ()
        messages = [(key, a) for key, _, a in run if a.__class__ is MessageSeen]
        ahead = look_ahead(messages, self.definitions, self.store.get_many)
        for key in erased:
            del known[key]  # the desk looks them up when it comes to them: what is kept depends on the groups by then
        if len(messages) == len(run):
            return [*ahead]
        rest = iter(ahead)
        return [next(rest) if a.__class__ is MessageSeen else None for _, _, a in run]

    def _erased(self, read: Iterable[bytes]) -> Sequence[bytes]:
        """Return who of those just read was erased; heads that only stand in say that they may have facts."""
        known, afterlife = self.desk.heads, self.afterlife
        erased = afterlife.among([key for key in read if known[key].version < 0 or key in afterlife.departed])
        for key in erased:
            known[key] = Head()
        return erased

    def _first_seen(self, activity: Any) -> bool:
        """Whether a record of a raw topic lies above all that was read of that raw partition."""
        at, offset = activity.partition << 4 | activity.topic, activity.offset
        known = self.read.get(at)
        if known is None:
            self.read[at] = [offset, activity.index]
        elif offset > known[0] or (offset == known[0] and activity.index > known[1]):
            known[0], known[1] = offset, activity.index
        else:
            self.desk.counts["replayed"] += 1
            return False
        self._read_changed = True
        return True

    # time --------------------------------------------------------------------------------------------------------

    def _fire(self) -> None:
        """Fire what is due by now in its order, as long as the turn lasts.

        Contacts come by their next deadline, and again if they have more.
        """
        desk = self.desk
        while desk.now >= self.wake and desk.spent < self.turn:
            entry = desk.deadlines.pop(desk.now)
            if entry is None:
                desk.deadlines.load(desk.now, desk.heads)
                self.sweep.begin()
            elif entry[1] not in self.jobs.of and desk.head(entry[1]).due == entry[0]:
                self._expire(entry[1])

    def _expire(self, key: bytes) -> None:
        desk = self.desk
        desk.counts["fired"] += 1
        desk.spent += RECORD
        desk.until = desk.spent + desk.slice
        if not contact.expire(Who(desk, key, desk.head(key)), self.definitions(key)):
            self.jobs.keep(key, None)

    # rows --------------------------------------------------------------------------------------------------------

    def _mark_key(self, made: bytes | None, mine: bytes) -> None:
        """Write down which key hashes are made with; rows from before there were any have a lap that makes them."""
        if made != mine:
            self.desk.pending.put(KEYED, mine)
        if made is None:
            self.scans.begin_all()

    def _put_marks(self) -> None:
        self.scans.count_met()
        self.desk.pending.put(CLOCK, self.desk.now.to_bytes(8, "big"))
        if self._read_changed:
            self.desk.pending.put(READ, encode(self.read))
            self._read_changed = False


def _between_definitions(records: Sequence[Decoded]) -> Iterator[Sequence[Decoded]]:
    """Cut where definitions begin and end: what is found out ahead of records depends on those in force."""
    return (list(run) for _, run in groupby(records, lambda one: one[2].__class__ is Defined))
