"""The store on a real broker: records written in transactions, read over HTTP, through kills and without its folder."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiohttp
import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.partitioner import murmur2

from schemas.base import Reject
from schemas.commands import Command, GroupAdd, GroupCreate, TenantPut
from schemas.dead_letters import headers, keep
from schemas.envelope import read
from schemas.groups import Group
from schemas.outputs import Contact, Membership, Outcome
from schemas.tenants import Tenant
from streams.runtime.admin import admin_client, create_topics
from streams.runtime.broker import EmbeddedBroker
from streams.runtime.kv import RocksRows
from streams.runtime.ports import free
from streams.settings import Settings
from streams.store import keys
from streams.topics import full_name

ROOT = Path(__file__).parents[2]
AT = datetime(2026, 11, 2, 10, 5, 11, tzinfo=UTC)
PARTITIONS = 4
RUN = """
import logging, sys
from streams.settings import Settings
from streams.web.server import run
logging.basicConfig(level=logging.INFO)
sys.exit(run(Settings.from_env(), instance="t"))
"""

Written = tuple[str, str, str, Any]
"""A topic, a key, the contact or key that chooses the partition, and a value or None."""


class Store:
    """The store's process on a port and a folder of its own."""

    def __init__(self, settings: Settings) -> None:
        self.settings = msgspec.structs.replace(settings, http=f"127.0.0.1:{free(1)[0]}")
        self.url = f"http://{self.settings.http}"
        self.folder = settings.data / "store"
        self.log = settings.data.with_suffix(".log")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the process; it may not answer yet."""
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-c", RUN], cwd=ROOT, env=os.environ | self.settings.environ(), stdout=log, stderr=log
            )

    def end(self, number: int = signal.SIGTERM) -> int:
        """End the process and tell its exit code."""
        assert self._process
        self._process.send_signal(number)
        return self._process.wait(20)

    def close(self) -> None:
        """Leave nothing running."""
        if self._process and self._process.poll() is None:
            self._process.kill()
            self._process.wait(20)

    async def ready(self, seconds: float = 30) -> None:
        """Wait until the tables are read."""
        assert self._process
        until = time.monotonic() + seconds
        async with aiohttp.ClientSession() as session:
            while time.monotonic() < until:
                assert self._process.poll() is None, self.log.read_text()
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(f"{self.url}/readyz") as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(0.05)
        raise AssertionError(f"not ready in {seconds} s\n{self.log.read_text()}")

    async def ask(self, path: str, method: str = "GET", **more: Any) -> tuple[int, Any]:
        """Send one request; the body is JSON or empty."""
        async with aiohttp.ClientSession() as session, session.request(method, self.url + path, **more) as answer:
            raw = await answer.read()
            return answer.status, msgspec.json.decode(raw) if raw else None

    async def told(self) -> Any:
        """Everything that can be asked of one tenant."""
        groups = (await self.ask("/v1/bali/groups?limit=1000"))[1].get("items", [])
        return {g["id"]: (g, (await self.ask(f"/v1/bali/groups/{g['id']}/members?limit=1000"))[1]) for g in groups}


@pytest.fixture
def store(settings: Settings) -> Iterable[Store]:
    """A store's process, not started yet."""
    settings.data.mkdir(parents=True)
    one = Store(settings)
    yield one
    one.close()


@contextlib.asynccontextmanager
async def pipeline(settings: Settings, name: str = "p") -> AsyncIterator[AIOKafkaProducer]:
    """A transactional producer, as decide's."""
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.bootstrap, transactional_id=settings.topic_prefix + name, acks="all"
    )
    await producer.start()
    try:
        yield producer
    finally:
        await producer.stop()


async def put(settings: Settings, producer: AIOKafkaProducer, records: Iterable[Written]) -> None:
    """Write records, partitioned as the contract says."""
    sent = []
    for topic, key, by, value in records:
        raw = None if value is None else msgspec.json.encode(value)
        partition = (murmur2(by.encode()) & 0x7FFFFFFF) % PARTITIONS
        sent.append(
            await producer.send(full_name(settings.topic_prefix, topic), raw, key=key.encode(), partition=partition)
        )
    await asyncio.gather(*sent)


def tenant_record(name: str = "bali") -> Written:
    """A record of `tenants`."""
    return "tenants", name, name, Tenant(tenant=name, region="ID")


def group_record(group: str, **more: Any) -> Written:
    """A record of `groups`."""
    shown = {"name": group, "rule": {"event": "manual"}, "status": "ready", **more}
    return "groups", f"bali/{group}", f"bali/{group}", Group(tenant="bali", id=group, **shown)


def member_record(group: str, contact: str, *, seq: int = 1, sendable: bool = True, gone: bool = False) -> Written:
    """A record of `memberships`."""
    row = Membership(
        tenant="bali", group=group, contact=contact, since=AT, seq=seq, change_id=f"{seq}", sources=["manual"],
        expires_at=None, sendable=sendable,
    )  # fmt: skip
    return "memberships", f"bali/{group}/{contact}", f"bali/{contact}", None if gone else row


def contact_id(number: int) -> str:
    """An invented guest's id."""
    return f"tel:+62812{number:07}"


async def test_what_was_committed_can_be_read(settings: Settings, store: Store) -> None:
    """Committed records are shown, those of an aborted transaction never, and the folder can be thrown away."""
    async with pipeline(settings) as producer:
        async with producer.transaction():
            await put(settings, producer, [tenant_record(), group_record("vip"), group_record("food")])
            await put(settings, producer, [member_record("vip", contact_id(n), sendable=n % 2 == 0) for n in range(30)])
            profile = Contact(tenant="bali", contact=contact_id(1), name="Made")
            await put(settings, producer, [("contacts", f"bali/{contact_id(1)}", f"bali/{contact_id(1)}", profile)])
        store.start()
        await store.ready()
        await producer.begin_transaction()
        await put(settings, producer, [member_record("food", contact_id(n)) for n in range(30)])
        await producer.abort_transaction()
        async with producer.transaction():
            await put(settings, producer, [member_record("food", contact_id(1)), group_record("last")])
            await put(settings, producer, [member_record("vip", contact_id(29), gone=True)])
    await until(store, lambda told: set(told) == {"food", "last", "vip"} and told["vip"][0]["members"] == 29)
    before = await store.told()
    assert (before["vip"][0]["sendable"], before["food"][0]["members"]) == (15, 1)
    assert before["vip"][1]["items"][1]["name"] == "Made"

    assert store.end() == 0
    shutil.rmtree(store.folder)
    store.start()
    await store.ready()
    assert await store.told() == before


async def until(store: Store, holds: Any, seconds: float = 20) -> None:
    """Wait until what the store tells holds."""
    limit = time.monotonic() + seconds
    while not holds(told := await store.told()):
        assert time.monotonic() < limit, told
        await asyncio.sleep(0.02)


async def test_kills_lose_and_double_nothing(settings: Settings, store: Store) -> None:
    """Killed again and again while joins and leaves come in, the store ends with exactly the members of the log."""
    members: dict[str, tuple[int, bool]] = {}
    async with pipeline(settings) as producer:
        async with producer.transaction():
            await put(settings, producer, [tenant_record(), group_record("vip"), group_record("end")])

        async def live() -> None:
            for step in range(120):
                async with producer.transaction():
                    for n in range(step * 7, step * 7 + 60):
                        contact, seq = contact_id(n % 500), step + 1
                        gone, sendable = (n * 7 + step) % 3 == 0, (n + step) % 2 == 0
                        await put(
                            settings, producer, [member_record("vip", contact, seq=seq, sendable=sendable, gone=gone)]
                        )
                        members.pop(contact, None)
                        if not gone:
                            members[contact] = (seq, sendable)

        living = asyncio.create_task(live())
        kills = 0
        while not living.done():
            store.start()
            await store.ready()
            await asyncio.sleep(0.2)  # a moment to be killed in, not something that is waited for
            store.end(signal.SIGKILL)
            kills += 1
        await living
        assert kills >= 2
        store.start()
        await store.ready()
    group, page = (await store.told())["vip"]
    assert {row["contact"]: row["sendable"] for row in page["items"]} == {c: s for c, (_, s) in members.items()}
    assert (group["members"], group["sendable"]) == (len(members), sum(s for _, s in members.values()))


async def test_another_log_is_found_out(settings: Settings, store: Store) -> None:
    """A folder whose topics were deleted and made again is read anew, not gone on with."""
    async with pipeline(settings) as producer, producer.transaction():
        await put(settings, producer, [tenant_record(), group_record("vip"), member_record("vip", contact_id(1))])
    store.start()
    await store.ready()
    assert set(await store.told()) == {"vip"}
    assert store.end() == 0

    names = [full_name(settings.topic_prefix, topic) for topic in ("groups", "memberships")]
    async with admin_client(settings) as admin:
        await admin.delete_topics(names)
    await created_again(settings)
    async with pipeline(settings, "q") as producer, producer.transaction():
        await put(settings, producer, [group_record("other"), group_record("other2"), group_record("other3")])
        await put(settings, producer, [member_record("other", contact_id(n)) for n in range(40)])
    store.start()
    await store.ready()
    told = await store.told()
    assert set(told) == {"other", "other2", "other3"}
    assert told["other"][0]["members"] == 40


def not_at_all(rows: RocksRows) -> None:
    """Nothing happens to the folder."""


def long_ago(rows: RocksRows) -> None:
    """The folder was last kept up more than a week ago: deletions may be gone from the log."""
    rows.write({keys.key("s", "alive"): keys.u64(time.time_ns() // 1_000_000 - 8 * 86_400_000)})


def elsewhere(rows: RocksRows) -> None:
    """The folder belongs to another cluster."""
    rows.write({keys.key("s", "identity"): b'{"form": 1, "cluster": "other", "topics": {}}'})


def beyond(rows: RocksRows) -> None:
    """The folder is further on than the log."""
    rows.write({keys.position("memberships", 0): keys.u64(10_000) + keys.u64(9_999) + keys.u64(5)})


def damaged(rows: RocksRows) -> None:
    """The disk lost something."""
    next(Path(rows.folder).glob("MANIFEST-*")).write_bytes(b"no manifest")


@pytest.mark.parametrize(
    ("spoil", "kept"), [(not_at_all, True), (long_ago, False), (elsewhere, False), (beyond, False), (damaged, False)]
)
async def test_a_folder_that_cannot_be_trusted_is_read_anew(
    settings: Settings, store: Store, spoil: Callable[[RocksRows], None], *, kept: bool
) -> None:
    """A good folder is gone on with, row by row as it is; one that is too old, foreign, ahead or broken is not."""
    async with pipeline(settings) as producer, producer.transaction():
        await put(settings, producer, [tenant_record(), group_record("vip")])
    store.start()
    await store.ready()
    assert store.end() == 0
    rows = RocksRows(store.folder)
    rows.write({keys.key("g", "bali", "marked"): msgspec.json.encode(group_record("marked")[3])})
    spoil(rows)
    rows.close()
    store.start()
    await store.ready()
    assert set(await store.told()) == ({"vip", "marked"} if kept else {"vip"})


async def test_the_broker_may_go_and_come_back(tmp_path: Path) -> None:
    """While the broker is away reads go on and writes are 503; once it is back new records are read."""
    with EmbeddedBroker(tmp_path / "broker") as broker:
        settings = Settings(brokers=broker.bootstrap, data=tmp_path / "data", topic_prefix="b.", partitions=PARTITIONS)
        await create_topics(settings)
        settings.data.mkdir()
        with contextlib.closing(Store(settings)) as store:
            store.start()
            await store.ready()
            async with pipeline(settings) as producer, producer.transaction():
                await put(settings, producer, [tenant_record(), group_record("vip")])
            await until(store, lambda told: set(told) == {"vip"})
            broker.kill_node(1)
            status, problem = await store.ask("/v1/bali/groups", "POST", json={"id": "x"})
            assert (status, problem["type"]) == (503, "urn:rollcall:problem:log_unavailable")
            assert (await store.ask("/v1/bali/groups/vip"))[0] == 200
            await asyncio.to_thread(broker.start_node, 1)
            async with pipeline(settings, "q") as producer, producer.transaction():
                await put(settings, producer, [group_record("after")])
            await until(store, lambda told: set(told) == {"vip", "after"}, 60)
            assert store.end() == 0


async def test_without_a_broker_it_waits_and_can_be_ended(tmp_path: Path) -> None:
    """A store that finds no broker answers that it lives and is not ready, and ends with 0 when told to."""
    port = free(1)[0]
    (tmp_path / "data").mkdir()
    with contextlib.closing(Store(Settings(brokers=f"127.0.0.1:{port}", data=tmp_path / "data"))) as store:
        store.start()
        limit = time.monotonic() + 20
        while True:
            with contextlib.suppress(aiohttp.ClientError):
                assert (await store.ask("/healthz"))[0] == 200
                break
            assert time.monotonic() < limit, store.log.read_text()
        assert (await store.ask("/readyz"))[0] == 503
        assert (await store.ask("/v1/bali"))[0] == 503
        assert await asyncio.to_thread(store.end) == 0


async def created_again(settings: Settings, seconds: float = 20) -> None:
    """Make the topics that are missing; a broker deletes them in its own time."""
    limit = time.monotonic() + seconds
    while len(await create_topics(settings)) == 0:
        assert time.monotonic() < limit
        await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def deciding(settings: Settings) -> AsyncIterator[None]:
    """Play the pipeline: commands become records and outcomes in one transaction each, or dead letters."""
    consumer = AIOKafkaConsumer(
        full_name(settings.topic_prefix, "commands"), bootstrap_servers=settings.bootstrap, auto_offset_reset="earliest"
    )
    await consumer.start()
    async with pipeline(settings) as producer:

        async def decide() -> None:
            async for record in consumer:
                found = read("commands", record.value, ())
                async with producer.transaction():
                    if isinstance(found, Reject) or str(getattr(found.data, "name", "")) == "refuse me":
                        why = Reject("field_invalid", "data.name: no good")
                        more = headers(why, record.topic, record.partition, record.offset, keep(record.value))
                        name = full_name(settings.topic_prefix, "dead-letters")
                        await producer.send(name, record.value, key=record.key, headers=more)
                    else:
                        await put(settings, producer, decided(found))

        task = asyncio.create_task(decide())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
            await consumer.stop()


def decided(command: Any) -> list[Written]:
    """What a command does, and its outcomes."""
    said: list[Written] = []
    names: list[str | None] = [None]
    group = None
    if isinstance(command, TenantPut):
        said.append(tenant_record(command.tenant))
    elif isinstance(command, GroupCreate):
        group = str(command.data.id)
        said.append(group_record(group))
    elif isinstance(command, GroupAdd):
        group, names = command.data.group, [ref.id for ref in command.data.contacts]
        said += [member_record(group, str(name)) for name in names]
    said += [outcome(command, name, at, len(names), group) for at, name in enumerate(names)]
    return said


def outcome(command: Command, contact: str | None, index: int, of: int, group: str | None) -> Written:
    """One outcome."""
    row = Outcome(
        tenant=command.tenant, command=command.id, source=command.source, type="", outcome="applied", group=group,
        contact=contact, index=index, of=of, time=AT,
    )  # fmt: skip
    return "outcomes", f"{command.tenant}/{command.id}", f"{command.tenant}/{contact}", row


async def test_writes_can_be_read_at_once(settings: Settings, store: Store) -> None:
    """Once a write answers, every read shows it; what the pipeline turns away is a 422."""
    store.start()
    await store.ready()
    async with deciding(settings):
        assert (await store.ask("/v1/bali", "PUT", json={"region": "ID"}))[0] == 201
        assert (await store.ask("/v1/bali", "PUT", json={"region": "ID"}))[0] == 200
        status, problem = await store.ask("/v1/bali/groups", "POST", json={"id": "no", "name": "refuse me"})
        assert (status, problem["path"]) == (422, "name")
        for step in range(15):
            status, group = await store.ask("/v1/bali/groups", "POST", json={"id": f"g{step}", "name": "G"})
            assert (status, group["members"]) == (201, 0)
            contacts = [{"id": contact_id(n)} for n in range(step * 5 + 1)]
            status, added = await store.ask(f"/v1/bali/groups/g{step}/members", "POST", json={"contacts": contacts})
            assert (status, added["members"]) == (200, len(contacts))
            assert all(item["member"] for item in added["items"])
            shown = (await store.ask(f"/v1/bali/groups/g{step}/members?limit=1000"))[1]["items"]
            assert len(shown) == len(contacts)
            path = f"/v1/bali/contacts/{contact_id(step)}/groups/g{step}"
            assert (await store.ask(path))[1]["member"]
    said = store.log.read_text()
    assert "GET /v1/{tenant}/contacts/{contact}/groups/{group} 200" in said
    assert "62812" not in said


async def test_a_command_that_nobody_decides_is_accepted(settings: Settings, store: Store) -> None:
    """After five seconds without an outcome the answer is 202 with an id, which is pending."""
    store.start()
    await store.ready()
    began = time.monotonic()
    status, said = await store.ask("/v1/bali", "PUT", json={"region": "ID"})
    assert status == 202
    assert 4.5 < time.monotonic() - began < 7
    async with pipeline(settings) as producer, producer.transaction():
        await put(settings, producer, [tenant_record()])
    limit = time.monotonic() + 10
    while (await store.ask("/v1/bali"))[0] != 200:
        assert time.monotonic() < limit
    assert (await store.ask(f"/v1/bali/commands/{said['id']}"))[1]["status"] == "pending"


async def test_a_second_store_on_one_folder_is_refused(settings: Settings, store: Store) -> None:
    """Two processes cannot write one folder: the second says so and ends with 2."""
    store.start()
    await store.ready()
    environ = os.environ | store.settings.environ() | {"ROLLCALL_HTTP": "127.0.0.1:0"}
    second = await asyncio.create_subprocess_exec(
        sys.executable, "-c", RUN, cwd=ROOT, env=environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    out, err = await asyncio.wait_for(second.communicate(), 30)
    assert (second.returncode, out) == (2, b"")
    assert b"open elsewhere" in err
