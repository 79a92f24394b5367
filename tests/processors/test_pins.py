"""Adds, removes and clears by hand."""

from __future__ import annotations

from copy import deepcopy
from itertools import permutations
from typing import Any

import pytest

from tests.processors.world import DAY, HOUR, MADE, SECOND, START, World, iso

DINNER = {"event": "message", "any_of": ["dinner"], "within": "P1D"}


@pytest.fixture
def world() -> World:
    """A world with a group by rule and one by hand."""
    made = World()
    made.tenant()
    made.group("g", DINNER)
    made.group("vip")
    return made


def test_the_newest_word_wins_in_any_order(world: World) -> None:
    """Add, remove, add for a while: the same members whatever order they come in."""
    commands: list[tuple[str, dict[str, Any]]] = [
        ("add", {"time": START - 3 * HOUR}),
        ("remove", {"time": START - 2 * HOUR}),
        ("add", {"time": START - HOUR, "reason": "flow", "expires_at": iso(START + HOUR)}),
    ]
    for order in permutations(commands):
        other = World()
        other.tenant()
        other.group("vip")
        for kind, more in order:
            other.pin(kind, "vip", **more)
        (row,) = other.tables["memberships"].values()
        assert (row["sources"], row["expires_at"]) == (["flow"], iso(START + HOUR)[:-5] + "Z")
        other.tick(HOUR)
        assert other.members("vip") == []


def test_a_tie_is_decided_by_id_then_source(world: World) -> None:
    """Commands of one moment: the greater id wins, then the greater source, whatever the order."""
    for first, second in (("add", "remove"), ("remove", "add")):
        other = World()
        other.tenant()
        other.group("vip")
        other.pin(first, "vip", id="x", source="a" if first == "add" else "b", time=START)
        other.pin(second, "vip", id="x", source="a" if second == "add" else "b", time=START)
        assert other.members("vip") == []


def test_an_add_that_has_ended_already_still_counts_as_the_newer_word(world: World) -> None:
    """It is skipped as expired, yet an older add without an end does not outlive it."""
    world.pin("add", "vip", time=START - 2 * HOUR)
    world.pin("add", "vip", time=START - HOUR, expires_at=iso(START - SECOND))
    assert world.members("vip") == []
    world.pin("add", "vip", "+4915123456789", time=START - HOUR, expires_at=iso(START - SECOND))
    assert world.outcomes()[-1] == ("skipped", "expired")


def test_outcomes_tell_what_changed(world: World) -> None:
    """Applied, already a member, repeated, older than what is known, already in force, no such group."""
    world.pin("add", "vip", id="c1")
    world.pin("add", "vip", id="c1")
    world.pin("add", "vip", id="c2")
    world.pin("remove", "vip", id="c0", time=START - HOUR)
    world.pin("add", "vip", id="c00", time=START - 2 * HOUR)
    world.pin("clear_pin", "vip", id="d1")
    world.pin("clear_pin", "vip", id="d2")
    world.pin("clear_pin", "vip", id="d2")
    world.pin("add", "nobody")
    assert world.outcomes()[3:] == [
        ("applied", None),
        ("unchanged", "repeated"),
        ("unchanged", "already_member"),
        ("unchanged", "already_in_force"),
        ("skipped", "newer_known"),
        ("applied", None),
        ("unchanged", "already_in_force"),
        ("unchanged", "repeated"),
        ("skipped", "group_unknown"),
    ]


def test_a_pin_holds_out_until_it_is_cleared(world: World) -> None:
    """No message brings a removed guest back; a clear does what the rule says, an import ends the pin."""
    world.say("dinner")
    world.pin("remove", "g", reason="flow")
    world.say("dinner")
    assert world.members("g") == []
    world.tick(1)
    world.pin("clear_pin", "g")
    assert world.flips() == [("g", "joined", "message"), ("g", "left", "flow"), ("g", "joined", "message")]


def test_an_added_source_outlives_the_rule(world: World) -> None:
    """When the window ends, the add holds: sources change, seq does not."""
    world.say("dinner")
    world.pin("add", "g", reason="import")
    world.tick(DAY)
    (row,) = world.tables["memberships"].values()
    assert (row["sources"], row["seq"], row["expires_at"]) == (["import"], 1, None)


def test_a_pin_on_its_way_to_a_group_that_is_being_deleted(world: World) -> None:
    """A contact told to join a group that goes meanwhile says group_unknown."""
    log, fold = world.logs[0], world.folds[0]
    world.pin("add", "vip")
    pinned = log[-1]
    world.must("group.delete", {"group": "vip"})
    world.rest()
    fold.apply([pinned])
    assert b"group_unknown" in (fold.desk.out[-1].value or b"")
    fold.desk.out.clear()


def test_who_is_only_added_by_hand_has_that_as_source(world: World) -> None:
    """A contact's source is the reason of the add until an event tells better."""
    world.pin("add", "vip", reason="import")
    assert (world.contact()["source"], world.contact()["customer_since"]) == ("import", None)
    world.say("hello", source="whatsapp")
    assert world.contact()["source"] == "whatsapp"
    assert world.members("vip") == [f"tel:{MADE}"]


REPEATS: list[tuple[str, dict[str, Any], str, dict[str, Any]]] = [
    ("group.add", {"group": "vip"}, "group.remove", {"group": "vip"}),
    ("group.remove", {"group": "g"}, "group.clear_pin", {"group": "g"}),
    ("consent.opt_in", {}, "consent.opt_out", {}),
    ("consent.opt_out", {"scope": "g"}, "consent.opt_in", {"scope": "g"}),
    ("contact.tag", {"tags": ["x"]}, "contact.untag", {"tags": ["x"]}),
]


@pytest.mark.parametrize(("kind", "data", "undo", "undone"), REPEATS, ids=[kind for kind, *_ in REPEATS])
def test_a_command_that_comes_again_changes_nothing(
    world: World, kind: str, data: dict[str, Any], undo: str, undone: dict[str, Any]
) -> None:
    """Though it names the time of its second attempt, behind another that undid it, and after a restart."""
    guest = {"contacts": [{"phone": MADE}]}
    world.say("dinner")
    world.must(kind, guest | data, id="once")
    world.tick(SECOND)
    world.must(undo, guest | undone)
    world.restart()
    world.tick(SECOND)
    before = (
        deepcopy(world.tables["memberships"]),
        deepcopy(world.tables["contacts"]),
        len(world.values("membership-changes")),
    )
    world.must(kind, guest | data, id="once")
    assert world.outcomes()[-1] == ("unchanged", "repeated")
    after = world.tables["memberships"], world.tables["contacts"], len(world.values("membership-changes"))
    assert before == after


def test_a_deletion_that_comes_again_ends_nothing(world: World) -> None:
    """Nor does an upsert, or an add after its group was made anew."""
    world.pin("add", "vip", id="add")
    world.must("contact.upsert", {"contact": {"phone": MADE, "language": "id"}}, id="write")
    world.must("contact.delete", {"contact": {"phone": MADE}}, id="end")
    world.must("group.delete", {"group": "vip"})
    world.rest()
    world.group("vip")
    world.tick(SECOND)
    world.say("dinner")
    world.must("contact.delete", {"contact": {"phone": MADE}}, id="end")
    world.must("contact.upsert", {"contact": {"phone": MADE, "language": "id"}}, id="write")
    world.pin("add", "vip", id="add")
    assert world.outcomes()[-3:] == [("unchanged", "repeated")] * 3
    assert (world.members("g"), world.members("vip")) == ([f"tel:{MADE}"], [])
    assert world.contact()["language"] is None
    world.pin("add", "vip", id="add", source="another")
    assert world.members("vip") == [f"tel:{MADE}"]
