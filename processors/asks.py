"""Commands of a tenant beyond some at once: they wait in rows, so that what lies behind them in the log need not.

10,000 commands in one log take seconds, and every guest of the partition would wait for them. So many are carried out
as they come, the others with the ticks, each tenant's in their order.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from schemas.activity import decode, encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from processors.desk import Desk

AT_ONCE = 200
"""Commands of one tenant that are carried out as they come, in a second, and of all those in a tick: 30 ms of work."""
SECOND = 1_000


class Asks:
    """One partition's commands that wait: by tenant the numbers of the first and of the next one."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._waiting: dict[bytes, list[int]] = {}
        self._lately: Counter[bytes] = Counter()
        self._since = 0
        for key, _ in desk.pending.store.scan(b"b"):
            number = int.from_bytes(key[-8:], "big")
            self._waiting.setdefault(key[1:-9], [number, 0])[1] = number + 1

    @property
    def under_way(self) -> bool:
        """Whether any wait."""
        return bool(self._waiting)

    def has_to_wait(self, key: bytes, activity: Any) -> bool:
        """Put a command of a tenant behind those that wait, or that were many; whether it has to."""
        if key not in self._waiting:
            if self._desk.now - self._since >= SECOND:
                self._since = self._desk.now
                self._lately.clear()
            self._lately[key] += 1
            if self._lately[key] <= AT_ONCE:
                return False
        numbers = self._waiting.setdefault(key, [0, 0])
        self._put(key, numbers[1], encode(activity))
        numbers[1] += 1
        return True

    def go_on(self, act: Callable[[bytes, Any], None]) -> None:
        """Carry out some of those that wait, of each tenant as many as of the others."""
        for key, numbers in [*self._waiting.items()]:
            for number in range(numbers[0], min(numbers[1], numbers[0] + max(1, AT_ONCE // len(self._waiting)))):
                raw = self._desk.pending.get(_row(key, number))
                self._put(key, number, None)
                numbers[0] = number + 1
                act(key, decode(raw or b""))
            if numbers[0] == numbers[1]:
                del self._waiting[key]

    def _put(self, key: bytes, number: int, value: bytes | None) -> None:
        self._desk.pending.put(_row(key, number), value)


def _row(key: bytes, number: int) -> bytes:
    return b"b%b/%b" % (key, number.to_bytes(8, "big"))
