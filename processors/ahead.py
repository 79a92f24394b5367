"""What a slice's messages say by themselves, found out for all of them before the first is applied.

Whoever takes an event through all steps at once pays three times what the steps cost apart: a core's cache holds the
code of a few of them, not of all, and fetches it anew for each event. So what no record of the slice can change is done
step by step.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from processors.rows import encode, fact_key, facts_under
from schemas.activity import MessageFact

if TYPE_CHECKING:
    from processors.definitions import Definitions, Reading
    from schemas.activity import MessageSeen


class Ahead(Struct, frozen=True, gc=False):
    """One message: the prefix and key of its row, what was committed there, and its row.

    And its tenant's definitions, which are in force, with what it tells under them.
    """

    under: bytes
    place: bytes
    stored: bytes | None
    row: bytes
    definitions: Definitions
    heard: Reading


def look_ahead(
    messages: Sequence[tuple[bytes, MessageSeen]],
    definitions: Callable[[bytes], Definitions],
    read: Callable[[Sequence[bytes]], Sequence[bytes | None]],
) -> list[Ahead]:
    """Return what there is to know of messages, each with its contact's key, under the definitions in force.

    `read` gives what is committed under the messages' places.
    """
    unders = [facts_under(key, b"m") for key, _ in messages]
    places = [fact_key(under, seen.source, seen.id) for under, (_, seen) in zip(unders, messages, strict=True)]
    rows = [encode(fact_of(seen)) for _, seen in messages]
    known, heard = _read(messages, definitions)
    return [*map(Ahead, unders, places, read(places), rows, known, heard)]


def _read(
    messages: Sequence[tuple[bytes, MessageSeen]], definitions: Callable[[bytes], Definitions]
) -> tuple[Sequence[Definitions], Sequence[Reading]]:
    """Return messages' definitions and what they tell under them: a tenant's are read all at once."""
    tenants = [key.partition(b"/")[0] for key, _ in messages]
    of = {tenant: definitions(tenant) for tenant in {*tenants}}
    known = [of[tenant] for tenant in tenants]
    if len(of) == 1:
        return known, known[0].read([seen for _, seen in messages])
    by_tenant: dict[bytes, list[MessageSeen]] = defaultdict(list)
    for tenant, (_, seen) in zip(tenants, messages, strict=True):
        by_tenant[tenant].append(seen)
    readings = {tenant: iter(of[tenant].read(seen)) for tenant, seen in by_tenant.items()}
    return known, [next(readings[tenant]) for tenant in tenants]


def fact_of(seen: MessageSeen) -> MessageFact:
    """Return a message as its contact keeps it."""
    return MessageFact(seen.revision, seen.time, seen.words, seen.channel, seen.property, seen.inbound, seen.deleted)
