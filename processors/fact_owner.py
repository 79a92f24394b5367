"""The actor of one booking or rating: its last owner and revision, whatever the order of arrival.

Two things are kept apart: the newest revision (the content) and the newest revision that named a guest (whose it is). So
a revision without a guest means the known guest, and waits if none is known yet.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from processors.desk import ORIGIN
from processors.rows import Owner, encode, owner_of
from schemas.activity import BookingSeen, FactPut, FactTaken, RatingSeen

if TYPE_CHECKING:
    from processors.desk import Desk

FactSeen = BookingSeen | RatingSeen


def on_fact_seen(desk: Desk, key: bytes, seen: FactSeen) -> None:
    """Take a revision; give the fact to its contact, and take it from a former one."""
    row = b"o" + key
    raw = desk.pending.get(row)
    owner = Owner() if raw is None else owner_of(raw)
    if not _update(owner, seen):
        desk.counts["repeated"] += 1
        return
    tenant = key.decode().partition("/")[0]
    _forward(desk, tenant, owner, seen)
    desk.pending.put(row, encode(owner))


def _update(owner: Owner, seen: FactSeen) -> bool:
    revision, changed = seen.fact.revision, False
    if seen.contact is not None and revision > owner.contact_revision:
        changed = owner.contact != seen.contact or revision > owner.revision
        owner.contact, owner.contact_revision = seen.contact, revision
    if revision > owner.revision:
        owner.revision, changed = revision, True
        if isinstance(seen, BookingSeen):
            owner.booking = seen.fact
        else:
            owner.rating = seen.fact
    return changed


def _forward(desk: Desk, tenant: str, owner: Owner, seen: FactSeen) -> None:
    if owner.contact is None:
        desk.counts["waiting"] += 1
        return
    kind = "booking" if isinstance(seen, BookingSeen) else "rating"
    if owner.given_to not in (None, owner.contact):
        taken = FactTaken(*ORIGIN, kind, seen.source, seen.event, seen.id, seen.fact.time)
        desk.tell(f"{tenant}/{owner.given_to}".encode(), taken)
    owner.given_to = owner.contact
    desk.tell(f"{tenant}/{owner.contact}".encode(), _put(kind, owner, seen))


def _put(kind: str, owner: Owner, seen: FactSeen) -> FactPut:
    told = seen.seen if seen.contact == owner.contact else None
    return FactPut(
        *ORIGIN, kind, seen.source, seen.event, seen.id, seen.fact.time, owner.booking, owner.rating, told
    )
