"""A group's successor: built while the old rule is in force, then only the differences are told."""

from __future__ import annotations

from typing import Any

import pytest

from processors import scans
from processors.desk import ORIGIN
from processors.explain import explain
from processors.preview import Preview
from processors.rows import scan_of
from schemas.activity import Scanned, Tick, decode, encode
from schemas.questions import PreviewAsked
from tests.processors.test_bounds import LOOKED_AT
from tests.processors.test_tenant import status
from tests.processors.world import DAY, MADE, START, World, iso

DINNER = {"event": "message", "any_of": ["dinner"], "within": "P1M"}
LUNCH = {"event": "message", "any_of": ["lunch"], "within": "P2M"}
EITHER = {"event": "message", "any_of": ["dinner", "lunch"]}
ANNA, BUDI = "+4915123456789", "+6281234567899"


@pytest.fixture
def world() -> World:
    """Made wrote of dinner, Anna of lunch, Budi of both; the group is for dinner."""
    made = World(3)
    made.tenant()
    made.group("food", DINNER, reply="Welcome", leave_words=["NO FOOD"])
    made.say("dinner")
    made.say("lunch", ANNA)
    made.say("dinner and lunch", BUDI)
    return made


def supersede(world: World, rule: dict[str, Any] | None, group: str = "food", **data: Any) -> tuple[str, str | None]:
    """Ask for a successor and return what became of that."""
    world.must("group.create", {"id": group, "rule": rule, "supersedes": group, **data})
    return world.outcomes()[-1]


def row(world: World, group: str = "food") -> dict[str, Any]:
    """Return a group's row of `groups`."""
    found: dict[str, Any] = world.tables["groups"][f"bali/{group}"]
    return found


def tell(contact: str) -> str:
    """Return the id of a phone."""
    return f"tel:{contact}"


def test_only_the_differences_are_told(world: World) -> None:
    """Who matches both stays without a change, with its new end; the others leave and join, seqs going on."""
    before, ends = len(world.changes()), world.tables["memberships"][f"bali/food/{tell(BUDI)}"]["expires_at"]
    assert supersede(world, LUNCH) == ("applied", None)
    world.rest()
    told = {c["contact"]: (c["change"], c["seq"], c["reason"], c["origin"]) for c in world.changes()[before:]}
    assert told == {
        tell(MADE): ("left", 2, "no_longer_matches", "backfill"),
        tell(ANNA): ("joined", 1, "message", "backfill"),
    }
    assert {c["cause"]["id"] for c in world.changes()[before:]} == {f"e{world.sent - 1}"}
    kept = world.tables["memberships"][f"bali/food/{tell(BUDI)}"]
    assert (kept["seq"], kept["expires_at"] > ends) == (1, True)
    assert row(world)["rule"]["any_of"] == ["lunch"]
    assert row(world)["successor"] is None
    assert world.values("replies")[2:] == []  # those of the two live joins
    world.say("lunch", "+6281234567000")
    assert world.changes()[-1]["rule_hash"] == row(world)["rule_hash"]


def test_the_old_rule_stays_in_force_until_all_have_been_asked(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """While a successor is built, joins and leaves are by the old rule; nothing is told of the new one."""
    monkeypatch.setattr(scans, "SLICE", 1)
    guests = [f"+62812345671{at:02}" for at in range(12)]
    for guest in guests:
        world.say("lunch", guest)
    supersede(world, LUNCH)
    building = row(world)
    assert (building["status"], building["rule"]["any_of"]) == ("ready", ["dinner"])
    assert (building["successor"]["rule"]["any_of"], building["successor"]["asked_by"]) == (["lunch"], None)
    world.say("dinner", guests[-1])
    world.say("lunch", "+6281234567000")
    assert tell(guests[-1]) in world.members("food")
    assert tell("+6281234567000") not in world.members("food")
    assert world.members("food") == sorted([tell(MADE), tell(BUDI), tell(guests[-1])])
    world.restart()
    world.rest()
    assert world.members("food") == sorted(map(tell, [ANNA, BUDI, *guests, "+6281234567000"]))
    seqs = [(c["contact"], c["seq"]) for c in world.changes()]
    assert len(set(seqs)) == len(seqs)


def test_who_differs_comes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """Once the successor is in force, the contacts that were to differ are told before the lap gets to the others."""
    world = World()
    world.tenant()
    world.group("food", DINNER)
    guests = [f"+62812345671{at:02}" for at in range(30)]
    for at, guest in enumerate(guests):
        world.say("lunch" if at % 10 == 9 else "dinner and lunch", guest)
    monkeypatch.setattr(scans, "SLICE", 3 * LOOKED_AT)
    supersede(world, LUNCH)
    before = len(world.changes())
    while row(world)["successor"] is not None:
        assert world.changes()[before:] == []
        world.tick()
    done = row(world)["progress"]
    for _ in range(3):  # the lap's own slices would not have come to the last of them
        world.tick()
    assert [c["contact"] for c in world.changes()[before:]] == [tell(guests[at]) for at in (9, 19, 29)]
    assert (done, status(world, "food")) == (0.0, "building")
    world.rest()
    assert not [key for key in world.stores[0].rows if key.startswith((b"x", b"l"))]
    assert status(world, "food") == "ready"


def test_ready_is_told_again(world: World) -> None:
    """Building until all differences are told, then a notice with the new count."""
    supersede(world, EITHER)
    world.rest()
    shown = [(g["status"], bool(g["successor"])) for g in world.values("groups")[2:]]
    assert list(dict.fromkeys(shown)) == [("ready", True), ("building", False), ("ready", False)]
    notice = world.values("notices")[-1]
    assert (notice["kind"], notice["group"], notice["count"]) == ("group_ready", "food", 3)
    assert len({n["id"] for n in world.values("notices")}) == 2


def test_pins_and_consent_are_carried_over(world: World) -> None:
    """Who was added stays, who was removed or opted out stays out, whatever the new rule says."""
    world.pin("add", "food", MADE)
    world.pin("remove", "food", ANNA)
    world.say("no food", BUDI)
    supersede(world, LUNCH)
    world.rest()
    assert world.members("food") == [tell(MADE)]
    assert world.tables["memberships"][f"bali/food/{tell(MADE)}"]["sources"] == ["manual"]


def test_words_that_are_left_out_stay(world: World) -> None:
    """Name, reply and words of the successor apply with its rule; those that it does not say stay."""
    supersede(world, LUNCH, name="Lunch", join_words=["LUNCH"], by="ana")
    world.rest()
    now = row(world)
    assert (now["name"], now["reply"], now["leave_words"], now["join_words"]) == (
        "Lunch", "Welcome", ["NO FOOD"], ["LUNCH"],
    )  # fmt: skip
    world.say("lunch", MADE)
    world.say("no food", MADE)
    assert tell(MADE) not in world.members("food")
    world.say("lunch", "+6281234567000", time=START - 90 * DAY)
    world.say("LUNCH", "+6281234567000")
    assert tell("+6281234567000") in world.members("food")


@pytest.mark.parametrize(("sticky", "left"), [(True, []), (False, [tell(MADE)])])
def test_sticky(sticky: bool, left: list[str]) -> None:  # noqa: FBT001 - a parameter of the test
    """Who was in for good stays if the successor is sticky too; if it is not, its rule decides anew."""
    world = World()
    world.tenant()
    world.group("food", DINNER, sticky=True)
    world.say("dinner")
    world.tick(90 * DAY)
    assert supersede(world, LUNCH, sticky=sticky) == ("applied", None)
    world.rest()
    assert [c["contact"] for c in world.changes()[1:]] == left


def test_a_rule_that_was_not_sticky_holds_nobody() -> None:
    """A sticky successor keeps those who match it, not those who matched the rule before it."""
    world = World()
    world.tenant()
    world.group("food", DINNER)
    world.say("dinner")
    world.say("lunch", ANNA)
    supersede(world, LUNCH, sticky=True)
    world.rest()
    world.tick(90 * DAY)
    assert world.members("food") == [tell(ANNA)]


def test_groups_that_name_it_follow(world: World) -> None:
    """A group of the group changes with it in the same record, and is answered by its new rule from then on."""
    world.group("outer", {"none": [{"group": "food"}]})
    world.group("outermost", {"all": [{"group": "outer"}]})
    before = len(world.changes())
    supersede(world, LUNCH)
    world.rest()
    assert world.members("outermost") == world.members("outer") == [tell(MADE)]
    told = [(c["contact"], c["group"], c["change"]) for c in world.changes()[before:]]
    assert sorted(told) == sorted(
        [(tell(MADE), "food", "left"), (tell(ANNA), "food", "joined")]
        + [(tell(MADE), group, "joined") for group in ("outer", "outermost")]
        + [(tell(ANNA), group, "left") for group in ("outer", "outermost")]
    )


def test_a_successor_may_name_other_groups(world: World) -> None:
    """And then they stand before it: they cannot be deleted, nor may they come to name it."""
    world.group("vip", {"contact": "tags", "has_any": ["vip"]})
    assert supersede(world, {"group": "vip"}) == ("applied", None)
    world.rest()
    world.must("contact.tag", {"contacts": [{"phone": ANNA}], "tags": ["vip"]})
    assert world.members("food") == [tell(ANNA)]
    world.must("group.delete", {"group": "vip"})
    assert world.outcomes()[-1] == ("skipped", "group_in_use")
    assert supersede(world, {"group": "food"}, "vip") == ("skipped", "rule_cycle")


def test_cycles_of_rules_to_come(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two successors that would name each other: the later one is refused, though neither is in force yet."""
    world.group("other", EITHER)
    monkeypatch.setattr(scans, "SLICE", 1)
    for at in range(9):
        world.say("lunch", f"+62812345671{at:02}")
    assert supersede(world, {"any": [{"group": "other"}, {"group": "other"}]}) == ("applied", None)
    assert supersede(world, {"group": "food"}, "other") == ("skipped", "rule_cycle")
    world.must("group.delete", {"group": "other"})
    assert world.outcomes()[-1] == ("skipped", "group_in_use")
    assert supersede(world, {"group": "food"}) == ("skipped", "rule_cycle")
    assert supersede(world, {"group": "nobody"}) == ("skipped", "group_unknown")


def slow(world: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let twelve guests of lunch come, and laps look at one contact a tick."""
    guests = [f"+62812345671{at:02}" for at in range(12)]
    for guest in guests:
        world.say("lunch", guest)
    monkeypatch.setattr(scans, "SLICE", 1)
    return [tell(guest) for guest in guests]


def test_the_newest_successor_counts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A second one takes the place of the one that is being built; the same one again changes nothing."""
    slow(world, monkeypatch)
    before = len(world.changes())
    assert supersede(world, LUNCH) == ("applied", None)
    world.tick()
    assert supersede(world, LUNCH) == ("unchanged", None)
    assert supersede(world, {"event": "manual"}) == ("applied", None)
    world.rest()
    assert {(c["contact"], c["change"]) for c in world.changes()[before:]} == {
        (tell(MADE), "left"),
        (tell(BUDI), "left"),
    }
    assert world.members("food") == []


def test_the_rule_in_force_takes_it_back(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Asked for again while another is built, it stays; asked for without one, nothing changes."""
    slow(world, monkeypatch)
    assert supersede(world, DINNER) == ("unchanged", None)
    supersede(world, LUNCH)
    world.tick()
    before = len(world.changes())
    assert supersede(world, DINNER) == ("applied", None)
    world.rest()
    assert (world.changes()[before:], row(world)["successor"]) == ([], None)
    assert not [key for store in world.stores for key in store.rows if key.startswith((b"x", b"l"))]


def test_another_while_the_first_takes_over(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A successor's own successor may be asked for before all differences are told; each contact ends right."""
    guests = slow(world, monkeypatch)
    supersede(world, LUNCH)
    while status(world, "food") != "building":
        world.tick()
    assert supersede(world, EITHER) == ("applied", None)
    world.restart()
    world.rest()
    assert world.members("food") == sorted([tell(MADE), tell(ANNA), tell(BUDI), *guests])
    assert (status(world, "food"), row(world)["progress"]) == ("ready", None)


def test_given_up_while_the_last_one_is_still_told(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who is known to differ under the rule that has just come is told in any case."""
    guests = slow(world, monkeypatch)
    supersede(world, LUNCH)
    while status(world, "food") != "building":
        world.tick()
    supersede(world, EITHER)
    supersede(world, DINNER)
    supersede(world, LUNCH)
    world.rest()
    assert world.members("food") == sorted([tell(ANNA), tell(BUDI), *guests])


def test_a_delete_takes_the_successor_along(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """All leave, the id is free, and nothing of the successor is left; until then there is none for it."""
    slow(world, monkeypatch)
    supersede(world, LUNCH)
    world.tick()
    world.must("group.delete", {"group": "food"})
    assert supersede(world, EITHER) == ("skipped", "group_deleting")
    world.rest()
    assert (world.members("food"), status(world, "food")) == ([], None)
    assert supersede(world, EITHER) == ("skipped", "group_unknown")
    assert not [key for store in world.stores for key in store.rows if key.startswith((b"x", b"l"))]


def test_other_clocks_while_it_is_built(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """When the tenant's zone changes meanwhile, the successor's windows end by the new one."""
    slow(world, monkeypatch)
    world.book("b1", check_in="2026-11-01", check_out="2026-11-02")
    supersede(world, {"event": "booking", "within": "P1D"})
    world.must("tenant.put", {"region": "ID", "zone": "America/New_York"})
    world.rest()
    ends = world.tables["memberships"][f"bali/food/{tell(MADE)}"]["expires_at"]
    assert ends == "2026-11-03T05:00:00Z"


def test_deleted_contacts_are_in_nothing(world: World) -> None:
    """Who was deleted is not counted as one to join, and does not."""
    world.must("contact.delete", {"contact": {"phone": MADE}})
    supersede(world, {"none": [LUNCH]})
    world.rest()
    assert world.members("food") == []
    assert [g["successor"]["joining"] for g in world.values("groups") if g["successor"]][-1] == 0


def test_who_is_to_join_and_leave_is_counted(world: World) -> None:
    """As far as partitions have reported, the row of the group tells."""
    supersede(world, LUNCH)
    counted = [(g["successor"]["joining"], g["successor"]["leaving"]) for g in world.values("groups") if g["successor"]]
    assert (counted[0], counted[-1]) == ((0, 0), (1, 1))


def test_a_report_of_an_older_lap(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reports of a version before the successor's do not count for it, nor does one that comes again."""
    slow(world, monkeypatch)
    supersede(world, LUNCH)
    at = world.partition(b"bali")
    for version in (1, 3, 3):
        world.append(b"bali", encode(Scanned(*ORIGIN, 0, version, {}, None)), at)
    world.run()
    assert row(world)["successor"]["rule"]["any_of"] == ["lunch"]
    told = [decode(record.value) for record in world.logs[at] if b"lunch" in record.value]
    assert told
    world.rest()
    assert tell(ANNA) in world.members("food")


def test_it_is_refused_under_another_id(world: World) -> None:
    """Campaigns follow the group's id, so its successor has the same one; anything else is a dead letter."""
    reject = world.send("group.create", {"id": "lunch", "rule": LUNCH, "supersedes": "food"})
    assert reject is not None
    assert (reject.reason, reject.detail.partition(":")[0]) == ("field_invalid", "data.supersedes")
    assert world.send("group.create", {"name": "Food!", "rule": LUNCH, "supersedes": "food"}) is None
    world.rest()
    assert row(world)["name"] == "Food!"


def test_those_who_ask_are_answered_by_the_new_rule(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Explain and preview look at contacts that the new rule has not come to yet, and read nothing of the old one's."""
    world.group("outer", {"all": [{"group": "food"}]})
    slow(world, monkeypatch)
    supersede(world, {"event": "rating", "min_stars": 4})
    world.rate(5, "r", ANNA)
    while status(world, "food") != "building":
        world.tick()
    key = f"bali/{tell(ANNA)}".encode()
    fold = world.folds[world.partition(key)]
    stale = next(
        k
        for k in (b"bali/" + tell(p).encode() for p in (MADE, ANNA, BUDI))
        if world.partition(k) == fold.desk.partition
    )
    for asked in (key, stale):
        of = world.folds[world.partition(asked)]
        inner, outer = (explain(of.desk, asked, group, of.definitions(asked), world.now) for group in ("food", "outer"))
        assert inner is not None
        assert outer is not None
        assert inner.member is outer.member is (asked == key)
    found = 0
    for fold in world.folds:
        preview = Preview(fold, PreviewAsked(id="q", tenant="bali", rule={"group": "food"}), world.now)
        while preview.go_on():
            pass
        found += preview.result.count
    assert found == 1


def test_messages_beyond_the_retention_are_of_the_old_rule() -> None:
    """What a row remembers of messages that are gone says nothing to a new rule, also one of as many leaves."""
    world = World()
    world.tenant()
    world.group("ever", {"event": "message", "any_of": ["dinner"]})
    world.say("dinner")
    world.tick(401 * DAY)
    world.tick(2 * DAY)
    world.rest()
    assert world.members("ever") == [tell(MADE)]
    supersede(world, {"event": "message", "any_of": ["dinner"], "min_count": 2}, "ever")
    world.rest()
    assert world.members("ever") == []
    assert iso(world.now) > "2027-11"


def two_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Ask for successors of two groups, the second while the first is being built; return the guests of lunch."""
    world.group("other", EITHER)
    guests = slow(world, monkeypatch)
    supersede(world, LUNCH)
    world.tick()
    supersede(world, DINNER, "other")
    return guests


def those_of_two(world: World, guests: list[str]) -> None:
    """Both are in force."""
    assert world.members("food") == sorted([tell(ANNA), tell(BUDI), *guests])
    assert world.members("other") == sorted([tell(MADE), tell(BUDI)])


def test_two_groups_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Successors of two groups are built side by side, and each takes over by itself."""
    guests = two_at_once(world, monkeypatch)
    world.must("group.update", {"group": "food", "name": "Foodies"})
    world.rest()
    those_of_two(world, guests)
    assert row(world)["name"] == "Foodies"


def test_a_restart_at_every_tick(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever takes the partitions over knows since when a rule is in force, and how far its successor is."""
    world.group("loud", {"event": "message", "any_of": ["dinner", "lunch"], "min_count": 2}, sticky=True)
    world.say("dinner", ANNA)
    guests = slow(world, monkeypatch)
    for at, guest in enumerate(guests):
        if at % 2:
            world.say("dinner", guest.removeprefix("tel:"))
        world.rate(1 + at % 5, f"r{at}", guest.removeprefix("tel:"))
    before = len(world.changes())
    supersede(world, {"event": "rating", "min_stars": 4}, "loud")
    while any(fold.scanning for fold in world.folds):
        world.restart()
        world.tick()
    happy = [guest for at, guest in enumerate(guests) if at % 5 >= 3]
    assert world.members("loud") == sorted(happy)
    joined = [(guest, "joined") for at, guest in enumerate(guests) if at % 5 >= 3 and not at % 2]
    left = [(guest, "left") for at, guest in enumerate(guests) if at % 5 < 3 and at % 2] + [(tell(ANNA), "left")]
    assert sorted((c["contact"], c["change"]) for c in world.changes()[before:]) == sorted(joined + left)
    counted = [(g["successor"]["joining"], g["successor"]["leaving"]) for g in world.values("groups") if g["successor"]]
    assert counted[-1] == (len(joined), len(left))


def test_who_is_erased_while_the_successor_is_built(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was to differ and was erased since is left alone, and is not counted as a contact either."""
    world.group("all", {"none": [{"event": "rating"}]})
    guests = slow(world, monkeypatch)
    supersede(world, LUNCH)
    while not any(key.startswith(b"x") for store in world.stores for key in store.rows):
        world.tick()
    for guest in guests:
        world.must("contact.delete", {"contact": {"id": guest}, "erase": True})
    before = len(world.changes())
    world.rest()
    assert {row["contact"] for row in world.changes()[before:]} == {tell(MADE), tell(ANNA)}
    assert world.members("all") == sorted([tell(MADE), tell(ANNA), tell(BUDI)])
    assert len(world.tables["contacts"]) == 3
    met = sum(scan_of(store.rows[b"sbali"]).total for store in world.stores if b"sbali" in store.rows)
    assert met == 3 + len(guests)
    assert not any(fold.desk.waiting for fold in world.folds)


def test_a_restart_at_every_record(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A successor that takes over in the midst of another lap is not forgotten, nor is who differs under it."""
    guests = two_at_once(world, monkeypatch)
    by_records(world)
    those_of_two(world, guests)
    assert not [key for store in world.stores for key in store.rows if key.startswith((b"x", b"l"))]


def by_records(world: World) -> None:
    """Live on until no lap is under way, every record a commit, and another owner after it."""
    while any(fold.scanning for fold in world.folds):
        for at, log in enumerate(world.logs):
            world.append(b"tick", encode(Tick(-1, 0, 0, 0)), at)
            while world.read[at] < len(log):
                world.step(at, most=1)
                world.restart()
