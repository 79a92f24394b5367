"""Tags, attributes, notes and profile edits: registers, each of which the newest event wins."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from processors.edits import KEPT
from schemas.base import Reject
from tests.processors.world import DAY, HOUR, MADE, SECOND, START, World, iso

ANNA = "+4915123456789"


@pytest.fixture
def world() -> World:
    """A world with a tenant and a group by hand."""
    made = World()
    made.tenant()
    made.group("vip")
    return made


def outcome(world: World) -> tuple[str, str | None]:
    """Return result and reason of the last outcome."""
    return world.outcomes()[-1]


def named(world: World) -> tuple[str | None, str | None, str | None]:
    """Return the name, the first and the last name that are shown."""
    row = world.contact()
    return row["name"], row["first_name"], row["last_name"]


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_the_newest_word_wins_in_any_order(world: World, order: tuple[int, ...]) -> None:
    """Tags, attributes, the note and fields are the newest event's, whatever the order of arrival."""
    edits: list[tuple[str, dict[str, Any]]] = [
        ("tag", {"tags": ["VIP", "quiet"]}),
        ("untag", {"tags": ["vip"]}),
        ("upsert", {"tags": ["quiet", "new"], "attributes": {"tier": "gold", "room": 7}, "language": "id"}),
        ("upsert", {"attributes": {"tier": "silver", "room": None}, "language": "en", "country": ""}),
    ]
    for at in order:
        kind, data = edits[at]
        who = {"phone": MADE}
        if kind == "upsert":
            world.must("contact.upsert", {"contact": who | data}, time=START - DAY + at)
        else:
            world.must(f"contact.{kind}", {"contacts": [who], **data}, time=START - DAY + at)
    row = world.contact()
    assert (row["tags"], row["attributes"], row["language"], row["country"]) == (
        ["new", "quiet"],
        {"tier": "silver"},
        "en",
        None,
    )


def test_a_tie_is_decided_by_id(world: World) -> None:
    """Of edits of one moment the greater id wins, in either order, and a command goes before an event."""
    for order in ((0, 1), (1, 0)):
        other = World()
        other.tenant()
        for at in order:
            who = {"phone": MADE, "email": f"{'ab'[at]}@example.com", "attributes": {"x": at}}
            other.must("contact.upsert", {"contact": who}, id=f"c{at}", time=START)
        other.must("rating", {"rating_id": "r", "stars": 5, "guest": {"phone": MADE, "email": "z@example.com"}})
        assert (other.contact()["attributes"], other.contact()["email"]) == ({"x": 1}, "b@example.com")


def test_outcomes_tell_what_changed(world: World) -> None:
    """Applied, already so, repeated, older than what is known, and no contact at all."""
    said = []
    for id_, tags, time in (("c1", ["a"], 1), ("c2", ["A"], 2), ("c2", ["A"], 2), ("c0", ["a"], 0), ("c3", ["b"], 0)):
        world.must("contact.tag", {"contacts": [{"phone": MADE}], "tags": tags}, id=id_, time=START - DAY + time)
        said.append(outcome(world))
    assert said == [
        ("applied", None),
        ("applied", None),
        ("unchanged", "repeated"),
        ("skipped", "newer_known"),
        ("applied", None),
    ]
    world.must("contact.untag", {"contacts": [{"phone": MADE}, {"phone": "12"}], "tags": ["nobody"]})
    assert sorted(world.outcomes()[-2:], key=str) == [("skipped", "phone_invalid"), ("unchanged", "already_in_force")]
    world.must("contact.upsert", {"contact": {"phone": MADE}})
    assert outcome(world) == ("unchanged", "already_in_force")
    assert world.send("contact.upsert", {"contact": {"email": "nobody"}}) == Reject(
        "field_invalid", "data.contact.email: no e-mail address"
    )


def test_a_command_under_an_id_that_was_there_sets_nothing(world: World) -> None:
    """Of two contents under one source and id the first stays, also where the second names other things."""
    world.group("vip")
    world.must("contact.upsert", {"contact": {"phone": MADE, "country": "ID", "tags": ["a"]}}, id="c", time=START)
    again = {"phone": MADE, "country": "SG", "area": "Ubud", "tags": ["b"], "attributes": {"tier": "gold"}}
    world.must("contact.upsert", {"contact": again, "groups": ["vip"]}, id="c", time=START)
    assert outcome(world) == ("unchanged", "repeated")
    told = world.contact()
    assert (told["country"], told["area"], told["tags"], told["attributes"]) == ("ID", None, ["a"], {})
    assert world.members("vip") == []


def test_an_edit_makes_the_contact(world: World) -> None:
    """Who is first known by hand has the earliest command's reason as source, and keeps it."""
    world.pin("add", "vip", reason="import", time=START - HOUR)
    world.must("contact.note", {"contact": {"phone": MADE}, "text": "shy"}, time=START - DAY)
    assert (world.contact()["source"], world.contact()["note"]) == ("manual", "shy")
    world.must("contact.tag", {"contacts": [{"id": "mailto:A@B.example"}], "tags": ["x"]})
    assert world.tables["contacts"]["bali/mailto:a@b.example"]["tags"] == ["x"]
    world.group("by-hand", {"contact": "source", "is": "manual"})
    world.say("hello", source="whatsapp")
    assert (world.contact()["source"], world.contact()["customer_since"]) == ("manual", iso(START)[:-5] + "Z")
    assert world.members("by-hand") == ["mailto:a@b.example", f"tel:{MADE}"]
    world.rate(5, "r", time=START - DAY, source="reviews")
    assert world.contact()["source"] == "reviews"
    world.pin("add", "vip", reason="import", time=START - 2 * DAY)
    assert world.contact()["source"] == "import"
    assert world.members("by-hand") == ["mailto:a@b.example"]


def test_an_add_that_comes_too_late_introduces_all_the_same() -> None:
    """Add, then remove: the contact's source is the same in either order."""
    for order in (("add", "remove"), ("remove", "add")):
        world = World()
        world.tenant()
        world.group("vip")
        for kind in order:
            world.pin(kind, "vip", time=START - (DAY if kind == "add" else HOUR))
        assert world.contact()["source"] == "manual"


def test_an_upsert_adds_to_groups_by_hand(world: World) -> None:
    """The groups named get the contact with reason manual; one that is not there stops all of it."""
    world.must("contact.upsert", {"contact": {"phone": MADE, "name": "Made"}, "groups": ["vip", "vip"]})
    assert world.flips() == [("vip", "joined", "manual")]
    assert outcome(world) == ("applied", None)
    world.must("contact.upsert", {"contact": {"phone": MADE, "name": "M"}, "groups": ["vip", "nobody"]})
    assert (outcome(world), world.values("outcomes")[-1]["group"]) == (("skipped", "group_unknown"), "nobody")
    assert world.contact()["name"] == "Made"
    world.must("contact.upsert", {"contact": {"email": "m@b.example", "name": "M"}, "groups": ["vip"]})
    assert world.members("vip") == ["mailto:m@b.example", f"tel:{MADE}"]
    world.tick(1)
    world.must("contact.upsert", {"contact": {"id": f"tel:{MADE}", "first_name": "M", "last_name": "W"}})
    row = world.contact()
    assert (row["name"], row["original_name"], row["first_name"]) == ("M W", "Made", "M")


def test_parts_of_a_name_are_written_one_by_one() -> None:
    """In any order what is left out stays; the whole is put together anew; "" clears; a name that is told is whole."""
    parts: list[dict[str, Any]] = [{"last_name": "Wirawan"}, {"first_name": "Made"}, {"first_name": "Ketut"}]
    for order in permutations(enumerate(parts)):
        world = World(now=START + 10)
        world.tenant()
        for at, part in order:
            world.must("contact.upsert", {"contact": {"phone": MADE, **part}}, time=START + at, id=f"u{at}")
        assert named(world) == ("Ketut Wirawan", "Ketut", "Wirawan")
    world.must("contact.upsert", {"contact": {"phone": MADE, "last_name": ""}}, time=START + 5)
    assert named(world) == ("Ketut", "Ketut", None)
    world.say("hi", name="Ibu Ayu Lestari", time=START + 6)
    assert named(world) == ("Ibu Ayu Lestari", None, None)
    world.must("contact.upsert", {"contact": {"phone": MADE, "first_name": "Ayu"}}, time=START + 7)
    assert named(world) == ("Ibu Ayu Lestari", "Ayu", None)
    world.must("contact.upsert", {"contact": {"phone": MADE, "last_name": "Sari"}}, time=START + 7)
    assert named(world) == ("Ayu Sari", "Ayu", "Sari")
    nameless = {"phone": MADE, "name": "", "first_name": "", "last_name": ""}
    world.must("contact.upsert", {"contact": nameless}, time=START)
    assert named(world) == ("Ayu Sari", "Ayu", "Sari")
    world.tick(SECOND)
    world.must("contact.upsert", {"contact": {"phone": MADE, "name": "", "first_name": "", "last_name": ""}})
    assert named(world) == (None, None, None)
    assert world.contact()["original_name"] == "Wirawan"


def test_a_name_that_is_told_again_changes_nothing(world: World) -> None:
    """Whether an event told it or a command, and the parts with it or not: its row of contacts is not written again."""
    told: list[dict[str, Any]] = [{"name": "Made W"}, {"name": "Made W", "first_name": "Made", "last_name": "W"}]
    for at, guest in enumerate(told):
        world.must("rating", {"rating_id": f"r{at}", "revision": 1, "stars": 4, "guest": {"phone": MADE, **guest}})
        rows = [out for out in world.out if out.topic == "contacts"]
        world.tick(SECOND)
        world.must("contact.upsert", {"contact": {"phone": MADE, **guest}})
        assert (outcome(world), named(world)[0]) == (("unchanged", "already_in_force"), "Made W")
        assert [out for out in world.out if out.topic == "contacts"] == rows
        world.tick(SECOND)


def test_a_part_of_a_name_outlives_an_older_deletion(world: World) -> None:
    """It is the original name then."""
    world.must("contact.upsert", {"contact": {"phone": MADE, "name": "Made Wirawan"}}, time=START - DAY)
    world.must("contact.upsert", {"contact": {"phone": MADE, "first_name": "Ayu"}})
    world.must("contact.delete", {"contact": {"phone": MADE}}, time=START - 1)
    assert (named(world), world.contact()["original_name"]) == (("Ayu", "Ayu", None), "Ayu")


def test_the_first_part_of_a_name_that_is_left_is_the_original_one() -> None:
    """A name that was told after it, and comes late, is not."""
    world = World()
    world.tenant()
    world.must("contact.upsert", {"contact": {"phone": MADE, "name": "Made Wirawan"}}, time=START - DAY)
    world.must("contact.upsert", {"contact": {"phone": MADE, "first_name": "Ayu"}}, time=START - 3)
    world.must("contact.upsert", {"contact": {"phone": MADE, "last_name": "Sari"}})
    world.must("contact.delete", {"contact": {"phone": MADE}}, time=START - HOUR)
    world.say("hi", name="Ibu Ayu", time=START - 2)
    assert world.contact()["original_name"] == "Ayu Sari"


def test_a_booking_tells_tags_and_attributes(world: World) -> None:
    """They are set as of the booking's time; what can be no tag is left out, and the booking counts."""
    world.book("b1", tags=["honeymoon", " "], attributes={"tier": "gold", "": 1, "long": "x" * 2_000}, time=START - DAY)
    assert (world.contact()["tags"], world.contact()["attributes"]) == (["honeymoon"], {"tier": "gold"})
    assert world.contact()["bookings"] == 1
    world.must("contact.untag", {"contacts": [{"phone": MADE}], "tags": ["Honeymoon"]}, time=START - 2 * DAY)
    assert world.contact()["tags"] == ["honeymoon"]
    world.book("b1", tags=["honeymoon"], revision=2)
    world.tick(1)
    world.must("contact.untag", {"contacts": [{"phone": MADE}], "tags": ["Honeymoon"]})
    assert world.contact()["tags"] == []


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_former_revisions_tell_of_the_guest_in_any_order(order: tuple[int, ...]) -> None:
    """Who a guest is, since when, and their tags do not depend on which revision comes first."""
    world = World()
    world.tenant()
    guests: list[dict[str, Any]] = [
        {"phone": MADE, "name": "Made", "country": "ID"},
        {"phone": MADE, "name": "Made W."},
        {"phone": MADE, "name": "M. W.", "country": "DE"},
    ]
    for at in order:
        stars, time = (5, START - (3 - at) * DAY)
        world.must("rating", {"rating_id": "r", "revision": at + 1, "stars": stars, "guest": guests[at]}, time=time)
        more = {"guest": guests[at], "tags": [f"t{at}"], "revision": at + 1}
        world.book("b", phone=None, time=START - (3 - at) * DAY, **more)
        world.say("x", id_="m", revision=at + 1, name=f"n{at}", time=START - (6 - at) * DAY)
    row = world.contact()
    assert (row["tags"], row["original_name"], row["name"], row["country"]) == (["t0", "t1", "t2"], "n0", "M. W.", "DE")
    assert row["customer_since"] == "2026-10-27T10:05:11Z"
    assert row["bookings"] == 1


def test_a_contact_keeps_the_newest_tags(world: World) -> None:
    """However many tags one gets, the newest stay, in any order."""
    ends = []
    for step in (1, -1):
        other = World()
        other.tenant()
        for at in range(6)[::step]:
            tags = [f"t{at}-{number}" for number in range(50)]
            other.must("contact.tag", {"contacts": [{"phone": MADE}], "tags": tags}, time=START - DAY + at)
        ends.append(other.contact()["tags"])
    assert len(ends[0]) == KEPT
    assert ends[0] == ends[1]
    assert "t0-1" not in ends[0]


def test_a_tag_older_than_all_that_are_kept_sets_nothing(world: World) -> None:
    """Its command is told so."""
    for at in range(4):
        tags = [f"t{at}-{number}" for number in range(50)]
        world.must("contact.tag", {"contacts": [{"phone": MADE}], "tags": tags})
    world.must("contact.tag", {"contacts": [{"phone": MADE}], "tags": ["old"]}, time=START - DAY)
    assert world.outcomes()[-1] == ("skipped", "newer_known")
    assert "old" not in world.contact()["tags"]


def test_a_phone_is_read_where_the_contact_is_from() -> None:
    """By the country that the command tells, else by the property's region, else by the tenant's."""
    world = World()
    world.tenant(properties={"marina": {"region": "SG"}})
    for more in ({"country": "SG"}, {"property": "marina"}, {}):
        phone = "8123 4567" if more else "0812-3456-7890"
        world.must("contact.upsert", {"contact": {"phone": phone, "first_name": "Made", **more}})
        assert world.outcomes()[-1] == ("applied", None)
    assert sorted(row["contact"] for row in world.tables["contacts"].values()) == [
        "tel:+6281234567890",
        "tel:+6581234567",
    ]
