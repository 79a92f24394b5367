"""decide at work: an owner for each partition that the group assigns to this worker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from functools import partial
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError
from aiokafka.structs import TopicPartition

from streams import metrics
from streams.runtime.answerer import Answerer
from streams.runtime.broker_clock import BrokerClock
from streams.runtime.hop_app import folder, group_id
from streams.runtime.partition_owner import ACTIVITY, CHANGELOG, Links, PartitionOwner
from streams.runtime.partition_store import PartitionStore
from streams.settings import Settings

COORDINATOR_SECONDS = 30.0


class DecideLanes:
    """One worker's decide: opens, feeds and closes owners as partitions come and go."""

    def __init__(self, settings: Settings, instance: str, fail: Callable[[BaseException], None]) -> None:
        self.settings = settings
        self.clock = BrokerClock()
        self.links = Links(settings, group_id(settings, "decide"), self.clock, self._committed)
        self.topic = self.links.name(ACTIVITY)
        self.owners: dict[int, PartitionOwner] = {}
        self._answerer = Answerer(settings, self.owners)
        self._tasks: dict[int, asyncio.Task[None]] = {}
        self._folder = folder(settings, instance, "decide")
        self._fail = fail
        self._admin: AIOKafkaAdminClient | None = None
        self._cluster = ""

    async def start(self) -> None:
        """Connect."""
        self._admin = AIOKafkaAdminClient(
            bootstrap_servers=self.settings.bootstrap, request_timeout_ms=30_000, **self.settings.kafka_security()
        )
        await self._admin.start()
        self._cluster = (await self._admin.describe_cluster())["cluster_id"]
        await self._answerer.start()

    async def stop(self) -> None:
        """Close every owner and let the connections go."""
        await self._answerer.stop()
        await self.close(set(self.owners))
        if self._admin is not None:
            await self._admin.close()

    def gate(self, tp: Any) -> bool:
        """Whether a partition's records are wanted now."""
        owner = self.owners.get(tp.partition)
        return owner is not None and owner.hungry

    def feed(self, records: list[Any]) -> None:
        """Hand a chunk to its owner, hungry or not: a chunk left out would be a gap.

        Records of a partition that was taken away meanwhile, or is not open yet, are another's, or are read again.
        """
        owner = self.owners.get(records[0].partition)
        if owner is not None and owner.ready:
            owner.feed(records)

    def open(self, partitions: set[int], seek: Callable[[int, int], Any]) -> None:
        """Take partitions over, each in a task of its own, so that a long restore holds up nobody else."""
        for partition in partitions - self.owners.keys():
            log = f"{self._cluster}/{self.links.name(CHANGELOG)}/{partition}"
            store = partial(PartitionStore, self._folder / str(partition), log)
            owner = PartitionOwner(partition, store, self.links)
            self.owners[partition] = owner
            self._tasks[partition] = asyncio.create_task(self._carry(owner, seek))

    async def _carry(self, owner: PartitionOwner, seek: Callable[[int, int], Any]) -> None:
        try:
            await owner.open(seek)
            await owner.run()
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - nothing may go on after it
            self._fail(error)

    async def close(self, partitions: set[int]) -> None:
        """Give partitions up: finish the slice at hand, commit it, close the folder."""
        owners = {p: self.owners.pop(p) for p in partitions if p in self.owners}
        for owner in owners.values():
            owner.close()
        for partition, owner in owners.items():
            task = self._tasks.pop(partition)
            if owner.ready:
                await task
            else:
                task.cancel()
                await asyncio.wait([task])
            await owner.leave()

    async def _committed(self, partition: int) -> int:
        """Return the offset that the group has committed for a partition, 0 if none.

        A group's coordinator may just be moving, or not be there yet when a cluster starts; while it loads, the client
        shows its error as an answer in which the partition is missing.
        """
        tp = TopicPartition(self.topic, partition)
        assert self._admin is not None  # noqa: S101 - start() comes first
        until = time.monotonic() + COORDINATOR_SECONDS
        while True:
            try:
                found = await self._admin.list_consumer_group_offsets(self.links.group, partitions=[tp])
                if tp in found:
                    return max(int(found[tp].offset), 0)
            except KafkaError as error:
                if not error.retriable:
                    raise
            if time.monotonic() > until:
                raise GroupCoordinatorNotAvailableError(f"no offsets of {self.links.group}")
            await asyncio.sleep(0.2)

    @property
    def ready(self) -> bool:
        """Whether every assigned partition is open."""
        return all(owner.ready for owner in self.owners.values())

    def measure(self) -> None:
        """Set the gauges of all partitions, and drop those of partitions that went elsewhere."""
        for gauge in (metrics.STATE_BYTES, metrics.DEADLINES_DUE, metrics.LATENESS):
            gauge.clear()
        for partition, owner in self.owners.items():
            if not owner.ready:
                continue
            due, now = owner.fold.next_due, self.clock.now()
            metrics.STATE_BYTES.labels(partition=partition).set(owner.store.bytes_on_disk())
            metrics.DEADLINES_DUE.labels(partition=partition).set(len(owner.fold.desk.deadlines.heap))
            metrics.LATENESS.labels(partition=partition).set(max(0, now - due) / 1000 if due else 0)

    def stuck_for(self) -> float:
        """Return the longest time (s) for which an owner that has work made no progress."""
        return max((owner.progress.waited(busy=owner.busy) for owner in self.owners.values()), default=0.0)
