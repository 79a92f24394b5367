"""The tenants' records as a normalize worker needs them: never older than the chunk that it reads.

A PUT of a tenant answers once its record is committed. Before each chunk the view asks for the last stable offsets of
`tenants` and reads up to them, so whatever was answered before the chunk was fetched is known. Ends are asked for over
a connection of their own: behind a fetch that waits for records the answer took 50 ms, and chunks queued up for it.
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
        self._consumer, self._ends = self._client(), self._client()
        await self._ends.start()
        await self._consumer.start()
        self._consumer.assign(self._partitions)
        await self._consumer.seek_to_beginning(*self._partitions)
        await self.refresh()

    def _client(self) -> aiokafka.AIOKafkaConsumer:
        return aiokafka.AIOKafkaConsumer(
            bootstrap_servers=self._settings.bootstrap,
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=50,
            **self._settings.kafka_security(),
        )

    async def stop(self) -> None:
        """Let the connections go."""
        await self._ends.stop()
        await self._consumer.stop()

    async def refresh(self) -> None:
        """Read up to the last stable offsets of this moment."""
        ends = await self._ends.end_offsets(self._partitions)
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
