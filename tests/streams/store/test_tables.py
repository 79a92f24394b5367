"""Laws of the tables: what is on disk is the log up to the noted places, however it came there."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from schemas.base import Reject
from schemas.dead_letters import headers, keep
from schemas.groups import Group
from schemas.outputs import Contact, Membership, Outcome
from streams.runtime.kv import RocksRows
from streams.store import keys
from streams.store.queries import HISTORY, Queries
from streams.store.rows import Memory, Rows
from streams.store.tables import CHANGES_KEPT_MS, KEPT_MS, TABLES, Counts, Place, Record, apply, places

AT = datetime(2026, 11, 2, 10, 5, 11, tzinfo=UTC)
TENANTS = ("a", "a-b")
GROUPS = ("vip", "vip.x")
CONTACTS = ("tel:+1", "tel:+1/x", "telegram:\0", "telegram:ü")

Make = Callable[[], Rows]


@pytest.fixture(params=["memory", "rocksdb"])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """A maker of empty rows, in memory and on disk: the laws are the same."""
    opened: list[RocksRows] = []
    with TemporaryDirectory() as folder:

        def rocks() -> Rows:
            opened.append(RocksRows(Path(folder) / str(len(opened))))
            return opened[-1]

        yield Memory if request.param == "memory" else rocks
        for rows in opened:
            rows.close()


def membership(tenant: str, group: str, contact: str, *, sendable: bool, seq: int = 1, gone: bool = False) -> Record:
    """A record of `memberships`."""
    row = Membership(
        tenant=tenant, group=group, contact=contact, since=AT, seq=seq, change_id="c", sources=["rule"],
        expires_at=None, sendable=sendable,
    )  # fmt: skip
    return Record(
        "memberships", 0, 0, 0, f"{tenant}/{group}/{contact}".encode(), None if gone else msgspec.json.encode(row)
    )


def definition(tenant: str, group: str, gone: bool) -> Record:  # noqa: FBT001 - drawn by position
    """A record of `groups`."""
    value = msgspec.json.encode(Group(tenant=tenant, id=group, name=group, rule={"event": "manual"}))
    return Record("groups", 0, 0, 0, f"{tenant}/{group}".encode(), None if gone else value)


def outcome(command: str, index: int, at: int, *, reason: str | None = None, of: int = 3) -> Record:
    """A record of `outcomes`."""
    row = Outcome(
        tenant="a", command=command, source="s", type="group.add", outcome="unchanged" if reason else "applied",
        reason=reason, index=index, of=of, time=AT,  # type: ignore[arg-type]
    )  # fmt: skip
    return Record("outcomes", 0, 0, at, f"a/{command}".encode(), msgspec.json.encode(row))


def refusal(command: str, at: int) -> Record:
    """A dead letter of a command."""
    value = msgspec.json.encode({"id": command, "source": "s", "tenant": "a"})
    more = headers(Reject("field_missing", "data.group"), "x.commands", 3, 4, keep(value))
    return Record("dead-letters", 0, 0, at, b"a", value, tuple(more))


def change(tenant: str, group: str, contact: str, *, seq: int, at: int) -> Record:
    """A record of `membership-changes`; without a group, of a contact's consent."""
    where = {"group": group} if group else {"scope": "all"}
    data = {**where, "contact": contact, "seq": seq, "change": "joined", "reason": "manual"}
    value = msgspec.json.encode({"tenant": tenant, "time": AT, "data": data})
    return Record("membership-changes", 0, 0, at, f"{tenant}/{contact}".encode(), value)


RECORDS = st.one_of(
    st.builds(
        change, st.sampled_from(TENANTS), st.sampled_from([*GROUPS, ""]), st.sampled_from(CONTACTS),
        seq=st.integers(1, 5), at=st.integers(0, 2 * CHANGES_KEPT_MS),
    ),
    st.builds(
        membership, st.sampled_from(TENANTS), st.sampled_from(GROUPS), st.sampled_from(CONTACTS),
        sendable=st.booleans(), seq=st.integers(1, 5), gone=st.booleans(),
    ),
    st.builds(
        definition, st.sampled_from(TENANTS), st.sampled_from(GROUPS), st.booleans(),
    ),
    st.builds(
        outcome, st.sampled_from(["c1", "c2"]), st.integers(0, 2), st.integers(0, 3 * KEPT_MS),
        reason=st.sampled_from([None, "repeated", "already_member"]),
    ),
    st.builds(refusal, st.sampled_from(["c1", "c3"]), st.integers(0, 3 * KEPT_MS)),
)  # fmt: skip


def logs(records: list[Record], partitions: int) -> list[list[Record]]:
    """Records of one key stay in one partition, in order; append times there never go back."""
    found: list[list[Record]] = [[] for _ in range(partitions)]
    for record in records:
        log = found[len(record.key) % partitions]
        at = max(record.at, log[-1].at if log else 0)
        log.append(record._replace(partition=len(record.key) % partitions, offset=len(log), at=at))
    return found


def feed(rows: Rows, log: list[Record], start: int, stop: int) -> None:
    """One chunk of one partition, and the places it brings the topics to."""
    chunk = log[start:stop]
    rows.write(apply(rows, chunk, {(r.topic, r.partition): Place(r.offset + 1, r.offset, r.at) for r in chunk}))


def dump(rows: Rows) -> dict[bytes, bytes]:
    """Everything that is there."""
    return dict(rows.scan(b"\0", b"\xff"))


def read_straight(rows: Rows, log: list[list[Record]]) -> dict[bytes, bytes]:
    """Every partition from its beginning to its end, once, in one chunk each."""
    for one in log:
        feed(rows, one, 0, len(one))
    return dump(rows)


LAW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@LAW
@given(records=st.lists(RECORDS, max_size=40), partitions=st.integers(1, 3), seed=st.integers(0, 2**32))
def test_splits_and_replays_end_alike(make: Make, records: list[Record], partitions: int, seed: int) -> None:
    """However partitions interleave, chunks are cut, and readers fall back to earlier places: the same rows."""
    dice, log, rows = random.Random(seed), logs(records, partitions), make()
    at = [0] * partitions
    while any(at[n] < len(log[n]) for n in range(partitions)):
        n = dice.choice([n for n in range(partitions) if at[n] < len(log[n])])
        start = dice.randint(0, at[n]) if dice.random() < 0.4 else at[n]
        at[n] = max(at[n], dice.randint(start, len(log[n])))
        feed(rows, log[n], start, at[n])
    for n in range(partitions):  # a reader that fell back reads to the end again
        feed(rows, log[n], dice.randint(0, len(log[n])), len(log[n]))
    assert dump(rows) == read_straight(make(), log)


@LAW
@given(records=st.lists(RECORDS, max_size=60), cut=st.integers(1, 20))
def test_counts_are_a_recount(make: Make, records: list[Record], cut: int) -> None:
    """A group's counts are those of its rows, the index by contact has the same pairs, and no count of zero stays."""
    rows, log = make(), logs(records, 1)[0]
    for start in range(0, len(log), cut):
        feed(rows, log, start, start + cut)
    store = Queries(rows)
    pairs = set()
    for tenant in TENANTS:
        for group in GROUPS:
            members = [row for row, _ in store.members(tenant, group, None, 1000).items]
            pairs |= {(tenant, row.contact, group) for row in members}
            assert store.counts(tenant, group) == Counts(len(members), sum(row.sendable for row in members))
            assert bool(rows.get(keys.key("n", tenant, group))) == bool(members)
    by_contact = {
        (tenant, contact, row.group)
        for tenant in TENANTS for contact in CONTACTS for row, _ in store.memberships(tenant, contact, None, 1000).items
    }  # fmt: skip
    assert by_contact == pairs


@LAW
@given(records=st.lists(RECORDS, max_size=40))
def test_only_the_last_days_of_outcomes_stay(make: Make, records: list[Record]) -> None:
    """Nothing older than a week before the newest outcome is kept, and each kept row has its one mark."""
    rows, log = make(), logs(records, 2)
    read_straight(rows, log)
    passing = [record for one in log for record in one if record.topic in {"outcomes", "dead-letters"}]
    newest = max((record.at for record in passing), default=0)
    marks = [key for key, _ in rows.scan(b"x", b"y")]
    assert all(keys.read_u64(mark, 1) >= newest - KEPT_MS for mark in marks)
    assert {mark[9:] for mark in marks} == {key for key in dump(rows) if key[:1] in b"ord"}


@LAW
@given(records=st.lists(RECORDS, max_size=40))
def test_changes_stay_as_long_as_their_topic_keeps_them(make: Make, records: list[Record]) -> None:
    """Nothing older than 400 days before the newest change is kept, and each kept row has its one mark."""
    rows, log = make(), logs(records, 2)
    read_straight(rows, log)
    newest = max((r.at for one in log for r in one if r.topic == "membership-changes"), default=0)
    marks = [key for key, _ in rows.scan(b"y", b"z")]
    assert all(keys.read_u64(mark, 1) >= newest - CHANGES_KEPT_MS for mark in marks)
    assert {mark[9:] for mark in marks} == {key for key in dump(rows) if key[:1] == b"h"}


def test_a_history_is_told_newest_first(make: Make) -> None:
    """Of a pair's changes the newest come first, and no other pair's are among them."""
    rows = make()
    told = [change("a", "vip", "tel:+1", seq=seq, at=seq) for seq in range(1, HISTORY + 3)]
    strangers = [change("a", "vip.x", "tel:+1", seq=9, at=9), change("a-b", "vip", "tel:+1", seq=8, at=9)]
    gone = Record("membership-changes", 0, 0, 9, b"a/tel:+1", None)
    rows.write(apply(rows, [*told, *strangers, gone], {}))
    history = Queries(rows).history("a", "tel:+1", "vip")
    assert [one["seq"] for one in history] == list(range(HISTORY + 2, 2, -1))
    assert (history[0]["time"], history[0]["reason"], history[0]["cause"]) == (AT, "manual", None)


def test_who_leaves_in_the_next_days(make: Make) -> None:
    """Ends within the days are counted by the day that it then is in the zone; later ones and none are not."""
    rows, now = make(), datetime.now(UTC)
    ends = [now + timedelta(hours=1), now + timedelta(days=2), now + timedelta(days=40), None]
    records = [
        Record(
            "memberships",
            0,
            0,
            0,
            f"a/vip/tel:+{n}".encode(),
            msgspec.json.encode({"expires_at": end, "sendable": True}),
        )
        for n, end in enumerate(ends)
    ]
    rows.write(apply(rows, records, {}))
    found = Queries(rows).leaving("a", "vip", 30, "Asia/Makassar")
    days = [(end + timedelta(hours=8)).date().isoformat() for end in ends[:2] if end]
    assert found == dict.fromkeys(days, 1)


@LAW
@given(records=st.lists(RECORDS, max_size=20))
def test_records_are_not_changed(records: list[Record]) -> None:
    """The step reads what it is given and writes only its own batch."""
    rows = Memory()
    read_straight(rows, logs(records[:10], 1))
    before, said = dict(rows.rows), list(records)
    apply(rows, records, {})
    assert (rows.rows, records) == (before, said)


def test_places_come_back(make: Make) -> None:
    """Where partitions stand is read as it was written."""
    rows = make()
    noted = {("memberships", 0): Place(8, 7, 1_790_000_000_000), ("outcomes", 300): Place(1, 0, 5)}
    rows.write(apply(rows, [], noted))
    assert places(rows) == noted


def test_a_command_turned_away_is_told(make: Make) -> None:
    """A dead letter of a command answers why; one of an event, or of what is no JSON, is passed over."""
    rows = make()
    event = refusal("c8", 5)
    others = [
        event._replace(headers=(("topic", b"x.messages"), *event.headers[:2])),
        event._replace(value=b"\xff"),
        event._replace(value=None),
    ]
    rows.write(apply(rows, [refusal("c9", 5), *others], {}))
    store = Queries(rows)
    found = store.command("a", "c9").refusal
    assert found
    assert (found.reason, found.detail, found.partition, found.offset) == ("field_missing", "data.group", 3, 4)
    assert store.command("a", "c8") == ([], None)


def test_a_binary_command_turned_away_is_told() -> None:
    """A command whose envelope stood in headers is known by those."""
    rows = Memory()
    carried = [("ce_id", b"c7"), ("ce_source", b"s"), ("ce_tenant", b"a"), ("ce_type", b"group.add")]
    more = headers(Reject("field_invalid", "data"), "x.commands", 0, 1, keep(b"[]", None, carried))
    rows.write(apply(rows, [Record("dead-letters", 0, 0, 5, b"a", b"[]", tuple(more))], {}))
    assert Queries(rows).command("a", "c7").refusal


def test_a_repeat_does_not_hide_the_first() -> None:
    """That a command came again says nothing of what became of it."""
    rows = Memory()
    rows.write(apply(rows, [outcome("c1", 0, 1), outcome("c1", 0, 2, reason="repeated")], {}))
    assert [said.outcome for said in Queries(rows).command("a", "c1").outcomes] == ["applied"]


def test_a_contact_that_is_named_twice_is_counted_twice(make: Make) -> None:
    """Where a command names a contact twice, its second place is there too, though nothing came of it."""
    rows = make()
    rows.write(apply(rows, [outcome("c1", 0, 1, of=2), outcome("c1", 1, 1, reason="repeated", of=2)], {}))
    rows.write(apply(rows, [outcome("c1", 0, 2, of=2, reason="repeated")], {}))
    assert [said.reason for said in Queries(rows).command("a", "c1").outcomes] == [None, "repeated"]


def test_outcomes_are_in_order(make: Make) -> None:
    """A command's outcomes come by index, also beyond 255."""
    rows = make()
    rows.write(apply(rows, [outcome("c1", index, 1, of=600) for index in (300, 2, 0, 256, 255)], {}))
    assert [said.index for said in Queries(rows).command("a", "c1").outcomes] == [0, 2, 255, 256, 300]


@given(
    one=st.lists(st.text(max_size=4), min_size=2, max_size=2), two=st.lists(st.text(max_size=4), min_size=2, max_size=2)
)
def test_keys_sort_and_part_as_their_words(one: list[str], two: list[str]) -> None:
    """Keys are equal only for equal parts, never run into each other, and give back their last part."""
    left, right = keys.key("m", *one), keys.key("m", *two)
    assert (left == right) == (one == two)
    if one[0] != two[0]:
        assert not left.startswith(keys.key("m", two[0]))
    assert keys.last(left, keys.key("m", one[0])) == one[1]
    assert (left < right) == ([o.encode() for o in one] < [t.encode() for t in two])


def test_every_table_is_a_topic() -> None:
    """What the store reads is declared, and internal topics are not among it."""
    from streams.topics import BY_NAME  # noqa: PLC0415 - only this test asks

    assert not [topic for topic in TABLES if BY_NAME[topic].internal]


def profile(contact: str, linked: list[str], *, gone: bool = False, **more: Any) -> Record:
    """A record of `contacts`."""
    row = msgspec.json.encode(Contact(tenant="a", contact=contact, linked=linked, **more))
    return Record("contacts", 0, 0, 0, f"a/{contact}".encode(), None if gone else row)


def test_a_linked_id_stands_for_its_contact(make: Make) -> None:
    """Until that one is gone; also where two partitions tell of a change of who leads in either order."""
    rows = make()
    store = Queries(rows)

    def feed(*records: Record) -> None:
        rows.write(apply(rows, records, {}))

    feed(profile("telegram:x", ["mailto:a/b", "tel:+1"], attributes={"linked": []}))
    assert [store.whose("a", one) for one in ("mailto:a/b", "tel:+1", "telegram:x", "tel:+2")] == [
        "telegram:x", "telegram:x", "telegram:x", "tel:+2",
    ]  # fmt: skip
    feed(profile("tel:+1", ["mailto:a/b", "telegram:x"]))
    assert store.whose("a", "mailto:a/b") == "tel:+1"
    feed(profile("telegram:x", [], gone=True))
    assert [store.whose("a", one) for one in ("mailto:a/b", "telegram:x", "tel:+1")] == ["tel:+1"] * 3
    assert store.whose("a-b", "telegram:x") == "telegram:x"
    feed(profile("tel:+1", [], gone=True), profile("tel:+1", [], gone=True))
    assert [store.whose("a", one) for one in ("mailto:a/b", "telegram:x")] == ["mailto:a/b", "telegram:x"]
    assert [key for key, _ in rows.scan(b"a", b"b")] == []
