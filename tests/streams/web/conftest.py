"""A server over rows that are fed by hand, with a pipeline played by the test."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from aiohttp import web
from aiohttp.test_utils import TestClient, TestServer

from schemas.commands import Command
from schemas.groups import Group
from schemas.outputs import Contact, Membership, Outcome
from schemas.questions import Answer, Question
from schemas.tenants import Tenant
from streams.runtime.kv import RocksRows
from streams.store.queries import Queries
from streams.store.tables import Record, apply
from streams.web import application
from streams.web.access import Access
from streams.web.commander import Commander, Sent
from streams.web.metrics import Metrics
from streams.web.site import Site

AT = datetime(2026, 11, 2, 10, 5, 11, tzinfo=UTC)
MADE = "tel:+6281234567890"

Decide = Callable[[Command], Iterable[Record]]


class Pipeline:
    """What the server talks to: takes commands and, when the test has said how, answers with records."""

    def __init__(self, rows: RocksRows) -> None:
        self.rows = rows
        self.sent: list[Sent] = []
        self.decide: Decide | None = None
        self.commander: Commander | None = None
        self.owners = Owners()
        self._offset = 0

    async def publish(self, records: Iterable[Sent]) -> None:
        """Take records; a command is decided at once, as another thread would."""
        for record in records:
            self.sent.append(record)
            if record[0] == "commands" and self.decide:
                command = msgspec.json.decode(record[2], type=Command)
                self.feed(self.decide(command))

    async def parts(self, topic: str, keys: Iterable[bytes] | None) -> list[tuple[str, int]]:
        """One partition each, whatever the keys."""
        del keys
        return [(topic, 0)]

    async def ends(self, parts: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """Everything fed so far."""
        return dict.fromkeys(parts, self._offset)

    async def reached(self, ends: Mapping[tuple[str, int], int]) -> None:
        """Rows are written before anyone hears of them."""

    def feed(self, records: Iterable[Record]) -> None:
        """Bring records into the rows, as the reader does."""
        chunk = [*records]
        self._offset += len(chunk)
        self.rows.write(apply(self.rows, chunk, {}))
        if self.commander:
            self.commander.landed(chunk)

    def tenant(self, name: str = "bali", **more: Any) -> None:
        """A tenant's record in force."""
        record = Tenant(tenant=name, **{"region": "ID", "zone": "Asia/Makassar", **more})
        self.feed([Record("tenants", 0, 0, 0, name.encode(), msgspec.json.encode(record))])

    def group(self, name: str, **more: Any) -> None:
        """A definition in force."""
        shown = {"name": name.title(), "rule": {"event": "manual"}, "status": "ready", "created_at": AT, **more}
        self.feed([group_record(Group(tenant="bali", id=name, **shown))])

    def member(self, group: str, contact: str, **more: Any) -> None:
        """A membership in force."""
        self.feed([member_record(group, contact, **more)])

    def profile(self, contact: str, **more: Any) -> None:
        """A contact's profile."""
        value = msgspec.json.encode(Contact(tenant="bali", contact=contact, **more))
        self.feed([Record("contacts", 0, 0, 0, f"bali/{contact}".encode(), value)])


def group_record(group: Group) -> Record:
    """A record of `groups`."""
    return Record("groups", 0, 0, 0, f"{group.tenant}/{group.id}".encode(), msgspec.json.encode(group))


def member_record(group: str, contact: str, *, gone: bool = False, **more: Any) -> Record:
    """A record of `memberships`."""
    said = {
        "since": AT,
        "seq": 1,
        "change_id": "c",
        "sources": ["manual"],
        "expires_at": None,
        "sendable": True,
        **more,
    }
    row = Membership(tenant="bali", group=group, contact=contact, **said)
    value = None if gone else msgspec.json.encode(row)
    return Record("memberships", 0, 0, 0, f"bali/{group}/{contact}".encode(), value)


def outcome_record(command: Command, outcome: str = "applied", **more: Any) -> Record:
    """A record of `outcomes` that answers a command."""
    kind = str(type(command).__struct_config__.tag)
    said: dict[str, Any] = {"tenant": command.tenant, "command": command.id, "source": command.source, "type": kind}
    row = Outcome(**said, outcome=outcome, time=AT, **more)  # type: ignore[arg-type]
    return Record("outcomes", 0, 0, 1, f"{command.tenant}/{command.id}".encode(), msgspec.json.encode(row))


class Owners:
    """Owners of partitions that say what the test has told them, or nothing."""

    def __init__(self) -> None:
        self.asked: list[Question] = []
        self.says: list[Answer] = []

    async def ask_owner(self, key: bytes, question: Question, wait: float) -> Answer:
        """Answer as one owner."""
        del key
        return (await self.ask_all(question, wait))[0]

    async def ask_all(self, question: Question, wait: float) -> list[Answer]:
        """Answer as all owners."""
        del wait
        self.asked.append(question)
        if not self.says:
            raise TimeoutError
        return self.says


class AsInTheProcess(TestServer):
    """A test's server that is run as the process runs it."""

    async def _make_runner(self, **_: Any) -> web.AppRunner:
        return application.runner(self.app, 1)


Served = tuple[TestClient[Any, Any], Pipeline]
Serve = Callable[..., Any]


@pytest.fixture
async def serve(tmp_path: Path) -> AsyncIterator[Serve]:
    """Start a server over a folder of the test's own; it is stopped with the test."""
    rows = RocksRows(tmp_path / "store")
    clients: list[TestClient[Any, Any]] = []

    async def start(*, access: Access | None = None, ready: bool = True, wait: float = 5.0) -> Served:
        pipeline = Pipeline(rows)
        pipeline.commander = Commander(pipeline, pipeline, wait=wait)
        guard = access or Access("127.0.0.1", None)
        site = Site(Queries(rows), pipeline.commander, guard, Metrics(), lambda: ready, "P400D", pipeline.owners)
        client = TestClient(AsInTheProcess(application.build(site)))
        await client.start_server()
        clients.append(client)
        return client, pipeline

    yield start
    for client in clients:
        await client.close()
    await asyncio.to_thread(rows.close)


@pytest.fixture
async def served(serve: Serve) -> Served:
    """A server without tokens whose tenant `bali` is known."""
    client, pipeline = await serve()
    pipeline.tenant()
    return client, pipeline
