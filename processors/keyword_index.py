"""What the groups in force read, so that whatever happens to a contact asks those groups alone which it concerns."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import defaultdict
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from msgspec import Struct

from processors.words import Matcher

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from processors.definition import Definition
    from processors.message_leaf import MessageLeaf

_ID = attrgetter("id")


class Word(Struct, frozen=True, eq=False):
    """A keyword of a leaf of a group; `against` if it is of `none_of`. As a hit: what a text matched.

    `place`, the group's id and which of its keywords this is, puts hits in an order that is the same everywhere.
    """

    definition: Definition
    at: int
    leaf: MessageLeaf
    phrase: str
    against: bool
    place: tuple[str, int]


class Index:
    """The groups in force by what they read, each list in the order of the groups' ids.

    A definition costs what it brings along, however many there are.
    """

    def __init__(self) -> None:
        self.true_when_empty: list[Definition] = []
        self.of_field: dict[str, list[Definition]] = defaultdict(list)
        self.of_kind: dict[str, list[Definition]] = defaultdict(list)
        self._matcher: Matcher[Any] = Matcher(order=attrgetter("place"))
        self._words: dict[str, list[Word]] = {}
        self.match, self.match_all = self._matcher.match, self._matcher.match_all

    def put(self, definition: Definition) -> None:
        """Take a definition in."""
        for some in self._lists(definition):
            insort(some, definition, key=_ID)
        words = self._words[definition.id] = [
            Word(definition, one.at, one.leaf, one.phrase, one.against, (definition.id, nth))
            for nth, one in enumerate(definition.phrases)
        ]
        for word, one in zip(words, definition.phrases, strict=True):
            self._matcher.add(word, one.phrase, one.mode)

    def remove(self, definition: Definition) -> None:
        """Take out a definition as it was put in."""
        for some in self._lists(definition):
            del some[bisect_left(some, definition.id, key=_ID)]
        for word, one in zip(self._words.pop(definition.id), definition.phrases, strict=True):
            self._matcher.remove(word, one.phrase, one.mode)

    def _lists(self, definition: Definition) -> Iterator[list[Definition]]:
        rule = definition.rule
        if rule.true_when_empty and not rule.fields:
            yield self.true_when_empty
        yield from (self.of_field[name] for name in rule.fields)
        yield from (self.of_kind[kind] for kind in rule.kinds)

    def admitted(self, words: Sequence[Word], channel: str) -> Sequence[Word]:
        """Return each leaf's first of the found keywords, in their order, that the channel lets and nothing bars."""
        if len(words) == 1:
            return words if not words[0].against and words[0].leaf.admits(channel) else []
        barred = {word.leaf for word in words if word.against}
        firsts = {word.leaf: word for word in reversed(words) if word.leaf not in barred}
        return [word for word in reversed(firsts.values()) if word.leaf.admits(channel)]
