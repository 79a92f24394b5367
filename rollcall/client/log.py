"""The two topics as a reader needs them: where they begin and end, and their records. The only consumer here."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any, NamedTuple, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError, KafkaError, OffsetOutOfRangeError

from rollcall.client.brokers import Brokers
from rollcall.client.errors import ClientError, GapError, MissingTopicError, ReadError, UnreachableError
from rollcall.client.told import LOG, TABLE, Record

_CHUNK = 5000
_WAIT_MS = 500
_STOP_SECONDS = 10.0


class Arrived(NamedTuple):
    """What came from one partition: its records, and the offset to go on from, which may lie beyond the last."""

    partition: int
    records: list[Record]
    next: int


class Log(Protocol):
    """What a reader needs of the brokers. Topics are named without prefix; records are committed ones."""

    async def cluster(self) -> str:
        """The cluster's id."""
        ...

    async def partitions(self) -> int:
        """How many partitions both topics have."""
        ...

    async def first(self, topic: str, partition: int) -> int:
        """The oldest offset that is kept."""
        ...

    async def stable(self, topic: str, partition: int) -> int:
        """The end of what is decided: no transaction is open below it."""
        ...

    async def end(self, topic: str, partition: int) -> int:
        """The end of all that is written, decided or not."""
        ...

    def read(self, topic: str, partition: int, start: int, until: int) -> AsyncIterator[list[Record]]:
        """The records from `start` to below `until`; waits for open transactions among them."""
        ...

    def follow(self, starts: Mapping[int, int]) -> AsyncIterator[list[Arrived]]:
        """The changes of each partition from its offset on, for ever; an empty list now and then. Raises GapError."""
        ...


class KafkaLog:
    """A Log on real brokers, through two consumers without a group: one to read, one that sees undecided ends."""

    def __init__(self, brokers: Brokers) -> None:
        self._brokers = brokers
        self._committed: Any = None
        self._written: Any = None
        self._cluster = ""
        self._partitions = 0

    async def open(self) -> None:
        """Connect. Raises UnreachableError, MissingTopicError or ReadError."""
        try:
            await self._describe()
            self._committed = await self._started("read_committed")
            self._written = await self._started("read_uncommitted")
            self._take_all()
        except KafkaConnectionError:
            raise UnreachableError(self._brokers.bootstrap, secured=bool(self._brokers.security)) from None
        except KafkaError as error:
            raise _refused(error) from None

    async def close(self) -> None:
        """Let go of the connections."""
        for consumer in (self._committed, self._written):
            if consumer is not None:
                await _stop(consumer)
        self._committed = self._written = None

    async def cluster(self) -> str:
        """The cluster's id."""
        return self._cluster

    async def partitions(self) -> int:
        """How many partitions both topics have."""
        return self._partitions

    async def first(self, topic: str, partition: int) -> int:
        """The oldest offset that is kept."""
        return await _offset(self._committed.beginning_offsets, self._at(topic, partition))

    async def stable(self, topic: str, partition: int) -> int:
        """The last stable offset: this consumer's isolation level decides that it is not the high watermark."""
        return await _offset(self._committed.end_offsets, self._at(topic, partition))

    async def end(self, topic: str, partition: int) -> int:
        """The high watermark."""
        return await _offset(self._written.end_offsets, self._at(topic, partition))

    async def read(self, topic: str, partition: int, start: int, until: int) -> AsyncIterator[list[Record]]:
        """The records from `start` to below `until`."""
        where = self._at(topic, partition)
        self._go({where: start})
        # positions, not records, tell the end: the last offset of a transaction is no record but a marker
        while await self._committed.position(where) < until:
            fetched = await self._fetched([where])
            yield [_record(one) for one in fetched.get(where, []) if one.offset < until]

    async def follow(self, starts: Mapping[int, int]) -> AsyncIterator[list[Arrived]]:
        """The changes from each partition's offset on, for ever."""
        where = {partition: self._at(LOG, partition) for partition in starts}
        self._go({where[partition]: start for partition, start in starts.items()})
        while True:
            fetched = await self._fetched(list(where.values()))
            yield [
                Arrived(partition, [_record(one) for one in fetched.get(tp, [])], await self._committed.position(tp))
                for partition, tp in where.items()
            ]

    def _take_all(self) -> None:
        """Assign once and for all: a consumer that is stopped just after another assignment never ends."""
        parts = [self._at(topic, partition) for topic in (TABLE, LOG) for partition in range(self._partitions)]
        # no await between these: the fetcher would look for positions of its own meanwhile
        self._committed.assign(parts)
        self._go(dict.fromkeys(parts, 0))
        self._committed.pause(*parts)

    def _go(self, starts: Mapping[Any, int]) -> None:
        """Read these partitions from here on, and no others."""
        self._committed.pause(*self._committed.assignment())
        for where, start in starts.items():
            self._committed.seek(where, start)
        self._committed.resume(*starts)

    async def _fetched(self, parts: list[Any]) -> Mapping[Any, list[Any]]:
        try:
            found: Mapping[Any, list[Any]] = await self._committed.getmany(
                *parts, timeout_ms=_WAIT_MS, max_records=_CHUNK
            )
        except OffsetOutOfRangeError:
            raise GapError("the log no longer holds the place where the reader stands") from None
        except KafkaError as error:
            raise _refused(error) from None
        return found

    def _at(self, topic: str, partition: int) -> Any:
        return TopicPartition(self._brokers.topic(topic), partition)

    async def _started(self, isolation: str) -> Any:
        consumer: Any = AIOKafkaConsumer(
            isolation_level=isolation,
            enable_auto_commit=False,
            auto_offset_reset="none",
            fetch_max_wait_ms=100,
            **self._brokers.client,
        )
        try:
            await consumer.start()
        except BaseException:
            await consumer.stop()
            raise
        return consumer

    async def _describe(self) -> None:
        admin: Any = AIOKafkaAdminClient(**self._brokers.client)
        try:
            await admin.start()
            self._cluster = str((await admin.describe_cluster())["cluster_id"])
            # all topics, not these by name: asking for one that is not there creates it on some brokers
            found = {one["topic"]: len(one["partitions"]) for one in await admin.describe_topics()}
        finally:
            await admin.close()
        self._partitions = _common({name: found.get(name, 0) for name in map(self._brokers.topic, (TABLE, LOG))})


async def _stop(consumer: Any) -> None:
    """Close a consumer; one that does not end by itself must not hold up the program."""
    try:
        async with asyncio.timeout(_STOP_SECONDS):
            await consumer.stop()
    except TimeoutError:
        await consumer._client.close()  # noqa: SLF001 - what stop() would have done last


def _common(counts: dict[str, int]) -> int:
    for name, count in counts.items():
        if not count:
            raise MissingTopicError(name)
    if len(set(counts.values())) > 1:
        raise ClientError(f"{' and '.join(counts)} have different numbers of partitions: they are not one pipeline's")
    return next(iter(counts.values()))


async def _offset(ask: Any, where: Any) -> int:
    try:
        found: dict[Any, int] = await ask([where])
    except KafkaError as error:
        raise _refused(error) from None
    return found[where]


def _refused(error: KafkaError) -> ReadError:
    """Only the error's name: its own text may hold a record."""
    return ReadError(f"the brokers do not hand out the memberships: {type(error).__name__}")


def _record(one: Any) -> Record:
    return Record(one.offset, one.timestamp, one.key, one.value)
