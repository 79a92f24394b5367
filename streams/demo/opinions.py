"""Ratings: real reviews in the names of guests who have just checked out."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from schemas.events import Rating
from streams.demo import drafts, rows
from streams.demo.dice import happens
from streams.demo.times import DAY, HOUR

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from streams.demo.drafts import Draft
    from streams.demo.stays import Stay
    from streams.demo.times import Year


def tell(number: int, count: int, stay: Stay, year: Year, dice: random.Random) -> Iterator[Draft]:
    """Tell rating `number` of `count` after a stay; some guests think again, a few take it back."""
    row = rows.spread(rows.reviews(), number, count)
    guest, country = drafts.on_form(stay.heir or stay.guest, stay.place, dice)
    said = stay.ended + dice.randrange(HOUR, 5 * DAY)
    first = Rating(
        rating_id=f"{row.review_id}-{number}", stars=stars(row.score), property=stay.place, guest=guest,
        country=country, comment=row.comment, channel="reviews",
    )  # fmt: skip
    told = [(first, said)]
    if happens(0.1, dice):
        told.append((_again(first, dice), said + dice.randrange(HOUR, 20 * DAY)))
    yield from (drafts.rating(data, ms) for data, ms in told if ms <= year.now)


def stars(score: float) -> float:
    """Return stars with halves from a score of up to 10; an exact half of a point goes up."""
    return max(1.0, int(score + 0.5) / 2)


def _again(first: Rating, dice: random.Random) -> Rating:
    known = first.guest if happens(0.5, dice) else None  # a site that names the guest only once
    country = first.country if known else None
    if happens(0.3, dice):
        return replace(first, revision=2, guest=known, country=country, withdrawn=True)
    changed = min(5.0, max(1.0, (first.stars or 3) + dice.choice((-2, -1, 1, 2))))
    return replace(first, revision=2, guest=known, country=country, stars=changed)
