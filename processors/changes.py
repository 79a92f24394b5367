"""What is told of memberships: a record of the log for each flip, and the table's record of where a row stands."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from processors.consent import sendable
from processors.desk import Out
from processors.rows import NAMED, Head
from schemas.base import moment
from schemas.outputs import Cause, Change, ChangeData, Membership

if TYPE_CHECKING:
    from collections.abc import Iterable

    from processors.desk import Desk
    from schemas.groups import Group

encode = msgspec.json.Encoder().encode
remembered = lru_cache(8_192)(moment)
"""Many records are of one moment, and each moment is told more than once."""


class Flip(NamedTuple):
    """A membership that has just begun or ended, all that its record tells; written when the slice is done."""

    key: bytes
    group: Group
    seq: int
    reason: str
    cause: tuple[str, str] | None
    evidence: str | None
    effective: int
    expires: int
    mask: int
    origin: str
    sendable: bool
    now: int


def named_by(key: bytes) -> tuple[str, str]:
    """Return the tenant and the contact of a key."""
    tenant, _, contact = key.decode().partition("/")
    return tenant, contact


def tell(desk: Desk) -> None:
    """Append what flipped, in its order, and remember the ids of the changes for the table."""
    flips, ids = desk.flips, desk.changed_rows
    if flips:
        desk.flips = []
        desk.out += _records(flips, ids)


def _records(flips: Iterable[Flip | Out], ids: dict[tuple[bytes, str], str]) -> Iterable[Out]:
    for flip in flips:
        if isinstance(flip, Out):
            yield flip
        else:
            change = _change(flip)
            ids[flip.key, flip.group.id] = change.id
            yield Out("membership-changes", flip.key, encode(change))


def _change(flip: Flip) -> Change:
    tenant, contact = named_by(flip.key)
    group = flip.group
    joined = flip.seq & 1
    return Change(
        type="membership.joined" if joined else "membership.left",
        id=change_id(tenant, group.id, contact, flip.seq),
        time=remembered(flip.now),
        tenant=tenant,
        subject=contact,
        data=ChangeData(
            group=group.id,
            contact=contact,
            change="joined" if joined else "left",
            seq=flip.seq,
            reason=flip.reason,  # type: ignore[arg-type]
            cause=Cause(*flip.cause) if flip.cause else None,
            evidence=flip.evidence,
            rule_hash=group.rule_hash,
            effective_at=remembered(flip.effective),
            expires_at=remembered(flip.expires) if flip.expires else None,
            sources=NAMED[flip.mask],
            origin=flip.origin,  # type: ignore[arg-type]
            sendable=flip.sendable,
        ),
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
