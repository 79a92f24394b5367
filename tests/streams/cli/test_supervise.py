"""The supervisor, with tiny real processes."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest

from streams.cli import folder, logs
from streams.cli.say import TroubleError
from streams.cli.supervise import Child, Launch, Pace, StoppedError, Supervisor
from tests.streams.cli.conftest import PAUSE, Script, until

DEAF = "signal.signal(signal.SIGTERM, signal.SIG_IGN); be_ready()\nwhile True: time.sleep(1)"
QUICK = Pace(first_delay=0.01, last_delay=0.02, probe=0.02, stop=5.0)


@asynccontextmanager
async def supervising(data: Path, pace: Pace = QUICK) -> AsyncIterator[Supervisor]:
    """A supervisor whose children are gone at the end, whatever the test does."""
    supervisor = Supervisor(data, pace)
    try:
        yield supervisor
    finally:
        await supervisor.down()


async def test_order_of_stopping(tmp_path: Path, script: Script) -> None:
    """A higher rank has stopped before a lower one is asked."""
    async with supervising(tmp_path) as supervisor:
        await supervisor.start(script.child("broker"))
        await supervisor.start(script.child("worker", rank=1))
        await supervisor.start(script.child("store", rank=2))
    assert script.told() == ["start broker", "start worker", "start store", "end store", "end worker", "end broker"]


async def test_death_is_followed_by_a_start(tmp_path: Path, script: Script, capfd: pytest.CaptureFixture[str]) -> None:
    """A child that is killed runs again, and standard error says so."""
    async with supervising(tmp_path) as supervisor:
        await supervisor.start(script.child("worker"))
        first = folder.living(tmp_path, "worker")
        assert first
        os.kill(first, signal.SIGKILL)
        await until(lambda: script.told().count("start worker") == 2)
        await until(lambda: folder.living(tmp_path, "worker") not in (None, first))
    said = capfd.readouterr()
    assert "worker ended (killed by SIGKILL), starting it again" in said.err
    assert said.out == ""


async def test_gives_up(tmp_path: Path, script: Script) -> None:
    """A child that dies at once five times in a row ends the wait, and its log's end is told."""
    async with supervising(tmp_path) as supervisor:
        dying = script.child("worker", "print('no topics', flush=True); sys.exit(3)")
        with pytest.raises(
            TroubleError, match=r"worker ended at once 5 times in a row \(exit code 3\)(.|\n)*no topics"
        ):
            await asyncio.wait_for(_start_and_wait(supervisor, dying), 10)
    assert script.told().count("start worker") == 5


async def _start_and_wait(supervisor: Supervisor, child: Child) -> None:
    await supervisor.start(child)
    await supervisor.wait()


async def test_first_start_that_must_succeed(tmp_path: Path, script: Script) -> None:
    """A child that must begin is not tried again when its first start fails."""
    failing = script.child("broker", "sys.exit(1)", must_begin=True)
    async with supervising(tmp_path) as supervisor:
        with pytest.raises(TroubleError, match=r"broker ended at once \(exit code 1\)"):
            await asyncio.wait_for(supervisor.start(failing), 10)
    assert script.told() == ["start broker"]


async def test_wrong_settings_are_not_tried_again(tmp_path: Path, script: Script) -> None:
    """Exit code 2 before it ever was ready says that starting again is useless."""
    async with supervising(tmp_path) as supervisor:
        with pytest.raises(TroubleError, match="exit code 2"):
            await asyncio.wait_for(supervisor.start(script.child("store", "sys.exit(2)")), 10)
    assert script.told() == ["start store"]


async def test_deaths_after_a_long_life_are_not_counted(tmp_path: Path, script: Script) -> None:
    """Only deaths at once in a row end in giving up."""
    async with supervising(tmp_path, Pace(at_once=0.0, tries=2, first_delay=0.01, probe=0.02)) as supervisor:
        waiting = asyncio.create_task(_start_and_wait(supervisor, script.child("worker", "sys.exit(1)")))
        await until(lambda: script.told().count("start worker") >= 4)
        assert not waiting.done()
        supervisor.stop()
        with pytest.raises(StoppedError):
            await asyncio.wait_for(waiting, 10)


async def test_waits_for_what_it_needs(tmp_path: Path, script: Script) -> None:
    """What dies because a lower rank is away is started when that is back, and not counted as dying at once."""
    async with supervising(tmp_path) as supervisor:
        await supervisor.start(script.child("broker", "time.sleep(0.2); tell('up'); " + PAUSE))
        await supervisor.start(script.child("worker", rank=1))
        for name in ("broker", "worker"):
            kill(tmp_path, name)
            await until(partial(_twice, script, name))
    assert script.told()[:6] == ["start broker", "up", "start worker", "start broker", "up", "start worker"]


def _twice(script: Script, name: str) -> bool:
    return script.told().count(f"start {name}") == 2


async def test_once_ready_it_is_tried_for_longer(tmp_path: Path, script: Script) -> None:
    """What has worked is given up later than what never did."""
    pace = Pace(tries=2, tries_later=4, first_delay=0.01, last_delay=0.02, probe=0.02)
    async with supervising(tmp_path, pace) as supervisor:
        once = "if told().count('start worker') > 1: sys.exit(1)\n"
        dying = script.child("worker", once + PAUSE)
        with pytest.raises(TroubleError, match="4 times in a row"):
            await asyncio.wait_for(_start_kill_and_wait(supervisor, dying, tmp_path), 20)


async def _start_kill_and_wait(supervisor: Supervisor, child: Child, data: Path) -> None:
    await supervisor.start(child)
    kill(data, child.name)
    await supervisor.wait()


def kill(data: Path, name: str) -> None:
    """End a child as a crash does."""
    pid = folder.living(data, name)
    assert pid
    os.kill(pid, signal.SIGKILL)


async def test_stop_during_start_up(tmp_path: Path, script: Script) -> None:
    """A stop is heard while a child is not ready yet."""
    async with supervising(tmp_path) as supervisor:
        starting = asyncio.create_task(supervisor.start(script.child("slow", "signal.pause()")))
        await until(lambda: script.told() == ["start slow"])
        supervisor.stop()
        with pytest.raises(StoppedError):
            await asyncio.wait_for(starting, 10)
    assert script.told() == ["start slow", "end slow"]


async def test_a_child_that_does_not_stop_is_killed(tmp_path: Path, script: Script) -> None:
    """SIGTERM that is not heeded is followed by SIGKILL."""
    deaf = script.child("deaf", DEAF)
    async with supervising(tmp_path, Pace(probe=0.02, stop=0.2)) as supervisor:
        await supervisor.start(deaf)
        pid = folder.living(tmp_path, "deaf")
    assert pid
    assert folder.birth(pid) is None
    assert folder.living(tmp_path, "deaf") is None


async def test_asked_twice_means_now(tmp_path: Path, script: Script) -> None:
    """A second Ctrl-C waits for nobody."""
    deaf = script.child("deaf", DEAF)
    async with asyncio.timeout(10), supervising(tmp_path, Pace(probe=0.02, stop=3600)) as supervisor:
        await supervisor.start(deaf)
        supervisor.stop()
        supervisor.stop()


async def test_who_is_killed_leaves_nothing_running(tmp_path: Path, script: Script) -> None:
    """What a child started in a group of its own goes with it, as the broker's Java does."""
    sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
    start = f"import subprocess; tell(str(subprocess.Popen({sleeper!r}, process_group=0).pid))"
    deaf = script.child("deaf", f"{start}\n{DEAF}")
    async with supervising(tmp_path, Pace(probe=0.02, stop=3600)) as supervisor:
        await supervisor.start(deaf)
        supervisor.stop()
        supervisor.stop()
    pid = int(script.told()[1])
    await until(lambda: folder.birth(pid) is None)


async def test_group_and_session(tmp_path: Path, script: Script) -> None:
    """A child has a process group of its own, out of reach of the terminal's Ctrl-C, in the supervisor's session."""
    async with supervising(tmp_path) as supervisor:
        await supervisor.start(script.child("worker"))
        pid = folder.living(tmp_path, "worker")
        assert pid
        assert os.getpgid(pid) == pid
        assert os.getsid(pid) == os.getsid(0)


async def test_a_program_that_is_not_there(tmp_path: Path) -> None:
    """What cannot be started is told by name."""
    gone = Child(name="gone", launch=lambda: Launch(argv=[str(tmp_path / "nix")], probe=lambda _: True))
    async with supervising(tmp_path) as supervisor:
        with pytest.raises(TroubleError, match="cannot start gone"):
            await asyncio.wait_for(_start_and_wait(supervisor, gone), 10)


async def test_a_log_is_cut_while_its_child_runs(
    tmp_path: Path, script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A child that writes without an end fills no disk."""
    monkeypatch.setattr(logs, "LIMIT", 1_000)
    pace = Pace(first_delay=0.01, last_delay=0.02, probe=0.02, stop=5.0, log=0.01)
    async with supervising(tmp_path, pace) as supervisor:
        await supervisor.start(
            script.child("worker", "print('x' * 2_000, flush=True); be_ready()\nwhile True: time.sleep(1)")
        )
        await until((tmp_path / "logs" / "worker.log.1").exists)
