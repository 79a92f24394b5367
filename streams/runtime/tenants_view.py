"""The tenants' records as a normalize worker needs them: never older than the chunk that it reads.

A PUT of a tenant answers once its record is committed. Before each chunk the view asks for the last stable offsets of
`tenants` and reads up to them, so whatever was answered before the chunk was fetched is known.
"""

from __future__ import annotations

from typing import Any

import aiokafka
import msgspec
from aiokafka.structs import TopicPartition

from schemas.tenants import Tenant
from streams.settings import Settings

_decode = msgspec.json.Decoder(Tenant).decode


class TenantsView:
    """All tenants' records, kept up to date by `refresh`."""

    def __init__(self, settings: Settings) -> None:
        self.tenants: dict[str, Tenant] = {}
        self._settings = settings
        topic = settings.topic_prefix + "tenants"
        self._partitions = [TopicPartition(topic, p) for p in range(settings.partitions)]

    async def start(self) -> None:
        """Connect, and read what there is."""
        settings = self._settings
        self._consumer = aiokafka.AIOKafkaConsumer(
            bootstrap_servers=settings.bootstrap,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=50,
            **settings.kafka_security(),
        )
        await self._consumer.start()
        self._consumer.assign(self._partitions)
        await self._consumer.seek_to_beginning(*self._partitions)
        await self.refresh()

    async def stop(self) -> None:
        """Let the connection go."""
        await self._consumer.stop()

    async def refresh(self) -> None:
        """Read up to the last stable offsets of this moment."""
        ends = await self._consumer.end_offsets(self._partitions)
        while any([await self._consumer.position(tp) < end for tp, end in ends.items()]):
            chunks = await self._consumer.getmany(timeout_ms=100)
            for records in chunks.values():
                self._take(records)

    def _take(self, records: list[Any]) -> None:
        for record in records:
            name = record.key.decode()
            if record.value is None:
                self.tenants.pop(name, None)
            else:
                self.tenants[name] = _decode(record.value)
