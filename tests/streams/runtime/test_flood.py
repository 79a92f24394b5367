"""An owner's memory under a flood: deadlines fire, and commits come, some at a time; chunks wait outside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest

from processors.budget import RECORD, SETTLED, TURN
from processors.fold import Fold
from schemas.activity import Tick, encode
from streams.runtime import partition_owner
from streams.runtime.partition_owner import QUEUED_CHUNKS, PartitionOwner
from tests.processors.test_bounds import DINNER, PHONES
from tests.processors.world import HOUR, START, World, commit

FIRED, COMMIT = 10, 30
FIRES = RECORD + SETTLED
"""What the deadline of one guest takes who is in one group."""


class Owner(PartitionOwner):
    """An owner whose commits go to a store in memory; it notes how much it held."""

    def __init__(self, world: World) -> None:
        nothing: Any = None
        super().__init__(0, nothing, nothing)
        self.rows = world.stores[0]
        self.fold = Fold(self.rows, 0, 1, hash_key=b"k" * 32)
        self.held = {"out": 0, "rows": 0}
        self.commits = self.left = 0

    async def _hand_out(self) -> None:
        out = self.fold.desk.take()
        self.held["out"] = max(self.held["out"], len(out))
        self.left += sum(b'"left"' in (one.value or b"") for one in out if one.topic == "membership-changes")

    async def commit(self) -> Any:
        """Commit to memory."""
        self.held["rows"] = max(self.held["rows"], len(self.fold.desk.dirty))
        commit(self.fold, self.rows)
        self.fold.desk.take()
        self._pending_since, self._pending_work = 0.0, 0
        self.commits += 1


def record(at: int, offset: int) -> Any:
    """Make a tick as the consumer gives it."""
    return SimpleNamespace(key=b"tick", value=encode(Tick(-1, 0, 0, 0)), timestamp=at, offset=offset)


def test_deadlines_of_one_millisecond(monkeypatch: pytest.MonkeyPatch) -> None:
    """They fire before the record that is later, with commits in between, and no commit holds more than its share."""
    monkeypatch.setattr(partition_owner, "COMMIT_WORK", COMMIT * FIRES)
    owner = Owner(flooded())
    owner.fold.turn = FIRED * FIRES
    asyncio.run(owner._take([record(START, 0), record(START + 3 * HOUR, 1)]))
    assert owner.left == len(PHONES)
    assert owner.commits >= len(PHONES) // (COMMIT + FIRED)
    assert owner.held["out"] <= 2 * FIRED  # a change and the row of the table
    assert owner.held["rows"] <= COMMIT + FIRED
    assert owner.position == 2


def test_heavy_records_are_committed_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunk whose records take long is not one commit: its transaction would run out of time."""
    monkeypatch.setattr(partition_owner, "COMMIT_WORK", 3 * RECORD)
    owner = Owner(World())
    owner.fold.turn = RECORD
    asyncio.run(owner._take([record(START, at) for at in range(10)]))
    assert owner.position == 10
    assert owner.commits == 3
    monkeypatch.setattr(partition_owner, "COMMIT_WORK", 1_000_000)
    monkeypatch.setattr(partition_owner, "COMMIT_LATE", 0.0)
    asyncio.run(owner._take([record(START, at) for at in range(10, 20)]))
    assert owner.commits == 13


def flooded() -> World:
    """Have all guests be due in one millisecond."""
    world = World()
    world.tenant()
    world.group("g", DINNER)
    for phone in PHONES:
        world.say("dinner", phone=phone)
    return world


def test_a_few_deadlines_do_not_cut_a_slice(monkeypatch: pytest.MonkeyPatch) -> None:
    """They fire between its records all the same, each before what is later; of many, some go out in between."""
    ticks = [record(START + 2 * HOUR + (at - 5) * 1000, at) for at in range(11)]
    for turn, turns in ((TURN, 1), (FIRED * FIRES, len(PHONES) // FIRED + 1)):
        owner = Owner(flooded())
        owner.fold.turn = turn
        taken = list[int]()
        monkeypatch.setattr(owner.fold, "take_turn", _noted(owner.fold.take_turn, taken))
        asyncio.run(owner._take(ticks))
        assert (owner.left, len(taken), sum(taken)) == (len(PHONES), turns, len(ticks))


def _noted(turn: Callable[[Any], int], taken: list[int]) -> Callable[[Any], int]:
    """Note how many records each turn takes."""

    def noting(records: Any) -> int:
        taken.append(turn(records))
        return taken[-1]

    return noting


@pytest.mark.parametrize(
    ("took", "ago", "lap", "due"),
    [
        (0.01, 0.0, False, 0.05),
        (0.2, 0.0, False, 0.2),
        (0.2, 0.1, False, 0.1),
        (0.2, 0.3, False, 0.05),
        (5.0, 0.0, False, 1.0),
        (5.0, 0.0, True, 0.05),
    ],
)
def test_slow_commits_come_less_often(
    took: float,
    ago: float,
    lap: bool,  # noqa: FBT001
    due: float,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Where a commit takes long, more is gathered for the next, for a second at the most; but no lap waits for that."""
    monkeypatch.setattr(Fold, "scanning", lap)
    owner = Owner(World())
    owner._pending_since, owner._commit_takes = 100.0, took
    owner._committed_at = 100.0 - ago
    found = list[bool]()
    for now in (due - 0.01, due + 0.01):
        monkeypatch.setattr("streams.runtime.partition_owner.time.monotonic", partial(float, 100.0 + now))
        found.append(owner._commit_due())
    assert found == [False, True]


def test_the_owner_sleeps_until_a_commit_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not longer, though nothing arrives; where nothing is pending it looks around now and then."""
    slept = list[float]()

    async def sleep(waiting: Any, seconds: float) -> None:
        waiting.close()
        slept.append(seconds)

    monkeypatch.setattr("streams.runtime.partition_owner.asyncio.wait_for", sleep)
    monkeypatch.setattr("streams.runtime.partition_owner.time.monotonic", lambda: 100.03)
    owner = Owner(World())
    for since in (0.0, 100.0):
        owner._pending_since = since
        asyncio.run(owner._wait())
    assert slept == [partition_owner.IDLE_SECONDS, pytest.approx(partition_owner.COMMIT_SOON - 0.03)]


def test_one_slow_commit_is_no_reason_to_wait() -> None:
    """Only many in a row are; and some quick ones after them let the next come soon again."""
    owner = Owner(World())
    owner._took_to_commit(0.3)
    assert owner._commit_takes < partition_owner.COMMIT_SOON
    for _ in range(30):
        owner._took_to_commit(0.3)
    assert owner._commit_takes == pytest.approx(0.3, rel=0.05)
    for _ in range(30):
        owner._took_to_commit(0.01)
    assert owner._commit_takes < partition_owner.COMMIT_SOON


def test_chunks_wait_outside() -> None:
    """A partition is not read on while its owner has two chunks to work on."""
    nothing: Any = None
    owner = PartitionOwner(0, nothing, nothing)
    owner.ready = True
    for at in range(QUEUED_CHUNKS):
        assert owner.hungry
        owner.feed([record(START, at)])
    assert not owner.hungry
