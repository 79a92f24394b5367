"""The words of a text put into the roles that each language knows them by (opt_out_words.py).

The roles of single words, looked up for all languages at once, tell in which of them a text may mean to opt out.
"""

from __future__ import annotations

import re
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, NamedTuple, get_args

from processors.opt_out_rules import WORTH_A_LOOK, Role, Roles
from processors.opt_out_words import EVERYWHERE, SPACED, UNSPACED

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping, Sequence

NO_ROLES: Roles = frozenset()

CACHED = 20_000
"""Words of which is kept what was found out about them: guests have few of which nobody else has."""
GAP = 3
"""Words that may stand inside a phrase with a gap."""
OWN_LONGEST = 8
"""Words of a tenant's own phrase to opt out; of a longer one only the whole message counts."""
_BIT = {role: 1 << at for at, role in enumerate(get_args(Role))}
_WIDTH = len(_BIT)


class Part(NamedTuple):
    """A word or phrase of a text, and the roles that a language knows it by."""

    text: str
    roles: Roles


def spelled_out(entries: str) -> Iterator[str]:
    """Yield each entry of a list, each ending in braces by itself."""
    for entry in entries.split():
        pieces = re.split(r"\{(.*?)\}", entry)
        yield from ("".join(one) for one in product(*(piece.split(",") for piece in pieces)))


_SHARED: dict[str, Roles] = {
    entry.replace("_", " "): frozenset({role})
    for table in reversed(SPACED)
    for role in ("polite", "when", "ordinary")
    for entry in spelled_out(table.get(role, ""))
}
"""What any language knows as polite or ordinary, for texts of two languages."""


class Vocabulary:
    """A language's words and phrases by their roles; behind them what all languages know as polite or ordinary."""

    def __init__(self, table: Mapping[Role, str], *, spaced: bool) -> None:
        self.spaced = spaced
        self.words: dict[str, Roles] = {}
        self.stems: dict[str, Roles] = {}
        self.gaps: dict[str, list[tuple[list[str], Roles]]] = {}
        for source in (EVERYWHERE, table):
            for role, entries in source.items():
                for entry in spelled_out(entries):
                    self._add(entry, frozenset({role}))
        known = (_SHARED | self.words) if spaced else self.words
        self._known = known
        self._longest = max(map(len, known))
        self._roles_of_unknown = lru_cache(CACHED)(self._unknown)
        self._words_from: dict[str, int] = {}
        for text in known:
            first = text.partition(" ")[0]
            self._words_from[first] = max(self._words_from.get(first, 0), text.count(" ") + 1)

    def _add(self, entry: str, roles: Roles) -> None:
        head, _, tail = entry.partition("~")
        if tail:
            self.gaps.setdefault(head, []).append((tail.split("_"), roles))
        elif entry.endswith("*"):
            self.stems[entry[:-1]] = roles
        else:
            text = entry.replace("_", " ")
            self.words[text] = self.words.get(text, NO_ROLES) | roles

    def parts(self, words: Sequence[str], own: Mapping[str, Roles]) -> list[Part]:
        """Put the words of a text into roles, the longest phrase first; `own` are the tenant's own words."""
        if not self.spaced:
            return [part for word in words for part in self._cut(word, own)]
        parts: list[Part] = []
        at = 0
        while at < len(words):
            part, length = self._phrase(words, at, own)
            parts.append(part)
            at += length
        return self._bridged(parts)

    def _phrase(self, words: Sequence[str], at: int, own: Mapping[str, Roles]) -> tuple[Part, int]:
        longest = OWN_LONGEST if own else self._words_from.get(words[at], 0)
        for length in range(min(longest, len(words) - at), 0, -1):
            text = " ".join(words[at : at + length])
            roles = own.get(text) or self._known.get(text)
            if roles:
                return Part(text, roles), length
        return Part(words[at], self._roles_of_unknown(words[at])), 1

    def _unknown(self, word: str) -> Roles:
        """Return the roles of what a word begins with, or of the ordinary thing that it ends in, as yogakurs does."""
        stems = (self.stems.get(word[:length]) for length in range(len(word), 3, -1))
        ends = (_SHARED.get(word[at:], NO_ROLES) for at in range(1, len(word) - 3))
        ordinary = (roles for roles in ends if "ordinary" in roles)
        return next(filter(None, stems), NO_ROLES) or next(ordinary, NO_ROLES)

    def _bridged(self, parts: list[Part]) -> list[Part]:
        """Put together phrases with a gap: of "hort bitte auf" become "hort … auf" and "bitte"."""
        for at, part in enumerate(parts):
            for tail, roles in self.gaps.get(part.text, ()):
                texts = [one.text for one in parts[at + 1 : at + 1 + GAP + len(tail)]]
                gap = next((n for n in range(len(texts)) if texts[n : n + len(tail)] == tail), None)
                if gap is not None:
                    parts[at] = Part(f"{part.text} … {' '.join(tail)}", roles)
                    del parts[at + 1 + gap : at + 1 + gap + len(tail)]
        return parts

    def _cut(self, word: str, own: Mapping[str, Roles]) -> Iterator[Part]:
        """Cut a run of letters that has no spaces into known words, the longest first."""
        if word in own or word.isascii():
            yield Part(word, own.get(word) or self.words.get(word) or _SHARED.get(word, NO_ROLES))
            return
        at = begin = 0
        while at < len(word):
            length = next((n for n in range(self._longest, 0, -1) if word[at : at + n] in self.words), 0)
            if length:
                if begin < at:
                    yield Part(word[begin:at], NO_ROLES)
                yield Part(word[at : at + length], self.words[word[at : at + length]])
                begin = at + length
            at += length or 1
        if begin < at:
            yield Part(word[begin:], NO_ROLES)


_SPACED = [Vocabulary(table, spaced=True) for table in SPACED]
_UNSPACED = [Vocabulary(table, spaced=False) for table in UNSPACED]
VOCABULARIES = [*_SPACED, *_UNSPACED]
_FIRST_UNSPACED = "\N{CJK RADICAL REPEAT}"


def _bits() -> dict[str, int]:
    """Tell by word, or by a stem and "*", all roles that it may play in the spaced languages, some bits for each.

    A phrase counts under its longest word, for the others of its words are in many texts.
    """
    bits: dict[str, int] = {}
    for at, one in enumerate(_SPACED):
        entries = [(max(text.split(), key=len), roles) for text, roles in one.words.items()]
        entries += [(f"{stem}*", roles) for stem, roles in one.stems.items()]
        entries += [(head, roles) for head, tails in one.gaps.items() for _, roles in tails]
        for word, roles in entries:
            bits[word] = bits.get(word, 0) | sum(_BIT[role] for role in roles) << at * _WIDTH
    return bits


_BITS = _bits()
_STEMS = sorted({len(word) - 1 for word in _BITS if word.endswith("*")})
_STOP = sum(_BIT["stop"] << at * _WIDTH for at in range(len(_SPACED)))
_ALL_ROLES = (1 << _WIDTH) - 1
_WORTH_A_LOOK = [sum(_BIT[role] for role in asked) for asked in WORTH_A_LOOK]


def languages_of(words: Iterable[str], own: Container[str]) -> list[Vocabulary]:
    """Return the languages in which words may mean to opt out; `own` are those of the tenant's own words."""
    bits, unspaced = 0, False
    for word in words:
        bits |= _STOP if word in own else _bits_of(word)
        unspaced |= word >= _FIRST_UNSPACED
    found = [one for at, one in enumerate(_SPACED) if _may_opt_out(bits >> at * _WIDTH & _ALL_ROLES)]
    return found + _UNSPACED if unspaced else found


@lru_cache(CACHED)
def _bits_of(word: str) -> int:
    bits = _BITS.get(word, 0)
    for length in _STEMS:
        bits |= _BITS.get(f"{word[:length]}*", 0)
    return bits


@lru_cache(CACHED)
def _may_opt_out(roles: int) -> bool:
    return any(not asked & ~roles for asked in _WORTH_A_LOOK)
