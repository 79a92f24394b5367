"""Many short texts looked for in longer ones. Each is put in and taken out at its own cost; nothing is built anew.

A needle is kept under the way it begins, together with the lengths of all needles that begin so. A text costs one look
at each of its words, and where a needle begins one look for each of those lengths: 1.5 µs for 15 words, among 100
needles or 100,000. A set of needles that is small and stays the same gets an automaton, which takes a third of that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ahocorasick_rs import AhoCorasick, Implementation

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

BETWEEN = " \n\n "
"""Ends a text and begins the next: no needle goes on beyond an end of line."""
QUIET, SMALL = 2_000, 2_000
"""Texts that are read without a change before needles get an automaton, and the most needles for one: 10 ms, 2 MB."""

Lengths = int | dict[int, int]
"""The length of the one needle that begins so; of several, how many there are of each length."""


class Needles:
    """Needles by what they are, each with the entries that it stands for.

    A needle is " word word ". It has no first space if it may begin within a word, no last one if it may end within a
    word, and an end of line before or behind it if nothing else may stand there.
    """

    def __init__(self) -> None:
        self._entries: dict[str, Any] = {}
        self._by_word: dict[str, Lengths] = {}
        self._by_start: dict[str, Lengths] = {}
        self._by_line: dict[str, Lengths] = {}
        self._by_run: dict[str, Lengths] = {}
        self._table: Callable[[Sequence[str]], list[list[Any]]] | None = None
        self._quiet = 0

    def add(self, needle: str, entry: Any) -> None:
        """Have an entry found where its needle is."""
        self._table, self._quiet = None, 0
        known = self._entries.get(needle)
        if known is None:
            self._entries[needle] = entry
            _count(*self._head(needle), len(needle))
        elif known.__class__ is dict:
            known[entry] = None
        else:
            self._entries[needle] = {known: None, entry: None}

    def remove(self, needle: str, entry: Any) -> None:
        """Have an entry, which was added, found no more."""
        self._table, self._quiet = None, 0
        known = self._entries[needle]
        if known.__class__ is dict and len(known) > 1:
            del known[entry]
        else:
            del self._entries[needle]
            _discount(*self._head(needle), len(needle))

    def _head(self, needle: str) -> tuple[dict[str, Lengths], str]:
        """Return where the lengths of a needle's like are kept."""
        if needle[0] not in "\n ":
            return self._by_run, needle[:2]
        line, _, rest = needle.partition(" ")
        word, whole, _ = rest.partition(" ")
        if line:
            return self._by_line, word[:2]
        return (self._by_word, word) if whole else (self._by_start, word[:2])

    def find(self, texts: Sequence[str]) -> list[list[Any]]:
        """Return for each text, words with single spaces, the entries of all needles in it, as often as they are."""
        if self._table is None:
            self._quiet += len(texts)
            if self._quiet < QUIET or len(self._entries) > SMALL:
                return [self._find(text) for text in texts]
            self._table = table({needle: _listed(known) for needle, known in self._entries.items()})
        return self._table(texts)

    def _find(self, text: str) -> list[Any]:
        words = text.split()
        found: list[Any] = []
        if not self._by_word.keys().isdisjoint(words):
            self._look_at_words(f" {text} \n", words, self._by_word, None, found)
        if self._by_start:
            self._look_at_words(f" {text} \n", words, self._by_start, 2, found)
        if self._by_line and words:
            padded = f"\n {text} \n"
            for head in {words[0][:1], words[0][:2]}:
                self._look(padded, 0, self._by_line.get(head), found)
        if self._by_run and not text.isascii():
            self._look_everywhere(f"{text} \n", found)
        return found

    def _look_at_words(
        self, padded: str, words: Sequence[str], heads: dict[str, Lengths], letters: int | None, found: list[Any]
    ) -> None:
        """Look where words begin, by so many of their letters, or by all of them."""
        at = 0
        for word in words:
            self._look(padded, at, heads.get(word[:letters]), found)
            if letters and len(word) > 1:
                self._look(padded, at, heads.get(word[:1]), found)
            at += len(word) + 1

    def _look_everywhere(self, padded: str, found: list[Any]) -> None:
        heads = self._by_run
        for at in range(len(padded) - 2):
            self._look(padded, at, heads.get(padded[at : at + 2]), found)
            self._look(padded, at, heads.get(padded[at]), found)

    def _look(self, padded: str, at: int, lengths: Lengths | None, found: list[Any]) -> None:
        if lengths is None:
            return
        for length in (lengths,) if lengths.__class__ is int else lengths:  # type: ignore[union-attr]
            known = self._entries.get(padded[at : at + length])
            if known is not None:
                found += _listed(known)


def _listed(known: Any) -> Collection[Any]:
    """Return the entries of a needle: what is kept is the one, or a dict of several."""
    return known if known.__class__ is dict else (known,)


def _count(heads: dict[str, Lengths], head: str, length: int) -> None:
    """Note one more needle of a length."""
    known = heads.get(head)
    if known is None:
        heads[head] = length
        return
    if isinstance(known, int):
        known = heads[head] = {known: 1}
    known[length] = known.get(length, 0) + 1


def _discount(heads: dict[str, Lengths], head: str, length: int) -> None:
    """Note one needle of a length less."""
    known = heads[head]
    if not isinstance(known, int):
        known[length] -= 1
        if not known[length]:
            del known[length]
    if isinstance(known, int) or not known:
        del heads[head]


def table(needles: Mapping[str, Collection[Any]]) -> Callable[[Sequence[str]], list[list[Any]]]:
    """Return what finds needles, wherever and however they overlap, in all texts at once, by an automaton.

    A pass for each text would cost three times the look. To build it takes 5 µs a needle.
    """
    entries, next_text = [*needles.values()], len(needles)
    automaton = AhoCorasick([*needles, "\n\n"], store_patterns=False, implementation=Implementation.DFA)

    def find(texts: Sequence[str]) -> list[list[Any]]:
        found: list[list[Any]] = [[]]
        joined = f"\n {BETWEEN.join(texts)} \n"
        for at, _, _ in automaton.find_matches_as_indexes(joined, overlapping=True):  # in the order of their ends
            if at == next_text:
                found.append([])
            else:
                found[-1] += entries[at]
        return found

    return find
