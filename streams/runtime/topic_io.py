"""Read and write whole topics for people at a terminal: follow one, take its newest values, publish into it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord, TopicPartition
from aiokafka.errors import KafkaError
from msgspec import Struct

from streams.runtime.admin import admin_client
from streams.settings import Settings
from streams.topics import MAX_RECORD, full_name

Headers = tuple[tuple[str, bytes], ...]


class TopicError(Exception):
    """The brokers do not do what was asked; the text is for a person."""


class Record(Struct, frozen=True):
    """One record as it lies in a topic: names without prefix, `time` the append time in epoch milliseconds."""

    topic: str
    partition: int
    offset: int
    time: int
    key: bytes | None
    value: bytes | None
    headers: Headers = ()


class RecordMetadata(Protocol):
    """Where the brokers put a record."""

    partition: int
    offset: int


class Publisher:
    """An idempotent producer that knows topics by their short names."""

    def __init__(self, producer: AIOKafkaProducer, prefix: str) -> None:
        self._producer = producer
        self._prefix = prefix

    async def send(
        self, topic: str, value: bytes | None, key: bytes | None = None, headers: Headers = ()
    ) -> asyncio.Future[RecordMetadata]:
        """Hand over a record; the future is done once the brokers have it. Raises TopicError."""
        try:
            sent: asyncio.Future[RecordMetadata] = await self._producer.send(
                full_name(self._prefix, topic), value, key, headers=list(headers)
            )
        except KafkaError as error:
            raise TopicError(_told(error)) from error
        return sent

    async def flush(self) -> None:
        """Wait until the brokers have all that was handed over."""
        await self._producer.flush()


@asynccontextmanager
async def publisher(settings: Settings) -> AsyncIterator[Publisher]:
    """A producer that repeats nothing and loses nothing, flushed at the end."""
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.bootstrap,
        enable_idempotence=True,
        acks="all",
        linger_ms=5,
        max_request_size=MAX_RECORD,
        **settings.kafka_security(),
    )
    try:
        await producer.start()
        yield Publisher(producer, settings.topic_prefix)
    except KafkaError as error:
        raise TopicError(_told(error)) from error
    finally:
        await producer.stop()


@asynccontextmanager
async def _consumer(settings: Settings) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=MAX_RECORD,
        fetch_max_wait_ms=100,
        **settings.kafka_security(),
    )
    try:
        await consumer.start()
        yield consumer
    except KafkaError as error:
        raise TopicError(_told(error)) from error
    finally:
        await consumer.stop()


class Reader:
    """Reads what is committed in one topic."""

    def __init__(self, consumer: AIOKafkaConsumer, topic: str, partitions: Sequence[TopicPartition]) -> None:
        self._consumer = consumer
        self._topic = topic
        self._partitions = partitions

    async def to_end(self) -> AsyncIterator[Record]:
        """Every record from where the reader stands to the end as it is now."""
        ends: dict[TopicPartition, int] = await self._consumer.end_offsets(self._partitions)
        while await self._before(ends):
            for partition, found in (await self._consumer.getmany(timeout_ms=200)).items():
                for record in found:
                    if record.offset < ends[partition]:
                        yield self._record(record)

    async def _before(self, ends: dict[TopicPartition, int]) -> bool:
        # positions, not records, tell the end: the last offset of a transactional topic is no record but a marker
        for partition, end in ends.items():
            if await self._consumer.position(partition) < end:
                return True
        return False

    async def onwards(self) -> AsyncIterator[Record]:
        """Every record from where the reader stands, for ever."""
        async for record in self._consumer:
            yield self._record(record)

    async def at(self, partition: int, offset: int) -> Record | None:
        """The one record at this place, None when it is no longer kept."""
        where = TopicPartition(self._partitions[0].topic, partition)
        if where not in self._partitions:
            return None
        first, end = await self._consumer.beginning_offsets([where]), await self._consumer.end_offsets([where])
        if not first[where] <= offset < end[where]:
            return None
        self._consumer.seek(where, offset)
        while await self._consumer.position(where) <= offset:
            for record in (await self._consumer.getmany(where, timeout_ms=200, max_records=1)).get(where, []):
                return self._record(record) if record.offset == offset else None
        return None

    def _record(self, record: ConsumerRecord) -> Record:
        return Record(
            topic=self._topic,
            partition=record.partition,
            offset=record.offset,
            time=record.timestamp,
            key=record.key,
            value=record.value,
            headers=tuple(record.headers),
        )


@asynccontextmanager
async def reader(settings: Settings, topic: str, *, beginning: bool) -> AsyncIterator[Reader]:
    """A reader that stands at the beginning of a topic, or at its end as it is now. Raises TopicError."""
    partitions = await _partitions(settings, full_name(settings.topic_prefix, topic))
    async with _consumer(settings) as consumer:
        where = await (consumer.beginning_offsets if beginning else consumer.end_offsets)(partitions)
        # no await between assign and seek: the fetcher would look for a position of its own meanwhile
        consumer.assign(partitions)
        for partition, offset in where.items():
            consumer.seek(partition, offset)
        yield Reader(consumer, topic, partitions)


async def _partitions(settings: Settings, name: str) -> list[TopicPartition]:
    async with admin_client(settings) as admin:
        # all of them, not this one by name: asking for a topic that is not there creates it on some brokers
        known = {one["topic"]: one["partitions"] for one in await admin.describe_topics()}
    if name not in known:
        raise TopicError(f"there is no topic {name}: `rollcall topics create` makes it")
    return [TopicPartition(name, number) for number in sorted(one["partition"] for one in known[name])]


def _told(error: KafkaError) -> str:
    """A Kafka error in one line; its own text may hold a record, so only its name is told."""
    return f"the broker refuses: {type(error).__name__}"
