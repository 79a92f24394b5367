"""A chaos run: `python -m tests.chaos.run --seed 1 --minutes 3 --nodes 1 --out report.json`; exit 1 on any finding."""

from __future__ import annotations

import argparse
import contextlib
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

import msgspec

from streams.runtime.process import BrokerError
from tests.chaos.broker_faults import ONE, RIGHTS, THREE, WAYS
from tests.chaos.cluster import Cluster
from tests.chaos.faults import STATE, WORKERS, Fault, MissedError
from tests.chaos.history import collect, settle
from tests.chaos.inputs import INPUTS
from tests.chaos.judges import Finding, judge, lateness
from tests.chaos.machine_faults import MACHINE
from tests.chaos.neighbours import KIND, NEIGHBOURS, PATIENCE
from tests.chaos.probe import LATEST
from tests.chaos.reopened import GUARDS
from tests.chaos.report import Injection, Report, lateness_of, table

EVERY: Sequence[Fault] = (*WORKERS, *STATE, *INPUTS, *NEIGHBOURS, *WAYS, *RIGHTS, *MACHINE, *ONE, *THREE)
FLOW_SECONDS = 300.0
MOST_FINDINGS = 30
"""Of a judge, in a report: a run in which everything is wrong would tell it of every record."""


class Plan(NamedTuple):
    """What a run is to do: the kinds of faults, for how long, and to what."""

    faults: Sequence[Fault]
    seed: int
    seconds: float
    nodes: int = 1
    """Brokers."""
    workers: int = 2
    """Of each hop."""
    rate: int = 900
    """Things that happen a second; with repeats and revisions, more events than that."""
    together: int = 1
    """Faults that come one upon the other before all must flow again."""
    reopen: str = ""
    """The guard that is taken out."""


def schedule(dice: Random, faults: Sequence[Fault]) -> Callable[[], Fault]:
    """Return what gives the next fault: all kinds in an order of the dice, then all in another."""
    waiting: list[Fault] = []

    def following() -> Fault:
        if not waiting:
            waiting.extend(faults)
            dice.shuffle(waiting)
        return waiting.pop()

    return following


def inject(cluster: Cluster, fault: Fault, dice: Random, begun: float) -> Injection:
    """Do one thing to the system."""
    started = time.monotonic()
    try:
        hit, proof = True, fault.inject(cluster, dice)
    except (MissedError, TimeoutError, BrokerError, RuntimeError) as error:
        hit, proof = False, str(error)
    lasted = time.monotonic() - started
    return Injection(kind=fault.kind, hit=hit, proof=proof, at=round(started - begun, 1), lasted=round(lasted, 1))


def _flow_again(cluster: Cluster, kind: str) -> float:
    """Wait until all flows; returns the seconds that took."""
    marks: list[dict[tuple[str, int], int]] = []

    def flows() -> bool:
        if not marks:
            marks.append(cluster.marks())
        return cluster.flows(marks[0])

    return cluster.wait(flows, FLOW_SECONDS, f"the flow after {kind}")


def _slowest(cluster: Cluster, plan: Plan, since: float) -> float | None:
    """Return how long (s) a quiet tenant's guests waited at most, where nothing but neighbours may slow them."""
    probe = cluster.probe
    if probe is None or not all(one.kind.startswith(KIND) for one in plan.faults):
        return None
    until = time.monotonic()
    with contextlib.suppress(TimeoutError):
        cluster.wait(lambda: not probe.waiting(since, until), LATEST, "the quiet tenant's changes")
    return round(probe.longest(since, until), 2)


def impatience(injections: Sequence[Injection]) -> list[Finding]:
    """Tell where others had to wait too long for a neighbour."""
    slow = [one for one in injections if one.slowest is not None and one.slowest > PATIENCE]
    return [Finding("neighbours", "slow", f"{one.kind}: others waited {one.slowest} s") for one in slow]


def carry_out(cluster: Cluster, plan: Plan, say: Callable[[Injection], None]) -> tuple[list[Injection], str | None]:
    """Inject until the time is over; returns what was done, and what went so wrong that no more could be."""
    dice, begun, done = Random(plan.seed), time.monotonic(), list[Injection]()
    following = schedule(dice, plan.faults)
    while time.monotonic() - begun < plan.seconds:
        struck = time.monotonic()
        blow = [inject(cluster, following(), dice, begun) for _ in range(plan.together)]
        done += blow
        try:
            took = round(_flow_again(cluster, " and ".join(one.kind for one in blow)), 1)
            for one in blow:
                one.recovered = took
                one.slowest = _slowest(cluster, plan, struck)
        except TimeoutError as error:
            return done, str(error)
        finally:
            for one in blow:
                say(one)
        time.sleep(dice.uniform(0.0, 1.5))
    return done, None


def run(folder: Path, plan: Plan, say: Callable[[Injection], None] = lambda _: None) -> Report:
    """Carry a whole run out and judge it."""
    cluster = Cluster(folder, plan.seed, nodes=plan.nodes, workers=plan.workers, rate=plan.rate, reopen=plan.reopen)
    with cluster:
        begun = time.monotonic()
        injections, trouble = carry_out(cluster, plan, say)
        published = time.monotonic() - begun
        try:
            settle(cluster)
        except TimeoutError as error:
            trouble = trouble or str(error)
        history = collect(cluster)
        (folder / "history").write_bytes(msgspec.msgpack.encode(history))  # so that it can be judged again
        deaths = Counter(f"{death.name.rpartition('-')[0] or death.name} {death.code}" for death in cluster.deaths)
    return Report(
        seed=plan.seed, minutes=round(plan.seconds / 60, 2), nodes=plan.nodes, workers=plan.workers,
        together=plan.together, reopened=plan.reopen, events=len(history.acknowledged),
        seconds=round(published, 1), changes=len(history["membership-changes"]), injections=injections,
        deaths=dict(deaths), lateness=lateness_of(lateness(history)), trouble=trouble,
        findings=judge(history) + impatience(injections),
    )  # fmt: skip


def chosen(kinds: str, nodes: int = 1) -> Sequence[Fault]:
    """Return the faults that so many brokers can have whose kind has one of some words in it; all if there are none."""
    words = [word for word in kinds.split(",") if word]
    usable = [fault for fault in EVERY if fault.nodes <= nodes and not (nodes > 1 and fault in ONE)]
    found = [fault for fault in usable if not words or any(word in fault.kind for word in words)]
    if not found:
        raise SystemExit(f"no such kind with {nodes} broker(s); there are: {', '.join(one.kind for one in usable)}")
    return found


def main() -> int:
    """Run from the command line."""
    ask = argparse.ArgumentParser(description=__doc__)
    ask.add_argument("--seed", type=int, default=1)
    ask.add_argument("--minutes", type=float, default=3.0)
    ask.add_argument("--nodes", type=int, choices=(1, 3), default=1)
    ask.add_argument("--kinds", default="", help="only kinds with one of these words, by commas")
    ask.add_argument("--together", type=int, default=1, help="faults that come one upon the other before all must flow")
    ask.add_argument("--reopen", default="", choices=("", *GUARDS), help="take a guard out: the judges must see it")
    ask.add_argument("--out", type=Path)
    given = ask.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that nothing is left running
    folder = Path(tempfile.mkdtemp(prefix=f"chaos-{given.seed}-"))
    kinds = given.kinds or (GUARDS[given.reopen].kinds if given.reopen else "")
    plan = Plan(
        chosen(kinds, given.nodes), given.seed, given.minutes * 60, given.nodes, together=given.together,
        reopen=given.reopen,
    )  # fmt: skip
    told = run(folder, plan, _say)
    judges = {one.judge for one in told.findings}
    if given.out:
        told.findings = some(told.findings)
        given.out.write_bytes(msgspec.json.format(msgspec.json.encode(told)) + b"\n")
    sys.stdout.write(table([told]))
    if given.reopen:
        return 0 if GUARDS[given.reopen].judges & judges else 1
    return 0 if told.good else 1


def some(findings: Sequence[Finding]) -> list[Finding]:
    """Return the first findings of each judge."""
    counts = Counter[str]()
    kept = list[Finding]()
    for one in findings:
        counts[one.judge] += 1
        if counts[one.judge] <= MOST_FINDINGS:
            kept.append(one)
    return kept


def _say(one: Injection) -> None:
    mark = "hit " if one.hit else "miss"
    times = f"{one.lasted} s, flows after {one.recovered} s"
    if one.slowest is not None:
        times += f", others waited {one.slowest} s at most"
    sys.stderr.write(f"{one.at:7.1f} {mark} {one.kind}: {one.proof} ({times})\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
