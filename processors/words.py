"""Words of guests' messages: one written form for all of them, and all groups' keywords found in one pass."""

from __future__ import annotations

import unicodedata
from functools import lru_cache
from itertools import product
from typing import TYPE_CHECKING, Any, Generic, Literal, TypeVar

import regex
from msgspec import Struct

from processors.needles import BETWEEN, Needles

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

Mode = Literal["word", "exact", "first_word", "prefix"]
Keyword = TypeVar("Keyword")

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

_SPELLED_OUT = 3  # words of a phrase whose plurals are spelled out, 8 needles at most; a longer one is looked at twice


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


class Matcher(Generic[Keyword]):
    """All keywords of a tenant, found in normalised texts; each comes and goes at its own cost, 10 µs.

    Needles are the spelled-out forms of all phrases (" bring pet ", " bring pets ", …). A keyword is anything that
    has a place in an order, by itself or by `order`.
    """

    def __init__(
        self,
        keywords: Iterable[tuple[Keyword, str, Mode]] = (),
        order: Callable[[Keyword], Any] | None = None,
    ) -> None:
        self._order: Any = order
        self._in_words, self._in_runs = Needles(), Needles()
        self._long = self._of_runs = 0
        for keyword in keywords:
            self.add(*keyword)

    def add(self, keyword: Keyword, phrase: str, mode: Mode) -> None:
        """Have a keyword found by a phrase."""
        needles, forms, entry = self._spelled_out(keyword, phrase, mode)
        for form in forms:
            needles.add(form, entry)
        self._long += entry.__class__ is _Long
        self._of_runs += mode != "word"

    def remove(self, keyword: Keyword, phrase: str, mode: Mode) -> None:
        """Have a keyword, which was added by a phrase, found by it no more."""
        needles, forms, entry = self._spelled_out(keyword, phrase, mode)
        for form in forms:
            needles.remove(form, entry)
        self._long -= entry.__class__ is _Long
        self._of_runs -= mode != "word"

    def _spelled_out(self, keyword: Keyword, phrase: str, mode: Mode) -> tuple[Needles, Iterable[str], Any]:
        """Return where a phrase is looked for, what it may look like, and what stands for the keyword there."""
        rest, forms = _forms(phrase, mode)
        needles = self._in_words if mode == "word" else self._in_runs
        return needles, forms, _Long(keyword, rest) if rest else keyword

    def match(self, text: str) -> list[Keyword]:
        """Return the keywords that a text, normalised before, holds: each once, in their order."""
        (found,) = self.match_all([text])
        return found

    def match_all(self, texts: Sequence[str]) -> list[list[Keyword]]:
        """Return for each text what `match` does."""
        if not texts:
            return []
        words = runs = texts
        joined = BETWEEN.join(texts)
        if "'" in joined:
            words = f"{joined} ".replace("'s ", " ").replace("'", " ")[:-1].split(BETWEEN)
            runs = joined.replace("'", " ").split(BETWEEN)
        found: list[list[Any]] = self._in_words.find(words)
        if self._of_runs:
            found = [one + more for one, more in zip(found, self._in_runs.find(runs), strict=True)]
        if self._long:
            found = [_whole(one, text) for one, text in zip(found, texts, strict=True)]
        order = self._order
        return [sorted(set(one), key=order) if len(one) > 1 else one for one in found]


class _Long(Struct, frozen=True, gc=False):
    """A keyword by its first words; `phrase` is all of it, in the singular."""

    keyword: Any
    phrase: str


def _whole(found: list[Any], text: str) -> list[Any]:
    """Look whether all of a long phrase is there where its first words are."""
    if not any(entry.__class__ is _Long for entry in found):
        return found
    words = f" {' '.join(map(_singular, _bare(text)))} "
    there = (entry for entry in found if entry.__class__ is not _Long or entry.phrase in words)
    return [entry.keyword if entry.__class__ is _Long else entry for entry in there]


@lru_cache(10_000)
def _forms(phrase: str, mode: Mode) -> tuple[str, tuple[str, ...]]:
    """Return all of a phrase that is too long to be spelled out, else "", and what may be there of it.

    All partitions of a worker ask for the same phrases.
    """
    text = normalise(phrase)
    tokens = _bare(text) if mode == "word" else []
    rest = _anchored([*map(_singular, tokens)]) if len(tokens) > _SPELLED_OUT else ""
    return rest, tuple(_needles(text, mode))


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
