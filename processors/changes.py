"""What is told of memberships: a record of the log for each flip, and the table's record of where a row stands."""

from __future__ import annotations

from functools import lru_cache
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, get_args

import msgspec
from msgspec import Struct

from processors.consent import sendable
from processors.desk import CHANGES, MEMBERSHIPS
from processors.rows import NAMED, Head
from schemas.base import stamp
from schemas.outputs import Cause, Change, ChangeData, JoinReason, LeaveReason, Membership, Origin

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
_WORDS = {word: encode(word) for words in (JoinReason, LeaveReason, Origin) for word in get_args(words)}
"""The JSON of reasons and origins."""


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
    """Append what flipped, in its order, and for each flip what the table is to say of the row."""
    flips, desk.flips = desk.flips, []
    records, rows = desk.records[CHANGES], desk.records[MEMBERSHIPS]
    for flip in flips:
        if flip.__class__ is Flip:
            records.append((flip.key, _tell(flip, rows)))
        else:
            records.append(flip)


def _tell(flip: Flip, rows: list[KeyValue]) -> bytes:
    """Return what the log says of a flip, and append to `rows` what the table does: half of it is the same."""
    tenant, group, seq, joined = flip.tenant, flip.group, encode(flip.seq), flip.seq & 1
    at = _row_key(tenant, group.id, flip.contact)
    id_, who, sources = encode(_id_of(at, flip.seq)), encode(flip.contact), _SOURCES[flip.mask]
    since, expires = stamp(flip.effective), stamp(flip.expires) if flip.expires else b"null"
    reached = b"true" if flip.sendable else b"false"
    if joined:
        rows.append((at, _membership_form(tenant, group.id) % (who, since, seq, id_, sources, expires, reached)))
    else:
        rows.append((at, None))
    return _change_form(tenant, group.id, group.rule_hash, joined) % (
        id_,
        _stamp(flip.now),
        who,
        who,
        seq,
        _WORDS[flip.reason],
        b"null" if flip.cause is None else encode(Cause(*flip.cause)),
        encode(flip.evidence),
        since,
        expires,
        sources,
        _WORDS[flip.origin],
        reached,
    )


@lru_cache(FORMS)
def _change_form(tenant: str, group: str, rule_hash: str, joined: int) -> bytes:
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
    return _id_of(_row_key(tenant, group, contact), seq)


def _row_key(tenant: str, group: str, contact: str) -> bytes:
    return f"{tenant}/{group}/{contact}".encode()


def _id_of(row_key: bytes, seq: int) -> str:
    return blake2b(b"%b/%d" % (row_key, seq), digest_size=16).hexdigest()


def table_row(key: bytes, group: str, head: Head) -> KeyValue:
    """Return the record of `memberships` for a row as it is, null once left."""
    row = head.rows[group]
    tenant, contact = named_by(key)
    at = _row_key(tenant, group, contact)
    if not row.seq & 1:
        return at, None
    value = _membership_form(tenant, group) % (
        encode(contact),
        stamp(row.since),
        encode(row.seq),
        encode(_id_of(at, row.seq)),
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
