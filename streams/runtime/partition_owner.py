"""The owner of one partition of contact-activity: it takes the partition over, folds its chunks and commits.

One commit is one Kafka transaction of the partition's own producer: outputs, changelog rows and the input's offset. The
producer's `transactional.id` is the only fence, so it is initialised before the committed offset and the changelog are
read: from then on the former owner, wherever it sleeps, cannot commit any more. RocksDB is written after the commit.

Anything that goes wrong on our side is raised; whoever runs the owner ends the process without committing, and the next
owner begins where the last transaction ended.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import aiokafka
from aiokafka.structs import OffsetAndMetadata, TopicPartition

from processors.desk import BY_KEY, ORIGIN, OWN
from processors.fold import Fold
from schemas.activity import Tick, encode
from streams import metrics
from streams.runtime.appender import BATCH_BYTES, CODEC, Appender, Sent
from streams.runtime.broker_clock import BrokerClock
from streams.runtime.fail_points import reached
from streams.runtime.hash_key import check, hash_key
from streams.runtime.murmur2 import Partitioner
from streams.runtime.partition_store import PartitionStore
from streams.runtime.restore import restore
from streams.runtime.watchdog import Progress
from streams.settings import Settings

ACTIVITY, CHANGELOG = "contact-activity", "decide-changelog"
POSITION = b"p"
"""The row that holds the offset of the next record to fold. A group's offset can be reset by hand, forgotten after
weeks, or be answered as none while its coordinator loads; to fold again what is folded would spoil the rows."""
SLICE_RECORDS = 250
"""Records looked through at once, 5 ms: what is known of more does not stay in the core's cache. A turn ends sooner
where their work is heavy."""
QUEUED_CHUNKS = 2
COMMIT_SOON, COMMIT_LATE, COMMIT_WORK = 0.05, 1.0, 1_000_000
"""Seconds after the first pending record: when nothing more waits, and at the latest; and work (processors/budget.py)
at the most, which is some 20,000 records or deadlines."""
REMEMBERED = 8
"""Between two commits lies as much time as about so many took on average: who is busy is asked for fewer of them."""
TRANSACTION_TIMEOUT_MS = 15_000
IDLE_SECONDS = 0.05
ASKED_SECONDS = 0.01
"""So long questions are answered before the stream gets its turn again."""


class Links:
    """What the owners of a worker share."""

    def __init__(self, settings: Settings, group: str, clock: BrokerClock, committed: Callable[[int], Any]) -> None:
        self.settings = settings
        self.hash_key = hash_key(settings)
        self.group = group
        self.clock = clock
        self.committed = committed
        self.partitioner = Partitioner(settings.partitions)

    def name(self, short: str) -> str:
        """Return a topic's full name."""
        return self.settings.topic_prefix + short


class PartitionOwner:
    """One partition's fold with its producer and its rows."""

    def __init__(self, partition: int, open_store: Callable[[], PartitionStore], links: Links) -> None:
        self.partition = partition
        self._open_store = open_store
        self._store: PartitionStore | None = None
        self.links = links
        self.ready = False
        self.position = 0
        self.progress = Progress()
        self._queue: deque[list[Any]] = deque()
        self._arrived = asyncio.Event()
        self._asked: deque[Callable[[Fold], bool]] = deque()
        self._closing = False
        self._pending_since = 0.0
        self._pending_work = 0
        self._in_transaction = False
        self._committed_at = 0.0
        self._commit_takes = 0.0
        self._tick_at = -1
        self._ticking = False
        self._producer: aiokafka.AIOKafkaProducer | None = None

    @property
    def producer(self) -> aiokafka.AIOKafkaProducer:
        """The partition's own transactional producer."""
        assert self._producer is not None  # noqa: S101 - open() makes it
        return self._producer

    @property
    def store(self) -> PartitionStore:
        """The partition's rows."""
        assert self._store is not None  # noqa: S101 - open() makes it
        return self._store

    # taking over ---------------------------------------------------------------------------------------------------

    async def open(self, seek: Callable[[int, int], Awaitable[None]]) -> None:
        """Fence the former owner, restore the rows, and seek to the committed offset."""
        settings = self.links.settings
        self._producer = aiokafka.AIOKafkaProducer(
            bootstrap_servers=settings.bootstrap,
            transactional_id=f"{settings.topic_prefix}decide-{self.partition}",
            transaction_timeout_ms=TRANSACTION_TIMEOUT_MS,
            acks="all",
            compression_type=CODEC,
            max_batch_size=BATCH_BYTES,
            linger_ms=0,
            request_timeout_ms=30_000,
            **settings.kafka_security(),
        )
        await self.producer.start()
        await self.producer.begin_transaction()  # waits until the broker has fenced everyone else of this id
        self._in_transaction = True
        self._store = self._open_store()
        await self._restore()
        check(self.store, self.partition, self.links.hash_key, settings)
        self.fold = Fold(
            self.store,
            self.partition,
            settings.partitions,
            settings.topic_prefix,
            retention=settings.retention,
            hash_key=self.links.hash_key,
            quotas=settings.quotas,
        )
        self.appender = Appender(self.producer, settings.topic_prefix)
        self.position = await self._stood_at()
        await seek(self.partition, self.position)
        self.ready = True

    async def _stood_at(self) -> int:
        """Return the offset that the rows stand for: it lies among them, whatever became of the group's own."""
        row = self.store.get(POSITION)
        return int.from_bytes(row, "big") if row is not None else await self.links.committed(self.partition)

    async def _restore(self) -> None:
        consumer = aiokafka.AIOKafkaConsumer(
            bootstrap_servers=self.links.settings.bootstrap,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="none",
            max_partition_fetch_bytes=4 * 1024 * 1024,
            **self.links.settings.kafka_security(),
        )
        await consumer.start()
        try:
            changelog = TopicPartition(self.links.name(CHANGELOG), self.partition)
            await restore(consumer, changelog, self.store, self.progress.made)
        finally:
            await consumer.stop()

    # chunks --------------------------------------------------------------------------------------------------------

    @property
    def hungry(self) -> bool:
        """Whether more records should be read for this partition."""
        return self.ready and not self._closing and len(self._queue) < QUEUED_CHUNKS

    def feed(self, records: list[Any]) -> None:
        """Take a chunk of records, in order."""
        self.progress.work_comes(busy=self.busy)
        self._queue.append(records)
        self._arrived.set()

    def ask(self, step: Callable[[Fold], bool]) -> None:
        """Have a step called between chunks and commits, until it returns that there is no more."""
        self._asked.append(step)
        self._arrived.set()

    async def run(self) -> None:
        """Fold and commit until `close`."""
        await self._tick()  # what fell due while nobody owned the partition
        while not self._closing:
            if self._queue:
                await self._take(self._queue.popleft())
            elif not self._commit_due() and not self._asked:
                await self._wait()
            if self._asked:
                await self._reply()
            if self._commit_due():
                await self.commit()
            elif not self._queue and self._tick_wanted():
                await self._tick()

    async def _wait(self) -> None:
        self._arrived.clear()
        most = self._commit_at() - time.monotonic() if self._pending_since else IDLE_SECONDS
        try:
            await asyncio.wait_for(self._arrived.wait(), min(most, IDLE_SECONDS))
        except TimeoutError:
            return

    async def _reply(self) -> None:
        """Answer for a moment; whoever is asked more goes on in turn."""
        until = time.monotonic() + ASKED_SECONDS
        while self._asked and time.monotonic() < until:
            step = self._asked.popleft()
            if step(self.fold):
                self._asked.append(step)
        await asyncio.sleep(0)

    async def _take(self, records: list[Any]) -> None:
        fresh = records
        if records[0].offset < self.position:
            fresh = [record for record in records if record.offset >= self.position]
        start = 0
        while start < len(fresh) and not self._closing:
            start += await self._turn(fresh[start : start + SLICE_RECORDS])
            if self._commit_overdue():
                await self.commit()
            self.progress.made()

    async def _turn(self, records: list[Any]) -> int:
        """Apply as many records as one turn has time for, and let the others have theirs."""
        started = time.monotonic()
        done = self.fold.take_turn(records)
        metrics.TURN_SECONDS.observe(time.monotonic() - started)
        if done:
            self.position = records[done - 1].offset + 1
        await self._took(self.fold.desk.spent)
        return done

    async def _took(self, work: int) -> None:
        """Count what was done, hand out what came of it, and let the others have their turn."""
        self._pending_since = self._pending_since or time.monotonic()
        self._pending_work += work
        await self._hand_out()
        await asyncio.sleep(0)

    async def _hand_out(self) -> None:
        """Append what the fold has said so far; full batches leave at once."""
        await self._begin()
        desk, append, own = self.fold.desk, self.appender.append, self.partition
        for one in desk.out:
            partition = own if one.partition == OWN else one.partition
            if partition == BY_KEY:
                partition = self.links.partitioner(one.key)
            append(one.topic, partition, one.key, one.value, one.headers)
        desk.out.clear()
        for topic, records in desk.records.items():
            if records:
                self.appender.extend(topic, own, records)
                records.clear()
        if self.appender.unsent:
            await self.appender.push()

    async def _begin(self) -> None:
        if not self._in_transaction:
            await self.producer.begin_transaction()
            self._in_transaction = True

    # commits -------------------------------------------------------------------------------------------------------

    def _commit_due(self) -> bool:
        if not self._pending_since:
            return False
        return self._pending_work >= COMMIT_WORK or time.monotonic() >= self._commit_at()

    def _commit_overdue(self) -> bool:
        """Whether a commit may not wait for the rest of a chunk, which may take longer than a transaction may."""
        return self._pending_work >= COMMIT_WORK or time.monotonic() >= self._pending_since + COMMIT_LATE

    def _commit_at(self) -> float:
        """Return when what is pending is committed, unless more comes: whoever is slow at it does it less often."""
        soon, late = self._pending_since + COMMIT_SOON, self._pending_since + COMMIT_LATE
        if self._queue:
            return late
        if self.fold.scanning:
            return soon  # each commit lets a lap go on
        return min(max(soon, self._committed_at + self._commit_takes), late)

    def _took_to_commit(self, seconds: float) -> None:
        metrics.COMMIT_SECONDS.observe(seconds)
        self._commit_takes += (seconds - self._commit_takes) / REMEMBERED

    async def commit(self) -> Sent:
        """Commit all that is pending in one transaction, then write it to disk."""
        started = time.monotonic()
        flushed = self.fold.flush()
        flushed.rows[POSITION] = self.position.to_bytes(8, "big")
        await self._hand_out()
        self.appender.extend(CHANGELOG, self.partition, flushed.rows.items())
        if self.fold.scanning and not self._tick_on_its_way:
            self._append_tick()
        reached("decide-before-flush")
        sent = await self.appender.flush()
        reached("decide-before-offsets")
        source = TopicPartition(self.links.name(ACTIVITY), self.partition)
        await self.producer.send_offsets_to_transaction(
            {source: OffsetAndMetadata(self.position, "")}, self.links.group
        )
        reached("decide-before-commit")
        await self.producer.commit_transaction()
        reached("decide-after-commit")
        self._in_transaction = False
        changelog = (self.links.name(CHANGELOG), self.partition)
        self.store.write(flushed.rows, flushed.index, sent.next_offset.get(changelog, self.store.offset))
        self.fold.committed()
        self._note_tick(sent)
        self._pending_since, self._pending_work = 0.0, 0
        self._committed_at = time.monotonic()
        self._took_to_commit(self._committed_at - started)
        self._count()
        self.progress.made()
        return sent

    def _count(self) -> None:
        counts = self.fold.desk.counts
        for change in ("joined", "left", "suppressed", "restored"):
            metrics.CHANGES_OUT.labels(change=change).inc(counts.pop(change, 0))
        metrics.FIRED.inc(counts.pop("fired", 0))
        for why, count in counts.items():
            metrics.SKIPPED.labels(why=why).inc(count)
        counts.clear()

    # time ----------------------------------------------------------------------------------------------------------

    @property
    def _tick_on_its_way(self) -> bool:
        return self._tick_at >= self.position

    def _tick_wanted(self) -> bool:
        if self._pending_since or self._tick_on_its_way:
            return False  # a commit comes first
        return self.fold.scanning or self.links.clock.now() >= self.fold.wake

    async def _tick(self) -> None:
        """Append a tick to the own partition: read back, it says what time it is."""
        self.progress.work_comes(busy=self.busy)
        self._pending_since = time.monotonic()
        await self._begin()
        self._append_tick()
        sent = await self.commit()
        self.links.clock.correct(sent.timestamp)

    def _append_tick(self) -> None:
        self.appender.append(ACTIVITY, self.partition, b"tick", encode(Tick(*ORIGIN)))
        self._ticking = True

    def _note_tick(self, sent: Sent) -> None:
        """Remember where the tick lies; what was appended after it to the own partition only makes this later."""
        if self._ticking:
            self._tick_at = sent.next_offset[self.links.name(ACTIVITY), self.partition] - 1
            self._ticking = False

    @property
    def busy(self) -> bool:
        """Whether there is work that should make progress."""
        return not self.ready or bool(self._queue) or bool(self._pending_since)

    def close(self) -> None:
        """Ask `run` to end after the slice at hand."""
        self._closing = True
        self._arrived.set()

    async def leave(self) -> None:
        """Commit what is pending and let everything go; `run` has ended."""
        if self.ready and self._pending_since:
            await self.commit()
        if self._producer is not None:
            await self._producer.stop()
        if self._store is not None:
            self._store.close()
