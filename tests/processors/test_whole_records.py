"""A record is taken in as a whole: no group is asked about half of what it changes."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from processors import scans
from tests.processors.world import DAY, HOUR, MADE, SECOND, START, World, millis

DINNER, CANCEL = {"event": "message", "any_of": ["dinner"]}, {"event": "message", "any_of": ["cancel"]}
PET = {"event": "message", "any_of": ["pet"]}
TEL = f"tel:{MADE}"


@pytest.fixture
def world() -> World:
    """A tenant without groups."""
    made = World()
    made.tenant()
    return made


def flips(world: World) -> list[tuple[str, str]]:
    """Return what was told: change and reason."""
    return [(row["change"], row["reason"]) for row in world.changes()]


def greetings(world: World) -> int:
    """Count the replies to joins."""
    return sum(row["kind"] == "join" for row in world.values("replies"))


@pytest.mark.parametrize("sticky", [False, True])
def test_two_words_of_one_message(world: World, sticky: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """A message that says both what lets in and what keeps out lets nobody in, not even for a moment."""
    world.group("diner", {"all": [DINNER, {"none": [CANCEL]}]}, reply="Welcome", sticky=sticky)
    world.say("cancel dinner")
    assert (flips(world), greetings(world), world.members("diner")) == ([], 0, [])


@pytest.mark.parametrize("sticky", [False, True])
def test_two_totals_of_one_booking(world: World, sticky: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Two bookings of little count, two of much do not, and the second booking brings both totals at once."""
    frugal = {"contact": "spent", "max": "100", "currency": "IDR"}
    world.group("frugal", {"all": [{"event": "booking", "min_bookings": 2}, frugal]}, reply="Hi", sticky=sticky)
    for id_ in ("b1", "b2"):
        world.book(id_, amount="60", currency="IDR")
    assert (flips(world), greetings(world), world.members("frugal")) == ([], 0, [])


def test_one_condition_takes_over_from_another(world: World) -> None:
    """Who stays in by another condition has neither left nor joined."""
    low = {"contact": "latest_rating", "max": 3.5}
    world.group("rated", {"any": [{"event": "rating", "mode": "latest", "min_stars": 4}, low]}, reply="Hi")
    world.group("told", {"any": [DINNER, PET]}, reply="Hi")
    world.rate(5, "r1")
    world.rate(2, "r2")
    world.say("dinner", id_="m")
    world.say("pet", id_="m", revision=2)
    assert flips(world) == [("joined", "rating"), ("joined", "message")]
    assert greetings(world) == 2


def test_the_evidence_is_what_made_it_true(world: World) -> None:
    """Of the words of a message, that is told by which the rule came true."""
    world.group("all", {"all": [DINNER, PET]})
    world.group("any", {"any": [DINNER, PET]})
    world.say("dinner with my pet")
    assert {(row["group"], row["evidence"]) for row in world.changes()} == {("all", "pet"), ("any", "dinner")}


@pytest.mark.parametrize("sticky", [False, True])
def test_the_first_record_of_a_guest(world: World, sticky: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Groups that take who has nothing against it ask a guest who is only now met once the first record is in."""
    world.group("plain", {"none": [{"event": "message", "any_of": ["spam"]}]}, reply="Hi", sticky=sticky)
    world.group("new", {"none": [{"event": "booking"}]}, reply="Hi", sticky=sticky)
    world.say("spam")
    world.book("b1", phone="+6281234567891")
    assert {(row["group"], row["contact"], row["change"]) for row in world.changes()} == {
        ("new", TEL, "joined"),
        ("plain", "tel:+6281234567891", "joined"),
    }
    assert greetings(world) == 2


@pytest.mark.parametrize(("more", "count"), [({}, 0), ({"reply": True}, 1), ({"reason": "manual"}, 1)])
def test_an_import_greets_nobody(world: World, more: dict[str, Any], count: int) -> None:
    """Nor do the groups that take everybody, when an import brings somebody new, or back after a deletion."""
    world.group("list")
    world.group("new", {"none": [{"event": "booking"}]}, reply="Hi")
    world.group("named", {"contact": "customer_since", "present": False}, reply="Hi")
    world.pin("add", "list", **{"reason": "import", **more})
    assert greetings(world) == count * 2
    world.must("contact.delete", {"contact": {"phone": MADE}})
    world.tick(SECOND)
    world.pin("add", "list", **{"reason": "import", **more})
    assert sorted(world.members("new") + world.members("named")) == [TEL, TEL]
    assert greetings(world) == count * 4


def test_a_fact_alone_brings_a_deleted_contact_back(world: World) -> None:
    """A revision that does not name the guest again is the guest's all the same, in whatever order it comes."""
    world.group("guests", {"event": "booking"})
    booking = {"booking_id": "b1", "status": "confirmed", "room_type": "Villa", "check_in": "2026-11-01"}
    booking["check_out"] = "2026-11-02"
    first = world.event("booking", {**booking, "revision": 1, "guest": {"phone": MADE}}, time=START - 10 * HOUR)
    ended = world.event("contact.delete", {"contact": {"phone": MADE}}, time=START - 5 * HOUR)
    second = world.event("booking", {**booking, "revision": 2}, time=START - 4 * HOUR)
    told = {"message_id": "m", "channel": "whatsapp", "direction": "inbound", "from": MADE, "text": "hello"}
    said = world.event("message", told, time=START - 3 * HOUR)
    for events in ((ended, second), (ended, second, said)):
        ends = []
        for order in permutations(events):
            other = World()
            other.tenant()
            other.group("guests", {"event": "booking"})
            for event in (first, *order):
                assert other.publish(event) is None
            (contact,) = other.tables["contacts"].values()
            ends.append((other.members("guests"), millis(contact["customer_since"]), contact["bookings"]))
        assert ends == [([TEL], START - 4 * HOUR, 1)] * len(ends)


def test_what_was_true_before_is_no_evidence(world: World) -> None:
    """A stranger is in by what nothing speaks against; what the first record says beside that did not do it."""
    world.group("open", {"any": [{"none": [{"event": "rating"}]}, DINNER]})
    world.say("dinner")
    assert [(row["change"], row["evidence"]) for row in world.changes()] == [("joined", None)]


def test_a_command_is_told_what_became_of_it(world: World) -> None:
    """An add and a remove act at once, also where the rule has several conditions, and so does a word to leave."""
    world.group("diner", {"all": [DINNER, PET]}, leave_words=["NO MORE PETS"])
    for kind in ("add", "remove", "add"):
        world.pin(kind, "diner")
        assert world.outcomes()[-1] == ("applied", None)
        world.tick(SECOND)
    world.say("no more pets")
    assert flips(world) == [("joined", "manual"), ("left", "manual"), ("joined", "manual"), ("left", "keyword")]


def test_what_is_taken_back_from_a_total(world: World) -> None:
    """A cancelled booking and a withdrawn rating take memberships back that read the profile, and are no evidence."""
    world.group("spender", {"contact": "spent", "min": "100", "currency": "IDR"})
    world.group("pleased", {"contact": "latest_rating", "min": 4})
    world.group("latest", {"event": "rating", "mode": "latest", "min_stars": 4})
    world.book("b1", amount="160", currency="IDR", revision=1)
    world.book("b1", amount="160", currency="IDR", revision=2, status="cancelled")
    world.rate(5, "r1", revision=1)
    world.tick(SECOND)
    world.rate(1, "r2")
    world.rate(1, "r2", revision=2, withdrawn=True)
    told = [(row["change"], row["reason"]) for row in world.changes() if row["group"] == "spender"]
    assert told == [("joined", "attribute"), ("left", "retracted")]
    evidence = [row["evidence"] for row in world.changes() if row["group"] == "latest"]
    assert evidence == ["5", None, None]
    world.rate(5, "r1", revision=2, withdrawn=True)
    assert {row["reason"] for row in world.changes()[-2:]} == {"retracted"}


def test_a_deadline_before_the_lap_comes(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """What time ends while a lap is on its way ends when it was due, and for no other reason."""
    for at in range(12):
        world.say("hello", f"+62812345671{at:02}")
    world.group("diner", {"event": "message", "any_of": ["dinner"], "within": "P1D"})
    world.say("dinner")
    world.tick(DAY - 1)
    monkeypatch.setattr(scans, "SLICE", 1)
    world.must("tenant.put", {"region": "ID", "zone": "America/New_York"})
    world.tick(5 * SECOND)
    left = world.changes()[-1]
    assert (left["change"], left["reason"], left["cause"], left["origin"]) == ("left", "expired", None, "live")
    assert millis(left["effective_at"]) == START + DAY


@pytest.mark.parametrize("erase", [False, True])
def test_a_deletion_brings_no_second_notice(world: World, erase: bool) -> None:  # noqa: FBT001 - a parameter of the test
    """Of one contact people are told a thing once a day, also if it was deleted in between."""
    for _ in range(2):
        world.say("please stop texting me")
        world.tick(HOUR)
        world.must("contact.delete", {"contact": {"phone": MADE}, "erase": erase})
        world.must("consent.opt_in", {"contacts": [{"phone": MADE}]})
        world.tick(HOUR)
    world.say("please stop texting me")
    assert len(world.values("notices")) == 1
    world.tick(DAY)
    world.consent("opt_in")
    world.tick(1)
    world.say("please stop texting me")
    assert len(world.values("notices")) == 2
