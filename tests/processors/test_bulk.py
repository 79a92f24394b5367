"""Commands on many contacts: counted where their outcomes are, told as finished once."""

from __future__ import annotations

from itertools import pairwise
from typing import Any, cast

import msgspec
import pytest

from processors.bulk import ASKED
from processors.normalize import Keyed, Normalizer, Raw
from processors.repeats import AT_ONCE
from schemas.activity import CountAsked, Counted, Pin, decode, encode
from tests.processors.world import DAY, START, World

PHONES = [f"+62812345{at:05}" for at in range(300)]
COUNTED = ("applied", "unchanged", "skipped", "reasons", "count")


@pytest.fixture
def world() -> World:
    """Three partitions and a group by hand."""
    made = World(3)
    made.tenant()
    made.group("vip")
    return made


def finished(world: World) -> list[dict[str, Any]]:
    """Return what was told of finished commands."""
    return [notice for notice in world.values("notices") if notice["kind"] == "bulk_finished"]


def counts(notice: dict[str, Any]) -> tuple[Any, ...]:
    """Return the counts of a notice."""
    return tuple(notice.get(word, {}) for word in COUNTED)


def told(world: World, kind: type) -> list[Any]:
    """Return the records of a kind in all logs."""
    return [one for log in world.logs for record in log if isinstance(one := decode(record.value), kind)]


def held(world: World) -> list[bytes]:
    """Return the keys of what is kept of commands."""
    return sorted(key for store in world.stores for key in store.rows if key[:1] in b"tu")


def test_the_counts_add_up(world: World) -> None:
    """Applied, unchanged and skipped, by reason, are as many as the contacts; group, type and cause are named."""
    world.pin("add", "vip", *PHONES[:3])
    world.say("join", PHONES[3])
    world.consent("opt_out", PHONES[4], scope="vip")
    contacts = [*({"phone": phone} for phone in (*PHONES[:5], "nonsense")), {"id": "nonsense"}]
    world.must("group.add", {"group": "vip", "contacts": contacts, "reason": "import"}, id="bulk")
    notice = finished(world)[-1]
    assert counts(notice) == (4, 0, 3, {"contact_invalid": 1, "phone_invalid": 1, "opted_out": 1}, 7)
    assert (notice["group"], notice["type"], notice["cause"]) == ("vip", "group.add", {"source": "s", "id": "bulk"})
    assert "contact" not in notice


def test_one_record_a_partition_answers_for_all(world: World) -> None:
    """However many contacts, each partition is asked once and tells once, and nothing is kept."""
    world.pin("add", "vip", *PHONES, id="bulk")
    assert counts(finished(world)[0]) == (300, 0, 0, {}, 300)
    assert (len(told(world, CountAsked)), len(told(world, Counted))) == (3, 3)
    assert sum(sum(one.counts.values()) for one in told(world, Counted)) == 300
    assert held(world) == []


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        ("contact.tag", {"tags": ["x"]}),
        ("contact.untag", {"tags": ["x"]}),
        ("group.remove", {"group": "vip"}),
        ("group.clear_pin", {"group": "vip"}),
        ("consent.opt_out", {}),
        ("consent.opt_in", {"scope": "vip"}),
    ],
)
def test_every_command_on_many_is_counted(world: World, kind: str, data: dict[str, Any]) -> None:
    """Whatever it does, it is finished once."""
    world.must(kind, {"contacts": [{"phone": phone} for phone in PHONES[:9]], **data})
    (notice,) = finished(world)
    assert (notice["type"], notice["count"], sum(counts(notice)[:3])) == (kind, 9, 9)


def test_one_contact_is_no_bulk(world: World) -> None:
    """A command on one contact has its outcome and no notice."""
    world.pin("add", "vip", PHONES[0])
    assert (finished(world), held(world)) == ([], [])


def test_a_missing_group_is_finished_at_once(world: World) -> None:
    """All are refused by the tenant's actor, so no partition need be asked."""
    world.pin("add", "nobody", *PHONES[:4])
    assert counts(finished(world)[0]) == (0, 0, 4, {"group_unknown": 4}, 4)
    assert told(world, CountAsked) == []
    world.must("contact.tag", {"contacts": [{"phone": phone} for phone in PHONES[:2]], "tags": ["x"]})
    assert finished(world)[1]["type"] == "contact.tag"


def test_a_contact_that_is_named_twice(world: World) -> None:
    """Counts twice: once applied, once as repeated."""
    world.pin("add", "vip", PHONES[0], PHONES[0])
    assert counts(finished(world)[0]) == (1, 1, 0, {"repeated": 1}, 2)


def test_published_again_it_is_neither_carried_out_nor_told_again(world: World) -> None:
    """For thirty days the name is remembered; then it is forgotten, and would be told anew."""
    world.pin("add", "vip", *PHONES[:4], id="bulk", time=START)
    world.pin("remove", "vip", *PHONES[:4], id="other", time=START + 1)
    world.tick(29 * DAY)
    world.pin("add", "vip", *PHONES[:5], id="bulk")
    assert [notice["cause"]["id"] for notice in finished(world)] == ["bulk", "other"]
    assert world.outcomes()[-5:] == [("unchanged", "repeated")] * 5
    assert world.members("vip") == []
    world.tick(2 * DAY)
    for _ in range(2):
        world.pin("add", "vip", *PHONES[:4], id="bulk")
    assert [notice["cause"]["id"] for notice in finished(world)] == ["bulk", "other", "bulk"]
    first, *_, again = finished(world)
    assert first["id"] == again["id"]


def test_commands_are_forgotten_a_few_with_each(world: World) -> None:
    """However many are too old, one record has little to do; in the end nothing is left of them."""
    for _ in range(20):
        world.pin("add", "vip", PHONES[0])
    world.tick(31 * DAY)
    left = []
    for _ in range(8):
        world.pin("add", "vip", PHONES[0])
        left.append(sum(key[:1] == b"q" for store in world.stores for key in store.rows))
    assert [before - after for before, after in pairwise(left)][:4] == [AT_ONCE - 1] * 4
    assert left[-1] == 8


def test_what_was_refused_may_come_again(world: World) -> None:
    """Once its group is there it is carried out, and told; where nobody could be asked, it can be put right."""
    for _ in range(2):
        world.pin("add", "soon", *PHONES[:2], id="early")
    world.group("soon")
    world.pin("add", "soon", *PHONES[:2], id="early")
    assert [counts(notice)[:3] for notice in finished(world)] == [(0, 0, 2), (0, 0, 2), (2, 0, 0)]
    world.pin("add", "soon", "12", id="typo")
    world.pin("add", "soon", PHONES[3], id="typo")
    assert len(world.members("soon")) == 3


def test_commands_of_one_name_from_two_sources(world: World) -> None:
    """Source and id name a command together."""
    for source in ("s", "t"):
        world.pin("add", "vip", *PHONES[:2], id="bulk", source=source)
    assert len(finished(world)) == 2


def test_over_a_restart(world: World) -> None:
    """What was counted when the owners changed is counted on by the next."""
    event = world.event("group.add", {"group": "vip", "contacts": [{"phone": phone} for phone in PHONES]})
    append(world, event)
    while any(read < len(log) for read, log in zip(world.read, world.logs, strict=True)):
        for at in range(3):
            world.restart()
            world.step(at)
    assert counts(finished(world)[0]) == (300, 0, 0, {}, 300)


def append(world: World, event: dict[str, Any]) -> None:
    """Append a command to the log, and let nobody read it yet."""
    raw = Raw(3, 0, 999, world.now, b"k", msgspec.json.encode(event), ())
    for one in cast("list[Keyed]", Normalizer(world.tenants).normalize(raw)):
        world.append(one.key, one.value)


def split(world: World) -> tuple[int, Any]:
    """Publish a command on many, carried so far that its parts are handed out, and take one of them out."""
    event = world.event("group.add", {"group": "vip", "contacts": [{"phone": phone} for phone in PHONES[:30]]})
    append(world, event)
    world.step(world.partition(b"bali"))
    for at, log in enumerate(world.logs):
        for place in range(world.read[at], len(log)):
            if isinstance(decode(log[place].value), Pin):
                return at, log.pop(place)
    raise AssertionError(world.read)


def test_a_part_that_comes_after_the_question(world: World) -> None:
    """Partitions are asked again until all is counted, so a part that another had to pass on is not missed."""
    at, part = split(world)
    for _ in range(2):
        for other in range(3):
            world.step(other)
    assert (finished(world), len(told(world, CountAsked))) == ([], 6)
    world.append(part.key, part.value, at)
    world.run()
    assert counts(finished(world)[0]) == (30, 0, 0, {}, 30)
    assert len(told(world, CountAsked)) <= 9
    assert not [key for key in held(world) if key[:1] == b"t"]


def test_a_part_that_never_comes(world: World) -> None:
    """Nobody is asked for ever, nothing is told that is not so, and nothing is kept of it."""
    split(world)
    world.run()
    assert (finished(world), len(told(world, CountAsked))) == ([], 3 * ASKED)
    assert held(world) == []


def test_a_count_that_nobody_waits_for(world: World) -> None:
    """A partition that tells twice, or of a command that is forgotten, changes nothing."""
    world.pin("add", "vip", *PHONES[:4], id="bulk")
    for number in (1, 7):
        world.append(b"bali", encode(Counted(-1, 0, 0, 0, 0, number, {"applied/": 4})))
    world.run()
    assert len(finished(world)) == 1
