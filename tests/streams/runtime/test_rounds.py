"""The loop of a worker: turns by turns, and commits of all partitions between them."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from processors.budget import RECORD
from processors.state import MemoryStore
from streams.runtime import pace, rounds
from streams.runtime.pace import Pace
from tests.processors.world import START
from tests.streams.runtime.owners import Worker, tick


def ticks(count: int, first: int = 0) -> list[Any]:
    """Return a chunk."""
    return [tick(START, offset) for offset in range(first, first + count)]


def worker_of(count: int) -> Worker:
    """Return a worker with so many empty partitions."""
    return Worker(*[MemoryStore() for _ in range(count)])


async def test_a_commit_is_of_all_partitions() -> None:
    """What several have done by then is committed at once; who has done nothing is not named."""
    worker = worker_of(3)
    worker.owners[0].feed(ticks(5))
    worker.owners[2].feed(ticks(7))
    await worker.go()
    assert worker.transactions.commits == [{0: 5, 2: 7}]


async def test_owners_take_turns(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who has much to do does not hold up who has little: that one is done after one turn of the other."""
    worker = worker_of(2)
    long, short = worker.owners[0], worker.owners[1]
    for owner in (long, short):
        monkeypatch.setattr(owner.fold, "turn", 10 * RECORD)
    seen = list[int]()
    monkeypatch.setattr(short, "turn", _after(lambda: seen.append(long.position), short.turn))
    long.feed(ticks(100))
    short.feed(ticks(10))
    await worker.go()
    assert seen == [10]
    assert (long.position, short.position) == (100, 10)


def _after(note: Any, turn: Any) -> Any:
    def noting() -> Any:
        note()
        return turn()

    return noting


async def test_nobody_folds_while_a_commit_is_under_way() -> None:
    """What was flushed is not on disk before the commit is done: a fold that went on would miss it."""
    worker = worker_of(2)
    worker.transactions.may_end.clear()
    worker.owners[0].feed(ticks(5))
    going = asyncio.create_task(worker.go())
    await asyncio.sleep(4 * pace.SOON)  # the commit has begun: nothing tells
    worker.owners[1].feed(ticks(3))
    await asyncio.sleep(4 * pace.SOON)
    assert worker.owners[1].position == 0
    worker.transactions.may_end.set()
    await going
    assert worker.transactions.commits == [{0: 5}, {1: 3}]


async def test_it_ends_after_the_turn_at_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    """Told to end it goes on with nobody; what is done can then be committed."""
    worker = worker_of(2)
    for owner in worker.owners.values():
        monkeypatch.setattr(owner.fold, "turn", 10 * RECORD)
        owner.feed(ticks(100))
    monkeypatch.setattr(worker.owners[0], "turn", _after(worker.rounds.end, worker.owners[0].turn))
    await worker.rounds.run()
    await worker.rounds.commit()
    assert worker.transactions.commits == [{0: 10}]


async def test_nothing_to_commit() -> None:
    """Where nothing is pending there is no transaction."""
    worker = worker_of(1)
    await worker.rounds.commit()
    assert worker.transactions.commits == []


async def test_it_sleeps_until_a_commit_is_due(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not longer, though nothing arrives; where nothing is pending it looks around now and then."""
    slept = list[float]()

    async def sleep(waiting: Any, seconds: float) -> None:
        waiting.close()
        slept.append(seconds)

    monkeypatch.setattr("streams.runtime.rounds.asyncio.wait_for", sleep)
    now = [100.0]
    own = Pace(lambda: now[0])
    worker = Worker(MemoryStore(), pace=own)
    await worker.rounds._wait()
    own.add()
    now[0] += pace.SOON / 4
    await worker.rounds._wait()
    assert slept == [rounds.IDLE_SECONDS, pytest.approx(pace.SOON * 3 / 4)]
