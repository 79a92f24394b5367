"""What a slice's messages say by themselves, found out for all of them before the first is applied.

Whoever takes an event through all steps at once pays three times what the steps cost apart: a core's cache holds the
code of a few of them, not of all, and fetches it anew for each event. So what no record of the slice can change is done
step by step.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from msgspec import Struct

from processors.rows import encode, fact_key, facts_under
from schemas.activity import MessageFact

if TYPE_CHECKING:
    from processors.definitions import Definitions, Word
    from processors.whole_words import Meaning
    from schemas.activity import MessageSeen


class Ahead(Struct, frozen=True, gc=False):
    """One message: the prefix and key of its row, and the row; what it means as a whole, nearly means, and matches."""

    under: bytes
    place: bytes
    row: bytes
    meaning: Meaning | None
    near: str | None
    hits: Sequence[Word]


def look_ahead(
    messages: Sequence[tuple[bytes, MessageSeen]], definitions: Callable[[bytes], Definitions]
) -> list[Ahead]:
    """Return what there is to know of messages, each with its contact's key, under the definitions in force."""
    unders = [facts_under(key, b"m") for key, _ in messages]
    places = [fact_key(under, seen.source, seen.id) for under, (_, seen) in zip(unders, messages, strict=True)]
    rows = [encode(fact_of(seen)) for _, seen in messages]
    known = [definitions(key) for key, _ in messages]
    texts = [seen.words for _, seen in messages]
    meanings = [one.whole.get(text) for one, text in zip(known, texts, strict=True)]
    said = [one.read(seen.words, seen.channel) for one, (_, seen) in zip(known, messages, strict=True)]
    nears, hits = [near for _, near in said], [hits for hits, _ in said]
    return [*map(Ahead, unders, places, rows, meanings, nears, hits)]


def fact_of(seen: MessageSeen) -> MessageFact:
    """Return a message as its contact keeps it."""
    return MessageFact(seen.revision, seen.time, seen.words, seen.channel, seen.property, seen.inbound, seen.deleted)
