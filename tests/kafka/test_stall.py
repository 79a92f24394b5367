"""A partition that is not fetched any more is noticed, though all others go on and the last fetch knows no better."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from confluent_kafka import Producer
from msgspec.structs import replace

from processors.desk import ORIGIN
from schemas.activity import Tick, encode
from streams.runtime.admin import create_topics
from streams.settings import Settings
from tests.kafka.pipeline import BROKEN, Worker, until

PROGRAM = """
import sys
from rollcall.__main__ import main
from streams.runtime.transport import Consumer
plain = Consumer._get_active_partitions
Consumer._get_active_partitions = lambda self: {tp for tp in plain(self) if tuple(tp) != (sys.argv[1], 1)}
sys.exit(main(sys.argv[2:]))
"""
"""The pipeline with a consumer that leaves partition 1 of a topic out."""


FORLORN = """
import sys
from aiokafka.client import AIOKafkaClient
from rollcall.__main__ import main
plain = AIOKafkaClient.coordinator_lookup
async def tripping(self, kind, key):
    assert not key.endswith(sys.argv[1]), "no node is known"
    return await plain(self, kind, key)
AIOKafkaClient.coordinator_lookup = tripping
sys.exit(main(sys.argv[2:]))
"""
"""The pipeline with a client that trips over looking for its group, as aiokafka does when it knows no node."""


@pytest.fixture
def impatient(bare_settings: Settings) -> Settings:
    """Topics of two partitions, and a patience of 12 s: after 5 a worker is not ready."""
    settings = replace(bare_settings, partitions=2, session_seconds=4, stuck_seconds=12)
    asyncio.run(create_topics(settings))
    return settings


@pytest.mark.parametrize(
    ("hop", "topic", "value"),
    [("normalize", "messages", b"{}"), ("decide", "contact-activity", encode(Tick(*ORIGIN)))],
    ids=["normalize", "decide"],
)
def test_a_stalled_partition(impatient: Settings, hop: str, topic: str, value: bytes) -> None:
    """Its lag grows, the worker says that it is not ready, and ends when the patience is over."""
    name = impatient.topic_prefix + topic
    producer: Any = Producer({"bootstrap.servers": impatient.bootstrap})

    def lag(partition: int) -> float:
        for number in range(2):
            producer.produce(name, value, b"tick", partition=number)
        producer.flush(10)
        return worker.metric("rollcall_lag_records").get(f'{{partition="{partition}",topic="{name}"}}', 0)

    with Worker(hop, impatient, program=["-c", PROGRAM, name]) as worker:
        until(lambda: worker.ready, what="the worker")
        until(lambda: lag(1) > 20, what="the lag")
        assert lag(0) < 20
        until(lambda: lag(1) and worker.ask("/readyz")[0] == 503, 20, "that it is not ready")
        until(lambda: not lag(0) and not worker.alive, 20, "its end")
        assert worker.ended() == BROKEN
        assert "no progress" in worker.said


def test_a_worker_whom_its_group_lost(settings: Settings) -> None:
    """It ends at once, to be started again: nobody would ever give it a partition."""
    with Worker("normalize", settings, program=["-c", FORLORN, "normalize"]) as worker:
        assert worker.ended() == BROKEN
        assert "fell out of its consumer group" in worker.said
