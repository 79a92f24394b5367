"""What is told of memberships: a record of the log for each flip, and the table's record of where a row stands."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from processors.consent import sendable
from processors.desk import CHANGES
from processors.rows import NAMED, Head
from schemas.base import stamp
from schemas.outputs import Cause, Change, ChangeData, Membership

if TYPE_CHECKING:
    from processors.desk import Desk, KeyValue
    from schemas.groups import Group

encode = msgspec.json.Encoder().encode

SLOT: Any = msgspec.Raw(b"\0")
"""Stands in a sample record for what differs from record to record: no JSON holds the byte."""


FORMS = 10_000
"""Groups whose forms are kept, of each kind."""

_stamp = lru_cache(1_024)(stamp)
"""Of records' own times, which many share."""
_SOURCES = [encode(names) for names in NAMED]


def form(sample: Struct) -> bytes:
    """Return a record's JSON with a %b wherever the sample has a slot: filling it in takes half the time of encoding.

    What goes into the slots, in their order, is JSON too.
    """
    return encode(sample).replace(b"%", b"%%").replace(b"\0", b"%b")


class Flip(Struct, frozen=True, gc=False):
    """A membership that has just begun or ended, all that its record tells; written when the slice is done."""

    key: bytes
    tenant: str
    contact: str
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
    flips, desk.flips = desk.flips, []
    records, ids = desk.records[CHANGES], desk.changed_rows
    for flip in flips:
        if flip.__class__ is Flip:
            group = flip.group.id
            ids[flip.key, group] = id_ = change_id(flip.tenant, group, flip.contact, flip.seq)
            records.append((flip.key, _change(flip, id_)))
        else:
            records.append(flip)


def _change(flip: Flip, id_: str) -> bytes:
    group, who = flip.group, encode(flip.contact)
    return _change_form(flip.tenant, group.id, group.rule_hash, joined=bool(flip.seq & 1)) % (
        encode(id_),
        _stamp(flip.now),
        who,
        who,
        encode(flip.seq),
        encode(flip.reason),
        b"null" if flip.cause is None else encode(Cause(*flip.cause)),
        encode(flip.evidence),
        stamp(flip.effective),
        stamp(flip.expires) if flip.expires else b"null",
        _SOURCES[flip.mask],
        encode(flip.origin),
        b"true" if flip.sendable else b"false",
    )


@lru_cache(FORMS)
def _change_form(tenant: str, group: str, rule_hash: str, *, joined: bool) -> bytes:
    return form(
        Change(
            type="membership.joined" if joined else "membership.left",
            id=SLOT,
            time=SLOT,
            tenant=tenant,
            subject=SLOT,
            data=ChangeData(
                group=group,
                contact=SLOT,
                change="joined" if joined else "left",
                seq=SLOT,
                reason=SLOT,
                cause=SLOT,
                evidence=SLOT,
                rule_hash=rule_hash,
                effective_at=SLOT,
                expires_at=SLOT,
                sources=SLOT,
                origin=SLOT,
                sendable=SLOT,
            ),
        )
    )


def change_id(tenant: str, group: str, contact: str, seq: int) -> str:
    """Return the id of a change: the same for the same (tenant, group, contact, seq), whoever computes it."""
    return blake2b(f"{tenant}/{group}/{contact}/{seq}".encode(), digest_size=16).hexdigest()


def table_row(key: bytes, group: str, head: Head, id_: str) -> KeyValue:
    """Return the record of `memberships` for a row, null once left; `id_` is its change's where that is known."""
    row = head.rows[group]
    tenant, contact = named_by(key)
    at = f"{tenant}/{group}/{contact}".encode()
    if not row.seq & 1:
        return at, None
    value = _membership_form(tenant, group) % (
        encode(contact),
        stamp(row.since),
        encode(row.seq),
        encode(id_ or change_id(tenant, group, contact, row.seq)),
        _SOURCES[row.mask],
        stamp(row.expires) if row.expires else b"null",
        b"true" if sendable(head, row, contact) else b"false",
    )
    return at, value


@lru_cache(FORMS)
def _membership_form(tenant: str, group: str) -> bytes:
    return form(
        Membership(
            tenant=tenant,
            group=group,
            contact=SLOT,
            since=SLOT,
            seq=SLOT,
            change_id=SLOT,
            sources=SLOT,
            expires_at=SLOT,
            sendable=SLOT,
        )
    )
