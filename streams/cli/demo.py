"""`rollcall demo`: `up` on a folder of its own, a year of sample events, and six groups filling on a live table."""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
import time
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from msgspec.structs import replace

from schemas.events import Message, MessageEvent
from streams.cli.ask import Api, RefusedError
from streams.cli.board import Board
from streams.cli.say import TroubleError, note
from streams.cli.up import LOOPBACK, System, up, web
from streams.demo import feed
from streams.demo.groups import GROUPS, TENANT, TENANT_ID
from streams.settings import Settings

if TYPE_CHECKING:
    from streams.demo.groups import Record

WHOLE = 20_000
"""About how many events the feed has at scale 1."""
GUEST = "+6281234567890"
"""Who writes the message that people may publish themselves."""
STILL_SECONDS = 3.0
"""How long nothing may move before all is taken for counted."""
OWN = (
    "broker",
    "normalize-1",
    "decide-1",
    "hash.key",
    "store",
    "store-1",
    "logs",
    "pids",
    "demo.json",
    "hello.jsonl",
    "broker.ready",
)
"""What the demo and `up` keep in their folder: all that --fresh may wipe."""


class Wishes(NamedTuple):
    """How much to feed, how many a second (0: as fast as it goes), and whether to end then."""

    events: int
    rate: int
    exit_after_feed: bool


class Run(msgspec.Struct, kw_only=True):
    """What a folder's demo feeds: the same moment and scale give the same events, so that a repeat changes nothing."""

    now_ms: int
    scale: float
    fed: bool = False


def demo(settings: Settings, wishes: Wishes, *, fresh: bool) -> int:
    """Run the demo until Ctrl-C, or until all is counted."""
    if fresh:
        wipe(settings.data)
    settings = replace(settings, tokens=None)  # it listens on loopback, and its tenant is its own
    return up(settings, partial(_show, wishes=wishes))


def wipe(data: Path) -> None:
    """Remove the demo's own parts of its folder, and nothing else that may lie in it."""
    from streams.cli.folder import held  # noqa: PLC0415

    if data.exists() and not (data / "demo.json").exists() and any((data / name).exists() for name in OWN):
        raise TroubleError(f"{data} holds no demo: --fresh does not wipe it")
    with held(data):
        for name in OWN:
            path = data / name
            shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)


async def _show(system: System, wishes: Wishes) -> None:
    settings = system.settings
    run = begun(settings.data, wishes)
    async with Board(settings, system.metrics) as board:
        await asyncio.to_thread(prepare, web(settings))
        if not run.fed:
            await _feed(settings, run, wishes.rate, board)
        await _counted(board)
        _write(settings.data, run, fed=True)
        if not wishes.exit_after_feed:
            board.say(invitation(settings))
            await system.supervisor.wait()
    system.supervisor.stop()


def begun(data: Path, wishes: Wishes) -> Run:
    """What an earlier run began to feed into this folder, else a new one."""
    try:
        return msgspec.json.decode((data / "demo.json").read_bytes(), type=Run)
    except FileNotFoundError:
        run = Run(now_ms=int(time.time() * 1000), scale=wishes.events / WHOLE)
        return _write(data, run, fed=False)
    except msgspec.DecodeError as error:
        raise TroubleError(f"{data / 'demo.json'} is not this demo's: remove it, or start with --fresh") from error


def _write(data: Path, run: Run, *, fed: bool) -> Run:
    run.fed = fed
    (data / "demo.json").write_bytes(msgspec.json.encode(run))
    return run


def prepare(http: str) -> None:
    """Write the tenant and its six groups; what is there already stays."""
    api = Api(http, TENANT_ID)
    api.send("PUT", body=msgspec.to_builtins(TENANT))
    for group in GROUPS:
        try:
            api.send("POST", "groups", body=msgspec.to_builtins(group))
        except RefusedError as error:
            note(f"group {group.id}: {error}")
    _until_known(api)


def _until_known(api: Api, seconds: float = 60.0) -> None:
    """A write that took more than 5 s is only promised: wait until it can be read."""
    end = time.monotonic() + seconds
    while len(list(api.items("groups"))) < len(GROUPS):
        if time.monotonic() > end:
            raise TroubleError(f"the groups are not known after {seconds:.0f} s: look into the workers' logs")
        time.sleep(0.1)


async def _feed(settings: Settings, run: Run, rate: int, board: Board) -> None:
    from streams.cli.kafka import plainly  # noqa: PLC0415
    from streams.runtime.topic_io import publisher  # noqa: PLC0415

    records = await asyncio.to_thread(_records, run)
    board.total = len(records)
    with plainly():
        async with publisher(settings) as out:
            started = time.monotonic()
            for number, (topic, key, value) in enumerate(records, 1):
                await out.send(topic, value, key)
                board.fed = number
                if rate and number % 50 == 0:
                    await asyncio.sleep(max(0.0, started + number / rate - time.monotonic()))


def _records(run: Run) -> list[Record]:
    return [*feed.events(run.now_ms, run.scale), *feed.vips(run.now_ms, run.scale)]


async def _counted(board: Board) -> None:
    """Wait until nothing is left to read and nothing has moved for a while."""
    seen, since = board.picture(), time.monotonic()
    while time.monotonic() - since < STILL_SECONDS:
        await asyncio.sleep(0.2)
        now = board.picture()
        if now != seen or not board.idle:
            seen, since = now, time.monotonic()


def invitation(settings: Settings) -> str:
    """Where it answers, and three commands to try: each short, for a terminal breaks long lines."""
    usual = Settings()
    at = "" if settings.http == usual.http else f" --http {settings.http}"
    brokers = "" if settings.brokers == f"{LOOPBACK}:{usual.broker_port}" else f" --brokers {settings.brokers}"
    me = _called()
    return (
        f"HTTP {web(settings)}   Kafka {settings.brokers}   folder {settings.data}\n\n"
        "Try beside it (Ctrl-C here ends it all):\n"
        f"  {me} tail membership-changes{brokers}\n"
        f"  {me} publish {_greeting(settings.data)} --topic messages{brokers}\n"
        f"  {me} contacts groups {TENANT_ID} {GUEST}{at}"
    )


def _called() -> str:
    """The command as it was typed, where it is not on the path."""
    return "rollcall" if shutil.which("rollcall") or not sys.argv[0].endswith("rollcall") else sys.argv[0]


def _greeting(data: Path) -> Path:
    """A file with one message of now, whose writer joins the food lovers."""
    now = datetime.now(UTC)
    said = Message(
        message_id=f"hello-{now:%Y%m%d%H%M%S}",
        channel="whatsapp",
        direction="inbound",
        from_=GUEST,
        name="Made",
        text="Can we book dinner at the restaurant?",
    )
    event = MessageEvent(specversion="1.0", source="demo", id=said.message_id, time=now, tenant=TENANT_ID, data=said)
    file = data / "hello.jsonl"
    file.write_bytes(msgspec.json.encode(event) + b"\n")
    return Path(os.path.relpath(file))
