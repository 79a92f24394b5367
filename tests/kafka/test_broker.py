"""The embedded broker as people meet it: start, stop, go on, and say clearly why not."""

from __future__ import annotations

import asyncio
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import psutil
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition

from streams.runtime import jars
from streams.runtime.admin import create_topics
from streams.runtime.broker import BrokerError, EmbeddedBroker, status, stop_folder
from streams.settings import Settings


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """A folder for a broker, of an unkind name; what still runs there after the test is stopped."""
    yield tmp_path / "bro ker, é"
    stop_folder(tmp_path / "bro ker, é")


async def _write(bootstrap: str, topic: str, values: list[bytes]) -> None:
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        for value in values:
            await producer.send_and_wait(topic, value, partition=0)


async def _read(bootstrap: str, topic: str, count: int) -> list[bytes]:
    async with AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        consumer.assign([TopicPartition(topic, 0)])
        return [(await asyncio.wait_for(consumer.getone(), 20)).value for _ in range(count)]


def _settings(broker: EmbeddedBroker, copies: int = 1) -> Settings:
    return Settings(brokers=broker.bootstrap, partitions=1, replication=copies, topic_prefix="b.")


def _gone(pid: int) -> bool:
    return not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE


def test_goes_on_with_its_data(folder: Path) -> None:
    """A stopped broker leaves no process, and the next start goes on from its data, on other ports too."""
    with EmbeddedBroker(folder) as first:
        asyncio.run(create_topics(_settings(first)))
        asyncio.run(_write(first.bootstrap, "b.bookings", [b"1", b"2"]))
        pids, before = first.pids, first.bootstrap
    assert len(pids) == 1
    assert all(_gone(pid) for pid in pids)
    assert status(folder) is None
    with EmbeddedBroker(folder) as second:
        assert second.bootstrap != before
        assert asyncio.run(_read(second.bootstrap, "b.bookings", 2)) == [b"1", b"2"]
        second.kill_node(1)
        second.start_node(1)
        assert asyncio.run(_read(second.bootstrap, "b.bookings", 2)) == [b"1", b"2"]
        assert second.alive
        assert second.failure is None
        psutil.Process(second.pids[0]).kill()
        while second.alive:
            time.sleep(0.01)
        assert second.failure
        assert second.failure.startswith("the broker's node 1 ended with -9: ")


def test_orphan_is_stopped(folder: Path) -> None:
    """What a killed parent left running is stopped by the next start, which goes on from its data."""
    code = (
        "import sys, time; from pathlib import Path; from streams.runtime.broker import EmbeddedBroker\n"
        "broker = EmbeddedBroker(Path(sys.argv[1])); broker.start(); print(broker.pids[0], flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(folder)], stdout=subprocess.PIPE) as parent:
        assert parent.stdout
        orphan = int(parent.stdout.readline())
        with pytest.raises(BrokerError, match=rf"a broker runs \(process {parent.pid}, "):
            EmbeddedBroker(folder).start()
        parent.kill()
    assert not _gone(orphan)
    with EmbeddedBroker(folder) as next_one:
        assert _gone(orphan)
        assert next_one.pids != [orphan]


def test_a_foreign_process_is_left_alone(folder: Path) -> None:
    """A process that has the id of a former node but is none is not touched."""
    folder.mkdir()
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as other:
        proc = {"pid": other.pid, "started": psutil.Process(other.pid).create_time()}
        told = {"bootstrap": "", "owner": proc, "nodes": {"1": proc}}
        (folder / "broker.json").write_bytes(msgspec.json.encode(told))
        assert stop_folder(folder) is False
        assert other.poll() is None
        other.communicate(b"\n", timeout=10)


def test_detached_goes_on(folder: Path) -> None:
    """A detached broker outlives its starter, refuses a second start, and ends by its folder."""
    broker = EmbeddedBroker(folder, detached=True)
    broker.start()
    pids = broker.pids
    broker.detach()
    with pytest.raises(BrokerError, match=f"a broker runs in .* at {broker.bootstrap}"):
        EmbeddedBroker(folder).start()
    found = status(folder)
    assert found
    assert [proc.pid for proc in found.alive.values()] == pids
    assert stop_folder(folder) is True
    assert all(_gone(pid) for pid in pids)
    assert stop_folder(folder) is False


def test_terminal_signals_pass_by(broker: EmbeddedBroker) -> None:
    """The broker is in this session but in no process group that Ctrl-C reaches."""
    (pid,) = broker.pids
    assert os.getsid(pid) == os.getsid(0)
    assert os.getpgid(pid) == pid != os.getpgid(0)


def test_taken_port_is_told(folder: Path) -> None:
    """A port that another program has is named, with the setting that changes it."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(BrokerError, match=rf"port {port} on 127\.0\.0\.1 is taken: .*ROLLCALL_BROKER_PORT"):
            EmbeddedBroker(folder, port).start()
    assert not (folder / "node-1").exists()


def test_full_disk_is_told(folder: Path) -> None:
    """Too little room on the disk is told before anything is started."""
    with pytest.raises(BrokerError, match=r"the disk is full: \d+ MiB free"):
        EmbeddedBroker(folder, min_free_bytes=2**62).start()


def test_unusable_folder_is_told(tmp_path: Path) -> None:
    """A folder that cannot be made is named."""
    (tmp_path / "file").write_text("")
    with pytest.raises(BrokerError, match=r"file/broker cannot be written .*: choose another with ROLLCALL_DATA"):
        EmbeddedBroker(tmp_path / "file" / "broker").start()


def test_missing_jars_are_told(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the archives and without a way to them the error says what to do, and leaves nothing half fetched."""
    said: list[str] = []
    monkeypatch.setenv("ROLLCALL_CACHE", str(tmp_path / "cache"))
    for name in ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "127.0.0.1:1")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with pytest.raises(BrokerError, match=r"cannot fetch \d+ of Kafka's archives .*Go online once"):
        EmbeddedBroker(folder, say=said.append).start()
    assert re.fullmatch(r"fetching Kafka 4\.1\.\d, 46 archives, \d+ MiB, once", said[0])
    assert not list((tmp_path / "cache").rglob("*.jar"))


def test_wrong_archive_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An archive that is not the pinned one is not taken into the cache."""
    (jar,) = [one for one in jars.locked() if one.artifact == "jspecify"]
    wrong = msgspec.structs.replace(jar, sha256="0" * 64)
    monkeypatch.setattr(jars, "locked", lambda: [wrong])
    with pytest.raises(jars.JarsError, match=r"jspecify.* is not the file that kafka.lock pins"):
        jars.classpath(tmp_path)
    assert not list(tmp_path.rglob("*.jar"))


def test_dead_java_is_told(folder: Path) -> None:
    """When Java ends at once the error carries its own words and where the log is."""
    with pytest.raises(BrokerError, match=r"node 1 ended with \d+: .*no\.such\.Reporter.*kafka\.log"):
        EmbeddedBroker(folder, settings={"metric.reporters": "no.such.Reporter"}).start()
    assert status(folder) is None


def test_other_number_of_nodes_is_refused(folder: Path, broker: EmbeddedBroker) -> None:
    """A folder of one node is not opened as three."""
    with pytest.raises(BrokerError, match=r"holds a broker of 1 node\(s\), not 3"):
        _three_in(broker.folder, folder)


def _three_in(formatted: Path, folder: Path) -> None:
    (folder / "node-1" / "data").mkdir(parents=True)
    meta = (formatted / "node-1" / "data" / "meta.properties").read_bytes()
    (folder / "node-1" / "data" / "meta.properties").write_bytes(meta)
    EmbeddedBroker(folder, nodes=3).start()


def test_three_survive_one(three_brokers: Callable[[], EmbeddedBroker]) -> None:
    """With three nodes everything acknowledged is readable after one is killed, writing goes on, and it comes back."""
    cluster = three_brokers()
    asyncio.run(create_topics(_settings(cluster, copies=3)))
    asyncio.run(_write(cluster.bootstrap, "b.bookings", [b"1", b"2"]))
    cluster.kill_node(1)
    assert len(cluster.pids) == 2
    asyncio.run(_write(cluster.bootstrap, "b.bookings", [b"3"]))
    assert asyncio.run(_read(cluster.bootstrap, "b.bookings", 3)) == [b"1", b"2", b"3"]
    cluster.start_node(1)
    assert len(cluster.pids) == 3


def test_frozen_node_is_stopped(folder: Path) -> None:
    """A paused node answers again when resumed, and a paused one is stopped all the same."""
    with EmbeddedBroker(folder) as broker:
        (pid,) = broker.pids
        broker.pause_node(1)
        assert psutil.Process(pid).status() == psutil.STATUS_STOPPED
        broker.resume_node(1)
        asyncio.run(create_topics(_settings(broker)))
        broker.pause_node(1)
        started = time.monotonic()
    assert _gone(pid)
    assert time.monotonic() - started < 15, "waited for the kill instead of waking it"
