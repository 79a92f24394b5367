"""Publish what HTTP was asked to do, and tell how far the pipeline's tables reach."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from streams.runtime.murmur2 import partition_of
from streams.topics import full_name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from streams.runtime.table_reader import Part
    from streams.settings import Settings

_REQUEST_MS = 30_000


class LogUnavailableError(Exception):
    """The brokers did not take or answer it; what was sent may still arrive."""


class CommandLog:
    """An idempotent producer, and a reader of ends that sees records before their transaction is marked as done.

    The marks of one transaction reach its partitions one after the other. Who has read an outcome may therefore find
    that a membership of the same transaction lies before the end of its partition but is not handed out yet: only the
    end without regard to transactions covers it.
    """

    def __init__(self, settings: Settings, *, instance: str) -> None:
        self._settings = settings
        common = {
            "bootstrap_servers": settings.bootstrap,
            "client_id": f"rollcall-http-{instance}",
            "request_timeout_ms": _REQUEST_MS,
            **settings.kafka_security(),
        }
        # a record may be as large as the contract allows, and its envelope on top
        self._producer = AIOKafkaProducer(
            acks="all", enable_idempotence=True, linger_ms=0, max_request_size=2 * 1024 * 1024, **common
        )
        self._ends = AIOKafkaConsumer(isolation_level="read_uncommitted", enable_auto_commit=False, **common)
        self._partitions: dict[str, int] = {}

    async def start(self) -> None:
        """Connect, once it can. Raises LogUnavailableError, and may be called again then."""
        try:
            await self._producer.start()
            await self._ends.start()
        except KafkaError as error:
            raise LogUnavailableError(type(error).__name__) from error

    async def stop(self) -> None:
        """Send what is under way and close."""
        for client in (self._producer, self._ends):
            with contextlib.suppress(KafkaError):
                await client.stop()

    async def publish(self, records: Iterable[tuple[str, bytes, bytes]]) -> None:
        """Append records (topic, key, value) and wait until all copies have them."""
        try:
            sent = [await self._send(*record) for record in records]
            await asyncio.shield(asyncio.gather(*sent))
        except KafkaError as error:
            raise LogUnavailableError(type(error).__name__) from error

    async def _send(self, topic: str, key: bytes, value: bytes) -> asyncio.Future[object]:
        name = full_name(self._settings.topic_prefix, topic)
        return await self._producer.send(name, value, key=key)  # type: ignore[no-any-return]

    async def parts(self, topic: str, keys: Iterable[bytes] | None) -> list[Part]:
        """Tell the partitions that hold these keys of contacts; None means all."""
        count = await self._count(topic)
        if keys is None:
            return [(topic, number) for number in range(count)]
        return [(topic, number) for number in sorted({partition_of(key, count) for key in keys})]

    async def ends(self, parts: Iterable[Part]) -> dict[Part, int]:
        """Tell where the logs end now."""
        names = {TopicPartition(full_name(self._settings.topic_prefix, topic), n): (topic, n) for topic, n in parts}
        try:
            found = await self._ends.end_offsets(list(names))
        except KafkaError as error:
            raise LogUnavailableError(type(error).__name__) from error
        return {names[tp]: end for tp, end in found.items()}

    async def _count(self, topic: str) -> int:
        if topic not in self._partitions:
            name = full_name(self._settings.topic_prefix, topic)
            self._partitions[topic] = len(await self._producer.partitions_for(name))
        return self._partitions[topic]
