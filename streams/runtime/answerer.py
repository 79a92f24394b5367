"""The side of the owners: every decide worker hears all questions and answers those about partitions that it owns.

Nothing is remembered: a question that nobody could answer, because its partition was changing hands, is asked again by
whoever wants to know. Questions are read from the end, outside any group, and cannot stop a worker.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple

import aiokafka
import msgspec
from aiokafka.errors import KafkaError
from aiokafka.structs import TopicPartition

from processors.answer import answering
from schemas.questions import Answer, Question

if TYPE_CHECKING:
    from collections.abc import Iterator

    from processors.fold import Fold
    from streams.runtime.partition_owner import PartitionOwner
    from streams.settings import Settings

log = logging.getLogger("rollcall.answers")

HELD_SECONDS = 10.0
"""So long a question waits for its partition to be opened here."""
_POLL_MS = 100
_AFTER_AN_ERROR = 1.0
_decode = msgspec.json.Decoder(Question).decode
_encode = msgspec.json.Encoder().encode


class _Heard(NamedTuple):
    """A question, the partition it is about, and its append time (epoch ms)."""

    question: Question
    partition: int
    at: int


class Answerer:
    """Reads questions, hands them to `owners`, writes their answers."""

    def __init__(self, settings: Settings, owners: Mapping[int, PartitionOwner]) -> None:
        self._settings = settings
        self._owners = owners
        self._waiting: list[tuple[float, _Heard]] = []
        self._open: dict[tuple[str, int], PartitionOwner] = {}
        self._said: asyncio.Queue[Answer] = asyncio.Queue()
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Connect, and hear what is asked from now on."""
        settings = self._settings
        common: dict[str, Any] = {"bootstrap_servers": settings.bootstrap, **settings.kafka_security()}
        self._consumer = aiokafka.AIOKafkaConsumer(
            enable_auto_commit=False, auto_offset_reset="latest", fetch_max_wait_ms=_POLL_MS, **common
        )
        self._producer = aiokafka.AIOKafkaProducer(acks="all", request_timeout_ms=30_000, **common)
        await self._producer.start()
        await self._consumer.start()
        topic = settings.topic_prefix + "questions"
        self._consumer.assign([TopicPartition(topic, number) for number in range(settings.partitions)])
        await self._consumer.seek_to_end()
        self._tasks = [asyncio.create_task(work()) for work in (self._hear, self._say)]

    async def stop(self) -> None:
        """Let the connections go; what is asked now, others answer."""
        for task in self._tasks:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        if self._tasks:
            await self._consumer.stop()
            await self._producer.stop()

    async def _hear(self) -> None:
        while True:
            try:
                chunks = await self._consumer.getmany(timeout_ms=_POLL_MS)
            except KafkaError:  # such as rights that were taken away: the next round may have them
                chunks = {}
                await asyncio.sleep(_AFTER_AN_ERROR)
            for records in chunks.values():
                self._take(records)
            self._hand_over()

    def _take(self, records: list[Any]) -> None:
        until = time.monotonic() + HELD_SECONDS
        for record in records:
            with suppress(msgspec.DecodeError, UnicodeDecodeError):
                heard = _Heard(_decode(record.value or b""), record.partition, record.timestamp)
                self._waiting.append((until, heard))

    def _hand_over(self) -> None:
        now, waiting = time.monotonic(), self._waiting
        self._waiting = []
        # an owner that has gone answers nothing any more
        self._open = {at: owner for at, owner in self._open.items() if self._owners.get(at[1]) is owner}
        for until, heard in waiting:
            owner = self._owners.get(heard.partition)
            if owner is not None and owner.ready:
                self._hand(owner, heard)
            elif now < until:
                self._waiting.append((until, heard))

    def _hand(self, owner: PartitionOwner, heard: _Heard) -> None:
        """Have a question answered once, however often it is asked meanwhile."""
        at = (heard.question.id, heard.partition)
        if at not in self._open:
            self._open[at] = owner
            owner.ask(_steps(heard, self._said.put_nowait, lambda: self._close(at)))

    def _close(self, at: tuple[str, int]) -> None:
        self._open.pop(at, None)

    async def _say(self) -> None:
        topic = self._settings.topic_prefix + "answers"
        while True:
            said = await self._said.get()
            with suppress(KafkaError):
                await self._producer.send(topic, _encode(said), partition=said.partition)


def _steps(heard: _Heard, say: Callable[[Answer], None], done: Callable[[], None]) -> Callable[[Fold], bool]:
    """Give a function that does one slice and returns whether there is more; it calls `done` when there is not."""
    under_way: list[Iterator[Answer | None]] = []

    def step(fold: Fold) -> bool:
        if not under_way:
            under_way.append(answering(fold, heard.question, heard.at))
        try:
            said = next(under_way[0])
        except Exception as error:  # noqa: BLE001 - who asks must not be able to stop who decides
            log.warning("a question could not be answered: %s", type(error).__name__)
            done()
            return False
        if said is not None:
            say(said)
            done()
        return said is None

    return step
