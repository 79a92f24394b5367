"""Two topics in memory that behave as Kafka's do under transactions, and a pipeline that writes while they are read.

Between any two calls of the reader the pipeline takes some small steps: it appends a record to one topic, or a marker
to one of them. So a transaction may be decided in one topic and open in the other, or be aborted, whenever it counts.
"""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import msgspec

from rollcall.client.errors import GapError
from rollcall.client.log import Arrived
from rollcall.client.told import LOG, TABLE, Record
from schemas.outputs import Cause, Change, ChangeData, ContactChange, ContactChangeData, Membership

AT = datetime(2026, 11, 2, 10, 5, 11, tzinfo=UTC)
PARTITIONS = 2
TENANTS, GROUPS = ("bali", "java"), ("food", "spa", "vip")
CONTACTS = {0: ("tel:+1", "tel:+2", "mailto:a/b@x"), 1: ("tel:+3", "tel:+4")}

Key = tuple[str, str, str]
"""Tenant, group, contact."""


class Entry(msgspec.Struct):
    """A record, or the marker (no record) that decides a transaction in one partition."""

    txn: int
    record: Record | None
    committed: bool = False


class Part:
    """One partition of one topic: entries by offset, those that compaction took away are missing."""

    def __init__(self) -> None:
        self.entries: dict[int, Entry] = {}
        self.end = 0
        self.first = 0
        self._decided: dict[int, bool] = {}

    def append(self, txn: int, key: str, value: bytes | None) -> int:
        """A record of an open transaction."""
        self.entries[self.end] = Entry(txn, Record(self.end, 1_000 + self.end, key.encode(), value))
        self.end += 1
        return self.end - 1

    def decide(self, txn: int, *, committed: bool) -> None:
        """A marker."""
        self._decided[txn] = committed
        self.entries[self.end] = Entry(txn, None)
        self.end += 1

    def stable(self) -> int:
        """The first offset of an open transaction, or the end."""
        open_ones = (at for at, one in self.entries.items() if one.record and one.txn not in self._decided)
        return min(open_ones, default=self.end)

    def visible(self, start: int, most: int) -> tuple[list[Record], int]:
        """Some committed records from an offset on, and the position after them."""
        found: list[Record] = []
        for at in range(start, self.stable()):
            if len(found) == most:
                return found, at
            entry = self.entries.get(at)
            if entry and entry.record and self._decided[entry.txn]:
                found.append(entry.record)
        return found, max(start, self.stable())

    def compact(self, dice: random.Random) -> None:
        """Take away some records that have a newer one of the same key."""
        newest: dict[bytes | None, int] = {}
        for at in sorted(self.entries):
            one = self.entries[at]
            if at < self.stable() and one.record and self._decided[one.txn]:
                older = newest.get(one.record.key)
                if older is not None and dice.random() < 0.7:
                    del self.entries[older]
                newest[one.record.key] = at


class Pipeline:
    """The owner of one partition: writes transactions step by step and remembers what is true."""

    def __init__(self, dice: random.Random, partition: int, transactions: int) -> None:
        self.dice, self.partition = dice, partition
        self.table, self.log = Part(), Part()
        self.seqs: dict[Key, int] = {}
        self.muted: dict[tuple[str, str], int] = {}
        self.history: list[tuple[int, bytes]] = []
        self._steps = self._life(transactions)
        self.over = False
        self.awake = True

    def step(self) -> None:
        """One small step, if there is one left."""
        self.over = next(self._steps, None) is None

    def finish(self, steps: int) -> None:
        """Several steps."""
        for _ in range(steps):
            self.step()

    def _life(self, transactions: int) -> Iterator[int]:
        for txn in range(transactions):
            yield from self._transaction(txn)
            if self.dice.random() < 0.2:
                self.table.compact(self.dice)

    def _transaction(self, txn: int) -> Iterator[int]:
        before = dict(self.seqs), dict(self.muted)
        changes, rows = self._drafts()
        writes = [(self.log, *one) for one in changes] + [(self.table, *one) for one in rows]
        # each topic keeps its order; which of the two comes first is open
        if self.dice.random() < 0.5:
            writes.reverse()
            writes = [*[w for w in writes if w[0] is self.table][::-1], *[w for w in writes if w[0] is self.log][::-1]]
        offsets: list[tuple[int, bytes]] = []
        for part, key, value in writes:
            at = part.append(txn, key, value)
            offsets += [(at, value)] if part is self.log and value else []
            yield 1
        committed = self.dice.random() < 0.8
        if not committed:
            self.seqs, self.muted = before
        self.history += offsets if committed else []
        parts = [part for part in (self.log, self.table) if any(write[0] is part for write in writes)]
        self.dice.shuffle(parts)
        for part in parts:
            part.decide(txn, committed=committed)
            yield 1

    def _drafts(self) -> tuple[list[tuple[str, bytes]], list[tuple[str, bytes | None]]]:
        changes: list[tuple[str, bytes]] = []
        rows: list[tuple[str, bytes | None]] = []
        for _ in range(self.dice.randint(1, 3)):
            tenant, contact = self.dice.choice(TENANTS), self.dice.choice(CONTACTS[self.partition])
            if self.dice.random() < 0.2:
                changes.append((f"{tenant}/{contact}", self._mute(tenant, contact)))
                rows += [self._row(key) for key in self.seqs if (key[0], key[2]) == (tenant, contact)]
            else:
                key = (tenant, self.dice.choice(GROUPS), contact)
                self.seqs[key] = self.seqs.get(key, 0) + 1
                changes.append((f"{tenant}/{contact}", self._change(key)))
                rows.append(self._row(key))
        return changes, rows

    def sendable(self, key: Key) -> bool:
        """Whether the contact has not opted out."""
        return self.muted.get((key[0], key[2]), 0) % 2 == 0

    def _mute(self, tenant: str, contact: str) -> bytes:
        seq = self.muted[tenant, contact] = self.muted.get((tenant, contact), 0) + 1
        kind: Any = "contact.suppressed" if seq % 2 else "contact.restored"
        data = ContactChangeData(contact=contact, seq=seq, cause=Cause("s", "m"))
        name = f"{tenant}/{contact}/{seq}"
        one = ContactChange(type=kind, id=name, time=AT, tenant=tenant, subject=contact, data=data)
        return msgspec.json.encode(one)

    def _change(self, key: Key) -> bytes:
        (tenant, group, contact), seq = key, self.seqs[key]
        data = ChangeData(
            group=group, contact=contact, change="joined" if seq % 2 else "left", seq=seq,
            reason="manual", cause=None, evidence=None, rule_hash="", effective_at=AT, expires_at=None,
            sources=["manual"], origin="live", sendable=self.sendable(key),
        )  # fmt: skip
        kind: Any = "membership.joined" if seq % 2 else "membership.left"
        return msgspec.json.encode(
            Change(type=kind, id=f"{'/'.join(key)}/{seq}", time=AT, tenant=tenant, subject=contact, data=data)
        )

    def _row(self, key: Key) -> tuple[str, bytes | None]:
        (tenant, group, contact), seq = key, self.seqs[key]
        if seq % 2 == 0:
            return "/".join(key), None
        row = Membership(
            tenant=tenant, group=group, contact=contact, since=AT, seq=seq, change_id=f"{'/'.join(key)}/{seq}",
            sources=["manual"], expires_at=None, sendable=self.sendable(key),
        )  # fmt: skip
        return "/".join(key), msgspec.json.encode(row)


class FakeLog:
    """A Log over pipelines that go on writing with every call."""

    def __init__(self, dice: random.Random, transactions: int) -> None:
        self.dice = dice
        self.pipelines = [Pipeline(dice, number, transactions) for number in range(PARTITIONS)]

    def tick(self) -> None:
        """Let the pipelines work a little; now and then one stands still for a while, also between two markers."""
        for one in self.pipelines:
            if self.dice.random() < 0.15:
                one.awake = not one.awake
            one.finish(self.dice.choice((0, 1, 1, 2, 5)) if one.awake else 0)

    def part(self, topic: str, partition: int) -> Part:
        """One partition of one topic."""
        pipeline = self.pipelines[partition]
        return {TABLE: pipeline.table, LOG: pipeline.log}[topic]

    async def cluster(self) -> str:
        """The cluster's id."""
        return "fake"

    async def partitions(self) -> int:
        """How many partitions both topics have."""
        return PARTITIONS

    async def first(self, topic: str, partition: int) -> int:
        """The oldest offset."""
        self.tick()
        return self.part(topic, partition).first

    async def stable(self, topic: str, partition: int) -> int:
        """The last stable offset."""
        self.tick()
        return self.part(topic, partition).stable()

    async def end(self, topic: str, partition: int) -> int:
        """The high watermark."""
        self.tick()
        return self.part(topic, partition).end

    async def read(self, topic: str, partition: int, start: int, until: int) -> AsyncIterator[list[Record]]:
        """Committed records from `start` to below `until`, a few at a time."""
        part = self.part(topic, partition)
        while start < until:
            self.tick()
            if part.stable() <= start:
                self.pipelines[partition].step()
            found, start = part.visible(start, self.dice.randint(1, 4))
            yield [one for one in found if one.offset < until]

    async def follow(self, starts: Mapping[int, int]) -> AsyncIterator[list[Arrived]]:
        """Changes until the pipelines have nothing more to write."""
        at = dict(starts)
        while not all(one.over and at[one.partition] >= one.log.end for one in self.pipelines):
            self.tick()
            arrived: list[Arrived] = []
            for partition, place in at.items():
                if place < self.part(LOG, partition).first:
                    raise GapError("trimmed")
                found, after = self.part(LOG, partition).visible(place, self.dice.randint(1, 4))
                arrived.append(Arrived(partition, found, after))
            at = {one.partition: one.next for one in arrived}
            yield arrived
