"""Members of decide's group by themselves, as a worker's consumer is one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiokafka

from streams.runtime.group_offsets import Membership
from streams.settings import Settings


class Member:
    """A member of decide's group that reads nothing."""

    def __init__(self, settings: Settings, instance: str) -> None:
        self._consumer = aiokafka.AIOKafkaConsumer(
            settings.topic_prefix + "contact-activity",
            bootstrap_servers=settings.bootstrap,
            group_id=settings.topic_prefix + "decide",
            group_instance_id=f"{settings.topic_prefix}decide-{instance}",
            enable_auto_commit=False,
            session_timeout_ms=6_000,
            heartbeat_interval_ms=200,
        )

    async def start(self) -> None:
        """Join."""
        await self._consumer.start()

    async def stop(self) -> None:
        """Let the connections go; a static member leaves its place in the group."""
        await self._consumer.stop()

    async def joined(self) -> Membership:
        """Return who it is, once the group has settled with it and its last heartbeat was answered."""
        coordinator: Any = self._consumer._coordinator
        async with asyncio.timeout(30):
            while not await coordinator._do_heartbeat():  # noqa: ASYNC110 - nothing tells
                await asyncio.sleep(0.1)
        return Membership(
            coordinator.group_id, coordinator.generation, coordinator.member_id, coordinator._group_instance_id
        )


@asynccontextmanager
async def member(settings: Settings, instance: str) -> AsyncIterator[Member]:
    """A member that leaves at the end."""
    one = Member(settings, instance)
    await one.start()
    try:
        yield one
    finally:
        await one.stop()
