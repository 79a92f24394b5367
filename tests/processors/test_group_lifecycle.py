"""What groups that are created at once cost, and how they become ready."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from processors import asks, group_lifecycle, scans
from processors.accounts import is_named
from processors.office import Office
from processors.rows import Authority, authority_group_of, authority_of, encode
from processors.state import Pending
from processors.upgrade import upgrade
from schemas.activity import Defined, Scanned, decode
from tests.processors.test_tenant import status
from tests.processors.world import MADE, World

DINNER = {"event": "message", "any_of": ["dinner"]}


OPEN = ("inner", "lost", "slow")


def burst(world: World, groups: int) -> None:
    """Have groups asked for by commands that lie in the log one after the other."""
    for at in range(groups):
        for one in world.keyed(world.event("group.create", {"id": f"g{at}", "rule": DINNER})):
            world.append(one.key, one.value)


@pytest.mark.parametrize("groups", [100, 1_000])
def test_each_of_many_groups_costs_what_one_does(groups: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows that are written, their bytes, records and looks at contacts are so many a group, however many there are."""
    world, written, looked = World(2), list[int](), list[bytes]()
    world.tenant()
    for at in range(4):
        world.say("dinner", f"+62812345671{at:02}")
    put, look = Pending.put, scans.Scans._look_in

    def note(self: Pending, key: bytes, value: bytes | None, under: bytes = b"") -> None:
        if key[:1] in b"avgqnd":
            written.append(len(key) + len(value or b""))
        put(self, key, value, under)

    def count(self: scans.Scans, key: bytes, *more: Any) -> bool:
        looked.append(key)
        return look(self, key, *more)

    monkeypatch.setattr(Pending, "put", note)
    monkeypatch.setattr(scans.Scans, "_look_in", count)
    burst(world, groups)
    world.run()
    world.rest()
    assert {row["status"] for row in world.tables["groups"].values()} == {"ready"}
    assert len(written) < 16 * groups
    assert sum(written) < 4_000 * groups
    assert len(looked) <= 4 * (scans.SINGLY + 2 + 2 * groups // asks.AT_ONCE)
    defined = [record for log in world.logs for record in log if isinstance(decode(record.value), Defined)]
    assert len(defined) == 2 * (groups + 1)
    assert [len(world.members(f"g{at}")) for at in (0, groups - 1)] == [4, 4]


def test_groups_become_ready_some_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The tenant's actor finishes a few in one go, and reports come in parts; each notice counts all members."""
    monkeypatch.setattr(group_lifecycle, "AT_ONCE", 3)
    monkeypatch.setattr(scans, "TOLD", 4)
    world = World(2)
    world.tenant()
    for at in range(6):
        world.say("dinner", f"+62812345671{at:02}")
    burst(world, 20)
    world.run()
    world.rest()
    counts = {notice["group"]: notice["count"] for notice in world.values("notices")}
    assert counts == {f"g{at}": 6 for at in range(20)}
    reports = [told for log in world.logs for record in log if isinstance(told := decode(record.value), Scanned)]
    assert max(len(told.counts) for told in reports) == 4
    assert {told.more for told in reports} == {True, False}
    assert not [key for store in world.stores for key in store.rows if key[:1] in b"vl"]


def test_who_is_named_is_known_without_looking_at_all_groups() -> None:
    """A reference counts until its group begins to be deleted, and one of a successor until it is given up."""
    world = World()
    world.tenant()
    world.group("inner", DINNER)
    world.group("outer", {"all": [{"group": "inner"}, DINNER]})
    world.must("group.delete", {"group": "inner"})
    world.must("group.create", {"id": "outer", "rule": DINNER, "supersedes": "outer"})
    world.rest()
    world.must("group.delete", {"group": "inner"})
    assert world.outcomes()[-1] == ("applied", None)
    assert ("skipped", "group_in_use") in world.outcomes()
    assert not [key for key in world.stores[0].rows if key.startswith(b"g")]


def aged(world: World, waiting: list[int]) -> Office:
    """Give a tenant the rows that it had before: one with all names, and what waits in the groups' own."""
    pending = world.folds[0].desk.pending
    row = authority_of(pending.get(b"abali"))
    pending.put(
        b"abali", encode(Authority(row.version, row.record, [*OPEN], ["lost", "food"], row.bulks, 0, row.commands))
    )
    for key, raw in [*pending.scan(b"abali/")]:
        known = authority_group_of(raw)
        if key == b"abali/slow":
            known.waiting, known.counted, known.earliest = waiting, 2, world.now
        if known.succession is not None:
            known.succession.waiting = waiting
        pending.put(key, encode(known), b"abali/")
    for letter in (b"vbali/", b"gbali/inner/"):
        for key, _ in [*pending.scan(letter)]:
            pending.put(key, None, letter)
    return Office(world.folds[0].desk, "bali")


def test_rows_from_before_are_brought_into_form() -> None:
    """What waited goes on waiting for the same partitions, references hold, and amounts are counted; once."""
    world = World()
    world.tenant()
    world.group("inner", DINNER)
    world.group("food", {"all": [{"group": "inner"}, DINNER]}, join_words=["JOIN"])
    world.group("gone", {"event": "message", "any_of": ["x", "y"]})
    for kind, data in (
        ("group.create", {"id": "slow", "rule": DINNER}),
        ("group.create", {"id": "food", "rule": DINNER, "supersedes": "food"}),
        ("group.delete", {"group": "gone"}),
    ):
        for one in world.keyed(world.event(kind, data)):
            world.append(one.key, one.value)
    world.folds[0].apply(world.logs[0][world.read[0] :])
    now = Office(world.folds[0].desk, "bali")
    before = [(at, row.group) for at, row in now.open() if row.group != "gone"]
    office = upgrade(aged(world, [0]))
    assert upgrade(office) is office
    waiting = [(at, row.group, row.members) for at, row in office.open()]
    assert waiting[1:] == [(*before[0], 2), (*before[1], 0)]
    assert waiting[0][1:] == ("inner", 0)
    assert office.behind(before[0][0]) == [0]
    assert office.authority.earliest == {0: world.now}
    assert is_named(office, "inner")
    amounts = (office.authority.groups, office.authority.keywords, office.authority.words)
    assert amounts == (now.authority.groups, now.authority.keywords, now.authority.words) == (3, 4, 1)
    assert (office.authority.open, office.authority.shadows) == ([], [])


def test_reports_of_laps_from_before_are_counted() -> None:
    """A report that counts members by their groups' ids is taken as one that counts them by versions."""
    world = World()
    world.tenant()
    for one in world.keyed(world.event("group.create", {"id": "g", "rule": DINNER})):
        world.append(one.key, one.value)
    fold = world.folds[0]
    fold.apply(world.logs[0][world.read[0] :])
    version = Office(fold.desk, "bali").authority.version
    group_lifecycle.on_scanned(fold.desk, b"bali", Scanned(-1, 0, 0, 0, 0, version, {"g": 7, "other": 1}))
    (notice,) = [msgspec.json.decode(out.value or b"") for out in fold.desk.out if out.topic == "notices"]
    assert (notice["group"], notice["count"]) == ("g", 7)
    group_lifecycle.on_scanned(fold.desk, b"bali", Scanned(-1, 0, 0, 0, 0, version, {}, counts={version: 3, 99: 1}))


def test_a_group_that_is_deleted_while_it_is_built(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is gone once, and what waited for it to be ready is forgotten."""
    monkeypatch.setattr(scans, "SINGLY", 0)
    world = World(2)
    world.tenant()
    world.say("dinner")
    world.must("group.create", {"id": "g", "rule": DINNER})
    world.must("group.delete", {"group": "g"})
    world.rest()
    assert status(world, "g") is None
    assert not world.values("notices")
    assert not [key for store in world.stores for key in store.rows if key.startswith(b"v")]


def test_what_lies_behind_many_commands_is_not_held_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands beyond some wait in rows, in their order, also over a restart; guests behind them in the log do not."""
    monkeypatch.setattr(asks, "AT_ONCE", 4)
    world = World()
    world.tenant()
    world.must("tenant.put", {"region": "ID"}, tenant="ubud")
    world.group("vip")
    burst(world, 10)
    for one in world.keyed(world.event("group.add", {"group": "g9", "contacts": [{"phone": MADE}]})):
        world.append(one.key, one.value)
    for one in world.keyed(world.event("group.create", {"id": "other"}, tenant="ubud")):
        world.append(one.key, one.value)
    world.say("dinner")
    world.run()
    made = [outcome["group"] for outcome in world.values("outcomes") if outcome["type"] == "group.create"]
    assert made == ["vip", "g0", "g1", "other"]
    assert world.contact()["contact"] == f"tel:{MADE}"
    world.restart()
    assert world.folds[0].scanning
    world.rest()
    made = [outcome["group"] for outcome in world.values("outcomes") if outcome["type"] == "group.create"]
    assert made == ["vip", "g0", "g1", "other", *(f"g{at}" for at in range(2, 10))]
    assert world.members("g9") == [f"tel:{MADE}"]
    assert not [key for key in world.stores[0].rows if key.startswith(b"b")]
    world.now += asks.SECOND
    burst(world, 4)
    world.run()
    assert not world.folds[0].asks.under_way
