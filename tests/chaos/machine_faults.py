"""Faults of the machine: a wall clock that jumps, a state folder that takes no more."""

from __future__ import annotations

import contextlib
import resource
import signal
import time
from collections.abc import Iterator
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


MACHINE = [Fault("worker's clock jumps", clock_jump), Fault("state's disk takes no more", state_full)]
