"""The owner of one partition of contact-activity: it takes the partition over and folds its records, turn by turn.

What follows it appends to the worker's batches. rounds.py gives owners their turns and commits at once what all of them
have done; transactions.py tells why no two owners of a partition come in each other's way. RocksDB is written after the
commit.

Anything that goes wrong on our side is raised; whoever runs the owner ends the process without committing, and the next
owner begins where the last transaction ended.
"""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any

import aiokafka
from aiokafka.structs import TopicPartition

from processors.desk import BY_KEY, ORIGIN, OWN
from processors.fold import Flushed, Fold
from schemas.activity import Tick, encode
from streams import metrics
from streams.runtime.appender import Appender, Sent
from streams.runtime.broker_clock import BrokerClock
from streams.runtime.group_offsets import fence
from streams.runtime.hash_key import check, hash_key
from streams.runtime.murmur2 import Partitioner
from streams.runtime.partition_store import PartitionStore
from streams.runtime.restore import restore
from streams.runtime.transactions import ACTIVITY
from streams.runtime.watchdog import Progress
from streams.settings import Settings

CHANGELOG = "decide-changelog"
POSITION = b"p"
"""The row that holds the offset of the next record to fold. A group's offset can be reset by hand, forgotten after
weeks, or be answered as none while its coordinator loads; to fold again what is folded would spoil the rows."""
SLICE_RECORDS = 250
"""Records looked through at once, 5 ms: what is known of more does not stay in the core's cache. A turn ends sooner
where their work is heavy."""
QUEUED_CHUNKS = 2
ASKED_SECONDS = 0.01
"""So long questions are answered before the stream gets its turn again."""


class Links:
    """What the owners of a worker share: its clock, its open batches, and what wakes it when there is work.

    `committed` gives the offset that the group has committed for a partition, `end_of` the end of a log.
    """

    committed: Callable[[int], Awaitable[int]]
    end_of: Callable[[TopicPartition], Awaitable[int]]

    def __init__(self, settings: Settings, clock: BrokerClock, appender: Appender, wake: Callable[[], None]) -> None:
        self.settings = settings
        self.hash_key = hash_key(settings)
        self.clock = clock
        self.appender = appender
        self.wake = wake
        self.partitioner = Partitioner(settings.partitions)

    def name(self, short: str) -> str:
        """Return a topic's full name."""
        return self.settings.topic_prefix + short


class PartitionOwner:
    """One partition's fold with its rows; `pending` says whether it has done something that is not committed yet."""

    def __init__(self, partition: int, open_store: Callable[[], PartitionStore], links: Links) -> None:
        self.partition = partition
        self._open_store = open_store
        self._store: PartitionStore | None = None
        self.links = links
        self.ready = self.pending = self.ticking = False
        self.position = 0
        self.progress = Progress()
        self._queue: deque[list[Any]] = deque()
        self._asked: deque[Callable[[Fold], bool]] = deque()
        self._closing = False
        self._tick_at: int | None = None

    @property
    def store(self) -> PartitionStore:
        """The partition's rows."""
        assert self._store is not None  # noqa: S101 - open() makes it
        return self._store

    # taking over ---------------------------------------------------------------------------------------------------

    async def open(self, seek: Callable[[int, int], Awaitable[None]]) -> None:
        """Bring the rows up to all that a former owner has committed or ever will, and seek to where they stand."""
        settings = self.links.settings
        # a worker of an earlier version, should one still run: its partitions had a producer each
        former = f"{settings.topic_prefix}decide-{self.partition}"
        await fence(former, bootstrap_servers=settings.bootstrap, **settings.kafka_security())
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
        self.position = await self._stood_at()
        await seek(self.partition, self.position)
        self.ready = True
        self.links.wake()

    async def _stood_at(self) -> int:
        """Return the offset that the rows stand for: it lies among them, whatever became of the group's own."""
        row = self.store.get(POSITION)
        return int.from_bytes(row, "big") if row is not None else await self.links.committed(self.partition)

    async def _restore(self) -> None:
        changelog = TopicPartition(self.links.name(CHANGELOG), self.partition)
        end = await self.links.end_of(changelog)
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
            await restore(consumer, changelog, end, self.store, self.progress.made)
        finally:
            await consumer.stop()

    # turns ---------------------------------------------------------------------------------------------------------

    @property
    def hungry(self) -> bool:
        """Whether more records should be read for this partition."""
        return self.ready and not self._closing and len(self._queue) < QUEUED_CHUNKS

    @property
    def has_work(self) -> bool:
        """Whether a turn would do something."""
        return bool(self._queue or self._asked)

    @property
    def busy(self) -> bool:
        """Whether there is work that should make progress."""
        return not self.ready or bool(self._queue) or self.pending

    def feed(self, records: list[Any]) -> None:
        """Take a chunk of records, in order."""
        self.progress.work_comes(busy=self.busy)
        self._queue.append(records)
        self.links.wake()

    def ask(self, step: Callable[[Fold], bool]) -> None:
        """Have a step called in each turn, until it returns that there is no more."""
        self._asked.append(step)
        self.links.wake()

    def turn(self) -> int:
        """Answer for a moment, and apply as many records as one turn has time for; return what work that was."""
        if self._asked:
            self._answer()
        return self._apply() if self._queue else 0

    def _answer(self) -> None:
        """Whoever is asked more goes on in turn."""
        until = time.monotonic() + ASKED_SECONDS
        while self._asked and time.monotonic() < until:
            step = self._asked.popleft()
            if step(self.fold):
                self._asked.append(step)

    def _apply(self) -> int:
        records = self._next_records()
        if not records:
            return 0
        started = time.monotonic()
        done = self.fold.take_turn(records)
        metrics.TURN_SECONDS.observe(time.monotonic() - started)
        if done:
            self.position = records[done - 1].offset + 1
        self.pending = True
        self._say()
        self._let_go()
        self.progress.made()
        return self.fold.desk.spent

    def _next_records(self) -> list[Any]:
        """Return the records to go on with; those before the position were read before."""
        self._let_go()
        if not self._queue:
            return []
        chunk = self._queue[0]
        start = bisect_left(chunk, self.position, key=lambda record: record.offset)
        return chunk[start : start + SLICE_RECORDS]

    def _let_go(self) -> None:
        while self._queue and self._queue[0][-1].offset < self.position:
            self._queue.popleft()

    def _say(self) -> None:
        """Append what the fold has said so far."""
        desk, append, extend, own = (
            self.fold.desk,
            self.links.appender.append,
            self.links.appender.extend,
            self.partition,
        )
        for one in desk.out:
            partition = own if one.partition == OWN else one.partition
            if partition == BY_KEY:
                partition = self.links.partitioner(one.key)
            append(one.topic, partition, one.key, one.value, one.headers)
        desk.out.clear()
        for topic, records in desk.records.items():
            if records:
                extend(topic, own, records)
                records.clear()

    # commits -------------------------------------------------------------------------------------------------------

    def flush(self) -> int:
        """Append the rows of what was done since the last commit; return the offset that they stand for."""
        self._flushed = self.fold.flush()
        self._flushed.rows[POSITION] = self.position.to_bytes(8, "big")
        self._say()
        self.links.appender.extend(CHANGELOG, self.partition, self._flushed.rows.items())
        if self.fold.scanning and not self._tick_on_its_way:
            self._append_tick()
        return self.position

    def written(self, sent: Sent) -> None:
        """Write to disk what was flushed: it is committed."""
        flushed: Flushed = self._flushed
        changelog = (self.links.name(CHANGELOG), self.partition)
        self.store.write(flushed.rows, flushed.index, sent.next_offset.get(changelog, self.store.offset))
        self.fold.committed()
        self._note_tick(sent)
        self.pending = False
        self._count()
        self.progress.made()

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
    def wants_tick(self) -> bool:
        """Whether to ask what time it is: at first, when something may be due, and while a lap goes on."""
        if self._queue or self.pending or self._tick_on_its_way:
            return False  # a commit comes first
        return self._tick_at is None or self.fold.scanning or self.links.clock.now() >= self.fold.wake

    @property
    def _tick_on_its_way(self) -> bool:
        return self.ticking or (self._tick_at is not None and self._tick_at >= self.position)

    def tick(self) -> None:
        """Append a tick to the own partition: read back, it says what time it is."""
        self.progress.work_comes(busy=self.busy)
        self.pending = True
        self._append_tick()

    def _append_tick(self) -> None:
        self.links.appender.append(ACTIVITY, self.partition, b"tick", encode(Tick(*ORIGIN)))
        self.ticking = True

    def _note_tick(self, sent: Sent) -> None:
        """Remember where the tick lies; what was appended after it to the own partition only makes this later."""
        if self.ticking:
            self._tick_at = sent.next_offset[self.links.name(ACTIVITY), self.partition] - 1
            self.ticking = False

    # the end -------------------------------------------------------------------------------------------------------

    def close(self) -> None:
        """Ask for no more records."""
        self._closing = True

    def leave(self) -> None:
        """Let the folder go."""
        if self._store is not None:
            self._store.close()
