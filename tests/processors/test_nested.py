"""Groups of groups: they follow what they name, in the same record and at the same moment."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from processors import rules, scans
from processors.group_leaf import GroupLeaf
from processors.leaf import FOR_EVER
from processors.outlook import SPELLS, spells
from processors.rows import Add, Pins, Row
from tests.processors.test_rules import compiled
from tests.processors.world import DAY, HOUR, MADE, START, World, iso

DINNER = {"event": "message", "any_of": ["dinner"], "within": "P1D"}
VIP = {"contact": "tags", "has_any": ["vip"]}


@pytest.fixture
def world() -> World:
    """A world with a tenant."""
    made = World()
    made.tenant()
    return made


def test_a_group_follows_the_group_that_it_names(world: World) -> None:
    """It joins and leaves in the same record, with reason group and the named group as evidence."""
    world.group("z", DINNER)
    world.group("a", {"group": "z"})
    world.say("dinner", id_="m1")
    inner, outer = world.changes()
    assert (inner["group"], outer["group"], outer["reason"], outer["evidence"]) == ("z", "a", "group", "z")
    assert outer["cause"] == inner["cause"]
    assert inner["expires_at"] == outer["expires_at"] == iso(START + DAY)[:-5] + "Z"
    world.say("lunch", id_="m1", revision=2)
    assert world.flips()[2:] == [("z", "left", "retracted"), ("a", "left", "retracted")]


def test_time_flips_both_at_the_same_moment(world: World) -> None:
    """At the inner group's end the outer one leaves, and one that wants it not joins."""
    world.group("z", DINNER)
    world.group("a", {"group": "z"})
    world.group("b", {"none": [{"group": "a"}]})
    world.say("dinner")
    assert world.flips() == [("z", "joined", "message"), ("a", "joined", "group")]
    world.tick(2 * DAY)
    assert world.flips()[2:] == [("z", "left", "expired"), ("a", "left", "expired"), ("b", "joined", "time")]
    assert {change["effective_at"] for change in world.changes()[2:]} == {iso(START + DAY)[:-5] + "Z"}


def test_levels_settle_in_order_and_without_flicker(world: World) -> None:
    """However the names sort, nobody joins and leaves again in one record."""
    world.group("m", DINNER)
    world.group("b", {"group": "m"})
    world.group("c", {"all": [DINNER, {"none": [{"group": "b"}]}]})
    world.group("a", {"any": [{"group": "c"}, {"all": [{"group": "b"}, {"group": "m"}]}]})
    world.say("dinner")
    assert world.flips() == [("m", "joined", "message"), ("b", "joined", "group"), ("a", "joined", "group")]


def test_an_extension_of_the_inner_group_moves_the_outer_ones_end(world: World) -> None:
    """expires_at takes the inner group's new end into account, without a change."""
    world.group("z", DINNER)
    world.group("a", {"group": "z"})
    world.say("dinner")
    world.tick(HOUR)
    world.say("dinner")
    rows = world.tables["memberships"].values()
    assert {row["expires_at"] for row in rows} == {iso(START + DAY + HOUR)[:-5] + "Z"}
    assert len(world.changes()) == 2
    world.pin("add", "z", expires_at=iso(START + 3 * DAY))
    assert {row["expires_at"] for row in rows} == {iso(START + 3 * DAY)[:-5] + "Z"}


def test_pins_reach_through(world: World) -> None:
    """An add to the named group joins both; a remove from the outer one holds against the rule."""
    world.group("z")
    world.group("a", {"group": "z"})
    world.pin("add", "z")
    world.tick(1)
    world.pin("remove", "a")
    assert world.outcomes()[-1] == ("applied", None)
    world.tick(1)
    world.pin("remove", "z")
    world.tick(1)
    world.pin("add", "z")
    assert world.members("a") == []
    world.pin("clear_pin", "a")
    assert world.members("a") == [f"tel:{MADE}"]
    assert world.outcomes()[-1] == ("applied", None)


def test_tags_reach_through_levels(world: World) -> None:
    """A tag joins the group that reads it, the group of that group, and so on."""
    world.group("vip", VIP)
    world.group("suite", {"all": [{"group": "vip"}, {"event": "booking"}]})
    world.group("card", {"group": "suite"})
    world.book("b1")
    world.must("contact.tag", {"contacts": [{"phone": MADE}], "tags": ["vip"]})
    assert world.flips() == [(group, "joined", why) for group, why in
                             (("vip", "attribute"), ("suite", "group"), ("card", "group"))]  # fmt: skip
    assert {change["origin"] for change in world.changes()} == {"live"}


def test_new_groups_are_answered_from_those_that_are_there(world: World) -> None:
    """A backfill goes level by level, also when a change of zone asks all of them again; deletion from the top."""
    world.say("dinner")
    world.book("b1", check_out="2026-11-05")
    world.group("z", {"event": "booking", "within": "P1D"})
    world.group("a", {"group": "z"})
    world.group("0", {"group": "a"})
    assert [change["origin"] for change in world.changes()] == ["backfill"] * 3
    world.tenant(zone="America/New_York")
    world.rest()
    assert len({row["expires_at"] for row in world.tables["memberships"].values()}) == 1
    assert len(world.changes()) == 3
    for group in ("z", "a", "0", "a", "z"):
        world.must("group.delete", {"group": group})
        world.rest()
    assert [said[1] for said in world.outcomes()[-5:]] == ["group_in_use", "group_in_use", None, None, None]
    assert world.flips()[3:] == [(group, "left", "group_deleted") for group in ("0", "a", "z")]


@pytest.mark.parametrize("partitions", [1, 3])
def test_deleting_one_after_the_other(monkeypatch: pytest.MonkeyPatch, partitions: int) -> None:
    """A group that is being deleted holds none that it names: the log's order decides, not how far the laps are."""
    world = World(partitions)
    world.tenant()
    world.group("z", DINNER)
    world.group("a", {"any": [{"group": "z"}, {"event": "rating"}]})
    guests = [f"+62812345671{at:02}" for at in range(12)]
    for guest in guests:
        world.say("dinner", guest)
    monkeypatch.setattr(scans, "SLICE", 1)
    world.must("group.delete", {"group": "a"})
    world.must("group.delete", {"group": "z"})
    assert world.outcomes()[-2:] == [("applied", None)] * 2
    world.restart()
    world.rest()
    assert world.tables["memberships"] == {}
    assert world.tables["groups"] == {}
    left = [flip for flip in world.flips() if flip[1:] == ("left", "group_deleted")]
    assert sorted(left) == [("a", "left", "group_deleted")] * 12 + [("z", "left", "group_deleted")] * 12


def test_a_group_that_is_gone_cannot_be_named() -> None:
    """A new rule that names it is refused."""
    world = World(3)
    world.tenant()
    world.group("z", DINNER)
    world.must("group.delete", {"group": "z"})
    world.group("a", {"group": "z"})
    assert world.outcomes()[-1] == ("skipped", "group_unknown")


def test_restarts_change_nothing(world: World) -> None:
    """Definitions loaded in any order stand on the same levels."""
    world.group("z", DINNER)
    world.group("a", {"group": "z"})
    world.group("0", {"group": "a"})
    world.say("dinner")
    world.restart()
    world.tick(2 * DAY)
    assert world.members("0") == []
    world.restart()
    world.say("dinner")
    assert world.members("0") == [f"tel:{MADE}"]


def test_spells_of_a_membership() -> None:
    """As far as no fact changes them; sticky ends with the first truth; too many turns are looked at again."""
    rule = compiled({"event": "booking", "stay": "current"})
    entries = [[START + at * DAY, START + at * DAY + HOUR, 1, "0"] for at in range(3)]
    row = Row(memos=[entries])
    once = [[START + at * DAY, START + at * DAY + HOUR] for at in range(3)]
    assert spells(rule, row, START - 1, sticky=False) == once
    assert spells(rule, row, START, sticky=False) == [[0, START + HOUR], *once[1:]]
    assert spells(rule, row, START - 1, sticky=True) == [[START, FOR_EVER]]
    row.pins = Pins(adds={"flow": Add(START - DAY, "c", START + DAY)})
    assert spells(rule, row, START - 1, sticky=False) == [[0, START + DAY + HOUR], once[2]]
    row = Row(memos=[[[START + at * DAY, START + at * DAY + HOUR, 1, "0"] for at in range(400)]])
    assert (GroupLeaf("z").end(once), GroupLeaf("z").end([])) == (once[2][1], 0)
    many = spells(rule, row, START - 1, sticky=False)
    assert many[-1] == 2 * [START + SPELLS * DAY]
    assert len(many) == SPELLS + 1
    assert all(one[1] <= two[0] for one, two in pairwise(many))


def test_many_turns_of_the_inner_group_are_followed(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the turns looked through end, the outer group is looked at again, and nothing is missed."""
    monkeypatch.setattr(rules, "LOOK_AHEAD", 3)
    world.group("z", {"event": "booking", "stay": "current"})
    world.group("a", {"group": "z"})
    for at in range(6):
        stay: dict[str, Any] = {"check_in": f"2026-11-{5 + at * 2:02}", "check_out": f"2026-11-{6 + at * 2:02}"}
        world.book(f"b{at}", **stay)
    world.tick(30 * DAY)
    flips = {name: [f[1] for f in world.flips() if f[0] == name] for name in ("z", "a")}
    assert flips["z"] == flips["a"] == ["joined", "left"] * 6


def test_sticky_groups_of_groups(world: World) -> None:
    """Once in by the named group, never out by it; the named one may be sticky too."""
    world.group("z", DINNER)
    world.group("stuck", {"group": "z"}, sticky=True)
    world.group("a", {"group": "stuck"})
    world.say("dinner")
    world.tick(2 * DAY)
    assert (world.members("z"), world.members("stuck")) == ([], [f"tel:{MADE}"])
    assert world.members("a") == [f"tel:{MADE}"]
    assert {row["expires_at"] for row in world.tables["memberships"].values()} == {None}


def test_the_order_of_what_ends_at_once_after_a_restart(world: World) -> None:
    """Whoever takes over knows who names whom before any time has passed: the named group ends first."""
    world.group("z", {"all": [{"event": "rating"}, DINNER]})
    world.group("a", {"any": [{"group": "z"}, {"group": "z"}]})
    world.must("tenant.put", {"region": "ID", "zone": "UTC"})
    world.rest()
    world.rate(5, "r1")
    world.say("dinner")
    world.restart()
    world.tick(2 * DAY)
    assert world.flips()[2:] == [("z", "left", "expired"), ("a", "left", "expired")]
