"""Batches of our own on a real broker: order, sizes, and failures that are never passed over."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator

import aiokafka
import pytest
from aiokafka.errors import KafkaError
from aiokafka.partitioner import murmur2
from hypothesis import given
from hypothesis import strategies as st

from streams.runtime.appender import BATCH_BYTES, Appender
from streams.runtime.murmur2 import Partitioner
from streams.runtime.murmur2 import murmur2 as fast
from streams.settings import Settings
from tests.kafka.pipeline import read

MIB = 1024 * 1024


@pytest.fixture
async def appender(settings: Settings) -> AsyncIterator[Appender]:
    """An appender over a producer as normalize has it."""
    producer = aiokafka.AIOKafkaProducer(
        bootstrap_servers=settings.bootstrap,
        acks="all",
        enable_idempotence=True,
        compression_type="snappy",
        max_batch_size=BATCH_BYTES,
    )
    await producer.start()
    yield Appender(producer, settings.topic_prefix)
    await producer.stop()


async def test_order_and_places(appender: Appender, settings: Settings) -> None:
    """Records of a partition keep their order over many batches, and the answer tells where the next one will lie."""
    for number in range(3000):
        appender.append("contact-activity", number % 2, b"k", b"%d" % number + b" " * 400)
    assert appender.unsent
    sent = await appender.flush()
    name = settings.topic_prefix + "contact-activity"
    assert sent.next_offset == {(name, 0): 1500, (name, 1): 1500}
    assert sent.timestamp > 0
    found = read(settings, "contact-activity")
    assert [one.value for one in found] == [*range(0, 3000, 2), *range(1, 3000, 2)]


async def test_large_records(appender: Appender, settings: Settings) -> None:
    """A record beyond a batch's size travels in a batch of its own, between small ones and in order."""
    values = [b"1", b'"' + b"x" * (7 * MIB) + b'"', b"2", b'"' + b"y" * (300 * 1024) + b'"', b"3"]
    for value in values:
        appender.append("contact-activity", 0, b"k", value)
    await appender.flush()
    found = [one.value for one in read(settings, "contact-activity")]
    assert [found[0], len(found[1]), found[2], len(found[3]), found[4]] == [1, 7 * MIB, 2, 300 * 1024, 3]


async def test_many_at_once(appender: Appender, settings: Settings) -> None:
    """Many records of a partition lie as if each had been put there by itself, large ones among them."""
    rows: list[tuple[bytes, bytes | None]] = [(b"%d" % number, b"%d" % number + b" " * 400) for number in range(2000)]
    rows[700] = (b"700", b"700" + b" " * (300 * 1024))
    appender.append("contact-activity", 0, b"first", b"-1")
    appender.extend("contact-activity", 0, rows)
    appender.extend("contact-activity", 0, [])
    appender.append("contact-activity", 0, b"last", b"2000")
    sent = await appender.flush()
    assert sent.next_offset == {(settings.topic_prefix + "contact-activity", 0): 2002}
    assert [one.value for one in read(settings, "contact-activity")] == [*range(-1, 2001)]


async def test_failure_is_raised(appender: Appender, settings: Settings) -> None:
    """What the broker refuses is raised by flush, also when other batches went well."""
    appender.append("dead-letters", 0, b"k", b"fine")
    appender.append("dead-letters", 1, b"k", os.urandom(3 * MIB))
    with pytest.raises(KafkaError):
        await appender.flush()


async def test_no_value_and_headers(appender: Appender, settings: Settings) -> None:
    """Deletions and headers arrive as they were given."""
    appender.append("dead-letters", 0, b"k", None, [("reason", b"null")])
    await appender.flush()
    (found,) = read(settings, "dead-letters")
    assert (found.key, found.value, found.headers) == (b"k", None, {"reason": b"null"})


@given(st.binary(max_size=80))
def test_murmur2_is_kafkas(key: bytes) -> None:
    """For keys of every length."""
    assert fast(key) == murmur2(key)


def test_partitioner_is_kafkas() -> None:
    """A key goes where every Kafka client in the world would send it, also when it is remembered."""
    partitioner = Partitioner(12)
    keys = [b"bali/tel:+62812%d" % number for number in range(50)]
    expected = [(murmur2(key) & 0x7FFFFFFF) % 12 for key in keys]
    assert [partitioner(key) for key in keys] == expected == [partitioner(key) for key in keys]
