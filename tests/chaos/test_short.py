"""A short chaos run as a test: one broker, two workers of each hop, a store, a kind or two of each family of faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.chaos.faults import fail_points
from tests.chaos.run import Plan, chosen, run

SEED = 20_261_101
KINDS = "worker SIGKILL,worker SIGSTOP past session,kill at decide-before-commit,poison record,connection cut"


@pytest.mark.timeout(290)
def test_short_run(tmp_path: Path) -> None:
    """Under load, with workers dying, sleeping and cut off, nothing is lost, wrong, repeated or early."""
    told = run(tmp_path, Plan(chosen(KINDS), SEED, seconds=30, rate=500))
    assert told.findings == []
    assert told.trouble is None
    assert sum(one.hit for one in told.injections) >= 2
    assert told.lateness.count > 200
    assert told.events > 8_000


def test_every_fail_point_is_a_kind() -> None:
    """Each place where a process can be made to die is a kind of its own."""
    kinds = {fault.kind for fault in chosen("kill at")}
    assert kinds == {f"kill at {name}" for name in fail_points()}
    assert len(kinds) >= 6
