"""One run of one contestant: prepared, started, timed from its first record to its last, held against the oracle."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from benchmarks.job import Job
from benchmarks.kafka import Kafka
from benchmarks.oracle import Answer
from benchmarks.processes import Worker, check_alive, cpu_s, peak_mb, stop

BROKER = "broker"
_POLL_S = 0.05
_BEGUN = 50
"""So many re-keyed records mean that the messages flow; fewer may be ticks of the start."""
_START_LIMIT_S = 120
_SETTLE_S = 15


class Contestant(Protocol):
    """What can run the job: its topics, how it is set up and started, and how to read what it wrote."""

    name: str
    rekeyed: str
    changes: str
    dead_letters: str
    exactly_once: bool

    def prepare(self, kafka: Kafka, job: Job) -> None:
        """Create topics and groups from nothing and publish every message; nothing runs afterwards."""
        ...

    def start(self) -> list[Worker]:
        """Start the processes that do the job."""
        ...

    def is_done(self, kafka: Kafka, expected: Answer) -> bool:
        """Whether the last change is there for every reader."""
        ...

    def joined(self, value: bytes) -> tuple[str, str]:
        """The contact and group of a change; ValueError when it is anything but a first join."""
        ...


@dataclass(frozen=True)
class Instant:
    """A point of a run: the clock, the re-keyed records so far, and CPU seconds by process."""

    at: float
    rekeyed: int
    cpu: dict[str, float]


@dataclass(frozen=True)
class Lap:
    """What lies between two instants; records already re-keyed at the first one count as nobody's work."""

    messages: int
    first: Instant
    last: Instant

    @property
    def counted(self) -> int:
        """Messages that were still to do when the clock started."""
        return self.messages - self.first.rekeyed

    @property
    def seconds(self) -> float:
        """Wall time."""
        return self.last.at - self.first.at

    @property
    def per_second(self) -> float:
        """Events/s."""
        return self.counted / self.seconds

    @property
    def cpu_us(self) -> dict[str, float]:
        """Microseconds of CPU an event, by process."""
        spent = {name: self.last.cpu[name] - before for name, before in self.first.cpu.items()}
        return {name: round(seconds / self.counted * 1e6, 2) for name, seconds in spent.items()}


@dataclass(frozen=True)
class Run:
    """The figures of one run; right when `faults` is empty."""

    contestant: str
    round: int
    messages: int
    seconds: float
    per_second: float
    cpu_us: dict[str, float]
    peak_mb: dict[str, float]
    start_s: float
    changes: int
    dead_letters: int
    faults: list[str] = field(default_factory=list[str])


@dataclass(frozen=True)
class Track:
    """What all runs share: the broker, its process ids, and the longest that a run may take."""

    kafka: Kafka
    broker_pids: Sequence[int]
    limit_s: float


def race(contestant: Contestant, track: Track, job: Job, expected: Answer, round_: int) -> Run:
    """Do the job once, from empty state."""
    contestant.prepare(track.kafka, job)
    before = track.kafka.count(contestant.rekeyed)
    started = time.monotonic()
    workers = contestant.start()
    try:
        pids = {**{worker.name: [worker.pid] for worker in workers}, BROKER: list(track.broker_pids)}
        first = _first(contestant, track, workers, pids, before)
        last = _last(contestant, track, workers, pids, expected)
        peaks = {name: round(peak_mb(each), 1) for name, each in pids.items() if each}
        _settle(contestant, track.kafka, expected)
    finally:
        stop(workers)
    changes, dead = track.kafka.read(contestant.changes), track.kafka.read(contestant.dead_letters)
    lap = Lap(job.messages, first, last)
    return Run(
        contestant=contestant.name,
        round=round_,
        messages=job.messages,
        seconds=round(lap.seconds, 3),
        per_second=round(lap.per_second, 1),
        cpu_us=lap.cpu_us,
        peak_mb=peaks,
        start_s=round(first.at - started, 2),
        changes=len(changes),
        dead_letters=len(dead),
        faults=check(contestant, changes, len(dead), expected),
    )


def _first(
    contestant: Contestant, track: Track, workers: Sequence[Worker], pids: dict[str, list[int]], before: int
) -> Instant:
    """Wait for the first re-keyed records; those already there will not be counted."""
    seen: list[int] = []

    def flowing() -> bool:
        seen[:] = [track.kafka.count(contestant.rekeyed) - before]
        return seen[0] >= _BEGUN

    _wait(flowing, workers, _START_LIMIT_S, "no record was re-keyed")
    return _instant(seen[0], pids)


def _last(
    contestant: Contestant, track: Track, workers: Sequence[Worker], pids: dict[str, list[int]], expected: Answer
) -> Instant:
    _wait(lambda: contestant.is_done(track.kafka, expected), workers, track.limit_s, "the job was not done")
    return _instant(expected.valid, pids)


def _instant(rekeyed: int, pids: dict[str, list[int]]) -> Instant:
    return Instant(time.monotonic(), rekeyed, {name: cpu_s(each) for name, each in pids.items() if each})


def _wait(condition: Callable[[], bool], workers: Sequence[Worker], limit_s: float, otherwise: str) -> None:
    until = time.monotonic() + limit_s
    while not condition():
        check_alive(workers)
        if time.monotonic() > until:
            raise TimeoutError(f"{otherwise} within {limit_s:.0f} s")
        time.sleep(_POLL_S)


def _settle(contestant: Contestant, kafka: Kafka, expected: Answer) -> None:
    """Give the last commit its time: `is_done` cannot tell a record from a transaction's marker."""
    until = time.monotonic() + _SETTLE_S
    while time.monotonic() < until:
        enough = len(kafka.read(contestant.changes)) >= len(expected.joined)
        if enough and len(kafka.read(contestant.dead_letters)) >= expected.invalid:
            return


def check(contestant: Contestant, changes: Sequence[bytes], dead: int, expected: Answer) -> list[str]:
    """Every way in which the output differs from the oracle's, in counts only."""
    pairs: list[tuple[str, str]] = []
    odd = 0
    for value in changes:
        try:
            pairs.append(contestant.joined(value))
        except (ValueError, KeyError):
            odd += 1
    found = set(pairs)
    # at least once may say a thing twice: that is what it promises
    repeats, more_dead = len(pairs) - len(found), max(dead - expected.invalid, 0)
    counts = {
        "memberships are missing": len(expected.joined - found),
        "memberships are wrong": len(found - expected.joined),
        "changes are repeated": repeats if contestant.exactly_once else 0,
        "changes are no first join": odd,
        "dead letters are missing": max(expected.invalid - dead, 0),
        "dead letters are too many": more_dead if contestant.exactly_once else 0,
    }
    return [f"{count} {what}" for what, count in counts.items() if count]
