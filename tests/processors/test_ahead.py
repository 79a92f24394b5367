"""What a slice's messages say is found out for all of them at once, and each gets its own."""

from __future__ import annotations

import msgspec

from processors.ahead import look_ahead
from processors.definitions import Definitions
from processors.desk import ORIGIN
from processors.rows import fact_key, facts_under, message_of
from schemas.activity import MessageSeen


def definitions(tenant: str, *words: str) -> Definitions:
    """Make a tenant with a group for each word."""
    known = Definitions(tenant)
    for version, word in enumerate(words, 1):
        group = {"tenant": tenant, "id": word, "name": word, "rule": {"event": "message", "any_of": [word]}}
        known.set_group(version, msgspec.json.encode(group), ("c", f"{version}"))
    return known


def test_messages_of_several_tenants() -> None:
    """However they are mixed, each is read by its own tenant's words, and gets its own row and what was stored."""
    tenants = {
        b"bali": definitions("bali", "pool", "dinner"),
        b"ubud": definitions("ubud", "pool"),
        b"none": Definitions("none"),
    }
    mixed = [
        ("bali", "dinner"),
        ("ubud", "dinner at the pool"),
        ("bali", "pool and dinner"),
        ("none", "pool"),
        ("ubud", ""),
    ]
    messages = [
        (f"{tenant}/tel:{at}".encode(), MessageSeen(*ORIGIN, "s", "e", f"m{at}", 1, 7, text, "sms"))
        for at, (tenant, text) in enumerate(mixed)
    ]
    ahead = look_ahead(messages, lambda key: tenants[key.partition(b"/")[0]], lambda places: [*places])
    assert [one.definitions for one in ahead] == [tenants[tenant.encode()] for tenant, _ in mixed]
    hits = [[word.definition.id for word in one.heard.hits] for one in ahead]
    assert hits == [["dinner"], ["pool"], ["dinner", "pool"], [], []]
    for (key, seen), one in zip(messages, ahead, strict=True):
        assert one.under == facts_under(key, b"m")
        assert one.place == one.stored == fact_key(one.under, "s", seen.id)
        assert message_of(one.row).words == seen.words
    assert look_ahead([], tenants.__getitem__, lambda places: [*places]) == []
