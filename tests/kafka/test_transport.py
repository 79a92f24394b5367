"""Chunks on a real broker: bounded, gated, acknowledged in order and committed no further than that."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from confluent_kafka import Producer
from faust.types import TP

from streams.runtime.hop_app import BUFFERED_CHUNKS, CHUNK_RECORDS, HopApp, hop_app
from streams.runtime.transport import chunk_topic
from streams.settings import Settings
from tests.kafka.pipeline import committed, until

pytestmark = pytest.mark.filterwarnings("ignore")


async def eventually(condition: Callable[[], Any], what: str, seconds: float = 30) -> None:
    """Wait for a condition without holding up the loop."""
    await asyncio.to_thread(until, condition, seconds, what)


class Agent:
    """A hop's app over `messages` whose agent keeps every event and goes on only when it is let."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.handed: list[list[Any]] = []
        self.events: list[Any] = []
        self.let = asyncio.Semaphore(0)
        self.app: HopApp = hop_app(settings, "test", "a")
        self.app.opening = self.app.closing = _nothing
        self.app.switches.observe = self.handed.append
        self.app.agent(chunk_topic(self.app, [settings.topic_prefix + "messages"]), name="test")(self._take)

    async def _take(self, stream: Any) -> None:
        async for event in stream.noack().events():
            self.events.append(event)
            await self.let.acquire()

    def committed(self) -> dict[int, int]:
        """Return what the group has committed."""
        return committed(self.settings, "test", "messages")


async def _nothing() -> None:
    return


@asynccontextmanager
async def at_work(settings: Settings, **switches: Any) -> AsyncIterator[Agent]:
    """An agent whose app runs in this loop."""
    agent = Agent(settings)
    for name, value in switches.items():
        setattr(agent.app.switches, name, value)
    await agent.app.start()
    try:
        yield agent
    finally:
        for event in agent.events:
            event.ack()
        for _ in range(10_000):
            agent.let.release()
        await agent.app.stop()


def publish(settings: Settings, count: int, partition: int = 0) -> None:
    """Publish so many records into one partition."""
    producer = Producer({"bootstrap.servers": settings.bootstrap, "queue.buffering.max.messages": 1_000_000})
    for _ in range(count):
        producer.produce(settings.topic_prefix + "messages", b"x", partition=partition)
    producer.flush(30)


async def test_backpressure(settings: Settings) -> None:
    """While the agent stands still only a few chunks are taken out of the broker; once it goes on, all of them."""
    count = 3 * BUFFERED_CHUNKS * CHUNK_RECORDS
    publish(settings, count)
    async with at_work(settings) as agent:
        await eventually(lambda: len(agent.handed) >= BUFFERED_CHUNKS / 2, "a buffer that fills")
        await asyncio.sleep(1)  # nothing more comes: there is no event to wait for
        assert len(agent.handed) <= BUFFERED_CHUNKS + 3
        assert max(map(len, agent.handed)) <= CHUNK_RECORDS
        for _ in range(count):
            agent.let.release()
        await eventually(lambda: sum(map(len, agent.handed)) == count, "all of them")
        offsets = [record.offset for records in agent.handed for record in records]
        assert offsets == list(range(count))


async def test_gate(settings: Settings) -> None:
    """A partition whose gate is shut is not read; the others are; opened, nothing is missing."""
    shut = {1}
    publish(settings, 100, 0)
    publish(settings, 100, 1)
    async with at_work(settings, gate=lambda tp: tp.partition not in shut) as agent:
        agent.let.release()
        await eventually(lambda: agent.handed, "the open partition")
        assert {records[0].partition for records in agent.handed} == {0}
        for _ in range(100):
            agent.let.release()
        shut.clear()
        await eventually(lambda: sum(map(len, agent.handed)) == 200, "the other one")


async def test_commits_follow_acks(settings: Settings) -> None:
    """The group's offset goes to the end of the newest acknowledged chunk, and no further."""
    publish(settings, 100)
    async with at_work(settings) as agent:
        agent.let.release()
        await eventually(lambda: agent.events, "the first chunk")
        first = sum(len(records) for records in agent.handed)
        publish(settings, 50)
        await eventually(lambda: len(agent.events) > 1, "a second chunk")
        assert agent.committed() == {}
        agent.events[0].ack()
        await eventually(lambda: agent.committed() == {0: agent.handed[0][-1].offset + 1}, "the first chunk's end")
        assert first < 150
        await asyncio.sleep(1.5)  # longer than the time between commits
        assert agent.committed() == {0: agent.handed[0][-1].offset + 1}


async def test_hop_that_commits_itself(settings: Settings) -> None:
    """Where a hop commits in its own transactions Faust commits nothing, acknowledged or not."""
    publish(settings, 100)
    async with at_work(settings, commits=False) as agent:
        await eventually(lambda: agent.events, "a chunk")
        agent.events[0].ack()
        await asyncio.sleep(1.5)  # longer than the time between commits
    assert agent.committed() == {}


async def test_a_backlog_is_no_error(settings: Settings, caplog: pytest.LogCaptureFixture) -> None:
    """A partition that waits is none that Faust complains of, however long the worker has been up."""
    publish(settings, 3 * BUFFERED_CHUNKS * CHUNK_RECORDS)
    async with at_work(settings, commits=False) as agent:
        await eventually(lambda: len(agent.handed) >= BUFFERED_CHUNKS / 2, "a buffer that fills")
        consumer: Any = agent.app.consumer
        caplog.clear()
        consumer._thread.verify_event_path(time.monotonic() + 3600, TP(settings.topic_prefix + "messages", 0))
        assert [record.getMessage() for record in caplog.records if record.levelno >= logging.ERROR] == []


async def test_heartbeats_are_known(settings: Settings) -> None:
    """The age of the last answered heartbeat stays below the session while the group counts this member in."""
    async with at_work(Settings.from_env(settings.environ(), session_seconds=3)) as agent:
        consumer: Any = agent.app.consumer
        thread: Any = consumer._thread
        await eventually(agent.app.consumer.assignment, "an assignment")
        since = thread.last_heartbeat
        await eventually(lambda: thread.last_heartbeat > since + 1, "further heartbeats")
        assert thread.heartbeat_age() < 3


async def test_what_a_rebalance_overtakes_is_read_again(settings: Settings) -> None:
    """Records that a fetch brings while the generation changes are not handed out, and not passed over either."""
    async with at_work(settings) as agent:
        agent.let.release()
        await eventually(agent.app.consumer.assignment, "an assignment")
        consumer: Any = agent.app.consumer
        fetch, overtaken = consumer._getmany, list[Any]()

        async def overtake(active_partitions: Any, timeout: float) -> Any:  # noqa: ASYNC109 - Faust's
            chunks = await fetch(active_partitions, timeout)
            if chunks and not overtaken:
                overtaken.append(chunks)
                agent.app.consumer_generation_id += 1
            return chunks

        consumer._getmany = overtake
        publish(settings, 5)
        publish(settings, 5, partition=1)
        await eventually(lambda: overtaken, "a fetch that is overtaken")
        for _ in range(20):
            agent.let.release()
        await eventually(lambda: sum(map(len, agent.handed)) == 10, "all of them")
        assert sorted((r.partition, r.offset) for records in agent.handed for r in records) == [
            (partition, offset) for partition in (0, 1) for offset in range(5)
        ]
