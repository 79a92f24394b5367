"""The demo's events: twelve months of a small hotel group, in the order in which they arrive."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streams.demo import chats, fading, faults, guests, opinions, stays
from streams.demo import dice as dices
from streams.demo.dice import happens
from streams.demo.groups import pick_vips
from streams.demo.times import DAY, Year

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable, Iterator

    from streams.demo.drafts import Draft
    from streams.demo.groups import Record
    from streams.demo.guests import Guest

SEED = 20_261_122
EVENTS = 20_000
"""About how many there are at scale 1."""

LATE = 0.015
REPEATED = 0.01
"""The shares that arrive up to 20 days late, and once more within a day."""


class Size(NamedTuple):
    """How much of each kind the demo holds; what `scale` multiplies."""

    guests: int = 2_000
    leavers: int = 48
    stays: int = 2_900
    ratings: int = 1_300
    dialogues: int = 3_800
    pets: int = 360

    def scaled(self, scale: float) -> Size:
        """So many times as much, at least a little of each; the leavers stay as many, but for a small demo."""
        counts = Size(*(max(4, round(count * scale)) for count in self))
        return counts._replace(leavers=min(counts.leavers, self.leavers))


def scale_for(count: int) -> float:
    """Return the scale at which there are about so many events; a demo of less than some 400 there is not."""
    return count / EVENTS


class Cast(NamedTuple):
    """The guests of a demo: those who come and go, and the leavers, each of whom says one thing only."""

    regulars: tuple[Guest, ...]
    leavers: tuple[Guest, ...]


def cast(scale: float = 1.0, seed: int = SEED) -> Cast:
    """Invent the demo's guests."""
    size = Size().scaled(scale)
    # not every invented guest has a phone, so there are a few more to take the leavers from
    everyone = guests.guests(size.guests + 2 * size.leavers, seed)
    spare = [guest for guest in everyone[size.guests :] if guest.phone]
    return Cast(everyone[: size.guests], tuple(spare[: size.leavers]))


def events(now_ms: int, scale: float = 1.0, seed: int = SEED) -> Iterator[Record]:
    """Every event up to `now_ms` (epoch ms) as (topic's short name, key, value); some 20,000 at scale 1.

    In the order of event time, but for a few that arrive late, and repeats. The same arguments give the same bytes.
    """
    drafts = sorted(_all(Year(now_ms), Size().scaled(scale), cast(scale, seed), seed))
    return ((draft.topic, draft.key, draft.value) for draft in drafts)


def vips(now_ms: int, scale: float = 1.0, seed: int = SEED) -> Iterator[Record]:
    """Choose the VIPs among the demo's guests."""
    return pick_vips(now_ms, cast(scale, seed).regulars)


def _all(year: Year, size: Size, people: Cast, seed: int) -> Iterator[Draft]:
    yield from _booked(year, size, people, seed)
    yield from _written(year, size, people, seed)
    for number, who in enumerate(people.leavers):
        draft = fading.tell(number, who, year.now, dices.cast(seed, "fading", number))
        if draft:
            yield draft
    yield from faults.drafts(year.start, year.now)


def _booked(year: Year, size: Size, people: Cast, seed: int) -> Iterator[Draft]:
    book = guests.of_region(people.regulars)
    over: list[stays.Stay] = []
    for number in range(size.stays):
        own = dices.cast(seed, "stay", number)
        stay = stays.plan(number, size.stays, year, book, own)
        if stay is None:
            continue
        # a booking on the move stays in order: who is the known guest of a late revision is nobody's business here
        yield from _on_the_way(stays.tell(stay, year, own), year, own, LATE if stay.heir is None else 0)
        if stay.status == "checked_out" and stay.ended < year.now:
            over.append(stay)
    for number in range(size.ratings if over else 0):
        own = dices.cast(seed, "rating", number)
        stay = over[number * len(over) // size.ratings]
        yield from _on_the_way(opinions.tell(number, size.ratings, stay, year, own), year, own, LATE)


def _written(year: Year, size: Size, people: Cast, seed: int) -> Iterator[Draft]:
    crowd = chats.by_language(people.regulars)
    for number in range(size.dialogues):
        own = dices.cast(seed, "dialogue", number)
        yield from _on_the_way(chats.tell(number, size.dialogues, year, crowd, own), year, own, LATE)
    for number in range(size.pets):
        yield chats.ask_about_pets(number, year, crowd, dices.cast(seed, "pets", number))


def _on_the_way(told: Iterable[Draft], year: Year, dice: random.Random, late: float) -> Iterator[Draft]:
    for draft in told:
        delay = dice.randrange(20 * DAY) if happens(late, dice) else 0
        yield draft._replace(arrives=min(year.now, draft.arrives + delay))
        if happens(REPEATED, dice):
            yield draft._replace(arrives=min(year.now, draft.arrives + delay + dice.randrange(DAY)))
