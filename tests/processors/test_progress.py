"""How far groups have come: moving between 0 and 1 while contacts are asked, told seldom and to nobody else."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from processors import scans
from processors.budget import RECORD
from processors.progress import EVERY
from schemas.activity import Defined, Lapping, decode
from tests.processors.test_successor import supersede
from tests.processors.test_tenant import status
from tests.processors.world import SECOND, World

DINNER = {"event": "message", "any_of": ["dinner"]}
GUESTS = 40


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """Three partitions with forty guests, whose laps look at two contacts a tick."""
    made = World(3)
    made.tenant()
    for at in range(GUESTS):
        made.say("dinner", f"+62812345671{at:02}")
    monkeypatch.setattr(scans, "SLICE", RECORD + 1)
    return made


def shown(world: World, group: str = "g") -> list[tuple[str, Any]]:
    """Return what was shown of a group: status and progress."""
    return [(row["status"], row["progress"]) for row in world.values("groups") if row and row["id"] == group]


def rest(world: World, ms: int = SECOND) -> None:
    """Let time go on until all is quiet."""
    while any(fold.scanning for fold in world.folds):
        world.tick(ms)


def told(world: World, kind: type) -> Counter[int]:
    """Count, by second, the records of a kind in all partitions' logs."""
    at = [record.timestamp for log in world.logs for record in log if isinstance(decode(record.value), kind)]
    return Counter((timestamp - world.now) // SECOND for timestamp in at)


def test_it_moves_from_nothing_to_all(world: World) -> None:
    """A group that is building tells how much of the contacts was asked; one that is ready tells nothing."""
    world.must("group.create", {"id": "g", "rule": DINNER})
    rest(world)
    states = shown(world)
    moving = [progress for word, progress in states if word == "building"]
    assert moving == sorted(set(moving))
    assert len(moving) > 4
    assert (moving[0], states[-1]) == (0, ("ready", None))
    assert 0.9 > moving[len(moving) // 2] > 0.1
    assert all(0 <= progress < 1 for progress in moving)


def test_so_does_a_deletion(world: World) -> None:
    """A group that is being deleted tells how much of it has left."""
    world.group("g", DINNER)
    before = len(shown(world))
    world.must("group.delete", {"group": "g"})
    rest(world)
    moving = [progress for _, progress in shown(world)[before:]]
    assert moving == sorted(set(moving))
    assert (moving[0], len(moving) > 4, status(world, "g")) == (0, True, None)


def test_so_does_a_successor(world: World) -> None:
    """First the successor's own progress moves, with the group ready by its old rule, then the group's."""
    world.group("g", DINNER)
    before = len(world.values("groups"))
    supersede(world, {"event": "manual"}, "g")
    rest(world)
    rows = world.values("groups")[before:]
    building = [row["successor"]["progress"] for row in rows if row["successor"]]
    taking_over = [row["progress"] for row in rows if row["status"] == "building"]
    for moving in (building, taking_over):
        assert moving == sorted(moving)
        assert (moving[0], len(set(moving)) > 4) == (0, True)
    assert rows[-1]["status"] == "ready"


def test_it_costs_little(world: World) -> None:
    """A partition tells it twice a second at most; definitions are broadcast for the beginning alone."""
    before = told(world, Defined).total()
    world.must("group.create", {"id": "g", "rule": DINNER})
    rest(world, 20)
    assert told(world, Lapping).total() == len(world.folds)  # all within half a second
    assert told(world, Defined).total() - before == len(world.folds)
    assert len(shown(world)) <= 4
    assert EVERY == 500


def test_a_group_that_waits_for_the_next_lap_has_not_begun(world: World) -> None:
    """One that came while a lap was under way stays at 0 until that is over."""
    world.must("group.create", {"id": "g", "rule": DINNER})
    world.tick(SECOND)
    world.must("group.create", {"id": "later", "rule": DINNER})
    world.tick(SECOND)
    assert (shown(world)[-1][1] > 0.1, shown(world, "later")[-1]) == (True, ("building", 0))
    rest(world)
    assert len(shown(world, "later")) > 4


def test_words_change_without_a_step_back(world: World) -> None:
    """An update while a group is building leaves its progress as it is."""
    world.must("group.create", {"id": "g", "rule": DINNER})
    world.tick(SECOND)
    done = shown(world)[-1]
    world.must("group.update", {"group": "g", "name": "Dinner"})
    assert shown(world)[-1] == done
    assert world.tables["groups"]["bali/g"]["name"] == "Dinner"


def test_the_rows_of_before_are_counted_by_their_first_lap(world: World) -> None:
    """A partition that never counted its contacts says no more than that the lap is not over, and counts them by it."""
    for fold in world.folds:
        fold.scans.of.clear()
    world.must("group.create", {"id": "g", "rule": DINNER})
    world.tick(SECOND)
    assert shown(world)[-1] == ("building", 0.999)
    rest(world)
    assert sum(fold.scans.of["bali"].total for fold in world.folds) == GUESTS
    world.say("dinner", "+6281234567000")
    world.tick()
    assert sum(fold.scans.of["bali"].total for fold in world.folds) == GUESTS + 1
