"""Slow, silent and too many clients, on real sockets: whatever speaks HTTP behind them must hold these."""

from __future__ import annotations

import asyncio
import errno
import json
import logging
import select
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from streams.runtime.kv import RocksRows
from streams.store.queries import Queries
from streams.web import application
from streams.web.access import Access
from streams.web.commander import Commander
from streams.web.connections import Complaints, Limits
from streams.web.metrics import Metrics
from streams.web.site import Site
from tests.streams.web.conftest import Pipeline

GET = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"
PATIENT = 20.0
"""Seconds after which a test gives up; each wait ends much earlier."""


class Client(NamedTuple):
    """One end of a connection."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, raw: bytes = GET) -> tuple[int, bytes]:
        """Send a request and read its answer."""
        self.writer.write(raw)
        return await self.answer()

    async def answer(self) -> tuple[int, bytes]:
        """Read one answer."""
        async with asyncio.timeout(PATIENT):
            head = await self.reader.readuntil(b"\r\n\r\n")
            size = int(head.lower().partition(b"content-length: ")[2].partition(b"\r\n")[0])
            return int(head.split()[1]), await self.reader.readexactly(size)

    async def closed(self) -> None:
        """Wait until the server has ended the connection."""
        async with asyncio.timeout(PATIENT):
            try:
                while await self.reader.read(65536):
                    pass
            except ConnectionError:
                return


class Running(NamedTuple):
    """A server as the process runs it."""

    port: int
    pipeline: Pipeline
    clients: list[Client]

    async def connect(self, address: str = "127.0.0.1") -> Client:
        """Open a connection from an address of this machine."""
        client = Client(*await asyncio.open_connection("127.0.0.1", self.port, local_addr=(address, 0)))
        self.clients.append(client)
        return client


@pytest.fixture
def rows(tmp_path: Path) -> Iterator[RocksRows]:
    """Tables in a folder of the test's own."""
    own = RocksRows(tmp_path / "store")
    yield own
    own.close()


@asynccontextmanager
async def running(rows: RocksRows, **limits: float) -> AsyncIterator[Running]:
    """Run a server with these limits."""
    pipeline = Pipeline(rows)
    commander = pipeline.commander = Commander(pipeline, pipeline)
    site = Site(
        Queries(rows), commander, Access("127.0.0.1", None), Metrics(), lambda: True, "P400D", pipeline.owners,
        limits=Limits(**limits),  # type: ignore[arg-type]
    )  # fmt: skip
    pipeline.tenant()
    runner = application.runner(application.build(site), 1)
    await runner.setup()
    server = await application.listen(runner, "127.0.0.1", 0, site.limits)
    found = Running(server.sockets[0].getsockname()[1], pipeline, [])
    try:
        yield found
    finally:
        for client in found.clients:
            client.writer.close()
        server.close()
        await runner.cleanup()


@pytest.mark.parametrize("sent", [b"", b"GET /healthz HTTP/1.1\r\nHost: local"])
async def test_who_sends_no_whole_request_is_let_go(rows: RocksRows, sent: bytes) -> None:
    """Nothing at all, or headers that never end."""
    async with running(rows, seconds=0.2) as server:
        client = await server.connect()
        client.writer.write(sent)
        await client.closed()


async def test_who_asks_nothing_more_is_let_go(rows: RocksRows) -> None:
    """A connection may be used again, for a while."""
    async with running(rows, seconds=0.5) as server:
        client = await server.connect()
        assert (await client.ask())[0] == 200
        assert (await client.ask())[0] == 200
        await client.closed()


async def test_a_body_that_does_not_come_is_408(rows: RocksRows) -> None:
    """The client is told why, and let go."""
    async with running(rows, seconds=0.2) as server:
        client = await server.connect()
        head = b"PUT /v1/bali HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n{"
        status, body = await client.ask(head)
        assert status == 408
        assert json.loads(body)["type"] == "urn:rollcall:problem:body_slow"
        await client.closed()


async def test_silent_ones_make_room(rows: RocksRows) -> None:
    """However many connect and say nothing: whoever asks is answered."""
    async with running(rows, connections=3) as server:
        silent = [await server.connect() for _ in range(10)]
        client = await server.connect()
        assert (await client.ask())[0] == 200
        await silent[0].closed()


@pytest.mark.parametrize("limits", [{"connections": 2}, {"per_address": 2}])
async def test_one_too_many_is_told(rows: RocksRows, limits: dict[str, int]) -> None:
    """Those who are connected go on, and when one goes there is room again."""
    async with running(rows, **limits) as server:
        kept = [await server.connect() for _ in range(2)]
        assert [(await client.ask())[0] for client in kept] == [200, 200]
        status, body = await (await server.connect()).answer()
        assert status == 503
        assert json.loads(body)["type"] == "urn:rollcall:problem:too_many_connections"
        assert (await kept[0].ask())[0] == 200
        kept[0].writer.close()
        await kept[0].writer.wait_closed()
        await kept[1].ask()  # the server has heard of the end by now
        assert (await (await server.connect()).ask())[0] == 200


async def test_one_address_leaves_room_for_others(rows: RocksRows) -> None:
    """An address that has all its connections takes none of another's, and none of its silent ones."""
    async with running(rows, per_address=1) as server:
        kept, other = await server.connect(), await server.connect("127.0.0.2")
        assert [(await client.ask())[0] for client in (kept, other)] == [200, 200]
        assert (await (await server.connect()).answer())[0] == 503


async def test_who_does_not_take_an_answer_is_let_go(rows: RocksRows) -> None:
    """The answer is larger than what the system keeps for the two ends."""
    async with running(rows, seconds=0.5) as server:
        for n in range(20):
            server.pipeline.group(f"g{n}", description="x" * 400_000)
        raw = socket.socket()
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        raw.settimeout(0)
        await asyncio.get_running_loop().sock_connect(raw, ("127.0.0.1", server.port))
        ask = b"GET /v1/bali/groups HTTP/1.1\r\nHost: localhost\r\n\r\n"
        await asyncio.get_running_loop().sock_sendall(raw, ask * 16)
        async with asyncio.timeout(PATIENT):
            while not _reset(raw):  # noqa: ASYNC110 - only the system knows
                await asyncio.sleep(0.02)
        raw.close()


def _reset(raw: socket.socket) -> bool:
    """Tell, without reading, whether the other end has dropped the connection."""
    asked = select.poll()
    asked.register(raw, 0)
    return bool(asked.poll(0))


async def test_too_few_descriptors_are_told_once(caplog: pytest.LogCaptureFixture) -> None:
    """A system that gives no more does so for every client; anything else is told as always."""
    complain, loop = Complaints(), asyncio.get_running_loop()
    with caplog.at_level(logging.ERROR):
        for _ in range(100):
            complain(loop, {"message": "socket.accept()", "exception": OSError(errno.EMFILE, "too many")})
        complain(loop, {"message": "another thing"})
    assert len(caplog.records) == 2
