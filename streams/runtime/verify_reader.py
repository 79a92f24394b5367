"""Read what `rollcall verify` compares: a partition's three topics up to one cut, into a folder that is thrown away.

The cut is where the logs end for readers of what is committed. On a live system that is not one moment: a commit may
be visible in one topic and not yet in the next. So nobody is blamed at the first cut. Once all before the cut is read,
let H be where the logs end with what is not committed yet; the next cut lies at or beyond H in every topic. Whatever
commit was seen by halves at the first cut lies wholly before the second. A contact that disagreed and of which no
topic has a record between the two cuts was therefore seen whole: it does disagree. The others are looked at again.

The changelog alone is always of one commit: it has one writer, and its last stable offset lies between transactions.
Compaction may take away a row that is read only because it was written again, which is then a record after the cut.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError
from msgspec import Struct

from schemas.outputs import Membership
from streams.runtime.admin import admin_client
from streams.runtime.hash_key import check, known_key
from streams.runtime.kv import RocksRows
from streams.runtime.partition_store import PartitionStore
from streams.runtime.topic_io import TopicError
from streams.settings import Settings
from streams.topics import full_name
from streams.verify import Audit, Extent, read_membership
from streams.verify_books import CHANGELOG, LOG, TABLE, Books, Difference, Entry, touched

TOPICS = (CHANGELOG, TABLE, LOG)
CHUNK = 5_000
SHORT_SECONDS = 10.0
"""A stretch read in less cannot have lost rows to compaction, which takes closed segments only: the first cut."""
CUTS = 20
"""A contact that is touched all the time is looked at in so many cuts; who disagrees in every one is a difference."""
OPEN_SECONDS = 60.0
"""How long a transaction may stay open: brokers end decide's after 15 s."""
SUSPECTS = 100_000
"""Beyond so many that disagree there is no use in looking on."""
_POLL_SECONDS = 0.05
_EVERY = 500

Cut = dict[str, int]
"""An offset of each topic: all before it is read."""
Tell = Callable[[str, int], None]
"""Called with what is being done, and how far it has come."""


class Partition(Struct, frozen=True, kw_only=True):
    """What became of one partition: where the cut lay, its owner's clock (epoch ms) there, and what was looked at."""

    partition: int
    clock: int
    offsets: Cut
    counts: dict[str, int]
    rechecked: int
    complete: bool
    differences: list[Difference]


class Logs:
    """The topics of one Kafka as far as they are committed; a second client tells where they end beside that."""

    def __init__(self, settings: Settings, committed: AIOKafkaConsumer, anything: AIOKafkaConsumer) -> None:
        self._settings = settings
        self._committed = committed
        self._anything = anything
        self.partitions = 0

    def _tps(self, topics: tuple[str, ...], partitions: Iterator[int] | range) -> list[TopicPartition]:
        names = [full_name(self._settings.topic_prefix, topic) for topic in topics]
        return [TopicPartition(name, number) for name in names for number in partitions]

    async def count_partitions(self) -> None:
        """Learn how many partitions the topics have. Raises TopicError where they differ or are not there."""
        async with admin_client(self._settings) as admin:
            # all of them, not these by name: asking for a topic that is not there creates it on some brokers
            known = {one["topic"]: len(one["partitions"]) for one in await admin.describe_topics()}
        names = [full_name(self._settings.topic_prefix, topic) for topic in TOPICS]
        for name in names:
            if name not in known:
                raise TopicError(f"there is no topic {name}: `rollcall topics create` makes it")
        if len({known[name] for name in names}) > 1:
            raise TopicError(f"{', '.join(names)} differ in their number of partitions")
        self.partitions = known[names[0]]

    async def begins(self, tps: list[TopicPartition]) -> dict[TopicPartition, int]:
        """Where the logs begin now."""
        found: dict[TopicPartition, int] = await self._committed.beginning_offsets(tps)
        return found

    async def ends(self, tps: list[TopicPartition]) -> dict[TopicPartition, int]:
        """Where the logs end for those who read what is committed."""
        found: dict[TopicPartition, int] = await self._committed.end_offsets(tps)
        return found

    async def settled(self, tps: list[TopicPartition]) -> dict[TopicPartition, int]:
        """Ends of what is committed, at or beyond all that lies in the logs as this is called. Raises TopicError."""
        until = time.monotonic() + OPEN_SECONDS
        everything = await self._anything.end_offsets(tps)
        while True:
            found = await self.ends(tps)
            if all(found[tp] >= everything[tp] for tp in tps):
                return found
            if time.monotonic() > until:
                raise TopicError(f"a transaction stays open for more than {OPEN_SECONDS:.0f} s")
            await asyncio.sleep(_POLL_SECONDS)

    async def read(self, tp: TopicPartition, start: int, end: int) -> AsyncIterator[list[Entry]]:
        """Yield what is committed from one offset up to another, in chunks."""
        consumer = self._committed
        consumer.seek(tp, start)
        consumer.resume(tp)
        try:
            while await consumer.position(tp) < end:
                for records in (await consumer.getmany(tp, timeout_ms=200, max_records=CHUNK)).values():
                    yield [Entry(r.key or b"", r.value) for r in records if r.offset < end]
        finally:
            consumer.pause(tp)

    def assign(self) -> None:
        """Take all partitions once, at rest: aiokafka may hang in its end when it was assigned others just before.

        No await in between: the fetcher would look for a position of its own meanwhile.
        """
        tps = self._tps(TOPICS, range(self.partitions))
        self._committed.assign(tps)
        for tp in tps:
            self._committed.seek(tp, 0)
        self._committed.pause(*tps)

    def of_partition(self, partition: int) -> dict[str, TopicPartition]:
        """A partition's three topics."""
        return dict(zip(TOPICS, self._tps(TOPICS, range(partition, partition + 1)), strict=True))

    def of_table(self) -> list[TopicPartition]:
        """All partitions of memberships."""
        return self._tps((TABLE,), range(self.partitions))


@asynccontextmanager
async def logs(settings: Settings) -> AsyncIterator[Logs]:
    """Open the logs. Raises TopicError."""
    committed, anything = _consumer(settings, "read_committed"), _consumer(settings, "read_uncommitted")
    try:
        await committed.start()
        await anything.start()
        found = Logs(settings, committed, anything)
        await found.count_partitions()
        found.assign()
        yield found
    except KafkaError as error:
        raise TopicError(f"the broker refuses: {type(error).__name__}") from error
    finally:
        await committed.stop()
        await anything.stop()


def _consumer(settings: Settings, isolation: str) -> AIOKafkaConsumer:
    return AIOKafkaConsumer(
        bootstrap_servers=settings.bootstrap,
        isolation_level=isolation,
        enable_auto_commit=False,
        auto_offset_reset="none",  # a place that retention passes by must be told, not skipped
        max_partition_fetch_bytes=4 * 1024 * 1024,
        fetch_max_wait_ms=100,
        **settings.kafka_security(),
    )


# one partition -----------------------------------------------------------------------------------------------------


class _Shelf(PartitionStore):
    """A folder that stands for no offset of any log."""

    def write(  # the books know of rows only
        self, changes: Mapping[bytes, bytes | None], index: Mapping[bytes, bytes | None] | None = None, offset: int = 0
    ) -> None:
        """Write rows; None deletes."""
        super().write(changes, index or {}, offset)


class _Inquest:
    """One partition: its books, how far they are written, and who disagrees so far."""

    def __init__(self, logs: Logs, extent: Extent, store: _Shelf, tell: Tell) -> None:
        self.logs, self.extent, self.store, self.tell = logs, extent, store, tell
        self.tps = logs.of_partition(extent.partition)
        self.books = Books(store)
        self.at: dict[TopicPartition, int] = {}
        self.rows = 0
        self.rechecked = 0
        self.complete = True

    async def read_on(self, cut: dict[TopicPartition, int], watched: Mapping[bytes, Any]) -> set[bytes]:
        """Read up to a cut and return who, of those watched, has records in between."""
        moved = set[bytes]()
        for topic, tp in self.tps.items():
            async for entries in self.logs.read(tp, self.at[tp], cut[tp]):
                self.books.take(topic, entries)
                self.rows += len(entries)
                self.tell("rows read", self.rows)
                if watched:
                    moved.update(touched(topic, entries))
        self.at = cut
        return {key for key in watched if key in moved or key.partition(b"/")[0] + b"/" in moved}

    async def catch_up(self) -> None:
        """Read everything, and again what came meanwhile, until a stretch is short."""
        tps = list(self.tps.values())
        self.at = await self.logs.begins(tps)
        self.extent = self.extent._replace(whole_log=self.at[self.tps[LOG]] == 0)
        took = SHORT_SECONDS
        cut = await self.logs.ends(tps)
        while took >= SHORT_SECONDS:
            began = time.monotonic()
            await self.read_on(cut, {})
            took = time.monotonic() - began
            cut = await self.logs.settled(tps)

    async def look(self, audit: Audit) -> dict[bytes, list[Difference]]:
        """Look at everybody and return who disagrees."""
        found: dict[bytes, list[Difference]] = {}
        for number, key in enumerate(audit.contacts(), 1):
            differences = audit.check(key)
            if differences:
                found[key] = differences
            if number % _EVERY == 0:
                self.tell("contacts", number)
                await asyncio.sleep(0)  # the clients' connections need their turn
            if len(found) >= SUSPECTS:
                self.complete = False
                break
        return found

    async def confirm(self, suspects: dict[bytes, list[Difference]]) -> list[Difference]:
        """Look again at later cuts, until everybody agrees or was seen to disagree while nothing moved."""
        sure: list[Difference] = []
        for _ in range(CUTS):
            if not suspects:
                break
            self.rechecked += len(suspects)
            self.tell("contacts looked at again", self.rechecked)
            moved = await self.read_on(await self.logs.settled(list(self.tps.values())), suspects)
            sure += [one for key, found in suspects.items() if key not in moved for one in found]
            audit = Audit(self.store, self.extent)
            again = {key: audit.check(key) for key in suspects if key in moved}
            suspects = {key: found for key, found in again.items() if found}
        return sure + [one for found in suspects.values() for one in found]

    async def hold(self) -> Partition:
        """Look, look again, and tell."""
        audit = Audit(self.store, self.extent)
        cut = {topic: self.at[tp] for topic, tp in self.tps.items()}
        suspects = await self.look(audit)
        return Partition(
            partition=self.extent.partition,
            clock=audit.clock,
            offsets=cut,
            counts=dict(Counter(audit.counts)),
            differences=await self.confirm(suspects),
            rechecked=self.rechecked,
            complete=self.complete,
        )


async def verify_partition(logs: Logs, partition: int, settings: Settings, folder: Path, tell: Tell) -> Partition:
    """Verify one partition in a folder of its own. Raises TopicError and HashKeyError."""
    store = _Shelf(folder, "verify")
    try:
        key = known_key(settings)
        extent = Extent(partition, logs.partitions, settings.retention, hash_key=key or b"")
        inquest = _Inquest(logs, extent, store, tell)
        await inquest.catch_up()
        check(store, partition, key, settings)
        return await inquest.hold()
    finally:
        store.close()


# memberships as a whole, for HTTP ----------------------------------------------------------------------------------


class TableCopy:
    """All of memberships as of one cut after another, in the order of its keys: tenant, group, contact."""

    def __init__(self, logs: Logs, folder: Path, tell: Tell) -> None:
        self._logs, self._tell = logs, tell
        self._rows = RocksRows(folder)
        self._at: dict[TopicPartition, int] = {}
        self._read = 0

    async def read_on(self) -> set[bytes]:
        """Read up to a cut at or beyond all that lies in the topic now, and return the keys that came."""
        tps, first = self._logs.of_table(), not self._at
        self._at = self._at or await self._logs.begins(tps)
        cut, moved = await self._logs.settled(tps), set[bytes]()
        for tp in tps:
            async for entries in self._logs.read(tp, self._at[tp], cut[tp]):
                self._rows.write(dict(entries))
                self._read += len(entries)
                self._tell("rows read", self._read)
                if not first:
                    moved.update(entry.key for entry in entries)
        self._at = cut
        return moved

    def member(self, tenant: str, group: str, contact: str) -> Membership | None:
        """One membership."""
        raw = self._rows.get(f"{tenant}/{group}/{contact}".encode())
        return read_membership(raw) if raw is not None else None

    def members(self, tenant: str, group: str) -> Iterator[Membership]:
        """A group's members in the order of the contacts' bytes."""
        under = f"{tenant}/{group}/".encode()
        for _, raw in self._rows.scan(under, under[:-1] + b"0"):  # "0" follows "/"
            row = read_membership(raw)
            if row is not None:
                yield row

    def count(self, tenant: str, group: str) -> tuple[int, int]:
        """Count a group's members, and those of them that may be written to."""
        sendable = [row.sendable for row in self.members(tenant, group)]
        return len(sendable), sum(sendable)

    def groups(self) -> Iterator[tuple[str, str]]:
        """Each tenant and group that has members."""
        at = b""
        while (found := next(iter(self._rows.scan(at, b"\xff")), None)) is not None:
            tenant, _, rest = found[0].partition(b"/")
            group = rest.partition(b"/")[0]
            yield tenant.decode(), group.decode()
            at = tenant + b"/" + group + b"0"

    def close(self) -> None:
        """Let the folder go."""
        self._rows.close()
