"""Rules, compiled once per definition: leaves with their memos, and the tree that joins them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from heapq import merge
from itertools import groupby, repeat
from operator import itemgetter

from processors.attributes import ContactLeaf
from processors.booking_leaf import BookingLeaf
from processors.group_leaf import GroupLeaf
from processors.leaf import Leaf, ManualLeaf, Memo, Turn, Zones
from processors.message_leaf import MessageLeaf
from processors.rating_leaf import RatingLeaf
from processors.windows import window_of
from schemas.rules import (
    AllRule,
    AnyRule,
    BookingRule,
    Composed,
    ContactRule,
    ManualRule,
    MessageRule,
    NoneRule,
    RatingRule,
    Rule,
    parse_rule,
)
from schemas.rules import Leaf as LeafRule

Truth = Callable[[Sequence[bool]], bool]

LOOK_AHEAD = 500
"""Turns of its leaves that are looked through for those of a rule; at the last of them it is looked at again."""

ANY_AGE = "P100Y"
"""Rules in force were checked against the retention when they came; a shorter one since must not stop a worker."""


class Compiled:
    """A rule ready to be asked: its leaves in order, and the truth of the whole from theirs.

    `joint`: it has several leaves, or names groups: one record may change more than one of these, and the whole is
    asked after all of them.
    """

    def __init__(self, leaves: tuple[Leaf, ...], truth: Truth) -> None:
        self.leaves = leaves
        self.truth = truth
        self.single = leaves[0] if truth is first else None
        self.kinds = frozenset(leaf.kind for leaf in leaves)
        self.fields = frozenset(leaf.field for leaf in leaves if isinstance(leaf, ContactLeaf))
        self.refs = tuple((at, leaf) for at, leaf in enumerate(leaves) if isinstance(leaf, GroupLeaf))
        self.booked = "booking" in self.kinds
        self.joint = len(leaves) > 1 or bool(self.refs)
        self.true_when_empty = self.true_at(self.empty(), 0)

    def empty(self) -> list[Memo]:
        """Return the memos of a contact without facts."""
        return [[]] if self.single is not None else [[] for _ in self.leaves]

    def true_at(self, memos: Sequence[Memo], t: int) -> bool:
        """Whether the rule is true at `t` (epoch ms)."""
        return self.truth([leaf.true_at(memo, t) for leaf, memo in zip(self.leaves, memos, strict=True)])

    def evaluate(self, memos: Sequence[Memo], t: int) -> tuple[bool, Iterator[Turn]]:
        """Return whether the rule is true at `t`, and the moments after it at which that changes by itself, in order.

        If there are very many the last one is where looking ahead has ended, and truth may be as before.
        """
        asked = [leaf.evaluate(memo, t) for leaf, memo in zip(self.leaves, memos, strict=True)]
        truths = [true for true, _ in asked]
        true = self.truth(truths)
        if self.single is not None:
            return true, _bounded(true, ((turn, then, 1) for turn, then in asked[0][1]))
        return true, _bounded(true, self._joined(truths, [turns for _, turns in asked]))

    def _joined(self, truths: list[bool], leaves: Sequence[Iterator[Turn]]) -> Iterator[tuple[int, bool, int]]:
        """Yield each moment at which leaves turn, the truth of the rule from then on, and how many of them do."""
        numbered = (map(_numbered, repeat(at), turns) for at, turns in enumerate(leaves))
        for moment, turning in groupby(merge(*numbered), key=itemgetter(0)):
            count = 0
            for _, at, then in turning:
                truths[at] = then
                count += 1
            yield moment, self.truth(truths), count

    def reason(self, memos: Sequence[Memo], t: int) -> str:
        """Return the kind of the first leaf that is true, which is what makes a contact join, else of the first."""
        pairs = zip(self.leaves, memos, strict=True)
        return next((leaf.kind for leaf, memo in pairs if leaf.true_at(memo, t)), self.leaves[0].kind)


def _numbered(at: int, turn: Turn) -> tuple[int, int, bool]:
    return turn[0], at, turn[1]


def _bounded(true: bool, turns: Iterable[tuple[int, bool, int]]) -> Iterator[Turn]:  # noqa: FBT001 - truth as it is
    """Yield the turns at which truth changes, and the one at which so many leaves have turned."""
    turned = 0
    for moment, then, count in turns:
        turned += count
        if then != true or turned >= LOOK_AHEAD:
            yield moment, then
        if turned >= LOOK_AHEAD:
            return
        true = then


def first(truths: Sequence[bool]) -> bool:
    """Return the truth of a rule that is one leaf."""
    return truths[0]


def rule_in_force(value: object) -> Rule:
    """Read the rule of a definition, which was checked when it came."""
    return parse_rule(value, retention=ANY_AGE)


def compile_rule(rule: Rule, zone: str, zones: Zones) -> Compiled:
    """Compile a rule for a tenant's time zone."""
    leaves: list[Leaf] = []
    truth = _node(rule, leaves, zone, zones)
    return Compiled(tuple(leaves), truth if isinstance(rule, Composed) else first)


def _node(rule: Rule, leaves: list[Leaf], zone: str, zones: Zones) -> Truth:
    if isinstance(rule, Composed):
        return _join(rule, leaves, zone, zones)
    at = len(leaves)
    leaves.append(_leaf(rule, zone, zones))
    return lambda truths: truths[at]


def _join(rule: Composed, leaves: list[Leaf], zone: str, zones: Zones) -> Truth:
    word = _WORDS[type(rule)]
    nodes = [_node(part, leaves, zone, zones) for part in rule.rules]
    if word == "all":
        return lambda truths: all(node(truths) for node in nodes)
    if word == "any":
        return lambda truths: any(node(truths) for node in nodes)
    return lambda truths: not any(node(truths) for node in nodes)


_WORDS: dict[type, str] = {AllRule: "all", AnyRule: "any", NoneRule: "none"}


def _leaf(rule: LeafRule, zone: str, zones: Zones) -> Leaf:
    match rule:
        case ManualRule():
            return ManualLeaf()
        case RatingRule():
            return RatingLeaf(rule, window_of(rule.within, zone))
        case MessageRule():
            return MessageLeaf(rule, window_of(rule.within, zone))
        case BookingRule():
            return BookingLeaf(rule, window_of(rule.within, zone), zones)
        case ContactRule():
            return ContactLeaf(rule, zone, zones)
        case _:
            return GroupLeaf(rule.group)
