"""Stop one of two decide workers past its session under load, wake it, and look for anything wrong in what is read.

`make zombies` does it 20 times at the session that is in use (10 s) and prints a line a run. Each of the gaps inside a
commit is opened by its fail point, and one run in five is stopped wherever it happens to be. The control, whose workers
have no fence (reopened.py), must go wrong:

    python -m tests.chaos.zombies 5 fence
"""

from __future__ import annotations

import asyncio
import random
import signal
import sys
import tempfile
import threading
import time
import uuid
from collections import Counter
from pathlib import Path

from msgspec import Struct

from streams.runtime.admin import create_topics
from streams.runtime.broker import EmbeddedBroker
from streams.settings import Settings
from tests.kafka.pipeline import Pipeline, Worker, faults, message, phone, until

ANYWHERE = "anywhere"
CASES = ("decide-before-flush", "decide-before-offsets", "decide-before-commit", "decide-after-commit", ANYWHERE)
COMMITS_BEFORE = 14
"""The commit in which a fail point stops the worker: by then it commits because of what is published."""
CONTACTS = 40
GROUP = {"id": "food", "name": "Food", "rule": {"event": "message", "any_of": ["dinner"]}}


class Verdict(Struct, frozen=True):
    """What one run gave: how many changes, how the woken worker ended (None: it lives), and all that is wrong."""

    case: str
    changes: int
    stood_still: float
    woken: int | None
    wrong: list[str]

    def __str__(self) -> str:
        ended = "went on" if self.woken is None else f"exit {self.woken}"
        found = "; ".join(self.wrong[:3]) or "nothing wrong"
        return f"{self.case:22} {self.changes:5} changes, still for {self.stood_still:4.1f} s, {ended:8}: {found}"


class Load:
    """Messages that join and, taken back, leave: each is one change, so each guest's number of changes is known."""

    def __init__(self, pipeline: Pipeline) -> None:
        self.flips: Counter[int] = Counter()
        self._pipeline = pipeline
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._publish)

    def start(self) -> None:
        """Publish until `stop`, some hundred messages a second."""
        self._thread.start()

    def stop(self) -> None:
        """Stop publishing; the broker has all of it."""
        self._stopping.set()
        self._thread.join()
        self._pipeline.flush()

    def _publish(self) -> None:
        while not self._stopping.wait(0.05):
            for number in random.sample(range(CONTACTS), 15):
                self._flip(number)

    def _flip(self, number: int) -> None:
        joined, cycle = self.flips[number] % 2, self.flips[number] // 2
        value = message(f"m{number}-{cycle}", phone(number), "dinner", revision=1 + joined, deleted=bool(joined))
        self._pipeline.put("messages", value, phone(number).encode())
        self.flips[number] += 1


def run(settings: Settings, case: str, guard: str = "") -> Verdict:
    """One run on topics of its own; `guard` is taken out of the deciding workers."""
    program = ("-m", "tests.chaos.reopened", guard) if guard else ("-m", "rollcall")
    asyncio.run(create_topics(settings))
    with Pipeline(settings) as pipeline:
        pipeline.worker("normalize")
        other = pipeline.worker("decide", "b", program=program)
        pipeline.set_up(GROUP)
        fail_at = "" if case == ANYWHERE else f"{case}:{COMMITS_BEFORE}:STOP"
        sleeper = pipeline.worker("decide", "a", fail_at, program)
        load = Load(pipeline)
        until(lambda: len(other.partitions) < settings.partitions and other.ready, what="two owners")
        load.start()
        try:
            stood_still = _sleep(settings, sleeper, other, case)
        finally:
            load.stop()
        return _verdict(pipeline, load, case, stood_still, sleeper)


def _sleep(settings: Settings, sleeper: Worker, other: Worker, case: str) -> float:
    """Have one worker stand still until the other owns everything, then wake it; returns for how long (s)."""
    if case == ANYWHERE:
        until(lambda: sleeper.ready, what="the first owner at work")
        time.sleep(random.uniform(0.5, 1.5))
        sleeper.signal(signal.SIGSTOP)
    until(lambda: sleeper.stands_still, what=f"the stop at {case}")
    since = time.monotonic()
    until(lambda: len(other.partitions) == settings.partitions, 60 + settings.session_seconds, "the takeover")
    until(lambda: other.ready, what="the new owner at work")
    sleeper.signal(signal.SIGCONT)
    stood_still = time.monotonic() - since
    time.sleep(2)  # load goes on while it wakes
    return stood_still


def _verdict(pipeline: Pipeline, load: Load, case: str, stood_still: float, sleeper: Worker) -> Verdict:
    expected = {f"tel:{phone(number)}": count for number, count in load.flips.items() if count}
    wrong: list[str] = []
    try:
        until(lambda: len(pipeline.changes()) >= sum(expected.values()), 90)
    except AssertionError:
        wrong.append("changes are missing")
    try:
        until(lambda: not sleeper.alive or sleeper.ready, 60)
    except AssertionError:
        wrong.append("the woken worker hangs")
    if sleeper.alive and case.startswith("decide-before"):
        wrong.append("the fence did not end the woken worker")
    changes, members = pipeline.changes(), pipeline.members()
    told = Counter(change["data"]["contact"] for change in changes)
    wrong += [
        f"{who}: {told[who]} changes for {count} messages" for who, count in expected.items() if told[who] != count
    ]
    inside = {who for who, count in expected.items() if count % 2}
    wrong += ["the members are others"] * (members.get("food", set()) != inside)
    return Verdict(case, len(changes), stood_still, sleeper.process.poll(), [*wrong, *faults(changes, members)])


def main(runs: int = 20, guard: str = "") -> int:
    """Run and print; 1 if anything was wrong, or, with a guard taken out, if nothing was."""
    wrong = 0
    with tempfile.TemporaryDirectory() as folder, EmbeddedBroker(Path(folder) / "broker") as broker:
        for number in range(runs):
            settings = Settings(
                brokers=broker.bootstrap,
                data=Path(folder) / str(number),
                topic_prefix=f"z-{uuid.uuid4().hex[:6]}.",
                partitions=4,
            )
            verdict = run(settings, CASES[number % len(CASES)], guard)
            wrong += bool(verdict.wrong)
            print(f"{number + 1:2}  {verdict}", flush=True)  # noqa: T201
    print(f"{runs} runs, {wrong} wrong")  # noqa: T201
    return int(bool(wrong) is not bool(guard))


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), *sys.argv[2:]))
