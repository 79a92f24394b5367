"""Records of any shape and size, up to what the broker takes, go through both hops: applied, or a dead letter."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any, NamedTuple

from confluent_kafka import Producer

from schemas.activity import RAW_TOPICS, decode
from streams.settings import Settings
from tests.kafka.pipeline import Pipeline, Worker, event, message, phone, until

DINNER = {"id": "dinner", "name": "Dinner", "rule": {"event": "message", "any_of": ["dinner"]}}
MIB = 1024 * 1024
SIZES = (0, 1, 1_000, 5_000, 70_000, 300_000, MIB + 1, 3_000_000)
"""Bytes of one part of a record; two of the largest are still below what a raw topic takes."""


class Sent(NamedTuple):
    """One record as it was published."""

    topic: str
    value: bytes
    key: bytes
    headers: list[tuple[str, bytes]]


def anything(dice: random.Random, count: int) -> Iterator[Sent]:
    """Publish records whose key, value, headers, ids and names are of any size."""
    for number in range(count):
        kind, size = dice.choice(list(SHAPES)), dice.choice(SIZES)
        topic, value = SHAPES[kind](f"{kind}-{number}", size)
        key = dice.randbytes(dice.choice(SIZES))
        names = ("ce_extra", "content-type", "traceparent") if size < MIB else ("traceparent",)
        room = dice.choice(SIZES if len(value) + len(key) < 4 * MIB else SIZES[:4])
        headers = [(dice.choice(names), b"x" * room)] if dice.random() < 0.3 else []
        yield Sent(topic, value, key, headers)


def _bytes(name: str, size: int) -> tuple[str, bytes]:
    return "bookings", name.encode() + random.Random(name).randbytes(size)


def _from(name: str, size: int) -> tuple[str, bytes]:
    return "messages", message(name, "x" * size, "dinner")


def _text(name: str, size: int) -> tuple[str, bytes]:
    return "messages", message(name, phone(7), "dinner " * (size // 7))


def _rating(name: str, size: int) -> tuple[str, bytes]:
    data = {"rating_id": name, "stars": 5, "guest": {"phone": phone(8), "name": "n" * size}}
    return "ratings", event("rating", "i" * size or name, data)


def _stranger(name: str, size: int) -> tuple[str, bytes]:
    return "commands", event("group.create", name, {"id": "g", "name": "n" * (size % 900 + 1)}, tenant="stranger")


def _group(name: str, size: int) -> tuple[str, bytes]:
    rule = {"event": "message", "any_of": ["w" * size or "w"]}
    return "commands", event("group.create", name, {"id": f"g{size}", "name": "n" * size or "n", "rule": rule})


def _add(name: str, size: int) -> tuple[str, bytes]:
    return "commands", event(
        "group.add", name, {"group": "dinner", "contacts": [{"email": "a" * size + "@example.com"}]}
    )


SHAPES: dict[str, Any] = {
    "bytes": _bytes, "from": _from, "text": _text, "rating": _rating, "stranger": _stranger, "group": _group,
    "add": _add,
}  # fmt: skip


def _publish(settings: Settings, records: list[Sent]) -> None:
    producer = Producer({"bootstrap.servers": settings.bootstrap, "message.max.bytes": 9_000_000})
    for one in records:
        producer.produce(settings.topic_prefix + one.topic, one.value, one.key, headers=one.headers)  # type: ignore[arg-type]
        assert producer.flush(30) == 0


def test_whatever_comes_both_hops_go_on(settings: Settings) -> None:
    """Large keys, values, headers, ids and names end no worker, and whoever comes behind them is served."""
    with Pipeline(settings) as pipeline:
        workers = pipeline.both()
        pipeline.set_up(DINNER)
        poison = Sent("commands", _stranger("large-key", 1)[1], b"k" * 3_000_000, [])
        _publish(settings, [poison, Sent("messages", b"{", b"k" * 3_000_000, []), *anything(random.Random(15), 80)])
        for number in range(20, 60):
            pipeline.put("messages", message(f"m{number}", phone(number), "dinner"), phone(number).encode())
        last = pipeline.command("group.add", group="dinner", contacts=[{"phone": phone(99)}])
        wanted = {f"tel:{phone(number)}" for number in (*range(20, 60), 99)}
        until(lambda: _served(pipeline, wanted, workers), 120, what="everybody else")
        assert [one["outcome"] for one in pipeline.outcomes(last)] == ["applied"]
        assert [worker.alive for worker in workers] == [True, True]
        _accounted(pipeline)


def _served(pipeline: Pipeline, wanted: set[str], workers: tuple[Worker, Worker]) -> bool:
    """Whether all are members; a worker that has ended will not make them so."""
    for worker in workers:
        assert worker.alive, worker.said
    return pipeline.members().get("dinner", set()) >= wanted


def _accounted(pipeline: Pipeline) -> None:
    """Each raw record is an activity of its place, or has one dead letter that tells it."""
    letters = [one.headers for one in pipeline.read("dead-letters")]
    told = {(str(head["topic"], "utf-8"), int(head["partition"]), int(head["offset"])) for head in letters}
    assert len(told) == len(letters)
    assert {head["reason"] for head in letters} >= {b"tenant_unknown", b"too_large", b"not_json"}
    prefix, topics = pipeline.settings.topic_prefix, ("bookings", "ratings", "messages", "commands")
    sent = {(prefix + topic, one.partition, one.offset) for topic in topics for one in pipeline.read(topic)}
    assert sent - _applied(pipeline) <= told <= sent


def _applied(pipeline: Pipeline) -> set[tuple[str, int, int]]:
    prefix = pipeline.settings.topic_prefix
    seen = [decode(one.value) for one in pipeline.read("contact-activity")]
    return {(prefix + RAW_TOPICS[one.topic], one.partition, one.offset) for one in seen if one.topic >= 0}
