"""One contact in one group: compare what the row says with what was last told, and note the difference."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from msgspec import Struct, structs

from processors.budget import SETTLED
from processors.changes import Flip, change_id, named_by
from processors.consent import sendable
from processors.desk import Desk
from processors.leaf import MANY
from processors.outlook import NOTHING, RULE, look, pinned_out, turned
from processors.replies import greet
from processors.rows import Head, Row, cut_off, is_gone
from schemas.activity import MessageSeen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from processors.booking_leaf import BookingLeaf
    from processors.definitions import Definition
    from processors.ledger import Made
    from processors.rules import Compiled

Happening = tuple[str, str]
"""Source and id of the event or command at hand."""


class Who(Struct, frozen=True, gc=False):
    """The contact at hand: the desk it lies on, its key tenant/contact, and its head."""

    desk: Desk
    key: bytes
    head: Head


class Why(Struct, frozen=True, gc=False):
    """What makes a membership be looked at: the reasons to give should it flip, and its cause.

    `seen` is the message that did it, if one did; without `reply` who joins is not greeted.
    """

    join: str | None
    leave: str
    cause: tuple[str, str] | None
    effective: int
    origin: str = "live"
    evidence: str | None = None
    seen: MessageSeen | None = None
    reply: bool = True


def row_of(at: Who, definition: Definition) -> Row:
    """Return the contact's row in a group to be changed, a new one if it has none."""
    row = at.head.rows.open(definition.id)
    if len(row.memos) != len(definition.rule.leaves):
        row.memos = definition.rule.empty()
    return row


def view_of(at: Who, letter: bytes, make: Callable[[Iterable[Any]], Made]) -> Made:
    """Return what is made of the contact's bookings (`b`) or ratings (`r`) that count."""
    return at.desk.ledger(at.key, letter).view(make, cut_off(at.head))


def evaluated(at: Who, rule: Compiled, row: Row) -> Row:
    """Return a row as its rule can be asked of it: with the facts themselves where it only says that they are many."""
    if MANY not in row.memos:
        return row
    pairs = zip(rule.leaves, row.memos, strict=True)
    memos = [view_of(at, b"b", cast("BookingLeaf", leaf).view) if memo == MANY else memo for leaf, memo in pairs]
    return structs.replace(row, memos=memos)


class Waiting(Struct, frozen=True, gc=False):
    """A group that is settled later, for a reason; `true` is whether its rule was then, where that is known yet.

    `met`: its contact is met only now, and may be in it without any facts, so what has come gives the reason.
    """

    definition: Definition
    why: Why
    true: bool | None = None
    met: bool = False


def settle(at: Who, definition: Definition, row: Row, t: int, why: Why) -> None:
    """Bring a row to what it says at `t` and tell what changed.

    One whose rule has several leaves waits until the record is taken in, and one that names other groups for them; so
    do all for which no time is left. The reason to give is the one by which the rule last became true, or untrue.
    """
    rule = definition.rule
    if not rule.joint and at.desk.spent < at.desk.until:
        settle_now(at, definition, row, t, why)
        return
    known = at.desk.waiting.get(definition.id)
    true = None if rule.refs else rule.true_at(evaluated(at, rule, row).memos, t)
    met = known is not None and known.met and not rule.joint
    if known is None or met or known.why.join == "group" or known.true is not true:
        at.desk.waiting[definition.id] = Waiting(definition, why, true)


def settle_at_end(at: Who, definition: Definition, why: Why) -> None:
    """Have a group settled once the record is taken in."""
    at.desk.waiting[definition.id] = Waiting(definition, why, definition.rule.true_when_empty, met=True)


def settle_now(at: Who, definition: Definition, row: Row, t: int, why: Why) -> None:
    """Bring a row to what it says at `t`, tell what changed, and have the groups that name this one settled."""
    head = at.head
    at.desk.spent += SETTLED
    out = definition.deleting or ((head.deleted or head.links) is not None and is_gone(head))
    if definition.group.sticky and not row.stuck and not out:
        _stick(at, definition, row, t)
    rule = definition.rule
    outlook = NOTHING if out else look(rule, evaluated(at, rule, row) if rule.booked else row, t)
    mask, due, expires = outlook.mask, outlook.due, outlook.expires
    flips = (row.seq & 1) != (mask != 0)
    if not flips and (mask != row.mask or expires != row.expires):
        at.desk.changed_rows[at.key, definition.id] = None
    row.mask, row.expires, row.due = mask, expires, due
    if due:
        at.desk.wake(at.key, at.head, due)
    if flips:
        _flip(at, definition, row, t, why)
    for outer in definition.outer.values():
        at.desk.waiting.setdefault(outer.id, Waiting(outer, _passed_on(definition, why)))


def _passed_on(inner: Definition, why: Why) -> Why:
    """Say why a group is looked at again that names another: what happened to that one."""
    join = why.join if why.join == "time" else "group"
    leave = why.leave if why.leave in {"expired", "retracted"} else "no_longer_matches"
    return structs.replace(why, join=join, leave=leave, evidence=inner.id)


def _stick(at: Who, definition: Definition, row: Row, t: int) -> None:
    """Once in by the rule, never out by it."""
    held = row.pins is not None and pinned_out(row.pins)
    row.stuck = not held and definition.rule.true_at(evaluated(at, definition.rule, row).memos, t)


def _true_since(rule: Compiled, row: Row, t: int, why: Why) -> int:
    """Return since when somebody is in: as of what did it, or from when time alone turned the rule since, until `t`.

    A stay that is told of late, after its end, was no past one when it was booked.
    """
    leaf = rule.single
    if row.mask != RULE or (leaf is not None and leaf.fades):
        return why.effective
    return turned(rule, row, why.effective, t)


def _flip(at: Who, definition: Definition, row: Row, t: int, why: Why) -> None:
    row.seq += 1
    joined = row.seq & 1
    if joined:
        asked = evaluated(at, definition.rule, row)
        effective = _true_since(definition.rule, asked, t, why)
        reason, evidence = why.join or definition.rule.reason(asked.memos, t), why.evidence
    else:
        effective, reason, evidence = why.effective, why.leave, None
    effective = row.since = max(effective, row.since)  # what comes late changes nothing that was told to have been
    desk, key = at.desk, at.key
    tenant, contact = named_by(key)
    reached = sendable(at.head, row, contact)
    desk.flips.append(Flip(
        key, tenant, contact, definition.group, row.seq, reason, why.cause, evidence, effective, row.expires, row.mask,
        why.origin, reached, desk.now,
    ))  # fmt: skip
    desk.counts["joined" if joined else "left"] += 1
    if joined and definition.group.reply and why.reply and why.origin == "live" and reached:
        change = change_id(tenant, definition.id, contact, row.seq)
        greet(desk, key, why.seen, change, definition.group.reply, digits=definition.digits)
