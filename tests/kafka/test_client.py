"""The client on a real broker: a reader that is killed, a publisher whose broker stands still, the documentation."""

from __future__ import annotations

import asyncio
import contextlib
import os
import random
import re
import sqlite3
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import RecordsToDelete
from aiokafka.partitioner import murmur2

from rollcall.client import (
    Brokers,
    GapError,
    InvalidEventError,
    Journal,
    MembershipReader,
    MissingTopicError,
    Publisher,
    UnacknowledgedError,
    UnreachableError,
)
from schemas.base import example
from schemas.events import BookingEvent, MessageEvent, RatingEvent
from schemas.outputs import Change, ChangeData, Membership
from streams.runtime.admin import admin_client
from streams.runtime.broker import EmbeddedBroker
from streams.settings import Settings
from streams.topics import full_name

ROOT = Path(__file__).parents[2]
AT = datetime(2026, 11, 2, 10, 5, 11, tzinfo=UTC)
PARTITIONS = 4
TENANT = "bali-resorts"
READ = """
import asyncio, sys
from rollcall.client import Brokers, Journal, MembershipReader

async def main():
    with Journal(sys.argv[1]) as journal:
        async with MembershipReader(Brokers.from_env(), checkpoint=journal.checkpoint) as reader:
            async for batch in reader.batches():
                journal.append(batch.told, batch.checkpoint)

asyncio.run(main())
"""

Key = tuple[str, str]
"""A group and a contact."""


class Owner:
    """What decides on memberships: writes log and table in one transaction, as the pipeline does."""

    def __init__(self, settings: Settings, producer: AIOKafkaProducer, dice: random.Random, aborts: float) -> None:
        self._settings, self._producer, self._dice, self._aborts = settings, producer, dice, aborts
        self.seqs: dict[Key, int] = {}

    async def flip(self, keys: list[Key]) -> None:
        """Let each contact join or leave; some transactions are aborted, and what they said never was."""
        before = dict(self.seqs)
        await self._producer.begin_transaction()
        sent = [await one for key in keys for one in self._writes(key)]
        await asyncio.gather(*sent)
        if self._dice.random() < self._aborts:
            await self._producer.abort_transaction()
            self.seqs = before
        else:
            await self._producer.commit_transaction()

    def _writes(self, key: Key) -> list[Awaitable[Any]]:
        seq = self.seqs[key] = self.seqs.get(key, 0) + 1
        (group, contact), row = key, self._row(key, seq) if seq % 2 else None
        return [
            self._send("membership-changes", f"{TENANT}/{contact}", contact, _change(key, seq)),
            self._send("memberships", f"{TENANT}/{group}/{contact}", contact, row),
        ]

    def _send(self, topic: str, key: str, contact: str, value: Any) -> Awaitable[Any]:
        partition = (murmur2(f"{TENANT}/{contact}".encode()) & 0x7FFFFFFF) % PARTITIONS
        raw = None if value is None else msgspec.json.encode(value)
        name = full_name(self._settings.topic_prefix, topic)
        sent: Awaitable[Any] = self._producer.send(name, raw, key=key.encode(), partition=partition)
        return sent

    @staticmethod
    def _row(key: Key, seq: int) -> Membership:
        return Membership(
            tenant=TENANT, group=key[0], contact=key[1], since=AT, seq=seq, change_id=f"{key}/{seq}",
            sources=["manual"], expires_at=None, sendable=True,
        )  # fmt: skip


def _change(key: Key, seq: int) -> Change:
    joined = seq % 2 == 1
    data = ChangeData(
        group=key[0], contact=key[1], change="joined" if joined else "left", seq=seq, reason="manual", cause=None,
        evidence=None, rule_hash="", effective_at=AT, expires_at=None, sources=["manual"], origin="live", sendable=True,
    )  # fmt: skip
    kind: Any = "membership.joined" if joined else "membership.left"
    return Change(type=kind, id=f"{key}/{seq}", time=AT, tenant=TENANT, subject=key[1], data=data)


@contextlib.asynccontextmanager
async def owner(settings: Settings, dice: random.Random, *, aborts: float = 0.2) -> AsyncIterator[Owner]:
    """An owner with a transactional producer."""
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.bootstrap, transactional_id=f"{settings.topic_prefix}owner", acks="all"
    )
    await producer.start()
    try:
        yield Owner(settings, producer, dice, aborts)
    finally:
        await producer.stop()


class Reader:
    """The reader's process; started again after each kill."""

    def __init__(self, settings: Settings, folder: Path) -> None:
        self.journal = folder / "journal"
        self._log = folder / "reader.log"
        self._env = os.environ | settings.environ()
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", READ, str(self.journal)], cwd=ROOT, env=self._env, stdout=log, stderr=log
            )

    def kill(self) -> None:
        """SIGKILL, if it runs."""
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait(20)

    @property
    def size(self) -> int:
        """How many bytes it has written."""
        return self.journal.stat().st_size if self.journal.exists() else 0

    async def grown(self, size: int, seconds: float = 60) -> None:
        """Wait until the journal has reached a size."""
        assert self._process
        until = time.monotonic() + seconds
        while self.size < size:
            assert self._process.poll() is None, self._log.read_text()
            assert time.monotonic() < until, f"{self.size} of {size} bytes\n{self._log.read_text()}"
            await asyncio.sleep(0.005)

    def told(self) -> dict[Key, list[tuple[str, int]]]:
        """Everything in the journal, by group and contact."""
        found: dict[Key, list[tuple[str, int]]] = {}
        for one in Journal.read(self.journal) if self.journal.exists() else ():
            found.setdefault((one["group"], one["contact"]), []).append((one["kind"], one["seq"]))
        return found


@pytest.fixture
def reader(settings: Settings, tmp_path: Path) -> Iterator[Reader]:
    """A reader's process, not started yet."""
    one = Reader(settings, tmp_path)
    yield one
    one.kill()


def phase(journal: Path) -> str:
    """Where the last checkpoint of a killed reader stands: nowhere, among rows, or following."""
    with Journal(journal) as one:
        places = msgspec.json.decode(one.checkpoint)["places"] if one.checkpoint else {}
    if not places:
        return "nowhere"
    among = any(place.get("stretches") and place["stretches"][-1][0] is not None for place in places.values())
    return "rows" if among or len(places) < PARTITIONS else "following"


def wrong(told: list[tuple[str, int]], last: int) -> bool:
    """Whether these are not: present at most once and first, then each change once up to the last."""
    if not told:
        return last % 2 == 1
    kinds = [kind for kind, _ in told]
    expected = ["joined" if seq % 2 else "left" for seq in range(last - len(told) + 1, last + 1)]
    if kinds[0] == "present":
        expected[0] = "present"
    counted = [seq for _, seq in told] == list(range(last - len(told) + 1, last + 1))
    return not counted or kinds != expected or kinds[0] == "left"


async def test_a_killed_reader_tells_each_once(settings: Settings, reader: Reader) -> None:
    """Killed eight times at random points, among rows and among changes, the journal holds each exactly once."""
    dice = random.Random(20261102)
    keys = [(group, f"tel:+62812{number:07}") for number in range(2000) for group in ("food", "vip")]
    hits: list[str] = []
    async with owner(settings, dice) as deciding:
        for at in range(0, len(keys), 1000):
            await deciding.flip(keys[at : at + 1000])
        writing = asyncio.create_task(keep_writing(deciding, keys, dice))
        try:
            for number in range(8):
                reader.start()
                # the first four soon after a batch is written, which is among the rows; later ones further on
                await reader.grown(reader.size + (1 if number < 4 else dice.randint(1, 150_000)))
                reader.kill()
                hits.append(phase(reader.journal))
        finally:
            writing.cancel()
            await asyncio.wait([writing])
        writing.result()  # it ended as told, not by a fault of its own
        reader.start()
        await until(lambda: not faults(reader, deciding), lambda: f"{hits}: {faults(reader, deciding)[:5]}")
    assert {"rows", "following"} <= set(hits), f"the kills hit only {hits}"
    assert sum(len(told) for told in reader.told().values()) > len(deciding.seqs)


async def keep_writing(deciding: Owner, keys: list[Key], dice: random.Random) -> None:
    """Change memberships until told to stop, never in the midst of a transaction."""
    with contextlib.suppress(asyncio.CancelledError):
        while True:
            flip = asyncio.ensure_future(deciding.flip(dice.sample(keys, dice.randint(1, 100))))
            try:
                await asyncio.shield(flip)
            except asyncio.CancelledError:
                await flip
                return


def faults(reader: Reader, deciding: Owner) -> list[tuple[Key, int, list[tuple[str, int]]]]:
    """Who was not told as is true: the last seq, and what was told instead."""
    told = reader.told()
    assert set(told) <= set(deciding.seqs), "told of someone who never was"
    doubled = [key for key, mine in told.items() if len({seq for _, seq in mine}) < len(mine)]
    assert not doubled, f"told twice: {[told[key] for key in doubled[:3]]}"
    found = ((key, last, told.get(key, [])) for key, last in deciding.seqs.items())
    return [(key, last, mine) for key, last, mine in found if wrong(mine, last)]


async def until(met: Callable[[], bool], why: Callable[[], str] = str, seconds: float = 90) -> None:
    """Wait for a condition."""
    end = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < end, f"not met in time: {why()}"
        await asyncio.sleep(0.25)


async def test_a_trimmed_log_is_a_gap(settings: Settings) -> None:
    """A reader whose place the log no longer holds is told to start again; one without a checkpoint can."""
    brokers = brokers_of(settings)
    async with owner(settings, random.Random(1), aborts=0) as deciding:
        await deciding.flip([("vip", "tel:+628")])
        async with MembershipReader(brokers) as reader:
            first = await anext(batch async for batch in reader.batches() if batch.told)
        for _ in range(4):
            await deciding.flip([("vip", "tel:+628")])
    await trim(settings, "membership-changes")
    with pytest.raises(GapError, match="start again from the table"):
        await MembershipReader(brokers, checkpoint=first.checkpoint).__aenter__()
    async with MembershipReader(brokers) as reader:
        again = await anext(aiter(reader))
    assert [(one.kind, one.seq) for one in (*first.told, again)] == [("present", 1), ("present", 5)]


def brokers_of(settings: Settings) -> Brokers:
    """The same brokers for the client."""
    return Brokers(bootstrap=settings.bootstrap, prefix=settings.topic_prefix)


async def test_events_lie_where_they_should(settings: Settings) -> None:
    """Each event and command lies in its topic under its key, at the receipt's place, as it was given."""
    events = [msgspec.json.decode(example(kind)) for kind in (BookingEvent, RatingEvent, MessageEvent)]
    command = {**events[0], "type": "tenant.delete", "data": {}}
    async with Publisher(brokers_of(settings)) as publisher:
        receipts = [await publisher.publish(event) for event in events] + [await publisher.command(command)]
        many = await publisher.publish_all([{**events[2], "id": str(number)} for number in range(500)])
    assert [one.topic.removeprefix(settings.topic_prefix) for one in receipts] == [
        "bookings", "ratings", "messages", "commands",
    ]  # fmt: skip
    for receipt, event in zip(receipts, [*events, command], strict=True):
        assert msgspec.json.decode((await record_at(settings, receipt)).value) == event
    assert (await record_at(settings, receipts[0])).key == b"bali-resorts/bk-1001"
    assert [one.offset for one in many] == list(range(many[0].offset, many[0].offset + 500))


async def record_at(settings: Settings, receipt: Any) -> Any:
    """The record at a receipt's place."""
    where = TopicPartition(receipt.topic, receipt.partition)
    consumer = AIOKafkaConsumer(bootstrap_servers=settings.bootstrap, enable_auto_commit=False)
    await consumer.start()
    try:
        consumer.assign([where])
        consumer.seek(where, receipt.offset)
        return await asyncio.wait_for(consumer.getone(), 20)
    finally:
        await consumer.stop()


async def test_nothing_is_sent_of_a_list_with_a_fault(settings: Settings) -> None:
    """One invalid event keeps back the whole list, and tells its index and field."""
    event = msgspec.json.decode(example(RatingEvent))
    async with Publisher(brokers_of(settings)) as publisher:
        with pytest.raises(InvalidEventError, match=r"event 1: field_invalid: data\.stars"):
            await publisher.publish_all([event, {**event, "data": {**event["data"], "stars": 9}}])
        assert (await publisher.publish(event)).offset == 0


async def test_a_silent_broker_is_reported_and_a_retry_is_safe(settings: Settings, broker: EmbeddedBroker) -> None:
    """With the broker stopped, publish says that it does not know; the same event again is acknowledged."""
    event = msgspec.json.decode(example(MessageEvent))
    async with Publisher(brokers_of(settings), timeout=3) as publisher:
        await publisher.publish(event)
        broker.pause_node(1)
        try:
            with pytest.raises(UnacknowledgedError, match="with the same id and source"):
                await publisher.publish(event)
        finally:
            broker.resume_node(1)
    async with Publisher(brokers_of(settings)) as publisher:
        assert (await publisher.publish(event)).offset >= 1


async def test_wrong_addresses_and_prefixes_are_named(bare_settings: Settings) -> None:
    """Where no broker or no topic is, both say so and what to do."""
    brokers = brokers_of(bare_settings)
    with pytest.raises(UnreachableError, match=r"no broker answers at 127\.0\.0\.1:1"):
        await MembershipReader("127.0.0.1:1").__aenter__()
    with pytest.raises(MissingTopicError, match=rf"{brokers.prefix}memberships: `rollcall topics create`"):
        await MembershipReader(brokers).__aenter__()
    async with Publisher(brokers) as publisher:
        with pytest.raises(MissingTopicError, match="the prefix is another"):
            await publisher.publish(msgspec.json.decode(example(MessageEvent)))


async def trim(settings: Settings, topic: str) -> None:
    """Delete all records of a topic, as retention would."""
    name = full_name(settings.topic_prefix, topic)
    parts = [TopicPartition(name, number) for number in range(PARTITIONS)]
    async with admin_client(settings) as admin:
        await admin.delete_records({part: RecordsToDelete(before_offset=-1) for part in parts})


async def test_the_documentation_runs(
    settings: Settings, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every example of docs/client.md runs as it stands; its readers, started anew, go on where they were."""
    monkeypatch.chdir(tmp_path)
    for variable, value in settings.environ().items():
        monkeypatch.setenv(variable, value)
    made, publish, database, journal, greet = (block(code, number) for number, code in enumerate(examples()))
    assert made["brokers"] == brokers_of(settings)
    await publish["main"]()
    assert capsys.readouterr().out == "field_invalid data.stars\n"
    async with owner(settings, random.Random(1), aborts=0) as deciding:
        for number in range(1, 4):
            await deciding.flip([("vip", f"tel:+{number - 1}"), ("vip", f"tel:+{number}"), ("food", "tel:+1")])
            await run_until(database["main"], lambda: in_database() == members(deciding))
            await run_until(journal["main"], lambda: in_journal() == members(deciding))
        async with running(greet["main"]):
            out = ""
            while "joined vip" not in out:
                await deciding.flip([("vip", "tel:+9")])
                await asyncio.sleep(0.1)
                out += capsys.readouterr().out
    assert Path("greeter.checkpoint").exists()


def examples() -> list[str]:
    """The Python blocks of the client's documentation."""
    return re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "client.md").read_text(), re.MULTILINE | re.DOTALL)


def block(code: str, number: int) -> dict[str, Any]:
    """What an example defines."""
    names: dict[str, Any] = {}
    exec(compile(code, f"docs/client.md example {number}", "exec"), names)  # noqa: S102 - that is what is tried
    return names


@contextlib.asynccontextmanager
async def running(main: Callable[[], Coroutine[Any, Any, None]]) -> AsyncIterator[asyncio.Task[None]]:
    """An example that runs until it is cancelled."""
    task = asyncio.create_task(main())
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait([task])
    if not task.cancelled():
        task.result()


async def run_until(main: Callable[[], Coroutine[Any, Any, None]], met: Callable[[], bool]) -> None:
    """Run an example until it has done what is expected of it."""
    async with running(main) as task:
        await until(lambda: task.done() or met())


def members(deciding: Owner) -> list[str]:
    """Who is in the group vip."""
    return sorted(contact for (group, contact), seq in deciding.seqs.items() if seq % 2 and group == "vip")


def in_database() -> list[str]:
    """Who is in it by the example's database."""
    with contextlib.closing(sqlite3.connect("members.db")) as database:
        if not database.execute("select 1 from sqlite_master where name = 'members'").fetchone():
            return []
        return [contact for (contact,) in database.execute("select contact from members order by contact")]


def in_journal() -> list[str]:
    """Who is in it by the example's journal, of which no line may be there twice."""
    told = list(Journal.read("memberships.jsonl")) if Path("memberships.jsonl").exists() else []
    seqs = [(one["group"], one["contact"], one["seq"]) for one in told]
    assert len(seqs) == len(set(seqs))
    last = {one["contact"]: one["kind"] for one in told if one["group"] == "vip"}
    return sorted(contact for contact, kind in last.items() if kind != "left")
