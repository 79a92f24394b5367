"""A preview counts who a backfill would take in, and leaves everything as it was."""

from __future__ import annotations

from typing import Any, cast

import msgspec
import pytest

from processors import preview
from processors.answer import answering
from processors.fold import Record
from processors.normalize import Keyed, Normalizer, Raw
from schemas.questions import PreviewAsked, Previewed, Sampled
from tests.processors.world import DAY, World

PHONES = [f"+6281234567{n:03d}" for n in range(30)]

RULES: list[dict[str, Any]] = [
    {"event": "message", "any_of": ["dinner"], "within": "P3M"},
    {"event": "message", "any_of": ["dinner"], "min_count": 2},
    {"event": "rating", "min_stars": 4, "within": "P6M"},
    {"event": "booking", "room_types": ["pool villa"], "stay": "past"},
    {"all": [{"event": "rating", "min_stars": 3}, {"none": [{"event": "message", "any_of": ["dinner"]}]}]},
    {"any": [{"event": "rating", "max_stars": 2}, {"event": "message", "any_of": ["pet"]}]},
    {"event": "manual"},
    {"none": [{"event": "message", "any_of": ["pet"]}]},
    {"all": [{"group": "vip"}, {"event": "message", "any_of": ["pet"]}]},
    {"contact": "tags", "has_any": ["gold"]},
]


@pytest.fixture
def world() -> World:
    """Thirty guests in three partitions who wrote, rated and booked this and that."""
    made = World(partitions=3)
    made.tenant()
    made.group("vip")
    for n, phone in enumerate(PHONES):
        made.say(["dinner?", "my pet", "hello", "dinner with my pets"][n % 4], phone, name=f"Guest {n}")
        if n % 3 == 0:
            made.rate(n % 5 + 1, f"r{n}", phone)
        if n % 5 == 0:
            made.book(f"b{n}", phone)
        if n % 8 == 0:
            made.say("dinner again", phone)
    made.pin("add", "vip", *PHONES[:5])
    made.must("contact.tag", {"contacts": [{"phone": phone} for phone in PHONES[3:9]], "tags": ["gold"]})
    return made


def asked(world: World, rule: dict[str, Any], sample: int = 10) -> Previewed:
    """Ask all partitions and unite what they say."""
    parts: list[Previewed] = []
    for fold in world.folds:
        (said,) = [
            one
            for one in answering(fold, PreviewAsked(id="q", tenant="bali", rule=rule, sample=sample), world.now)
            if one
        ]
        assert said.previewed is not None
        parts.append(said.previewed)
    return preview.united(parts, sample)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_it_counts_whom_the_group_then_takes_in(world: World, rule: dict[str, Any]) -> None:
    """The count, the sample and the overlap are those of the group that is then created."""
    told = asked(world, rule, sample=30)
    world.group("new", rule)
    rows = {key: row for key, row in world.tables["memberships"].items() if row is not None}
    members = {row["contact"] for row in rows.values() if row["group"] == "new"}
    vips = {row["contact"] for row in rows.values() if row["group"] == "vip"}
    assert told.contacts == 30
    assert told.count == len(members)
    assert {one.contact for one in told.sample} == members
    assert told.overlap.get("vip", 0) == len(members & vips)
    ends = {row["contact"]: row["expires_at"] for row in rows.values() if row["group"] == "new"}
    assert {one.contact: msgspec.to_builtins(one.expires_at) for one in told.sample} == ends


def test_it_changes_nothing(world: World) -> None:
    """No row is written, no record is said, and nothing that was decoded for it is kept."""
    world.restart()
    before = [dict(store.rows) for store in world.stores]
    asked(world, RULES[0])
    for fold, store, rows in zip(world.folds, world.stores, before, strict=True):
        assert not fold.desk.take()
        assert not fold.desk.dirty
        assert not fold.desk.heads
        assert store.rows == rows


def test_what_is_not_committed_counts(world: World) -> None:
    """A guest who has only just written is counted, though no row is on disk."""
    event = world.event("message", {"message_id": "m", "channel": "whatsapp", "direction": "inbound",
                                    "from": "+6281299999999", "text": "dinner"})  # fmt: skip
    raw = Raw(2, 0, 10_000, world.now, b"k", msgspec.json.encode(event), ())
    (one,) = cast("list[Keyed]", Normalizer(world.tenants).normalize(raw))
    world.folds[world.partition(one.key)].apply([Record(one.key, one.value, world.now)])
    told = asked(world, RULES[0])
    assert (told.contacts, told.count) == (31, 16)


def test_who_was_only_looked_at_is_no_contact(world: World) -> None:
    """A head that was made for a look alone is not counted, nor is a membership that has ended an overlap."""
    key = b"bali/tel:+6281288888888"
    world.folds[world.partition(key)].desk.head(key)
    world.pin("remove", "vip", PHONES[0])
    told = asked(world, RULES[0])
    assert told.contacts == 30
    assert told.overlap["vip"] == asked(world, {"all": [RULES[0], {"group": "vip"}]}).count


def test_it_goes_by_slices(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A slice looks at a few contacts, then others get their turn; together they look at each once."""
    monkeypatch.setattr(preview, "SLICE", 4)
    fold = world.folds[0]
    said = list(answering(fold, PreviewAsked(id="q", tenant="bali", rule=RULES[0]), world.now))
    assert said[:-1] == [None] * (len(said) - 1)
    assert len(said) > 1
    assert said[-1] is not None
    assert said[-1].previewed is not None
    assert said[-1].previewed.contacts == sum(key.startswith(b"hbali/") for key in world.stores[0].rows)


def test_who_may_not_be_written_to_is_counted_apart(world: World) -> None:
    """Members who opted out are in, but not sendable."""
    world.consent("opt_out", PHONES[0])
    told = asked(world, RULES[0], sample=30)
    assert told.sendable == told.count - 1
    assert [one.contact for one in told.sample if not one.sendable] == [f"tel:{PHONES[0]}"]


def test_a_sample_shows_names_and_no_more_than_asked(world: World) -> None:
    """A sample is the first few by contact, with the name shown and when it would end."""
    (first, second) = asked(world, RULES[0], sample=2).sample
    assert first.contact < second.contact
    assert first.name == "Guest 0"
    assert first.expires_at is not None
    assert asked(world, RULES[0], sample=0).sample == []


def test_another_tenants_guests_are_not_asked(world: World) -> None:
    """Nothing crosses tenants, also where one name begins with the other."""
    fold = world.folds[0]
    (said,) = [one for one in answering(fold, PreviewAsked(id="q", tenant="bal", rule=RULES[7]), world.now) if one]
    assert said.previewed == Previewed(contacts=0, count=0, sendable=0, sample=[], overlap={})


def test_parts_are_united() -> None:
    """Counts add up, the largest overlap comes first, and the sample is cut."""
    one = Sampled(contact="tel:+2", name=None, expires_at=None, sendable=True)
    two = Sampled(contact="tel:+1", name=None, expires_at=None, sendable=True)
    left = Previewed(contacts=3, count=2, sendable=1, sample=[one], overlap={"a": 1, "b": 1})
    right = Previewed(contacts=2, count=1, sendable=1, sample=[two], overlap={"b": 2})
    told = preview.united([left, right], 1)
    assert (told.contacts, told.count, told.sendable) == (5, 3, 2)
    assert told.sample == [two]
    assert list(told.overlap.items()) == [("b", 3), ("a", 1)]


def test_the_asker_tells_the_time(world: World) -> None:
    """What a window has let go is not counted, though no record has told the partition that time went on."""
    world.now += 200 * DAY
    assert asked(world, RULES[0]).count == 0
    assert asked(world, RULES[1]).count > 0
