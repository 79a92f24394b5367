"""The books that `rollcall verify` audits: one partition's three topics in one ordered store; and what may differ."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol

import msgspec
from msgspec import Struct

from processors.changes import change_id, named_by
from processors.rows import encode
from processors.state import Store
from schemas.base import Moment, millis, moment
from schemas.outputs import Seq
from streams.verify_consent import Telling, fold

CHANGELOG, TABLE, LOG = "decide-changelog", "memberships", "membership-changes"

Kind = Literal[
    "owner_unreadable",  # a head that cannot be decoded
    "owner_missing",  # facts, a row of the table or a join in the log of a contact that the owner does not know
    "memo_stale",  # what the owner remembers of the facts is not what they say
    "consent_wrong",  # somebody whose messages say STOP, and nothing newer does otherwise, is not opted out
    "profile_stale",  # the owner's totals are not what the facts say
    "membership_wrong",  # the owner's row is not what facts, pins and rule say at the partition's clock
    "deadline_missed",  # a deadline is past and was not carried out
    "deadline_lost",  # a row has a deadline before which nobody looks at it
    "group_unknown",  # member of a group that is not there
    "table_missing",  # a member without a row in memberships
    "table_extra",  # a row in memberships of somebody who is no member
    "table_wrong",  # a row in memberships that says something else than the owner
    "table_unreadable",  # a row in memberships that cannot be decoded
    "log_gap",  # a seq is skipped in membership-changes
    "log_repeat",  # a seq comes again, or an older one after a newer
    "log_missing",  # a membership without any change, though the log goes back to its beginning
    "log_wrong",  # a change that contradicts its seq, its id or the owner
    "log_unreadable",  # a change that cannot be decoded
    "store_missing",  # a member that HTTP does not list
    "store_extra",  # HTTP lists somebody who is no member
    "store_wrong",  # HTTP says something else of a member than memberships
    "store_count",  # HTTP counts another number of members
]
Values = tuple[str, Any, Any]
"""A field, what it must be, what it is."""

TABLE_ROWS, LOG_ROWS = b"\1m", b"\1l"
_FAULTS = 5
"""Faults of one membership's log that are remembered."""


class Difference(Struct, frozen=True, kw_only=True):
    """One disagreement. `contact` is a contact id; whoever prints this decides whether to show it.

    {"kind": "table_wrong", "tenant": "bali", "contact": "tel:+62…", "group": "vip", "field": "seq", "expected": 3,
     "found": 1}
    """

    kind: Kind
    tenant: str
    contact: str | None = None
    group: str | None = None
    field: str | None = None
    expected: Any = None
    found: Any = None


class Entry(NamedTuple):
    """One record of a topic."""

    key: bytes
    value: bytes | None


class Shelf(Store, Protocol):
    """A Store that can be written."""

    def write(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Write rows; None deletes."""
        ...


class Told(Struct, array_like=True):
    """What the log says of one membership: its first and last seq that are kept, and since when, if in."""

    first: int = 0
    last: int = 0
    since: int = 0
    faults: list[list[Any]] = []


class _ChangeData(Struct, frozen=True):
    group: str
    contact: str
    change: str
    seq: Seq
    effective_at: Moment


class _Change(Struct, frozen=True):
    """As much of a change as is compared."""

    id: str
    tenant: str
    data: _ChangeData


class _Typed(Struct, frozen=True):
    type: str


_BROKEN = _Change("", "", _ChangeData("", "", "", 0, moment(0)))

_change_of = msgspec.json.Decoder(_Change).decode
_type_of = msgspec.json.Decoder(_Typed).decode
told_of = msgspec.msgpack.Decoder(Told).decode


class Books:
    """One partition's records as ordered rows: the changelog's as they are, the others' by contact and group."""

    def __init__(self, store: Shelf) -> None:
        self.store = store

    def take(self, topic: str, entries: Sequence[Entry]) -> None:
        """Lay records of a topic into the store, in their order."""
        if topic == CHANGELOG:
            self.store.write(dict(entries))
        elif topic == TABLE:
            self.store.write({_row_key(TABLE_ROWS, *table_key(entry.key)): entry.value for entry in entries})
        else:
            self._fold(entries)

    def _fold(self, entries: Sequence[Entry]) -> None:
        read = [(entry.key, change) for entry in entries if (change := _read(entry.value)) is not None]
        keys = [_row_key(LOG_ROWS, key, change.data.group) for key, change in read]
        known = {at: _told(raw) for at, raw in zip(keys, self.store.get_many(keys), strict=True)}
        for at, (key, change) in zip(keys, read, strict=True):
            _count_in(known[at], key, change)
        self.store.write({at: encode(told) for at, told in known.items()})
        fold(self.store, [Telling(one.key, one.value) for one in entries if one.value and _is_consent(one.value)])


def touched(topic: str, entries: Iterable[Entry]) -> Iterator[bytes]:
    """Yield whom records concern: contacts as tenant/contact, and `tenant/` where all of a tenant are."""
    for entry in entries:
        if topic == TABLE:
            yield table_key(entry.key)[0]
        elif topic == LOG:
            yield entry.key
        elif entry.key.startswith(b"h"):
            yield entry.key[1:]
        elif entry.key.startswith(b"f"):
            yield contact_in(entry.key, 1)
        elif entry.key.startswith(b"d"):
            yield entry.key[1:].partition(b"/")[0] + b"/"


def table_key(key: bytes) -> tuple[bytes, str]:
    """Return the contact (tenant/contact) and the group of a key of memberships; no group if it is none."""
    tenant, _, rest = key.partition(b"/")
    group, _, contact = rest.partition(b"/")
    return (tenant + b"/" + contact, group.decode()) if contact else (key, "")


def under(letter: bytes, contact: bytes) -> bytes:
    """Return the prefix of a contact's rows of one kind; the length goes first, as in the keys of facts."""
    return letter + len(contact).to_bytes(2, "big") + contact


def _row_key(letter: bytes, contact: bytes, group: str) -> bytes:
    return under(letter, contact) + group.encode()


def contact_in(key: bytes, at: int) -> bytes:
    """Return the contact in a key that goes on, after `at` bytes, with its length."""
    return key[at + 2 : at + 2 + int.from_bytes(key[at : at + 2], "big")]


def _told(raw: bytes | None) -> Told:
    return told_of(raw) if raw is not None else Told()


def _read(value: bytes | None) -> _Change | None:
    """Read a change: _BROKEN if it cannot be read, None if it is of no group."""
    try:
        if not _type_of(value or b"").type.startswith("membership."):
            return None
        return _change_of(value or b"")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _BROKEN


def _is_consent(value: bytes) -> bool:
    try:
        return _type_of(value).type.startswith("contact.")
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False


def _count_in(told: Told, key: bytes, change: _Change) -> None:
    """Fold one change: seqs go up by one, odd is in, and the id is what it must be."""
    if change is _BROKEN:
        _blame(told, "log_unreadable", None, None, None)
        return
    seq, last = change.data.seq, told.last
    if last and seq != last + 1:
        _blame(told, "log_gap" if seq > last else "log_repeat", "seq", last + 1, seq)
    for field, expected, found in _faults(key, change):
        _blame(told, "log_wrong", field, expected, found)
    if seq > last:
        told.first, told.last = told.first or seq, seq
        told.since = millis(change.data.effective_at) if seq & 1 else 0


def _faults(key: bytes, change: _Change) -> Iterator[Values]:
    data, (tenant, contact) = change.data, named_by(key)
    word = "joined" if data.seq & 1 else "left"
    if data.change != word:
        yield f"change of seq {data.seq}", word, data.change
    if change.id != change_id(tenant, data.group, contact, data.seq):
        yield f"id of seq {data.seq}", change_id(tenant, data.group, contact, data.seq), change.id
    if (change.tenant, data.contact) != (tenant, contact):
        yield f"contact of seq {data.seq}", "as in the key", "another"


def _blame(told: Told, kind: Kind, *values: Any) -> None:
    if len(told.faults) < _FAULTS:
        told.faults.append([kind, *values])
