"""Messages that say certain words: so many of them within a window."""

from __future__ import annotations

from bisect import insort
from collections.abc import Iterable

from processors.identity import channel_of
from processors.leaf import FOR_EVER, Fading, Memo
from processors.windows import Window
from schemas.rules import MessageRule

SPARE = 32
"""Times that a memo keeps beyond those that are needed once messages were taken back."""


class MessageLeaf(Fading):
    """At least `min_count` messages in the window; the memo holds the times of the `min_count` that last longest.

    Of those that count for ever it holds the oldest: newer ones can be read again, beyond the retention only it tells.

    If one of them is taken back and there may be others, all of the contact's messages must be read again. The memo
    then keeps some to spare, and ends with None where there are no others: so that is rare, whatever somebody takes
    back again and again.
    """

    kind = "message"

    def __init__(self, rule: MessageRule, window: Window | None) -> None:
        self.window = window
        self.count = rule.min_count
        self.channels = frozenset(map(channel_of, rule.channels))

    def admits(self, channel: str) -> bool:
        """Whether the rule's filter lets a message of this channel count."""
        return not self.channels or channel_of(channel) in self.channels

    def add(self, memo: Memo, time: int) -> Memo:
        """Return the memo with one more matching message; the same one when the message ends too early to matter."""
        if not memo:
            return [time]
        if len(memo) != self.count or memo[-1] is None:
            return self._insert(memo, time)
        if self._rank(time) >= self._rank(memo[-1]):
            return memo
        return [time] if self.count == 1 else self._insert(memo, time)[: self.count]

    def _insert(self, memo: Memo, time: int) -> Memo:
        times, most = times_in(memo), self.count + SPARE
        others = len(times) == len(memo) >= self.count
        if others and self._rank(time) > self._rank(times[-1]):
            return memo  # it may not be the next
        insort(times, time, key=self._rank)
        if len(times) > most:
            return times[:most]
        return times if len(times) > len(memo) else [*times, None]

    def take(self, memo: Memo, time: int) -> Memo | None:
        """Return the memo without a message, None where only all the others can tell which one takes its place."""
        if time not in memo:
            return memo
        left = list(memo)
        left.remove(time)
        others = memo[-1] is not None and len(memo) >= self.count
        return None if others and len(left) < self.count else left

    def memo(self, times: Iterable[int]) -> Memo:
        """Build the memo from the times of all the matching messages."""
        return sorted(times, key=self._rank)[: self.count]

    def lasting(self, times: Iterable[int]) -> list[int]:
        """Return those of the times that any memo may need, and one by which it is known whether there are others."""
        return sorted(times, key=self._rank)[: self.count + SPARE + 1]

    def spare(self, times: Iterable[int]) -> Memo:
        """Build the memo with some to spare."""
        found, most = sorted(times, key=self._rank), self.count + SPARE
        return found[:most] if len(found) > most else [*found, None]

    def since(self, memo: Memo) -> int:
        """Return the time of the newest message of those that decide."""
        return int(memo[0]) if self.count == 1 else max(times_in(memo)[: self.count])

    def forgotten(self, memo: Memo, before: int) -> list[int]:
        """Return what must be kept of messages so old that their facts are gone: only a rule for ever counts them."""
        return [time for time in times_in(memo) if time < before] if self.window is None else []

    def end(self, memo: Memo) -> int:
        """See Leaf: the deadline of the last that is needed."""
        last = memo[self.count - 1] if len(memo) >= self.count else None
        if last is None:
            return 0
        return FOR_EVER if self.window is None else self.window.deadline(last)

    def _rank(self, time: int) -> tuple[int, int]:
        """Return what times are ordered by: those that last longest first."""
        return (-FOR_EVER, time) if self.window is None else (-self.window.deadline(time), -time)


def times_in(memo: Memo) -> list[int]:
    """Return the times of a memo."""
    return [time for time in memo if time is not None]
