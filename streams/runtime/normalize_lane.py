"""normalize at work: chunks of raw records in, contact-activity and dead letters out, acknowledged in order.

Chunks that wait are worked on together, and what comes of them goes out at once: under a light load they are small, and
each by itself would take as long as all. They are worked on while the broker still answers for the last ones; a settler
waits for the answers in order and only then acknowledges, so offsets are committed behind what was written, never
ahead.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import aiokafka

from processors.normalize import Normalizer
from schemas.activity import RAW_TOPICS
from schemas.base import Reject
from schemas.dead_letters import headers, keep
from streams import metrics
from streams.runtime.appender import BATCH_BYTES, CODEC, Appender, settle
from streams.runtime.fail_points import reached
from streams.runtime.murmur2 import Partitioner
from streams.runtime.tenants_view import TenantsView
from streams.runtime.watchdog import Progress
from streams.settings import Settings

SLICE_RECORDS = 250
"""Records worked on before the loop gets its turn, 2 ms: what comes of more does not stay in the core's cache."""
WAITING_CHUNKS = 6
GATHERED_RECORDS = 4_000
"""Records of chunks that are worked on together, but for the last of the chunks; more wait for the next time."""


class StaleMemberError(RuntimeError):
    """The group has not heard of this worker for so long that another may own its partitions."""


class NormalizeLane:
    """One worker's normalize."""

    def __init__(self, settings: Settings, heartbeat_age: Callable[[], float], session_seconds: float) -> None:
        self.settings = settings
        self.view = TenantsView(settings)
        self.normalizer = Normalizer(self.view.tenants, settings.retention, settings.quotas)
        self.partitioner = Partitioner(settings.partitions)
        self.topics = {settings.topic_prefix + name: i for i, name in enumerate(RAW_TOPICS)}
        self.progress = Progress()
        self._open_chunks: Counter[tuple[str, int]] = Counter()
        self._heartbeat_age = heartbeat_age
        self._session_seconds = session_seconds
        self._waiting: asyncio.Queue[Any] = asyncio.Queue(WAITING_CHUNKS)
        self._sent: asyncio.Queue[tuple[list[Any], Any]] = asyncio.Queue(1)

    async def start(self) -> None:
        """Connect, and know the tenants."""
        await self.view.start()
        self.producer = aiokafka.AIOKafkaProducer(
            bootstrap_servers=self.settings.bootstrap,
            acks="all",
            enable_idempotence=True,
            compression_type=CODEC,
            max_batch_size=BATCH_BYTES,
            linger_ms=0,
            request_timeout_ms=30_000,
            **self.settings.kafka_security(),
        )
        await self.producer.start()
        self.appender = Appender(self.producer, self.settings.topic_prefix)

    async def stop(self) -> None:
        """Let the connections go; what is in flight was settled by whoever stopped the agent."""
        await self.producer.stop()
        await self.view.stop()

    def handed_out(self, records: list[Any]) -> None:
        """Count a chunk that is on its way to `take`."""
        self.progress.work_comes(busy=self.busy)
        self._open_chunks[records[0].topic, records[0].partition] += 1

    def revoked(self) -> None:
        """Chunks that were on their way are dropped and read again; those in flight were waited for."""
        self._open_chunks.clear()

    async def take(self, event: Any) -> None:
        """Take a chunk; it is acknowledged by `settle_all` when the broker has all that came of it."""
        await self._waiting.put(event)

    async def work_all(self) -> None:
        """Work on what waits, as long as anything comes."""
        while True:
            await self._work([await self._waiting.get()])

    async def _work(self, events: list[Any]) -> None:
        """Work on a chunk and on those that wait behind it; all were fetched before the tenants are looked up."""
        started = time.monotonic()
        count = len(events[0].value)
        while count < GATHERED_RECORDS and not self._waiting.empty():
            events.append(self._waiting.get_nowait())
            count += len(events[-1].value)
        await self.view.refresh()
        for event in events:
            await self._work_through(event.value)
        reached("normalize-before-flush")
        self._check_membership()
        await self._sent.put((events, await self.appender.start_flush()))
        metrics.CHUNK_SECONDS.observe(time.monotonic() - started)

    async def _work_through(self, records: list[Any]) -> None:
        for start in range(0, len(records), SLICE_RECORDS):
            self._work_on(records[start : start + SLICE_RECORDS])
            if self.appender.unsent:
                self._check_membership()
                await self.appender.push()
            await asyncio.sleep(0)

    def _work_on(self, records: list[Any]) -> None:
        """Append what comes of records of one topic."""
        topic = self.topics[records[0].topic]
        partitioner = self.partitioner
        rows: list[list[tuple[bytes, bytes | None]]] = [[] for _ in range(partitioner.partitions)]
        results = self.normalizer.normalize_all(RAW_TOPICS[topic], records)
        for record, result in zip(records, results, strict=True):
            if isinstance(result, Reject):
                self._reject(record, result)
            else:
                for one in result:
                    rows[partitioner(one.key)].append((one.key, one.value))
        for partition, some in enumerate(rows):
            if some:
                self.appender.extend("contact-activity", partition, some)
        metrics.EVENTS_IN[topic] += len(records)

    def _reject(self, record: Any, reject: Reject) -> None:
        metrics.REJECTS.labels(reason=reject.reason).inc()
        kept = keep(record.value, record.key, record.headers)
        lines = headers(reject, record.topic, record.partition, record.offset, kept)
        self.appender.append("dead-letters", record.partition, kept.key, kept.value, lines)

    def _check_membership(self) -> None:
        """A worker that was stopped past its session must not write: another may have its partitions."""
        if self._heartbeat_age() > self._session_seconds:
            raise StaleMemberError(f"no heartbeat was answered for {self._session_seconds:.0f} s")

    async def settle_all(self) -> None:
        """Acknowledge chunk after chunk, each once the broker has answered for all its batches."""
        while True:
            events, waiting = await self._sent.get()
            await settle(waiting)
            reached("normalize-before-ack")
            for event in events:
                event.ack()
                self._open_chunks -= Counter([event.message.tp])  # keeps what is above 0
            self.progress.made()

    @property
    def busy(self) -> bool:
        """Whether a chunk was read that is not acknowledged yet."""
        return bool(self._open_chunks)

    def works_on(self, tp: tuple[str, int]) -> bool:
        """Whether a chunk of this partition was read that is not acknowledged yet."""
        return self._open_chunks[tp] > 0

    def stuck_for(self) -> float:
        """Return for how long (s) a chunk has waited without progress."""
        return self.progress.waited(busy=self.busy)
