"""What counts at any moment, of things that count from one moment until another: how many, and how much of each sum.

A turn is a moment at which the sums change, by what begins to count less what ends. Turns lie in their order in blocks,
and of each block is known by how much it changes a sum, and between which values the sum moves within it. So one more
thing costs two places in the order; and when the sums are next enough, or no more, is found without a look at every
turn. Sums are whole numbers.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import accumulate, compress, count, islice
from operator import add, itemgetter

from processors.leaf import FOR_EVER, Turn

BLOCK = 64
"""Turns of a block; one with twice as many is split."""

Span = tuple[int, int, Sequence[int]]
"""From when until when something counts (epoch ms; FOR_EVER, and -FOR_EVER), and how much for each sum."""

Place = tuple[int, int]
"""The number of a block, and of a turn in it."""


class Timeline:
    """The sums that spans make; each has what it `needs` to be enough."""

    def __init__(self, needs: Sequence[int], spans: Iterable[Span] = ()) -> None:
        changes: dict[int, list[int]] = {-FOR_EVER: [0] * len(needs), FOR_EVER: [0] * len(needs)}
        for start, end, amounts in spans:
            if start < end:
                began, ended = (changes.setdefault(moment, [0] * len(needs)) for moment in (start, end))
                for nth, amount in enumerate(amounts):
                    began[nth] += amount
                    ended[nth] -= amount
        always, _ = changes.pop(-FOR_EVER), changes.pop(FOR_EVER)
        moments = sorted(changes)
        self._blocks = [moments[at : at + BLOCK] for at in range(0, len(moments), BLOCK)] or [[]]
        columns = [[[changes[moment][nth] for moment in block] for block in self._blocks] for nth in range(len(needs))]
        self._sums = [Sum(*one) for one in zip(needs, always, columns, strict=True)]

    def put(self, span: Span) -> None:
        """Have one more thing count."""
        self._count(span, 1)

    def take(self, span: Span) -> None:
        """Have a thing count no more."""
        self._count(span, -1)

    def lacking(self, t: int) -> list[int]:
        """Return how much each sum lacks at `t` to be enough; nothing, or less, if it is."""
        place = self._after(t)
        return [one.need - one.before(place) for one in self._sums]

    def end(self) -> int:
        """Return when the sums cease to be enough, where they only fall; 0 if they never are."""
        if not self._is_enough((0, 0)):
            return 0
        return next((moment for moment, _ in self.turns(-FOR_EVER)), FOR_EVER)

    def turns(self, t: int) -> Iterator[Turn]:
        """Yield, after `t`, the moments at which the sums become enough or are no longer.

        Of several sums that take turns at not being enough, moments at which that changes come too.
        """
        place = self._after(t)
        true = self._is_enough(place)
        while (found := self._next(place, enough=not true)) is not None:
            place = found[0], found[1] + 1
            true = self._is_enough(place)
            yield self._blocks[found[0]][found[1]], true

    def _is_enough(self, place: Place) -> bool:
        return all(one.before(place) >= one.need for one in self._sums)

    def _next(self, place: Place, *, enough: bool) -> Place | None:
        """Find the turn, from a place on, that makes a sum too small, or one before which not all can be enough."""
        if not enough:
            return min(filter(None, (one.first(place, enough=False) for one in self._sums)), default=None)
        found: Place | None = place
        for one in self._sums:
            found = found and one.first(found, enough=True)
        return found

    def _after(self, t: int) -> Place:
        """Return the place of the first turn after a moment."""
        block = self._block_of(t)
        return block, bisect_right(self._blocks[block], t)

    def _block_of(self, moment: int) -> int:
        """Return the block in which a moment has its place; only a single one may be empty."""
        blocks = self._blocks
        return max(0, bisect_right(blocks, moment, key=itemgetter(0)) - 1) if len(blocks) > 1 else 0

    def _count(self, span: Span, sign: int) -> None:
        start, end, amounts = span
        if start < end:
            self._turn(start, [sign * amount for amount in amounts])
            self._turn(end, [-sign * amount for amount in amounts])

    def _turn(self, moment: int, amounts: Sequence[int]) -> None:
        """Change the sums from a moment on."""
        if moment == -FOR_EVER:
            for one, amount in zip(self._sums, amounts, strict=True):
                one.always += amount
        elif moment < FOR_EVER:
            block = self._block_of(moment)
            at = bisect_left(self._blocks[block], moment)
            if self._blocks[block][at : at + 1] != [moment]:
                self._blocks[block].insert(at, moment)
                for one in self._sums:
                    one.deltas[block].insert(at, 0)
            for one, amount in zip(self._sums, amounts, strict=True):
                one.deltas[block][at] += amount
            self._tidy(block, at)

    def _tidy(self, block: int, at: int) -> None:
        """Drop a turn at which nothing changes any more, split a block that is too long, drop an empty one."""
        moments = self._blocks[block]
        if not any(one.deltas[block][at] for one in self._sums):
            for column in (moments, *(one.deltas[block] for one in self._sums)):
                del column[at]
        if len(moments) > 2 * BLOCK:
            self._blocks[block : block + 1] = [moments[:BLOCK], moments[BLOCK:]]
            for one in self._sums:
                one.split(block)
        elif moments or len(self._blocks) == 1:
            for one in self._sums:
                one.measure(block)
        else:
            del self._blocks[block]
            for one in self._sums:
                one.drop(block)


class Sum:
    """One sum: what always counts, by how much each turn changes that, and what it needs to be enough."""

    def __init__(self, need: int, always: int, deltas: list[list[int]]) -> None:
        self.need = need
        self.always = always
        self.deltas = deltas
        self._totals, self._lows, self._highs = ([0] * len(deltas) for _ in range(3))
        for block in range(len(deltas)):
            self.measure(block)

    def before(self, place: Place) -> int:
        """Return the sum before the turn at a place."""
        block, at = place
        return self.always + sum(self._totals[:block]) + sum(self.deltas[block][:at])

    def first(self, place: Place, *, enough: bool) -> Place | None:
        """Find the first turn, from a place on, after which the sum is enough, or is not."""
        (block, at), value = place, self.before(place)
        reached = self.need.__le__ if enough else self.need.__gt__
        within = _first(reached, _course(value, self.deltas[block][at:]))
        if within is not None:
            return block, at + within
        later, value = block + 1, value + sum(self.deltas[block][at:])
        extremes = (self._highs if enough else self._lows)[later:]
        nth = _first(reached, map(add, accumulate(self._totals[later:], initial=value), extremes))
        if nth is None:
            return None
        value += sum(self._totals[later : later + nth])
        return later + nth, _first(reached, _course(value, self.deltas[later + nth])) or 0

    def measure(self, block: int) -> None:
        """Take in what has changed in a block."""
        course = [*accumulate(self.deltas[block])] or [0]
        self._totals[block], self._lows[block], self._highs[block] = course[-1], min(course), max(course)

    def split(self, block: int) -> None:
        """Make two blocks of one."""
        self.deltas[block : block + 1] = [self.deltas[block][:BLOCK], self.deltas[block][BLOCK:]]
        for column in (self._totals, self._lows, self._highs):
            column.insert(block, 0)
        self.measure(block)
        self.measure(block + 1)

    def drop(self, block: int) -> None:
        """Forget an empty block."""
        for column in (self.deltas, self._totals, self._lows, self._highs):
            del column[block]


def _course(value: int, deltas: Iterable[int]) -> Iterator[int]:
    """Return a sum after each turn of some that follow each other; before them it has a value."""
    return islice(accumulate(deltas, initial=value), 1, None)


def _first(test: Callable[[int], bool], values: Iterable[int]) -> int | None:
    """Return the place of the first value that passes; all in C, which takes a twentieth of the time of a loop."""
    return next(compress(count(), map(test, values)), None)
