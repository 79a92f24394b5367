"""The records that workers' consumers hand out are those of aiokafka, field by field."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.consumer import fetcher

from streams.runtime.received import Received, Records
from streams.settings import Settings

FIELDS = Received.__struct_fields__
TOPIC = "contact-activity"


async def write(settings: Settings) -> None:
    """Write transactions, kept and aborted by turns, of records with and without key, value and headers."""
    producer = AIOKafkaProducer(bootstrap_servers=settings.bootstrap, transactional_id=f"{settings.topic_prefix}w")
    await producer.start()
    for turn in range(6):
        await producer.begin_transaction()
        for number in range(50):
            value = b"%d/%d" % (turn, number) if number % 7 else None
            key = b"k%d" % number if number % 5 or value is None else None
            headers = [("h", b"1"), ("h", b"")] if number % 3 == 0 else []
            await producer.send(settings.topic_prefix + TOPIC, value, key, partition=0, headers=headers)
        await (producer.abort_transaction() if turn % 2 else producer.commit_transaction())
    await producer.stop()


async def read(settings: Settings, isolation: str) -> list[Any]:
    """Read all, the first by itself, the others some at a time."""
    at = TopicPartition(settings.topic_prefix + TOPIC, 0)
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.bootstrap, isolation_level=isolation, auto_offset_reset="earliest"
    )
    await consumer.start()
    consumer.assign([at])
    end = (await consumer.end_offsets([at]))[at]
    found = [await consumer.getone()]
    while await consumer.position(at) < end:
        found += (await consumer.getmany(at, timeout_ms=500, max_records=40)).get(at, [])
    await consumer.stop()
    return found


def shown(records: list[Any]) -> list[list[Any]]:
    """Each record as the list of its fields."""
    return [[list(one.headers) if name == "headers" else getattr(one, name) for name in FIELDS] for one in records]


@pytest.mark.parametrize("isolation", ["read_committed", "read_uncommitted"])
async def test_the_same_records(settings: Settings, monkeypatch: pytest.MonkeyPatch, isolation: str) -> None:
    """In their order, without what was aborted where that is asked, over several fetches and batches."""
    await write(settings)
    expected = await read(settings, isolation)
    assert len(expected) == (150 if isolation == "read_committed" else 300)
    monkeypatch.setattr(fetcher, "PartitionRecords", Records)
    found = await read(settings, isolation)
    assert all(isinstance(one, Received) for one in found)
    assert shown(found) == shown(expected)
