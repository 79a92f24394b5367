"""The benchmark's contestants do the whole job on a real broker, and a wrong answer is told."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from benchmarks.contest_faust import Faust
from benchmarks.contest_rollcall import Rollcall
from benchmarks.job import Job
from benchmarks.kafka import Kafka
from benchmarks.oracle import Answer, answer
from benchmarks.race import Track, race

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.race import Contestant
    from streams.runtime.broker import EmbeddedBroker

MESSAGES = 2000


@pytest.fixture
def job() -> Job:
    """Two thousand messages up to five minutes ago."""
    return Job(MESSAGES, int(time.time()) - 300)


@pytest.fixture
def expected(job: Job) -> Answer:
    """What must come out."""
    return answer(job.records)


@pytest.fixture
def track(broker: EmbeddedBroker) -> Track:
    """The tests' broker, with its processes."""
    return Track(Kafka(broker.bootstrap), broker.pids, limit_s=120)


@pytest.mark.parametrize("contestant", [Faust, Rollcall])
def test_contestant_does_the_job(
    contestant: type[Faust | Rollcall], track: Track, tmp_path: Path, job: Job, expected: Answer
) -> None:
    """Every membership and every dead letter of the oracle, no other, and figures of every process."""
    one: Contestant = contestant(track.kafka.brokers, f"bench-{tmp_path.name}", tmp_path)
    run = race(one, track, job, expected, 1)
    assert run.faults == []
    assert (run.changes, run.dead_letters) == (len(expected.joined), expected.invalid)
    assert run.per_second > 0
    assert len(run.cpu_us) > 1
    assert sum(run.cpu_us.values()) > 0  # one process may have had less than a tick of the clock, 10 ms
    assert min(run.peak_mb.values()) > 10


def test_another_answer_is_a_fault(track: Track, tmp_path: Path, job: Job, expected: Answer) -> None:
    """A run is held against the oracle: with one membership swapped there, one is missing here and one wrong."""
    swapped = frozenset([*sorted(expected.joined)[1:], ("tel:+6280000000000", "g000")])
    run = race(Faust(track.kafka.brokers, "bench-swapped", tmp_path), track, job, replace(expected, joined=swapped), 1)
    assert run.faults == ["1 memberships are missing", "1 memberships are wrong"]
