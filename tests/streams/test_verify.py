"""`rollcall verify`'s comparison: a world that agrees with itself, and each way in which it may not."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
from aiokafka import TopicPartition

from processors import scans
from processors.afterlife import LETTER
from processors.budget import RECORD
from processors.rows import Head, Row, encode, head_key, head_of
from processors.state import MemoryStore
from schemas.outputs import Membership
from streams.cli.verify import Found, Placed, report
from streams.cli.verify_store import Comparison, Listed
from streams.runtime.verify_reader import Logs, Partition, TableCopy, verify_partition
from streams.settings import Settings
from streams.verify import Audit, Extent, compare_lists, compare_member
from streams.verify_books import CHANGELOG, LOG, TABLE, Books, Difference, Entry, touched
from tests.processors.test_bounds import LOOKED_AT
from tests.processors.world import DAY, HASH_KEY, HOUR, START, World

MADE, ANA = b"bali/tel:+6281234567890", b"bali/tel:+6281234567891"
PET: dict[str, Any] = {"event": "message", "any_of": ["pet"], "within": "P1M"}
TWICE: dict[str, Any] = {"event": "message", "any_of": ["pet"], "min_count": 2}
HAPPY: dict[str, Any] = {"event": "rating", "min_stars": 4, "mode": "latest", "within": "P6M"}
STAYED: dict[str, Any] = {"event": "booking", "min_bookings": 2, "stay": "past", "within": "P12M"}
UNHAPPY: dict[str, Any] = {"all": [{"event": "booking"}, {"none": [{"event": "rating", "min_stars": 4}]}]}
TAGGED: dict[str, Any] = {"contact": "tags", "has_any": ["vip"]}
LOST: dict[str, Any] = {"contact": "last_booking", "older_than": "P1M"}
NESTED: dict[str, Any] = {"any": [{"group": "pet"}, {"all": [{"group": "tagged"}, {"none": [{"group": "lost"}]}]}]}
RULES = {
    "pet": PET, "twice": TWICE, "happy": HAPPY, "stayed": STAYED, "unhappy": UNHAPPY, "tagged": TAGGED, "lost": LOST,
    "nested": NESTED,
}  # fmt: skip


class Recorded:
    """What a world has committed, as the records of its three topics."""

    def __init__(self, world: World) -> None:
        self.rows = {key: value for key, value in world.stores[0].rows.items() if not key.startswith(b"i")}
        self.table = [Entry(out.key, out.value) for out in world.out if out.topic == TABLE]
        self.log = [Entry(out.key, out.value) for out in world.out if out.topic == LOG]
        self.whole = True

    def audit(self) -> Audit:
        """Lay all of it into books, in small chunks, and open an audit on them."""
        store = MemoryStore()
        books = Books(store)
        changelog = [Entry(key, value) for key, value in self.rows.items()]
        for topic, entries in ((CHANGELOG, changelog), (TABLE, self.table), (LOG, self.log)):
            for start in range(0, len(entries), 3):
                books.take(topic, entries[start : start + 3])
        return Audit(store, Extent(0, 1, whole_log=self.whole, hash_key=HASH_KEY))

    def differences(self) -> list[Difference]:
        """All that disagrees."""
        audit = self.audit()
        return [one for key in dict.fromkeys(audit.contacts()) for one in audit.check(key)]

    def kinds(self) -> Counter[str]:
        """How many differences of each kind there are."""
        return Counter(one.kind for one in self.differences())

    def head(self, contact: bytes = MADE) -> Head:
        """A contact's head."""
        head: Head = head_of(self.rows[head_key(contact)])
        return head

    def put(self, head: Head, contact: bytes = MADE) -> None:
        """Keep a head that was changed."""
        self.rows[head_key(contact)] = encode(head)

    def change(self, at: int, **data: Any) -> None:
        """Rewrite the data of one record of the log; fields of the envelope begin with `_`."""
        said = msgspec.json.decode(self.log[at].value or b"")
        said |= {name[1:]: value for name, value in data.items() if name.startswith("_")}
        said["data"] |= {name: value for name, value in data.items() if not name.startswith("_")}
        self.log[at] = Entry(self.log[at].key, msgspec.json.encode(said))

    def member(self, at: int = 0, **fields: Any) -> None:
        """Rewrite one row of the table."""
        said = msgspec.json.decode(self.table[at].value or b"") | fields
        self.table[at] = Entry(self.table[at].key, msgspec.json.encode(said))


def lived() -> World:
    """A world with every kind of rule, pin and fact, in which time has gone on."""
    world = World()
    world.tenant()
    for name, rule in RULES.items():
        world.group(name, rule)
    world.group("vip")
    world.group("loyal", PET, sticky=True)
    world.group("gone", PET)
    for phone in ("+6281234567890", "+6281234567891"):
        world.say("a pet, please", phone)
        world.say("one more pet", phone, id_=f"again{phone}")
        world.rate(5, f"r1{phone}", phone)
        world.book(f"b1{phone}", phone, amount="100.50", currency="IDR", check_in="2026-10-01", check_out="2026-10-03")
        world.book(f"b2{phone}", phone, amount="9.50", currency="IDR", check_in="2026-10-11", check_out="2026-10-13")
        world.tick(HOUR)
    world.pin("add", "vip", expires_at="2027-01-01T00:00:00Z")
    world.pin("add", "vip", "+6281234567891")
    world.pin("remove", "vip", "+6281234567891")
    world.rate(2, "r2")
    world.must("contact.tag", {"contacts": [{"phone": "+6281234567890"}], "tags": ["VIP"]})
    world.say("x", id_="again+6281234567890", revision=2)
    world.must("group.delete", {"group": "gone"})
    world.rest()
    world.tick(40 * DAY)
    world.say("my pet again")
    return world


@pytest.fixture(scope="module")
def world() -> World:
    """One world for the tests that only read it."""
    return lived()


@pytest.fixture
def recorded(world: World) -> Recorded:
    """What that world has recorded, to be tampered with."""
    return Recorded(world)


def test_a_sound_world_agrees(world: World) -> None:
    """Nothing disagrees at any point of a history, whatever has expired, been taken back or deleted."""
    audit = Recorded(world).audit()
    assert [one for key in audit.contacts() for one in audit.check(key)] == []
    assert audit.counts["contacts"] == 2
    assert audit.counts["memberships"] == len(world.tables[TABLE]) > 3
    assert audit.counts["changes"] == len(world.changes())
    assert audit.clock == world.now


def mail(world: World, text: str) -> None:
    """A guest writes an e-mail."""
    data = {"message_id": f"m{world.sent}", "channel": "email", "direction": "inbound", "from": "made@example.com"}
    world.must("message", data | {"text": text})


def test_each_step_agrees() -> None:
    """Every commit of a history leaves books that agree."""
    world = World()
    world.tenant()
    steps: list[Callable[[], None]] = [
        lambda: world.group("pet", PET),
        lambda: world.say("pet", id_="m1"),
        lambda: world.group("happy", HAPPY),
        lambda: world.rate(4.5, "r"),
        lambda: world.say("no", id_="m1", revision=2),
        lambda: world.pin("add", "pet"),
        lambda: world.pin("remove", "pet"),
        lambda: world.pin("clear_pin", "pet"),
        lambda: world.tenant(zone="Asia/Jakarta"),
        lambda: world.group("lost", LOST),
        lambda: world.group("nested", {"any": [{"group": "lost"}, {"group": "happy"}]}),
        lambda: world.book("b"),
        lambda: world.must("group.create", {"id": "lost", "rule": PET, "supersedes": "lost"}),
        world.rest,
        lambda: world.must("group.create", {"id": "unrated", "rule": {"event": "rating"}, "supersedes": "unrated"}),
        lambda: world.must("contact.upsert", {"contact": {"phone": "+6281234567890", "tags": ["x"]}}),
        lambda: world.must("contact.delete", {"contact": {"phone": "+6281234567890"}}),
        lambda: world.group("unrated", {"none": [{"event": "rating"}]}, sticky=True),
        lambda: world.tick(HOUR),
        lambda: world.say("pet", id_="m4"),
        lambda: world.must("contact.delete", {"contact": {"phone": "+6281234567890"}, "erase": True}),
        lambda: world.say("pet", id_="m5", time=START),
        lambda: world.tick(190 * DAY),
        lambda: world.say("pet", id_="m2"),
        lambda: mail(world, "pet"),
        lambda: mail(world, "stop"),
        lambda: mail(world, "please stop texting me"),
        lambda: world.consent("opt_in"),
        lambda: world.book("b", guest={"phone": "+6281234567890", "email": "made@example.com"}, revision=2),
        lambda: mail(world, "pet"),
        lambda: world.must("contact.rename", {"contact": {"phone": "+6281234567890"}, "phone": "+6281234567899"}),
        lambda: world.say("stop"),
        lambda: world.must("contact.rename", {"contact": {"phone": "+6281234567899"}, "phone": "+6281234567890"}),
        lambda: world.must("group.delete", {"group": "pet"}),
        world.rest,
        lambda: world.group("pet", TWICE),
        lambda: world.tick(500 * DAY),
        lambda: world.say("pet", id_="m3"),
    ]
    for step in steps:
        step()
        assert Recorded(world).differences() == []


def test_an_older_opt_out_of_a_linked_id() -> None:
    """It holds though messages say STOP later than that, for a START came between them and the link."""
    world = World()
    world.tenant()
    mail(world, "stop")
    for text in ("stop", "start"):
        world.tick(1)
        world.say(text)
    world.tick(1)
    world.book("b", guest={"phone": "+6281234567890", "email": "made@example.com"})
    assert world.contact()["sendable"] is False
    assert Recorded(world).differences() == []


def test_the_erased() -> None:
    """Who was erased agrees with the log by the row under the hash; a row that is lost, or of another key, does not."""
    world = World()
    world.tenant()
    world.group("pet", PET)
    world.say("pet")
    world.say("stop")
    world.tick(1)
    world.must("contact.delete", {"contact": {"phone": "+6281234567890"}, "erase": True})
    recorded = Recorded(world)
    assert recorded.differences() == []
    assert head_key(MADE) not in recorded.rows
    (at,) = [key for key in recorded.rows if key.startswith(LETTER)]
    row = recorded.rows.pop(at)
    assert {(one.kind, one.field) for one in recorded.differences()} == {
        ("log_wrong", "seq"),
        ("log_wrong", "consent seq"),
    }
    recorded.rows[LETTER + bytes(32)] = row
    assert len(recorded.differences()) == 2
    recorded.rows[at] = b"\xc1"
    assert {one.kind for one in recorded.differences()} == {"owner_unreadable"}


def test_messages_beyond_the_retention() -> None:
    """What was counted of messages that are swept away is no difference, for a window or for ever."""
    world = World()
    world.tenant()
    world.group("twice", TWICE)
    world.group("pet", PET)
    world.say("pet")
    world.tick(300 * DAY)
    world.say("pet")
    for _ in range(4):
        world.tick(100 * DAY)
        world.rest()
    assert not [key for key in world.stores[0].rows if key.startswith(b"f") and b"m0" in key]
    assert world.members("twice") == ["tel:+6281234567890"]
    assert Recorded(world).differences() == []


def test_a_lap_under_way_is_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """Contacts that a new group's lap has not come to yet are counted as building."""
    monkeypatch.setattr(scans, "SLICE", 300 * LOOKED_AT)
    world = World()
    world.tenant()
    for number in range(400):
        world.say("pet", f"+62812345{number:05}")
    world.must("group.create", {"id": "pet", "name": "pet", "rule": PET})
    audit = Recorded(world).audit()
    assert world.folds[0].scanning
    assert [one for key in audit.contacts() for one in audit.check(key)] == []
    assert audit.counts["building"] == 100


def test_a_successor_that_takes_over_is_no_difference(monkeypatch: pytest.MonkeyPatch) -> None:
    """Contacts that it has not come to yet are counted as building, also in groups that name the group."""
    monkeypatch.setattr(scans, "SLICE", 300 * RECORD)
    world = World()
    world.tenant()
    world.group("pet", PET)
    world.group("outer", {"all": [{"group": "pet"}]})
    world.group("outermost", {"none": [{"group": "outer"}]})
    for number in range(400):
        world.say("pet", f"+62812345{number:05}")
    world.must("group.create", {"id": "pet", "rule": {"event": "rating"}, "supersedes": "pet"})
    while world.tables["groups"]["bali/pet"]["status"] != "building":
        assert Recorded(world).differences() == []
        world.tick()
    audit = Recorded(world).audit()
    assert world.folds[0].scanning
    assert [one for key in audit.contacts() for one in audit.check(key)] == []
    assert audit.counts["building"] == 3 * 100
    world.rest()
    assert Recorded(world).differences() == []


def _drop_fact(recorded: Recorded) -> None:
    at = next(key for key in recorded.rows if key.startswith(b"f") and MADE in key and b"r2" in key)
    del recorded.rows[at]


def _drop_head(recorded: Recorded) -> None:
    del recorded.rows[head_key(MADE)]


def _break_head(recorded: Recorded) -> None:
    recorded.rows[head_key(MADE)] = b"\xc1"


def _spoil_head(recorded: Recorded) -> None:
    recorded.rows[head_key(MADE)] = encode(Head(noticed={"noticed": 1})).replace(b"noticed", b"notic\xffd")


def _forget_memo(recorded: Recorded) -> None:
    head = recorded.head()
    head.rows["pet"].memos = [[]]
    recorded.put(head)


def _row(**fields: Any) -> Callable[[Recorded], None]:
    def tamper(recorded: Recorded) -> None:
        head = recorded.head()
        for name, value in fields.items():
            setattr(head.rows["pet"], name, value)
        recorded.put(head)

    return tamper


def _drop_row(recorded: Recorded) -> None:
    head = recorded.head()
    del head.rows["pet"]
    recorded.put(head)


def _unstick(recorded: Recorded) -> None:
    head = recorded.head()
    head.rows["loyal"].stuck = False
    recorded.put(head)


def _ghost_group(recorded: Recorded) -> None:
    head = recorded.head()
    head.rows["ghost"] = Row(seq=2, mask=1)
    recorded.put(head)


def _spend(recorded: Recorded) -> None:
    head = recorded.head()
    head.profile.spent = {"IDR": "1"}
    recorded.put(head)


def _due(due: int) -> Callable[[Recorded], None]:
    def tamper(recorded: Recorded) -> None:
        head = recorded.head()
        head.due = due
        recorded.put(head)

    return tamper


def _last(entries: list[Entry], group: str) -> int:
    return max(i for i, entry in enumerate(entries) if f'"group":"{group}"'.encode() in (entry.value or b""))


def _drop_member(recorded: Recorded) -> None:
    recorded.table.append(Entry(b"bali/pet/tel:+6281234567890", None))


def _extra_member(recorded: Recorded) -> None:
    value = recorded.table[_last(recorded.table, "pet")].value or b""
    recorded.table.append(Entry(b"bali/pet/tel:+6281234567891", value.replace(b"7890", b"7891")))


def _stranger_member(recorded: Recorded) -> None:
    value = recorded.table[_last(recorded.table, "pet")].value or b""
    recorded.table.append(Entry(b"bali/pet/tel:+6281234567899", value.replace(b"7890", b"7899")))


def _member(**fields: Any) -> Callable[[Recorded], None]:
    return lambda recorded: recorded.member(_last(recorded.table, "pet"), **fields)


def _break_member(recorded: Recorded) -> None:
    recorded.table[_last(recorded.table, "pet")] = Entry(b"bali/pet/tel:+6281234567890", b"{")


def _odd_key(recorded: Recorded) -> None:
    recorded.table.append(Entry(b"nonsense", b"{}"))


def _change(**data: Any) -> Callable[[Recorded], None]:
    return lambda recorded: recorded.change(_last(recorded.log, "pet"), **data)


def _of(recorded: Recorded, group: str) -> list[int]:
    wanted = f'"group":"{group}"'.encode()
    return [i for i, entry in enumerate(recorded.log) if entry.key == MADE and wanted in (entry.value or b"")]


def _drop_change(at: int) -> Callable[[Recorded], None]:
    def tamper(recorded: Recorded) -> None:
        del recorded.log[_of(recorded, "pet")[at]]

    return tamper


def _repeat_change(recorded: Recorded) -> None:
    recorded.log.append(recorded.log[_of(recorded, "pet")[0]])


def _twice_change(recorded: Recorded) -> None:
    at = _of(recorded, "pet")[-1]
    recorded.log.insert(at, recorded.log[at])


def _no_log(recorded: Recorded) -> None:
    recorded.log = [entry for entry in recorded.log if entry.key != MADE]


def _break_change(recorded: Recorded) -> None:
    recorded.log.append(Entry(MADE, b"not json"))


TAMPERINGS: dict[str, tuple[Callable[[Recorded], None], set[str]]] = {
    "a fact is gone": (_drop_fact, {"memo_stale", "membership_wrong", "profile_stale"}),
    "a head is gone": (_drop_head, {"owner_missing", "table_extra", "log_wrong"}),
    "a head is broken": (_break_head, {"owner_unreadable"}),
    "a head is no text": (_spoil_head, {"owner_unreadable"}),
    "a memo is stale": (_forget_memo, {"memo_stale", "membership_wrong"}),
    "the owner has other sources": (_row(mask=3), {"membership_wrong", "table_wrong"}),
    "the owner has another expiry": (_row(expires=START), {"membership_wrong", "table_wrong"}),
    "the owner has another deadline": (_row(due=START + 900 * DAY), {"membership_wrong"}),
    "the owner says out": (_row(seq=4), {"membership_wrong", "table_extra", "log_wrong"}),
    "the owner has another seq": (_row(seq=5), {"table_wrong", "log_wrong"}),
    "the owner has another since": (_row(since=START), {"table_wrong", "log_wrong"}),
    "the owner has no row": (_drop_row, {"memo_stale", "membership_wrong", "table_extra", "log_wrong"}),
    "a sticky row came loose": (_unstick, {"membership_wrong"}),
    "a member of a group that is not there": (_ghost_group, {"group_unknown", "log_missing"}),
    "the totals are wrong": (_spend, {"profile_stale"}),
    "a deadline is past": (_due(START), {"deadline_missed"}),
    "a deadline is lost": (_due(0), {"deadline_lost"}),
    "a row is missing": (_drop_member, {"table_missing"}),
    "a row is too much": (_extra_member, {"table_extra"}),
    "a row of a stranger": (_stranger_member, {"table_extra"}),
    "a row has another seq": (_member(seq=5), {"table_wrong"}),
    "a row has another expiry": (_member(expires_at="2030-01-01T00:00:00Z"), {"table_wrong"}),
    "a row has no expiry": (_member(expires_at=None), {"table_wrong"}),
    "a row has other sources": (_member(sources=["manual", "rule"]), {"table_wrong"}),
    "a row has another since": (_member(since="2026-01-01T00:00:00Z"), {"table_wrong"}),
    "a row is not sendable": (_member(sendable=False), {"table_wrong"}),
    "a row has another change's id": (_member(change_id="00"), {"table_wrong"}),
    "a row of another contact": (_member(contact="tel:+6281234567891"), {"table_wrong"}),
    "a row is broken": (_break_member, {"table_unreadable"}),
    "a row under a key that is none": (_odd_key, {"table_extra"}),
    "the last change is gone": (_drop_change(-1), {"log_wrong"}),
    "a change in the middle is gone": (_drop_change(1), {"log_gap"}),
    "the first change is gone": (_drop_change(0), {"log_gap"}),
    "an old change comes again": (_repeat_change, {"log_repeat"}),
    "a change comes twice": (_twice_change, {"log_repeat"}),
    "all changes are gone": (_no_log, {"log_missing"}),
    "a change is broken": (_break_change, {"log_unreadable"}),
    "a change has no such seq": (_change(seq=2**64), {"log_unreadable", "log_wrong"}),
    "a change has no zone": (_change(effective_at="2026-11-02T10:05:11"), {"log_unreadable", "log_wrong"}),
    "a change says the opposite": (_change(change="left"), {"log_wrong"}),
    "a change has another id": (_change(_id="00"), {"log_wrong"}),
    "a change of another contact": (_change(contact="tel:+6281234567891"), {"log_wrong"}),
    "a change has another moment": (_change(effective_at="2026-01-01T00:00:00Z"), {"log_wrong"}),
}


@pytest.mark.parametrize("name", TAMPERINGS)
def test_each_tampering_is_found(recorded: Recorded, name: str) -> None:
    """Whatever is changed behind the owner's back is found, by its kind and nothing else."""
    tamper, kinds = TAMPERINGS[name]
    assert recorded.kinds() == {}
    tamper(recorded)
    assert recorded.kinds().keys() == kinds


def test_what_is_beyond_the_log(recorded: Recorded) -> None:
    """Where the log does not go back to its beginning, what it lacks at its start is counted, not blamed."""
    recorded.whole = False
    _drop_change(0)(recorded)
    recorded.log = [entry for entry in recorded.log if entry.key != ANA]
    audit = recorded.audit()
    assert [one for key in audit.contacts() for one in audit.check(key)] == []
    assert audit.counts["beyond_log"] > 1
    _drop_change(-1)(recorded)
    assert recorded.kinds() == {"log_wrong": 1}


def test_a_difference_says_where(recorded: Recorded) -> None:
    """A difference names tenant, contact, group and field, and both values."""
    recorded.member(_last(recorded.table, "pet"), seq=7)
    assert recorded.differences() == [
        Difference(
            kind="table_wrong",
            tenant="bali",
            contact="tel:+6281234567890",
            group="pet",
            field="seq",
            expected=3,
            found=7,
        )
    ]


def test_who_is_touched(recorded: Recorded) -> None:
    """Records tell whom they concern; a definition concerns all of its tenant, the clock nobody."""
    changelog = [Entry(key, value) for key, value in recorded.rows.items()]
    assert set(touched(CHANGELOG, changelog)) == {MADE, ANA, b"bali/"}
    assert set(touched(TABLE, recorded.table)) == set(touched(LOG, recorded.log)) == {MADE, ANA}
    assert list(touched(CHANGELOG, [Entry(b"c", b"1"), Entry(b"r", b"2")])) == []


def members(world: World, group: str) -> list[Membership]:
    """A group's rows in the table, by contact."""
    rows = [value for key, value in sorted(world.tables[TABLE].items()) if key.startswith(f"bali/{group}/")]
    return [msgspec.convert(row, Membership) for row in rows]


def kinds(found: Iterable[list[Difference]]) -> list[tuple[str, str | None]]:
    """The kinds and contacts of differences."""
    return [(one.kind, one.contact) for differences in found for one in differences]


def test_lists_are_compared() -> None:
    """HTTP's list is held against the table: who is missing, too much, or told of wrongly."""
    world = World()
    world.tenant()
    world.group("vip")
    world.pin("add", "vip", *(f"+628123456789{n}" for n in range(5)))
    rows = members(world, "vip")
    assert kinds(compare_lists(rows, rows)) == []
    assert kinds(compare_lists(rows, [])) == [("store_missing", row.contact) for row in rows]
    assert kinds(compare_lists([], rows)) == [("store_extra", row.contact) for row in rows]
    assert kinds(compare_lists(rows, rows[1:4])) == [
        ("store_missing", rows[0].contact),
        ("store_missing", rows[4].contact),
    ]
    assert kinds(compare_lists([rows[0], rows[3]], rows[1:])) == [
        ("store_missing", rows[0].contact),
        ("store_extra", rows[1].contact),
        ("store_extra", rows[2].contact),
        ("store_extra", rows[4].contact),
    ]
    other = msgspec.structs.replace(rows[2], sources=["rule"], seq=9)
    assert [one.field for one in compare_member(rows[2], other)] == ["sources"]
    assert compare_member(None, None) == []


# cuts ----------------------------------------------------------------------------------------------------------------


class Recording:
    """Logs of one partition in memory, of which readers see up to one cut after another."""

    def __init__(self, topics: dict[str, list[Entry]], *cuts: dict[str, int]) -> None:
        self.topics = topics
        self.partitions = 1
        self._cuts = list(cuts)

    def of_partition(self, partition: int) -> dict[str, TopicPartition]:
        """See Logs."""
        return {topic: TopicPartition(topic, partition) for topic in (CHANGELOG, TABLE, LOG)}

    async def begins(self, tps: list[TopicPartition]) -> dict[TopicPartition, int]:
        """See Logs."""
        return dict.fromkeys(tps, 0)

    async def ends(self, tps: list[TopicPartition]) -> dict[TopicPartition, int]:
        """See Logs: the next cut; the last one stays."""
        cut = self._cuts.pop(0) if len(self._cuts) > 1 else self._cuts[0]
        return {tp: cut[tp.topic] for tp in tps}

    settled = ends

    async def read(self, tp: TopicPartition, start: int, end: int) -> AsyncIterator[list[Entry]]:
        """See Logs."""
        yield self.topics[tp.topic][start:end]

    def verified(self, folder: Path) -> Partition:
        """What becomes of the partition."""
        logs = cast("Logs", self)
        fresh = folder / str(len([*folder.iterdir()]))
        return asyncio.run(verify_partition(logs, 0, Settings(data=folder), fresh, lambda _doing, _count: None))


class Committing(World):
    """A world that keeps what each commit wrote, topic by topic, and where the topics ended after it."""

    def __init__(self) -> None:
        self.written: dict[str, list[Entry]] = {CHANGELOG: [], TABLE: [], LOG: []}
        self.ends: list[dict[str, int]] = []
        super().__init__()
        self.before = dict[bytes, bytes]()

    def step(self, at: int, most: int | None = None) -> None:
        """Apply and commit, and keep the rows that changed."""
        told = len(self.out)
        super().step(at, most)
        rows = {key: value for key, value in self.stores[at].rows.items() if not key.startswith(b"i")}
        self.written[CHANGELOG] += [Entry(key, value) for key, value in rows.items() if self.before.get(key) != value]
        self.written[CHANGELOG] += [Entry(key, None) for key in self.before.keys() - rows.keys()]
        self.before = rows
        for out in self.out[told:]:
            if out.topic in (TABLE, LOG):
                self.written[out.topic].append(Entry(out.key, out.value))
        self.ends.append({topic: len(entries) for topic, entries in self.written.items()})


@pytest.fixture
def committing() -> Committing:
    """A guest in a group, and two more commits: one that lets the guest leave, and one that brings the guest back."""
    world = Committing()
    world.tenant()
    world.group("pet", PET)
    world.say("pet", id_="m1")
    world.say("no", id_="m1", revision=2)
    world.say("pet", id_="m2")
    return world


@pytest.mark.parametrize("late", [{TABLE}, {LOG}, {TABLE, LOG}, {CHANGELOG}, {CHANGELOG, LOG}])
def test_a_commit_seen_by_halves_is_no_difference(committing: Committing, tmp_path: Path, late: set[str]) -> None:
    """At a cut where some topics show a commit and others do not yet, nobody is blamed: the next cut shows all."""
    before, after = committing.ends[-2:]
    half = {topic: (before if topic in late else after)[topic] for topic in after}
    found = Recording(committing.written, half, half, after).verified(tmp_path)
    assert found.rechecked == 1
    assert found.differences == []


def test_halves_after_halves(committing: Committing, tmp_path: Path) -> None:
    """A contact whose commits are seen by halves cut after cut is looked at until one cut shows it whole."""
    first, second, third = committing.ends[-3:]
    cuts = [{**first, LOG: second[LOG]}, {**second, LOG: third[LOG]}, third]
    found = Recording(committing.written, cuts[0], *cuts).verified(tmp_path)
    assert found.rechecked == 2
    assert found.differences == []


def test_what_differs_is_a_difference_whatever_moves(committing: Committing, tmp_path: Path) -> None:
    """A row that is gone is found at once where nothing moves, and later where the contact moves but stays wrong."""
    committing.written[TABLE].append(Entry(b"bali/pet/tel:+6281234567890", None))
    tampered = {topic: len(entries) for topic, entries in committing.written.items()}
    found = Recording(committing.written, tampered).verified(tmp_path)
    assert ([one.kind for one in found.differences], found.rechecked) == (["table_missing"], 1)
    committing.say("no more", id_="m3")
    found = Recording(committing.written, tampered, tampered, committing.ends[-1]).verified(tmp_path)
    assert ([one.kind for one in found.differences], found.rechecked) == (["table_missing"], 2)
    assert found.offsets == tampered


def test_a_table_that_begins_late_is_beyond_the_log(committing: Committing, tmp_path: Path) -> None:
    """Where membership-changes begins later than its first record, what is missing there is beyond the log."""
    logs = Recording(committing.written, committing.ends[-1])

    async def later(tps: list[TopicPartition]) -> dict[TopicPartition, int]:
        return {tp: int(tp.topic == LOG) for tp in tps}

    logs.begins = later  # type: ignore[method-assign]
    found = logs.verified(tmp_path)
    assert (found.differences, found.counts["beyond_log"]) == ([], 1)


# HTTP ----------------------------------------------------------------------------------------------------------------


class Copy:
    """A copy of memberships that does not change."""

    def __init__(self, rows: list[Membership]) -> None:
        self.rows = {row.contact: row for row in rows}

    async def read_on(self) -> set[bytes]:
        """See TableCopy."""
        return set()

    def groups(self) -> Iterator[tuple[str, str]]:
        """See TableCopy."""
        return iter([("bali", "vip")])

    def member(self, tenant: str, group: str, contact: str) -> Membership | None:
        """See TableCopy."""
        assert (tenant, group) == ("bali", "vip")
        return self.rows.get(contact)

    def members(self, tenant: str, group: str) -> Iterator[Membership]:
        """See TableCopy."""
        assert (tenant, group) == ("bali", "vip")
        return iter(self.rows.values())

    def count(self, tenant: str, group: str) -> tuple[int, int]:
        """See TableCopy."""
        sendable = [row.sendable for row in self.members(tenant, group)]
        return len(sendable), sum(sendable)


class Server:
    """A server that says what a test sets, and after so many questions what the table says."""

    def __init__(self, rows: list[Membership], counts: tuple[int, int], copy: Copy, late: int = 1_000_000) -> None:
        self.rows = {row.contact: row for row in rows}
        self.told, self.copy, self.late = counts, copy, late

    def may_ask(self, tenant: str) -> bool:
        """See Listed."""
        return tenant == "bali"

    def groups(self) -> list[tuple[str, str]]:
        """See Listed."""
        return [("bali", "vip")]

    def counts(self, group: tuple[str, str]) -> tuple[int, int]:
        """See Listed."""
        return self.copy.count(*group) if self._follows() else self.told

    def members(self, group: tuple[str, str]) -> Iterator[Membership]:
        """See Listed."""
        assert group == ("bali", "vip")
        return iter(self.rows.values())

    def member(self, tenant: str, group: str, contact: str) -> Membership | None:
        """See Listed."""
        return self.copy.member(tenant, group, contact) if self._follows() else self.rows.get(contact)

    def _follows(self) -> bool:
        self.late -= 1
        return self.late < 0


@pytest.fixture
def vips() -> list[Membership]:
    """Five members of one group."""
    world = World()
    world.tenant()
    world.group("vip")
    world.pin("add", "vip", *(f"+628123456789{n}" for n in range(5)))
    return members(world, "vip")


def compared(copy: Copy, server: Server) -> list[tuple[str, str | None]]:
    """What the comparison finds once its patience is over."""
    comparison = Comparison(cast("TableCopy", copy), cast("Listed", server))
    found = asyncio.run(comparison.run(0))
    assert comparison.groups == [("bali", "vip")]
    assert comparison.members == len(copy.rows)
    return [(one.kind, one.contact or one.field) for one in found]


def test_http_that_agrees_or_comes_to(vips: list[Membership], monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that says the same, at once or when it is asked again, is not blamed."""
    monkeypatch.setattr("streams.cli.verify_store.PAUSE_SECONDS", 0)
    copy = Copy(vips)
    assert compared(copy, Server(vips, (5, 5), copy)) == []
    assert compared(copy, Server(vips[1:], (4, 4), copy, late=3)) == []


def test_http_that_does_not(vips: list[Membership], monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that goes on missing a member, showing a stranger, telling of one wrongly or miscounting is found."""
    monkeypatch.setattr("streams.cli.verify_store.PAUSE_SECONDS", 0)
    one, two = vips[0].contact, vips[1].contact
    wrong = [msgspec.structs.replace(vips[0], sources=["flow"]), *vips[1:]]
    copy = Copy(vips)
    assert compared(copy, Server(vips[1:], (5, 5), copy)) == [("store_missing", one)]
    assert compared(copy, Server(wrong, (5, 5), copy)) == [("store_wrong", one)]
    assert compared(copy, Server(vips, (5, 4), copy)) == [("store_count", "sendable")]
    fewer = Copy([vips[0], *vips[2:]])
    found = compared(fewer, Server(vips, (5, 5), fewer))
    assert found == [("store_extra", two), ("store_count", "members"), ("store_count", "sendable")]


# the report ----------------------------------------------------------------------------------------------------------


def test_the_report_hides_contacts() -> None:
    """Contacts appear as a hash that is the same within a report only, or as they are where that is asked for."""
    one = Difference(kind="table_missing", tenant="bali", contact="tel:+6281234567890", group="pet")
    other = msgspec.structs.replace(one, group="vip")
    found = Found([], {"compared": False, "why": "-"}, [Placed(0, one), Placed(None, other)], 0.1)
    told, again = report(found, 50, b"a"), report(found, 50, b"b")
    assert "62812" not in json.dumps(told)
    assert told["listed"][0]["contact"] == told["listed"][1]["contact"] != again["listed"][0]["contact"]
    assert report(found, 50, None)["listed"][0]["contact"] == "tel:+6281234567890"
    assert (told["agree"], told["differences"], len(report(found, 1, None)["listed"])) == (False, 2, 1)
