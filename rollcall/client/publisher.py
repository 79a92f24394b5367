"""Publish events and commands: checked before they are sent, acknowledged by the brokers, safe to send again."""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Iterable, Mapping
from typing import Any, Self, Unpack

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaConnectionError, KafkaError
from msgspec import Struct

from rollcall.client.brokers import Brokers, brokers_at
from rollcall.client.errors import ClientError, MissingTopicError, UnacknowledgedError, UnreachableError
from rollcall.client.letters import Attributes, Letter, command_letter, enveloped, event_letter
from schemas.commands import Command
from schemas.envelope import MAX_COMMAND
from schemas.events import Booking, Event, Message, Rating

_ROOM = 64 * 1024
"""What a record may need beside its value."""


class Receipt(Struct, frozen=True):
    """Where the log keeps an event: topic with prefix, partition, offset, and append time in epoch milliseconds."""

    topic: str
    partition: int
    offset: int
    time: int


class Publisher:
    """An asynchronous context manager around an idempotent producer that waits for all in-sync replicas.

    A method returns once the brokers have the event. It raises InvalidEventError before anything is sent, or
    UnacknowledgedError when `timeout` seconds (30) bring no answer. The pipeline knows an event by its `id` and
    `source`: publish the same one again as often as you like.
    """

    def __init__(self, brokers: Brokers | str, *, timeout: float = 30.0) -> None:
        self._brokers = brokers_at(brokers)
        self._timeout = timeout
        self._producer: Any = None

    async def __aenter__(self) -> Self:
        self._producer = AIOKafkaProducer(
            enable_idempotence=True,
            acks="all",
            linger_ms=2,
            max_request_size=MAX_COMMAND + _ROOM,
            request_timeout_ms=max(1, int(self._timeout * 1000)),
            **self._brokers.client,
        )
        try:
            await self._producer.start()
        except KafkaConnectionError:
            await self._stop()
            raise UnreachableError(self._brokers.bootstrap, secured=bool(self._brokers.security)) from None
        except BaseException:
            await self._stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stop()

    async def publish(self, event: Event | Mapping[str, Any]) -> Receipt:
        """Publish one booking, rating or message: a struct of schemas.events, or a dict in CloudEvents' JSON form."""
        return (await self._send([event_letter(event)]))[0]

    async def publish_all(self, events: Iterable[Event | Mapping[str, Any]]) -> list[Receipt]:
        """Publish many at the cost of one wait. All are checked before the first is sent; order is kept by key."""
        return await self._send([event_letter(event, index=index) for index, event in enumerate(events)])

    async def publish_booking(self, data: Booking | Mapping[str, Any], **attributes: Unpack[Attributes]) -> Receipt:
        """Publish a booking; without an id, `booking_id:revision` is one, so that a retry is a duplicate."""
        return await self.publish(enveloped("booking", data, attributes))

    async def publish_rating(self, data: Rating | Mapping[str, Any], **attributes: Unpack[Attributes]) -> Receipt:
        """Publish a rating; without an id, `rating_id:revision` is one, so that a retry is a duplicate."""
        return await self.publish(enveloped("rating", data, attributes))

    async def publish_message(self, data: Message | Mapping[str, Any], **attributes: Unpack[Attributes]) -> Receipt:
        """Publish a message; without an id, `message_id:revision` is one, so that a retry is a duplicate."""
        return await self.publish(enveloped("message", data, attributes))

    async def command(self, command: Command | Mapping[str, Any]) -> Receipt:
        """Publish a command. What became of it is told in the topic `outcomes` under tenant/id, or over HTTP."""
        return (await self._send([command_letter(command)]))[0]

    async def _send(self, letters: list[Letter]) -> list[Receipt]:
        if self._producer is None:
            raise ClientError("the publisher is not open: use `async with Publisher(…) as publisher`")
        for topic in {letter.topic for letter in letters}:
            await self._find(self._brokers.topic(topic))
        return await self._acknowledged(letters) if letters else []

    async def _find(self, topic: str) -> None:
        """Ask for all topics, not this one by name: that would create it on some brokers."""
        client = self._producer.client
        if topic in client.cluster.topics():
            return
        try:
            known = await client.fetch_all_metadata()
        except KafkaError as error:
            raise UnacknowledgedError(topic, f"the brokers do not answer ({type(error).__name__})") from None
        if topic not in known.topics():
            raise MissingTopicError(topic)

    async def _acknowledged(self, letters: list[Letter]) -> list[Receipt]:
        topic = self._brokers.topic(letters[0].topic)
        try:
            async with asyncio.timeout(self._timeout):
                sent = [await self._hand_over(letter) for letter in letters]
                # shielded: the producer goes on sending what the caller no longer waits for
                done = [await asyncio.shield(one) for one in sent]
        except TimeoutError:
            raise UnacknowledgedError(topic, f"not acknowledged within {self._timeout:g} s") from None
        except KafkaError as error:
            # only the error's name: its own text may hold a record
            raise UnacknowledgedError(topic, f"refused by the broker ({type(error).__name__})") from None
        return [Receipt(one.topic, one.partition, one.offset, one.timestamp) for one in done]

    async def _hand_over(self, letter: Letter) -> asyncio.Future[Any]:
        future: asyncio.Future[Any] = await self._producer.send(
            self._brokers.topic(letter.topic), letter.value, key=letter.key
        )
        future.add_done_callback(_look)
        return future

    async def _stop(self) -> None:
        """Close; what was not acknowledged has been reported, and must not hold up the end."""
        producer, self._producer = self._producer, None
        if producer is None:
            return
        try:
            async with asyncio.timeout(self._timeout):
                await producer.stop()
        except TimeoutError:
            with contextlib.suppress(KafkaError):
                await producer._sender.close()  # noqa: SLF001 - stop() waits for ever for brokers that are gone
                await producer.client.close()


def _look(future: asyncio.Future[Any]) -> None:
    """Fetch the exception of a record whose caller has gone, or the loop complains."""
    if not future.cancelled():
        future.exception()
