"""A small world for tests: raw JSON events in, a log per partition, folds over stores in memory, all they say kept."""

from __future__ import annotations

import zlib
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from processors.budget import BUDGET, Budget
from processors.desk import BY_KEY, OWN, Out
from processors.fold import Fold, Record
from processors.normalize import Keyed, Normalizer, Raw
from processors.state import MemoryStore
from schemas.activity import Tick, decode, encode
from schemas.base import Reject
from schemas.tenants import Tenant

TOPICS = ("bookings", "ratings", "messages", "commands")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
START = 1_793_613_911_000  # 2026-11-02T10:05:11Z
SECOND, HOUR, DAY = 1_000, 3_600_000, 86_400_000
KINDS = {"booking": 0, "rating": 1, "message": 2}
MADE = "+6281234567890"
HASH_KEY = bytes(range(32))
ROUNDS = 1_000


def iso(ms: int) -> str:
    """Write epoch milliseconds as RFC 3339."""
    return (EPOCH + timedelta(milliseconds=ms)).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def millis(text: str) -> int:
    """Read RFC 3339 into epoch milliseconds."""
    return (datetime.fromisoformat(text) - EPOCH) // timedelta(milliseconds=1)


def told(out: Out) -> dict[str, Any]:
    """Read the JSON value of a record."""
    value: dict[str, Any] = msgspec.json.decode(out.value or b"null")
    return value


class World:
    """normalize and decide over one or more partitions, with a clock that the test moves."""

    def __init__(
        self, partitions: int = 1, now: int = START, retention: str = "P400D", budget: Budget = BUDGET
    ) -> None:
        self.now = now
        self.retention = retention
        self.budget = budget
        self.tenants: dict[str, Tenant] = {}
        self.stores = [MemoryStore() for _ in range(partitions)]
        self.folds = [self.fold(at) for at in range(partitions)]
        self.logs: list[list[Record]] = [[] for _ in range(partitions)]
        self.read = [0] * partitions
        self.out: list[Out] = []
        self.tables: dict[str, dict[str, Any]] = defaultdict(dict)
        self.sent = 0

    def fold(self, partition: int) -> Fold:
        """Make a new fold over what a partition has committed."""
        store, count = self.stores[partition], len(self.stores)
        return Fold(store, partition, count, retention=self.retention, hash_key=HASH_KEY, budget=self.budget)

    def restart(self) -> None:
        """Let all folds be taken over by others."""
        self.folds = [self.fold(at) for at in range(len(self.stores))]

    # in ----------------------------------------------------------------------------------------------------------

    def event(self, kind: str, data: Mapping[str, Any], **more: Any) -> dict[str, Any]:
        """Make an event or command of the tenant bali, of now unless `time` (epoch ms) says otherwise."""
        self.sent += 1
        extra = {name: iso(value) if name == "time" else value for name, value in more.items()}
        base = {"specversion": "1.0", "type": kind, "source": "s", "id": f"e{self.sent}", "tenant": "bali"}
        return {**base, "time": iso(self.now), **extra, "data": dict(data)}

    def publish(self, event: Mapping[str, Any]) -> Reject | None:
        """Publish an event and run until all is quiet; return why it was turned away, if it was."""
        keyed = self.normalized(event)
        if isinstance(keyed, Reject):
            return keyed
        for one in keyed:
            self.append(one.key, one.value)
        self.run()
        return None

    def normalized(self, event: Mapping[str, Any]) -> list[Keyed] | Reject:
        """Return what normalize makes of an event as the next of its topic."""
        value = msgspec.json.encode(event)
        self.sent += 1
        raw = Raw(KINDS.get(event["type"], 3), 0, self.sent, self.now, b"k", value, ())
        return Normalizer(self.tenants, self.retention).normalize(raw)

    def keyed(self, event: Mapping[str, Any]) -> list[Keyed]:
        """Return the records that normalize makes of an event that is not turned away."""
        keyed = self.normalized(event)
        assert not isinstance(keyed, Reject)
        return keyed

    def send(self, kind: str, data: Mapping[str, Any], **more: Any) -> Reject | None:
        """Make and publish an event."""
        return self.publish(self.event(kind, data, **more))

    def must(self, kind: str, data: Mapping[str, Any], **more: Any) -> None:
        """Make and publish an event that is not turned away."""
        assert self.send(kind, data, **more) is None

    def tenant(self, **data: Any) -> None:
        """Put the tenant bali."""
        self.must("tenant.put", {"region": "ID", "zone": "Asia/Makassar", **data})

    def group(self, id_: str, rule: Mapping[str, Any] | None = None, **data: Any) -> None:
        """Create a group and let it get ready."""
        self.must("group.create", {"id": id_, "name": id_, "rule": rule, **data})
        self.rest()

    def say(self, text: str, phone: str = MADE, **more: Any) -> None:
        """Publish an inbound WhatsApp message; `id_`, `revision`, `deleted`, `name` go into its data."""
        data = {n: more.pop(n) for n in ("revision", "deleted", "name", "channel", "user_id", "property") if n in more}
        id_ = more.pop("id_", f"m{self.sent}")
        base = {"message_id": id_, "channel": "whatsapp", "direction": "inbound", "from": phone, "text": text}
        self.must("message", base | data, **more)

    def rate(self, stars: float | None, id_: str, phone: str | None = MADE, **more: Any) -> None:
        """Publish a rating."""
        data: dict[str, Any] = {n: more.pop(n) for n in ("revision", "withdrawn", "property") if n in more}
        guest = {} if phone is None else {"guest": {"phone": phone}}
        self.must("rating", {"rating_id": id_, "stars": stars, **guest, **data}, **more)

    def book(self, id_: str, phone: str | None = MADE, **more: Any) -> None:
        """Publish a booking of a night in a pool villa."""
        envelope = {n: more.pop(n) for n in ("time", "source", "id") if n in more}
        stay = {"status": "confirmed", "room_type": "Pool Villa", "check_in": "2026-11-01", "check_out": "2026-11-02"}
        guest = {} if phone is None else {"guest": {"phone": phone}}
        self.must("booking", {"booking_id": id_, **stay, **guest, **more}, **envelope)

    def pin(self, kind: str, group: str, *phones: str, **more: Any) -> None:
        """Add, remove or clear by hand."""
        envelope = {n: more.pop(n) for n in ("time", "source", "id") if n in more}
        contacts = [{"phone": phone} for phone in phones or (MADE,)]
        self.must(f"group.{kind}", {"group": group, "contacts": contacts, **more}, **envelope)

    def consent(self, kind: str, *phones: str, **more: Any) -> None:
        """Opt out or in by command."""
        envelope = {n: more.pop(n) for n in ("time", "source", "id") if n in more}
        self.must(
            f"consent.{kind}", {"contacts": [{"phone": phone} for phone in phones or (MADE,)], **more}, **envelope
        )

    # time and the log --------------------------------------------------------------------------------------------

    def append(self, key: bytes, value: bytes, partition: int | None = None) -> None:
        """Append to contact-activity."""
        at = self.partition(key) if partition is None else partition
        self.logs[at].append(Record(key, value, self.now))

    def partition(self, key: bytes) -> int:
        """Return the partition of a key: all of a contact lies in one."""
        return zlib.crc32(key) % len(self.stores)

    def tick(self, ms: int = 0) -> None:
        """Let time go on, and every partition hear of it."""
        self.now += ms
        for at in range(len(self.stores)):
            self.append(b"tick", encode(Tick(-1, 0, 0, 0)), at)
        self.run()

    def rest(self) -> None:
        """Tick until no lap is under way."""
        ticks = 0
        while any(fold.scanning for fold in self.folds):
            self.tick()
            ticks += 1
            assert ticks < ROUNDS, "work goes on for ever"

    def run(self) -> None:
        """Apply and commit until nobody has anything to say."""
        rounds = 0
        while any(read < len(log) for read, log in zip(self.read, self.logs, strict=True)):
            for at in range(len(self.stores)):
                self.step(at)
            rounds += 1
            assert rounds < ROUNDS, "records go round in circles"

    def step(self, at: int, most: int | None = None) -> None:
        """Apply what one partition has not read, or some of it, as one chunk and one commit."""
        fold, start = self.folds[at], self.read[at]
        end = len(self.logs[at]) if most is None else min(len(self.logs[at]), start + most)
        self.read[at] = end
        fold.apply(self.logs[at][start:end])
        commit(fold, self.stores[at])
        for out in fold.desk.take():
            self.hear(out, at)

    def hear(self, out: Out, at: int) -> None:
        """Take what a partition says."""
        if out.topic == "contact-activity":
            self.append(out.key, out.value or b"", {OWN: at, BY_KEY: None}.get(out.partition, out.partition))
            return
        self.out.append(out)
        keep(self.tables, out)
        if out.topic == "tenants":
            self._know(out)

    def _know(self, out: Out) -> None:
        name = out.key.decode()
        self.tenants.pop(name, None)
        if out.value is not None:
            self.tenants[name] = msgspec.json.decode(out.value, type=Tenant)

    # out ---------------------------------------------------------------------------------------------------------

    def values(self, topic: str) -> list[dict[str, Any]]:
        """Return all that was told on a topic."""
        return [told(out) for out in self.out if out.topic == topic]

    def changes(self) -> list[dict[str, Any]]:
        """Return the data of all membership changes."""
        told = self.values("membership-changes")
        return [value["data"] for value in told if value["type"].startswith("membership.")]

    def consents(self) -> list[dict[str, Any]]:
        """Return all that was told of suppressed and restored contacts."""
        return [value for value in self.values("membership-changes") if value["type"].startswith("contact.")]

    def flips(self) -> list[tuple[str, str, str]]:
        """Return group, change and reason of all membership changes."""
        return [(change["group"], change["change"], change["reason"]) for change in self.changes()]

    def outcomes(self) -> list[tuple[str, str | None]]:
        """Return result and reason of all outcomes."""
        return [(value["outcome"], value["reason"]) for value in self.values("outcomes")]

    def members(self, group: str) -> list[str]:
        """Return who is in a group by the memberships table."""
        return sorted(key.split("/", 2)[2] for key in self.tables["memberships"] if key.startswith(f"bali/{group}/"))

    def contact(self, phone: str = MADE) -> dict[str, Any]:
        """Return a contact's row."""
        row: dict[str, Any] = self.tables["contacts"][f"bali/tel:{phone}"]
        return row


def commit(fold: Fold, store: MemoryStore) -> None:
    """Flush a fold into its store."""
    flushed = fold.flush()
    store.write(flushed.rows)
    store.write(flushed.index)
    fold.committed()


def keep(tables: dict[str, dict[str, Any]], out: Out) -> None:
    """Compact one record into its table."""
    tables[out.topic].pop(out.key.decode(), None)
    if out.value is not None:
        tables[out.topic][out.key.decode()] = told(out)


def readable(record: Record) -> list[Any]:
    """Write a record of contact-activity as JSON values."""
    activity = decode(record.value)
    return [record.key.decode(), type(activity).__name__, msgspec.to_builtins(activity), record.timestamp]
