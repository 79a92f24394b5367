"""Owners of partitions in this process: taken over, fed, given up at any moment, fenced."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import aiokafka
import pytest
from aiokafka.errors import KafkaError, ProducerFenced
from msgspec.structs import replace

from processors.desk import ORIGIN
from schemas.activity import Tick, encode
from streams.runtime.decide_lanes import DecideLanes
from streams.runtime.group_offsets import FencedMemberError
from streams.runtime.partition_owner import QUEUED_CHUNKS
from streams.settings import Settings
from tests.kafka.members import Member
from tests.kafka.pipeline import committed, read, until

TICK = encode(Tick(*ORIGIN))
Seek = Callable[[int, int], Awaitable[None]]


class Lanes(DecideLanes):
    """The lanes of one worker, a member of its group, whose faults are kept instead of ending the process."""

    def __init__(self, settings: Settings, instance: str = "a") -> None:
        self.faults: list[BaseException] = []
        self.sought: list[tuple[int, int]] = []
        self.member = Member(settings, instance)
        super().__init__(settings, instance, self.faults.append)

    async def seek(self, partition: int, offset: int) -> None:
        """Note where the consumer was sent."""
        self.sought.append((partition, offset))

    async def start(self) -> None:
        """Connect, and join the group."""
        await super().start()
        await self.member.start()

    async def stop(self) -> None:
        """Commit, and let go."""
        await super().stop()
        await self.member.stop()

    async def begin(self, partitions: set[int], seek: Seek | None = None) -> None:
        """Open partitions as who the worker is now in its group."""
        self.open(partitions, await self.member.joined(), seek or self.seek)

    async def opened(self, *partitions: int) -> None:
        """Open partitions and wait until they are ready."""
        await self.begin(set(partitions))
        await when(lambda: self.faults or (self.owners.keys() >= set(partitions) and self.ready))
        assert self.faults == []


async def when(condition: Callable[[], Any]) -> None:
    """Wait for a condition without holding up the loop."""
    await asyncio.to_thread(until, condition, 30)


@asynccontextmanager
async def lanes(settings: Settings, instance: str = "a") -> AsyncIterator[Lanes]:
    """Lanes at work, and let go."""
    one = Lanes(settings, instance)
    await one.start()
    try:
        yield one
    finally:
        if not one.faults:
            await one.stop()
        else:
            await one.member.stop()


def chunk(first: int, count: int, partition: int = 0) -> list[Any]:
    """Records as a consumer hands them out."""
    at = int(time.time() * 1000)
    one = {"partition": partition, "key": b"tick", "value": TICK, "timestamp": at}
    return [SimpleNamespace(offset=offset, **one) for offset in range(first, first + count)]


async def test_no_chunk_is_left_out(settings: Settings) -> None:
    """More chunks at once than an owner asks for are folded all the same: one left out would be lost."""
    async with lanes(settings) as one:
        await one.opened(0)
        count = QUEUED_CHUNKS + 3
        for number in range(count):
            one.feed(chunk(number * 10, 10))
        assert not one.gate(SimpleNamespace(partition=0))
        await when(lambda: one.owners[0].position == count * 10)
        await when(lambda: one.gate(SimpleNamespace(partition=0)))
        await when(lambda: committed(settings, "decide", "contact-activity").get(0) == count * 10)


async def test_replay_inside_a_chunk(settings: Settings) -> None:
    """A chunk that begins before the position is folded from the position on; one wholly before it changes nothing."""
    async with lanes(settings) as one:
        await one.opened(0)
        one.feed(chunk(0, 10))
        one.feed(chunk(0, 5))
        one.feed(chunk(5, 10))
        await when(lambda: one.owners[0].position == 15)
        assert one.faults == []


async def test_not_ready_while_opening(settings: Settings) -> None:
    """Until its consumer stands at the committed offset a partition is neither ready nor read; the others go on."""
    async with lanes(settings) as one:
        await one.opened(1)
        let = asyncio.Event()

        async def slow(partition: int, offset: int) -> None:
            await let.wait()

        await one.begin({0}, slow)
        await asyncio.sleep(0.5)  # the owner is at its seek, or before it: not ready either way
        assert not one.ready
        assert not one.gate(SimpleNamespace(partition=0))
        assert one.gate(SimpleNamespace(partition=1))
        one.feed(chunk(0, 10, partition=1))
        await when(lambda: one.owners[1].position == 10)
        let.set()
        await when(lambda: one.ready)


@pytest.mark.parametrize("delay", [0, 0.003, 0.01, 0.03, 0.06, 0.1, 0.15, 0.25])
async def test_given_up_while_opening(settings: Settings, delay: float) -> None:
    """Given up at any moment of its opening, a partition lets its folder go and can be opened again."""
    async with lanes(settings) as one:
        await one.begin({0, 1})
        await asyncio.sleep(delay)
        async with asyncio.timeout(10):
            await one.close({0, 1})
        assert one.owners == {}
        await one.opened(0, 1)
        one.feed(chunk(0, 3))
        await when(lambda: one.owners[0].position == 3)


async def test_given_up_with_work(settings: Settings) -> None:
    """Given up with chunks waiting it commits what it has folded, and the next owner goes on right there."""
    async with lanes(settings) as one, lanes(settings, "b") as other:
        await one.opened(0)
        for number in range(4):
            one.feed(chunk(number * 2000, 2000))
        await asyncio.sleep(0)
        await one.close({0})
        at = committed(settings, "decide", "contact-activity")[0]
        assert at <= 8000
        await other.opened(0)
        assert other.sought == [(0, at)]
        assert one.faults == other.faults == []


async def test_new_owner_fences_the_former(settings: Settings) -> None:
    """Once the group has given the partition to another, the former owner's commit fails and leaves nothing behind."""
    async with lanes(settings) as one:
        await one.opened(0)
        await when(lambda: committed(settings, "decide", "contact-activity").get(0) == 0)  # its first tick
        async with lanes(settings, "b") as other:
            await other.opened(0)
            one.feed(chunk(0, 10))
            await when(lambda: one.faults)
            assert isinstance(one.faults[0], FencedMemberError)
            assert committed(settings, "decide", "contact-activity").get(0, 0) == 0
            assert other.faults == []
            other.feed(chunk(0, 5))
            await when(lambda: committed(settings, "decide", "contact-activity").get(0) == 5)


async def test_new_instance_fences_the_former(settings: Settings) -> None:
    """Who is started again under the same name ends its predecessor at once, with no new generation of the group."""
    async with lanes(settings) as one:
        await one.opened(0)
        await when(lambda: committed(settings, "decide", "contact-activity").get(0) == 0)
        await one.member.stop()
        async with lanes(replace(settings, data=settings.data / "again")) as again:
            one.feed(chunk(0, 10))
            await when(lambda: one.faults)
            assert isinstance(one.faults[0], ProducerFenced)
            await again.opened(0)
            assert again.sought == [(0, 0)]


async def test_open_transaction_of_the_former_owner(settings: Settings) -> None:
    """A partition is not taken over before a former owner's open transaction ends: its rows may yet be committed."""
    async with lanes(settings) as one, lanes(settings, "b") as other:
        await one.opened(0)
        await when(lambda: committed(settings, "decide", "contact-activity").get(0) == 0)
        offsets_sent, go_on = asyncio.Event(), asyncio.Event()
        transactions: Any = one._transactions
        commit = transactions._producer.commit_transaction

        async def wait_to_commit() -> None:
            offsets_sent.set()
            await go_on.wait()
            await commit()

        transactions._producer.commit_transaction = wait_to_commit
        one.feed(chunk(0, 10))
        await offsets_sent.wait()
        await other.begin({0})
        await asyncio.sleep(1)  # as long as it would have taken: nothing tells that it waits
        assert not other.ready
        go_on.set()
        await when(lambda: other.ready)
        assert other.sought == [(0, 10)]


async def test_worker_of_an_earlier_version(settings: Settings) -> None:
    """What a worker with a producer for each partition has open is ended when its partition is taken over."""
    former = aiokafka.AIOKafkaProducer(
        bootstrap_servers=settings.bootstrap,
        transactional_id=f"{settings.topic_prefix}decide-0",
        transaction_timeout_ms=60_000,
    )
    await former.start()
    await former.begin_transaction()
    await former.send_and_wait(f"{settings.topic_prefix}decide-changelog", b"1", key=b"xa", partition=0)
    async with lanes(settings) as one:
        await one.opened(0)
        assert one.owners[0].store.get(b"xa") is None
    with pytest.raises(KafkaError):
        await former.commit_transaction()
    await former.stop()


async def test_group_offset_does_not_matter(settings: Settings) -> None:
    """An owner goes on where its rows stand, also when the group's offset was reset, forgotten, or never answered."""
    async with lanes(settings) as one:
        await one.opened(0)
        one.feed(chunk(0, 10))
        await when(lambda: committed(settings, "decide", "contact-activity").get(0) == 10)
        await one.close({0})

        async def none(partition: int) -> int:
            return 0

        one.links.committed = none
        await one.opened(0)
        assert one.owners[0].position == 10
        assert one.sought[-1] == (0, 10)


async def test_answer_without_the_partition(settings: Settings) -> None:
    """A coordinator that loads is asked again: its answer lacks the partition, which does not mean 0."""
    async with lanes(settings) as one:
        admin: Any = one._admin
        real, asked = admin.list_consumer_group_offsets, list[int]()

        async def loading(*args: Any, **kwargs: Any) -> Any:
            asked.append(len(asked))
            return {} if len(asked) < 3 else await real(*args, **kwargs)

        admin.list_consumer_group_offsets = loading
        await one.opened(0)
        assert len(asked) >= 3


async def test_folder_follows_the_commit(settings: Settings) -> None:
    """The folder stands at the changelog's end after each commit, so a restore from it reads nothing again."""
    async with lanes(settings) as one:
        await one.opened(0)
        one.feed(chunk(0, 10))
        await when(lambda: committed(settings, "decide", "contact-activity").get(0) == 10)
        await one.close({0})
        end = max(record.offset for record in read(settings, "decide-changelog") if record.partition == 0) + 1
        await one.opened(0)
        assert one.owners[0].store.offset >= end


async def test_one_commit_for_all(settings: Settings) -> None:
    """What several partitions have done by then is one transaction: the offsets of all of them, or of none."""
    async with lanes(settings) as one:
        await one.opened(0, 1, 2)
        await when(lambda: len(committed(settings, "decide", "contact-activity")) == 3)
        seen: list[set[int]] = []
        transactions: Any = one._transactions
        commit = transactions.commit

        async def noted(positions: dict[int, int]) -> Any:
            seen.append({partition for partition, offset in positions.items() if offset})
            return await commit(positions)

        transactions.commit = noted
        for partition in range(3):
            one.feed(chunk(0, 10, partition))
        await when(lambda: committed(settings, "decide", "contact-activity") == {0: 10, 1: 10, 2: 10})
        assert seen[0] == {0, 1, 2}


async def test_folder_of_another_cluster(settings: Settings) -> None:
    """A folder that was written beside another cluster is not taken for this one's, although all its names agree."""
    async with lanes(settings) as one:
        await one.opened(0)
        assert one.owners[0].store.log.startswith(one._cluster + "/")
        assert len(one._cluster) > 10
        one.owners[0].store.write({b"foreign": b"1"}, {}, one.owners[0].store.offset)
        await one.close({0})
        one._cluster = "another"
        await one.opened(0)
        assert one.owners[0].store.get(b"foreign") is None


async def test_retention_reaches_the_fold(settings: Settings) -> None:
    """How long messages are kept is what the settings say."""
    async with lanes(replace(settings, retention="P2D")) as one:
        await one.opened(0)
        assert one.owners[0].fold.desk.kept < 10 * 86_400_000
