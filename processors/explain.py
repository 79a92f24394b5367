"""Why a contact is in a group or is not: the rule node by node on the contact's facts, and what lies over the rule."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from processors.changes import named_by
from processors.consent import left_for_good, sendable
from processors.glance import Glance, memos_of
from processors.leaf_shown import Leaves
from processors.membership import evaluated
from processors.outlook import NOTHING, RULE, Outlook, floor_of, look, pinned_out
from processors.rows import NAMED, PINNED_OUT, Row
from processors.rules import rule_in_force
from schemas.base import moment
from schemas.questions import AddShown, Because, Explained, NodeShown

if TYPE_CHECKING:
    from datetime import datetime

    from processors.definitions import Definition, Definitions
    from processors.desk import Desk
    from processors.rows import Pins


class _Case(NamedTuple):
    """A contact and a group: how the row would stand if it were answered anew from the facts."""

    definition: Definition
    row: Row
    outlook: Outlook
    tree: NodeShown


def explain(desk: Desk, key: bytes, group: str, definitions: Definitions, now: int) -> Explained | None:
    """Explain one membership, or its absence, at `now`; None where the contact or the group is unknown."""
    glance = Glance(desk, now)
    head, definition = glance.head(key), definitions.groups.get(group)
    if head is None or definition is None:
        return None
    head = glance.renewed(key, head, definitions)
    facts, before = glance.facts(key, head, definitions), head.rows.get(group)
    memos = memos_of(facts, definition, before)
    row = Row(memos=memos, stuck=before.stuck, pins=before.pins, since=before.since) if before else Row(memos=memos)
    row = evaluated(facts.at, definition.rule, row)
    outlook = NOTHING if definition.deleting else look(definition.rule, row, glance.now)
    tree = Leaves(glance, key, head, definitions, definition, row.memos).node(
        rule_in_force(definition.group.rule), "rule"
    )
    case, contact = _Case(definition, row, outlook, tree), named_by(key)[1]
    return Explained(
        group=group,
        contact=contact,
        member=outlook.mask != 0,
        because=_because(case),
        sources=NAMED[outlook.mask],
        since=_when(row.since) if outlook.mask else None,
        expires_at=_when(outlook.expires),
        turns_at=_when(outlook.due),
        sendable=sendable(head, row, contact),
        sticky=definition.group.sticky,
        adds=_adds(row.pins, glance.now),
        removed_at=_when(row.pins.reset_time) if row.pins is not None and row.pins.reset == PINNED_OUT else None,
        flips=_flips(case),
        rule=tree,
    )


def _when(ms: int) -> datetime | None:
    return moment(ms) if ms else None


def _because(case: _Case) -> Because:
    pins = case.row.pins
    if case.definition.deleting:
        return "deleting"
    if pins is not None and pinned_out(pins):
        return "opted_out" if left_for_good(pins) else "pinned_out"
    if case.outlook.mask & RULE:
        return "rule" if case.tree.true else "sticky"
    return "added" if case.outlook.mask else "rule_false"


def _adds(pins: Pins | None, now: int) -> list[AddShown]:
    if pins is None:
        return []
    floor = floor_of(pins)
    return [
        AddShown(
            source=source,  # type: ignore[arg-type]  # rows keep the words of commands
            time=moment(add.time),
            expires_at=_when(add.expires),
            counts=add.time >= floor and not 0 < add.expires <= now,
        )
        for source, add in sorted(pins.adds.items())
    ]


def _flips(case: _Case) -> list[str]:
    """Say what would take a member out, or bring others in, one way a line."""
    group, because = case.definition.group, _because(case)
    if because == "deleting":
        return []
    if because in {"rule", "sticky", "added"}:
        ways = ["group.remove", *(f"a message that says {words}" for words in group.leave_words)]
        return [*ways, "time alone"] if case.outlook.expires else ways
    ways = [f"a message that says {words}" for words in group.join_words]
    if because == "opted_out":
        return ["consent.opt_in for the group", "group.add by hand with evidence", *ways]
    if because == "pinned_out":
        return ["group.add", *(["group.clear_pin"] if case.tree.true else []), *ways]
    return [*lacking(case.tree), "group.add", *ways]


def lacking(node: NodeShown) -> list[str]:
    """Say what would make a false node true, one way a line."""
    if node.true:
        return []
    if "all" in node.rule:
        return [" and ".join(" or ".join(lacking(part)) for part in node.rules if not part.true)]
    if "none" in node.rule:
        return [" and ".join(f"the end of {part.path}" for part in node.rules if part.true)]
    if "any" in node.rule:
        return [way for part in node.rules for way in lacking(part)]
    return [node.lacks] if node.lacks else []
