"""An owner's memory under a flood: deadlines fire, and commits come, some at a time; chunks wait outside."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from processors.fold import Fold
from schemas.activity import Tick, encode
from streams.runtime import partition_owner
from streams.runtime.partition_owner import QUEUED_CHUNKS, PartitionOwner
from tests.processors.test_bounds import DINNER, PHONES
from tests.processors.world import HOUR, START, World, commit

FIRED, COMMIT = 10, 30


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
        out = self.fold.desk.out
        self.held["out"] = max(self.held["out"], len(out))
        self.left += sum(b'"left"' in (one.value or b"") for one in out if one.topic == "membership-changes")
        out.clear()

    async def commit(self) -> Any:
        """Commit to memory."""
        self.held["rows"] = max(self.held["rows"], len(self.fold.desk.dirty))
        commit(self.fold, self.rows)
        self.fold.desk.out.clear()
        self._pending_since, self._pending_records = 0.0, 0
        self.commits += 1


def record(at: int, offset: int) -> Any:
    """Make a tick as the consumer gives it."""
    return SimpleNamespace(key=b"tick", value=encode(Tick(-1, 0, 0, 0)), timestamp=at, offset=offset)


def test_deadlines_of_one_millisecond(monkeypatch: pytest.MonkeyPatch) -> None:
    """They fire before the record that is later, with commits in between, and no commit holds more than its share."""
    monkeypatch.setattr(partition_owner, "FIRED", FIRED)
    monkeypatch.setattr(partition_owner, "COMMIT_RECORDS", COMMIT)
    world = World()
    world.tenant()
    world.group("g", DINNER)
    for phone in PHONES:
        world.say("dinner", phone=phone)
    owner = Owner(world)
    asyncio.run(owner._take([record(START, 0), record(START + 3 * HOUR, 1)]))
    assert owner.left == len(PHONES)
    assert owner.commits >= len(PHONES) // COMMIT
    assert owner.held["out"] <= FIRED
    assert owner.held["rows"] <= COMMIT + FIRED
    assert owner.position == 2


def test_chunks_wait_outside() -> None:
    """A partition is not read on while its owner has two chunks to work on."""
    nothing: Any = None
    owner = PartitionOwner(0, nothing, nothing)
    owner.ready = True
    for at in range(QUEUED_CHUNKS):
        assert owner.hungry
        owner.feed([record(START, at)])
    assert not owner.hungry
