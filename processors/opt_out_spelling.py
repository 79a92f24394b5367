"""Words to stop as people write them: stretched, spelled letter by letter, with a slip, or run together."""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import groupby
from typing import TYPE_CHECKING

from processors.opt_out_vocabulary import CACHED, VOCABULARIES
from processors.words import normalise

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from processors.opt_out_rules import Roles

LOOKED_AT = 25
"""Words of a text. What is further on is a mail that is quoted, or a letter for people to read."""
LONGEST = 60
"""Characters of a word, or of a run of letters without spaces."""
LONG = 6
"""Letters from which a word with a slip in it is still told from all others."""

_KNOWN = frozenset(word for one in VOCABULARIES for text in one.words for word in text.split())
_STRONG = frozenset(
    text for one in VOCABULARIES for text, roles in one.words.items()
    if roles & {"stop", "leave"} and " " not in text and len(text) > 3 and text.isascii()
)  # fmt: skip
_DIGITS = {"o": "0", "l": "1", "e": "3", "a": "4", "s": "5", "t": "7"}
_LETTERS = str.maketrans({digit: letter for letter, digit in _DIGITS.items()})
_has_run_or_digit = re.compile(r"(.)\1|\d").search
_runs_of_three = re.compile(r"(.)\1{2,}").sub
_runs = re.compile(r"(.)\1+").sub


class Spelling:
    """The words that all languages know, and a tenant's own words to opt out."""

    def __init__(self, own: Iterable[str]) -> None:
        texts = sorted({normalise(text).replace("'", " ") for text in own} - {""})
        self.own: dict[str, Roles] = {text: frozenset({"stop"}) for text in texts}
        self.own_words = frozenset(word for text in texts for word in text.split())
        self._strong = {text for text in texts if " " not in text and len(text) > 3}
        self._slips = _slips_of(self._strong)

    def words(self, text: str) -> list[str]:
        """Return the first words of a normalised text, letters that stand by themselves joined, slips mended."""
        bare = text.replace("n't", "nt").replace("'", " ").split()[:LOOKED_AT]
        words: list[str] = []
        for single, group in groupby(bare, key=lambda word: len(word) == 1):
            letters = [*group]
            joined = self._mended("".join(letters)) if single and len(letters) > 2 else ""
            words += [joined] if joined in _STRONG or joined in self._strong else letters
        return [piece for word in words for piece in _parted(self._mended(word[:LONGEST]))]

    def _mended(self, word: str) -> str:
        if not self.own:
            return mended(word)
        if word in self.own_words:
            return word
        forms = _forms(word)
        return next((form for form in forms if form in self.own_words), None) or self._slips_of_own(word)

    def _slips_of_own(self, word: str) -> str:
        known = mended(word)
        if known in _KNOWN or len(word) < LONG:
            return known
        return next((self._slips[form] for form in without_one(word) if form in self._slips), word)

    def hints(self) -> Iterator[str]:
        """Yield texts of which one lies in whatever has one of the tenant's own words, spelled in these ways."""
        for text in self.own:
            yield from hints_of(max(text.split(), key=len))


def without_one(word: str) -> list[str]:
    """Return a word, and it without each of its letters: two words that share one of these are a slip apart."""
    return [word, *(word[:at] + word[at + 1 :] for at in range(len(word)))]


def hints_of(word: str) -> Iterator[str]:
    """Yield texts of which one lies in whatever has a word stretched, spelled, or with a slip."""
    half = len(word) // 2
    yield " ".join(word)
    yield from (f" {word[: at + 1]}{word[at]}" for at in range(1, len(word) - 1) if word[at] != word[at + 1])
    yield from (f" {word[0]}{word[0]}{word[1:2]}", word)
    if half > 3:
        yield from (f" {word[:half]}", f"{word[half:]} ")
        yield word[: half - 1] + word[half] + word[half - 1] + word[half + 1 :]
    elif len(word) < LONG:
        yield from {word.replace(a, _DIGITS[a]).replace(b, _DIGITS[b]) for a in _DIGITS for b in _DIGITS}
    else:
        swapped = [word[:at] + word[at + 1] + word[at] + word[at + 2 :] for at in range(len(word) - 1)]
        yield from (f" {form} " for form in (*without_one(word), *swapped))


def _slips_of(words: Iterable[str]) -> dict[str, str]:
    return {form: word for word in sorted(words) if len(word) >= LONG for form in without_one(word)}


_SLIPS = _slips_of(_STRONG)


@lru_cache(CACHED)
def mended(word: str) -> str:
    """Return the word to stop that a stretched or misspelt word stands for, else the word itself."""
    if word in _KNOWN:
        return word
    known = next((form for form in _forms(word) if form in _KNOWN), None)
    if known is not None or len(word) < LONG:
        return known or word
    return next((_SLIPS[form] for form in without_one(word) if form in _SLIPS), word)


def _forms(word: str) -> list[str]:
    """Return a word with fewer of the letters that are repeated in it, and with letters for digits."""
    if not _has_run_or_digit(word):
        return []
    forms = [_runs_of_three(r"\1", word), _runs(r"\1", word)]
    return forms + [form.translate(_LETTERS) for form in forms]


def _parted(word: str) -> list[str]:
    """Part what is run together: stopit, stopspam."""
    rest = word[4:]
    return ["stop", rest] if len(rest) > 1 and word not in _KNOWN and word[:4] == "stop" and rest in _KNOWN else [word]
