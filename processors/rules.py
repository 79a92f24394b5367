"""Rules, compiled once per definition: leaves with their memos, and the tree that joins them."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from processors.leaves import BookingLeaf, Leaf, ManualLeaf, Memo, MessageLeaf, RatingLeaf, Zones
from processors.windows import Window, parse_duration
from schemas.rules import (
    AllRule,
    AnyRule,
    BookingRule,
    ManualRule,
    MessageRule,
    NoneRule,
    RatingRule,
    Rule,
)

Truth = Callable[[Sequence[bool]], bool]


class UnsupportedError(ValueError):
    """A rule of the contract that this version does not evaluate yet; `path` names the node."""

    def __init__(self, path: str) -> None:
        super().__init__(path)
        self.path = path


class Compiled:
    """A rule ready to be asked: its leaves in order, and the truth of the whole from theirs."""

    def __init__(self, leaves: tuple[Leaf, ...], truth: Truth) -> None:
        self.leaves = leaves
        self.truth = truth
        self.single = leaves[0] if len(leaves) == 1 and truth is first else None
        self.true_when_empty = self.true_at(self.empty(), 0)

    def empty(self) -> list[Memo]:
        """Return the memos of a contact without facts."""
        return [[] for _ in self.leaves]

    def true_at(self, memos: Sequence[Memo], t: int) -> bool:
        """Whether the rule is true at `t` (epoch ms)."""
        if self.single is not None:
            return self.single.true_at(memos[0], t)
        return self.truth([leaf.true_at(memo, t) for leaf, memo in zip(self.leaves, memos, strict=True)])

    def next_after(self, memos: Sequence[Memo], t: int) -> int:
        """The next moment after `t` at which any leaf may change by itself, or 0."""
        turns = [leaf.next_after(memo, t) for leaf, memo in zip(self.leaves, memos, strict=True)]
        return min((turn for turn in turns if turn), default=0)

    def reason(self, memos: Sequence[Memo], t: int) -> str:
        """Return the kind of the first leaf that is true, which is what made a contact join."""
        for leaf, memo in zip(self.leaves, memos, strict=True):
            if leaf.true_at(memo, t):
                return leaf.kind
        return "time"


def first(truths: Sequence[bool]) -> bool:
    """Return the truth of a rule that is one leaf."""
    return truths[0]


def compile_rule(rule: Rule, zone: str, zones: Zones) -> Compiled:
    """Compile a rule for a tenant's time zone; raises UnsupportedError."""
    leaves: list[Leaf] = []
    truth = _node(rule, "rule", leaves, zone, zones)
    return Compiled(tuple(leaves), first if len(leaves) == 1 and _is_leaf(rule) else truth)


def _is_leaf(rule: Rule) -> bool:
    return not isinstance(rule, AllRule | AnyRule | NoneRule)


def _node(rule: Rule, path: str, leaves: list[Leaf], zone: str, zones: Zones) -> Truth:
    if isinstance(rule, AllRule | AnyRule | NoneRule):
        return _join(rule, path, leaves, zone, zones)
    leaf = _leaf(rule, path, zone, zones)
    leaves.append(leaf)
    at = len(leaves) - 1
    return lambda truths: truths[at]


def _join(rule: AllRule | AnyRule | NoneRule, path: str, leaves: list[Leaf], zone: str, zones: Zones) -> Truth:
    word, parts = parts_of(rule)
    nodes = [_node(part, f"{path}.{word}[{i}]", leaves, zone, zones) for i, part in enumerate(parts)]
    if word == "all":
        return lambda truths: all(node(truths) for node in nodes)
    if word == "any":
        return lambda truths: any(node(truths) for node in nodes)
    return lambda truths: not any(node(truths) for node in nodes)


def parts_of(rule: AllRule | AnyRule | NoneRule) -> tuple[str, Sequence[Rule]]:
    """Return the word of a composition and its parts."""
    if isinstance(rule, AllRule):
        return "all", rule.rules
    return ("any" if isinstance(rule, AnyRule) else "none"), rule.rules


def _leaf(rule: Rule, path: str, zone: str, zones: Zones) -> Leaf:
    match rule:
        case ManualRule():
            return ManualLeaf()
        case RatingRule():
            return RatingLeaf(rule, window_of(rule.within, zone))
        case MessageRule():
            return MessageLeaf(rule, window_of(rule.within, zone))
        case BookingRule():
            return BookingLeaf(rule, window_of(rule.within, zone), zones)
        case _:
            raise UnsupportedError(path)


def window_of(within: str | None, zone: str) -> Window | None:
    """Return the window of a rule, or None for ever."""
    return Window(parse_duration(within), zone) if within else None
