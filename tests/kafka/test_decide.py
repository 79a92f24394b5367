"""decide as a process: a commit is all or nothing, and what it cannot answer for ends it."""

from __future__ import annotations

import asyncio
import json
import signal
from pathlib import Path
from typing import Any

import psutil
import pytest
from confluent_kafka import Producer
from msgspec.structs import replace

from streams.runtime.admin import create_topics
from streams.runtime.broker import EmbeddedBroker
from streams.runtime.partition_store import PartitionStore
from streams.settings import Settings
from tests.kafka.pipeline import BROKEN, Pipeline, committed, message, phone, read, until, wait_for

GROUP = {"id": "food", "rule": {"event": "message", "any_of": ["dinner"]}}
OUTPUTS = ("membership-changes", "memberships", "contacts", "decide-changelog")


@pytest.fixture
def quick(settings: Settings) -> Settings:
    """Settings with a session of 4 s."""
    return replace(settings, session_seconds=4)


@pytest.fixture
def single(bare_settings: Settings) -> Settings:
    """Settings with topics of one partition, so that it is known what lies in which commit."""
    settings = replace(bare_settings, session_seconds=4, partitions=1)
    asyncio.run(create_topics(settings))
    return settings


def folder_offset(settings: Settings, partition: int) -> int:
    """Return the changelog offset that a folder of worker a stands for; the worker must have ended."""
    folder = settings.data / "a" / "decide" / str(partition)
    store = PartitionStore(folder, _log_of(folder))
    try:
        return store.offset
    finally:
        store.close()


def _log_of(folder: Path) -> str:
    from rocksdict import Options, Rdict  # noqa: PLC0415 - only to look inside

    rows = Rdict(str(folder), options=Options(raw_mode=True))
    mark: Any = rows[b"\0mark"]
    rows.close()
    return str(json.loads(mark)["log"])


def seen(settings: Settings, isolation: str) -> dict[str, int]:
    """Count the records of each output."""
    return {topic: len(read(settings, topic, isolation)) for topic in OUTPUTS}


@pytest.mark.parametrize("point", ["decide-before-commit", "decide-after-commit"])
def test_all_or_nothing(single: Settings, point: str) -> None:
    """Killed before the commit: all stays as it was; after it: all is there at once."""
    with Pipeline(single) as pipeline:
        normalize, decide = pipeline.both()
        pipeline.set_up(GROUP)
        assert decide.stop() == 0
        started_at = committed(single, "decide", "contact-activity")[0]
        folders = [folder_offset(single, p) for p in range(single.partitions)]
        # the first commit writes the tick with which an owner begins, the second has read it, the third has the message
        dying = pipeline.worker("decide", fail_at=f"{point}:3")
        until(lambda: committed(single, "decide", "contact-activity")[0] > started_at, what="the second commit")
        before, offsets = seen(single, "read_committed"), committed(single, "decide", "contact-activity")
        pipeline.put("messages", message("m1", phone(1), "dinner"))
        pipeline.flush()
        assert dying.ended() == -signal.SIGKILL
        after = seen(single, "read_committed")
        if point == "decide-before-commit":
            assert after["membership-changes"] == before["membership-changes"] == 0
            assert after["contacts"] == before["contacts"] == 0
            assert seen(single, "read_uncommitted")["membership-changes"] == 1  # it was written, and never committed
        else:
            assert after["membership-changes"] == after["memberships"] == after["contacts"] == 1
            assert committed(single, "decide", "contact-activity") != offsets
        ends = {one.partition: one.offset + 1 for one in read(single, "decide-changelog")}
        held = [folder_offset(single, p) for p in range(single.partitions)]
        assert all(held[p] <= end for p, end in ends.items())  # never ahead of what is committed
        assert all(now >= then for now, then in zip(held, folders, strict=True))
        wait_for([pipeline.worker("decide")])
        until(lambda: pipeline.members() == {"food": {f"tel:{phone(1)}"}}, what="the membership")
        assert len(pipeline.changes()) == 1
        assert normalize.alive


def test_reads_what_is_committed(quick: Settings) -> None:
    """Activity of a transaction that is aborted is never folded, also where it came first."""
    with Pipeline(quick) as pipeline:
        pipeline.both()
        pipeline.set_up(GROUP)
        producer = Producer({"bootstrap.servers": quick.bootstrap, "transactional.id": quick.topic_prefix + "other"})
        producer.init_transactions(20)
        producer.begin_transaction()
        for partition in range(quick.partitions):
            # it would end the worker, could it be read
            producer.produce(quick.topic_prefix + "contact-activity", b"nonsense", b"bali/x", partition=partition)
        producer.flush(20)
        pipeline.put("messages", message("m1", phone(1), "dinner"))
        pipeline.flush()
        producer.abort_transaction(20)
        until(pipeline.changes, what="the join behind it")
        assert pipeline.latest("decide").alive


def test_what_does_not_decode(quick: Settings) -> None:
    """A record of the pipeline's own that does not decode ends the worker: no commit, and not a word of its content."""
    with Pipeline(quick) as pipeline:
        _, decide = pipeline.both()
        before = until(lambda: _ticked(quick), what="the first tick of each partition")
        producer = Producer({"bootstrap.servers": quick.bootstrap})
        producer.produce(quick.topic_prefix + "contact-activity", b"secret@example.com", b"bali/x", partition=0)
        producer.flush(20)
        assert decide.ended() == BROKEN
        assert committed(quick, "decide", "contact-activity").get(0, 0) == before.get(0, 0)
        assert "secret" not in decide.said
        assert "stopping without a commit" in decide.said


def _ticked(settings: Settings) -> dict[int, int] | None:
    """Return what is committed once each owner has read its first tick back: then nothing more comes by itself."""
    found = committed(settings, "decide", "contact-activity")
    return found if len(found) == settings.partitions and min(found.values()) > 0 else None


def test_health_and_ports(quick: Settings) -> None:
    """Before it owns anything it lives and is not ready; then it is; and its one port listens on loopback alone."""
    with Pipeline(quick) as pipeline:
        decide = pipeline.worker("decide")
        until(lambda: decide.ask("/readyz")[0] == 503, what="an answer before it is ready")
        until(decide.is_ready, what="ready")
        assert decide.ask("/healthz")[0] == 200
        assert decide.metric("rollcall_ready") == {"": 1.0}
        listening = psutil.Process(decide.process.pid).net_connections("tcp")
        assert [one.laddr for one in listening if one.status == psutil.CONN_LISTEN] == [("127.0.0.1", decide.port)]


def test_ended_while_opening(quick: Settings) -> None:
    """Told to end while it opens its partitions it ends in order, and the next start finds all as it was."""
    with Pipeline(quick) as pipeline:
        decide = pipeline.worker("decide")
        until(lambda: decide.ask("/healthz")[0] == 200, what="its first sign of life")
        assert decide.stop(20) == 0
        wait_for([pipeline.worker("decide")])


def test_static_membership(settings: Settings) -> None:
    """Back under its name within the session it disturbs nobody; a second of that name ends the first."""
    patient = replace(settings, session_seconds=30)  # a start takes its time on a busy machine
    with Pipeline(patient) as pipeline:
        first = pipeline.worker("decide", "a")
        wait_for([first])
        other = pipeline.worker("decide", "b")
        until(lambda: 0 < len(other.partitions) < patient.partitions and other.ready, what="two owners")
        until(first.is_ready, what="two owners")
        commits = other.metric("rollcall_commit_seconds_count")
        owned = first.partitions
        first.kill()
        again = pipeline.worker("decide", "a")
        until(lambda: again.ready and again.partitions == owned, what="the same partitions")
        assert other.metric("rollcall_commit_seconds_count") == commits  # an owner that opens anew commits a tick
        key = patient.data / "hash.key"
        imposter = pipeline.worker("decide", "a", data=patient.data / "elsewhere", hash_key_file=key)
        until(lambda: not again.alive, what="the end of the first of that name")
        assert again.ended() == BROKEN
        until(imposter.is_ready, what="the second of that name")


def test_nothing_moves(tmp_path: Path) -> None:
    """A worker whose broker stands still ends by itself after its patience."""
    with EmbeddedBroker(tmp_path / "broker") as broker:
        settings = Settings(brokers=broker.bootstrap, data=tmp_path, partitions=2, session_seconds=4, stuck_seconds=3)
        asyncio.run(create_topics(settings))
        with Pipeline(settings) as pipeline:
            workers = pipeline.both()
            broker.pause_node(1)
            try:
                for worker in workers:
                    assert worker.ended(60) == BROKEN
                    assert "no progress" in worker.said
            finally:
                broker.resume_node(1)


def test_without_topics(bare_settings: Settings) -> None:
    """Without its topics a worker does not start: exit 1, and one line that says what to do."""
    with Pipeline(bare_settings) as pipeline:
        worker = pipeline.worker("decide")
        assert worker.ended() == 1
        assert "rollcall topics create" in worker.said
