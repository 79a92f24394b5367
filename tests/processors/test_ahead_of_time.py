"""Stamps that are ahead of the clock: nothing that is said outlives what is said after it."""

from __future__ import annotations

from typing import Any

import pytest

from processors.normalize import AHEAD
from schemas.base import Reject
from tests.processors.world import HOUR, MADE, SECOND, World

LATER = 290 * SECOND
MAIL = "made@example.com"
WHO = {"contacts": [{"phone": MADE}]}


@pytest.fixture
def world() -> World:
    """A world with a group by hand, in which Made wrote."""
    made_world = World()
    made_world.tenant(opt_out_words=["BERHENTI"])
    made_world.group("vip", join_words=["JOIN"], leave_words=["LEAVE"])
    made_world.say("hello", time=made_world.now - HOUR)
    return made_world


def in_a_second(world: World) -> None:
    """Let a second go by: what comes next is newer, but for stamps."""
    world.tick(SECOND)


@pytest.mark.parametrize("back", ["START", "consent.opt_in"])
@pytest.mark.parametrize("out", ["STOP", "please stop texting me", "consent.opt_out"])
def test_a_later_stop_ends_an_opt_in_that_was_stamped_ahead(world: World, back: str, out: str) -> None:
    """By message or command, whichever way."""
    world.say("stop")
    in_a_second(world)
    if back == "START":
        world.say(back, time=world.now + LATER)
    else:
        world.must(back, WHO, time=world.now + LATER)
    assert world.contact()["sendable"]
    in_a_second(world)
    if "." in out:
        world.must(out, WHO)
    else:
        world.say(out)
    assert not world.contact()["sendable"]


@pytest.mark.parametrize("join", ["JOIN", "consent.opt_in", "group.add"])
@pytest.mark.parametrize("leave", ["LEAVE", "consent.opt_out", "group.remove", "group.clear_pin"])
def test_a_later_word_on_a_group_counts(world: World, join: str, leave: str) -> None:
    """Adds, removes, clears and consent to one group."""
    of_group: dict[str, Any] = {"group.add": {"evidence": "asked"}, "consent.opt_in": {"scope": "vip"}}
    world.must("group.add", {"group": "vip", **WHO})
    in_a_second(world)
    if join == "JOIN":
        world.say(join, time=world.now + LATER)
    else:
        scope = {} if join == "consent.opt_in" else {"group": "vip"}
        world.must(join, {**scope, **WHO, **of_group[join]}, time=world.now + LATER)
    in_a_second(world)
    if leave == "LEAVE":
        world.say(leave)
    else:
        world.must(leave, {**({"scope": "vip"} if leave == "consent.opt_out" else {"group": "vip"}), **WHO})
    assert world.members("vip") == []


def test_a_later_add_ends_a_remove_that_was_stamped_ahead(world: World) -> None:
    """The other way round."""
    world.must("group.remove", {"group": "vip", **WHO}, time=world.now + LATER)
    in_a_second(world)
    world.must("group.add", {"group": "vip", **WHO})
    assert world.members("vip") == [f"tel:{MADE}"]


def test_later_edits_and_tags_count(world: World) -> None:
    """Tags, notes, fields, and what events tell of a guest."""
    world.must("contact.tag", {**WHO, "tags": ["vip"]}, time=world.now + LATER)
    world.must("contact.note", {"contact": {"phone": MADE}, "text": "first"}, time=world.now + LATER)
    world.must("contact.upsert", {"contact": {"phone": MADE, "area": "Ubud"}}, time=world.now + LATER)
    world.say("hi", name="Ayu", time=world.now + LATER)
    in_a_second(world)
    world.must("contact.untag", {**WHO, "tags": ["vip"]})
    world.must("contact.note", {"contact": {"phone": MADE}, "text": "second"})
    world.must("contact.upsert", {"contact": {"phone": MADE, "area": "Kuta"}})
    world.say("hi", name="Made")
    row = world.contact()
    assert (row["tags"], row["note"], row["area"], row["name"]) == ([], "second", "Kuta", "Made")


@pytest.mark.parametrize("erase", [False, True])
def test_a_later_deletion_ends_what_was_stamped_ahead(world: World, erase: bool) -> None:  # noqa: FBT001 - the cases
    """Messages, bookings, adds and edits: none of them brings the guest back."""
    world.say("hi", name="Made", time=world.now + LATER)
    world.book("b", time=world.now + LATER)
    world.must("group.add", {"group": "vip", **WHO}, time=world.now + LATER)
    world.must("contact.tag", {**WHO, "tags": ["vip"]}, time=world.now + LATER)
    in_a_second(world)
    world.must("contact.delete", {"contact": {"phone": MADE}, "erase": erase})
    assert world.tables["contacts"] == {}
    assert world.members("vip") == []


def test_what_is_said_after_a_deletion_that_was_stamped_ahead_counts(world: World) -> None:
    """A deletion reaches no further than to the moment at which it was asked for."""
    world.must("contact.delete", {"contact": {"phone": MADE}}, time=world.now + LATER)
    in_a_second(world)
    world.say("hi", name="Made")
    assert world.contact()["name"] == "Made"


def test_a_rename_and_a_link_that_were_stamped_ahead(world: World) -> None:
    """The STOP of the former number, said after a rename, holds; so does one said after a link."""
    world.must("contact.rename", {"contact": {"phone": MADE}, "phone": "+6281234567899"}, time=world.now + LATER)
    in_a_second(world)
    world.say("stop")
    assert not world.contact("+6281234567899")["sendable"]
    world.must("rating", {"rating_id": "r", "stars": 5, "guest": {"phone": "+6281234567898", "email": MAIL}},
               time=world.now + LATER)  # fmt: skip
    in_a_second(world)
    world.must("consent.opt_in", {"contacts": [{"id": f"mailto:{MAIL}"}]})
    in_a_second(world)
    world.say("stop", "+6281234567898")
    assert not world.contact("+6281234567898")["sendable"]


@pytest.mark.parametrize("text", ["STOP", "unsubscribe", "please stop texting me", "berhenti", "BERHENTI dong"])
def test_a_stop_is_heard_whatever_its_stamp(world: World, text: str) -> None:
    """More than five minutes ahead, where everything else is a dead letter: it counts from when it was appended."""
    world.say(text, time=world.now + 30 * HOUR)
    assert not world.contact()["sendable"]
    in_a_second(world)
    world.say("start")
    assert world.contact()["sendable"]


def test_an_opt_out_by_command_is_carried_out_whatever_its_stamp(world: World) -> None:
    """Of everything, and of one group."""
    for scope in ("all", "vip"):
        world.must("consent.opt_out", {**WHO, "scope": scope}, time=world.now + AHEAD + 1)
        assert world.outcomes()[-1][0] in {"applied", "unchanged"}
    assert not world.contact()["sendable"]


@pytest.mark.parametrize(
    ("text", "more"),
    [("START", {}), ("hello", {}), ("", {"deleted": True}), ("QUIT", {}), ("STOP", {"tenant": "nobody"}),
     ("STOP", {"direction": "outbound", "to": MADE})],
)  # fmt: skip
def test_anything_else_from_the_future_is_a_dead_letter(world: World, text: str, more: dict[str, Any]) -> None:
    """An opt-in, a chat, what the hotel wrote itself, an unknown tenant's."""
    data = {"message_id": "m", "channel": "whatsapp", "direction": "inbound", "from": MADE, "text": text}
    tenant = {"tenant": more["tenant"]} if "tenant" in more else {}
    data |= {name: value for name, value in more.items() if name != "tenant"}
    found = world.send("message", data, time=world.now + AHEAD + 1, **tenant)
    assert found == Reject("from_the_future", "time")
    assert world.send("consent.opt_in", WHO, time=world.now + AHEAD + 1) == Reject("from_the_future", "time")
