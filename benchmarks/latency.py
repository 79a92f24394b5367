"""How long a change takes beside a steady load, on a real `rollcall up`: from publishing to what a reader is given.

The load is the reference job's messages at so many a second, published by the millisecond. Beside it another tenant's
guests write, each for the first time, so that each message is one change; a `read_committed` consumer of
membership-changes notes when it has it. Everything runs on this one machine: broker, workers, store, load and reader.

    python -m benchmarks.latency [--rates 0,200,1000,8000] [--seconds 20] [--save docs/latency.json]

Exit 1 when a promise (PROMISES) is not kept.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, field
from itertools import cycle
from pathlib import Path
from statistics import quantiles

import aiokafka
import psutil
from confluent_kafka import Producer

from benchmarks.burst import OTHER, command, message, running, until
from benchmarks.job import Job, Record, commands

RATES = (0, 200, 500, 1_000, 2_000, 5_000, 8_000, 10_000)
PROMISES = {1_000: 150.0, 8_000: 250.0}
"""Milliseconds within which 99 of 100 changes are readable, by events a second."""
PROBES_S = 25
WARM_S = 5
TURN_S = 0.005
LOAD_MESSAGES = 200_000
CHANGES, OUTCOMES = "rollcall.membership-changes", "rollcall.outcomes"


@dataclass
class Row:
    """One load (events/s), how long each probe took beside it (ms), and how busy each part was (% of a core)."""

    rate: int
    waits_ms: list[float] = field(default_factory=list[float])
    busy: dict[str, int] = field(default_factory=dict[str, int])

    def quantile(self, percent: int) -> float:
        """Return the wait that so many of 100 probes did not exceed."""
        return quantiles(self.waits_ms, n=100)[percent - 1]

    @property
    def kept(self) -> bool:
        """Whether what is promised at this load held."""
        return self.quantile(99) <= PROMISES.get(self.rate, float("inf"))


class Watch:
    """When a reader of committed records was given the first change of each guest, and which commands are decided."""

    def __init__(self) -> None:
        self.changed: dict[str, float] = {}
        self.decided: set[str] = set()

    async def follow(self, consumer: aiokafka.AIOKafkaConsumer) -> None:
        """Note what comes until cancelled."""
        while True:
            for records in (await consumer.getmany(timeout_ms=100)).values():
                for record in records:
                    self._note(record.topic, record.value)

    def _note(self, topic: str, value: bytes) -> None:
        if topic == OUTCOMES:
            self.decided.add(json.loads(value)["command"])
        elif b'"%b"' % OTHER.encode() in value:  # most are the load's: to decode them takes the probes' time
            self.changed[json.loads(value)["subject"]] = time.monotonic()


class Load:
    """Publishes messages of the reference job steadily."""

    def __init__(self, brokers: str, job: Job) -> None:
        self._records: Iterator[Record] = cycle(job.records)
        self._producer = Producer({"bootstrap.servers": brokers, "linger.ms": 2, "compression.type": "lz4"})

    async def run(self, rate: int) -> None:
        """Publish so many a second until cancelled; what a late turn has missed, it makes up for."""
        began, sent = time.monotonic(), 0
        while True:
            due = int((time.monotonic() - began) * rate)
            for _ in range(due - sent):
                key, value = next(self._records)
                self._producer.produce("rollcall.messages", value, key)
            sent = due
            self._producer.poll(0)
            await asyncio.sleep(TURN_S)


class Probes:
    """Guests who write for the first time, one after the other, and how long each change took."""

    def __init__(self, brokers: str, watch: Watch) -> None:
        self._producer = Producer({"bootstrap.servers": brokers, "linger.ms": 0})
        self._watch = watch
        self._guests = 0

    async def run(self, seconds: float) -> list[float]:
        """Probe for so long, and return the waits (ms)."""
        sent: dict[str, float] = {}
        until_then = time.monotonic() + seconds
        while time.monotonic() < until_then:
            sent[f"tel:+62812{self._guests:08}"] = time.monotonic()
            self._producer.produce("rollcall.messages", message(OTHER, self._guests, "dinner please"))
            self._producer.poll(0)
            self._guests += 1
            await asyncio.sleep(1 / PROBES_S)
        await until(lambda: sent.keys() <= self._watch.changed.keys())
        return [1000 * (self._watch.changed[guest] - at) for guest, at in sent.items()]


async def prepare(brokers: str, watch: Watch) -> None:
    """Make the tenant of the load with its hundred groups, and the probes' with one."""
    rule = {"event": "message", "any_of": ["dinner"]}
    asked = [
        *commands(int(time.time())),
        (OTHER.encode(), command("tenant.put", OTHER, "tenant", {"region": "ID"})),
        (OTHER.encode(), command("group.create", OTHER, "group", {"id": "g", "rule": rule})),
    ]
    producer = Producer({"bootstrap.servers": brokers})
    for key, value in asked:
        producer.produce("rollcall.commands", value, key)
    producer.flush(30)
    await until(lambda: len(watch.decided) == len(asked))


async def measure(rates: Sequence[int], seconds: float, folder: Path) -> list[Row]:
    """Run the system once, and put one load after the other on it."""
    job, watch = Job(LOAD_MESSAGES, int(time.time()) - 300), Watch()
    async with running(folder) as (_, brokers, (pid,)):
        consumer = aiokafka.AIOKafkaConsumer(
            CHANGES,
            OUTCOMES,
            bootstrap_servers=brokers,
            isolation_level="read_committed",
            auto_offset_reset="earliest",
            fetch_max_wait_ms=50,
        )
        await consumer.start()
        following = asyncio.create_task(watch.follow(consumer))
        try:
            await prepare(brokers, watch)
            load, probes = Load(brokers, job), Probes(brokers, watch)
            return [await _beside(load, rate, probes, seconds, pid) for rate in rates]
        finally:
            following.cancel()
            await consumer.stop()


async def _beside(load: Load, rate: int, probes: Probes, seconds: float, pid: int) -> Row:
    """Probe beside one load, once it has run for a while; then it ends, and nothing of it is left."""
    loading = asyncio.create_task(load.run(rate))
    await probes.run(WARM_S)
    began, before = time.monotonic(), cpu_s(pid)
    waits = await probes.run(seconds)
    took = time.monotonic() - began
    loading.cancel()
    row = Row(rate, waits, {name: round(100 * (now - before[name]) / took) for name, now in cpu_s(pid).items()})
    print(f"{rate} events/s: {len(waits)} probes, % of a core: {row.busy}", file=sys.stderr)
    return row


def cpu_s(pid: int) -> dict[str, float]:
    """Return the seconds of CPU that each part of the system took since it began."""
    found: dict[str, float] = {"load and probes": sum(psutil.Process().cpu_times()[:2])}
    for process in psutil.Process(pid).children(recursive=True):
        name = _part(process.cmdline())
        found[name] = found.get(name, 0) + sum(process.cpu_times()[:2])
    return found


def _part(command: Sequence[str]) -> str:
    return next((one for one in ("normalize", "decide", "store") if one in command), "broker")


def table(rows: Sequence[Row]) -> str:
    """Write the rows as Markdown."""
    head = "| load, events/s | changes | p50, ms | p95, ms | p99, ms | most, ms |\n|" + " --- |" * 6
    return "\n".join([head, *map(_line, rows)])


def _line(row: Row) -> str:
    waits = " | ".join(f"{one:.0f}" for one in (*map(row.quantile, (50, 95, 99)), max(row.waits_ms)))
    return f"| {row.rate:,} | {len(row.waits_ms)} | {waits} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a table, and save it where asked; 1 when a promise is not kept."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.latency", description=__doc__)
    parser.add_argument("--rates", type=_rates, default=RATES, help="events/s, with commas between")
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--save", type=Path)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="rollcall-latency-") as folder:
        rows = asyncio.run(measure(asked.rates, asked.seconds, Path(folder)))
    print(table(rows))
    if asked.save is not None:
        asked.save.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n")
    broken = [row.rate for row in rows if not row.kept]
    for rate in broken:
        print(f"\nAt {rate:,} events/s 99 of 100 changes are promised within {PROMISES[rate]:.0f} ms.")
    return 1 if broken else 0


def _rates(text: str) -> tuple[int, ...]:
    return tuple(int(one) for one in text.split(","))


if __name__ == "__main__":
    sys.exit(main())
