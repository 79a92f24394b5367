"""What is done to the system: each injection returns the proof that it hit, or raises MissedError.

A fault leaves everything wanted in place (processes started again, nodes up, rights given back); the runner then waits
until the system flows again.
"""

from __future__ import annotations

import re
import shutil
import signal
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import NamedTuple

from tests.chaos.cluster import HOPS, SESSION, Cluster
from tests.chaos.processes import ROOT, OneProcess

Inject = Callable[[Cluster, Random], str]


class MissedError(Exception):
    """The injection had no effect, and does not count."""


class Fault(NamedTuple):
    """A kind of fault; `nodes` are the brokers that it needs."""

    kind: str
    inject: Inject
    nodes: int = 1


def any_worker(cluster: Cluster, dice: Random, hop: str = "") -> OneProcess:
    """Choose a worker that has partitions: a fault of one that has none hits nothing."""
    workers = [one for name in ([hop] if hop else HOPS) for one in cluster.of(name) if cluster.has(one)]
    if not workers:
        raise MissedError("no worker has a partition")
    return dice.choice(workers)


def flowed(cluster: Cluster, before: int) -> str:
    """Prove that events came meanwhile."""
    count = len(cluster.publisher.acknowledged) - before
    if count <= 0:
        raise MissedError("no event was published meanwhile")
    return f"{count} events meanwhile"


def died(cluster: Cluster, one: OneProcess, since: int, codes: set[int], seconds: float = 30.0) -> int:
    """Wait for a process's next death after the first `since`, and check how it ended."""
    cluster.wait(lambda: len(one.deaths) > since, seconds, f"the end of {one.name}")
    code = one.deaths[since].code
    if code not in codes:
        raise MissedError(f"{one.name} ended with {code}")
    return code


# workers -------------------------------------------------------------------------------------------------------------


def worker_sigterm(cluster: Cluster, dice: Random) -> str:
    """A worker is told to stop, and comes back."""
    one = any_worker(cluster, dice)
    since, had = len(one.deaths), len(cluster.has(one))
    one.send(signal.SIGTERM)
    died(cluster, one, since, {0})
    return f"{one.name} with {had} partitions stopped with 0"


def worker_sigkill(cluster: Cluster, dice: Random) -> str:
    """A worker dies, and comes back."""
    one = any_worker(cluster, dice)
    since, had = len(one.deaths), len(cluster.has(one))
    one.send(signal.SIGKILL)
    died(cluster, one, since, {-signal.SIGKILL})
    return f"{one.name} with {had} partitions killed"


def worker_sigstop(cluster: Cluster, dice: Random) -> str:
    """A worker stands still past its session, its partitions go to another, and it wakes."""
    one = any_worker(cluster, dice)
    had, since = cluster.has(one), len(one.deaths)
    one.send(signal.SIGSTOP)
    try:
        taken = cluster.wait(lambda: not cluster.has(one), SESSION * 6, "the loss of its partitions")
        time.sleep(dice.uniform(0.0, 3.0))  # the others have begun to work on them, or not yet
    finally:
        one.send(signal.SIGCONT)
    time.sleep(0.5)
    fate = f"ended with {one.deaths[since].code}" if len(one.deaths) > since else "joined again"
    return f"{one.name} lost {len(had)} partitions after {taken:.1f} s and {fate}"


def worker_short_stop(cluster: Cluster, dice: Random) -> str:
    """A worker stands still for less than its session."""
    one = any_worker(cluster, dice)
    before = len(cluster.publisher.acknowledged)
    one.send(signal.SIGSTOP)
    time.sleep(dice.uniform(0.5, SESSION * 0.7))
    one.send(signal.SIGCONT)
    return f"{one.name}: {flowed(cluster, before)}"


def all_of_a_hop(cluster: Cluster, dice: Random) -> str:
    """All workers of a hop die at once."""
    hop = dice.choice(HOPS)
    workers = cluster.of(hop)
    since = [len(one.deaths) for one in workers]
    for one in workers:
        one.send(signal.SIGKILL)
    for one, count in zip(workers, since, strict=True):
        died(cluster, one, count, {-signal.SIGKILL})
    return f"{len(workers)} of {hop} killed"


def scale(cluster: Cluster, dice: Random) -> str:
    """A third worker joins a hop, gets partitions, and leaves again."""
    hop = dice.choice(HOPS)
    one = cluster.add_worker(hop, len(cluster.of(hop)) + 1)
    try:
        cluster.wait(lambda: bool(cluster.has(one)) and one.ready, 90, "partitions for the new worker")
        got = len(cluster.has(one))
        time.sleep(dice.uniform(0.0, 2.0))
    finally:
        code = cluster.remove(one.name)
    return f"{one.name} got {got} partitions and left with {code}"


def rolling_restart(cluster: Cluster, dice: Random) -> str:
    """Each worker in turn is stopped in order, the next when the last is ready again."""
    workers = [one for hop in HOPS for one in cluster.of(hop)]
    dice.shuffle(workers)
    for one in workers:
        since = len(one.deaths)
        one.send(signal.SIGTERM)
        died(cluster, one, since, {0})
        cluster.wait(lambda one=one: one.ready, 90, f"{one.name} again")  # type: ignore[misc]
    return f"{len(workers)} workers, each with 0"


def fail_points() -> list[str]:
    """Return the fail points that the pipeline's code has."""
    texts = [path.read_text() for path in (ROOT / "streams").rglob("*.py")]
    return sorted({name for text in texts for name in re.findall(r'reached\("([a-z-]+)"\)', text)})


def fail_point(name: str) -> Inject:
    """A worker dies exactly there."""

    def inject(cluster: Cluster, dice: Random) -> str:
        one = any_worker(cluster, dice, name.partition("-")[0])
        since, nth = len(one.deaths), dice.choice((1, 2, 3, 8, 20))
        one.next_environ = {"ROLLCALL_FAIL_AT": f"{name}:{nth}"}
        one.send(signal.SIGTERM)
        died(cluster, one, since, {0})
        died(cluster, one, since + 1, {-signal.SIGKILL}, 90)
        return f"{one.name} died at pass {nth}"

    return inject


# state ---------------------------------------------------------------------------------------------------------------


def state_wiped(cluster: Cluster, dice: Random) -> str:
    """A decide worker dies and its state folder is gone."""
    one = any_worker(cluster, dice, "decide")
    with cluster.untended():
        one.end(signal.SIGKILL)
        size = cluster.wipe(cluster.state(one))
        one.start()
    if not size:
        raise MissedError("the folder was empty")
    return f"{size} bytes of {one.name} deleted"


def state_old_copy(cluster: Cluster, dice: Random) -> str:
    """A decide worker dies and finds an old copy of its folder; the first time, the copy is made."""
    one = any_worker(cluster, dice, "decide")
    copy = cluster.folder / "copies" / one.name
    if not copy.exists():
        _copy(cluster, one, copy)
        cluster.copies[one.name] = copy
        cluster.wait(cluster.steady, 90, "the copied worker")
        time.sleep(5.0)  # the log goes on meanwhile, so that the copy is old
    with cluster.untended():
        one.end(signal.SIGKILL)
        before, after = _sums(cluster.state(one)), _sums(copy)
        shutil.rmtree(cluster.state(one))
        shutil.copytree(copy, cluster.state(one))
        age = time.time() - copy.stat().st_mtime
        one.start()
    if before == after:
        raise MissedError("the copy is what was there")
    return f"{one.name} put back by {age:.0f} s"


def _copy(cluster: Cluster, one: OneProcess, copy: Path) -> None:
    with cluster.untended():
        one.end(signal.SIGTERM)
        shutil.copytree(cluster.state(one), copy)
        copy.touch()
        one.start()


def _sums(folder: Path) -> set[tuple[str, int]]:
    return {(str(path.relative_to(folder)), path.stat().st_size) for path in folder.rglob("*") if path.is_file()}


def store_sigkill(cluster: Cluster, dice: Random) -> str:
    """The store dies, and comes back."""
    del dice
    one = cluster.store
    since = len(one.deaths)
    one.send(signal.SIGKILL)
    died(cluster, one, since, {-signal.SIGKILL})
    return "the store killed"


def store_rebuilt(cluster: Cluster, dice: Random) -> str:
    """The store dies and its folder is gone."""
    del dice
    one = cluster.store
    with cluster.untended():
        one.end(signal.SIGKILL)
        size = cluster.wipe(cluster.settings.data / "store")
        one.start()
    if not size:
        raise MissedError("the folder was empty")
    return f"{size} bytes of the store deleted"


WORKERS = [
    Fault("worker SIGTERM", worker_sigterm),
    Fault("worker SIGKILL", worker_sigkill),
    Fault("worker SIGSTOP past session", worker_sigstop),
    Fault("worker SIGSTOP briefly", worker_short_stop),
    Fault("all of a hop SIGKILL", all_of_a_hop),
    Fault("scale out and in", scale),
    Fault("rolling restart", rolling_restart),
    *(Fault(f"kill at {name}", fail_point(name)) for name in fail_points()),
]
STATE = [
    Fault("state wiped", state_wiped),
    Fault("state from an old copy", state_old_copy),
    Fault("store SIGKILL", store_sigkill),
    Fault("store rebuilt", store_rebuilt),
]
