"""What a reader tells: a membership that is there, or a change; and how it lies in the two topics. No I/O."""

from __future__ import annotations

from typing import Any, Literal, NamedTuple

import msgspec
from msgspec import Struct

from rollcall.client.errors import ReadError
from schemas.outputs import Change, ContactChange, Membership

TABLE, LOG = "memberships", "membership-changes"

Kind = Literal["present", "joined", "left", "suppressed", "restored"]

_MEMBERSHIP = {"membership.joined": "joined", "membership.left": "left"}
_CONTACT = {"contact.suppressed": "suppressed", "contact.restored": "restored"}


class Told(Struct, frozen=True, kw_only=True):
    """One thing told. `group` is None for suppressed and restored; `value` is the record in full."""

    kind: Kind
    tenant: str
    contact: str
    group: str | None
    seq: int | None
    value: Membership | Change | ContactChange


class Wanted(Struct, frozen=True, kw_only=True):
    """Whose memberships: of one tenant or, when None, of all; of these groups or, when None, of all."""

    tenant: str | None = None
    groups: tuple[str, ...] | None = None

    def takes(self, tenant: str, group: str | None) -> bool:
        """Whether to tell of this group; a contact's own changes (None) concern all groups."""
        return self.tenant in {None, tenant} and (self.groups is None or group is None or group in self.groups)


class Record(NamedTuple):
    """A record as it lies in a partition: `time` is the append time in epoch milliseconds."""

    offset: int
    time: int
    key: bytes | None
    value: bytes | None


class _Typed(Struct):
    type: str


_TYPE = msgspec.json.Decoder(_Typed)
_ROW = msgspec.json.Decoder(Membership)
_CHANGE = msgspec.json.Decoder(Change)
_CONTACT_CHANGE = msgspec.json.Decoder(ContactChange)


def row_of(value: bytes) -> Membership:
    """Decode a value of `memberships`. Raises ReadError."""
    row: Membership = _decoded(_ROW, value, TABLE)
    return row


def present(row: Membership) -> Told:
    """Tell of a membership that was there when the reader started."""
    return Told(kind="present", tenant=row.tenant, contact=row.contact, group=row.group, seq=row.seq, value=row)


def change_of(record: Record, wanted: Wanted) -> Told | None:
    """Decode a record of `membership-changes`; None if not wanted, or of a type that came later. Raises ReadError."""
    if wanted.tenant is not None and (record.key or b"").split(b"/", 1)[0] != wanted.tenant.encode():
        return None
    told = _told(record.value or b"")
    return told if told and wanted.takes(told.tenant, told.group) else None


def _told(value: bytes) -> Told | None:
    kind = _decoded(_TYPE, value, LOG).type
    if kind in _MEMBERSHIP:
        return _membership_told(_decoded(_CHANGE, value, LOG))
    return _contact_told(_decoded(_CONTACT_CHANGE, value, LOG)) if kind in _CONTACT else None


def _membership_told(one: Change) -> Told:
    kind: Any = _MEMBERSHIP[one.type]
    data = one.data
    return Told(kind=kind, tenant=one.tenant, contact=data.contact, group=data.group, seq=data.seq, value=one)


def _contact_told(one: ContactChange) -> Told:
    kind: Any = _CONTACT[one.type]
    return Told(kind=kind, tenant=one.tenant, contact=one.data.contact, group=None, seq=one.data.seq, value=one)


def _decoded(decoder: Any, value: bytes, topic: str) -> Any:
    try:
        return decoder.decode(value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # without the decoder's text, which may quote the record
        raise ReadError(f"a record of {topic} is not what this version of the client knows: update it") from None
