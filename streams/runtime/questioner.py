"""The side of HTTP: ask the owners of some partitions, and wait for what they say."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import msgspec
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.questions import Answer
from streams.runtime.command_log import LogUnavailableError
from streams.runtime.murmur2 import partition_of
from streams.topics import full_name

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.questions import Question
    from streams.settings import Settings

AGAIN_SECONDS = 12.0
"""Who has not answered by then is asked once more: its partition may have changed hands."""
_AFTER_AN_ERROR = 1.0
_answer = msgspec.json.Decoder(Answer).decode
_encode = msgspec.json.Encoder().encode


class _Waiter:
    """Answers to one question, until those of all its partitions are there."""

    def __init__(self, partitions: Sequence[int]) -> None:
        self.missing = set(partitions)
        self.answers: dict[int, Answer] = {}
        self.complete = asyncio.Event()

    def take(self, said: Answer) -> None:
        self.missing.discard(said.partition)
        self.answers[said.partition] = said
        if not self.missing:
            self.complete.set()


class Questioner:
    """Asks, and hears every answer from its start on."""

    def __init__(self, settings: Settings, *, instance: str) -> None:
        self._settings = settings
        common: dict[str, Any] = {
            "bootstrap_servers": settings.bootstrap,
            "client_id": f"rollcall-asks-{instance}",
            **settings.kafka_security(),
        }
        self._producer = AIOKafkaProducer(acks="all", request_timeout_ms=30_000, **common)
        self._consumer = AIOKafkaConsumer(
            enable_auto_commit=False, auto_offset_reset="latest", fetch_max_wait_ms=100, **common
        )
        self._waiting: dict[str, _Waiter] = {}
        self._hearing: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect, once it can. Raises LogUnavailableError, and may be called again then."""
        try:
            await self._producer.start()
            await self._consumer.start()
            topic = full_name(self._settings.topic_prefix, "answers")
            self._consumer.assign([TopicPartition(topic, number) for number in range(self._settings.partitions)])
            await self._consumer.seek_to_end()
        except KafkaError as error:
            raise LogUnavailableError(type(error).__name__) from error
        self._hearing = asyncio.create_task(self._hear())

    async def stop(self) -> None:
        """Close; who waits for an answer waits in vain."""
        if self._hearing is not None:
            self._hearing.cancel()
            with suppress(asyncio.CancelledError):
                await self._hearing
        for client in (self._consumer, self._producer):
            with suppress(KafkaError):
                await client.stop()

    async def ask_owner(self, key: bytes, question: Question, wait: float) -> Answer:
        """Ask the owner of a contact (tenant/contact). Raises TimeoutError."""
        partition = partition_of(key, self._settings.partitions)
        return (await self._ask([partition], question, wait))[0]

    async def ask_all(self, question: Question, wait: float) -> list[Answer]:
        """Ask the owners of all partitions. Raises TimeoutError where one does not answer."""
        return await self._ask(range(self._settings.partitions), question, wait)

    async def _ask(self, partitions: Sequence[int], question: Question, wait: float) -> list[Answer]:
        waiter = self._waiting[question.id] = _Waiter(partitions)
        try:
            async with asyncio.timeout(wait):
                while waiter.missing:
                    await self._send(waiter.missing, question)
                    with suppress(TimeoutError):
                        await asyncio.wait_for(waiter.complete.wait(), AGAIN_SECONDS)
        finally:
            del self._waiting[question.id]
        return [waiter.answers[partition] for partition in partitions]

    async def _send(self, partitions: set[int], question: Question) -> None:
        topic, value = full_name(self._settings.topic_prefix, "questions"), _encode(question)
        try:
            sent = [await self._producer.send(topic, value, partition=partition) for partition in sorted(partitions)]
            await asyncio.gather(*sent)
        except KafkaError as error:
            raise LogUnavailableError(type(error).__name__) from error

    async def _hear(self) -> None:
        while True:
            try:
                chunks = await self._consumer.getmany(timeout_ms=100)
            except KafkaError:  # such as rights that were taken away: the next round may have them
                chunks = {}
                await asyncio.sleep(_AFTER_AN_ERROR)
            for records in chunks.values():
                self._take(records)

    def _take(self, records: list[Any]) -> None:
        for record in records:
            with suppress(msgspec.DecodeError, UnicodeDecodeError):
                said = _answer(record.value or b"")
                waiter = self._waiting.get(said.id)
                if waiter is not None:
                    waiter.take(said)
