"""Words of guests' messages: one written form for all of them, and all groups' keywords found in one pass."""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from itertools import product
from typing import TYPE_CHECKING, Literal

import regex
from ahocorasick_rs import AhoCorasick, Implementation

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

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
    while "  " in words:
        words = words.replace("  ", " ")  # to split and to join takes twice as long
    return words.strip()


def _folded(text: str) -> str:
    text = _drop_invisible("", _apostrophes("'", text))  # first, for NFKC makes some apostrophes a space and a mark
    text = unicodedata.normalize("NFKC", text).casefold()
    text = _accents("", unicodedata.normalize("NFKD", text)).replace("\N{LATIN SMALL LETTER DOTLESS I}", "i")
    text = _digits(_ascii_digit, unicodedata.normalize("NFC", text))
    return _between(" ", _apostrophes("'", text))


def _ascii_digit(digit: regex.Match[str]) -> str:
    return str(unicodedata.decimal(digit[0], digit[0]))


_BETWEEN = " \n\n "
"""Ends a text and begins the next: no phrase goes on beyond an end of line."""
_BUSY, _TABLE = 10_000, 20_000
"""Texts that are read before a table is made, and the most characters that needles have together for one: 1 MB."""


class Matcher:
    """All keywords of a tenant, found in one pass over a normalised text.

    An automaton over the spelled-out forms of all phrases (" bring pet ", " bring pets ", …), so ten times the phrases
    cost a third more: 1 µs for 17 words over 300 phrases, 2 over 30,000. Building takes 5 µs a phrase. Texts `inside`
    are found wherever they stand between the words' line ends, within words too.
    """

    def __init__(self, keywords: Iterable[tuple[int, str, Mode]], inside: Iterable[tuple[int, str]] = ()) -> None:
        words: defaultdict[str, list[int]] = defaultdict(list)
        others: defaultdict[str, list[int]] = defaultdict(list)
        self._long: list[tuple[int, str]] = []
        for keyword, phrase, mode in keywords:
            text = normalise(phrase)
            target, entry = (words if mode == "word" else others), keyword
            if mode == "word" and len(tokens := _bare(text)) > _SPELLED_OUT:
                self._long.append((keyword, _anchored([_singular(token) for token in tokens])))
                entry = -len(self._long)
            for needle in _needles(text, mode):
                target[needle].append(entry)
        for keyword, text in inside:
            words[text].append(keyword)
        self._in_words = _Finder(words) if words else None
        self._in_runs = _Finder(others) if others else None

    def match(self, text: str) -> list[int]:
        """Return the ids (from 0) of the keywords that a text, normalised before, holds: each once, ascending."""
        (found,) = self.match_all([text])
        return found

    def match_all(self, texts: Sequence[str]) -> list[list[int]]:
        """Return for each text what `match` does, all in one pass: a pass of its own costs three times the look."""
        if not texts:
            return []
        words = runs = f"\n {_BETWEEN.join(texts)} \n"
        if "'" in words:
            words, runs = words.replace("'s ", " ").replace("'", " "), runs.replace("'", " ")
        found: list[list[int]]
        found = [[] for _ in texts] if self._in_words is None else self._in_words(words, len(texts))
        if self._in_runs is not None:
            found = [one + more for one, more in zip(found, self._in_runs(runs, len(texts)), strict=True)]
        if self._long:
            found = [self._whole(one, text) for one, text in zip(found, texts, strict=True)]
        return [sorted(set(one)) if len(one) > 1 else one for one in found]

    def _whole(self, found: list[int], text: str) -> list[int]:
        """Look whether all of a long phrase is there where its first words are: for these stands a number below 0."""
        if not found or min(found) >= 0:
            return found
        words = f" {' '.join(map(_singular, _bare(text)))} "
        heads = (self._long[-entry - 1] for entry in found if entry < 0)
        return [entry for entry in found if entry >= 0] + [keyword for keyword, phrase in heads if phrase in words]


class _Finder:
    """Finds many needles in texts, wherever and however they overlap: by text, what each stands for.

    Who has read many texts gets a table of all steps, in half the time of the usual automaton and ten times its memory.
    """

    def __init__(self, needles: dict[str, list[int]]) -> None:
        self._entries = [*needles.values()]
        self._needles = [*needles, "\n\n"]
        self._find = AhoCorasick(self._needles, store_patterns=False).find_matches_as_indexes
        self._until_table = _BUSY
        if sum(map(len, self._needles)) > _TABLE:
            self._needles, self._until_table = [], 1 << 60

    def __call__(self, texts: str, count: int) -> list[list[int]]:
        """Return what is found in so many texts that `_BETWEEN` joins."""
        self._until_table -= count
        if self._until_table < 0:
            table = AhoCorasick(self._needles, store_patterns=False, implementation=Implementation.DFA)
            self._find, self._needles, self._until_table = table.find_matches_as_indexes, [], 1 << 60
        found: list[list[int]] = [[]]
        entries, next_text = self._entries, len(self._entries)
        for at, _, _ in self._find(texts, overlapping=True):  # in the order of their ends
            if at == next_text:
                found.append([])
            else:
                found[-1] += entries[at]
        return found


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
