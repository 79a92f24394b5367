"""The parts of `up`, each alone: broker, topics, worker, store."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
import time
from typing import TYPE_CHECKING, Annotated, Any, NoReturn

import typer

from streams.cli import folder, options
from streams.cli.say import TroubleError, answer, as_json, note, table

if TYPE_CHECKING:
    from pathlib import Path
    from types import FrameType

    from streams.runtime.admin import Shown
    from streams.runtime.broker import EmbeddedBroker

FOLDER = "broker"
"""The broker's part of the data folder."""

broker = typer.Typer(
    help="The embedded broker alone: real Apache Kafka on this machine.",
    epilog="Example: rollcall broker start",
    no_args_is_help=True,
)
topics = typer.Typer(
    help="Create Rollcall's topics, or look at them.", epilog="Example: rollcall topics create", no_args_is_help=True
)

Foreground = Annotated[bool, typer.Option("--foreground", help="Stay, until Ctrl-C or SIGTERM.")]
Hop = Annotated[str, typer.Argument(metavar="HOP", help="normalize or decide.")]
MetricsPort = Annotated[
    int, typer.Option("--metrics-port", min=0, max=65535, help="Loopback port of /healthz and /metrics, 0: none.")
]


def worker(  # noqa: PLR0913  # one argument a flag
    hop: Hop,
    brokers: options.Brokers = None,
    data: options.Data = None,
    instance: Annotated[
        str | None, typer.Option("--instance", help="Its name among its like; state lies under it.")
    ] = None,
    metrics_port: MetricsPort = 0,
    parent: options.Parent = None,
) -> None:
    """Run one hop of the stream: normalize or decide."""
    from streams.cli.up import HOPS  # noqa: PLC0415

    if hop not in HOPS:
        raise typer.BadParameter(f"there is no hop {hop}: {' or '.join(HOPS)}")
    follow(parent)
    settings = options.settings(brokers=brokers, data=data)
    folder.made(settings.data)
    from streams.runtime.worker import run  # noqa: PLC0415

    raise typer.Exit(run(hop, settings, instance=instance or f"{hop}-1", metrics_port=metrics_port or None))


def store(
    brokers: options.Brokers = None,
    http: options.Http = None,
    data: options.Data = None,
    instance: options.Instance = "store-1",
    parent: options.Parent = None,
) -> None:
    """Run the read model and HTTP."""
    follow(parent)
    settings = options.settings(brokers=brokers, http=http, data=data)
    folder.made(settings.data)
    from streams.web.server import run  # noqa: PLC0415

    raise typer.Exit(run(settings, instance=instance))


@broker.command("start", epilog="Example: rollcall broker start --broker-port 9092")
def broker_start(
    broker_port: options.BrokerPort = None,
    data: options.Data = None,
    foreground: Foreground = False,
    parent: options.Parent = None,
) -> None:
    """Start the broker and leave it running; its address is the answer."""
    from streams.runtime.broker import BrokerError, EmbeddedBroker  # noqa: PLC0415

    follow(parent, grace=OTHERS_FIRST)
    settings = options.settings(broker_port=broker_port, data=data)
    folder.made(settings.data)
    one = EmbeddedBroker(settings.data / FOLDER, settings.broker_port, detached=not foreground)
    try:
        serve(one, settings.data / folder.READY) if foreground else _leave_running(one)
    except BrokerError as error:
        raise TroubleError(str(error)) from error


def _leave_running(one: EmbeddedBroker) -> None:
    note("starting the broker …")
    one.start()
    answer(f"brokers={one.bootstrap}")
    one.detach()


def serve(one: EmbeddedBroker, ready: Path) -> None:
    """Keep the broker until SIGTERM or Ctrl-C; `ready` holds this process's id while the broker answers."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _leave)
    try:
        with one:
            ready.write_text(str(os.getpid()))
            answer(f"brokers={one.bootstrap}")
            while one.alive:
                time.sleep(0.2)
            raise TroubleError(f"the broker died; its logs lie in {one.folder}")
    finally:
        ready.unlink(missing_ok=True)


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    """Break off whatever goes on, once: the way out must not be broken off by a second signal."""
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    raise typer.Exit(0)


@broker.command("stop", epilog="Example: rollcall broker stop")
def broker_stop(data: options.Data = None) -> None:
    """Stop the broker that `broker start` left running."""
    from streams.runtime.broker import status, stop_folder  # noqa: PLC0415

    where = options.settings(data=data).data / FOLDER
    found = status(where)
    if found and found.owner.process() and not found.detached:
        raise TroubleError(f"process {found.owner.pid} keeps that broker: stop it instead, for example `rollcall up`")
    if not stop_folder(where):
        raise TroubleError(f"no broker runs in {where}")
    note("the broker has stopped")


@broker.command("status", epilog="Example: rollcall broker status --json")
def broker_status(data: options.Data = None, json_: options.Json = False) -> None:
    """Say whether the broker runs, and where; exit code 1 when it does not."""
    from streams.runtime.broker import status  # noqa: PLC0415

    where = options.settings(data=data).data / FOLDER
    found = status(where)
    running = found is not None and bool(found.alive)
    told = {"running": running, "brokers": found.bootstrap if found and running else None, "folder": str(where)}
    if json_:
        as_json(told)
    else:
        answer(f"running, brokers={told['brokers']}" if running else f"no broker runs in {where}")
    if not running:
        raise typer.Exit(1)


OTHERS_FIRST = 4.0
"""Seconds that a broker outlives its parent: those who write to it end meanwhile, and commit."""
AND_THEN = 10.0
"""Seconds from asking this process to stop to not asking."""


def follow(parent: int | None, grace: float = 0.0) -> None:
    """End with the process that started this one, `grace` seconds later."""
    if parent is not None:
        threading.Thread(target=_follow, args=(parent, grace), daemon=True, name="follow-parent").start()


def _follow(parent: int, grace: float) -> NoReturn:
    while os.getppid() == parent:
        time.sleep(0.25)
    time.sleep(grace)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(AND_THEN)
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError  # nothing survives the line above


@topics.command("create", epilog="Example: rollcall topics create --brokers 127.0.0.1:9092")
def topics_create(brokers: options.Brokers = None, prefix: options.Prefix = None, json_: options.Json = False) -> None:
    """Create every topic that is missing, with the settings that Rollcall needs."""
    from streams.cli.kafka import plainly, reached  # noqa: PLC0415
    from streams.runtime.admin import create_topics  # noqa: PLC0415

    settings = reached(options.settings(brokers=brokers, topic_prefix=prefix))
    with plainly():
        created = asyncio.run(create_topics(settings))
    if json_:
        as_json(created)
    else:
        for name in created:
            answer(name)
        note(f"{len(created)} topics created" if created else "all topics are there already")


@topics.command("show", epilog="Example: rollcall topics show --json")
def topics_show(brokers: options.Brokers = None, prefix: options.Prefix = None, json_: options.Json = False) -> None:
    """Show Rollcall's topics and their settings."""
    from streams.cli.kafka import plainly, reached  # noqa: PLC0415
    from streams.runtime.admin import show_topics  # noqa: PLC0415

    settings = reached(options.settings(brokers=brokers, topic_prefix=prefix))
    with plainly():
        rows = [_shown(one) for one in asyncio.run(show_topics(settings))]
    if json_:
        as_json(rows)
    else:
        table(rows, ["name", "partitions", "replication", "key", "cleanup", "retention_days"])


def _shown(one: Shown) -> dict[str, Any]:
    """A topic as the broker has it, and the key that Rollcall gives its records."""
    kept = one.config.get("retention.ms")
    deletes = "delete" in one.config.get("cleanup.policy", "")
    return {
        "name": one.name,
        "partitions": one.partitions,
        "replication": one.replication,
        "key": one.topic.key,
        "cleanup": one.config.get("cleanup.policy"),
        "retention_days": round(int(kept) / 86_400_000, 1) if kept and deletes else None,
        "leaderless": one.leaderless,
        "config": one.config,
    }
