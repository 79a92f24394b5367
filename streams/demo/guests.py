"""The invented guests: who they are, where they come from, and how they write their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from streams.demo.dice import cast, happens
from streams.demo.names import name
from streams.demo.phones import international, invent, national, whatsapp

if TYPE_CHECKING:
    import random
    from collections.abc import Sequence

REGIONS: dict[str, tuple[int, str]] = {
    "PT": (200, "pt"), "ID": (200, "id"), "GB": (90, "en"), "DE": (80, "de"), "IT": (80, "it"), "CN": (80, "zh"),
    "ES": (60, "es"), "FR": (50, "fr"), "US": (40, "en"), "IE": (30, "en"), "BR": (30, "pt"), "NL": (20, "nl"),
    "BE": (20, "fr"), "PL": (20, "pl"), "AT": (20, "de"), "CH": (20, "de"), "SG": (20, "en"), "AU": (20, "en"),
    "IN": (20, "hi"), "JP": (10, "ja"), "TH": (10, "th"), "AE": (10, "ar"), "SA": (10, "ar"), "EG": (10, "ar"),
    "TR": (10, "tr"), "IL": (10, "he"), "SE": (10, "sv"), "NO": (10, "no"), "UA": (10, "uk"), "ZA": (10, "en"),
    "MX": (10, "es"), "AR": (10, "es"), "KR": (10, "ko"), "HK": (10, "zh"), "NZ": (10, "en"), "MA": (10, "fr"),
}  # fmt: skip
"""Where guests come from: weight and language. Those of PT and ID are at home in one of the two hotels."""

HOME = ("PT", "ID")
"""The regions in which the two hotels read a number that comes without country code."""


class Guest(NamedTuple):
    """One invented guest: with a phone, or only an e-mail address, or only an id in some chat."""

    number: int
    first_name: str
    last_name: str
    region: str
    language: str
    phone: str | None
    email: str | None
    chat: tuple[str, str] | None
    at_home: tuple[str, ...]
    abroad: tuple[str, ...]
    on_whatsapp: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name as it is shown."""
        return f"{self.first_name} {self.last_name}"

    @property
    def contact(self) -> str:
        """The contact id that every event of this guest must lead to."""
        if self.phone:
            return f"tel:{self.phone}"
        return f"mailto:{self.email}" if self.email else ":".join(self.chat or ())


class Typed(NamedTuple):
    """A phone as somebody typed it, with the country that the form has to name for it to be read."""

    text: str
    country: str | None


def guests(count: int, seed: int) -> tuple[Guest, ...]:
    """Invent so many guests, always the same ones for a seed; more of them begin with the same ones."""
    taken: set[str] = set()
    return tuple(_guest(number, cast(seed, "guest", number), taken) for number in range(count))


def typed(guest: Guest, region: str, dice: random.Random) -> Typed:
    """Return the guest's number as typed into the form of a hotel of that region."""
    if not guest.phone:
        raise ValueError("this guest has no phone")
    if region == guest.region and happens(0.7, dice):  # at home most people leave the country code out
        return Typed(dice.choice(guest.at_home), None)
    if happens(0.25, dice):  # a site that asks for the country lets them leave it out abroad too
        return Typed(dice.choice(guest.at_home), guest.region)
    return Typed(dice.choice(guest.abroad + guest.on_whatsapp), None)


def of_region(everyone: Sequence[Guest]) -> dict[str, list[Guest]]:
    """Return those who can book, by region: a booking needs a phone or an e-mail address."""
    found: dict[str, list[Guest]] = {}
    for guest in everyone:
        if not guest.chat:
            found.setdefault(guest.region, []).append(guest)
    return found


def _guest(number: int, dice: random.Random, taken: set[str]) -> Guest:
    # the first ones are of the two home regions and have phones, so that the smallest demo has all it needs
    region = HOME[number] if number < len(HOME) else dice.choices([*REGIONS], [w for w, _ in REGIONS.values()])[0]
    language = REGIONS[region][1]
    first, last = name(language, dice)
    who = Guest(number, first, last, region, language, None, None, None, (), (), ())
    address = f"guest{number}@example.{dice.choice(('com', 'org', 'net'))}"
    if number < len(HOME) or happens(0.92, dice):
        return _with_phone(who._replace(email=address if happens(0.6, dice) else None), dice, taken)
    if happens(0.4, dice):
        return who._replace(email=address)
    return who._replace(chat=(dice.choice(("telegram", "instagram")), f"{dice.randrange(10**9, 10**10)}"))


def _with_phone(who: Guest, dice: random.Random, taken: set[str]) -> Guest:
    phone = invent(who.region, dice, taken)
    taken.add(phone)
    return who._replace(
        phone=phone,
        at_home=national(phone, who.region),
        abroad=international(phone, who.region, HOME),
        on_whatsapp=whatsapp(phone),
    )
