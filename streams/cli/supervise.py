"""Keep processes running until told to stop: start, probe, start again, give up, stop in order.

Every child is a process group of its own in the same session, so that a terminal's Ctrl-C reaches only the supervisor,
which then stops them rank by rank.
"""

from __future__ import annotations

import asyncio
import os
import signal
from contextlib import suppress
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING, TypeVar

import psutil

from streams.cli import folder as pids
from streams.cli import logs
from streams.cli.say import TroubleError, note

if TYPE_CHECKING:
    from asyncio.subprocess import Process
    from collections.abc import Callable, Coroutine, Mapping, Sequence
    from pathlib import Path

T = TypeVar("T")


CANNOT_BEGIN = 2
"""The exit code of a process whose settings are wrong: starting it again does not mend them."""


class StoppedError(Exception):
    """Someone asked to stop while something else was awaited."""


@dataclass(frozen=True, kw_only=True)
class Pace:
    """How patient the supervisor is, in seconds."""

    at_once: float = 10.0  # a child that lived less than this died at once
    tries: int = 5  # deaths at once in a row, then give up
    tries_later: int = 30  # the same once it has been ready: what it needs may be away for a while
    first_delay: float = 0.25  # before the second start; doubles with each death at once
    last_delay: float = 5.0
    probe: float = 0.1  # between two questions whether it is ready
    stop: float = 20.0  # from SIGTERM to SIGKILL
    log: float = 5.0  # between two looks at how large its log is


@dataclass(frozen=True, kw_only=True)
class Launch:
    """One start of a child: what to run, and how to ask the process (by its pid) whether it is ready."""

    argv: Sequence[str]
    probe: Callable[[int], bool]
    env: Mapping[str, str] | None = None


@dataclass(frozen=True, kw_only=True)
class Child:
    """A process to keep: `launch` is called for every start, for ports may have to change."""

    name: str
    launch: Callable[[], Launch]
    rank: int = 0  # it is started once all of lower rank are ready, and stopped before they are
    must_begin: bool = False  # a first start that fails is not tried again: its cause does not go away


class Keeper:
    """Keeps one child running."""

    def __init__(self, child: Child, data: Path, pace: Pace, needs: Sequence[Keeper] = ()) -> None:
        self.child = child
        self.log = data / "logs" / f"{child.name}.log"
        self.ready = asyncio.Event()
        self._data = data
        self._pace = pace
        self._needs = needs
        self._begun = False
        self._stop = asyncio.Event()
        self._process: Process | None = None

    async def keep(self) -> None:
        """Run the child until `stop`; raise when it dies at once too often."""
        deaths = 0
        while await self._may_start():
            started = _now()
            code = await self._live()
            if self._stop.is_set():
                return
            deaths = deaths + 1 if _now() - started < self._pace.at_once else 0
            self._judge(deaths, code)
            delay = min(self._pace.first_delay * 2 ** max(deaths - 1, 0), self._pace.last_delay)
            note(f"{self.child.name} ended ({_how(code)}), starting it again in {delay:g} s; its log: {self.log}")
            await _within(self._stop.wait(), delay)

    async def _may_start(self) -> bool:
        """Wait for what it needs; False when told to stop."""
        stop = asyncio.create_task(self._stop.wait())
        needs = asyncio.create_task(_all_ready(self._needs))
        await asyncio.wait({stop, needs}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        needs.cancel()
        return not self._stop.is_set()

    def _judge(self, deaths: int, code: int) -> None:
        hopeless = not self._begun and (self.child.must_begin or code == CANNOT_BEGIN)
        if deaths < (self._pace.tries_later if self._begun else self._pace.tries) and not hopeless:
            return
        often = "" if hopeless else f" {deaths} times in a row"
        tail = "".join(f"\n  | {line}" for line in logs.last_lines(self.log))
        raise TroubleError(f"{self.child.name} ended at once{often} ({_how(code)}); its log: {self.log}{tail}")

    async def _live(self) -> int:
        try:
            launch = self.child.launch()
            with logs.appended(self.log) as log:
                process = self._process = await _spawned(launch, log)
        except OSError as error:
            raise TroubleError(f"cannot start {self.child.name}: {error}") from error
        with suppress(OSError):  # on a full disk only the next run's search for orphans suffers
            pids.remember(self._data, self.child.name, process.pid)
        if self._stop.is_set():
            process.terminate()
        return await self._watched(process, launch)

    async def _watched(self, process: Process, launch: Launch) -> int:
        beside = [
            asyncio.create_task(self._probe(launch, process.pid)),
            asyncio.create_task(logs.bound(self.log, self._pace.log)),
        ]
        try:
            return await process.wait()
        finally:
            for task in beside:
                task.cancel()
            self.ready.clear()
            with suppress(OSError):
                pids.forget(self._data, self.child.name)

    async def _probe(self, launch: Launch, pid: int) -> None:
        while not await asyncio.to_thread(launch.probe, pid):  # noqa: ASYNC110  # it asks another process
            await asyncio.sleep(self._pace.probe)
        self._begun = True
        self.ready.set()

    async def stop(self, task: asyncio.Task[None], hurry: asyncio.Event) -> None:
        """SIGTERM, then SIGKILL to it and all that it started when it does not go or someone is in a hurry."""
        self._stop.set()
        self._signal(signal.SIGTERM)
        hurried = asyncio.create_task(hurry.wait())
        await asyncio.wait({task, hurried}, timeout=self._pace.stop, return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        if not task.done():
            note(f"{self.child.name} does not stop: killing it")
            self._signal(signal.SIGKILL)
        await asyncio.wait({task})  # what it raised, whoever awaited readiness has told

    def _signal(self, number: signal.Signals) -> None:
        process = self._process
        if process is None or process.returncode is not None:
            return
        with suppress(ProcessLookupError):
            if number == signal.SIGKILL:
                _kill_with_all_it_started(process.pid)
            else:
                process.send_signal(number)


def _kill_with_all_it_started(pid: int) -> None:
    """Kill a process's group, and what it started in other groups: the broker's Java is in one of its own."""
    started = list[psutil.Process]()
    with suppress(psutil.Error):
        started = psutil.Process(pid).children(recursive=True)
    os.killpg(pid, signal.SIGKILL)
    for one in started:
        with suppress(psutil.Error):
            one.kill()


class Supervisor:
    """Keeps children until `stop`, those of the highest rank stopping first."""

    def __init__(self, data: Path, pace: Pace | None = None) -> None:
        self._data = data
        self._pace = pace or Pace()
        self._kept: list[tuple[Keeper, asyncio.Task[None]]] = []
        self._stop = asyncio.Event()
        self._hurry = asyncio.Event()

    def stop(self) -> None:
        """Ask for the end; asked twice, nothing is waited for."""
        if self._stop.is_set():
            self._hurry.set()
        self._stop.set()

    async def start(self, *children: Child) -> None:
        """Start them all and wait until each one is ready."""
        keepers = [Keeper(child, self._data, self._pace, self._below(child.rank)) for child in children]
        self._kept += [(keeper, asyncio.create_task(keeper.keep(), name=keeper.child.name)) for keeper in keepers]
        await self.unless_stopped(_all_ready(keepers))

    def _below(self, rank: int) -> list[Keeper]:
        return [keeper for keeper, _ in self._kept if keeper.child.rank < rank]

    async def wait(self) -> None:
        """Wait for the end: return when asked to stop, raise when a child is given up."""
        with suppress(StoppedError):
            await self.unless_stopped(self._stop.wait())

    async def unless_stopped(self, work: Coroutine[None, None, T]) -> T:
        """Await the work; `StoppedError` if the end is asked for meanwhile, a child's trouble if it is given up."""
        task = asyncio.create_task(work)
        stop = asyncio.create_task(self._stop.wait())
        keeping = {kept for _, kept in self._kept}
        try:
            await asyncio.wait({task, stop, *keeping}, return_when=asyncio.FIRST_COMPLETED)
            for kept in keeping:
                if kept.done():
                    kept.result()
            if self._stop.is_set():
                raise StoppedError
            return await task
        finally:
            stop.cancel()
            await _cancelled(task)

    async def down(self) -> None:
        """Stop all, rank by rank."""
        for rank in sorted({keeper.child.rank for keeper, _ in self._kept}, reverse=True):
            stopping = [keeper.stop(task, self._hurry) for keeper, task in self._kept if keeper.child.rank == rank]
            await asyncio.gather(*stopping)
        self._kept.clear()


async def _all_ready(keepers: Sequence[Keeper]) -> None:
    await asyncio.gather(*(keeper.ready.wait() for keeper in keepers))


async def _cancelled(task: asyncio.Task[T]) -> None:
    task.cancel()
    await asyncio.wait({task})
    if not task.cancelled():
        task.exception()


async def _within(wait: Coroutine[None, None, object], seconds: float) -> None:
    with suppress(TimeoutError):
        await asyncio.wait_for(wait, seconds)


async def _spawned(launch: Launch, log: IO[bytes]) -> Process:
    return await asyncio.create_subprocess_exec(
        *launch.argv,
        env=None if launch.env is None else dict(launch.env),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        process_group=0,
    )


def _how(code: int) -> str:
    return f"killed by {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"


def _now() -> float:
    return asyncio.get_running_loop().time()
