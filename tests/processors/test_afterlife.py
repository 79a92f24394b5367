"""What outlives an erased contact: under a hash, nameless, found again, and the same in whatever order."""

from __future__ import annotations

import hmac
from typing import Any

import msgspec
import pytest

from processors import afterlife
from processors.afterlife import KEYED, LETTER, Afterlife, fingerprint, without
from processors.answer import answering
from processors.deadlines import index_key
from processors.desk import ORIGIN
from processors.fold import Fold
from processors.rows import Deleted, Head, Profile, Row, Rows, encode, head_key, head_of, is_gone
from processors.state import MemoryStore, Pending
from schemas.activity import BookingFact, FactErased, FactPut, FactTaken
from schemas.activity import encode as encode_activity
from schemas.questions import ExplainAsked, PreviewAsked
from tests.processors.world import DAY, HASH_KEY, HOUR, MADE, SECOND, START, World, commit, told

KEY = f"bali/tel:{MADE}".encode()
ANNA = "+4915123456789"
DINNER = {"event": "message", "any_of": ["dinner"], "within": "P1M"}


@pytest.fixture
def world() -> World:
    """A world with groups of several kinds, and a guest in two of them."""
    made = World()
    made.tenant()
    made.group("food", DINNER, leave_words=["NO FOOD"])
    made.group("unrated", {"none": [{"event": "rating"}]})
    made.group("vip")
    made.say("dinner", name="Made", time=START - DAY)
    made.book("b1", time=START - DAY)
    return made


def erase(world: World, phone: str = MADE, **more: Any) -> None:
    """Erase a contact."""
    world.must("contact.delete", {"contact": {"phone": phone}, "erase": True}, **more)


def naming(world: World, phone: str = MADE) -> list[bytes]:
    """Return the keys of all rows in which a number stands, however it is written."""
    national = phone[3:].encode()
    return [key for key, value in world.stores[0].rows.items() if national in key or national in value]


def hashed(world: World) -> list[bytes]:
    """Return the keys of what outlives contacts."""
    return [key for key in world.stores[0].rows if key.startswith(LETTER)]


def left(world: World, phone: str = MADE) -> Head:
    """Return what outlived a contact, as its head."""
    head = world.fold(0).afterlife.find(f"bali/tel:{phone}".encode())
    assert head is not None
    return head


def test_nothing_names_the_erased(world: World) -> None:
    """No key and no value has the number; a row under the hash is all that is left."""
    world.must("contact.tag", {"contacts": [{"phone": MADE}], "tags": ["x"]})
    assert len(naming(world)) >= 4
    world.tick(1)
    erase(world)
    assert naming(world) == []
    assert hashed(world) == [world.fold(0).afterlife.name(KEY)]
    assert world.tables["contacts"] == world.tables["memberships"] == {}
    world.say("dinner", id_="late", time=START - HOUR)
    world.book("b1", revision=2, time=START - HOUR)
    world.tick(40 * DAY)
    world.rest()
    assert naming(world) == []


def test_without_erase_the_row_keeps_its_name(world: World) -> None:
    """The facts stay, whose keys name the contact anyway; an erasure later takes both."""
    world.must("contact.delete", {"contact": {"phone": MADE}})
    assert head_key(KEY) in naming(world)
    assert hashed(world) == []
    erase(world)
    assert naming(world) == []


def test_consent_and_its_evidence_outlive(world: World) -> None:
    """Words, channel, time and event stay, the address goes; an import brings nobody back as sendable."""
    world.say("stop", id_="m-stop", id="wamid.7", source="whatsapp", time=START - 2)
    world.consent("opt_out", scope="vip", evidence="said at the desk: not 0812-3456-7890", time=START - 1, id="c-7")
    erase(world)
    assert naming(world) == []
    world.restart()
    consent, pins = left(world).consent, left(world).rows["vip"].pins
    assert consent is not None
    assert consent.said is not None
    said = consent.said
    assert (said.words, said.channel, said.time, said.source, said.event) == (
        "STOP", "whatsapp", START - 2, "whatsapp", "wamid.7",
    )  # fmt: skip
    assert pins is not None
    assert pins.consent is not None
    assert pins.consent.said.words == "said at the desk: not …"
    assert (pins.consent.said.event, pins.consent.out) == ("c-7", START - 1)
    world.tick(1)
    world.must("contact.upsert", {"contact": {"phone": MADE, "name": "Made"}, "groups": ["food"]})
    world.pin("add", "vip", reason="import")
    assert world.contact()["sendable"] is False
    assert world.members("vip") == []
    assert [row["sendable"] for row in world.tables["memberships"].values()] == [False, False]
    assert hashed(world) == []
    world.say("start", id_="m-start")
    assert world.contact()["sendable"] is True


def test_words_about_somebody_erased_follow_the_same_laws(world: World) -> None:
    """The newest word by event time wins, and is told, though nobody is there; older ones come too late."""
    erase(world)
    world.tick(1)
    world.consent("opt_out", time=START - 10)
    world.consent("opt_in", time=START - 20)
    assert world.outcomes()[-2:] == [("applied", None), ("skipped", "newer_known")]
    assert [(one["type"], one["data"]["seq"]) for one in world.consents()] == [("contact.suppressed", 1)]
    assert naming(world) == []
    world.consent("opt_in", time=START - 5)
    world.consent("opt_out", time=START - 5)
    assert [one["data"]["seq"] for one in world.consents()] == [1, 2, 3]
    world.say("hello")
    assert world.contact()["sendable"] is False


def test_seqs_go_on_from_their_floor(world: World) -> None:
    """The first change afterwards has the next odd number, also that of a group that has gone and come again."""
    world.pin("add", "vip")
    world.pin("remove", "vip")
    world.pin("add", "vip")
    world.tick(1)
    erase(world)
    world.must("group.delete", {"group": "vip"})
    world.rest()
    world.group("vip")
    world.tick(1)
    told_before = len(world.changes())
    world.pin("add", "vip")
    world.say("dinner")
    seqs = {change["group"]: change["seq"] for change in world.changes()[told_before:]}
    assert seqs == {"vip": 5, "unrated": 3, "food": 3}


def test_a_newer_remove_is_remembered(world: World) -> None:
    """An add that is older than a remove brings nobody in, though the contact was erased before both.

    Neither other zones, nor another rule of the group, nor another owner make it another group.
    """
    erase(world, time=START - HOUR)
    world.tick(SECOND)
    world.pin("remove", "vip", time=START - 10)
    erase(world, time=START - HOUR, id="again")
    assert naming(world) == []
    world.tenant(zone="Asia/Jakarta")
    world.rest()
    world.group("vip", {"event": "rating"}, supersedes="vip")
    world.restart()
    world.pin("add", "vip", time=START - 20)
    assert world.members("vip") == []
    world.pin("add", "vip", time=START)
    assert world.members("vip") == [f"tel:{MADE}"]


@pytest.mark.parametrize("late", [0, 1, 2])
def test_what_was_pinned_goes_with_its_group(world: World, late: int) -> None:
    """A later group of the same id knows nothing of a remove from the former one, whenever the row is looked at."""
    erase(world, time=START - HOUR)
    world.pin("remove", "vip")
    assert left(world).rows["vip"].pins is not None
    world.must("group.delete", {"group": "vip"})
    for at in range(3):
        if at == late:
            world.say("dinner", id_="late", time=START - DAY)
        world.rest() if at == 0 else None
        world.group("vip") if at == 1 else None
    assert left(world).rows.get("vip", Row()).pins is None
    world.tick(1)
    world.pin("add", "vip", time=START - 1)
    assert world.members("vip") == [f"tel:{MADE}"]


def test_notices_are_remembered(world: World) -> None:
    """At most one notice a day, also of somebody who is not there."""
    erase(world)
    world.tick(1)
    for at, text in enumerate(("please stop texting me", "start", "please stop texting me")):
        world.say(text, id_=f"n{at}", time=START - 30 + at)
    assert [one["kind"] for one in world.values("notices") if one["kind"] == "review"] == ["review"]
    assert naming(world) == []
    world.tick(2 * DAY)


def readable(store: MemoryStore) -> dict[bytes, Any]:
    """Return the rows, heads decoded: a total that is 0 may be written as 0.0."""
    rows = store.rows.items()
    return {key: msgspec.msgpack.decode(value) if key.startswith(b"h") else value for key, value in rows}


def test_erased_and_back_before_a_commit(world: World) -> None:
    """What happens between two commits, or within one chunk, ends as it does one by one."""
    world.pin("add", "vip")
    log = world.logs[0]
    world.tick(1)
    mark, stored = len(log), dict(world.stores[0].rows)
    erase(world, time=START)
    world.say("dinner", id_="back", time=START + 1)
    world.pin("remove", "vip")
    for size in (1, 2, 100):
        store = MemoryStore()
        store.rows = dict(stored)
        fold = Fold(store, 0, 1, hash_key=HASH_KEY)
        for start in range(mark, len(log), size):
            fold.apply(log[start : start + size])
        commit(fold, store)
        assert readable(store) == readable(world.stores[0])
    assert hashed(world) == []


def test_a_newer_fact_keeps_the_row_under_its_name(world: World) -> None:
    """A booking that tells nothing of its guest may be newer than the erasure: it lies under the contact's id."""
    erase(world)
    world.tick(1)
    fact = BookingFact(1, START + 1, "confirmed", "website")
    put = FactPut(*ORIGIN, "booking", "s", "e", "b7", START + 1, fact, None, None)
    world.append(KEY, encode_activity(put))
    world.run()
    assert world.tables["contacts"] == {}
    assert (hashed(world), head_key(KEY) in world.stores[0].rows) == ([], True)
    world.append(KEY, encode_activity(FactTaken(*ORIGIN, "booking", "s", "e", "b7", START + 1, None)))
    world.run()
    assert naming(world) == []
    assert len(hashed(world)) == 1


def test_deadlines_of_the_erased(world: World) -> None:
    """A deadline that was held in memory finds nobody, and brings no row back."""
    world.say("dinner", id_="due", time=START - 31 * DAY + 60 * SECOND)
    world.say("dinner", id_="m9", time=START - 30 * DAY)
    fold = world.folds[0]
    head = head_of(world.stores[0].rows[head_key(KEY)])
    assert index_key(head.due, KEY) in world.stores[0].rows
    fold.desk.deadlines.put(START + SECOND, KEY)
    fold.desk.deadlines.put(START + 2 * SECOND, KEY)
    erase(world)
    world.tick(HOUR)
    world.tick(40 * DAY)
    assert naming(world) == []
    assert len(hashed(world)) == 1


def test_laps_do_not_look_at_the_erased(world: World) -> None:
    """A lap passes over who went before the commit as over who went before that, also if their row was looked up."""
    world.say("dinner", ANNA, name="Anna")
    anna = head_key(f"bali/tel:{ANNA}".encode())
    world.tick(1)
    log, stored = world.logs[0], dict(world.stores[0].rows)
    marks = [len(log)]
    erase(world, time=START)
    marks.append(len(log))
    world.say("dinner", id_="back", time=START + 1)
    marks.append(len(log))
    store = MemoryStore()
    store.rows = dict(stored)
    fold = Fold(store, 0, 1, hash_key=HASH_KEY)
    assert [key for key, _ in fold.heads.under(b"hbali/", b"")] == [anna, head_key(KEY)]
    fold.apply(log[marks[0] : marks[1]])
    assert [key for key, _ in fold.heads.under(b"hbali/", b"")] == [anna]
    fold.desk.head(KEY)
    assert [key for key, _ in fold.heads.under(b"hbali/", b"")] == [anna]
    commit(fold, store)
    assert [key for key, _ in fold.heads.under(b"hbali/", b"")] == [anna]
    fold.desk.head(KEY)
    assert [key for key, _ in fold.heads.under(b"hbali/", b"")] == [anna]
    fold.apply(log[marks[1] : marks[2]])
    assert [key for key, _ in fold.heads.under(b"hbali/", b"")] == [anna, head_key(KEY)]


def test_who_asks_finds_nobody(world: World) -> None:
    """Neither explain nor preview knows somebody who was erased."""
    erase(world)
    fold = world.folds[0]
    (explained,) = answering(fold, ExplainAsked(id="q", tenant="bali", contact=f"tel:{MADE}", group="food"), world.now)
    assert explained is not None
    assert explained.explained is None
    rule = msgspec.json.decode(b'{"none": [{"event": "rating"}]}')
    world.say("x", ANNA)
    *_, previewed = answering(fold, PreviewAsked(id="q", tenant="bali", rule=rule), world.now)
    assert previewed is not None
    assert previewed.previewed is not None
    assert (previewed.previewed.contacts, previewed.previewed.count) == (1, 1)


def test_an_address_that_is_the_id_counts_again() -> None:
    """Whoever was erased and comes back is in the groups that their e-mail address alone makes true."""
    world = World()
    world.tenant()
    world.group("mail", {"contact": "email", "present": True})
    guest = {"guest": {"email": "made@example.com"}, "rating_id": "r1", "stars": 5}
    world.must("rating", guest)
    world.tick(1)
    world.must("contact.delete", {"contact": {"id": "mailto:made@example.com"}, "erase": True})
    assert not any(b"made@" in key + value for key, value in world.stores[0].rows.items())
    world.tick(1)
    world.must("rating", {**guest, "rating_id": "r2"})
    assert [change["seq"] for change in world.changes()] == [1, 2, 3]


def test_nobody_is_looked_for_where_nobody_was_erased(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without such rows no hash is made; with them one for each contact that is not known."""
    asked: list[bytes] = []
    real = hmac.digest

    def count(key: bytes, message: bytes, name: str) -> bytes:
        asked.append(message)
        return real(key, message, name)

    monkeypatch.setattr(hmac, "digest", count)
    world.say("hello", ANNA)
    assert asked == []
    erase(world)
    asked.clear()
    world.say("hello", ANNA)
    assert asked == []
    world.say("hello", "+4915123456780")
    assert asked == [b"bali/tel:+4915123456780"]
    world.restart()
    asked.clear()
    world.say("hello", "+4915123456781")
    assert asked == [b"bali/tel:+4915123456781"]


def test_another_key_finds_nobody(world: World) -> None:
    """The hash is keyed, and rows remember by which key: its fingerprint."""
    erase(world)
    other = Fold(world.stores[0], 0, 1, hash_key=b"x" * 32)
    assert other.afterlife.find(KEY) is None
    assert world.stores[0].rows[KEYED] == fingerprint(HASH_KEY) != fingerprint(b"x" * 32)


def older(world: World) -> None:
    """Bring the state into the form that it had before: erased heads under their ids, and no fingerprint."""
    rows = world.stores[0].rows
    head = left(world)
    head.due = head.indexed = START + 5 * DAY
    (at,) = hashed(world)
    del rows[at], rows[KEYED]
    world.stores[0].write({head_key(KEY): encode(head), index_key(head.due, KEY): b""})
    world.restart()


def test_rows_from_before_are_let_go_by_a_lap(world: World) -> None:
    """State that has no fingerprint gets one, and a lap that hashes the erased; after that it has none."""
    world.consent("opt_out")
    world.tick(1)
    erase(world)
    older(world)
    assert head_key(KEY) in naming(world)
    assert world.folds[0].scanning
    world.rest()
    assert naming(world) == []
    assert left(world).consent is not None
    world.restart()
    assert not world.folds[0].scanning


def test_rows_from_before_are_let_go_when_touched(world: World) -> None:
    """An event of theirs does it too."""
    erase(world)
    older(world)
    world.say("dinner", id_="late", time=START - HOUR)
    assert naming(world) == []


@pytest.mark.parametrize(
    ("words", "contact", "expected"),
    [
        ("stop", f"tel:{MADE}", "stop"),
        ("no calls to +62 812 3456 7890!", f"tel:{MADE}", "no calls to …!"),
        ("(0812) 3456-7890 said no", f"tel:{MADE}", "… said no"),
        ("٠٨١٢٣٤٥٦٧٨٩٠ said no", f"tel:{MADE}", "… said no"),
        ("form 12 of 2026-11-02", f"tel:{MADE}", "form 12 of 2026-11-02"),
        ("Made@Example.com wrote", "mailto:made@example.com", "… wrote"),
        ("notmade@example.com wrote", "mailto:made@example.com", "notmade@example.com wrote"),
        ("to 7 and 77", "telegram:7", "to … and 77"),
    ],
)
def test_words_without_the_address(words: str, contact: str, expected: str) -> None:
    """However a phone is written in an evidence, and whatever else an id is: `…` stands there instead."""
    assert without(words, contact) == expected


def test_only_what_is_over_is_hashed() -> None:
    """A name that is newer than the erasure, or anything else of the profile, keeps the row where it is."""
    store = MemoryStore()
    fold = Fold(store, 0, 1, hash_key=HASH_KEY)
    for profile, over in ((Profile(), True), (Profile(original_name="Made", original_at=9), False)):
        head = Head(0, Rows({"g": Row()}), profile, deleted=Deleted(5, "d", 5))
        assert is_gone(head)
        assert afterlife.is_over(fold.desk.pending, KEY, head) is over


def test_keys_read_at_once() -> None:
    """Of written and stored rows the newest are returned, in their order."""
    store = MemoryStore()
    store.write({b"a": b"1", b"b": b"2"})
    pending = Pending(store)
    pending.put(b"b", None)
    pending.put(b"c", b"3")
    assert pending.get_many([b"c", b"a", b"b", b"d"]) == [b"3", b"1", None, None]
    assert Afterlife(HASH_KEY, pending, lambda _: pytest.fail("no groups are asked for")).find(KEY) is None


def test_the_erased_facts_own_rows(world: World) -> None:
    """The booking's own actor forgets whose it was, also when its erasure is told twice."""
    erase(world)
    assert not [key for key in world.stores[0].rows if key.startswith(b"o")]
    world.append(b"bali/booking:1:s:b1", encode_activity(FactErased(*ORIGIN, f"tel:{MADE}", START)))
    world.run()
    assert naming(world) == []
    assert {told(out)["type"] for out in world.out if out.topic == "membership-changes"} == {
        "membership.joined", "membership.left",
    }  # fmt: skip
