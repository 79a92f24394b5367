"""One worker's transactions: what all its owners said since the last commit, their rows and their offsets, at once.

A commit has three steps, each after the answer to the one before: the records; the offsets, in the name of the member
and generation to which the partitions were assigned (group_offsets.py); the end of the transaction.

Why no change is lost or doubled when a partition goes from a former owner to a new one:

1. The group's coordinator takes offsets only in the name of a member of the group as it is. The new owner's assignment
   begins another generation, or, where an instance was started again, gives its place to another member. From then on
   no offsets of the former owner are taken, and without them it ends no transaction.
2. So whatever the former owner may still commit had its offsets taken before the new one was assigned the partition,
   and its records, which come before the offsets, lay in the changelog by then.
3. The new owner notes the end of the changelog after its assignment, without regard to transactions, and reads what is
   committed up to there (restore.py). It gets there only once every transaction that began below has ended. So it has
   all that the former owner has committed or ever will; and its position, a row among the others, is that of the same
   commit.
4. The former owner's open transaction ends by its commit; or when its instance is started again, which has the same
   `transactional.id`; or after a session, the time-out, by when the group has waited as long for that worker.

The former owner, wherever it slept, finds its offsets refused, takes back what it wrote, and ends its process. Until
then readers wait behind its open transaction; nobody reads anything of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress

import aiokafka
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from streams.runtime.appender import BATCH_BYTES, CODEC, Appender, Sent
from streams.runtime.fail_points import reached
from streams.runtime.group_offsets import FencedMemberError, GroupOffsets, Membership
from streams.settings import Settings

ACTIVITY = "contact-activity"
BATCHES_WAITING = 32
"""So many full batches may wait to be sent, 8 MiB, before the stream waits for them."""
TAKE_BACK_SECONDS = 2.0


class Transactions:
    """One worker's transactional producer and the batches that are open in it."""

    def __init__(self, settings: Settings, instance: str) -> None:
        self.member: Membership | None = None
        self._settings = settings
        # not "decide-<number>": those were the partitions' own, as earlier versions had them
        self._id = f"{settings.topic_prefix}decide-worker-{instance}"
        self._open = False
        self._sending: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect; what a former process of this instance has open is ended first."""
        settings = self._settings
        self._producer = aiokafka.AIOKafkaProducer(
            bootstrap_servers=settings.bootstrap,
            transactional_id=self._id,
            transaction_timeout_ms=settings.session_seconds * 1000,
            acks="all",
            compression_type=CODEC,
            max_batch_size=BATCH_BYTES,
            linger_ms=0,
            request_timeout_ms=30_000,
            **settings.kafka_security(),
        )
        self.appender = Appender(self._producer, settings.topic_prefix)
        await self._producer.start()
        self._offsets = GroupOffsets(self._producer)

    async def stop(self) -> None:
        """Let the connections go."""
        await self._producer.stop()

    async def hand_out(self) -> None:
        """Have full batches sent while the stream goes on; it waits only where many are on their way."""
        if self._sending is not None and (self._sending.done() or self.appender.unsent > BATCHES_WAITING):
            sending, self._sending = self._sending, None
            await sending
        if self.appender.unsent and self._sending is None:
            await self._begin()
            self._sending = asyncio.create_task(self.appender.push())

    async def commit(self, positions: Mapping[int, int]) -> Sent:
        """Commit all that was appended, and where each partition stands; raises where any of it is refused."""
        await self._begin()
        if self._sending is not None:
            sending, self._sending = self._sending, None
            await sending
        reached("decide-before-flush")
        sent = await self.appender.flush()
        reached("decide-before-offsets")
        topic = self._settings.topic_prefix + ACTIVITY
        await self._send_offsets({TopicPartition(topic, at): offset for at, offset in positions.items()})
        reached("decide-before-commit")
        await self._producer.commit_transaction()
        reached("decide-after-commit")
        self._open = False
        return sent

    async def _begin(self) -> None:
        if not self._open:
            await self._producer.begin_transaction()
            self._open = True

    async def _send_offsets(self, offsets: Mapping[TopicPartition, int]) -> None:
        assert self.member is not None  # noqa: S101 - whoever has partitions to commit was assigned them
        try:
            await self._offsets.send(offsets, self.member)
        except FencedMemberError:
            await self._take_back()
            raise

    async def _take_back(self) -> None:
        """End the transaction, so that no reader waits behind it; where that fails, its time-out does it."""
        with suppress(KafkaError, TimeoutError):
            async with asyncio.timeout(TAKE_BACK_SECONDS):
                await self._producer.abort_transaction()
