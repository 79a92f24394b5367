"""How long a worker of decide takes to be ready again: on a warm disk, after SIGKILL, and on an empty disk.

The changelog of an embedded broker is filled with contacts as the fold makes them: 100 groups, some messages each, some
memberships each. Then `rollcall worker decide`, one process with all partitions, is started again and again, and
the clock runs from its start until its /readyz says ready. A start on an empty changelog, before anything is filled
in, tells what of that is Python, the consumer group and the transactions' coordinator.

    python -m benchmarks.restart [--contacts 1000000] [--messages 2] [--partitions 4] [--save docs/restart.json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import platform
import random
import shutil
import signal
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path

import aiokafka

from benchmarks.hot_path import COMMANDS, Line, commands, message
from benchmarks.processes import Worker, check_alive, cpu_s, peak_mb, start, stop
from processors.desk import ORIGIN
from processors.fold import Fold, Record
from schemas.activity import MessageSeen, Seen, encode
from streams.runtime.admin import create_topics
from streams.runtime.appender import BATCH_BYTES, CODEC, Appender
from streams.runtime.broker import EmbeddedBroker
from streams.runtime.murmur2 import Partitioner
from streams.runtime.ports import free
from streams.settings import Settings
from streams.verify_books import contact_in

CHANGELOG = "decide-changelog"
CHUNK, TEXTS = 1_000, 2_000
LIMIT_S = 900.0


@dataclass
class Filled:
    """What lies in the changelog: rows, and the bytes of their keys and values."""

    contacts: int = 0
    rows: int = 0
    row_bytes: int = 0
    seconds: float = 0.0


@dataclass(frozen=True)
class Start:
    """One start: seconds until ready, the process's CPU in them, its peak memory, and the state on disk afterwards."""

    name: str
    ready_s: float
    cpu_s: float
    peak_mb: float
    state_mb: float


@dataclass
class Figures:
    """All that was measured; `log_mb` is the changelog on the broker's disk, compressed."""

    machine: str
    partitions: int
    filled: Filled
    log_mb: float = 0.0
    starts: list[Start] = field(default_factory=list[Start])

    def of(self, name: str) -> Start:
        """Return a start by its name."""
        return next(one for one in self.starts if one.name == name)


# filling -------------------------------------------------------------------------------------------------------------


def records(first: int, count: int, each: int, texts: Sequence[str], now: int) -> Iterator[Record]:
    """Yield the messages of new contacts."""
    for at in range(first, first + count):
        key = f"bali/tel:+62812{at:08d}".encode()
        for nth in range(each):
            id_, time_ = f"wamid.{at}.{nth}", now - (at + nth) % 86_400_000
            seen = Seen(time=time_, name="Made")
            text = texts[(at * 7 + nth) % len(texts)]
            said = MessageSeen(*ORIGIN, "whatsapp", id_, id_, 1, time_, text, "whatsapp", seen)
            yield Record(key, encode(said), now)


def rows_of(fold: Fold, some: Sequence[Record]) -> Mapping[bytes, bytes | None]:
    """Return the rows of heads and facts that these records give, and forget the contacts."""
    fold.apply(some)
    flushed = fold.flush()
    fold.desk.take()
    fold.committed()
    return {key: value for key, value in flushed.rows.items() if key[:1] in {b"h", b"f"}}


class Filler:
    """Writes rows into the changelog, each into its contact's partition."""

    def __init__(self, appender: Appender, partitions: int) -> None:
        self.appender = appender
        self.partitioner = Partitioner(partitions)
        self.filled = Filled()

    async def everywhere(self, rows: Mapping[bytes, bytes]) -> None:
        """Write the rows that each partition has: definitions."""
        for partition in range(self.partitioner.partitions):
            for key, value in rows.items():
                self._append(partition, key, value)
        await self.appender.flush()

    async def contacts(self, rows: Mapping[bytes, bytes | None]) -> None:
        """Write contacts' rows."""
        for key, value in rows.items():
            contact = key[1:] if key[:1] == b"h" else contact_in(key, 1)
            self._append(self.partitioner(contact), key, value or b"")
        await self.appender.flush()

    def _append(self, partition: int, key: bytes, value: bytes) -> None:
        self.appender.append(CHANGELOG, partition, key, value)
        self.filled.rows += 1
        self.filled.row_bytes += len(key) + len(value)


async def fill(settings: Settings, contacts: int, each: int) -> Filled:
    """Fill the changelog and tell what it holds."""
    producer = aiokafka.AIOKafkaProducer(
        bootstrap_servers=settings.bootstrap, enable_idempotence=True, acks="all", compression_type=CODEC,
        max_batch_size=BATCH_BYTES, linger_ms=0,
    )  # fmt: skip
    await producer.start()
    try:
        filler = Filler(Appender(producer, settings.topic_prefix), settings.partitions)
        return await _fill(filler, contacts, each)
    finally:
        await producer.stop()


async def _fill(filler: Filler, contacts: int, each: int) -> Filled:
    began, dice, line, now = time.monotonic(), random.Random(7), Line(), int(time.time() * 1000)
    line.decide(line.normalize(COMMANDS, commands()))
    texts = [str(message(at, dice)["data"]["text"]).lower().rstrip("?") for at in range(TEXTS)]
    await filler.everywhere({key: row for key, row in line.store.rows.items() if key[:1] in {b"a", b"d", b"s"}})
    for first in range(0, contacts, CHUNK):
        count = min(CHUNK, contacts - first)
        await filler.contacts(rows_of(line.fold, list(records(first, count, each, texts, now))))
    filler.filled.contacts, filler.filled.seconds = contacts, round(time.monotonic() - began, 1)
    return filler.filled


# starting ------------------------------------------------------------------------------------------------------------


class Bench:
    """One broker, one worker's folder, and what was measured on them."""

    def __init__(self, settings: Settings, partitions: int) -> None:
        self.settings = settings
        self.figures = Figures(f"{os.cpu_count()} cores, Python {platform.python_version()}", partitions, Filled())

    @property
    def state(self) -> Path:
        """The folder of the worker's rows."""
        return self.settings.data / "a" / "decide"

    def measure(self, name: str, end: int = signal.SIGTERM) -> None:
        """Start the worker, wait until it is ready, note what that took, and end it."""
        (port,) = free(1)
        command = [sys.executable, "-m", "rollcall", "worker", "decide", "--instance", "a", "--metrics-port", str(port)]
        began = time.monotonic()
        worker = start(name, command, self.settings.environ(), self.settings.data / "worker.log")
        try:
            until_ready(worker, port)
            took = time.monotonic() - began
            used, peak = cpu_s([worker.pid]), peak_mb([worker.pid])
            time.sleep(2.0)  # it has committed its first ticks
        finally:
            worker.process.send_signal(end)
            stop([worker])
        one = Start(name, round(took, 2), round(used, 2), round(peak), round(size_mb(self.state), 1))
        self.figures.starts.append(one)
        print(f"{one.ready_s:8.2f} s  {name}", flush=True)

    def wipe(self) -> None:
        """Have the worker begin with an empty disk."""
        shutil.rmtree(self.state)


def until_ready(worker: Worker, port: int) -> None:
    """Wait until a worker's /readyz says so. Raises TimeoutError."""
    until = time.monotonic() + LIMIT_S
    while time.monotonic() < until:
        with suppress(OSError), urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=5):
            return
        check_alive([worker])
        time.sleep(0.05)
    raise TimeoutError(f"not ready within {LIMIT_S:.0f} s")


def size_mb(folder: Path, pattern: str = "*") -> float:
    """Return the size of the files under a folder."""
    return sum(path.stat().st_size for path in folder.rglob(pattern) if path.is_file()) / 1e6


# telling -------------------------------------------------------------------------------------------------------------


def table(figures: Figures) -> str:
    """Write the figures as Markdown; a speed is that of the rows alone, without what an empty changelog takes."""
    filled, base = figures.filled, figures.of("empty changelog")
    lines = [
        _size(figures),
        "",
        "| start | ready (s) | CPU (s) | rows/s | MB/s | peak MB | state MB |",
        "| --- | --- | --- | --- | --- | --- | --- |",
    ]
    for one in figures.starts:
        speed = ("", "")
        if one.name == "empty disk":
            took = max(one.ready_s - base.ready_s, 0.01)
            speed = (f"{filled.rows / took:,.0f}", f"{filled.row_bytes / took / 1e6:,.1f}")
        lines.append(
            f"| {one.name} | {one.ready_s:.1f} | {one.cpu_s:.1f} | {' | '.join(speed)} | {one.peak_mb:,.0f} |"
            f" {one.state_mb:,.0f} |"
        )
    return "\n".join(lines) + "\n"


def _size(figures: Figures) -> str:
    filled = figures.filled
    return (
        f"{filled.contacts:,} contacts, {filled.rows:,} rows, {filled.row_bytes / 1e6:,.0f} MB of keys and values,"
        f" {figures.log_mb:,.0f} MB of log, {figures.partitions} partitions; {figures.machine}"
    )


def run(folder: Path, contacts: int, each: int, partitions: int) -> Figures:
    """Fill, start, and measure."""
    with EmbeddedBroker(folder / "broker") as broker:
        settings = Settings(brokers=broker.bootstrap, data=folder / "data", partitions=partitions)
        settings.data.mkdir()
        asyncio.run(create_topics(settings))
        bench = Bench(settings, partitions)
        bench.measure("empty changelog")
        bench.figures.filled = asyncio.run(fill(settings, contacts, each))
        bench.figures.log_mb = round(size_mb(folder / "broker", f"*{CHANGELOG}-*/*.log"), 1)
        bench.wipe()
        bench.measure("empty disk")
        bench.measure("warm disk", signal.SIGKILL)
        bench.measure("warm disk after SIGKILL")
        return bench.figures


class Asked(argparse.Namespace):
    """How many contacts with how many messages each, over how many partitions, and where to save the figures."""

    contacts: int
    messages: int
    partitions: int
    save: Path | None


def parsed(name: str, about: str | None, arguments: Sequence[str] | None) -> Asked:
    """Read the command line of a benchmark over a filled changelog; an end from outside ends its broker too."""
    parser = argparse.ArgumentParser(prog=f"python -m benchmarks.{name}", description=about)
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--messages", type=int, default=2, help="of each contact")
    parser.add_argument("--partitions", type=int, default=4)
    parser.add_argument("--save", type=Path)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    return parser.parse_args(arguments, Asked())


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and save."""
    asked = parsed("restart", __doc__, arguments)
    with tempfile.TemporaryDirectory(prefix="restart-") as folder:
        figures = run(Path(folder), asked.contacts, asked.messages, asked.partitions)
    print(table(figures))
    if asked.save:
        asked.save.write_text(json.dumps(asdict(figures), indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
