"""What a linked id has of its own: the facts under its key, by kind, and what was said under it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from processors.budget import FACT
from processors.membership import Why
from processors.rows import booking_of, encode, facts_under, message_of, named_in, rating_of

if TYPE_CHECKING:
    from processors.desk import Desk
    from processors.membership import Who
    from processors.rows import GroupConsent, Head, Links, Said
    from schemas.activity import Directed, Handed

DECODE: dict[bytes, Any] = {b"m": message_of, b"b": booking_of, b"r": rating_of}
LETTERS = (*DECODE,)


def weigh(at: Who, letter: bytes, time: int) -> None:
    """Count a fact that is gone past; a message beyond the retention may be swept already, and is no work."""
    if letter != b"m" or time >= at.desk.oldest:
        at.desk.spent += FACT


def put_fact(at: Who, letter: bytes, key: bytes, fact: Any) -> None:
    """Keep a fact under its key, or let it go (None)."""
    under = facts_under(at.key, letter)
    if letter == b"m":
        at.desk.pending.put(key, None if fact is None else encode(fact), under)
    elif letter == b"b":
        at.desk.put_booking(at.key, *named_in(key, under), fact)
    else:
        at.desk.put_rating(at.key, *named_in(key, under), fact)


def links_under(desk: Desk, key: bytes) -> Links | None:
    """Return how the contact of a key is linked, None if it is not."""
    head = desk.heads.get(key)
    return head.links if head is not None else None


def said_by(head: Head, me: str) -> dict[str, Said]:
    """Return what was said under an id of consent to everything."""
    said = head.consent.said if head.consent is not None else None
    return {} if said is None else {me: said}


def groups_by(head: Head, me: str) -> dict[str, dict[str, GroupConsent]]:
    """Return what was said under an id of consent to groups."""
    rows = head.rows.items()
    return {group: {me: row.pins.consent} for group, row in rows if row.pins is not None and row.pins.consent}


def why_of(word: Directed | Handed) -> Why:
    """Say why groups are answered anew when ids become one."""
    return Why(None, "no_longer_matches", (word.source, word.event), word.at, reply=False)
