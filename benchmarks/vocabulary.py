"""The words of the job's texts, and the hundred groups that look for some of them."""

from __future__ import annotations

import random
from itertools import product

GROUPS = 100
PHRASES_EACH = 3


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


_ADJECTIVES = _words(
    "early late private shared extra romantic vegan halal quiet sunny ocean river double single baby family wedding "
    "corporate festive rainy"
)
_NOUNS = _words(
    "arrival departure pickup transfer towel bed lunch supper room veranda massage menu crib shuttle booking "
    "invoice discount parking laundry gym"
)
_ALONE = _words(
    "refund wifi jacuzzi sauna barbecue surfing snorkel kayak yoga pet dog cat smoking balcony kitchen honeymoon "
    "anniversary birthday conference projector minibar safe iron hairdryer adapter umbrella scooter bicycle taxi "
    "driver tour volcano temple waterfall rafting diving sunrise sunset fishing golf tennis badminton karaoke "
    "cocktail coffee smoothie seafood steak pizza pasta sushi noodle rendang satay brunch buffet catering allergy "
    "peanut dairy wheelchair elevator ramp stroller nanny playground children toddler aircon heater fan shower "
    "bathtub slipper robe pillow blanket mattress sofa desk monitor printer passport visa luggage storage locker "
    "deposit voucher membership loyalty upgrade suite villa bungalow cottage penthouse garden terrace rooftop "
    "lounge library cinema casino nightclub boutique souvenir pharmacy doctor ambulance insurance currency atm "
    "receipt tax tip review complaint noise mosquito leak mold broken dirty stained cold hot lost stolen candle "
    "piano violin orchid lantern hammock bonfire picnic monkey turtle dolphin lagoon harbour ferry helicopter "
    "limousine motorbike jeep camping spa restaurant"
)
_FILLER = _words(
    "hello hi good morning evening thanks please we i my our the a are can could would like to for at in on with "
    "and or but so when how much what time today tomorrow tonight next week friend wife husband mother people two "
    "three four night day stay need want ask about also maybe very nice great sorry just still again already after "
    "before from until do you have any possible me know send price cost free open near far there here that it be "
    "will were not no yes ok sure dear team sir madam best regard see soon wait call message email number name date "
    "list spaghetti cathedral dogged catalog carpet spacious hotly tourist taxing suitable tourism"
)

TEXT_WORDS: tuple[str, ...] = (*_FILLER, *_ADJECTIVES, *_NOUNS)
"""What every text is made of: words of no group, some that hide a keyword, both halves of every longer phrase."""


def groups() -> dict[str, tuple[str, ...]]:
    """Group id → its three phrases: half of them one word, half of them two; always the same ones."""
    dice = random.Random(1)
    pairs = [f"{adjective} {noun}" for adjective, noun in product(_ADJECTIVES, _NOUNS)]
    phrases = [*_ALONE, *dice.sample(pairs, GROUPS * PHRASES_EACH - len(_ALONE))]
    dice.shuffle(phrases)
    return {f"g{at:03d}": tuple(phrases[at * PHRASES_EACH :][:PHRASES_EACH]) for at in range(GROUPS)}
