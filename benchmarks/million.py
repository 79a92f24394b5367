"""What a tenant with a million contacts feels: a preview, and the latency of live events while a new group is answered.

The changelog is filled as in benchmarks.restart; then decide and normalize run as they always do. Probes are messages
of strangers that let them into a group, a few each second; their latency runs from publishing to the change being read.

    python -m benchmarks.million [--contacts 1000000] [--save docs/million.json]
"""

from __future__ import annotations

import asyncio
import json
import statistics
import sys
import tempfile
import time
from contextlib import AsyncExitStack, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import aiokafka
import msgspec
from aiokafka.structs import TopicPartition

from benchmarks.hot_path import ENVELOPE, word
from benchmarks.processes import Worker, start, stop
from benchmarks.restart import fill, parsed, until_ready
from processors.preview import united
from schemas.base import moment
from schemas.questions import PreviewAsked
from streams.runtime.admin import create_topics
from streams.runtime.broker import EmbeddedBroker
from streams.runtime.ports import free
from streams.runtime.questioner import Questioner
from streams.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from schemas.questions import Previewed

PROBES_A_SECOND = 40
USUAL_S = 20.0
LIMIT_S = 600.0
JOIN = word(3)
"""A word that lets its writer into a group of the fill."""
RULES: dict[str, dict[str, Any]] = {
    "messages": {"event": "message", "any_of": [word(5), word(7)], "within": "P6M"},
    "ratings": {"event": "rating", "min_stars": 4},
    "profile": {"contact": "source", "is": "whatsapp"},
}
NEW: dict[str, Any] = {"event": "message", "any_of": [word(11), word(13)], "within": "P6M"}


@dataclass
class Figures:
    """Seconds of previews with what they found, and the latencies (ms) of probes, usually and during the backfill."""

    contacts: int
    preview_s: dict[str, float] = field(default_factory=dict[str, float])
    found: dict[str, int] = field(default_factory=dict[str, int])
    usual_ms: list[float] = field(default_factory=list[float])
    backfill_s: float = 0.0
    backfill_ms: list[float] = field(default_factory=list[float])


def event(kind: str, id_: str, data: dict[str, Any], source: str = "bench") -> bytes:
    """Return an event or command of this moment."""
    now = moment(int(time.time() * 1000))
    return msgspec.json.encode({**ENVELOPE, "type": kind, "id": id_, "source": source, "time": now, "data": data})


class Outside:
    """A publisher and a reader of committed records, as outsiders have them."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.sent: dict[str, float] = {}
        self.took: list[float] = []
        self.ready = asyncio.Event()
        self.producer = aiokafka.AIOKafkaProducer(bootstrap_servers=settings.bootstrap, acks="all", linger_ms=0)
        self.consumer = aiokafka.AIOKafkaConsumer(
            bootstrap_servers=settings.bootstrap, isolation_level="read_committed", enable_auto_commit=False,
            auto_offset_reset="latest", fetch_max_wait_ms=20,
        )  # fmt: skip

    async def open(self, stack: AsyncExitStack) -> None:
        """Connect, and hear what is written from now on."""
        for client in (self.producer, self.consumer):
            await client.start()
            stack.push_async_callback(client.stop)
        names = [f"{self.settings.topic_prefix}{name}" for name in ("membership-changes", "groups")]
        self.consumer.assign([TopicPartition(name, p) for name in names for p in range(self.settings.partitions)])
        await self.consumer.seek_to_end()
        hearing = asyncio.create_task(self._hear())
        stack.callback(hearing.cancel)

    async def put(self, topic: str, value: bytes) -> None:
        """Publish."""
        await self.producer.send(self.settings.topic_prefix + topic, value, key=b"bali")

    async def _hear(self) -> None:
        while True:
            for tp, records in (await self.consumer.getmany(timeout_ms=50)).items():
                for record in records:
                    self._take(tp.topic, msgspec.json.decode(record.value or b"{}"))

    def _take(self, topic: str, said: dict[str, Any]) -> None:
        if topic.endswith("groups"):
            if said.get("id") == "new" and said["status"] == "ready":
                self.ready.set()
            return
        sent = self.sent.pop(said["data"]["contact"], None)
        if sent is not None:
            self.took.append((time.monotonic() - sent) * 1000)

    async def probe(self, until: asyncio.Event) -> list[float]:
        """Let strangers in, evenly, until the event; return the latencies (ms)."""
        self.took = []
        while not until.is_set():
            phone = f"+62852{uuid4().int % 10**8:08d}"
            data = {"message_id": phone, "channel": "whatsapp", "direction": "inbound", "from": phone, "text": JOIN}
            self.sent[f"tel:{phone}"] = time.monotonic()
            await self.put("messages", event("message", phone, data, "whatsapp"))
            with suppress(TimeoutError):
                await asyncio.wait_for(until.wait(), 1 / PROBES_A_SECOND)
        await asyncio.sleep(2.0)  # the last of them arrive
        return self.took


async def measure(settings: Settings, figures: Figures) -> None:
    """Ask, probe, create a group, and probe meanwhile."""
    async with AsyncExitStack() as stack:
        outside, owners = Outside(settings), Questioner(settings, instance="bench")
        await outside.open(stack)
        await owners.start()
        stack.push_async_callback(owners.stop)
        # the fill knows the tenant; normalize hears of it once its record changes
        record = {"region": "ID", "zone": "Asia/Makassar", "help_reply": "bench"}
        await outside.put("commands", event("tenant.put", "t", record))
        await asyncio.sleep(3.0)
        for name, rule in RULES.items():
            began = time.monotonic()
            found = await preview(owners, rule)
            figures.preview_s[name] = round(time.monotonic() - began, 2)
            figures.found[name] = found.count
            print(f"{figures.preview_s[name]:8.2f} s  preview over {name}: {found.count:,} of {found.contacts:,}")
        await _latencies(outside, figures)


async def preview(owners: Questioner, rule: dict[str, Any]) -> Previewed:
    """Preview a rule over all partitions."""
    answers = await owners.ask_all(PreviewAsked(id=uuid4().hex, tenant="bali", rule=rule), LIMIT_S)
    return united([said.previewed for said in answers if said.previewed is not None], 10)


async def _latencies(outside: Outside, figures: Figures) -> None:
    usual = asyncio.Event()
    asyncio.get_running_loop().call_later(USUAL_S, usual.set)
    figures.usual_ms = await outside.probe(usual)
    began = time.monotonic()
    await outside.put("commands", event("group.create", "g", {"id": "new", "name": "New", "rule": NEW}))
    async with asyncio.timeout(LIMIT_S):
        figures.backfill_ms = await outside.probe(outside.ready)
    figures.backfill_s = round(time.monotonic() - began - 2.0, 1)


def quantiles(took: Sequence[float]) -> tuple[float, float]:
    """Return the median and the 99th percentile."""
    cuts = statistics.quantiles(took, n=100)
    return round(cuts[49]), round(cuts[98])


def table(figures: Figures) -> str:
    """Write the figures as Markdown."""
    usual, during = quantiles(figures.usual_ms), quantiles(figures.backfill_ms)
    speed = figures.contacts / max(figures.backfill_s, 0.1)
    return "\n".join([
        f"{figures.contacts:,} contacts; a new group is answered in {figures.backfill_s} s ({speed:,.0f} contacts/s)",
        "",
        "| latency of live events | probes | median ms | 99 % ms |",
        "| --- | --- | --- | --- |",
        f"| usual | {len(figures.usual_ms):,} | {usual[0]:.0f} | {usual[1]:.0f} |",
        f"| while the group is answered | {len(figures.backfill_ms):,} | {during[0]:.0f} | {during[1]:.0f} |",
    ])  # fmt: skip


def run(folder: Path, contacts: int, each: int, partitions: int) -> Figures:
    """Fill, start, and measure."""
    with EmbeddedBroker(folder / "broker") as broker:
        settings = Settings(brokers=broker.bootstrap, data=folder / "data", partitions=partitions)
        settings.data.mkdir()
        asyncio.run(create_topics(settings))
        asyncio.run(fill(settings, contacts, each))
        workers: list[Worker] = []
        try:
            workers.append(_start("decide", settings))
            workers.append(_start("normalize", settings))
            figures = Figures(contacts)
            asyncio.run(measure(settings, figures))
        finally:
            stop(workers)
        return figures


def _start(hop: str, settings: Settings) -> Worker:
    (port,) = free(1)
    command = [sys.executable, "-m", "rollcall", "worker", hop, "--instance", hop, "--metrics-port", str(port)]
    worker = start(hop, command, settings.environ(), settings.data / f"{hop}.log")
    until_ready(worker, port)
    return worker


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and save."""
    asked = parsed("million", __doc__, arguments)
    with tempfile.TemporaryDirectory(prefix="million-") as folder:
        figures = run(Path(folder), asked.contacts, asked.messages, asked.partitions)
    print(table(figures))
    if asked.save:
        told = asdict(figures) | {
            "usual_ms": quantiles(figures.usual_ms),
            "backfill_ms": quantiles(figures.backfill_ms),
        }
        asked.save.write_text(json.dumps(told, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
