"""The tenant's actor: commands decided in log order, groups from building to gone."""

from __future__ import annotations

from typing import Any, cast

import msgspec
import pytest

from processors.desk import ORIGIN, Desk
from processors.normalize import Keyed, Normalizer, Raw
from processors.state import MemoryStore
from processors.tenant import on_pins_asked, on_tenant_asked
from schemas.activity import COMMANDS, PinsAsked, TenantAsked, decode
from schemas.dead_letters import read
from tests.processors.world import DAY, MADE, START, World, iso, told

DINNER = {"event": "message", "any_of": ["dinner"], "within": "P1M"}
ANNA = "+4915123456789"


@pytest.fixture
def world() -> World:
    """A world of three partitions with a tenant."""
    made = World(3)
    made.tenant()
    return made


def status(world: World, group: str) -> str | None:
    """Return the status of a group by the groups table."""
    row = world.tables["groups"].get(f"bali/{group}")
    return None if row is None else str(row["status"])


def test_a_group_is_ready_when_all_partitions_are(world: World) -> None:
    """The notice counts the members of all partitions and says how far back facts reach."""
    phones = [f"+62812345678{at:02}" for at in range(10, 22)]
    for at, phone in enumerate(phones):
        world.say("dinner" if at % 2 else "lunch", phone=phone, time=START - DAY * at)
    world.must("group.create", {"id": "g", "rule": DINNER})
    assert [g["status"] for g in world.values("groups")] == ["building", "ready"]
    (notice,) = world.values("notices")
    assert (notice["count"], notice["coverage_from"]) == (6, "2026-10-22T10:05:11Z")
    assert {change["origin"] for change in world.changes()} == {"backfill"}


@pytest.mark.parametrize(
    ("rule", "reaches"),
    [
        ({"event": "rating", "min_stars": 4}, 1_000 * DAY),
        ({"any": [{"event": "rating"}, DINNER]}, 402 * DAY),
    ],
)
def test_messages_reach_no_further_back_than_they_are_kept(world: World, rule: dict[str, Any], reaches: int) -> None:
    """A rating of three years ago says nothing of what guests wrote then."""
    world.rate(5, "r", time=START - 1_000 * DAY)
    world.group("g", rule)
    assert world.values("notices")[-1]["coverage_from"] == iso(START - reaches)[:-5] + "Z"


def test_a_group_by_hand_is_ready_at_once(world: World) -> None:
    """It has a notice too, for whoever waits for that; a repeat and new words are no news."""
    before = len(world.values("notices"))
    world.group("list")
    world.must("group.update", {"group": "list", "name": "A list"})
    world.group("list")
    (notice,) = world.values("notices")[before:]
    assert (notice["kind"], notice["group"], notice["count"]) == ("group_ready", "list", 0)
    assert status(world, "list") == "ready"


def test_a_deleted_group_goes_when_all_have_left(world: World) -> None:
    """Members leave, the definition is null, the id is free, and seq goes on."""
    for phone in (MADE, ANNA):
        world.say("dinner", phone=phone)
    world.group("g", DINNER)
    world.must("group.delete", {"group": "g"})
    world.rest()
    assert status(world, "g") is None
    assert world.tables["memberships"] == {}
    assert {flip for flip in world.flips() if flip[1] == "left"} == {("g", "left", "group_deleted")}
    world.group("g", {"all": [DINNER, {**DINNER, "min_count": 1}]})
    assert world.members("g") == sorted([f"tel:{MADE}", f"tel:{ANNA}"])
    assert {c["seq"] for c in world.changes()[-2:]} == {3}


def test_a_group_that_is_being_deleted_answers_so() -> None:
    """Until the last member has left, no create, update, add or rule that names it; a second delete is unchanged."""
    desk = Desk(MemoryStore(), 0, 2, "rollcall.", 0)
    ask(desk, "tenant.put", {})
    ask(desk, "group.create", {"id": "g"})
    assert ask(desk, "group.delete", {"group": "g"}) == ("applied", None)
    assert ask(desk, "group.delete", {"group": "g"}) == ("unchanged", None)
    assert ask(desk, "group.create", {"id": "g"}) == ("skipped", "group_deleting")
    assert ask(desk, "group.update", {"group": "g", "name": "x"}) == ("skipped", "group_deleting")
    assert ask(desk, "group.create", {"id": "h", "rule": {"group": "g"}}) == ("skipped", "group_deleting")
    on_pins_asked(desk, b"bali", PinsAsked(*ORIGIN, "s", "c", START, "group.add", "g", [f"tel:{MADE}"]))
    assert told(desk.out[-1])["reason"] == "group_unknown"


def ask(desk: Desk, kind: str, data: dict[str, Any], id_: str = "") -> tuple[str, str | None]:
    """Ask a tenant's actor alone, each time anew unless an id is given; return what it says became of it."""
    id_ = id_ or f"c{len(desk.out)}"
    command = {"specversion": "1.0", "type": kind, "source": "s", "id": id_, "time": "2026-11-02T10:05:11Z"}
    body = msgspec.json.encode({**command, "tenant": "bali", "data": data})
    on_tenant_asked(desk, b"bali", TenantAsked(*ORIGIN, body, body))
    outcome = told(next(out for out in reversed(desk.out) if out.topic == "outcomes"))
    return outcome["outcome"], outcome["reason"]


def test_references_between_groups_stand_or_fall_together() -> None:
    """A rule names groups that are there and not itself; a named group cannot be deleted before."""
    desk = Desk(MemoryStore(), 0, 1, "rollcall.", 0)
    ask(desk, "tenant.put", {})
    assert ask(desk, "group.create", {"id": "a", "rule": {"group": "a"}}) == ("skipped", "rule_cycle")
    assert ask(desk, "group.create", {"id": "a", "rule": {"group": "b"}}) == ("skipped", "group_unknown")
    ask(desk, "group.create", {"id": "b"})
    assert ask(desk, "group.create", {"id": "a", "rule": {"group": "b"}}) == ("applied", None)
    assert ask(desk, "group.delete", {"group": "b"}) == ("skipped", "group_in_use")
    assert ask(desk, "group.delete", {"group": "nobody"}) == ("skipped", "group_unknown")


def test_a_group_deleted_while_building_is_not_made_ready() -> None:
    """What partitions report of the building does not end the deletion, nor the other way round."""
    desk = Desk(MemoryStore(), 0, 2, "rollcall.", 0)
    ask(desk, "tenant.put", {})
    ask(desk, "group.create", {"id": "g", "rule": DINNER})
    ask(desk, "group.delete", {"group": "g"})
    defined = [decode(out.value) for out in desk.out if out.topic == "contact-activity"]
    assert [(d.version, b'"deleting"' in d.group) for d in defined if d.group] == [(2, False)] * 2 + [(3, True)] * 2


REPEATED = ("unchanged", "repeated")


@pytest.mark.parametrize(
    ("kind", "first", "then"),
    [
        ("tenant.put", {"region": "ID"}, {"region": "DE"}),
        ("group.update", {"group": "g", "name": "A"}, {"group": "g", "name": "B"}),
        ("group.create", {"id": "g", "rule": DINNER, "supersedes": "g"}, {"id": "g", "supersedes": "g"}),
    ],
)
def test_a_repeat_puts_nothing_back(kind: str, first: dict[str, Any], then: dict[str, Any]) -> None:
    """A command that is delivered again behind another changes nothing, also once it is decided by the next owner."""
    store = MemoryStore()
    desk = Desk(store, 0, 1, "rollcall.", 0)
    ask(desk, "tenant.put", {}, "t")
    ask(desk, "group.create", {"id": "g", "rule": {**DINNER, "min_count": 2}}, "g")
    assert [ask(desk, kind, first, "a"), ask(desk, kind, then, "b")] == [("applied", None)] * 2
    store.write(desk.pending.take())
    after = Desk(store, 0, 1, "rollcall.", 0)
    assert [ask(after, kind, first, "a"), ask(after, kind, then, "b")] == [REPEATED] * 2
    assert {out.topic for out in after.out} == {"outcomes"}


def test_a_deleted_group_is_not_made_again_by_a_repeat(world: World) -> None:
    """Nor is one deleted again that was made anew."""
    for nth in range(2):
        for kind, data, id_ in (("group.create", {"id": "g"}, "make"), ("group.delete", {"group": "g"}, "drop")):
            world.must(kind, data, id=id_)
            world.rest()
        assert world.outcomes()[-2:] == ([("applied", None)] * 2 if not nth else [REPEATED] * 2)
    world.group("g", {"event": "manual"})
    world.must("group.delete", {"group": "g"}, id="drop")
    world.rest()
    assert status(world, "g") == "ready"


def test_what_was_refused_may_come_again() -> None:
    """Once what stood in its way is gone."""
    desk = Desk(MemoryStore(), 0, 1, "rollcall.", 0)
    assert ask(desk, "group.create", {"id": "g"}, "g") == ("skipped", "tenant_unknown")
    ask(desk, "tenant.put", {})
    assert ask(desk, "group.create", {"id": "h", "rule": {"group": "g"}}, "h") == ("skipped", "group_unknown")
    assert ask(desk, "group.create", {"id": "g"}, "g") == ("applied", None)
    assert ask(desk, "group.create", {"id": "h", "rule": {"group": "g"}}, "h") == ("applied", None)


def test_commands_are_remembered_for_a_month() -> None:
    """As long as they lie in their topic; then nothing is left of them, however many there were."""
    desk = Desk(MemoryStore(), 0, 1, "rollcall.", 0)
    for nth in range(5):
        desk.now = START + nth * DAY
        ask(desk, "tenant.put", {"region": "ID" if nth % 2 else "DE"}, str(nth))
    desk.now = START + 31 * DAY
    assert [ask(desk, "tenant.put", {"region": "FR"}, str(nth)) for nth in (2, 4)] == [REPEATED] * 2
    assert ask(desk, "tenant.put", {"region": "FR"}, "new") == ("applied", None)
    assert [ask(desk, "tenant.put", {"region": "FR"}, str(nth))[1] for nth in (0, 1, 2)] == [None, None, "repeated"]
    desk.now = START + 90 * DAY
    for nth in range(3):
        ask(desk, "tenant.put", {"region": "IT"}, f"last {nth}")
    rows = [key for key, value in desk.pending.writes.items() if key[:1] in {b"q", b"n"} and value is not None]
    assert len(rows) == 2 * 3


def test_a_rule_never_changes(world: World) -> None:
    """The same rule again is unchanged, also with defaults filled in; another one or another `sticky` is refused."""
    world.group("g", DINNER)
    world.must("group.create", {"id": "g", "rule": {**DINNER, "min_count": 1}})
    world.must("group.create", {"id": "g", "rule": DINNER, "sticky": True})
    world.must("group.update", {"group": "g", "rule": DINNER, "sticky": False})
    world.must("group.update", {"group": "g", "sticky": True})
    assert world.outcomes()[2:] == [
        ("unchanged", None),
        ("skipped", "rule_immutable"),
        ("unchanged", None),
        ("skipped", "rule_immutable"),
    ]


def test_a_rule_is_shown_as_it_was_sent(world: World) -> None:
    """Without the defaults that it left out, also where it succeeds another; no rule is the default one."""
    rating = {"event": "rating", "min_stars": 4}
    world.group("g", DINNER)
    assert world.tables["groups"]["bali/g"]["rule"] == DINNER
    world.must("group.create", {"id": "g", "rule": rating, "supersedes": "g"})
    assert world.tables["groups"]["bali/g"]["rule"] == rating
    world.must("group.create", {"id": "by-hand", "name": "By hand"})
    assert world.tables["groups"]["bali/by-hand"]["rule"] == {"event": "manual"}


def test_a_retention_cut_down_stops_nobody() -> None:
    """Groups made under a longer retention are still read, compared and worked with."""
    world = World(retention="P900D")
    world.tenant()
    world.group("g", {**DINNER, "within": "P800D"})
    world.retention = "P30D"
    world.restart()
    world.say("dinner")
    world.must("group.update", {"group": "g", "name": "Longer"})
    assert world.members("g") == [f"tel:{MADE}"]


def test_commands_of_an_unknown_tenant(world: World) -> None:
    """They end in an outcome and, with their bytes, as a dead letter."""
    world.must("group.create", {"id": "g"}, tenant="nobody")
    letter, outcome = world.out[-2:]
    assert (letter.topic, told(outcome)["reason"]) == ("dead-letters", "tenant_unknown")
    assert dict(letter.headers)["topic"] == b"rollcall.commands"
    assert told(letter)["data"] == {"id": "g"}


def test_another_zone_moves_deadlines(world: World) -> None:
    """When the tenant's clocks change, every group is asked again and the ends move, without a change."""
    world.group("g", {"event": "booking", "within": "P1D"})
    world.book("b1", check_out="2026-11-05")
    world.tenant(zone="America/New_York")
    world.rest()
    (before, after) = (row["expires_at"] for row in world.values("memberships"))
    assert before != after
    assert len(world.changes()) == 1


def test_a_tenant_without_a_record_keeps_its_zone(world: World) -> None:
    """What a tenant had stays as it is when its record is taken away, also after a restart."""
    world.group("g", {"event": "booking", "within": "P1M"})
    world.book("b1")
    world.must("tenant.delete", {})
    assert world.tables["tenants"] == {}
    world.restart()
    world.tenant(name="again")
    world.rest()
    world.book("b2", phone=ANNA)
    assert len({row["expires_at"] for row in world.tables["memberships"].values()}) == 1


def test_the_record_alone_asks_nobody(world: World) -> None:
    """A record with the same zones starts no lap."""
    world.group("g", DINNER)
    world.tenant(name="Bali", phone_format="digits")
    assert not any(fold.scanning for fold in world.folds)
    world.say("dinner")
    assert world.contact()["phone"] == MADE[1:]


def test_a_lap_finishes_only_the_groups_that_it_was_for(world: World) -> None:
    """A group that came while a lap was under way waits for the next one; both get ready, in their order."""
    world.say("dinner")
    for name in ("first", "second"):
        rule = {"event": "message", "any_of": ["dinner"]}
        event = world.event("group.create", {"id": name, "name": name, "rule": rule})
        world.sent += 1
        raw = Raw(3, 0, world.sent, world.now, b"k", msgspec.json.encode(event), ())
        for one in cast("list[Keyed]", Normalizer(world.tenants).normalize(raw)):
            world.append(one.key, one.value)
    world.run()
    world.rest()
    ready = [(value["id"], value["status"]) for value in world.values("groups")]
    assert ready == [("first", "building"), ("second", "building"), ("first", "ready"), ("second", "ready")]
    assert world.members("second") == [f"tel:{MADE}"]


def test_a_long_key_of_a_command_is_cut_where_it_is_read() -> None:
    """A group command with a key of 3 MB is a small activity; without a tenant its dead letter says what was cut."""
    headers = [("ce_id", b"x" * 3_000_000)]
    event = {"specversion": "1.0", "type": "group.create", "source": "s", "id": "c", "time": "2026-11-02T10:05:11Z"}
    value = msgspec.json.encode({**event, "tenant": "bali", "data": {"id": "g", "name": "G"}})
    raw = Raw(COMMANDS, 0, 9, START, b"k" * 3_000_000, value, [("traceparent", b"x" * 3_000_000)])
    found = Normalizer({}).normalize(raw)
    assert isinstance(found, list)
    (keyed,) = found
    assert len(keyed.value) < 4096
    desk = Desk(MemoryStore(), 0, 1, "rollcall.", 0)
    for record in (decode(keyed.value), TenantAsked(*ORIGIN, value, value, b"k" * 3_000_000, headers)):
        on_tenant_asked(desk, b"bali", record)
        letter = next(out for out in desk.out if out.topic == "dead-letters")
        lines = read(letter.value, letter.headers)
        assert (lines.reason, lines.truncated, lines.key_size) == ("tenant_unknown", True, 3_000_000)
        assert len(letter.key) == 1024
        desk.out.clear()
