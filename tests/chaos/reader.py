"""The independent reader: librdkafka, read_committed, nothing of the pipeline's code."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

from tests.chaos.publisher import QUIET


class Taken(NamedTuple):
    """One record as it was read."""

    partition: int
    offset: int
    timestamp: int
    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


def consumer(bootstrap: str, **more: Any) -> Any:
    """Return a read_committed consumer in no group."""
    return Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": f"chaos-{uuid.uuid4().hex}",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "auto.offset.reset": "error",
            "enable.partition.eof": True,
            "fetch.message.max.bytes": 8_000_000,
            "log_level": 0,
            **more,
        },
        logger=QUIET,
    )


def partitions(one: Any, topic: str) -> list[int]:
    """Return a topic's partitions."""
    return sorted(one.list_topics(topic, timeout=30).topics[topic].partitions)


def read_all(bootstrap: str, topic: str) -> list[Taken]:
    """Read a topic from its beginning to its last stable offset."""
    one = consumer(bootstrap)
    try:
        places = [TopicPartition(topic, p, OFFSET_BEGINNING) for p in partitions(one, topic)]
        return list(_to_the_end(one, places))
    finally:
        one.close()


def read_from(bootstrap: str, topic: str, offsets: Sequence[tuple[int, int]]) -> list[Taken]:
    """Read a topic from (partition, offset) pairs on."""
    one = consumer(bootstrap)
    try:
        return list(_to_the_end(one, [TopicPartition(topic, p, offset) for p, offset in offsets]))
    finally:
        one.close()


def _to_the_end(one: Any, places: list[Any]) -> Iterator[Taken]:
    one.assign(places)
    waiting = {place.partition for place in places}
    while waiting:
        for message in one.consume(5_000, timeout=1.0):
            error = message.error()
            if error is None:
                yield taken(message)
            elif error.code() == KafkaError._PARTITION_EOF:
                waiting.discard(message.partition())


def taken(message: Any) -> Taken:
    """Return librdkafka's message as a plain value."""
    place = message.partition(), message.offset(), message.timestamp()[1]
    return Taken(*place, message.key() or b"", message.value(), tuple(message.headers() or ()))


class Follower:
    """Follows a topic live, through every fault, as somebody's campaign service would."""

    def __init__(self, bootstrap: str, topic: str) -> None:
        self.seen: list[Taken] = []
        self._stop = threading.Event()
        self._consumer = consumer(bootstrap)
        places = [TopicPartition(topic, p, 0) for p in partitions(self._consumer, topic)]
        self._consumer.assign(places)
        self._thread = threading.Thread(target=self._run, name="follower", daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """End; `seen` is what came."""
        self._stop.set()
        self._thread.join()
        self._consumer.close()

    def _run(self) -> None:
        while not self._stop.is_set():
            for message in self._consumer.consume(1_000, timeout=0.1):
                if message.error() is None:
                    self.seen.append(taken(message))
