"""Definitions keep their order and their links, however groups come and go."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.definition import Definition, template
from processors.definitions import Definitions
from processors.desk import ORIGIN
from processors.needles import Needles
from processors.versions import Versions
from processors.words import normalise
from schemas.activity import MessageFact, MessageSeen
from schemas.groups import Group

NAMES = "abcdef"
Step = tuple[str, str, list[str]]

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "put", "delete", "drop", "ask", "zone"]),
        st.sampled_from(NAMES),
        st.lists(st.sampled_from(NAMES), max_size=3),
    ),
    max_size=30,
)


def body(name: str, inner: list[str], status: str = "ready") -> bytes:
    """A group whose rule names others."""
    rule: dict[str, Any] = {"any": [{"group": one} for one in inner]} if inner else {"event": "manual"}
    return msgspec.json.encode(Group(tenant="bali", id=name, name=name, rule=rule, status=status))  # type: ignore[arg-type]


def inner_of(definition: Definition) -> set[str]:
    """The groups that a rule names."""
    return {leaf.group for _, leaf in definition.rule.refs}


def level(known: Definitions, name: str) -> int:
    """One above the highest that a group names, 0 if it names none that is there."""
    there = [one for one in inner_of(known.groups[name]) if one in known.groups]
    return max((level(known, one) + 1 for one in there), default=0)


def closes_a_cycle(known: Definitions, name: str, inner: list[str]) -> bool:
    """Whether a group of these references would be among its own."""
    reached, waiting = set[str](), list(inner)
    while waiting:
        one = waiting.pop()
        if one not in reached:
            reached.add(one)
            waiting += inner_of(known.groups[one]) if one in known.groups else ()
    return name in reached


@given(STEPS)
def test_links_and_order_are_those_of_all_groups_looked_at_anew(steps: list[Step]) -> None:
    """Who names a group, its level, and what came since a version are as if all groups were gone through each time."""
    known = Definitions("bali")
    for version, (what, name, inner) in enumerate(steps, 1):
        if what == "put" and name not in known.groups and not closes_a_cycle(known, name, inner):
            known.set_group(version, body(name, inner), ("s", "c"))
        elif what == "delete" and name in known.groups:
            known.set_group(version, body(name, sorted(inner_of(known.groups[name])), "deleting"), ("s", "c"))
        elif what == "drop":
            known.drop_group(name)
        elif what == "zone":
            zone = "Asia/Makassar" if known.record.zone == "UTC" else "UTC"
            known.set_record(version, msgspec.json.encode({"tenant": "bali", "zone": zone}))
        elif what == "ask":
            known.since(0)  # links them in between
    for since in range(len(steps) + 1):
        later = [d for d in known.groups.values() if d.version > since]
        assert known.since(since) == sorted(later, key=lambda d: (d.version, d.level, d.id))
    for name, definition in known.groups.items():
        assert definition.level == level(known, name)
        outer = {d.id for d in known.groups.values() if name in inner_of(d) and not d.deleting}
        assert definition.outer == {one: known.groups[one] for one in outer}


WORDS = st.lists(st.sampled_from(["pool", "dinner", "pool villa", "spa", "餐"]), min_size=1, max_size=3)
RULES = st.one_of(
    st.builds(lambda words, none: {"event": "message", "any_of": words, "none_of": none}, WORDS, st.just([])),
    st.builds(lambda words, none: {"event": "message", "any_of": words, "none_of": none}, WORDS, WORDS),
    st.builds(lambda words, mode: {"event": "message", "any_of": words, "match": mode}, WORDS, st.just("exact")),
    st.builds(lambda words: {"all": [{"event": "message", "any_of": words}, {"event": "rating"}]}, WORDS),
    st.builds(lambda name: {"none": [{"group": name}]}, st.sampled_from(NAMES)),
    st.builds(lambda tag: {"contact": "tags", "has_any": [tag]}, st.sampled_from(NAMES)),
)
CHANGES = st.lists(
    st.tuples(st.sampled_from(["put", "put", "delete", "drop", "zone"]), st.sampled_from(NAMES), RULES), max_size=25
)


@given(
    CHANGES, st.lists(st.sampled_from(["pool", "spa pool", "Dinner at the pool villa", "餐 spa", "join a"]), max_size=4)
)
def test_what_came_one_by_one_is_what_comes_at_once(changes: list[tuple[str, str, Any]], texts: list[str]) -> None:
    """After any puts, other rules, deletions and zones, all is read as by one who gets the definitions in force."""
    known, bodies = Definitions("bali"), dict[str, tuple[int, dict[str, Any]]]()
    zone = "UTC"
    for version, (what, name, rule) in enumerate(changes, 1):
        group = {"tenant": "bali", "id": name, "name": name, "rule": rule, "rule_hash": str(rule), "status": "ready"}
        group |= {"join_words": [f"join {name}"]} if "any_of" in rule else {}
        if what == "put" and closes_a_cycle(known, name, [one["group"] for one in rule.get("none", ())]):
            continue
        if what == "put" and bodies.get(name, (0, group))[1]["status"] != "deleting":
            bodies[name] = version, group
            known.set_group(version, msgspec.json.encode(group), ("s", "c"))
        elif what == "delete" and name in bodies:
            bodies[name] = version, bodies[name][1] | {"status": "deleting"}
            known.set_group(version, msgspec.json.encode(bodies[name][1]), ("s", "c"))
        elif what == "drop":
            bodies.pop(name, None)
            known.drop_group(name)
        elif what == "zone":
            zone = "Asia/Makassar" if zone == "UTC" else "UTC"
            known.set_record(version, msgspec.json.encode({"tenant": "bali", "zone": zone}))
    fresh = Definitions("bali")
    fresh.set_record(0, msgspec.json.encode({"tenant": "bali", "zone": zone}))
    for version, group in bodies.values():
        fresh.set_group(version, msgspec.json.encode(group), ("s", "c"))
    assert seen_of(known, texts) == seen_of(fresh, texts)


def seen_of(known: Definitions, texts: list[str]) -> Any:
    """What definitions say of texts, and what they ask for, with names in place of what is compiled."""
    messages = [MessageSeen(*ORIGIN, "s", "e", "m", 1, 7, normalise(text), "sms") for text in texts]
    readings = [
        (
            one.meaning and (one.meaning.leaves, one.meaning.joins),
            one.near,
            [(hit.definition.id, hit.at, hit.phrase) for hit in one.hits],
        )
        for one in known.read(messages)
    ]
    index = known.index
    lists = {"": index.true_when_empty, **index.of_field, **index.of_kind}
    asked = {name: [one.id for one in some] for name, some in lists.items() if some}
    times = known.matched([MessageFact(1, 7, one.words, "sms") for one in messages])
    hits = [[hit.phrase for hit in known.hits(one.words, "sms")] for one in messages]
    return readings, asked, times, hits, {name: (one.level, {*one.outer}) for name, one in known.groups.items()}


@pytest.mark.parametrize("known", [100, 1_000])
def test_a_definition_costs_itself_however_many_there_are(known: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """One more makes as many needles as it has, no rule is read again, and none of the others is looked at."""
    definitions, made = Definitions("bali"), list[str]()
    for version in range(1, known + 1):
        definitions.set_group(version, message_group(f"g{version}"), ("s", "c"))
    add = Needles.add
    monkeypatch.setattr(Needles, "add", lambda self, needle, entry: made.append(needle) or add(self, needle, entry))  # type: ignore[func-returns-value]
    before = template.cache_info().misses
    for version in range(known + 1, known + 11):
        definitions.set_group(version, message_group(f"g{version}"), ("s", "c"))
        definitions.hits("dinner at eight", "sms")
    assert len(made) == 20
    assert template.cache_info().misses - before == 10
    assert [one.id for one in definitions.since(known)] == [f"g{version}" for version in range(known + 1, known + 11)]


def message_group(name: str) -> bytes:
    """A group with a word of its own, which has a plural."""
    rule = {"event": "message", "any_of": [f"word{name}"]}
    return msgspec.json.encode({"tenant": "bali", "id": name, "name": name, "rule": rule})


def test_partitions_share_what_is_compiled() -> None:
    """A worker's twelve partitions compile each definition once, unless their tenants' zones differ."""
    one, other, abroad = Definitions("bali"), Definitions("bali"), Definitions("bali")
    abroad.set_record(1, msgspec.json.encode({"tenant": "bali", "zone": "Asia/Makassar"}))
    made = [known.set_group(2, message_group("shared"), ("s", "c")) for known in (one, other, abroad)]
    assert made[0].rule is made[1].rule
    assert made[0].rule is not made[2].rule


def test_versions_keep_no_more_places_than_they_need() -> None:
    """Definitions that come again and again leave their former places to others."""
    versions, known = Versions(), Definitions("bali")
    first = known.set_group(1, message_group("a"), ("s", "c"))
    often, other = (known.set_group(2, message_group(name), ("s", "c")) for name in "bc")
    versions.put(first)
    for version in range(2, 1_000):
        for one in (often, other):
            one.version = version
            versions.put(one)
    versions.drop("c")
    assert len(versions._definitions) < 100
    assert (versions.since(0), versions.since(1), versions.since(999)) == ([first, often], [often], [])
    versions.drop("b")
    assert versions.newest == 1
