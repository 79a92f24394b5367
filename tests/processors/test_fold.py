"""The fold of one partition: its clock, its laps, its sweep, and that nothing stops it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors import scans, sweep
from processors.deadlines import HORIZON
from processors.fold import Fold, Record
from processors.normalize import Normalizer, Raw
from processors.rows import head_key, head_of
from processors.state import MemoryStore
from schemas.activity import Tick, encode
from schemas.base import Reject
from schemas.tenants import Tenant
from tests.processors.test_bounds import LOOKED_AT
from tests.processors.world import DAY, HASH_KEY, HOUR, MADE, SECOND, START, World, commit, told

DINNER = {"event": "message", "any_of": ["dinner"], "within": "PT2H"}


@pytest.fixture
def world() -> World:
    """A world with a tenant."""
    made = World()
    made.tenant()
    return made


def tick(at: int) -> Record:
    """Make a tick appended at a moment."""
    return Record(b"tick", encode(Tick(-1, 0, 0, 0)), at)


def test_deadlines_beyond_the_horizon_wait_in_the_index(world: World) -> None:
    """One due in hours is not in memory, moves the wake only as far as the horizon, and fires all the same."""
    world.group("g", DINNER)
    world.say("dinner")
    (fold,) = world.folds
    assert (fold.next_due, fold.wake) == (0, fold.desk.deadlines.reached[0])
    world.tick(2 * HOUR - HORIZON + 1)
    assert fold.next_due == START + 2 * HOUR == fold.wake
    world.tick(HORIZON)
    assert world.flips()[-1] == ("g", "left", "expired")
    assert fold.next_due == 0


def test_a_restart_in_the_middle_says_the_same(world: World) -> None:
    """A new fold over the same rows fires the deadline at its moment, once, also a day late."""
    world.group("g", DINNER)
    world.say("dinner")
    world.restart()
    world.tick(DAY)
    world.restart()
    world.tick(DAY)
    assert world.flips() == [("g", "joined", "message"), ("g", "left", "expired")]
    assert not [key for key in world.stores[0].rows if key.startswith(b"i")]


def test_uncommitted_deadlines_are_found_when_the_horizon_moves(world: World) -> None:
    """A deadline set and reached within one chunk fires, though the index has never seen it."""
    world.group("g", DINNER)
    before = world.read[0]
    world.say("dinner")
    fold = Fold(MemoryStore(), 0, 1, hash_key=HASH_KEY)
    fold.apply([*world.logs[0][:before], *world.logs[0][before:], tick(START + 3 * HOUR)])
    assert fold.desk.counts["left"] == 1


def test_the_clock_never_goes_back(world: World) -> None:
    """A record with an earlier append time is applied at the time already reached."""
    world.group("g", DINNER)
    (fold,) = world.folds
    fold.apply([tick(START + DAY), tick(START)])
    assert fold.desk.now == START + DAY


def test_raw_records_read_before_are_skipped(world: World) -> None:
    """What normalize repeats after a crash is counted and not applied, in the same fold and in the next."""
    world.group("g", DINNER)
    world.say("dinner")
    again = [record for record in world.logs[0] if record.key == f"bali/tel:{MADE}".encode()]
    for fold in (world.folds[0], world.fold(0)):
        fold.apply(again)
        assert fold.desk.counts["replayed"] == len(again)
        fold.desk.take()


def test_a_lap_goes_on_by_ticks(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slice of contacts a tick; guests who come meanwhile are not missed, nor counted twice."""
    monkeypatch.setattr(scans, "SLICE", 3 * LOOKED_AT)
    phones = [f"+6281234567{at:03}" for at in range(100, 110)]
    for phone in phones:
        world.say("dinner", phone=phone)
    world.must("group.create", {"id": "g", "rule": DINNER})
    (fold,) = world.folds
    assert (fold.scanning, len(world.members("g"))) == (True, 3)
    world.say("dinner", phone=MADE)
    world.tick()
    assert len(world.members("g")) == 7
    world.restart()
    world.rest()
    assert (world.folds[0].scanning, len(world.members("g"))) == (False, 11)
    assert world.values("notices")[-1]["count"] == 11


def test_definitions_that_come_during_a_lap_share_the_next(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two groups made while a lap is under way are ready after one more."""
    monkeypatch.setattr(scans, "SLICE", 2 * LOOKED_AT)
    for at in range(6):
        world.say("dinner", phone=f"+628123456710{at}")
    for name in ("a", "b", "c"):
        world.must("group.create", {"id": name, "rule": DINNER})
    laps = 0
    while world.folds[0].scanning:
        laps += world.folds[0].scans.of["bali"].cursor == b""
        world.tick()
    assert laps <= 2
    assert [(n["group"], n["count"]) for n in world.values("notices")] == [("a", 6), ("b", 6), ("c", 6)]


def test_heads_are_forgotten_beyond_the_hot_ones(world: World) -> None:
    """What is too much is dropped after a commit and read again when needed."""
    world.group("g", DINNER)
    (fold,) = world.folds
    fold.heads.hot = 1
    for phone in (MADE, "+4915123456789", MADE):
        world.say("dinner", phone=phone)
        world.rate(5, "r", phone=phone)
    assert (fold.heads.kept, fold.desk.heads) == (0, {})
    world.tick(3 * HOUR)
    assert [flip[1] for flip in world.flips()] == ["joined", "joined", "left", "left"]


def test_a_deadline_of_a_group_that_is_gone_is_dropped(world: World) -> None:
    """A row whose group vanished has no more moments."""
    world.group("g", DINNER)
    world.say("dinner")
    (fold,) = world.folds
    fold.definitions(b"bali/").drop_group("g")
    fold.apply([tick(START + DAY)])
    commit(fold, world.stores[0])
    head = head_of(world.stores[0].rows[head_key(f"bali/tel:{MADE}".encode())])
    assert (head.due, head.rows["g"].due) == (0, 0)


def test_the_sweep_looks_through_slices(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once a day, a slice of facts a tick; bookings and ratings stay."""
    monkeypatch.setattr(sweep, "SWEPT", 2)
    world.book("b1")
    world.rate(5, "r1")
    for _ in range(4):
        world.say("dinner")
    world.tick(403 * DAY)
    assert world.folds[0].scanning
    world.restart()
    world.rest()
    facts = [key for key in world.stores[0].rows if key.startswith(b"f")]
    assert len(facts) == 2
    world.tick(SECOND)
    assert not world.folds[0].scanning


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=5,
)
odd_texts = st.text(max_size=12) | st.sampled_from(["", "/", "a/b", "\0", "tel:", "İ", "x" * 300, "booking:"])
odd_moments = st.sampled_from([
    "2026-11-02T10:05:11Z", "0002-01-01T00:00:00Z", "9998-12-31T23:59:59-14:00", "1970-01-01T00:00:00Z",
    "2026-11-02T10:05:11.999999+14:00", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59-14:00",
])  # fmt: skip
odd_days = st.sampled_from(["2026-11-01", "1900-01-01", "2999-12-31", "0001-01-01", "9999-12-31", "2026-02-29", "x"])
odd_amounts = st.sampled_from(
    ["0", "-0", "1E+17", "999999999999999999.999999999", "NaN", "1e999999", 0.1, 10**17, "0E-9"]
)
odd_withins = st.sampled_from(["P99Y", "PT0.001S", "P36500D", "PT876000H", "P1Y1M1W1DT1H1M1S", "P400D", "P0D", None])
odd_rules = st.one_of(
    st.builds(lambda w: {"event": "message", "any_of": ["a", "İ", "x"], "within": w}, odd_withins),
    st.builds(lambda w: {"event": "booking", "within": w, "stay": "past"}, odd_withins),
    st.builds(lambda w: {"none": [{"event": "rating", "mode": "all", "within": w}]}, odd_withins),
)
odd_contacts = st.lists(st.builds(lambda id_: {"id": id_}, odd_texts | st.just(f"tel:{MADE}")))
odd_data: dict[str, st.SearchStrategy[Any]] = {
    "booking": st.fixed_dictionaries({
        "booking_id": odd_texts, "status": st.sampled_from(["confirmed", "cancelled"]), "room_type": odd_texts,
        "check_in": odd_days, "check_out": odd_days,
        "guest": st.fixed_dictionaries({}, optional={"phone": odd_texts, "email": odd_texts, "name": odd_texts}),
    }, optional={"amount": odd_amounts, "currency": st.sampled_from(["IDR", "idr"]), "revision": st.integers(0, 3)}),
    "rating": st.fixed_dictionaries({
        "rating_id": odd_texts, "stars": st.sampled_from([1, 4.5, 5, 9]),
        "guest": st.fixed_dictionaries({}, optional={"telegram": odd_texts, "phone": st.just(MADE)}),
    }, optional={"revision": st.integers(0, 3), "withdrawn": st.booleans()}),
    "message": st.fixed_dictionaries({
        "message_id": odd_texts, "channel": odd_texts, "direction": st.sampled_from(["inbound", "outbound"]),
        "text": odd_texts, "from": odd_texts, "to": odd_texts,
    }, optional={"deleted": st.booleans(), "revision": st.integers(0, 3), "user_id": odd_texts}),
    "group.create": st.fixed_dictionaries(
        {"id": st.sampled_from(["a", "b"])}, optional={"sticky": st.booleans(), "rule": odd_rules | json_values}
    ),
    "group.add": st.fixed_dictionaries({
        "group": st.sampled_from(["a", "b"]), "contacts": odd_contacts,
    }, optional={"expires_at": odd_moments}),
    "group.delete": st.fixed_dictionaries({"group": st.sampled_from(["a", "b"])}),
    "tenant.put": st.fixed_dictionaries({}, optional={"zone": st.sampled_from(["UTC", "Pacific/Kiritimati"])}),
    "tenant.delete": st.just({}),
}  # fmt: skip
odd_events = st.one_of([
    st.tuples(st.just(kind), data | json_values, odd_moments, odd_texts) for kind, data in odd_data.items()
])  # fmt: skip


@settings(max_examples=80, deadline=None, derandomize=True)
@given(st.lists(st.tuples(odd_events, st.sampled_from([0, 1, DAY, 400 * DAY, 40_000 * DAY])), max_size=12))
def test_nothing_that_comes_through_normalize_stops_the_fold(events: list[Any]) -> None:
    """Whatever JSON says: a dead letter or an outcome, and the stream goes on."""
    world = World()
    world.tenant()
    for (kind, data, time, id_), wait in events:
        world.tick(wait)
        source = id_ or "s"
        event = {"specversion": "1.0", "type": kind, "source": source, "id": id_ or "e", "tenant": "bali", "time": time}
        assert isinstance(world.publish({**event, "data": data}), Reject | None)
        world.rest()
    world.tick(DAY)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(st.binary(max_size=60) | json_values.map(msgspec.json.encode), st.sampled_from([0, 1, 2, 3]))
def test_any_bytes_are_an_activity_or_a_dead_letter(value: bytes, topic: int) -> None:
    """Normalize never raises on what lies in a raw topic."""
    normalizer = Normalizer({"bali": Tenant(tenant="bali")})
    keyed = normalizer.normalize(Raw(topic, 0, 0, START, None, value, ()))
    assert isinstance(keyed, Reject | list)


def test_keys_without_a_contact_stop_nothing() -> None:
    """A key that is empty or names no contact is folded like any other."""
    world = World()
    world.tenant()
    world.group("g", DINNER)
    world.say("dinner")
    (message,) = [record for record in world.logs[0] if record.key.endswith(MADE.encode())]
    for key in (b"", b"bali", b"bali/", b"/", b"x/y/z"):
        fold = Fold(world.stores[0], 0, 1, hash_key=HASH_KEY)
        fold.read.clear()
        fold.apply([Record(key, message.value, START)])
        fold.flush()


def test_a_command_for_ten_thousand_contacts() -> None:
    """Every contact of the largest command gets its outcome."""
    world = World(2)
    world.tenant()
    world.group("vip")
    world.must("group.add", {"group": "vip", "contacts": [{"id": f"tel:+4915123{at:06}"} for at in range(10_000)]})
    world.rest()
    outcomes = world.values("outcomes")[2:]
    assert len(outcomes) == 10_000
    assert {outcome["of"] for outcome in outcomes} == {10_000}


def test_a_message_behind_a_definition_in_one_slice(world: World) -> None:
    """What is found out ahead of a message goes by the definitions that stand before it in the log."""
    world.group("g", DINNER)
    world.say("dinner")
    fold = Fold(MemoryStore(), 0, 1, hash_key=HASH_KEY)
    fold.apply(world.logs[0])
    said = [told(out) for out in fold.desk.take() if out.topic == "membership-changes"]
    assert [(one["data"]["change"], one["data"]["origin"]) for one in said] == [("joined", "live")]
