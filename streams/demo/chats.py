"""Messages: real dialogues in four languages from the phones and chats of invented guests, and the hotel's answers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from schemas.events import Message
from streams.demo import drafts, rows
from streams.demo.dice import happens
from streams.demo.times import DAY, HOUR

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator, Sequence

    from streams.demo.drafts import Draft
    from streams.demo.guests import Guest
    from streams.demo.times import Year

MINUTE = 60_000
PETS = (
    "Is the Pool Villa pet friendly?",
    "Are your rooms pet-friendly, and is there a fee?",
    "Can we bring pets?",
    "Hello, may I bring pet food and my two cats?",
    "Do you have PET FRIENDLY rooms in the city hotel",
    "we would like to bring pets, 1 small dog",
    "I love my carpet, friendly people laid it",
    "Can I bring my own cat?",
    "Is there a petting zoo nearby?",
)
"""Written for the demo, as the data has hardly any: the first six are about pets as the group means it."""

ANSWERS = (
    "Your table at the restaurant is booked, see you at dinner!",
    "All our villas are pet friendly.",
    "Thank you, we will get back to you.",
)
"""Written for the demo: what the hotel says, which puts nobody into a group."""


def by_language(everyone: Sequence[Guest]) -> dict[str, list[Guest]]:
    """Tell who writes which language of the data: those without a language of their own in it write English."""
    found: dict[str, list[Guest]] = {"en": [], "de": [], "it": [], "zh": []}
    for guest in everyone:
        if guest.phone or guest.chat:
            found[guest.language if guest.language in found else "en"].append(guest)
    return {language: crowd or [*everyone[:1]] for language, crowd in found.items()}


def tell(number: int, count: int, year: Year, crowd: dict[str, list[Guest]], dice: random.Random) -> Iterator[Draft]:
    """Tell dialogue `number` of `count`: a guest writes a line every few minutes."""
    lines = rows.spread(rows.dialogues(), number, count)
    who = dice.choice(crowd[lines[0].language])
    first = address(who, dice)
    place = dice.choice(("city", "resort", None))
    ms = year.start + dice.randrange(365 * DAY - 3 * HOUR)
    for line in lines:
        own = replace(first, message_id=f"{line.dialogue}-{line.turn}.{number}", property=place)
        data = replace(own, text=line.text, language=line.language)
        yield from _edited(data, ms, year, dice)
        ms += dice.randrange(MINUTE // 2, 5 * MINUTE)
    if happens(0.1, dice):
        yield drafts.message(_answer(first, number, place, dice), ms)


def ask_about_pets(number: int, year: Year, crowd: dict[str, list[Guest]], dice: random.Random) -> Draft:
    """Ask question `number` about pets, or a near miss of one."""
    ms = year.start + dice.randrange(365 * DAY - 3 * HOUR)
    data = replace(address(dice.choice(crowd["en"]), dice), message_id=f"pets-{number}", text=PETS[number % len(PETS)])
    return drafts.message(replace(data, property=dice.choice(("city", "resort"))), ms)


def address(who: Guest, dice: random.Random) -> Message:
    """Begin a message without words yet, from one of the guest's addresses."""
    name = who.name if happens(0.8, dice) else None
    if who.chat:
        channel, own = who.chat
        return Message(message_id="-", channel=channel, direction="inbound", from_=own, name=name)
    if happens(0.2, dice):
        return Message(message_id="-", channel="sms", direction="inbound", from_=who.abroad[0], name=name)
    own = dice.choice((*who.on_whatsapp, *who.abroad[:1]))
    return Message(message_id="-", channel="whatsapp", direction="inbound", from_=own, name=name)


def _edited(data: Message, ms: int, year: Year, dice: random.Random) -> Iterator[Draft]:
    yield drafts.message(data, ms)
    later = ms + dice.randrange(1000, HOUR)
    if not happens(0.01, dice) or later > year.now:
        return
    changed = {"deleted": True} if happens(0.5, dice) else {"text": "Sorry, that was meant for somebody else."}
    yield drafts.message(replace(data, revision=2, **changed), later)


def _answer(first: Message, number: int, place: str | None, dice: random.Random) -> Message:
    # gateways write the address of the guest the same way in both directions
    said = replace(first, message_id=f"answer-{number}", direction="outbound", text=dice.choice(ANSWERS))
    return replace(said, from_=None, to=first.from_, property=place, name=None)
