"""The names that invented guests go by: short lists of common names, one pair a language."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import random

NAMES: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "pt": (("Ana", "João", "Inês", "Tiago", "Rita", "Duarte"), ("Silva", "Gonçalves", "Araújo", "Lopes", "Pinto")),
    "id": (("Made", "Putu", "Wayan", "Sari", "Budi", "Dewi"), ("Wirawan", "Santoso", "Pratama", "Lestari", "Hidayat")),
    "en": (("Emma", "Jack", "Olivia", "Liam", "Grace", "Noah"), ("Taylor", "O'Brien", "Walker", "Reed", "Murphy")),
    "de": (("Anna", "Jürgen", "Lena", "Felix", "Käthe", "Max"), ("Müller", "Weiß", "Schäfer", "Koch", "Huber")),
    "it": (("Giulia", "Marco", "Chiara", "Luca", "Noemi", "Paolo"), ("Rossi", "Bianchi", "Gallo", "Conti", "Greco")),
    "zh": (("芳", "伟", "秀英", "强", "静", "磊"), ("王", "李", "张", "刘", "陈")),
    "es": (("Lucía", "Mateo", "Carmen", "Hugo", "Sofía", "Iván"), ("García", "Núñez", "Ortiz", "Ruiz", "Peña")),
    "fr": (("Chloé", "Louis", "Zoé", "Hugo", "Élise", "Rémi"), ("Martin", "Lefèvre", "Moreau", "Roux", "Noël")),
    "": (("Aiko", "Omar", "Priya", "Yusuf", "Noa", "Kasia"), ("Tanaka", "Haddad", "Nair", "Demir", "Nowak")),
}
"""First names and last names by language; the empty language is anyone else's."""


def name(language: str, dice: random.Random) -> tuple[str, str]:
    """Draw a first and a last name that go with a language."""
    firsts, lasts = NAMES.get(language, NAMES[""])
    return dice.choice(firsts), dice.choice(lasts)
