"""A run's figures and its verdict come from what was counted."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import pytest

from benchmarks.contest_faust import Faust
from benchmarks.oracle import Answer
from benchmarks.race import Instant, Lap, Run, check
from benchmarks.run import page
from benchmarks.table import lines, markdown, ratio

EXPECTED = Answer(frozenset({("tel:+1", "a"), ("tel:+2", "b")}), valid=9, invalid=1, matches=4)


@dataclass
class Once(Faust):
    """A contestant that promises exactly once."""

    exactly_once: bool = True


@pytest.fixture
def once(tmp_path: Path) -> Once:
    """Exactly once."""
    return Once("", "run", tmp_path)


def _change(contact: str, group: str) -> bytes:
    return json.dumps({"contact": contact, "group": group}).encode()


def test_right_output_has_no_faults(once: Once) -> None:
    """Each expected membership once and each dead letter once is right."""
    assert check(once, [_change("tel:+1", "a"), _change("tel:+2", "b")], 1, EXPECTED) == []


def test_every_difference_is_a_fault(once: Once) -> None:
    """Missing, wrong, repeated and unreadable changes and dead letters that are not as many are all told."""
    changes = [_change("tel:+1", "a"), _change("tel:+1", "a"), _change("tel:+3", "c"), b"{}"]
    assert check(once, changes, 3, EXPECTED) == [
        "1 memberships are missing",
        "1 memberships are wrong",
        "1 changes are repeated",
        "1 changes are no first join",
        "2 dead letters are too many",
    ]
    assert "1 dead letters are missing" in check(once, changes, 0, EXPECTED)


def test_at_least_once_may_repeat(tmp_path: Path) -> None:
    """Faust promises at least once: a repeat is no fault of it."""
    changes = [_change("tel:+1", "a"), _change("tel:+1", "a"), _change("tel:+2", "b")]
    assert check(Faust("", "run", tmp_path), changes, 2, EXPECTED) == []


def test_what_ran_before_the_clock_does_not_count() -> None:
    """Events/s and CPU are over the records that the first look did not find."""
    first, last = Instant(10.0, 200, {"worker": 1.0}), Instant(12.0, 990, {"worker": 1.8})
    lap = Lap(1000, first, last)
    assert (lap.seconds, lap.per_second, lap.cpu_us) == (2.0, 400.0, {"worker": 1000.0})


def _run(name: str, per_second: float, faults: list[str]) -> Run:
    return Run(name, 1, 100, 1.0, per_second, {"worker": 5.0, "broker": 2.0}, {"worker": 10.0}, 1.0, 2, 1, faults)


def test_wrong_runs_give_no_figures() -> None:
    """Medians and ratio come from right runs only; a contestant with none has no ratio."""
    runs = [_run("fast", 300.0, []), _run("fast", 9000.0, ["1 memberships are missing"]), _run("slow", 20.0, [])]
    found = lines(runs)
    told = [(line.contestant, line.per_second, line.right, line.runs) for line in found]
    assert told == [("fast", 300.0, 1, 2), ("slow", 20.0, 1, 1)]
    assert ratio(found, "fast", "slow") == 15.0
    assert ratio(lines(runs[:2]), "fast", "slow") is None
    assert "| fast | 100 | 1/2 | 300 (300 to 300) | 15.0 | 5 | worker 5 | 2 |" in markdown(found, "slow")


def test_the_processes_of_a_hop_are_one_figure() -> None:
    """normalize, decide and broker each have theirs, however many processes there are."""
    cpu = {"decide-1": 20.0, "decide-2": 21.0, "normalize-1": 14.0, "broker": 9.0}
    found = lines([Run("rollcall", 1, 100, 1.0, 300.0, cpu, {}, 1.0, 2, 1, [])])
    assert (found[0].cpu_us, found[0].broker_us) == ({"decide": 41.0, "normalize": 14.0}, 9.0)
    assert "| decide 41, normalize 14 | 9 |" in markdown(found, "rollcall")


def test_page_tells_the_machine_and_the_factor() -> None:
    """The page holds the table, the cores that were shared, and the factor where there is one."""
    found = lines([_run("rollcall", 300.0, []), _run("faust", 20.0, [])])
    told = page(found, 15.0)
    assert markdown(found, "faust") in told
    assert "cores" in told
    assert told.endswith("Rollcall does 15.0 times the events/s of Faust.\n")
    assert "times the events/s" not in page(found[:1], None)
