"""Faults of the machine: a wall clock that jumps, a state folder that takes no more."""

from __future__ import annotations

import contextlib
import errno
import resource
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

from tests.chaos.cluster import Cluster
from tests.chaos.faults import Fault, MissedError, any_worker, died
from tests.chaos.processes import OneProcess

HOUR, DAY = 3_600, 86_400


@contextlib.contextmanager
def wrong_clock(cluster: Cluster, one: OneProcess, offset: int) -> Iterator[None]:
    """Have a worker's wall clock be off by some seconds."""
    file = cluster.clock_of(one.name)
    note = file.with_suffix(".seen")
    note.unlink(missing_ok=True)
    file.write_text(str(offset))
    try:
        cluster.wait(lambda: note.exists() and note.read_text() == f"{one.pid} {float(offset)}", 30, "the jump")
        yield
    finally:
        file.write_text("0")


def clock_jump(cluster: Cluster, dice: Random) -> str:
    """A worker's clock jumps by hours or days and back; sometimes it is started again meanwhile."""
    one, offset = any_worker(cluster, dice), dice.choice((-DAY, -HOUR, -60, 60, HOUR, 10 * DAY))
    with wrong_clock(cluster, one, offset):
        time.sleep(dice.uniform(1, 4))
        again = dice.random() < 0.4
        if again:
            since = len(one.deaths)
            one.send(signal.SIGKILL)
            died(cluster, one, since, {-signal.SIGKILL})
            cluster.wait(lambda: one.ready, 60, "the worker with the wrong clock")
    return f"{one.name}'s clock off by {offset} s{', killed and started in it' if again else ''}"


def state_full(cluster: Cluster, dice: Random) -> str:
    """The state's files may not grow: each write of RocksDB fails, as on a full disk, and the worker stops."""
    one = any_worker(cluster, dice, "decide")
    since = len(one.deaths)
    resource.prlimit(one.pid, resource.RLIMIT_FSIZE, (4_096, resource.RLIM_INFINITY))
    cluster.wait(lambda: len(one.deaths) > since, 30, f"the end of {one.name}")
    code = one.deaths[since].code
    if code == 0:
        raise MissedError(f"{one.name} ended with 0")
    return f"{one.name} could not write and ended with {code}"


def disk_full(cluster: Cluster, dice: Random) -> str:
    """The state lies on a disk of its own, and that is really full: no worker can start on it until it has room.

    RocksDB writes some megabytes at a time, so the worker is killed to make it write.
    """
    one = any_worker(cluster, dice, "decide")
    state = cluster.state(one)
    with _own_disk(cluster, one):
        cluster.wait(lambda: one.ready, 90, f"{one.name} on its own disk")
        ballast, since = state / "ballast", len(one.deaths)
        taken = _fill(ballast)
        try:
            one.send(signal.SIGKILL)
            cluster.wait(lambda: len(one.deaths) > since + 1, 60, f"the end of {one.name} on the full disk")
            free = shutil.disk_usage(state).free
        finally:
            ballast.unlink()
        code = one.deaths[since + 1].code
        if code in {0, -signal.SIGKILL} or free:
            raise MissedError(f"{one.name} ended with {code}, {free} bytes were free")
        cluster.wait(lambda: one.ready, 90, f"{one.name} with room again")
    return f"ENOSPC after {taken} bytes; {one.name} ended with {code} on the full disk, and went on when it had room"


@contextlib.contextmanager
def _own_disk(cluster: Cluster, one: OneProcess) -> Iterator[None]:
    """Move a worker's state to a small disk of its own, and back."""
    state, aside = cluster.state(one), cluster.folder / f"{one.name}.aside"
    with cluster.untended():
        one.end(signal.SIGTERM)
        state.rename(aside)
        try:
            cluster.mount(state, 64 * 1024 * 1024)
        except OSError as error:
            aside.rename(state)
            one.start()
            raise MissedError(str(error)) from error
        shutil.copytree(aside, state, dirs_exist_ok=True)
        shutil.rmtree(aside)
        one.start()
    try:
        yield
    finally:
        with cluster.untended():
            one.end(signal.SIGTERM)
            shutil.copytree(state, aside)
            cluster.unmount(state)
            state.rmdir()
            aside.rename(state)
            one.start()


def _fill(ballast: Path) -> int:
    """Write until the disk takes no more; returns the bytes that it took."""
    taken = 0
    with ballast.open("wb", buffering=0) as file:
        for size in (1024 * 1024, 4_096):
            try:
                while True:
                    taken += file.write(bytes(size))
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
    return taken


MACHINE = [
    Fault("worker's clock jumps", clock_jump),
    Fault("state's disk takes no more", state_full),
    Fault("state's disk is full", disk_full),
]
