"""One contact in one group: compare what the row says with what was last told, and tell the difference."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from processors.consent import sendable
from processors.desk import Desk, Out
from processors.outlook import NOTHING, look, pinned_out
from processors.replies import greet
from processors.rows import NAMED, Head, Row, is_gone
from schemas.base import moment
from schemas.outputs import Cause, Change, ChangeData, Membership

if TYPE_CHECKING:
    from processors.definitions import Definition
    from schemas.activity import MessageSeen

encode = msgspec.json.Encoder().encode
remembered = lru_cache(8_192)(moment)
"""Many records are of one moment, and each moment is told more than once."""


Happening = tuple[str, str]
"""Source and id of the event or command at hand."""


class Who(NamedTuple):
    """The contact at hand: the desk it lies on, its key tenant/contact, and its head."""

    desk: Desk
    key: bytes
    head: Head


class Why(NamedTuple):
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


def named_by(key: bytes) -> tuple[str, str]:
    """Return the tenant and the contact of a key."""
    tenant, _, contact = key.decode().partition("/")
    return tenant, contact


def row_of(at: Who, definition: Definition) -> Row:
    """Return the contact's row in a group to be changed, a new one if it has none."""
    row: Row | None = at.head.rows.get(definition.id)
    if row is None:
        row = at.head.rows[definition.id] = Row()
    if len(row.memos) != len(definition.rule.leaves):
        row.memos = definition.rule.empty()
    return row


def settle(at: Who, definition: Definition, row: Row, t: int, why: Why) -> None:
    """Bring a row to what it says at `t` and tell what changed; one that names other groups waits for them."""
    if definition.rule.refs:
        known = at.desk.waiting.get(definition.id)
        if known is None or known[1].join == "group":
            at.desk.waiting[definition.id] = definition, why
        return
    settle_now(at, definition, row, t, why)


def settle_now(at: Who, definition: Definition, row: Row, t: int, why: Why) -> None:
    """Bring a row to what it says at `t`, tell what changed, and have the groups that name this one settled."""
    out = definition.deleting or (at.head.deleted is not None and is_gone(at.head))
    if definition.group.sticky and not row.stuck and not out:
        _stick(definition, row, t)
    mask, due, expires = NOTHING if out else look(definition.rule, row, t)
    flips = (row.seq & 1) != (mask != 0)
    if not flips and (mask != row.mask or expires != row.expires):
        at.desk.changed_rows.setdefault((at.key, definition.id), "")
    row.mask, row.expires, row.due = mask, expires, due
    if due:
        at.desk.wake(at.key, at.head, due)
    if flips:
        _flip(at, definition, row, t, why)
    for outer in definition.outer:
        at.desk.waiting.setdefault(outer.id, (outer, _passed_on(definition, why)))


def _passed_on(inner: Definition, why: Why) -> Why:
    """Say why a group is looked at again that names another: what happened to that one."""
    join = why.join if why.join == "time" else "group"
    leave = why.leave if why.leave in {"expired", "retracted"} else "no_longer_matches"
    return why._replace(join=join, leave=leave, evidence=inner.id)


def _stick(definition: Definition, row: Row, t: int) -> None:
    """Once in by the rule, never out by it."""
    held = row.pins is not None and pinned_out(row.pins)
    row.stuck = not held and definition.rule.true_at(row.memos, t)


def _flip(at: Who, definition: Definition, row: Row, t: int, why: Why) -> None:
    row.seq += 1
    tenant, contact = named_by(at.key)
    joined = bool(row.seq & 1)
    if joined:
        row.since = why.effective
    data = ChangeData(
        group=definition.id,
        contact=contact,
        change="joined" if joined else "left",
        seq=row.seq,
        reason=(why.join or definition.rule.reason(row.memos, t)) if joined else why.leave,  # type: ignore[arg-type]
        cause=Cause(*why.cause) if why.cause else None,
        evidence=why.evidence if joined else None,
        rule_hash=definition.group.rule_hash,
        effective_at=remembered(why.effective),
        expires_at=remembered(row.expires) if row.expires else None,
        sources=NAMED[row.mask],
        origin=why.origin,  # type: ignore[arg-type]
        sendable=sendable(at.head, row, contact),
    )
    id_ = at.desk.changed_rows[at.key, definition.id] = change_id(tenant, definition.id, contact, row.seq)
    at.desk.out.append(Out("membership-changes", at.key, encode(_change(at.desk.now, tenant, id_, data))))
    at.desk.counts[data.change] += 1
    if joined and definition.group.reply and why.reply and why.origin == "live" and data.sendable:
        greet(at.desk, at.key, why.seen, id_, definition.group.reply)


def _change(now: int, tenant: str, id_: str, data: ChangeData) -> Change:
    return Change(
        type="membership.joined" if data.change == "joined" else "membership.left",
        id=id_,
        time=remembered(now),
        tenant=tenant,
        subject=data.contact,
        data=data,
    )


def change_id(tenant: str, group: str, contact: str, seq: int) -> str:
    """Return the id of a change: the same for the same (tenant, group, contact, seq), whoever computes it."""
    return blake2b(f"{tenant}/{group}/{contact}/{seq}".encode(), digest_size=16).hexdigest()


def table_row(key: bytes, group: str, head: Head, id_: str) -> Out:
    """Return the record of `memberships` for a row, null once left; `id_` is its change's where that is known."""
    row = head.rows[group]
    tenant, contact = named_by(key)
    at = f"{tenant}/{group}/{contact}".encode()
    if not row.seq & 1:
        return Out("memberships", at, None)
    value = Membership(
        tenant=tenant,
        group=group,
        contact=contact,
        since=remembered(row.since),
        seq=row.seq,
        change_id=id_ or change_id(tenant, group, contact, row.seq),
        sources=NAMED[row.mask],
        expires_at=remembered(row.expires) if row.expires else None,
        sendable=sendable(head, row, contact),
    )
    return Out("memberships", at, encode(value))
