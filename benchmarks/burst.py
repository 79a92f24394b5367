"""What a burst of new groups costs, on a real `rollcall up`: how soon each acts, and how long a neighbour waits.

One tenant asks for many groups at once, as commands in the topic or over HTTP. Another tenant's guests write on, four
times a second, and each message must be in a change. Each figure is from append to what a reader of committed records
sees. Groups are ready when the last has been told so.

    python -m benchmarks.burst [--groups 10000] [--by topic|http] [--guests 200] [--save docs/burst.json]
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import quantiles
from typing import Any

import aiohttp
import aiokafka

from benchmarks.hot_path import word
from benchmarks.processes import REPOSITORY, check_alive, cpu_s, start, stop
from streams.runtime.ports import free

BURST, OTHER = "burst", "other"
PROBE_S = 0.25
AT_ONCE = 64
"""HTTP requests that are under way together."""
LIMIT_S = 300.0


@dataclass
class Figures:
    """Seconds from the burst until the last outcome, and until the last group is ready; a neighbour's waits in ms."""

    groups: int
    by: str
    decided_s: float = 0.0
    ready_s: float = 0.0
    before_ms: list[float] = field(default_factory=list[float])
    during_ms: list[float] = field(default_factory=list[float])


class Watch:
    """What comes out, by what it is about, with the moment at which a reader saw it."""

    def __init__(self) -> None:
        self.changed: dict[str, float] = {}
        self.decided: set[str] = set()
        self.ready: set[str] = set()

    async def follow(self, consumer: aiokafka.AIOKafkaConsumer) -> None:
        """Note changes of the neighbour, and outcomes and groups of the burst."""
        async for record in consumer:
            if record.value is None:
                continue
            said = json.loads(record.value)
            if record.topic.endswith("membership-changes") and said["tenant"] == OTHER:
                self.changed[said["subject"]] = time.monotonic()
            elif record.topic.endswith("outcomes") and said["tenant"] == BURST and said["outcome"] == "applied":
                self.decided.add(said["command"])
            elif record.topic.endswith("groups") and said["tenant"] == BURST and said["status"] == "ready":
                self.ready.add(said["id"])


def command(kind: str, tenant: str, name: str, data: dict[str, Any]) -> bytes:
    """Write a command or event of now."""
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    envelope = {"specversion": "1.0", "type": kind, "source": "bench", "id": name, "time": now, "tenant": tenant}
    return json.dumps({**envelope, "data": data}).encode()


def message(tenant: str, number: int, text: str) -> bytes:
    """Write a guest's message."""
    data = {
        "message_id": f"m{number}", "channel": "whatsapp", "direction": "inbound", "from": f"62812{number:08}",
        "text": text,
    }  # fmt: skip
    return command("message", tenant, f"m{number}", data)


def group(at: int) -> dict[str, Any]:
    """Return a group with a word of its own."""
    return {"id": f"g{at}", "name": f"g{at}", "rule": {"event": "message", "any_of": [word(at)], "within": "P6M"}}


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[tuple[str, str, list[int]]]:
    """Run the whole system on free ports, and yield its HTTP and broker addresses."""
    http, broker = free(2)
    settings = {
        "ROLLCALL_DATA": str(folder / "data"),
        "ROLLCALL_HTTP": f"127.0.0.1:{http}",
        "ROLLCALL_BROKER_PORT": str(broker),
    }
    worker = start("up", [str(REPOSITORY / ".venv/bin/rollcall"), "up"], settings, folder / "log")
    try:
        while "ready http" not in worker.log.read_text():
            check_alive([worker])
            await asyncio.sleep(0.1)
        yield f"http://127.0.0.1:{http}", f"127.0.0.1:{broker}", [worker.pid]
    finally:
        stop([worker])


async def probe(producer: aiokafka.AIOKafkaProducer, watch: Watch, first: int, done: asyncio.Event) -> list[float]:
    """Have a new guest of the neighbour write every quarter of a second; return how long each change took (ms)."""
    sent: dict[str, float] = {}
    while not done.is_set():
        number = first + len(sent)
        sent[f"tel:+62812{number:08}"] = time.monotonic()
        await producer.send("rollcall.messages", message(OTHER, number, "dinner please"))
        await asyncio.sleep(PROBE_S)
    await until(lambda: sent.keys() <= watch.changed.keys())
    return [1000 * (watch.changed[contact] - at) for contact, at in sent.items()]


async def until(true: Any) -> None:
    """Wait for a condition."""
    async with asyncio.timeout(LIMIT_S):
        while not true():  # noqa: ASYNC110 - what is read comes by another task
            await asyncio.sleep(0.01)


async def ask(by: str, http: str, producer: aiokafka.AIOKafkaProducer, groups: int) -> None:
    """Ask for all groups at once."""
    if by == "topic":
        for at in range(groups):
            await producer.send(
                "rollcall.commands", command("group.create", BURST, f"c{at}", group(at)), BURST.encode()
            )
        return
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=AT_ONCE)) as session:
        await asyncio.gather(*(_post(session, f"{http}/v1/{BURST}/groups", group(at)) for at in range(groups)))


async def _post(session: aiohttp.ClientSession, url: str, body: dict[str, Any]) -> None:
    async with session.post(url, json=body, timeout=aiohttp.ClientTimeout(LIMIT_S)) as answer:
        if answer.status not in {201, 202}:
            raise RuntimeError(f"{answer.status} {await answer.text()}")


async def prepare(producer: aiokafka.AIOKafkaProducer, watch: Watch, guests: int) -> None:
    """Make both tenants, the neighbour's group, and guests of the one that will ask for groups."""
    for tenant in (BURST, OTHER):
        await producer.send("rollcall.commands", command("tenant.put", tenant, "t", {"region": "ID"}), tenant.encode())
    rule = {"event": "message", "any_of": ["dinner"]}
    await producer.send("rollcall.commands", command("group.create", OTHER, "g", {"id": "g", "rule": rule}), b"other")
    await until(lambda: "t" in watch.decided)
    for number in range(guests):
        await producer.send("rollcall.messages", message(BURST, number, f"{word(number)} {word(2 * number)}"))
    await producer.send("rollcall.messages", message(OTHER, 0, "dinner"))
    await until(lambda: watch.changed)
    watch.decided.clear()


async def measure(groups: int, by: str, guests: int, folder: Path) -> Figures:
    """Take the waits at rest, then those in a burst."""
    figures, watch = Figures(groups, by), Watch()
    async with running(folder) as (http, brokers, pids):
        producer = aiokafka.AIOKafkaProducer(bootstrap_servers=brokers, linger_ms=1)
        topics = [f"rollcall.{name}" for name in ("membership-changes", "outcomes", "groups")]
        consumer = aiokafka.AIOKafkaConsumer(
            *topics, bootstrap_servers=brokers, isolation_level="read_committed", auto_offset_reset="earliest"
        )
        await producer.start()
        await consumer.start()
        following = asyncio.create_task(watch.follow(consumer))
        await prepare(producer, watch, guests)
        rested = asyncio.Event()
        asyncio.get_running_loop().call_later(5, rested.set)
        figures.before_ms = await probe(producer, watch, 1_000_000, rested)
        over = asyncio.Event()
        probing = asyncio.create_task(probe(producer, watch, 2_000_000, over))
        began = time.monotonic()
        await ask(by, http, producer, groups)
        await until(lambda: len(watch.decided) == groups)
        figures.decided_s = round(time.monotonic() - began, 2)
        await until(lambda: len(watch.ready) == groups)
        figures.ready_s = round(time.monotonic() - began, 2)
        over.set()
        figures.during_ms = await probing
        following.cancel()
        await consumer.stop()
        await producer.stop()
        sys.stderr.write(f"CPU of the starter {cpu_s(pids):.1f} s\n")
    return figures


def told(name: str, waits: Sequence[float]) -> str:
    """Write a line of the table."""
    cuts = quantiles(waits, n=100)
    return f"| {name} | {len(waits)} | {cuts[49]:.0f} | {cuts[94]:.0f} | {max(waits):.0f} |"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print a table, and save it where asked."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.burst", description=__doc__)
    parser.add_argument("--groups", type=int, default=10_000)
    parser.add_argument("--by", choices=("topic", "http"), default="topic")
    parser.add_argument("--guests", type=int, default=200)
    parser.add_argument("--save", type=Path)
    asked = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="rollcall-burst-") as folder:
        figures = asyncio.run(measure(asked.groups, asked.by, asked.guests, Path(folder)))
    print(
        f"{figures.groups:,} groups by {figures.by}: decided in {figures.decided_s} s, ready in {figures.ready_s} s\n"
    )
    print("| a neighbour's change, ms | messages | p50 | p95 | most |\n| --- | --- | --- | --- | --- |")
    print(told("at rest", figures.before_ms))
    print(told("in the burst", figures.during_ms))
    if asked.save is not None:
        asked.save.write_text(json.dumps(asdict(figures), indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
