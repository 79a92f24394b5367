"""Laws of work that is cut: whatever a record asks for goes on in slices, and what comes of it is the same."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors import scans, sweep
from processors.budget import FACT, RECORD, SLICE, TURN, Budget
from tests.processors import test_link_laws
from tests.processors.test_bounds import TICK
from tests.processors.test_laws import (
    PUT,
    Step,
    bookings,
    creations,
    definitions,
    deletions,
    facts,
    law,
    messages,
    play,
    ratings,
    says_the_same_however_cut,
    sendable,
    start,
    steps,
    table,
)
from tests.processors.world import DAY, MADE, SECOND, START, World, commit

slices = st.sampled_from([1, 5, 20, 60])
"""Units of work: of a few facts or groups, so that hardly any record fits."""
linked = st.one_of(test_link_laws.anything, deletions)
told = st.one_of(messages, messages, ratings, bookings)


def changes(world: World) -> dict[str, list[dict[str, Any]]]:
    """Return what was told of each contact, in its order; within a record the groups come in any."""
    of = defaultdict(list)
    for change in world.changes():
        of[change["contact"]].append(change)
    return {who: sorted(of[who], key=lambda one: (one["group"], one["seq"])) for who in sorted(of)}


def ends(world: World) -> tuple[Any, ...]:
    """Return all that can be read in the end."""
    return table(world), sendable(world), world.tables["contacts"], changes(world)


@law(60)
@given(steps(st.one_of(facts, facts, facts, deletions, definitions)), steps(creations, 4), slices, slices)
def test_slices_change_nothing(history: list[Step], groups: list[Step], slice_: int, turn: int) -> None:
    """Memberships, contacts and each change are those of a log whose records are each taken in at once."""
    whole, cut = start(), start(budget=Budget(turn, slice_))
    for world in (whole, cut):
        play(world, [PUT, *groups, *history])
    assert ends(cut) == ends(whole)


@law(60)
@given(steps(linked), steps(creations, 4), slices, st.sampled_from([1, 3]))
def test_slices_change_no_merge(history: list[Step], groups: list[Step], slice_: int, partitions: int) -> None:
    """So are those of guests who are linked, renamed, handed over and erased."""
    whole, cut = start(partitions), start(partitions, budget=Budget(slice=slice_))
    for world in (whole, cut):
        play(world, [PUT, *groups, *history])
    assert ends(cut) == ends(whole)


@law(60)
@given(steps(told), steps(creations, 4), slices, st.sampled_from([1, 3]))
def test_what_waits_is_taken_in_as_it_came(
    history: list[Step], groups: list[Step], slice_: int, partitions: int
) -> None:
    """Records that come while a job is under way end as if there had been none, deadlines between them too."""
    whole, cut = start(partitions), start(partitions, budget=Budget(slice=slice_))
    for world in (whole, cut):
        play(world, [PUT, *groups])
        play(world, history, rest=False)
    assert ends(cut) == ends(whole)


@law(60)
@given(steps(st.one_of(linked, linked, definitions)), steps(creations, 3), slices, st.data())
def test_cuts_change_nothing(history: list[Step], groups: list[Step], slice_: int, data: Any) -> None:
    """However a log with jobs under way is cut, with commits and restarts, the same is said in the same order."""
    world = start(budget=Budget(data.draw(slices), slice_))
    play(world, [PUT, *groups, *history], rest=False)
    says_the_same_however_cut(world, data)


DINNER = {"event": "message", "any_of": ["dinner"], "within": "P1D"}
OTHER, RENAMED = "+4915123456789", "+6281999999999"
HEAVY, GROUPS = 60, 12
SHARE = 50
"""Units of work in a slice: a dozen of the messages of the guest who has sixty."""


def heavy(budget: Budget) -> World:
    """Have a guest of many messages and bookings, of whom new groups are to be asked."""
    world = World(budget=budget)
    world.tenant()
    for at in range(HEAVY):
        world.say("dinner", time=START - at * SECOND)
        world.book(f"b{at}", time=START - at * SECOND)
    world.say("dinner", phone=OTHER)
    return world


def asked(world: World) -> None:
    """Publish all that asks for much of that guest, and have none of it applied yet."""
    events: list[tuple[str, dict[str, Any]]] = [
        *(("group.create", {"id": f"g{at}", "name": f"g{at}", "rule": DINNER}) for at in range(GROUPS)),
        ("rating", {"rating_id": "l", "stars": 5, "guest": {"phone": MADE, "email": "made@example.com"}}),
        ("group.add", {"group": "g0", "contacts": [{"phone": f"+62812345{at:05}"} for at in range(30)]}),
        ("contact.rename", {"contact": {"phone": MADE}, "phone": RENAMED}),
        ("contact.delete", {"contact": {"phone": RENAMED}, "erase": True}),
    ]
    for kind, data in events:
        for keyed in world.keyed(world.event(kind, data)):
            world.append(keyed.key, keyed.value)


def turns(world: World, restart: int = 0) -> list[int]:
    """Go on turn by turn until all is quiet, with a commit and a new owner after each `restart`; return their work."""
    spent, fold = list[int](), world.folds[0]
    while world.read[0] < len(world.logs[0]) or fold.scanning:
        if world.read[0] == len(world.logs[0]):
            world.append(TICK.key, TICK.value, 0)
        world.read[0] += fold.take_turn(world.logs[0][world.read[0] : world.read[0] + 250])
        spent.append(fold.desk.spent)
        commit(fold, world.stores[0])
        for out in fold.desk.take():
            world.hear(out, 0)
        if restart and len(spent) % restart == 0:
            world.restart()
            (fold,) = world.folds
        assert len(spent) < 20_000, "it goes on for ever"
    return spent


def test_no_turn_takes_longer_than_its_share() -> None:
    """Nothing that is asked of a guest with many facts holds up the partition: definitions, a merge, the end."""
    world = heavy(Budget(SHARE, SHARE))
    asked(world)
    laps, indivisible = 10_000, 4 * RECORD * GROUPS
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scans, "SLICE", SHARE)
        patch.setattr(sweep, "SWEPT", SHARE)
        assert max(turns(world)) <= 4 * SHARE + indivisible < laps


@pytest.mark.parametrize("restart", [1, 2, 7])
def test_who_ends_in_mid_work_gets_further(restart: int) -> None:
    """An owner that ends after every few turns comes to an end all the same, and to the same one."""
    once, again = (heavy(Budget(SHARE, SHARE)) for _ in range(2))
    for world, each in ((once, 0), (again, restart)):
        asked(world)
        turns(world, each)
    assert ends(again) == ends(once)
    assert not [key for key in again.stores[0].rows if key[:1] in b"JW"]


def test_others_are_served_while_a_job_is_under_way() -> None:
    """A guest of another name is answered in the next turn, however much is asked of one."""
    world = heavy(Budget(slice=SHARE))
    world.must("group.create", {"id": "g", "name": "g", "rule": DINNER})
    world.say("dinner")
    (fold,) = world.folds
    assert list(fold.jobs.of) == [f"bali/tel:{MADE}".encode()]
    world.say("dinner", phone=RENAMED)
    assert f"tel:{RENAMED}" in world.members("g")
    assert f"tel:{MADE}" not in world.members("g")
    world.rest()
    assert world.members("g") == sorted(f"tel:{phone}" for phone in (MADE, OTHER, RENAMED))


def test_a_deadline_waits_for_the_job_of_its_contact() -> None:
    """And happens then as of its own moment, before what came after it."""
    world = heavy(Budget(slice=SHARE))
    world.group("g", {**DINNER, "within": "PT2H"})
    world.must("group.create", {"id": "h", "name": "h", "rule": DINNER})
    world.say("hello")
    world.tick(2 * DAY)
    world.say("dinner")
    world.rest()
    flips = [flip for flip in world.flips() if flip[0] == "g"][-3:]
    assert [change for _, change, _ in flips].count("left") >= 1
    assert f"tel:{MADE}" in world.members("g")


def test_shares_fit_into_fifty_milliseconds() -> None:
    """A tick at the end of a turn goes on with jobs, laps and the sweep."""
    assert TURN + SLICE + scans.SLICE + FACT * sweep.SWEPT <= 50_000
