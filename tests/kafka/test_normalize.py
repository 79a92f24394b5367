"""normalize as a process: nothing is lost, whatever fails, and whoever was away too long writes nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter

import pytest
from confluent_kafka import Producer
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)
from msgspec.structs import replace

from streams.settings import Settings
from tests.kafka.pipeline import BROKEN, ROOT, TENANT, Pipeline, Worker, committed, event, message, phone, until

MIB = 1024 * 1024


@pytest.fixture
def quick(settings: Settings) -> Settings:
    """Settings with a session of 4 s."""
    return replace(settings, session_seconds=4)


def tenant(settings: Settings) -> None:
    """Write a tenant's record as decide would."""
    record = {"tenant": TENANT, "region": "ID", "zone": "UTC"}
    _produce(settings, "tenants", json.dumps(record).encode(), TENANT.encode())


def _produce(settings: Settings, topic: str, value: bytes, key: bytes) -> None:
    producer = Producer({"bootstrap.servers": settings.bootstrap})
    producer.produce(settings.topic_prefix + topic, value, key)
    assert producer.flush(30) == 0


def ends(pipeline: Pipeline, topic: str) -> dict[int, int]:
    """Return the end of each partition that holds records."""
    return {one.partition: one.offset + 1 for one in pipeline.read(topic)}


def publish(pipeline: Pipeline, first: int, count: int) -> None:
    """Publish messages of so many guests."""
    for number in range(first, first + count):
        pipeline.put("messages", message(f"m{number}", phone(number), "dinner"), phone(number).encode())
    pipeline.flush()


def test_commits_behind_what_was_written(quick: Settings) -> None:
    """Killed between the broker's answer and the commit, it has committed nothing; the next start repeats it all."""
    tenant(quick)
    with Pipeline(quick) as pipeline:
        publish(pipeline, 0, 50)
        dying = pipeline.worker("normalize", fail_at="normalize-before-ack:1")
        assert dying.ended() == -signal.SIGKILL
        written = len(pipeline.read("contact-activity"))
        assert written > 0
        assert committed(quick, "normalize", "messages") == {}
        again = pipeline.worker("normalize")
        until(lambda: committed(quick, "normalize", "messages") == ends(pipeline, "messages"), what="the commit")
        assert len(pipeline.read("contact-activity")) == 50 + written
        assert again.stop() == 0


def test_refused_send(quick: Settings) -> None:
    """A send that the broker refuses ends the worker without a commit of what it was for; nothing is passed over."""
    with Pipeline(quick) as pipeline:
        worker = pipeline.worker("normalize")
        until(worker.is_ready, what="normalize")
        _limit(quick, "dead-letters", 4096)
        until(lambda: _ends_over(pipeline, worker), 40, "the end of the worker")
        assert worker.ended() == BROKEN
        assert "stopping without a commit" in worker.said
        _limit(quick, "dead-letters", 2 * MIB)
        until(lambda: _starts(pipeline), 60, "a start that lasts")
        places = {(one.partition, one.offset) for one in pipeline.read("messages")}
        until(lambda: _turned_away(pipeline) == places, what="a dead letter for each")
        until(lambda: committed(quick, "normalize", "messages") == ends(pipeline, "messages"), what="the commit")


def test_reads_what_is_committed(quick: Settings) -> None:
    """What a publisher takes back in its transaction never happened, and what comes behind it is read."""
    tenant(quick)
    with Pipeline(quick) as pipeline:
        producer = Producer({"bootstrap.servers": quick.bootstrap, "transactional.id": quick.topic_prefix + "gateway"})
        producer.init_transactions(20)
        producer.begin_transaction()
        for partition in range(quick.partitions):
            producer.produce(quick.topic_prefix + "messages", b"nonsense", partition=partition)
        producer.flush(20)
        publish(pipeline, 0, 20)
        producer.abort_transaction(20)
        pipeline.worker("normalize")
        until(lambda: len(pipeline.read("contact-activity")) == 20, what="the others")
        assert pipeline.read("dead-letters") == []


def _ends_over(pipeline: Pipeline, worker: Worker) -> bool:
    """Publish one more record that is turned away; whether that has ended the worker."""
    if worker.alive:
        pipeline.put("messages", os.urandom(8192))
        pipeline.flush()
    return not worker.alive


def _starts(pipeline: Pipeline) -> bool:
    """Whether a worker lasts; the first ones may still meet the old limit."""
    worker = pipeline.latest("normalize")
    return (worker if worker.alive else pipeline.worker("normalize")).alive and bool(pipeline.read("dead-letters"))


def _turned_away(pipeline: Pipeline) -> set[tuple[int, int]]:
    heads = [one.headers for one in pipeline.read("dead-letters")]
    return {(int(head["partition"]), int(head["offset"])) for head in heads}


def _limit(settings: Settings, topic: str, size: int) -> None:
    entry = ConfigEntry("max.message.bytes", str(size), incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, settings.topic_prefix + topic, incremental_configs=[entry])
    admin = AdminClient({"bootstrap.servers": settings.bootstrap})
    for done in admin.incremental_alter_configs([resource]).values():
        done.result(20)


def test_exception_in_the_agent(quick: Settings) -> None:
    """What goes wrong in the agent ends the worker, acknowledges nothing, and says nothing of what was read."""
    tenant(quick)
    with Pipeline(quick) as pipeline:
        worker = pipeline.worker("normalize")
        until(worker.is_ready, what="normalize")
        # only the pipeline writes this topic: what does not decode is our own fault
        _produce(quick, "tenants", b'{"tenant": "secret@example.com", "region": 7}', b"other")
        publish(pipeline, 0, 20)
        assert worker.ended() == BROKEN
        assert committed(quick, "normalize", "messages") == {}
        assert "secret" not in worker.said


BROKEN_TRANSPORT = """
import sys
from streams.runtime.transport import Consumer
from streams.runtime.worker import run
from streams.settings import Settings
def broken(*args):
    raise ValueError("guest@example.com")
Consumer._chunk = broken
sys.exit(run("normalize", Settings.from_env()))
"""


def test_crash_inside_faust(quick: Settings) -> None:
    """What goes wrong in Faust itself ends the worker with the code of its other faults, not as if all were well."""
    with Pipeline(quick) as pipeline:
        publish(pipeline, 0, 1)
        environ = {**os.environ, **quick.environ(), "PYTHONPATH": str(ROOT)}
        done = subprocess.run([sys.executable, "-c", BROKEN_TRANSPORT], env=environ, timeout=60, check=False)
        assert done.returncode == BROKEN
        assert committed(quick, "normalize", "messages") == {}


def test_stopped_past_its_session(quick: Settings) -> None:
    """Stopped in a chunk past its session and woken, it ends before it writes; another has done its work."""
    tenant(quick)
    with Pipeline(quick) as pipeline:
        sleeper = pipeline.worker("normalize", "a", "normalize-before-flush:1:STOP")
        until(sleeper.is_ready, what="the first worker")
        publish(pipeline, 0, 100)
        until(lambda: sleeper.stands_still, what="the stop in a chunk")
        other = pipeline.worker("normalize", "b")
        until(lambda: committed(quick, "normalize", "messages") == ends(pipeline, "messages"), 60, "the takeover")
        sleeper.signal(signal.SIGCONT)
        assert sleeper.ended() == BROKEN
        assert "StaleMemberError" in sleeper.said
        assert len(pipeline.read("contact-activity")) == 100
        assert other.stop() == 0


def test_sizes(quick: Settings) -> None:
    """The largest message and command go through; larger ones, huge records and null are dead letters, by name."""
    with Pipeline(quick) as pipeline:
        pipeline.both()
        pipeline.set_up({"id": "food", "rule": {"event": "message", "any_of": ["dinner"]}}, {"id": "vip"})
        pipeline.put("messages", _of_size(message("m1", phone(1), "dinner"), 256 * 1024))
        pipeline.put("messages", _of_size(message("m2", phone(2), "dinner"), 256 * 1024 + 1))
        contacts = [{"phone": phone(number)} for number in range(10_000)]
        command = event("group.add", "add", {"group": "vip", "contacts": contacts})
        pipeline.put("commands", _of_size(command, MIB), TENANT.encode())
        pipeline.put("commands", _of_size(event("group.add", "more", {"group": "vip", "contacts": []}), MIB + 1))
        pipeline.put("bookings", os.urandom(8 * MIB - 1024))
        pipeline.put("ratings", None, b"key")
        pipeline.flush()
        until(lambda: pipeline.members().get("food") == {f"tel:{phone(1)}"}, what="the large message's guest")
        until(lambda: len(pipeline.members().get("vip", ())) == 10_000, 90, "the large command's guests")
        letters = until(lambda: _four(pipeline), what="four dead letters")
        assert Counter(one["reason"] for one in letters) == {b"too_large": 3, b"null_value": 1}
        assert [one["size"] for one in letters if "size" in one]


def _of_size(value: bytes, size: int) -> bytes:
    """Make an event so large, without a change of what it says."""
    return value[:-1] + b" " * (size - len(value)) + b"}"


def _four(pipeline: Pipeline) -> list[dict[str, bytes]] | None:
    found = [one.headers for one in pipeline.read("dead-letters")]
    return found if len(found) == 4 else None
