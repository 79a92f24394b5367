"""Consent as `rollcall verify` looks at it: what the log told of a contact, what its owner holds, what it has written.

In the books each contact has one row of what `membership-changes` told of it: the first and the last seq that are kept,
and for each scope whether the last word was an opt-out.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec
from msgspec import Struct

from processors.changes import named_by
from processors.consent import ALL, consent_id, left_for_good, opted_out
from processors.rows import Head, encode
from processors.state import Store
from processors.whole_words import ALWAYS
from processors.words import normalise
from schemas.activity import MessageFact
from schemas.outputs import ContactChange

CONSENT_ROWS = b"\1c"
_FAULTS = 5
_STOP = frozenset(map(normalise, ALWAYS))

Fault = tuple[str, str | None, Any, Any]
"""A kind of difference, the field, what it must be, what it is."""

_change_of = msgspec.json.Decoder(ContactChange).decode


class Flips(Struct, array_like=True):
    """What the log says of one contact's consent."""

    first: int = 0
    last: int = 0
    out: dict[str, bool] = {}
    faults: list[list[Any]] = []


flips_of = msgspec.msgpack.Decoder(Flips).decode


class Telling(NamedTuple):
    """One record of consent in the log, by its key tenant/contact."""

    key: bytes
    value: bytes


class Rows(Store, Protocol):
    """A Store that can be written."""

    def write(self, changes: Mapping[bytes, bytes | None]) -> None:
        """Write rows; None deletes."""
        ...


def row_key(contact: bytes) -> bytes:
    """Return the key of a contact's row; the length goes first, as in the keys of facts."""
    return CONSENT_ROWS + len(contact).to_bytes(2, "big") + contact


def fold(store: Rows, tellings: Sequence[Telling]) -> None:
    """Lay what the log tells of consent into the books, in its order."""
    keys = [row_key(one.key) for one in tellings]
    known = {at: _flips(raw) for at, raw in zip(keys, store.get_many(keys), strict=True)}
    for at, one in zip(keys, tellings, strict=True):
        _count_in(known[at], one)
    store.write({at: encode(flips) for at, flips in known.items()})


def _flips(raw: bytes | None) -> Flips:
    return flips_of(raw) if raw is not None else Flips()


def _count_in(flips: Flips, one: Telling) -> None:
    for fault in _take(flips, one):
        if len(flips.faults) < _FAULTS:
            flips.faults.append(list(fault))


def _take(flips: Flips, one: Telling) -> Iterator[Fault]:
    """Fold one record: seqs go up by one, each scope's words alternate, and the id is what it must be."""
    try:
        change = _change_of(one.value)
    except (msgspec.DecodeError, UnicodeDecodeError):
        yield "log_unreadable", "consent", None, None
        return
    data, (tenant, contact), last = change.data, named_by(one.key), flips.last
    if last and data.seq != last + 1:
        yield "log_gap" if data.seq > last else "log_repeat", "consent seq", last + 1, data.seq
    if (change.tenant, data.contact, change.id) != (tenant, contact, consent_id(tenant, contact, data.seq)):
        yield "log_wrong", f"consent id of seq {data.seq}", consent_id(tenant, contact, data.seq), change.id
    if data.seq <= last:
        return
    flips.first, flips.last = flips.first or data.seq, data.seq
    out = change.type == "contact.suppressed"
    if flips.out.get(data.scope, not out if flips.first > 1 else False) == out:
        yield "log_wrong", f"consent of seq {data.seq}", not out, out
    flips.out[data.scope] = out


def differences(store: Store, key: bytes, head: Head, messages: Iterable[MessageFact], *, whole: bool) -> list[Fault]:
    """Compare a contact's consent with the log (`whole`: kept from its beginning) and with its kept messages."""
    flips = _flips(store.get(row_key(key)))
    found = [(fault[0], fault[1], fault[2], fault[3]) for fault in flips.faults]
    return [*found, *_history(flips, head, whole=whole), *_unheard(head, messages)]


def _history(flips: Flips, head: Head, *, whole: bool) -> Iterator[Fault]:
    seq = head.consent.seq if head.consent is not None else 0
    if seq and flips.first != 1 and whole:
        yield "log_gap" if flips.last else "log_missing", "consent seq", 1, flips.first or None
    if not flips.last:
        return
    if flips.last != seq:
        yield "log_wrong", "consent seq", seq, flips.last
        return
    held = {group: True for group, row in head.rows.items() if group != ALL and left_for_good(row.pins)}
    held |= {ALL: True} if opted_out(head) else {}
    scopes = {*flips.out, *(held if flips.first == 1 else ())}
    for scope in sorted(scopes):
        if held.get(scope, False) != flips.out.get(scope, False):
            yield "log_wrong", f"consent to {scope}", held.get(scope, False), flips.out.get(scope, False)


def _unheard(head: Head, messages: Iterable[MessageFact]) -> Iterator[Fault]:
    """Whoever said STOP and nothing newer must be opted out: no setting gives that word another meaning.

    Of linked ids an older word may hold, that of the one which was opted out when they were linked.
    """
    if head.links is not None and opted_out(head):
        return
    said = head.consent.said if head.consent is not None else None
    stops = [fact.time for fact in messages if fact.inbound and fact.words in _STOP]
    if stops and (said is None or said.time < max(stops) or (said.time == max(stops) and not said.out)):
        yield "consent_wrong", "opted_out", True, opted_out(head)
