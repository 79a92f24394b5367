"""Consent by command: who may be written to, what is told of it, and what ends it."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from processors.consent import REMEMBERED, lay
from processors.rows import Pins, Said
from tests.processors.world import DAY, HOUR, MADE, SECOND, START, World

DINNER = {"event": "message", "any_of": ["dinner"], "within": "P1D"}


@pytest.fixture
def world() -> World:
    """A world with a group by rule, of which Made is a member, and one by hand."""
    made = World()
    made.tenant()
    made.group("g", DINNER)
    made.group("vip")
    made.say("dinner", time=START - DAY + HOUR)
    return made


def sendable(world: World) -> dict[str, bool]:
    """Who may be written to: by group, and as a contact."""
    rows = {row["group"]: row["sendable"] for row in world.tables["memberships"].values()}
    return {**rows, "": world.contact()["sendable"]}


def test_opting_out_of_everything_changes_no_membership(world: World) -> None:
    """The contact and all its rows say at once that they are not sendable, with the same seq; an opt-in ends that."""
    world.pin("add", "vip", time=START - HOUR)
    world.consent("opt_out", evidence="called")
    assert sendable(world) == {"g": False, "vip": False, "": False}
    assert world.flips() == [("g", "joined", "message"), ("vip", "joined", "manual")]
    assert {row["seq"] for row in world.tables["memberships"].values()} == {1}
    world.tick(1)
    world.consent("opt_in")
    assert sendable(world) == {"g": True, "vip": True, "": True}
    out, back = world.consents()
    assert (out["type"], back["type"]) == ("contact.suppressed", "contact.restored")
    assert out["subject"] == out["data"]["contact"] == f"tel:{MADE}"
    assert (out["data"]["seq"], out["data"]["scope"], out["data"]["evidence"]) == (1, "all", "called")
    assert (back["data"]["seq"], out["id"] != back["id"]) == (2, True)


def test_a_change_says_whether_it_may_be_used(world: World) -> None:
    """Who joins while opted out is not sendable, nor is who is only met by opting out."""
    world.consent("opt_out")
    world.pin("add", "vip")
    assert world.changes()[-1]["sendable"] is False
    world.consent("opt_out", "+4915123456789")
    assert world.contact("+4915123456789")["sendable"] is False
    assert world.contact("+4915123456789")["source"] is None


def test_outcomes_tell_what_became_of_a_word(world: World) -> None:
    """Applied, repeated, already so, older than what is known, a tie that the opt-out wins, no group, no contact."""
    world.consent("opt_out", id="c1", time=START - HOUR)
    world.consent("opt_out", id="c1", time=START - HOUR)
    world.consent("opt_out", id="c2")
    world.consent("opt_in", id="c3", time=START - SECOND)
    world.consent("opt_in", id="c4")
    world.consent("opt_out", scope="g", id="c5", time=START - SECOND)
    world.consent("opt_out", scope="g", id="c6")
    world.consent("opt_in", scope="g", id="c7", time=START - SECOND)
    world.consent("opt_in", scope="vip", id="c8")
    world.consent("opt_out", scope="nobody")
    world.must("consent.opt_out", {"contacts": [{"phone": "12"}]})
    assert world.outcomes()[3:] == [
        ("applied", None),
        ("unchanged", "repeated"),
        ("unchanged", "already_in_force"),
        ("skipped", "newer_known"),
        ("skipped", "newer_known"),
        ("applied", None),
        ("unchanged", "already_in_force"),
        ("skipped", "newer_known"),
        ("unchanged", "already_in_force"),
        ("skipped", "group_unknown"),
        ("skipped", "phone_invalid"),
    ]
    assert [value["group"] for value in world.values("outcomes")[-6:]] == ["g", "g", "g", "vip", "nobody", None]


def test_an_opt_out_of_a_group_holds_against_rule_and_adds(world: World) -> None:
    """It is left with the reason keyword; no message, import, flow, bulk or plain add brings back, nor a clear."""
    world.consent("opt_out", scope="g")
    assert world.flips()[-1] == ("g", "left", "keyword")
    assert world.changes()[-1]["sendable"] is False
    world.tick(SECOND)
    world.say("dinner")
    for reason in ("import", "flow", "bulk", "keyword", "manual"):
        world.pin("add", "g", reason=reason)
        assert world.outcomes()[-1] == ("skipped", "opted_out")
    world.pin("add", "g", evidence=" ")
    world.pin("clear_pin", "g")
    assert world.members("g") == []
    assert world.contact()["sendable"] is True


def test_an_opt_in_to_a_group_brings_back_what_the_rule_says(world: World) -> None:
    """What was added before or meanwhile stays away; what is added afterwards counts."""
    world.pin("add", "vip", time=START - HOUR)
    for group in ("g", "vip"):
        world.consent("opt_out", scope=group)
    world.tick(SECOND)
    world.pin("add", "vip", reason="import")
    world.tick(SECOND)
    for group in ("g", "vip"):
        world.consent("opt_in", scope=group)
    assert (world.members("g"), world.members("vip")) == ([f"tel:{MADE}"], [])
    world.pin("add", "vip", reason="bulk", time=START + SECOND)
    assert world.outcomes()[-1] == ("skipped", "opted_out")
    world.tick(SECOND)
    world.pin("add", "vip", reason="import")
    assert world.members("vip") == [f"tel:{MADE}"]
    assert [(one["type"][8:], one["data"]["scope"], one["data"]["seq"]) for one in world.consents()] == [
        ("suppressed", "g", 1),
        ("suppressed", "vip", 2),
        ("restored", "g", 3),
        ("restored", "vip", 4),
    ]


def test_a_manual_add_with_evidence_is_an_opt_in(world: World) -> None:
    """Only such an add ends an opt-out of the group, and it adds."""
    world.consent("opt_out", scope="vip")
    world.tick(SECOND)
    world.pin("add", "vip", reason="flow", evidence="said so")
    assert world.members("vip") == []
    world.pin("add", "vip", evidence="said so at the desk")
    assert world.members("vip") == [f"tel:{MADE}"]
    restored = world.consents()[-1]["data"]
    assert (restored["scope"], restored["evidence"]) == ("vip", "said so at the desk")


def test_an_opt_out_outlives_its_group(world: World) -> None:
    """A later group of the same name does not get who opted out of it, but does get who was only pinned out."""
    other = "+6281234567891"
    world.say("dinner", other)
    world.consent("opt_out", scope="g")
    world.pin("remove", "g", other)
    world.must("group.delete", {"group": "g"})
    world.rest()
    world.group("g", DINNER)
    assert world.members("g") == [f"tel:{other}"]


@pytest.mark.parametrize("erase", [False, True])
def test_an_opt_out_outlives_its_contact(world: World, erase: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Deleted or erased, and imported or heard again: not sendable, and kept out of the group that it left."""
    world.say("stop")
    world.consent("opt_out", scope="vip")
    world.tick(SECOND)
    world.must("contact.delete", {"contact": {"phone": MADE}, "erase": erase})
    assert world.tables["contacts"] == {}
    world.restart()
    world.tick(SECOND)
    world.pin("add", "vip", reason="import")
    assert world.outcomes()[-1] == ("skipped", "opted_out")
    world.say("dinner")
    assert sendable(world) == {"g": False, "": False}
    world.tick(SECOND)
    world.say("start")
    assert sendable(world) == {"g": True, "": True}
    assert [one["data"]["seq"] for one in world.consents()] == [1, 2, 3]


def test_a_removal_holds_again_only_if_it_is_the_newer_word(world: World) -> None:
    """After an opt-out and an opt-in an older remove is over; one in between or later is not, unless someone adds."""
    for removed, member in ((START - 3 * HOUR, True), (START - HOUR, False), (START + HOUR, False)):
        other = World()
        other.tenant()
        other.group("g", DINNER)
        other.say("dinner", time=START - 4 * HOUR)
        other.consent("opt_out", scope="g", time=START - 2 * HOUR)
        other.consent("opt_in", scope="g")
        other.tick(HOUR)
        other.pin("remove", "g", time=removed)
        assert (other.members("g") != []) is member
        other.pin("add", "g", time=START + HOUR + 1)
        assert other.members("g") == [f"tel:{MADE}"]


def test_any_order_of_words_on_a_group_ends_alike() -> None:
    """Opt-outs, opt-ins and adds in every order of arrival: the same row at the end."""
    steps: list[tuple[str, dict[str, Any]]] = [
        ("out", {"time": START - 9 * HOUR}),
        ("in", {"time": START - 7 * HOUR}),
        ("add", {"reason": "import", "time": START - 6 * HOUR}),
        ("out", {"time": START - 8 * HOUR}),
        ("add", {"reason": "flow", "time": START - 8 * HOUR + 1}),
        ("in", {"time": START - 5 * HOUR}),
    ]
    ends = []
    for order in permutations(steps):
        world = World()
        world.tenant()
        world.group("vip")
        for kind, more in order:
            if kind == "add":
                world.pin("add", "vip", **more)
            else:
                world.consent(f"opt_{kind}", scope="vip", **more)
        (row,) = world.tables["memberships"].values()
        ends.append((row["sources"], row["sendable"]))
    assert set(map(str, ends)) == {str((["import"], True))}


def test_a_group_called_all_has_no_scope_of_its_own(world: World) -> None:
    """`all` is everything to a command; a manual add with evidence to that group tells nothing of consent."""
    world.group("all")
    world.consent("opt_out", scope="all")
    world.pin("add", "all", evidence="x")
    assert world.members("all") == [f"tel:{MADE}"]
    assert [one["data"]["scope"] for one in world.consents()] == ["all"]


def test_only_so_many_opt_ins_are_remembered() -> None:
    """The first, by which adds count, and the newest ones."""
    pins = Pins()
    lay(pins, Said(1, out=False, source="s", event="at the same moment"))
    lay(pins, Said(0, out=True, source="s", event="out"))
    for at in range(1, 100):
        lay(pins, Said(at, out=False, source="s", event=f"in{at}"))
    assert pins.consent is not None
    assert pins.consent.ins == [1, *range(101 - REMEMBERED, 100)]
