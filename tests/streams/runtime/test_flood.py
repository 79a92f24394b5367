"""An owner's memory under a flood: deadlines fire, and commits come, some at a time; chunks wait outside."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from processors.budget import RECORD, SETTLED, TURN
from streams.runtime import pace
from streams.runtime.partition_owner import QUEUED_CHUNKS
from tests.processors.test_bounds import DINNER, PHONES
from tests.processors.world import HOUR, START, World
from tests.streams.runtime.owners import Worker, tick

FIRED, COMMIT = 10, 30
FIRES = RECORD + SETTLED
"""What the deadline of one guest takes who is in one group."""


def left(worker: Worker) -> int:
    """Count who left."""
    return sum(b'"left"' in change for change in worker.said.changes)


def test_deadlines_of_one_millisecond(monkeypatch: pytest.MonkeyPatch) -> None:
    """They fire before the record that is later, with commits in between, and no commit holds more than its share."""
    monkeypatch.setattr(pace, "WORK", COMMIT * FIRES)
    worker = Worker(flooded().stores[0])
    owner = worker.owners[0]
    owner.fold.turn = FIRED * FIRES
    owner.feed([tick(START, 0), tick(START + 3 * HOUR, 1)])
    held = list[int]()
    monkeypatch.setattr(owner, "flush", _noting(lambda: held.append(len(owner.fold.desk.dirty)), owner.flush))
    asyncio.run(worker.go())
    assert left(worker) == len(PHONES)
    assert len(worker.transactions.commits) >= len(PHONES) // (COMMIT + FIRED)
    assert max(held) <= COMMIT + FIRED
    assert owner.position == 2


def _noting(note: Callable[[], None], step: Callable[[], Any]) -> Callable[[], Any]:
    """Note something before a step."""

    def noted() -> Any:
        note()
        return step()

    return noted


def test_heavy_records_are_committed_in_between(monkeypatch: pytest.MonkeyPatch) -> None:
    """A chunk whose records take long is not one commit: its transaction would run out of time."""
    monkeypatch.setattr(pace, "WORK", 3 * RECORD)
    worker = Worker(World().stores[0])
    owner = worker.owners[0]
    owner.fold.turn = RECORD
    owner.feed([tick(START, at) for at in range(10)])
    asyncio.run(worker.go())
    assert owner.position == 10
    assert [positions[0] for positions in worker.transactions.commits] == [3, 6, 9, 10]


def flooded() -> World:
    """Have all guests be due in one millisecond."""
    world = World()
    world.tenant()
    world.group("g", DINNER)
    for phone in PHONES:
        world.say("dinner", phone=phone)
    return world


@pytest.mark.parametrize(("turn", "turns"), [(TURN, 1), (FIRED * FIRES, len(PHONES) // FIRED + 1)])
def test_a_few_deadlines_do_not_cut_a_slice(monkeypatch: pytest.MonkeyPatch, turn: int, turns: int) -> None:
    """They fire between its records all the same, each before what is later; of many, some go out in between."""
    ticks = [tick(START + 2 * HOUR + (at - 5) * 1000, at) for at in range(11)]
    worker = Worker(flooded().stores[0])
    owner = worker.owners[0]
    owner.fold.turn = turn
    taken = list[int]()
    monkeypatch.setattr(owner.fold, "take_turn", _noted(owner.fold.take_turn, taken))
    owner.feed(ticks)
    asyncio.run(worker.go())
    assert (left(worker), len(taken), sum(taken)) == (len(PHONES), turns, len(ticks))


def _noted(turn: Callable[[Any], int], taken: list[int]) -> Callable[[Any], int]:
    """Note how many records each turn takes."""

    def noting(records: Any) -> int:
        taken.append(turn(records))
        return taken[-1]

    return noting


def test_chunks_wait_outside() -> None:
    """A partition is not read on while its owner has two chunks to work on."""
    owner = Worker(World().stores[0]).owners[0]
    for at in range(QUEUED_CHUNKS):
        assert owner.hungry
        owner.feed([tick(START, at)])
    assert not owner.hungry
