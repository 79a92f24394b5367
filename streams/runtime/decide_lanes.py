"""decide at work: an owner for each partition that the group assigns to this worker."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any

import aiokafka
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaError
from aiokafka.structs import TopicPartition

from streams import metrics
from streams.runtime.answerer import Answerer
from streams.runtime.broker_clock import BrokerClock
from streams.runtime.group_offsets import Membership
from streams.runtime.hop_app import folder, group_id
from streams.runtime.partition_owner import CHANGELOG, Links, PartitionOwner
from streams.runtime.partition_store import PartitionStore
from streams.runtime.rounds import Rounds
from streams.runtime.transactions import ACTIVITY, Transactions
from streams.settings import Settings

COORDINATOR_SECONDS = 30.0


class DecideLanes:
    """One worker's decide: opens, feeds and closes owners as partitions come and go."""

    def __init__(self, settings: Settings, instance: str, fail: Callable[[BaseException], None]) -> None:
        self.settings = settings
        self.clock = BrokerClock()
        self.owners: dict[int, PartitionOwner] = {}
        self._group = group_id(settings, "decide")
        self._folder = folder(settings, instance, "decide")
        self._fail = fail
        self._answerer = Answerer(settings, self.owners)
        self._transactions = Transactions(settings, instance)
        self._rounds = Rounds(self.owners, self._transactions, self.clock)
        self._going_round: asyncio.Task[None] | None = None
        self._opening: dict[int, asyncio.Task[None]] = {}
        self._cluster = ""
        self.topic = settings.topic_prefix + ACTIVITY

    async def start(self) -> None:
        """Connect; a former process of this instance can commit nothing any more."""
        settings = self.settings
        common: dict[str, Any] = {"bootstrap_servers": settings.bootstrap, "request_timeout_ms": 30_000}
        common |= settings.kafka_security()
        self._admin = AIOKafkaAdminClient(**common)
        self._ends = aiokafka.AIOKafkaConsumer(isolation_level="read_uncommitted", enable_auto_commit=False, **common)
        await self._admin.start()
        await self._ends.start()
        self._cluster = (await self._admin.describe_cluster())["cluster_id"]
        await self._transactions.start()
        self.links = Links(settings, self.clock, self._transactions.appender, self._rounds.wake)
        self.links.committed, self.links.end_of = self._committed, self._end_of
        await self._answerer.start()

    async def stop(self) -> None:
        """Close every owner and let the connections go."""
        await self._answerer.stop()
        await self.close(set(self.owners))
        await self._transactions.stop()
        await self._ends.stop()
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

    def open(self, partitions: set[int], member: Membership, seek: Callable[[int, int], Any]) -> None:
        """Take partitions over that `member` was assigned, each by itself: a long restore holds up nobody else."""
        self._transactions.member = member
        for partition in partitions - self.owners.keys():
            log = f"{self._cluster}/{self.settings.topic_prefix}{CHANGELOG}/{partition}"
            store = partial(PartitionStore, self._folder / str(partition), log)
            owner = self.owners[partition] = PartitionOwner(partition, store, self.links)
            self._opening[partition] = asyncio.create_task(self._guarded(owner.open(seek)))
        self._go_round()

    def _go_round(self) -> None:
        if self._going_round is None and self.owners:
            self._going_round = asyncio.create_task(self._guarded(self._rounds.run()))

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - nothing may go on after it
            self._fail(error)

    async def close(self, partitions: set[int]) -> None:
        """Give partitions up: finish the turn at hand, commit what all owners have done, close the folders."""
        leaving = {partition: self.owners[partition] for partition in partitions & self.owners.keys()}
        for partition, owner in leaving.items():
            owner.close()
            await self._stop_opening(partition)
        if self._going_round is not None:
            self._rounds.end()
            await self._going_round
            self._going_round = None
            await self._rounds.commit()
        for partition, owner in leaving.items():
            del self.owners[partition]
            owner.leave()
        self._go_round()

    async def _stop_opening(self, partition: int) -> None:
        opening = self._opening.pop(partition)
        opening.cancel()
        await asyncio.wait([opening])

    async def _end_of(self, tp: TopicPartition) -> int:
        """Return the end of a log, whatever lies open in it."""
        ends: dict[TopicPartition, int] = await self._ends.end_offsets([tp])
        return ends[tp]

    async def _committed(self, partition: int) -> int:
        """Return the offset that the group has committed for a partition, 0 if none.

        A group's coordinator may just be moving, or not be there yet when a cluster starts; while it loads, the client
        shows its error as an answer in which the partition is missing.
        """
        tp = TopicPartition(self.topic, partition)
        until = time.monotonic() + COORDINATOR_SECONDS
        while True:
            try:
                found = await self._admin.list_consumer_group_offsets(self._group, partitions=[tp])
                if tp in found:
                    return max(int(found[tp].offset), 0)
            except KafkaError as error:
                if not error.retriable:
                    raise
            if time.monotonic() > until:
                raise GroupCoordinatorNotAvailableError(f"no offsets of {self._group}")
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
