"""contact.delete: what goes, what stays, and who comes back."""

from __future__ import annotations

from typing import Any

import pytest

from processors.desk import ORIGIN
from processors.rows import owner_key
from schemas.activity import FactErased, encode
from tests.processors.world import DAY, HOUR, MADE, START, World

ANNA = "+4915123456789"
DINNER = {"event": "message", "any_of": ["dinner"]}
UNRATED = {"none": [{"event": "rating"}]}


@pytest.fixture
def world() -> World:
    """A world with a guest who is in groups of many kinds."""
    made = World(2)
    made.tenant()
    for name, rule in (("food", DINNER), ("unrated", UNRATED), ("stays", {"event": "booking"}), ("vip", None)):
        made.group(name, rule)
    made.group("stuck", DINNER, sticky=True)
    made.group("tagged", {"contact": "tags", "has_any": ["x"]})
    made.group("outer", {"any": [{"group": "food"}, {"group": "tagged"}]})
    made.say("dinner", name="Made", time=START - 2 * DAY)
    made.book("b1", amount="50", currency="IDR", time=START - 2 * DAY)
    made.must("contact.tag", {"contacts": [{"phone": MADE}], "tags": ["x"]}, time=START - 2 * DAY)
    made.pin("add", "vip", time=START - 2 * DAY)
    assert len(made.tables["memberships"]) == 7
    return made


def delete(world: World, phone: str = MADE, **more: Any) -> tuple[str, str | None]:
    """Delete a contact; return the outcome."""
    erase = more.pop("erase", False)
    world.must("contact.delete", {"contact": {"phone": phone}, "erase": erase}, **more)
    return world.outcomes()[-1]


def rows_of(world: World, phone: str = MADE) -> list[bytes]:
    """Return the keys of all rows of facts and of their own actors that tell of a phone."""
    rows = [row for store in world.stores for row in store.rows.items()]
    return [key for key, value in rows if phone.encode() in key + value and key[:1] in b"fo"]


def test_a_deleted_contact_is_in_no_group(world: World) -> None:
    """Profile, tags and memberships go, those for which nothing must be true too; facts are kept."""
    assert delete(world) == ("applied", None)
    assert world.tables["contacts"] == world.tables["memberships"] == {}
    assert {f[2] for f in world.flips() if f[1] == "left"} == {"contact_deleted"}
    assert len(rows_of(world)) == 3
    world.group("new", {"any": [DINNER, UNRATED]})
    world.tick(DAY)
    assert world.tables["memberships"] == {}
    world.restart()
    world.say("dinner", id_="late", time=START - DAY)
    world.must("contact.tag", {"contacts": [{"phone": MADE}], "tags": ["x"]}, time=START - DAY)
    world.pin("add", "vip", time=START - DAY)
    assert world.outcomes()[-2:] == [("skipped", "newer_known")] * 2
    assert world.tables["contacts"] == world.tables["memberships"] == {}


def test_who_is_heard_of_again_is_a_new_contact(world: World) -> None:
    """A later event begins anew: other customer since, no old totals, and seqs go on."""
    delete(world, time=START - HOUR)
    world.tick(DAY)
    world.book("b2")
    row = world.contact()
    assert (row["bookings"], row["name"], row["tags"], row["spent"]) == (1, None, [], {})
    assert row["customer_since"] == "2026-11-03T10:05:11Z"
    assert {key.split("/")[1] for key in world.tables["memberships"]} == {"unrated", "stays"}
    assert {change["seq"] for change in world.changes()[-2:]} == {3}
    world.pin("add", "vip", reason="import")
    assert world.members("vip") == [f"tel:{MADE}"]


def test_only_what_is_not_newer_goes(world: World) -> None:
    """A command that comes late leaves what was said and done since."""
    world.say("dinner", id_="new", name="New", source="telegram", time=START - HOUR)
    world.rate(5, "r", time=START - HOUR + 1)
    world.must("contact.tag", {"contacts": [{"phone": MADE}], "tags": ["y"]}, time=START - HOUR)
    world.pin("remove", "stays", time=START - HOUR)
    assert delete(world, time=START - DAY) == ("applied", None)
    row = world.contact()
    assert (row["name"], row["original_name"], row["source"], row["tags"]) == ("New", "New", "telegram", ["y"])
    assert (row["latest_rating"], row["bookings"]) == (5, 0)
    assert {key.split("/")[1] for key in world.tables["memberships"]} == {"food", "stuck", "outer"}
    world.book("b3")
    assert world.members("stays") == []


def test_who_is_only_known_by_hand_since(world: World) -> None:
    """Newer edits and adds alone keep a contact too, with their reason as source."""
    for group, add in (("vip", True), ("food", False)):
        other = World()
        other.tenant()
        other.group(group)
        other.say("hello", time=START - 2 * DAY)
        other.must("contact.note", {"contact": {"phone": MADE}, "text": "old"}, time=START - 2 * DAY)
        if add:
            other.pin("add", group, reason="import", time=START - HOUR)
        other.must("contact.note", {"contact": {"phone": MADE}, "text": "new"}, time=START - HOUR + 1)
        delete(other, time=START - DAY)
        assert (other.contact()["source"], other.contact()["note"]) == ("import" if add else "manual", "new")


def test_an_add_that_was_ended_since_has_named_its_contact() -> None:
    """Whether the deletion comes before or after the add and the remove that ended it, the contact is there."""
    for late in (False, True):
        world = World()
        world.tenant()
        world.group("vip")
        world.must("contact.tag", {"contacts": [{"phone": MADE}], "tags": ["x"]}, time=START - DAY)
        if not late:
            delete(world, time=START - DAY)
        world.pin("add", "vip", reason="flow", time=START - HOUR)
        world.pin("remove", "vip", time=START)
        if late:
            delete(world, time=START - DAY)
        assert (world.contact()["source"], world.members("vip")) == ("flow", [])


def test_outcomes(world: World) -> None:
    """Applied, repeated, older than a newer one; for who is not known it still holds against what comes late."""
    assert delete(world, id="c1") == ("applied", None)
    assert delete(world, id="c1") == ("unchanged", "repeated")
    assert delete(world, id="c0", time=START - DAY) == ("skipped", "newer_known")
    assert delete(world, ANNA, id="c2", time=START - HOUR) == ("unchanged", "contact_unknown")
    world.rate(5, "late", ANNA, time=START - DAY)
    assert world.tables["contacts"] == {}
    assert delete(world, id="c3", time=START - DAY, erase=True) == ("applied", None)
    assert rows_of(world) == []


def test_erased_facts_are_gone_everywhere(world: World) -> None:
    """No row tells of the guest's facts, nor of those that come late; what is newer stays; only seqs go on."""
    world.rate(5, "r1", time=START - DAY)
    world.tick(1)
    world.rate(1, "r2")
    assert delete(world, erase=True, time=START) == ("applied", None)
    assert len(rows_of(world)) == 2
    world.tick(1)
    assert delete(world, erase=True) == ("applied", None)
    assert rows_of(world) == []
    for at in range(2):
        world.say("dinner", id_=f"late{at}", time=START - DAY)
        world.book("b1", time=START - 2 * DAY)
        world.rate(4, "r9", time=START - DAY)
    assert rows_of(world) == []
    assert world.tables["contacts"] == {}
    world.tick(1)
    world.say("dinner")
    assert {change["seq"] for change in world.changes() if change["group"] == "food"} == {1, 2, 3}


def test_an_erased_fact_that_has_moved_on_stays(world: World) -> None:
    """A booking that is another guest's by now, or of a newer revision, is not that contact's to take along."""
    world.book("b1", phone=ANNA, revision=2)
    delete(world, erase=True)
    world.append(owner_key("bali", "booking", "s", "b1"), encode(FactErased(*ORIGIN, f"tel:{MADE}", START)))
    world.append(owner_key("bali", "booking", "s", "none"), encode(FactErased(*ORIGIN, f"tel:{MADE}", START)))
    world.run()
    world.book("b1", phone=ANNA, revision=1)
    assert world.contact(ANNA)["bookings"] == 1


def test_newer_bookings_survive_an_erasure(world: World) -> None:
    """A booking after the command's time is not erased; a group that is gone by now is no hindrance."""
    world.must("group.delete", {"group": "outer"})
    world.rest()
    world.book("b2", amount="7", currency="IDR", time=START - HOUR)
    world.say("hello", id_="named", name="M. W.", time=START - HOUR)
    delete(world, erase=True, time=START - DAY)
    row = world.contact()
    assert (row["bookings"], row["spent"], row["original_name"]) == (1, {"IDR": "7"}, "M. W.")


def test_a_name_first_told_since_is_the_original_one() -> None:
    """It was the original name before the deletion and is so after it."""
    world = World()
    world.tenant()
    world.say("x", time=START - 2 * DAY)
    world.say("x", name="First", time=START - HOUR)
    world.say("x", name="Second", time=START)
    delete(world, time=START - DAY)
    assert (world.contact()["original_name"], world.contact()["name"]) == ("First", "Second")


def test_consent_outlives_a_contact(world: World) -> None:
    """Who opted out and was deleted is not sendable when an import brings them back."""
    world.must("consent.opt_out", {"contacts": [{"phone": MADE}]})
    delete(world, erase=True)
    world.tick(1)
    world.pin("add", "vip", reason="import")
    assert world.contact()["sendable"] is False
