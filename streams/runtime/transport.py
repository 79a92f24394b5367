"""Chunks instead of events: a Faust transport that hands an agent one message per (partition, chunk of records).

What Faust does per message (tasks, queues, acknowledgements) costs 70 µs; over chunks of thousands it costs nothing.
The message's value is the list of records (received.py), its offset is the chunk's last. Guards, each with a test:

- offsets: `_new_offset` commits up to the newest acknowledged chunk; whoever acknowledges does so in order. Where a hop
  commits inside its own transactions (`commits=False`) Faust commits nothing.
- gates: a partition is read only while its gate is open, so nothing is handed out before its owner is ready, and a
  partition whose owner has enough to do is not read further: backpressure up to the broker.
- rebalances: what was fetched while one went by is neither handed out nor passed over.
- fairness: a full buffer makes the reading wait; Faust would leave single partitions out, some for minutes.
- latency: Faust waits 1 s where no partition is active and fetches with a wait of 1.5 s, during which a drained
  partition is not asked for again. Both are short here.
- the heartbeat's age is known, so that a worker that was stopped and woken can tell before it sends anything.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, cast

import aiokafka
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from faust.types.tuples import ConsumerMessage

from streams.runtime.group_offsets import Membership

POLL_SECONDS = 0.05
FETCH_WAIT_MS = 50


class ConsumerThread(driver.AIOKafkaConsumerThread):
    """Faust's consumer thread with a short fetch wait, a chosen isolation level, and an eye on the heartbeats."""

    last_heartbeat = 0.0

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        consumer = super()._create_worker_consumer(transport)
        # aiokafka keeps here what its start() hands to the fetcher
        consumer._fetch_max_wait_ms = FETCH_WAIT_MS  # noqa: SLF001
        consumer._isolation_level = switches(self.consumer).isolation  # noqa: SLF001
        return consumer

    async def on_start(self) -> None:
        """Start the consumer and note each heartbeat that the coordinator answers."""
        await super().on_start()
        coordinator: Any = self._ensure_consumer()._coordinator  # noqa: SLF001
        beat = coordinator._do_heartbeat  # noqa: SLF001

        async def noted() -> bool:
            asked = time.monotonic()
            answered: bool = await beat()
            if answered:
                self.last_heartbeat = asked
            return answered

        coordinator._do_heartbeat = noted  # noqa: SLF001

    @property
    def forlorn(self) -> bool:
        """Whether nobody keeps this member in its group: aiokafka's routine ends at what it did not foresee."""
        coordinator: Any = getattr(self._consumer, "_coordinator", None)
        routine = getattr(coordinator, "_coordination_task", None)
        return routine is not None and routine.done()

    def verify_event_path(self, now: float, tp: TP) -> None:
        """Leave it to the watchdog, which sees each partition: Faust takes a hop that commits by itself for stuck."""

    @property
    def member(self) -> Membership:
        """Who this worker is in its group, to be asked while partitions are being assigned."""
        coordinator: Any = self._ensure_consumer()._coordinator  # noqa: SLF001
        return Membership(
            coordinator.group_id,
            coordinator.generation,
            coordinator.member_id,
            coordinator._group_instance_id,  # noqa: SLF001
        )

    def heartbeat_age(self) -> float:
        """Return the seconds since the last answered heartbeat or assignment was asked for."""
        return time.monotonic() - self.last_heartbeat


class Consumer(driver.Consumer):
    """Faust's consumer over chunks; the hop's `Switches` lie on its transport."""

    def _new_consumer_thread(self) -> ConsumerThread:
        return ConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def on_partitions_assigned(self, assigned: set[TP], generation_id: int = 0) -> None:
        """Note that the group has just heard of this member."""
        thread: Any = self._thread
        thread.last_heartbeat = time.monotonic()
        await super().on_partitions_assigned(assigned, generation_id)

    async def getmany(self, timeout: float) -> AsyncIterator[tuple[TP, ConsumerMessage]]:  # noqa: ASYNC109 - Faust's
        """Yield a message per partition that has records, from the partitions whose gate is open."""
        del timeout
        if not self.flow_active:
            await self.wait(cast("Any", self.can_resume_flow))
        generation = self.app.consumer_generation_id
        ready = {tp for tp in self._get_active_partitions() if switches(self).gate(tp)}
        if not ready:
            await asyncio.sleep(POLL_SECONDS / 5)
            return
        chunks = dict(await self._getmany(active_partitions=ready, timeout=POLL_SECONDS) or {})
        if not chunks or self.should_stop:
            return
        if not self.flow_active:
            await self.perform_seek()
            return
        for tp in list(chunks):
            if not self.flow_active or self.app.consumer_generation_id != generation:
                await self._put_back(chunks)
                return
            records = chunks.pop(tp)
            if records and tp in ready:
                yield tp, self._chunk(tp, records, generation)

    async def _put_back(self, chunks: dict[TP, Any]) -> None:
        """Have chunks read again that a rebalance overtook.

        They may be of the new assignment already, fetched after its offsets were sought: then nobody else goes back to
        them. Where the position lies before their end, somebody has, or will read on from there.
        """
        for tp, records in chunks.items():
            if records and tp in self.assignment() and fetch_position(self, tp) > records[-1].offset:
                await self.seek_wait({tp: records[0].offset})

    def _chunk(self, tp: TP, records: Any, generation: int) -> ConsumerMessage:
        last = records[-1]
        self._read_offset[tp] = last.offset - 1  # a chunk is no gap
        switches(self).observe(records)
        return ConsumerMessage(
            last.topic, last.partition, last.offset, 0.0, 0, [], None, records, None, 0, 0, tp, generation_id=generation
        )

    def on_buffer_full(self, tp: TP) -> None:
        """Leave no partition out.

        Faust stops reading a partition while the buffer is full, and takes back in one partition an event at the most
        when it is nearly empty. Under a load that kept it filled, partitions stood still for minutes. A full buffer
        makes the loop that reads wait, and that is backpressure enough.
        """

    async def perform_seek(self) -> None:
        """Seek to the committed offsets, unless the hop's owners seek themselves: this would come in their way."""
        if switches(self).commits:
            await super().perform_seek()

    def _new_offset(self, tp: TP) -> int | None:
        acked = self._acked[tp]
        if not acked:
            return None
        newest = max(acked)
        acked.clear()
        self._acked_index[tp].clear()
        return newest + 1 if switches(self).commits else None

    async def on_stop(self) -> None:
        """Let the owners finish and commit while the group still counts this member in."""
        await switches(self).before_leaving()
        await super().on_stop()


def _always(tp: TP) -> bool:
    del tp
    return True


def _ignore(records: list[Any]) -> None:
    del records


async def _nothing() -> None:
    return


@dataclass
class Switches:
    """What a hop decides about its consumer."""

    isolation: str = "read_committed"
    """What a publisher or an owner took back in its transaction never happened."""
    commits: bool = True
    gate: Callable[[TP], bool] = _always
    observe: Callable[[list[Any]], None] = _ignore
    before_leaving: Callable[[], Awaitable[None]] = _nothing


class Transport(driver.Transport):
    """The chunk transport of one app."""

    Consumer = Consumer

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.switches = Switches()


def switches(consumer: Any) -> Switches:
    """Return the switches that a consumer obeys."""
    found: Switches = consumer.transport.switches
    return found


def fetch_position(consumer: Any, tp: TP) -> int:
    """Return the offset up to which a partition was fetched, control markers included."""
    subscription = consumer._thread._ensure_consumer()._subscription.subscription  # noqa: SLF001
    state = subscription.assignment.state_value(tp) if subscription and subscription.assignment else None
    return state.position if state is not None and state.has_valid_position else 0


def chunk_topic(app: Any, names: list[str]) -> Any:
    """A topic whose events are chunks: raw bytes in, nothing decoded, nothing declared."""
    topic = app.topic(*names, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")

    async def decode(message: Any, *, propagate: bool = False) -> Any:
        del propagate
        return topic._create_event(None, message.value, None, message=message)  # noqa: SLF001

    topic.decode = decode
    return topic
