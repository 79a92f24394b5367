"""Words of guests' messages: one written form for all of them, and all groups' keywords found in one pass."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from itertools import product
from typing import TYPE_CHECKING, Literal

import regex
from ahocorasick_rs import AhoCorasick

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Mode = Literal["word", "exact", "first_word", "prefix"]

# Han, Kana, Thai, Lao, Khmer and Myanmar are written without spaces: their keywords may lie inside a run of letters.
_INNER = "".join(rf"\p{{scx={script}}}" for script in ("Han", "Hira", "Kana", "Thai", "Lao", "Khmr", "Mymr"))
_WORD = rf"[[\p{{L}}\p{{M}}\p{{N}}]--[{_INNER}]]++"
_tokens = regex.compile(rf"(?V1)(?:[[{_INNER}]&&[\p{{L}}\p{{M}}\p{{N}}]]\p{{M}}*+)++|{_WORD}(?:'{_WORD})*+").findall
_is_inner = regex.compile(rf"(?V1)[{_INNER}]").match
_drop_invisible = regex.compile(r"(?V1)[\p{Cf}\p{Me}\p{Default_Ignorable_Code_Point}]+").sub
_apostrophes = regex.compile("[’‘‛ʼʻʹ′´`＇]").sub  # noqa: RUF001 - these are the ambiguous ones
_accents = regex.compile(r"(?V1)(?<=[\p{Latin}\p{Greek}\p{Cyrillic}])\p{M}++").sub
_between = regex.compile(r"(?V1)[^\p{L}\p{M}\p{N}\x00-\x7f]++").sub
_digits = regex.compile(r"(?V1)[\p{Nd}--[0-9]]").sub
_lone_apostrophes = regex.compile("(?<![a-z0-9])'|'(?![a-z0-9])").sub

_WORDS = "abcdefghijklmnopqrstuvwxyz0123456789"
_ASCII = dict.fromkeys(range(256), " ") | {ord(c): c.lower() for c in _WORDS + _WORDS.upper()} | {39: "'", 96: "'"}
_ASCII_BYTES = "".join(_ASCII.values()).encode()

_SPELLED_OUT = 4  # words of a phrase whose plurals are spelled out, 16 needles at most; a longer one is looked at twice


def normalise(text: str) -> str:
    """Write a text as its words with single spaces, in one case, width and script of digits.

    Twice is as once. Latin, Greek and Cyrillic lose their accents; an apostrophe stays inside a word, as '.
    1 µs for 100 ASCII characters, 10 with accents, curly quotes or emoji among them, 20 in other scripts.
    """
    if not text.isascii() and not (text := _folded(text)).isascii():
        return " ".join(_tokens(text))
    words = text.encode().translate(_ASCII_BYTES).decode()
    if "'" in words:
        words = _lone_apostrophes(" ", words)
    return " ".join(words.split())


def _folded(text: str) -> str:
    text = _drop_invisible("", _apostrophes("'", text))  # first, for NFKC makes some apostrophes a space and a mark
    text = unicodedata.normalize("NFKC", text).casefold()
    text = _accents("", unicodedata.normalize("NFKD", text)).replace("\N{LATIN SMALL LETTER DOTLESS I}", "i")
    text = _digits(_ascii_digit, unicodedata.normalize("NFC", text))
    return _between(" ", _apostrophes("'", text))


def _ascii_digit(digit: regex.Match[str]) -> str:
    return str(unicodedata.decimal(digit[0], digit[0]))


class Matcher:
    """All keywords of a tenant, found in one pass over a normalised text.

    An automaton over the spelled-out forms of all phrases (" bring pet ", " bring pets ", …), so ten times the phrases
    cost a third more: 1 µs for 17 words over 300 phrases, 2 over 30,000. Building takes 5 µs a phrase.
    """

    def __init__(self, keywords: Iterable[tuple[int, str, Mode]]) -> None:
        words: defaultdict[str, list[int]] = defaultdict(list)
        others: defaultdict[str, list[int]] = defaultdict(list)
        heads: defaultdict[str, list[int]] = defaultdict(list)
        self._long: list[tuple[int, str]] = []
        for keyword, phrase, mode in keywords:
            text = normalise(phrase)
            target, entry = (words if mode == "word" else others), keyword
            if mode == "word" and len(tokens := _bare(text)) > _SPELLED_OUT:
                target, entry = heads, len(self._long)
                self._long.append((keyword, _anchored([_singular(token) for token in tokens])))
            for needle in _needles(text, mode):
                target[needle].append(entry)
        self._words, self._others, self._heads = _Scan(words), _Scan(others), _Scan(heads)

    def match(self, text: str) -> list[int]:
        """Return the ids of the keywords that a text, normalised before, holds: each once, ascending."""
        words = runs = f"\n {text} \n"
        if "'" in text:
            words, runs = words.replace("'s ", " ").replace("'", " "), runs.replace("'", " ")
        found = self._words.find(words) + self._others.find(runs) + self._find_long(words)
        return sorted(set(found)) if len(found) > 1 else found

    def _find_long(self, words: str) -> list[int]:
        """Find the long phrases: where the first words of one are, look whether all of it is there."""
        heads = self._heads.find(words)
        if not heads:
            return heads
        text = f" {' '.join(map(_singular, words.split()))} "
        return [keyword for keyword, phrase in map(self._long.__getitem__, heads) if phrase in text]


class _Scan:
    """Which of many needles lie in a text, wherever and however they overlap."""

    def __init__(self, needles: dict[str, list[int]]) -> None:
        self._keywords = list(needles.values())
        self._find = AhoCorasick(needles, store_patterns=False).find_matches_as_indexes if needles else None

    def find(self, text: str) -> list[int]:
        if self._find is None:
            return []
        return [k for at, _, _ in self._find(text, overlapping=True) for k in self._keywords[at]]


def _needles(text: str, mode: Mode) -> Iterator[str]:
    """Spell out what a phrase may look like in a text between line ends and spaces."""
    if mode == "word":
        forms = product(*map(_numbers, _bare(text)[:_SPELLED_OUT]))
        yield from map(_anchored, (form for form in forms if form))
    elif tokens := text.replace("'", " ").split():
        whole = _anchored(tokens)
        yield {"exact": f"\n {' '.join(tokens)} \n", "first_word": f"\n {whole.lstrip()}", "prefix": whole.rstrip()}[
            mode
        ]


def _bare(text: str) -> list[str]:
    """Return the words of a normalised text without possessives: restaurant's is restaurant, l'hotel is two words."""
    return f"{text} ".replace("'s ", " ").replace("'", " ").split()


def _anchored(tokens: Iterable[str]) -> str:
    """Write words so that they are found as whole words, but of the unspaced scripts anywhere in a run."""
    first, *_, last = [*tokens] * 2
    return f"{'' if _is_inner(first) else ' '}{' '.join(tokens)}{'' if _is_inner(last) else ' '}"


def _singular(word: str) -> str:
    """Take the simple plural's s away: a final s on a word of four letters or more that does not end in ss."""
    return word[:-1] if len(word) > 3 and word[-1] == "s" != word[-2] else word


def _numbers(word: str) -> tuple[str, ...]:
    """Return the forms that count as one word: singular and plural."""
    singular = _singular(word)
    plural = f"{singular}s"
    return (singular, plural) if _singular(plural) == singular else (singular,)
