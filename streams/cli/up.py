"""`rollcall up`: broker, topics, workers and store in the foreground, kept running until Ctrl-C or SIGTERM."""

from __future__ import annotations

import asyncio
import errno
import os
import signal
import socket
import sys
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from msgspec.structs import replace

from streams.cli import folder
from streams.cli.ask import healthy
from streams.cli.say import TroubleError, answer, note
from streams.cli.supervise import Child, Launch, StoppedError, Supervisor

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from streams.settings import Settings

    AfterReady = Callable[["System"], Coroutine[None, None, None]]

HOPS = ("normalize", "decide")
LOOPBACK = "127.0.0.1"
ROOT = Path(__file__).resolve().parents[2]


class System(NamedTuple):
    """All that runs: its settings with every port a real one, its supervisor, and where each hop tells its metrics."""

    settings: Settings
    supervisor: Supervisor
    metrics: dict[str, str]


def up(settings: Settings, after_ready: AfterReady | None = None) -> int:
    """Run everything on the settings' data folder; 0 once stopped."""
    settings = replace(settings, data=settings.data.absolute())
    with folder.held(settings.data):
        for name in folder.bury(settings.data):
            note(f"ended {name}, which an earlier run left behind")
        return asyncio.run(_up(with_ports(settings), after_ready, embedded=settings.brokers is None))


async def _up(settings: Settings, after_ready: AfterReady | None, *, embedded: bool) -> int:
    system = System(settings, Supervisor(settings.data), {})
    supervisor = system.supervisor
    for number in _ends():
        asyncio.get_running_loop().add_signal_handler(number, supervisor.stop)
    with suppress(StoppedError):
        try:
            await _begin(system, embedded=embedded)
            answer(f"ready {web(settings)} brokers={settings.brokers}")
            if after_ready is not None:
                await supervisor.unless_stopped(after_ready(system))
            await supervisor.wait()
        finally:
            await supervisor.down()
    return 0


def _ends() -> list[signal.Signals]:
    """The signals that end `up`; a closed terminal does not where nohup says so."""
    hangup = [] if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN else [signal.SIGHUP]
    return [signal.SIGINT, signal.SIGTERM, *hangup]


async def _begin(system: System, *, embedded: bool) -> None:
    settings, supervisor, metrics = system
    if embedded:
        note("starting the broker …")
        await supervisor.start(broker(settings))
    await supervisor.unless_stopped(_create_topics(settings))
    note("starting workers and store …")
    await supervisor.start(*(worker(hop, settings, metrics) for hop in HOPS), store(settings))


async def _create_topics(settings: Settings) -> None:
    from streams.cli.kafka import plainly  # noqa: PLC0415  # a Kafka client takes a while to import
    from streams.runtime.admin import create_topics  # noqa: PLC0415

    with plainly():
        await create_topics(settings)


def broker(settings: Settings) -> Child:
    """The embedded broker, ready once it has said so for this very process."""
    argv = ["broker", "start", "--foreground", "--broker-port", str(settings.broker_port)]
    launch = Launch(argv=own(argv), env=environment(settings), probe=partial(_broker_ready, settings.data))
    return Child(name=folder.BROKER, launch=lambda: launch, must_begin=True)


def _broker_ready(data: Path, pid: int) -> bool:
    with suppress(OSError):
        return (data / folder.READY).read_text() == str(pid)
    return False


def worker(hop: str, settings: Settings, metrics: dict[str, str]) -> Child:
    """One hop's process; it tells its health and `metrics` on a port that is looked for at each start."""

    def launch() -> Launch:
        port = free_port()
        metrics[hop] = f"http://{LOOPBACK}:{port}/metrics"
        argv = ["worker", hop, "--instance", f"{hop}-1", "--metrics-port", str(port)]
        probe = partial(_answers, f"http://{LOOPBACK}:{port}/readyz")
        return Launch(argv=own(argv), env=environment(settings), probe=probe)

    return Child(name=f"{hop}-1", launch=launch, rank=1)


def store(settings: Settings) -> Child:
    """The read model and HTTP."""
    argv = own(["store", "--instance", "store-1"])
    launch = Launch(argv=argv, env=environment(settings), probe=partial(_answers, f"{web(settings)}/readyz"))
    return Child(name="store-1", launch=lambda: launch, rank=2)


def _answers(url: str, _pid: int) -> bool:
    return healthy(url)


def own(argv: Sequence[str]) -> list[str]:
    """A command of ours, bound to this process; `-P` keeps the folder it is called from out of its imports."""
    return [sys.executable, "-P", "-m", "rollcall", *argv, "--parent", str(os.getpid())]


def environment(settings: Settings) -> dict[str, str]:
    """The environment of this process, with what `up` has settled for all its children."""
    others = {name: value for name, value in os.environ.items() if not name.startswith("ROLLCALL_")}
    settled = {**settings.environ(), "PYTHONUNBUFFERED": "1"}
    if (ROOT / "pyproject.toml").exists():  # a checkout, perhaps one that is not installed
        settled["PYTHONPATH"] = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
    return {**others, **settled}


def with_ports(settings: Settings) -> Settings:
    """The settings with every port a real one: a 0 becomes a free port, a taken one is told at once."""
    host = settings.http_host
    port = _settled(host, settings.http_port, "--http")
    settings = replace(settings, http=f"[{host}]:{port}" if ":" in host else f"{host}:{port}")
    if settings.brokers is not None:
        return settings
    broker_port = _settled(LOOPBACK, settings.broker_port, "--broker-port")
    return replace(settings, broker_port=broker_port).with_brokers(f"{LOOPBACK}:{broker_port}")


def web(settings: Settings) -> str:
    """The URL at which a person on this machine reaches the server."""
    every = {"0.0.0.0": LOOPBACK, "::": "::1"}  # noqa: S104
    host = every.get(settings.http_host, settings.http_host)
    return f"http://[{host}]:{settings.http_port}" if ":" in host else f"http://{host}:{settings.http_port}"


def _settled(host: str, port: int, flag: str) -> int:
    try:
        with socket.create_server((host, port), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
            return int(probe.getsockname()[1])
    except OSError as error:
        taken = error.errno == errno.EADDRINUSE
        why = "is taken: stop what listens there" if taken else f"cannot be listened on ({error.strerror})"
        raise TroubleError(f"{host}:{port} {why}, or choose another with {flag}") from error


def free_port() -> int:
    """A port that nobody listens on now."""
    return _settled(LOOPBACK, 0, "--metrics-port")
