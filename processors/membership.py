"""One contact in one group: compare what the row says with what was last told, and tell the difference."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from processors.desk import Desk, Out
from processors.identity import is_reachable
from processors.outlook import NOTHING, look
from processors.rows import Head, Row, named
from schemas.base import moment
from schemas.outputs import Cause, Change, ChangeData, Membership

if TYPE_CHECKING:
    from processors.definitions import Definition

encode = msgspec.json.Encoder().encode


class Who(NamedTuple):
    """The contact at hand: its key tenant/contact, both parts, and its head."""

    key: bytes
    tenant: str
    contact: str
    head: Head


class Why(NamedTuple):
    """What makes a membership be looked at: the reasons to give should it flip, and its cause."""

    join: str | None
    leave: str
    cause: tuple[str, str] | None
    effective: int
    origin: str = "live"
    evidence: str | None = None


def who(desk: Desk, key: bytes) -> Who:
    """Return the contact of a key."""
    tenant, _, contact = key.decode().partition("/")
    return Who(key, tenant, contact, desk.head(key))


def row_of(at: Who, definition: Definition) -> Row:
    """Return the contact's row in a group to be changed, a new one if it has none."""
    row = at.head.rows.get(definition.group.id)
    if row is None:
        row = at.head.rows[definition.group.id] = Row()
    if len(row.memos) != len(definition.rule.leaves):
        row.memos = definition.rule.empty()
    return row


def settle(desk: Desk, at: Who, definition: Definition, row: Row, t: int, why: Why) -> bool:
    """Bring a row to what it says at `t` and tell what changed; return whether anything did."""
    if definition.group.sticky and not row.stuck and not definition.deleting:
        row.stuck = definition.rule.true_at(row.memos, t)
    outlook = NOTHING if definition.deleting else look(definition.rule, row, t)
    mask, due, expires = outlook
    before = (row.mask, row.expires, row.seq)
    if (row.seq & 1) != (mask != 0):
        _flip(desk, at, definition, row, t, why, mask, expires)
    row.mask, row.expires, row.due = mask, expires, due
    desk.wake(at.key, at.head, due)
    if before == (mask, expires, row.seq):
        return False
    desk.changed_rows[at.key, definition.group.id] = None
    return True


def _flip(
    desk: Desk, at: Who, definition: Definition, row: Row, t: int, why: Why, mask: int, expires: int
) -> None:
    row.seq += 1
    joined = bool(mask)
    if joined:
        row.since = why.effective
    reason = (why.join or definition.rule.reason(row.memos, t)) if joined else why.leave
    data = ChangeData(
        group=definition.group.id,
        contact=at.contact,
        change="joined" if joined else "left",
        seq=row.seq,
        reason=reason,  # type: ignore[arg-type]
        cause=Cause(*why.cause) if why.cause else None,
        evidence=why.evidence if joined else None,
        rule_hash=definition.group.rule_hash,
        effective_at=moment(why.effective),
        expires_at=moment(expires) if expires else None,
        sources=named(mask),
        origin=why.origin,  # type: ignore[arg-type]
        sendable=is_reachable(at.contact),
    )
    desk.out.append(Out("membership-changes", at.key, encode(_change(desk, at, row, data))))
    desk.counts[data.change] += 1


def _change(desk: Desk, at: Who, row: Row, data: ChangeData) -> Change:
    return Change(
        type="membership.joined" if row.seq & 1 else "membership.left",
        id=change_id(at.tenant, data.group, at.contact, row.seq),
        time=moment(desk.now),
        tenant=at.tenant,
        subject=at.contact,
        data=data,
    )


def change_id(tenant: str, group: str, contact: str, seq: int) -> str:
    """Return the id of a change: the same for the same (tenant, group, contact, seq), whoever computes it."""
    return blake2b(f"{tenant}/{group}/{contact}/{seq}".encode(), digest_size=16).hexdigest()


def table_row(key: bytes, group: str, row: Row) -> Out:
    """Return the record of `memberships` for a row: its newest state, or null once left."""
    tenant, _, contact = key.decode().partition("/")
    at = f"{tenant}/{group}/{contact}".encode()
    if not row.seq & 1:
        return Out("memberships", at, None)
    value: dict[str, Any] = {
        "tenant": tenant,
        "group": group,
        "contact": contact,
        "since": moment(row.since),
        "seq": row.seq,
        "change_id": change_id(tenant, group, contact, row.seq),
        "sources": named(row.mask),
        "expires_at": moment(row.expires) if row.expires else None,
        "sendable": is_reachable(contact),
    }
    return Out("memberships", at, encode(Membership(**value)))

