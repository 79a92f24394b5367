"""Definitions keep their order and their links, however groups come and go."""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from processors.definitions import Definition, Definitions
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
        assert {d.id for d in definition.outer} == outer
        assert len(definition.outer) == len(outer)
