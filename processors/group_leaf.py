"""Member of another group: the leaf that follows a membership of the same contact."""

from __future__ import annotations

from collections.abc import Iterator

from processors.leaf import FOR_EVER, Memo, Turn


class GroupLeaf:
    """Member of another group; the memo holds the spells of that membership, [from, until] each, as far as known.

    A spell without length is no membership, but a moment at which to look again.
    """

    kind = "group"
    fades = False

    def __init__(self, group: str) -> None:
        self.group = group

    def end(self, memo: Memo) -> int:
        """See Leaf."""
        return max((until for _, until in memo), default=0)

    def true_at(self, memo: Memo, t: int) -> bool:
        """See Leaf."""
        return any(start <= t < until for start, until in memo)

    def evaluate(self, memo: Memo, t: int) -> tuple[bool, Iterator[Turn]]:
        """See Leaf."""
        return self.true_at(memo, t), self._turns(memo, t)

    def _turns(self, memo: Memo, t: int) -> Iterator[Turn]:
        for start, until in memo:
            if t < start < FOR_EVER:
                yield start, start < until or self.true_at(memo, start)
            if start < until and t < until < FOR_EVER:
                yield until, False
