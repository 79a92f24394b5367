"""The profile in rules: each field, each operator, and what time alone changes of it."""

from __future__ import annotations

from typing import Any

import pytest

from processors.attributes import ContactLeaf, moment_in
from processors.leaf import FOR_EVER, Zones
from processors.totals import BookingTotals
from schemas.activity import BookingFact
from schemas.rules import ContactRule, parse_rule
from tests.processors.world import DAY, HOUR, MADE, START, World, iso, millis

ANNA = "+4915123456789"
ZONES = Zones("Asia/Makassar", {"berlin": "Europe/Berlin"})


def leaf(**rule: Any) -> ContactLeaf:
    """Compile a rule over the profile."""
    parsed = parse_rule(rule)
    assert isinstance(parsed, ContactRule)
    return ContactLeaf(parsed, "Asia/Makassar", ZONES)


def holds(value: Any, **rule: Any) -> bool:
    """Whether a value passes a rule."""
    compiled = leaf(**rule)
    return compiled.true_at(compiled.memo(value), START)


@pytest.mark.parametrize(
    ("rule", "yes", "no"),
    [
        ({"contact": "source", "is": "whatsapp"}, ["whatsapp", " WhatsApp "], ["telegram", None]),
        ({"contact": "country", "is_any": ["ID", "de"]}, ["id", "DE"], ["FR", None]),
        ({"contact": "email", "present": True}, ["a@b.example"], [None]),
        ({"contact": "email", "present": False}, [None], ["a@b.example"]),
        ({"contact": "email", "present": True, "is": "a@b.example"}, ["A@b.example"], ["c@b.example", None]),
        ({"contact": "tags", "has_any": ["VIP", "new"]}, [["vip"], ["x", "New"]], [["x"], []]),
        ({"contact": "tags", "has_all": ["VIP", "new"]}, [["new", "vip", "x"]], [["vip"], []]),
        ({"contact": "tags", "present": False}, [[]], [["vip"]]),
        ({"contact": "bookings", "min": 2}, [2, 3], [0, 1]),
        ({"contact": "bookings", "max": 1}, [0, 1], [2]),
        ({"contact": "bookings", "is": 0}, [0], [1]),
        ({"contact": "bookings", "is_any": [1, 3]}, [1, 3], [0, 2]),
        ({"contact": "bookings", "present": False}, [0], [1]),
        ({"contact": "latest_rating", "min": "3.5", "max": 4.5}, [3.5, 4.5], [3, 5, None]),
        ({"contact": "spent", "min": "100"}, [{"IDR": "5", "EUR": "100.00"}], [{}, {"IDR": "99.99"}, None]),
        ({"contact": "spent", "min": "100", "currency": "idr"}, [{"IDR": "100"}], [{"EUR": "100"}]),
        ({"contact": "spent", "min": 1, "max": 9}, [{"IDR": "5"}], [{"IDR": "10", "EUR": "0.5"}]),
        ({"contact": "spent", "max": 9}, [{}, {"IDR": "9"}], [{"IDR": "10"}]),
        ({"contact": "spent", "present": True}, [{"IDR": "0"}], [{}]),
        ({"contact": "attributes.x", "is": True}, [True], [1, "true", None, False]),
        ({"contact": "attributes.x", "is": 1}, [1, 1.0], [True, "1", None, [1]]),
        ({"contact": "attributes.x", "is_any": ["Gold", 7]}, ["gold", 7], [8, None, ["gold"]]),
        ({"contact": "attributes.x", "min": 5}, [5, "5.0", 7.5], ["4", True, [5], None, "many"]),
        ({"contact": "attributes.x", "has_any": ["gold"]}, ["Gold", ["x", "gold"], [1, "gold"]], [["x"], 1, None]),
        ({"contact": "attributes.x", "present": True}, [0, False, "", {}], [None]),
    ],
)
def test_operators(rule: dict[str, Any], yes: list[Any], no: list[Any]) -> None:
    """Each operator takes what it should and nothing else; texts in any case, numbers exactly, true is not 1."""
    assert [holds(value, **rule) for value in yes] == [True] * len(yes)
    assert [holds(value, **rule) for value in no] == [False] * len(no)
    compiled = leaf(**rule)
    assert compiled.fades
    assert {compiled.end(compiled.memo(value)) for value in yes} == {FOR_EVER}
    assert {compiled.end(compiled.memo(value)) for value in no} == {0}
    assert [*compiled.evaluate(compiled.memo(yes[0]), START)[1]] == []


def test_what_is_as_in_an_empty_profile_needs_no_memo() -> None:
    """So nobody gets a row in a group for a field that says no more than that nothing is known."""
    assert leaf(contact="tags", has_any=["vip"]).memo(["x"]) == []
    assert leaf(contact="tags", has_any=["vip"]).memo(["vip"]) == [True]
    assert leaf(contact="tags", present=False).memo([]) == []
    assert leaf(contact="tags", present=False).memo(["vip"]) == [False]


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2026-03-01", "2026-02-28T16:00:00Z"),
        (" 2026-03-01 ", "2026-02-28T16:00:00Z"),
        ("2026-03-01T10:00:00+08:00", "2026-03-01T02:00:00Z"),
        ("2026-03-01T10:00:00", None),
        ("0026-03-01", None),
        ("tomorrow", None),
    ],
)
def test_dates_in_attributes(text: str, moment: str | None) -> None:
    """A day is its 00:00 in the tenant's zone, a time needs its offset; all else is no date."""
    assert moment_in(text, "Asia/Makassar") == (None if moment is None else millis(moment))
    older = leaf(contact="attributes.x", older_than="P1D")
    assert bool(older.memo(text)) == (moment is not None)


def test_a_date_that_is_none_is_neither_old_nor_new() -> None:
    """Numbers, lists and nothing never pass older_than or newer_than; nor does what fails another operator."""
    for word in ("older_than", "newer_than"):
        compiled = leaf(contact="attributes.x", **{word: "P1D"})
        for value in (7, True, None, ["2026-01-01"]):
            memo = compiled.memo(value)
            assert not compiled.true_at(memo, START)
            assert [*compiled.evaluate(memo, START)[1]] == []
    picky = leaf(contact="attributes.x", newer_than="P1D", is_any=["2026-11-03"])
    assert (picky.memo("2026-11-02"), picky.end(picky.memo("2026-11-03")) > START) == ([], True)
    assert picky.end([]) == 0


def test_older_and_newer_flip_by_time_alone() -> None:
    """Between the two windows the leaf is true, and both turns are foretold."""
    compiled = leaf(contact="customer_since", older_than="P1D", newer_than="P3D")
    memo = compiled.memo(START)
    assert [compiled.true_at(memo, START + days * DAY) for days in range(5)] == [False, True, True, False, False]
    assert [*compiled.evaluate(memo, START)[1]] == [(START + DAY, True), (START + 3 * DAY, False)]
    assert [*compiled.evaluate(memo, START + DAY)[1]] == [(START + 3 * DAY, False)]
    assert [*compiled.evaluate(memo, START + 3 * DAY)[1]] == []
    assert not compiled.fades


def test_the_last_stay_ends_in_its_propertys_zone() -> None:
    """Of stays that were not cancelled, the last check-out at 00:00 where the property is."""
    compiled = leaf(contact="last_booking", older_than="P12M")
    stays = [
        BookingFact(1, 0, "checked_out", "ubud", check_out="2026-01-02"),
        BookingFact(1, 0, "checked_out", "berlin", check_out="2026-01-02"),
        BookingFact(1, 0, "cancelled", "berlin", check_out="2026-05-02"),
        BookingFact(1, 0, "confirmed", "berlin"),
    ]
    assert compiled.last_stay(BookingTotals(stays).days) == millis("2026-01-01T23:00:00Z")
    assert compiled.last_stay(BookingTotals(stays[2:]).days) is None


@pytest.fixture
def world() -> World:
    """A world with a tenant."""
    made = World()
    made.tenant(properties={"berlin": {"zone": "Europe/Berlin"}})
    return made


def test_a_tag_joins_and_leaves(world: World) -> None:
    """The reason is attribute, the evidence the field, and the cause the command."""
    world.group("vip", {"contact": "tags", "has_any": ["VIP"]})
    world.must("contact.tag", {"contacts": [{"phone": MADE}], "tags": ["vip"]}, id="c1", time=START - HOUR)
    (joined,) = world.changes()
    assert (joined["reason"], joined["evidence"], joined["cause"]) == ("attribute", "tags", {"source": "s", "id": "c1"})
    assert (joined["effective_at"], joined["origin"]) == (iso(START - HOUR)[:-5] + "Z", "live")
    world.must("contact.tag", {"contacts": [{"phone": MADE}], "tags": ["quiet"]})
    world.tick(1)
    world.must("contact.untag", {"contacts": [{"phone": MADE}], "tags": ["VIP"]})
    assert world.flips() == [("vip", "joined", "attribute"), ("vip", "left", "no_longer_matches")]


def test_nobody_joins_for_what_is_not_known_yet(world: World) -> None:
    """Who is only now met is asked once the first event is taken in: no join and leave in one moment."""
    world.group("no-mail", {"contact": "email", "present": False})
    world.group("others", {"none": [{"contact": "source", "is": "whatsapp"}]})
    world.must("rating", {"rating_id": "r", "stars": 5, "guest": {"phone": MADE, "email": "a@b.example"}})
    assert world.flips() == [("others", "joined", "attribute")]
    world.say("hello", phone=ANNA, source="whatsapp")
    assert world.flips()[1:] == [("no-mail", "joined", "attribute")]
    world.pin("add", "others", "+6281234567899", reason="import")
    assert world.flips()[2:] == [("others", "joined", "import"), ("no-mail", "joined", "attribute")]


def test_every_field_makes_a_group(world: World) -> None:
    """Profile fields, totals and dates are read as the contacts topic shows them."""
    rules: dict[str, dict[str, Any]] = {
        "source": {"is": "pms"}, "property": {"is": "berlin"}, "country": {"is": "de"}, "area": {"is": "10115"},
        "language": {"is_any": ["de", "en"]}, "email": {"is": "made@example.com"}, "tags": {"has_all": ["honeymoon"]},
        "attributes.tier": {"is": "gold"}, "bookings": {"min": 1}, "spent": {"min": "50", "currency": "EUR"},
        "latest_rating": {"min": 4}, "customer_since": {"newer_than": "P1M"}, "last_booking": {"newer_than": "P1M"},
    }  # fmt: skip
    for at, (field, operators) in enumerate(rules.items()):
        world.group(f"g{at:02}", {"contact": field, **operators})
    guest = {"phone": MADE, "email": "made@example.com", "country": "DE", "language": "de"}
    world.book(
        "b1", phone=None, guest=guest, property="berlin", postal_code="10115", tags=["Honeymoon"], source="pms",
        attributes={"tier": "Gold"}, amount="50.00", currency="EUR",
    )  # fmt: skip
    world.rate(4.5, "r1")
    assert sorted(flip[0] for flip in world.flips()) == [f"g{at:02}" for at in range(len(rules))]
    assert {flip[2] for flip in world.flips()} == {"attribute"}
    world.group("late", {"all": [{"contact": field, **operators} for field, operators in rules.items()]})
    assert world.members("late") == [f"tel:{MADE}"]
    world.book("b1", phone=ANNA, revision=2, source="pms")
    left = {flip for flip in world.flips() if flip[1] == "left"}
    assert left == {(f"g{at:02}", "left", "retracted") for at in (8, 9, 12)} | {("late", "left", "retracted")}


def test_no_stay_for_twelve_months(world: World) -> None:
    """The flip comes by itself at the deadline, in the property's zone, and a new stay ends it."""
    world.group("lost", {"contact": "last_booking", "older_than": "P12M"})
    world.book("b1", check_in="2025-11-29", check_out="2025-11-30", property="berlin")
    assert world.members("lost") == []
    due = millis("2026-11-29T23:00:00Z")
    world.tick(due - START - 1)
    assert world.members("lost") == []
    world.tick(2)
    (joined,) = world.changes()
    assert (joined["reason"], joined["effective_at"], joined["cause"]) == ("time", "2026-11-29T23:00:00Z", None)
    world.book("b2", check_in="2027-01-01", check_out="2027-01-02")
    assert world.members("lost") == []
    world.book("b2", check_in="2027-01-01", check_out="2027-01-02", property="berlin", revision=2)
    (head,) = world.folds[0].heads.read([f"bali/tel:{MADE}".encode()])
    assert head.rows["lost"].due == millis("2028-01-01T23:00:00Z")


def test_only_groups_that_read_a_changed_field_are_asked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A new tag asks the groups that read tags; those that read the language are left alone."""
    world.group("tagged", {"contact": "tags", "has_any": ["vip"]})
    world.group("german", {"contact": "language", "is": "de"})
    world.say("x")
    asked: list[str] = []
    original = ContactLeaf.memo

    def memo(self: ContactLeaf, value: Any) -> Any:
        asked.append(self.field)
        return original(self, value)

    monkeypatch.setattr(ContactLeaf, "memo", memo)
    world.must("contact.tag", {"contacts": [{"phone": MADE}], "tags": ["vip"]})
    world.say("y")
    assert asked == ["tags"]
    world.must("contact.upsert", {"contact": {"phone": MADE, "attributes": {"x": 1}}})
    assert asked == ["tags"]


def test_true_and_one_are_two_values(world: World) -> None:
    """An attribute that turns from 1 into true is a change."""
    world.group("yes", {"contact": "attributes.x", "is": True})
    for at, value in enumerate((1, True, 1)):
        world.must("contact.upsert", {"contact": {"phone": MADE, "attributes": {"x": value}}}, time=START - HOUR + at)
    assert world.outcomes()[-3:] == [("applied", None)] * 3
    assert world.flips() == [("yes", "joined", "attribute"), ("yes", "left", "no_longer_matches")]


@pytest.mark.parametrize(
    ("rule", "first", "second"),
    [
        ({"contact": "latest_rating", "min": 4}, {"stars": 5}, {"stars": 2}),
        ({"contact": "spent", "currency": "IDR", "min": "100"}, {"amount": "150"}, {"amount": "50"}),
        ({"contact": "bookings", "min": 1}, {"status": "confirmed"}, {"status": "cancelled"}),
    ],
)
def test_a_fact_that_is_revised_takes_a_membership_back(
    world: World, rule: dict[str, Any], first: dict[str, Any], second: dict[str, Any]
) -> None:
    """An edited rating or booking is told as such; another one that changes the answer is not."""
    world.group("g", rule)
    for revision, more in enumerate((first, second), start=1):
        if "stars" in more:
            world.rate(more["stars"], "r", revision=revision)
        else:
            world.book("b", currency="IDR", revision=revision, **more)
    assert [(change, reason) for _, change, reason in world.flips()] == [
        ("joined", "attribute"),
        ("left", "retracted"),
    ]
    if "stars" in first:
        world.rate(5, "r", revision=3)
        world.tick(1)
        world.rate(1, "another")
        assert world.flips()[-1] == ("g", "left", "no_longer_matches")


def test_what_a_revision_only_tells_anew_takes_nothing_back(world: World) -> None:
    """A tag that a booking's second revision tells is news, as from another booking."""
    world.group("g", {"none": [{"contact": "tags", "has_any": ["vip"]}]})
    world.book("b")
    world.book("b", revision=2, tags=["vip"])
    assert world.flips() == [("g", "joined", "attribute"), ("g", "left", "no_longer_matches")]
