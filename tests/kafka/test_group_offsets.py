"""Offsets in a transaction are taken from a member of the group as it is now, and from nobody else."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiokafka
import pytest
from aiokafka.errors import ProducerFenced
from aiokafka.structs import TopicPartition
from msgspec.structs import replace

from streams.runtime.group_offsets import FencedMemberError, GroupOffsets, Membership, fence
from streams.settings import Settings
from tests.kafka.members import member
from tests.kafka.pipeline import committed, read

CHANGES = "membership-changes"


class Writer:
    """A producer that commits a record and an offset at once."""

    def __init__(self, settings: Settings, name: str) -> None:
        self.id = settings.topic_prefix + name
        self._prefix = settings.topic_prefix
        self._producer = aiokafka.AIOKafkaProducer(
            bootstrap_servers=settings.bootstrap, transactional_id=self.id, acks="all"
        )

    async def start(self) -> None:
        """Fence whoever had the name before."""
        await self._producer.start()
        self._offsets = GroupOffsets(self._producer)

    async def stop(self) -> None:
        """Let the connections go."""
        await self._producer.stop()

    async def commit(self, offset: int, membership: Membership) -> None:
        """Write one record and commit one offset; takes the record back where that is refused."""
        await self._producer.begin_transaction()
        await self._producer.send_and_wait(self._prefix + CHANGES, b"{}", partition=0)
        try:
            await self._offsets.send({TopicPartition(self._prefix + "contact-activity", 0): offset}, membership)
        except FencedMemberError:
            await self._producer.abort_transaction()
            raise
        await self._producer.commit_transaction()


@asynccontextmanager
async def writer(settings: Settings, name: str = "w") -> AsyncIterator[Writer]:
    """A writer at work."""
    one = Writer(settings, name)
    await one.start()
    try:
        yield one
    finally:
        await one.stop()


async def test_a_member_commits(settings: Settings) -> None:
    """Record and offset of each transaction are there."""
    async with member(settings, "a") as who, writer(settings) as one:
        await one.commit(7, await who.joined())
        await one.commit(9, await who.joined())
    assert len(read(settings, CHANGES)) == 2
    assert committed(settings, "decide", "contact-activity") == {0: 9}


async def test_once_the_group_has_gone_on_nothing_is_taken(settings: Settings) -> None:
    """Another member joins: what says the former generation is refused, and what was written with it is not read."""
    async with member(settings, "a") as who, writer(settings) as one:
        before = await who.joined()
        async with member(settings, "b") as other:
            assert (await other.joined()).generation > before.generation
            with pytest.raises(FencedMemberError, match="gone on without it"):
                await one.commit(7, before)
            await one.commit(8, await who.joined())
    assert len(read(settings, CHANGES)) == 1
    assert committed(settings, "decide", "contact-activity") == {0: 8}


async def test_who_is_no_member_is_refused(settings: Settings) -> None:
    """A member that the coordinator does not know commits nothing, whatever generation it names."""
    async with member(settings, "a") as who, writer(settings) as one:
        stranger = replace(await who.joined(), member="stranger", instance=None)
        with pytest.raises(FencedMemberError, match="no member any more"):
            await one.commit(7, stranger)


async def test_who_was_replaced_is_refused(settings: Settings) -> None:
    """An instance that was started again is another member of the same generation: the former one commits nothing."""
    async with member(settings, "a") as who:
        before = await who.joined()
    async with member(settings, "a") as again, writer(settings) as one:
        now = await again.joined()
        assert now.generation == before.generation
        assert now.member != before.member
        with pytest.raises(FencedMemberError, match="another took its name"):
            await one.commit(7, before)
        await one.commit(8, now)
    assert committed(settings, "decide", "contact-activity") == {0: 8}


async def test_nobody_is_a_member_without_a_name(settings: Settings) -> None:
    """The coordinator takes offsets without generation and name from anybody: there is no such membership."""
    async with member(settings, "a") as who:
        real = await who.joined()
    for changed in ({"generation": -1}, {"member": ""}):
        with pytest.raises(ValueError, match="no member of"):
            replace(real, **changed)


async def test_a_fenced_producer_commits_nothing(settings: Settings) -> None:
    """Whoever fences an id ends what is open under it, and the former producer cannot go on."""
    async with member(settings, "a") as who, writer(settings) as one:
        await one.commit(7, await who.joined())
        await fence(one.id, bootstrap_servers=settings.bootstrap)
        with pytest.raises(ProducerFenced):
            await one.commit(8, await who.joined())
    assert committed(settings, "decide", "contact-activity") == {0: 7}
