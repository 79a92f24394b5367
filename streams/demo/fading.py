"""Guests whose only rating or message stops to count minutes after the start, so that people are seen leaving."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from schemas.events import Rating
from streams.demo import drafts
from streams.demo.chats import address
from streams.demo.groups import TENANT, months
from streams.demo.times import months_before

if TYPE_CHECKING:
    import random

    from streams.demo.drafts import Draft
    from streams.demo.guests import Guest

FIRST_MS = 60_000
EVERY_MS = 15_000
"""The first one leaves a minute after `now`, then one every quarter of a minute."""

GROUPS = ("happy-guests", "food-lovers", "unhappy-guests", "pet-friends")
STARS = {"happy-guests": 5.0, "unhappy-guests": 2.0}
TEXTS = {"food-lovers": "Could we have dinner at eight?", "pet-friends": "Is your garden pet friendly?"}


def tell(number: int, who: Guest, now_ms: int, dice: random.Random) -> Draft | None:
    """Tell the one thing that leaver `number` ever said; None on days that end no window of whole months."""
    group = GROUPS[number % len(GROUPS)]
    ms = months_before(now_ms + FIRST_MS + number * EVERY_MS, months(group), TENANT.zone)
    if ms is None:
        return None
    if group in STARS:
        guest, country = drafts.on_form(who, "city", dice)
        data = Rating(rating_id=f"fading-{number}", stars=STARS[group], guest=guest, country=country, property="city")
        return drafts.rating(data, ms)
    return drafts.message(replace(address(who, dice), message_id=f"fading-{number}", text=TEXTS[group]), ms)
