"""An explanation says why, on which facts, what is lacking and when it turns."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from processors.answer import answering
from processors.explain import lacking
from processors.leaf_shown import SHOWN
from schemas.questions import ExplainAsked, NodeShown
from tests.processors.world import DAY, HOUR, MADE, World, iso

CONTACT = f"tel:{MADE}"


def explained(world: World, group: str, contact: str = CONTACT) -> dict[str, Any]:
    """Ask the owner of a contact, and read the answer as JSON has it."""
    fold = world.folds[world.partition(f"bali/{contact}".encode())]
    (said,) = answering(fold, ExplainAsked(id="q", tenant="bali", contact=contact, group=group), world.now)
    assert said is not None
    told: dict[str, Any] = msgspec.to_builtins(said.explained)
    return told


@pytest.fixture
def world() -> World:
    """A tenant, and one guest who said hello."""
    made = World()
    made.tenant()
    made.say("hello", name="Made")
    return made


def test_who_is_in_by_the_rule(world: World) -> None:
    """The fact that matched is shown with its word and its end, which is when the membership ends."""
    world.group(
        "food", {"event": "message", "any_of": ["restaurant", "dinner"], "within": "P3M"}, leave_words=["NO FOOD"]
    )
    world.say("Can we book dinner?", id_="wamid.1", source="whatsapp")
    told = explained(world, "food")
    assert (told["member"], told["because"], told["sources"]) == (True, "rule", ["rule"])
    assert told["turns_at"] == told["expires_at"] == world.tables["memberships"][f"bali/food/{CONTACT}"]["expires_at"]
    assert told["flips"] == ["group.remove", "a message that says NO FOOD", "time alone"]
    node = told["rule"]
    assert (node["path"], node["true"], node["lacks"], node["turns_at"]) == ("rule", True, None, told["turns_at"])
    (fact,) = node["facts"]
    assert (fact["kind"], fact["source"], fact["id"], fact["what"]) == ("message", "whatsapp", "wamid.1", "dinner")
    assert (fact["counts"], fact["until"], fact["time"]) == (True, told["turns_at"], iso(world.now).replace(".000", ""))


def test_who_was_in_sees_the_fact_that_counts_no_more(world: World) -> None:
    """After the window the fact is still shown, as one that does not count, with what is lacking."""
    rule = {
        "event": "message",
        "any_of": ["restaurant", "dinner"],
        "within": "P3M",
        "min_count": 2,
        "channels": ["whatsapp"],
    }
    world.group("food", rule)
    world.say("dinner")
    world.now += 91 * DAY
    world.say("dinner")
    world.now += 2 * DAY
    told = explained(world, "food")
    assert (told["member"], told["because"], told["since"]) == (False, "rule_false", None)
    assert [fact["counts"] for fact in told["rule"]["facts"]] == [True, False]
    assert told["rule"]["lacks"] == "1 more message with restaurant or dinner on whatsapp"
    assert told["flips"] == ["1 more message with restaurant or dinner on whatsapp", "group.add"]


@pytest.mark.parametrize(
    ("rule", "lacks"),
    [
        ({"event": "manual"}, "to be added"),
        ({"event": "message", "any_of": ["pet"], "min_count": 2}, "2 more messages with pet"),
        ({"event": "rating", "min_stars": 4, "property": "ubud"}, "a rating of ubud of 4 to 5 stars"),
        ({"event": "rating", "max_stars": 2, "mode": "latest"}, "a latest rating of 1 to 2 stars"),
        ({"event": "rating", "min_stars": 4.5, "mode": "all"}, "ratings of 4.5 to 5 stars only"),
        ({"event": "booking", "min_bookings": 3, "room_types": ["Suite"], "stay": "past"},
         "3 more bookings in Suite in past stays"),
        ({"event": "booking", "min_nights": 5, "min_spent": "3000000", "currency": "IDR"},
         "4 more nights and IDR 1000000 more spent"),
    ],
)  # fmt: skip
def test_what_a_condition_lacks(world: World, rule: dict[str, Any], lacks: str) -> None:
    """Each false leaf says what it waits for, beside what is there already."""
    world.rate(3, "r1")
    world.book("b1", amount="2000000.00", currency="IDR")
    world.group("g", rule)
    told = explained(world, "g")
    assert told["because"] == "rule_false"
    assert told["rule"]["lacks"] == lacks
    assert told["flips"] == [lacks, "group.add"]


def test_bookings_and_ratings_are_shown(world: World) -> None:
    """The facts that a leaf looks at are shown, newest first, whether they make it true or not."""
    world.rate(5, "r1", time=world.now - HOUR)
    world.rate(2, "r2")
    world.rate(4, "r3", withdrawn=True)
    world.book("b1")
    rules = [{"event": "rating", "min_stars": 4}, {"event": "booking", "stay": "past"}]
    world.group("g", {"all": rules})
    told = explained(world, "g")["rule"]
    assert (told["rule"], told["true"]) == ({"all": []}, True)
    ratings, bookings = told["rules"]
    assert (ratings["path"], bookings["path"]) == ("rule.all[0]", "rule.all[1]")
    assert [fact["what"] for fact in ratings["facts"]] == ["2 stars", "5 stars"]
    assert [fact["what"] for fact in bookings["facts"]] == ["confirmed, Pool Villa, 2026-11-01 to 2026-11-02"]
    assert ratings["facts"][0]["until"] is None


def test_a_cancellation_without_dates_is_shown(world: World) -> None:
    """It is shown as what it is, and by its own time."""
    world.group("gone", {"event": "booking", "statuses": ["cancelled"]})
    guest = {"phone": MADE}
    world.must("booking", {"booking_id": "b", "status": "cancelled", "guest": guest})
    (fact,) = explained(world, "gone")["rule"]["facts"]
    assert (fact["what"], fact["counts"]) == ("cancelled", True)


def test_a_stay_that_is_not_there_yet_does_not_count(world: World) -> None:
    """A booking to come is shown under a rule on past stays, as one that does not count; the rule turns by itself."""
    world.book("b1", check_in="2026-11-10", check_out="2026-11-12")
    world.group("g", {"event": "booking", "stay": "past"})
    told = explained(world, "g")
    assert [fact["counts"] for fact in told["rule"]["facts"]] == [False]
    assert told["turns_at"] == "2026-11-11T16:00:00Z"
    world.now += 20 * DAY
    world.tick()
    assert [fact["counts"] for fact in explained(world, "g")["rule"]["facts"]] == [True]


def test_compositions(world: World) -> None:
    """A composition says which part fails, and what would mend it: all of all, one of any, the end of none's."""
    world.say("dinner")
    world.rate(2, "r1")
    dinner, pet = ({"event": "message", "any_of": [word]} for word in ("dinner", "pet"))
    bad, good = {"event": "rating", "max_stars": 2}, {"event": "rating", "min_stars": 4}
    world.group("g", {"all": [dinner, {"any": [pet, good]}, {"none": [bad, pet]}]})
    told = explained(world, "g")
    assert [part["true"] for part in told["rule"]["rules"]] == [True, False, False]
    assert told["flips"][0] == (
        "1 more message with pet or a rating of 4 to 5 stars and the end of rule.all[2].none[0]"
    )
    assert explained(world, "g", CONTACT)["member"] is False


def test_the_profile_and_other_groups(world: World) -> None:
    """A condition on the profile shows what the field holds, one on another group which that is."""
    world.must("contact.tag", {"contacts": [{"phone": MADE}], "tags": ["gold"]})
    world.group("vip")
    rules = [
        {"contact": "tags", "has_any": ["vip", "owner"]},
        {"contact": "customer_since", "older_than": "P1Y"},
        {"group": "vip"},
    ]
    world.group("g", {"any": rules})
    tags, since, vip = explained(world, "g")["rule"]["rules"]
    assert (tags["value"], tags["lacks"], tags["true"]) == (["gold"], "tags with has_any vip, owner", False)
    assert since["value"] == iso(world.now).replace(".000", "")
    assert (vip["value"], vip["lacks"]) == (None, "to be in vip")
    world.pin("add", "vip")
    assert explained(world, "g")["rule"]["rules"][2]["true"] is True


def test_a_field_that_nobody_filled_in(world: World) -> None:
    """What the profile does not hold is shown as nothing."""
    world.pin("add", "g", "+6281277777777")
    world.group("g", {"contact": "customer_since", "newer_than": "P1D"})
    world.pin("add", "g", "+6281277777777")
    node = explained(world, "g", "tel:+6281277777777")["rule"]
    assert (node["value"], node["true"]) == (None, False)


def test_a_sum_in_money(world: World) -> None:
    """What is missing to a sum is told in its currency, also where nothing was spent."""
    world.group("g", {"event": "booking", "min_spent": "5", "currency": "eur"})
    assert explained(world, "g")["rule"]["lacks"] == "1 more bookings and EUR 5 more spent"


def test_the_soonest_turn_of_the_parts(world: World) -> None:
    """A composition may turn when the first of its parts does."""
    world.say("dinner")
    parts = [{"event": "message", "any_of": ["dinner"], "within": within} for within in ("P2D", "P1D")]
    world.group("g", {"any": [*parts, {"event": "message", "any_of": ["dinner"]}]})
    tree = explained(world, "g")["rule"]
    assert tree["turns_at"] == tree["rules"][1]["turns_at"] < tree["rules"][0]["turns_at"]
    assert tree["rules"][2]["turns_at"] is None


def test_who_was_added_and_removed(world: World) -> None:
    """Pins come before the rule; an add that has ended is shown as one that does not count."""
    world.group("g", {"event": "message", "any_of": ["dinner"]}, join_words=["JOIN G"])
    world.pin("add", "g", expires_at=iso(world.now + HOUR))
    told = explained(world, "g")
    assert (told["because"], told["sources"], told["flips"]) == ("added", ["manual"], ["group.remove", "time alone"])
    assert [(add["source"], add["counts"]) for add in told["adds"]] == [("manual", True)]
    world.tick(2 * HOUR)
    told = explained(world, "g")
    assert (told["because"], [add["counts"] for add in told["adds"]]) == ("rule_false", [False])
    world.pin("remove", "g")
    told = explained(world, "g")
    assert (told["because"], told["removed_at"]) == ("pinned_out", iso(world.now).replace(".000", ""))
    assert told["flips"] == ["group.add", "a message that says JOIN G"]
    world.say("dinner")
    assert explained(world, "g")["flips"] == ["group.add", "group.clear_pin", "a message that says JOIN G"]


def test_who_opted_out_of_the_group(world: World) -> None:
    """Consent comes before all; only consent ends it."""
    world.group("g", {"event": "message", "any_of": ["hello"]})
    world.consent("opt_out", scope="g")
    told = explained(world, "g")
    assert (told["member"], told["because"], told["sendable"]) == (False, "opted_out", False)
    assert told["flips"] == ["consent.opt_in for the group", "group.add by hand with evidence"]


def test_who_stays_because_the_group_is_sticky(world: World) -> None:
    """Once in, never out by the rule: the rule is shown as false, and that it holds all the same."""
    world.group("g", {"event": "message", "any_of": ["dinner"], "within": "P1D"}, sticky=True)
    world.say("dinner")
    world.tick(3 * DAY)
    told = explained(world, "g")
    assert (told["member"], told["because"], told["sticky"], told["rule"]["true"]) == (True, "sticky", True, False)


def test_a_group_that_is_being_deleted(world: World) -> None:
    """Nobody is in it, and nothing brings anyone back."""
    world.group("g", {"event": "message", "any_of": ["hello"]})
    fold = world.folds[0]
    fold.definitions(b"bali").groups["g"].deleting = True
    told = explained(world, "g")
    assert (told["member"], told["because"], told["flips"]) == (False, "deleting", [])


def test_only_the_newest_facts_are_shown(world: World) -> None:
    """How many more there are is said."""
    for n in range(SHOWN + 3):
        world.say("dinner", time=world.now - n * HOUR)
    world.say("dinner", deleted=True)
    world.group("g", {"event": "message", "any_of": ["dinner"]})
    node = explained(world, "g")["rule"]
    assert (len(node["facts"]), node["more_facts"]) == (SHOWN, 3)
    times = [fact["time"] for fact in node["facts"]]
    assert times == sorted(times, reverse=True)


def test_strangers_and_unknown_groups(world: World) -> None:
    """Of what is not known there is nothing to explain."""
    world.group("g")
    assert explained(world, "g", "tel:+6281211111111") is None
    assert explained(world, "h") is None


def test_asking_about_a_stranger_again_and_again(world: World) -> None:
    """A head that was made for a look alone is no contact."""
    world.group("g")
    fold = world.folds[0]
    fold.desk.head(b"bali/tel:+6281211111111")
    assert explained(world, "g", "tel:+6281211111111") is None


def test_asking_changes_nothing(world: World) -> None:
    """No row is dirty and nothing is said after an explanation."""
    world.group("g", {"event": "message", "any_of": ["hello"]})
    explained(world, "g")
    assert not world.folds[0].desk.dirty
    assert not world.folds[0].desk.take()


def test_a_leaf_without_words_adds_no_way() -> None:
    """A false node that says nothing of what it lacks names no way."""
    assert lacking(NodeShown(path="rule", rule={}, true=False)) == []
    assert lacking(NodeShown(path="rule", rule={}, true=True)) == []
