"""A group's offsets as part of a transaction, committed in the name of a member of the group (KIP-447).

aiokafka sends an older request, which names no member: the group's coordinator takes it from whoever was a member once.
Version 3 carries the generation, the member and its instance, and the coordinator refuses it from anybody who is not,
or not any more, a member of the group as it is now. That is the fence between two owners (transactions.py).
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import aiokafka
from aiokafka.client import ConnectionGroup, CoordinationType
from aiokafka.errors import (
    ConcurrentTransactions,
    CoordinatorLoadInProgressError,
    CoordinatorNotAvailableError,
    IllegalGenerationError,
    InvalidProducerEpoch,
    NotCoordinatorError,
    ProducerFenced,
    RequestTimedOutError,
    UnknownMemberIdError,
    UnknownTopicOrPartitionError,
    for_code,
)
from aiokafka.producer.sender import BaseHandler
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import CompactArray, CompactString, Int16, Int32, Int64, Schema, TaggedFields
from aiokafka.structs import OffsetAndMetadata, TopicPartition
from msgspec import Struct

_MOVED = {one.errno for one in (CoordinatorNotAvailableError, NotCoordinatorError, RequestTimedOutError)}
_LATER = {one.errno for one in (CoordinatorLoadInProgressError, ConcurrentTransactions, UnknownTopicOrPartitionError)}
_OUT = {
    IllegalGenerationError.errno: "the group has gone on without it",
    UnknownMemberIdError.errno: "it is no member any more",
    82: "another took its name",  # FENCED_INSTANCE_ID, which aiokafka does not know
}
_PRODUCER_FENCED = {InvalidProducerEpoch.errno, 90}


class FencedMemberError(RuntimeError):
    """The group's coordinator takes no offsets from this worker: others may own its partitions."""


class Membership(Struct, frozen=True):
    """Who this worker is in its group: what the coordinator said when it assigned the partitions."""

    group: str
    generation: int
    member: str
    instance: str | None

    def __post_init__(self) -> None:
        """Refuse what the coordinator would take from anybody: no generation and no name."""
        if self.generation < 0 or not self.member:
            raise ValueError(f"this worker is no member of {self.group}")


class _CommittedV3(Response):  # type: ignore[misc]
    API_KEY = 28  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType]
    API_VERSION = 3  # pyright: ignore[reportIncompatibleMethodOverride, reportAssignmentType]
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "topics",
            CompactArray(
                ("topic", CompactString()),
                ("partitions", CompactArray(("partition", Int32), ("error_code", Int16), ("tags", TaggedFields))),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _CommitV3(RequestStruct):  # type: ignore[misc]
    API_KEY = 28
    API_VERSION = 3
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _CommittedV3
    SCHEMA = Schema(
        ("transactional_id", CompactString()),
        ("group_id", CompactString()),
        ("producer_id", Int64),
        ("producer_epoch", Int16),
        ("generation_id", Int32),
        ("member_id", CompactString()),
        ("group_instance_id", CompactString()),
        (
            "topics",
            CompactArray(
                ("topic", CompactString()),
                (
                    "partitions",
                    CompactArray(
                        ("partition", Int32),
                        ("offset", Int64),
                        ("leader_epoch", Int32),
                        ("metadata", CompactString()),
                        ("tags", TaggedFields),
                    ),
                ),
                ("tags", TaggedFields),
            ),
        ),
        ("tags", TaggedFields),
    )


class _Commit(Request[_CommitV3]):  # type: ignore[misc]
    API_KEY = 28

    def __init__(self, *fields: Any) -> None:
        self._fields = fields

    def build(self, request_struct_class: type[_CommitV3]) -> _CommitV3:
        return request_struct_class(*self._fields, {})


class GroupOffsets:
    """Commits offsets inside the transactions of one producer.

    aiokafka's sender goes on to decide when: after the partitions and the group were added to the transaction. What it
    sends, and how the answer is taken, is ours.
    """

    def __init__(self, producer: aiokafka.AIOKafkaProducer) -> None:
        self._producer = producer
        self._member: Membership | None = None
        producer._sender._do_txn_offset_commit = self._commit  # noqa: SLF001

    async def send(self, offsets: Mapping[TopicPartition, int], member: Membership) -> None:
        """Make these offsets part of the open transaction; raises FencedMemberError or ProducerFenced."""
        self._member = member
        said = {tp: OffsetAndMetadata(offset, "") for tp, offset in offsets.items()}
        await self._producer.send_offsets_to_transaction(said, member.group)

    async def _commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata], group_id: str) -> None:
        """Send what waits to be committed; the sender calls this again until nothing waits."""
        sender: Any = self._producer._sender  # noqa: SLF001
        node = await sender._find_coordinator(CoordinationType.GROUP, group_id)  # noqa: SLF001
        assert self._member is not None  # noqa: S101 - send() comes first
        await _Handler(sender, offsets, self._member).do(node)


class _Handler(BaseHandler):  # type: ignore[misc]
    """One request and its answer."""

    group = ConnectionGroup.COORDINATION

    def __init__(self, sender: Any, offsets: Mapping[TopicPartition, OffsetAndMetadata], member: Membership) -> None:
        super().__init__(sender)
        self._offsets = offsets
        self._member = member

    def create_request(self) -> _Commit:
        """Name the producer, the member, and the offsets by topic."""
        manager, member = self._sender._txn_manager, self._member  # noqa: SLF001
        topics: dict[str, list[Any]] = {}
        for (topic, partition), one in sorted(self._offsets.items()):
            topics.setdefault(topic, []).append((partition, one.offset, -1, one.metadata, {}))
        return _Commit(
            manager.transactional_id,
            member.group,
            manager.producer_id,
            manager.producer_epoch,
            member.generation,
            member.member,
            member.instance,
            [(topic, partitions, {}) for topic, partitions in topics.items()],
        )

    def handle_response(self, response: Any) -> float | None:
        """Settle what waits, or return after how many seconds to ask again."""
        codes = {code for _, partitions, _ in response.topics for _, code, _ in partitions} - {0}
        if codes and codes <= _MOVED | _LATER:
            return self.handle_error() if codes & _MOVED else self._default_backoff
        *_, waiting = self._sender._txn_manager._pending_txn_offsets.popleft()  # noqa: SLF001
        if codes:
            waiting.set_exception(_error(min(codes - _MOVED - _LATER), self._member.group))
        else:
            waiting.set_result(None)
        return None

    def handle_error(self) -> float:
        """Look for the coordinator anew."""
        self._sender._coordinator_dead(CoordinationType.GROUP)  # noqa: SLF001
        backoff: float = self._default_backoff
        return backoff


def _error(code: int, group: str) -> BaseException:
    if code in _OUT:
        return FencedMemberError(f"{group} takes no offsets of this worker: {_OUT[code]}")
    kind: type[BaseException] = ProducerFenced if code in _PRODUCER_FENCED else for_code(code)
    return kind()


async def fence(transactional_id: str, **client: Any) -> None:
    """End what a producer of this id has open, and let it commit nothing any more."""
    producer = aiokafka.AIOKafkaProducer(transactional_id=transactional_id, **client)
    try:
        await producer.start()  # waits until the coordinator has done so
    finally:
        await asyncio.shield(producer.stop())
