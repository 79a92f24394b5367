"""The actor of one booking or rating: its last owner and revision, whatever the order of arrival.

Two things are kept apart: the newest revision (the content) and the newest revision that named a guest (whose it is).
So a revision without a guest means the known guest, and waits if none is known yet. A revision whose guest has no
address (the booking's own id stands in) says less than any that has one, so it never takes a booking from its guest.
Of two contents of one revision the first stays, all of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from processors.desk import ORIGIN
from processors.revisions import with_revision
from processors.rows import BEFORE, NEVER, Owner, encode, owner_of
from schemas.activity import BookingSeen, FactErased, FactPut, FactTaken, Heard, RatingSeen

if TYPE_CHECKING:
    from processors.desk import Desk

FactSeen = BookingSeen | RatingSeen


def on_fact_seen(desk: Desk, key: bytes, seen: FactSeen) -> None:
    """Take a revision; give the fact to its contact, and take it from a former one."""
    row = b"o" + key
    raw = desk.pending.get(row)
    owner: Owner = Owner() if raw is None else owner_of(raw)
    if not _is_new(owner, seen.fact.revision):
        desk.counts["repeated"] += 1
        return
    moved, newer = _take_guest(owner, seen), _take_content(owner, seen)
    tenant = key.decode().partition("/")[0]
    if newer or moved:
        _forward(desk, tenant, owner, seen)
    else:
        desk.counts["repeated"] += 1
        if seen.contact is not None:
            _introduce(desk, tenant, owner, seen)
    desk.pending.put(row, encode(owner))


def on_fact_erased(desk: Desk, key: bytes, erased: FactErased) -> None:
    """Forget a fact that was erased with its contact, unless there is a newer revision or it has moved on."""
    row = b"o" + key
    raw = desk.pending.get(row)
    owner: Owner = Owner() if raw is None else owner_of(raw)
    fact = owner.booking or owner.rating
    if owner.contact == erased.contact and (fact is None or fact.time <= erased.until):
        desk.pending.put(row, None)


def _is_new(owner: Owner, revision: int) -> bool:
    """Remember a revision; return whether it was read for the first time."""
    if revision == owner.revision or revision in owner.older:
        return False
    if owner.revision >= 0:
        owner.older = with_revision(owner.older, min(revision, owner.revision))
    return True


def _take_guest(owner: Owner, seen: FactSeen) -> bool:
    """Take whose the fact is, if nobody knows better; return whether that is another contact."""
    if seen.contact is None:
        return False
    rank = [int(not seen.contact.startswith("booking:")), seen.fact.revision]
    if rank <= owner.rank:
        return False
    moved = owner.contact != seen.contact
    owner.contact, owner.rank = seen.contact, rank
    return moved


def _take_content(owner: Owner, seen: FactSeen) -> bool:
    if seen.fact.revision <= owner.revision:
        return False
    owner.revision = seen.fact.revision
    if isinstance(seen, BookingSeen):
        owner.booking = seen.fact
    else:
        owner.rating = seen.fact
    return True


def _forward(desk: Desk, tenant: str, owner: Owner, seen: FactSeen) -> None:
    if owner.contact is None:
        desk.counts["waiting"] += 1
        return
    kind = "booking" if isinstance(seen, BookingSeen) else "rating"
    if owner.given_to not in (None, owner.contact):
        taken = FactTaken(*ORIGIN, kind, seen.source, seen.event, seen.id, seen.fact.time, None, _turn(owner))
        desk.tell(f"{tenant}/{owner.given_to}".encode(), taken)
    owner.given_to = owner.contact
    desk.tell(f"{tenant}/{owner.contact}".encode(), _put(kind, owner, seen))


def _introduce(desk: Desk, tenant: str, owner: Owner, seen: FactSeen) -> None:
    """Tell a contact what a revision says of it, though a newer one came first: known in any order.

    Somebody else is told to have no such fact. As a linked id that may be the one who has it, and keeps it.
    """
    key, kind = f"{tenant}/{seen.contact}".encode(), "booking" if isinstance(seen, BookingSeen) else "rating"
    if seen.contact != owner.contact:
        desk.tell(key, FactTaken(*ORIGIN, kind, seen.source, seen.event, seen.id, seen.fact.time, seen.seen, BEFORE))
    else:
        desk.tell(key, Heard(*ORIGIN, seen.source, seen.event, seen.fact.time, seen.seen))


def _put(kind: str, owner: Owner, seen: FactSeen) -> FactPut:
    told, turn = seen.seen if seen.contact == owner.contact else None, _turn(owner)
    booking = structs.replace(owner.booking, turn=turn) if owner.booking is not None else None
    rating = structs.replace(owner.rating, turn=turn) if owner.rating is not None else None
    return FactPut(*ORIGIN, kind, seen.source, seen.event, seen.id, seen.fact.time, booking, rating, told)


def _turn(owner: Owner) -> int:
    """Count what is given: each time the content is newer or whose it is better known, and neither ever goes back."""
    named, revision = owner.rank
    return owner.revision + revision - (0 if named else NEVER)
