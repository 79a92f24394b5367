"""A pipeline under test: real worker processes, a publisher and a reader that share no code with them (librdkafka)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Self

import psutil
import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, Producer, TopicPartition

from streams.cli.app import run
from streams.runtime.ports import free
from streams.settings import Settings

ROOT = Path(__file__).parents[2]
TENANT = "bali"
BROKEN = 70


def until(condition: Callable[[], Any], seconds: float = 60.0, what: str = "") -> Any:
    """Wait for a condition and return what it gave; fails after the limit."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = condition()
        if found:
            return found
        time.sleep(0.1)
    raise AssertionError(f"not within {seconds} s: {what or condition}")


class Worker:
    """One worker process; `fail_at` is what streams/runtime/fail_points.py reads, `program` what Python is to run."""

    def __init__(
        self,
        hop: str,
        settings: Settings,
        instance: str = "a",
        fail_at: str = "",
        program: Sequence[str] = ("-m", "rollcall"),
    ) -> None:
        self.hop = hop
        self.instance = instance
        (self.port,) = free(1)
        self.log = Path(settings.data) / f"{hop}-{instance}.log"
        self.log.parent.mkdir(parents=True, exist_ok=True)
        command = ["worker", hop, "--instance", instance, "--metrics-port", str(self.port)]
        environ = {**os.environ, **settings.environ(), "ROLLCALL_FAIL_AT": fail_at, "PYTHONPATH": str(ROOT)}
        with self.log.open("ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, *program, *command], env=environ, stdout=out, stderr=out, cwd=ROOT
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def signal(self, which: signal.Signals) -> None:
        """Send a signal to a process that is there."""
        if self.process.poll() is None:
            self.process.send_signal(which)

    def kill(self) -> None:
        """End it as a power cut would."""
        self.signal(signal.SIGKILL)
        self.process.wait()

    def stop(self, seconds: float = 30.0) -> int:
        """End it in order; returns the exit code."""
        self.signal(signal.SIGTERM)
        return self.process.wait(seconds)

    def ended(self, seconds: float = 60.0) -> int:
        """Wait for its end and return the exit code."""
        return self.process.wait(seconds)

    @property
    def alive(self) -> bool:
        """Whether the process is there, standing still or not."""
        return self.process.poll() is None

    @property
    def stands_still(self) -> bool:
        """Whether it was stopped with SIGSTOP."""
        return psutil.Process(self.process.pid).status() == psutil.STATUS_STOPPED

    def ask(self, path: str) -> tuple[int, str]:
        """GET from its health server; (0, "") when nobody listens."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, ""
        except OSError:
            return 0, ""

    @property
    def ready(self) -> bool:
        """What /readyz says."""
        return self.is_ready()

    def is_ready(self) -> bool:
        """What /readyz says; a worker that has ended fails the test."""
        assert self.alive, f"{self.hop} ended with {self.process.returncode}: {self.said[-2000:]}"
        return self.ask("/readyz")[0] == 200

    @property
    def said(self) -> str:
        """Everything it has written to its standard output and error."""
        return self.log.read_text(errors="replace")

    def metric(self, name: str) -> dict[str, float]:
        """Its values of one metric, by labels as Prometheus writes them."""
        lines = [line.rpartition(" ") for line in self.ask("/metrics")[1].splitlines() if line.startswith(name)]
        return {line[0][len(name) :]: float(line[2]) for line in lines}

    @property
    def partitions(self) -> set[str]:
        """The partitions of which a decide worker measures the state: those it owns."""
        return set(self.metric("rollcall_state_bytes"))


class Store:
    """One store process with HTTP on a free port."""

    def __init__(self, settings: Settings) -> None:
        (port,) = free(1)
        self.address = f"http://127.0.0.1:{port}"
        environ = {**os.environ, **settings.environ(), "PYTHONPATH": str(ROOT)}
        with (Path(settings.data) / "store.log").open("ab") as out:
            command = [sys.executable, "-m", "rollcall", "store", "--http", f"127.0.0.1:{port}"]
            self.process = subprocess.Popen(command, env=environ, stdout=out, stderr=out, cwd=ROOT)

    def __enter__(self) -> Self:
        until(self.ready, what="the store")
        return self

    def __exit__(self, *_: object) -> None:
        self.process.kill()
        self.process.wait()

    def ready(self) -> bool:
        """What /readyz says."""
        try:
            return bool(self.get("/readyz") is not None)
        except OSError:
            return False

    def get(self, path: str) -> Any:
        """GET a path; raises OSError on anything but success."""
        with urllib.request.urlopen(self.address + path, timeout=10) as answer:  # noqa: S310
            return json.loads(answer.read() or "{}")

    def members(self, tenant: str, group: str) -> set[str]:
        """Return all members of a group, page by page."""
        found: set[str] = set()
        cursor = ""
        while True:
            page = self.get(f"/v1/{tenant}/groups/{group}/members?limit=100{cursor}")
            found |= {row["contact"] for row in page["items"]}
            if page["cursor"] is None:
                return found
            cursor = f"&cursor={page['cursor']}"


class Read(NamedTuple):
    """One committed record."""

    partition: int
    offset: int
    key: bytes | None
    value: Any
    headers: dict[str, bytes]


class Pipeline:
    """Publishes, reads and starts workers for one topic prefix."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self._stack = ExitStack()
        self._latest: dict[str, Worker] = {}
        self._producer = Producer({"bootstrap.servers": settings.bootstrap, "linger.ms": 0, **_BIG})
        self._ids = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()

    def worker(
        self,
        hop: str,
        instance: str = "a",
        fail_at: str = "",
        program: Sequence[str] = ("-m", "rollcall"),
        **changed: Any,
    ) -> Worker:
        """Start a worker that ends with this pipeline."""
        settings = Settings.from_env(self.settings.environ(), **changed) if changed else self.settings
        self._latest[hop] = self._stack.enter_context(Worker(hop, settings, instance, fail_at, program))
        return self._latest[hop]

    def latest(self, hop: str) -> Worker:
        """Return the worker of a hop that was started last."""
        return self._latest[hop]

    def both(self) -> tuple[Worker, Worker]:
        """Start normalize and decide, and wait until they work."""
        started = self.worker("normalize"), self.worker("decide")
        wait_for(started)
        return started

    def put(self, topic: str, value: bytes | None, key: bytes | None = None) -> None:
        """Publish bytes."""
        while True:
            try:
                self._producer.produce(self.settings.topic_prefix + topic, value, key, on_delivery=_delivered)
            except BufferError:
                self._producer.poll(0.1)
            else:
                return

    def flush(self) -> None:
        """Wait until the broker has everything."""
        assert self._producer.flush(30) == 0

    def command(self, type_: str, id_: str | None = None, **data: Any) -> str:
        """Publish a command; returns its id."""
        self._ids += 1
        id_ = id_ or f"c{self._ids}"
        self.put("commands", event(type_, id_, data), TENANT.encode())
        self.flush()
        return id_

    def set_up(self, *groups: dict[str, Any], region: str = "ID") -> None:
        """Make the tenant and groups, and wait until they are known."""
        self.command("tenant.put", region=region, zone="UTC")
        until(lambda: self.newest("tenants"), what="the tenant's record")
        for group in groups:
            self.command("group.create", **group)
        names = {f"{TENANT}/{group['id']}".encode() for group in groups}
        until(lambda: self._ready_groups() >= names, what="the groups")

    def _ready_groups(self) -> set[bytes]:
        return {key for key, value in self.newest("groups").items() if value["status"] == "ready"}

    def read(self, topic: str) -> list[Read]:
        """Read all that is committed in a topic, partition by partition."""
        return read(self.settings, topic)

    def newest(self, topic: str) -> dict[bytes, Any]:
        """Read a table: the newest value of each key that has one."""
        rows: dict[bytes, Any] = {}
        for record in self.read(topic):
            assert record.key is not None
            rows[record.key] = record.value
        return {key: value for key, value in rows.items() if value is not None}

    def changes(self) -> list[Any]:
        """Read the log of changes."""
        return [record.value for record in self.read("membership-changes")]

    def members(self) -> dict[str, set[str]]:
        """Read the memberships table by group."""
        found: dict[str, set[str]] = defaultdict(set)
        for row in self.newest("memberships").values():
            found[row["group"]].add(row["contact"])
        return dict(found)

    def outcomes(self, command: str) -> list[Any]:
        """Read what became of a command."""
        return [one.value for one in self.read("outcomes") if one.value["command"] == command]


_BIG = {"message.max.bytes": 9_000_000}


def _delivered(error: Any, _message: Any) -> None:
    assert error is None, error


def read(settings: Settings, topic: str, isolation: str = "read_committed") -> list[Read]:
    """Read a topic from its beginning to its last stable offset."""
    name = settings.topic_prefix + topic
    consumer = Consumer(
        {
            "bootstrap.servers": settings.bootstrap,
            "group.id": f"{name}-reader",
            "isolation.level": isolation,
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "fetch.wait.max.ms": 20,
            "fetch.message.max.bytes": 9_000_000,
        }
    )
    found: list[Read] = []
    waiting = set(range(settings.partitions))
    consumer.assign([TopicPartition(name, p, OFFSET_BEGINNING) for p in waiting])
    try:
        while waiting:
            for message in consumer.consume(1000, 0.2):
                error = message.error()
                if error is None:
                    found.append(_read(message))
                elif error.code() == KafkaError._PARTITION_EOF:
                    waiting.discard(message.partition())
    finally:
        consumer.close()
    return sorted(found, key=lambda one: one[:2])


def committed(settings: Settings, hop: str, topic: str) -> dict[int, int]:
    """Return the offsets that a hop's group has committed for a topic, by partition."""
    consumer = Consumer({"bootstrap.servers": settings.bootstrap, "group.id": settings.topic_prefix + hop})
    try:
        places = [TopicPartition(settings.topic_prefix + topic, p) for p in range(settings.partitions)]
        return {one.partition: one.offset for one in consumer.committed(places, timeout=20) if one.offset >= 0}
    finally:
        consumer.close()


def _read(message: Any) -> Read:
    raw = message.value()
    try:
        value = None if raw is None else json.loads(raw)
    except ValueError:
        value = raw
    return Read(message.partition(), message.offset(), message.key(), value, dict(message.headers() or ()))


def now() -> str:
    """The time, as an event writes it."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def event(type_: str, id_: str, data: dict[str, Any], source: str = "console", tenant: str = TENANT) -> bytes:
    """An event or command of this moment."""
    body = {"specversion": "1.0", "type": type_, "source": source, "id": id_, "time": now(), "tenant": tenant}
    return json.dumps({**body, "data": data}).encode()


def message(id_: str, phone: str, text: str, *, revision: int = 1, deleted: bool = False) -> bytes:
    """An inbound message on whatsapp."""
    data = {"message_id": id_, "channel": "whatsapp", "direction": "inbound", "from": phone, "text": text}
    return event("message", f"{id_}:{revision}", {**data, "revision": revision, "deleted": deleted}, "whatsapp")


def phone(number: int) -> str:
    """One of a thousand valid mobile numbers of Indonesia."""
    return f"+62812345{number:05d}"


def faults(changes: Iterable[Any], members: dict[str, set[str]]) -> list[str]:
    """Everything wrong with a log of changes and the table beside it; empty is right."""
    told: list[str] = []
    ids: set[str] = set()
    last: dict[tuple[str, str], int] = {}
    for change in changes:
        data = change["data"]
        if "group" not in data:
            continue  # of consent
        pair, seq = (data["group"], data["contact"]), data["seq"]
        if change["id"] in ids:
            told.append(f"{pair} {seq}: this change id was there before")
        ids.add(change["id"])
        if seq != last.get(pair, 0) + 1:
            told.append(f"{pair}: {seq} after {last.get(pair, 0)}")
        if data["change"] != ("joined" if seq % 2 else "left"):
            told.append(f"{pair} {seq}: {data['change']}")
        last[pair] = seq
    folded = {pair for pair, seq in last.items() if seq % 2}
    table = {(group, contact) for group, contacts in members.items() for contact in contacts}
    return told + [f"table and log differ on {sorted(folded ^ table)[:5]}"] * (folded != table)


def wait_for(workers: Sequence[Worker], seconds: float = 60.0) -> None:
    """Wait until all of them are ready."""
    for one in workers:
        until(partial(Worker.is_ready, one), seconds, f"{one.hop} {one.instance} ready")


def verified(settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """`rollcall verify` finds nothing."""
    for name, value in settings.environ().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ROLLCALL_HTTP", "127.0.0.1:1")
    capsys.readouterr()
    code = run(["verify", "--json"])
    report = json.loads(capsys.readouterr().out)
    assert (code, report["agree"], report["listed"]) == (0, True, [])
