"""What the harness asks of the broker, through another client than the contestants': topics, offsets, records."""

# confluent_kafka types its futures loosely
# pyright: basic, reportArgumentType=false

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from concurrent.futures import Future
from typing import Any

from confluent_kafka import (
    Consumer,
    ConsumerGroupState,
    ConsumerGroupTopicPartitions,
    IsolationLevel,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]
from confluent_kafka.cimpl import NewTopic

from benchmarks.job import PARTITIONS, Record

_ASK_S = 30
_QUIET = {"log_level": 2}
"""librdkafka tells of every broker that is stopped behind it; only what is critical is worth a line."""
_BATCH = 10_000


class Kafka:
    """One broker, seen from outside; every topic of the job has the same number of partitions."""

    def __init__(self, brokers: str) -> None:
        self.brokers = brokers
        self._admin = AdminClient({"bootstrap.servers": brokers, **_QUIET})
        self._groups: dict[str, str] = {}

    def create(self, topics: Iterable[str]) -> None:
        """Create plain topics and wait until each partition has a leader."""
        names = list(topics)
        settings = {"message.timestamp.type": "LogAppendTime"}
        _results(self._admin.create_topics([NewTopic(name, PARTITIONS, 1, config=settings) for name in names]))
        self.ends(*names)

    def delete(self, part: str) -> None:
        """Delete every topic whose name contains this run's name."""
        mine = [name for name in self._admin.list_topics(timeout=_ASK_S).topics if part in name]
        if mine:
            _results(self._admin.delete_topics(mine))

    def publish(self, topic: str, records: Iterable[Record]) -> None:
        """Write records as a gateway would: lz4, partition by key; return once all are acknowledged."""
        producer = Producer({
            "bootstrap.servers": self.brokers, "compression.type": "lz4", "linger.ms": 50, "batch.size": 256 * 1024,
            "partitioner": "murmur2_random", "enable.idempotence": True, "queue.buffering.max.messages": 1_000_000,
            **_QUIET,
        })  # fmt: skip
        for at, (key, value) in enumerate(records):
            if at % _BATCH == 0:
                producer.poll(0)
            producer.produce(topic, value, key)
        if left := producer.flush(_ASK_S * 4):
            raise RuntimeError(f"{left} records of {topic} were not acknowledged")

    def ends(self, *topics: str) -> dict[tuple[str, int], int]:
        """Offset behind the last record, committed or not, of every partition; a new topic is waited for."""
        latest = OffsetSpec.latest()  # type: ignore[no-untyped-call]
        ask = {TopicPartition(topic, at): latest for topic in topics for at in range(PARTITIONS)}
        until = time.monotonic() + _ASK_S
        while True:
            try:
                found = self._admin.list_offsets(ask, isolation_level=IsolationLevel.READ_UNCOMMITTED)
                return {(at.topic, at.partition): future.result(_ASK_S).offset for at, future in found.items()}
            except KafkaException:
                if time.monotonic() > until:
                    raise
                time.sleep(0.1)  # the broker is still giving a new topic its leaders

    def count(self, topic: str) -> int:
        """Records appended to a topic since it was created, markers of transactions included."""
        return sum(self.ends(topic).values())

    def committed(self, topic: str) -> dict[int, int]:
        """Where the group that reads this topic has committed to, by partition; empty when no group has."""
        if topic not in self._groups:
            self._groups.update((topic, group) for group in self._all_groups() if self._committed(group, topic))
        return self._committed(self._groups[topic], topic) if topic in self._groups else {}

    def _all_groups(self) -> list[str]:
        listing = self._admin.list_consumer_groups(request_timeout=_ASK_S).result(_ASK_S)
        return [group.group_id for group in listing.valid or ()]

    def _committed(self, group: str, topic: str) -> dict[int, int]:
        asked = self._admin.list_consumer_group_offsets([ConsumerGroupTopicPartitions(group)])[group]
        try:
            known: Sequence[TopicPartition] = asked.result(_ASK_S).topic_partitions or ()
        except KafkaException:  # the group is not there yet, or its coordinator is on the move
            return {}
        return {at.partition: at.offset for at in known if at.topic == topic and at.offset >= 0}

    def shares(self, group: str) -> list[int]:
        """How many partitions each member of a settled group has; empty while the group is on the move."""
        try:
            found = self._admin.describe_consumer_groups([group])[group].result(_ASK_S)
        except (KafkaException, TimeoutError):  # its coordinator is on the move
            return []
        if found.state != ConsumerGroupState.STABLE:
            return []
        shares = [len(member.assignment.topic_partitions) for member in found.members if member.assignment]
        return [share for share in shares if share]

    def read(self, topic: str) -> list[bytes]:
        """Every committed value of a topic, from its beginning to its end."""
        consumer = Consumer({
            "bootstrap.servers": self.brokers, "group.id": "bench-reader", "enable.auto.commit": False,
            "isolation.level": "read_committed", "enable.partition.eof": True, "auto.offset.reset": "earliest",
            **_QUIET,
        })  # fmt: skip
        try:
            consumer.assign([TopicPartition(topic, at, 0) for at in range(PARTITIONS)])
            return _drain(consumer)
        finally:
            consumer.close()


def _drain(consumer: Consumer) -> list[bytes]:
    """Read until every partition has told its end."""
    values: list[bytes] = []
    ended, until = 0, time.monotonic() + _ASK_S * 4
    while ended < PARTITIONS:
        for message in consumer.consume(_BATCH, 1.0):
            error = message.error()
            if error is None:
                values.append(message.value() or b"")
            elif error.code() == KafkaError._PARTITION_EOF:  # noqa: SLF001 (the client has no other name for it)
                ended += 1
        if time.monotonic() > until:
            raise RuntimeError("a topic did not come to its end")
    return values


def _results(futures: dict[str, Future[Any]]) -> None:
    for future in futures.values():
        future.result(_ASK_S)
