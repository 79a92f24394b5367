"""What a fold holds in memory is bounded, whatever floods it: counted in objects, at small bounds."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from processors import catalogue, deadlines, heads, scans
from processors import fold as folding
from processors.budget import ANSWERED, READ, RECORD, SETTLED, Budget
from processors.desk import CHANGES
from processors.fold import Fold, Record
from schemas.activity import Defined, Tick, decode, encode
from tests.processors.world import HASH_KEY, HOUR, MADE, START, World, commit

DINNER = {"event": "message", "any_of": ["dinner"], "within": "PT2H"}
PHONES = [f"+62812345{at:05}" for at in range(120)]
MOST, HOT = 20, 3_000
LOOKED_AT = RECORD + READ + ANSWERED + SETTLED
"""What a lap takes for a contact of one message, and one group to be asked."""
TICK = Record(b"tick", encode(Tick(-1, 0, 0, 0)), START)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """A world in which 20 deadlines are taken out of the index at once, and heads dropped one by one."""
    monkeypatch.setattr(deadlines, "MOST", MOST)
    monkeypatch.setattr(heads, "FORGOTTEN", 1)
    made = World()
    made.tenant()
    return made


def flood(world: World, within: str) -> None:
    """Have all guests join in one millisecond, and be due in one."""
    world.group("g", {**DINNER, "within": within})
    for phone in PHONES:
        world.say("dinner", phone=phone)


def gone(fold: Fold) -> list[bytes]:
    """Take who left out of what the fold said."""
    return [out.key for out in fold.desk.take() if out.topic == CHANGES and b'"left"' in (out.value or b"")]


def everybody() -> list[bytes]:
    """Return all keys."""
    return [f"bali/tel:{phone}".encode() for phone in PHONES]


def test_deadlines_of_one_millisecond(world: World) -> None:
    """However many are due at once, few are in memory, and each fires once, in its order."""
    flood(world, "PT2H")
    fold = Fold(world.stores[0], 0, 1, hot=HOT, hash_key=HASH_KEY, budget=Budget(7 * (RECORD + SETTLED)))
    left, applied = list[bytes](), 0
    while not applied:
        applied = fold.take_turn([TICK._replace(timestamp=START + 2 * HOUR)])
        said = gone(fold)
        assert len(said) <= 7
        assert len(fold.desk.deadlines.heap) <= MOST
        left += said
        commit(fold, world.stores[0])
        assert not fold.desk.heads
        assert 0 < fold.heads.kept <= HOT
    assert left == everybody()


def test_a_turn_ends_when_its_work_is_done(world: World) -> None:
    """However many records there are; the next goes on with the record that comes."""
    fold = Fold(world.stores[0], 0, 1, hash_key=HASH_KEY, budget=Budget(2 * RECORD))
    assert fold.take_turn([TICK] * 5) == 2
    assert fold.take_turn([TICK]) == 1
    one = world.event("group.create", {"id": "g", "name": "g", "rule": DINNER})
    (asked,) = world.keyed(one)
    world.append(asked.key, asked.value)
    world.run()
    defined = next(one for one in world.logs[0] if decode(one.value).__class__ is Defined)
    assert fold.take_turn([TICK, defined, TICK, TICK]) < 4


def test_heads_that_were_written_last_stay(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """They are not read again; who was written longest ago goes first, however early the others came."""
    world.group("g", DINNER)
    (fold,), (store,), asked = world.folds, world.stores, list[bytes]()
    first, second, third = PHONES[:3]
    for phone in (first, second, first):
        world.say("dinner", phone=phone)
    read = store.get_many

    def get_many(keys: Sequence[bytes]) -> list[bytes | None]:
        asked.extend(keys)
        return read(keys)

    monkeypatch.setattr(store, "get_many", get_many)
    world.say("dinner", phone=first)
    world.say("dinner", phone=second)
    world.say("dinner", phone=first)
    assert not any(key.startswith(b"h") for key in asked)
    fold.heads.hot = fold.heads.kept
    for phone in (third, first, second):
        world.say("dinner", phone=phone)
    assert [key for key in asked if key.startswith(b"h")] == [
        f"hbali/tel:{phone}".encode() for phone in (third, second)
    ]
    assert [flip[1] for flip in world.flips()] == ["joined"] * 3


def test_nothing_of_the_erased_stays_in_memory(world: World) -> None:
    """Not even as it was written."""
    world.group("g", DINNER)
    (fold,) = world.folds
    world.say("dinner")
    assert fold.heads.kept > 0
    world.must("contact.delete", {"contact": {"phone": MADE}, "erase": True})
    assert (fold.heads.kept, fold.desk.heads) == (0, {})


def test_the_next_owner_goes_on(world: World) -> None:
    """What was not fired when its owner died fires before the next record, though the clock stands there already."""
    flood(world, "PT2H")
    tick = TICK._replace(timestamp=START + 2 * HOUR)
    fold = Fold(world.stores[0], 0, 1, hash_key=HASH_KEY, budget=Budget(50 * RECORD))
    assert fold.take_turn([tick]) == 0
    left = gone(fold)
    assert 0 < len(left) < len(PHONES)
    commit(fold, world.stores[0])
    after = world.fold(0)
    after.apply([tick])
    assert left + gone(after) == everybody()


def test_deadlines_that_come_soon(world: World) -> None:
    """New ones within the horizon go straight into memory, and beyond the bound back into the index."""
    flood(world, "PT5M")
    (fold,) = world.folds
    assert len(fold.desk.deadlines.heap) <= 2 * MOST
    world.tick(HOUR)
    assert [change["change"] for change in world.changes()].count("left") == len(PHONES)


def test_a_record_waits_for_all_that_is_due(world: World) -> None:
    """However few fire in one turn."""
    world.folds[0].turn = 50 * RECORD
    flood(world, "PT10M")
    world.tick(HOUR)
    assert [change["change"] for change in world.changes()].count("left") == len(PHONES)


def test_a_deadline_that_moved(world: World) -> None:
    """What is outdated in memory fires nothing."""
    for name, within in (("late", "PT10M"), ("soon", "PT5M")):
        world.group(name, {**DINNER, "any_of": [name], "within": within})
        world.say(name)
    world.tick(HOUR)
    left = [change["group"] for change in world.changes() if change["change"] == "left"]
    assert left == ["soon", "late"]
    assert world.folds[0].desk.deadlines.heap == []


def test_facts_of_many_contacts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bookings stay decoded up to a bound: those that nobody asked for longest go, and the last contact's never do."""
    monkeypatch.setattr(folding, "DECODED", 10)
    (fold,) = world.folds
    for at in range(30):
        world.book(f"b{at}", PHONES[at % 3], check_in="2026-12-01", check_out="2026-12-02")
        assert fold.desk.decoded == sum(known.counted for known in fold.desk._ledgers.values())
        assert fold.desk.decoded <= 10 or len(fold.desk._ledgers) == 1
        assert (f"bali/tel:{PHONES[at % 3]}".encode(), b"b") in fold.desk._ledgers
    assert [world.contact(phone)["bookings"] for phone in PHONES[:3]] == [10, 10, 10]


def test_contacts_without_facts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """That they have none is remembered of so many only."""
    monkeypatch.setattr(folding, "DECODED", 10)
    (fold,) = world.folds
    for phone in PHONES[:30]:
        world.say("dinner", phone=phone)
    world.group("stayed", {"event": "booking", "within": "P6M"})
    assert fold.desk.decoded <= 10
    assert len(fold.desk._ledgers) <= 10


def test_laps_share_a_slice(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """The laps of two tenants look at no more contacts in a tick than the lap of one."""
    monkeypatch.setattr(scans, "SLICE", 8 * LOOKED_AT)
    world.must("tenant.put", {"region": "ID", "zone": "UTC"}, tenant="java")
    for tenant in ("bali", "java"):
        for phone in PHONES[:40]:
            world.say("dinner", phone=phone, tenant=tenant)
    looked = list[int]()
    for tenant in ("bali", "java"):
        world.must("group.create", {"id": "g", "name": "g", "rule": DINNER}, tenant=tenant)
    while world.folds[0].scanning:
        before = len(world.tables["memberships"])
        world.tick()
        looked.append(len(world.tables["memberships"]) - before)
    assert max(looked) <= 8
    assert len(world.tables["memberships"]) == 80


def test_compiled_definitions(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of many tenants' groups only some stay compiled, and it makes no difference to anybody."""
    monkeypatch.setattr(catalogue, "GROUPS", 1)
    world.must("tenant.put", {"region": "ID", "zone": "UTC"}, tenant="java")
    for tenant in ("bali", "java"):
        world.must("group.create", {"id": "g", "name": "g", "rule": DINNER}, tenant=tenant)
    world.rest()
    for phone in PHONES[:5]:
        for tenant in ("bali", "java"):
            world.say("dinner", phone=phone, tenant=tenant)
            assert len(world.folds[0].catalogue) == 1
    assert len(world.tables["memberships"]) == 10
