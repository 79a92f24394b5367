"""What a row says at a moment, and how that goes on by itself: sources, the next change, the end.

Membership = pinned out ? no : any added source or rule true. Adds and resets are kept by (time, id), so their order of
arrival does not matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from processors.leaves import FOR_EVER
from processors.rows import BIT, PINNED_OUT, Pins, Row

if TYPE_CHECKING:
    from processors.rules import Compiled

LOOK_AHEAD = 500
"""Turns of a rule that are looked through for its end; beyond, the row is looked at again at the last of them."""

RULE = BIT["rule"]


class Outlook(NamedTuple):
    """Sources now (a mask), when they next change, when the membership ends; 0 is never."""

    mask: int
    due: int
    expires: int


NOTHING = Outlook(0, 0, 0)
BY_RULE = Outlook(RULE, 0, 0)


def look(rule: Compiled, row: Row, t: int) -> Outlook:
    """Return what a row says at `t` (epoch ms) and how it goes on without new facts."""
    leaf = rule.single
    if row.pins is None and leaf is not None and leaf.fades and not row.stuck:
        end = leaf.end(row.memos[0])
        if end <= t:
            return NOTHING
        return Outlook(RULE, end, end) if end < FOR_EVER else BY_RULE
    return _step_through(rule, row, t)


def _step_through(rule: Compiled, row: Row, t: int) -> Outlook:
    now, due, turn = mask_at(rule, row, t), 0, t
    for _ in range(LOOK_AHEAD):
        following = _next_turn(rule, row, turn)
        if not following:
            return Outlook(now, due, 0)
        turn = following
        then = mask_at(rule, row, turn)
        if then != now and not due:
            due = turn
        if due and not (now and then):
            return Outlook(now, due, turn if now else 0)
    return Outlook(now, due or turn, 0)


def mask_at(rule: Compiled, row: Row, t: int) -> int:
    """Return the sources that hold at `t`, as a mask."""
    pins = row.pins
    if pins is not None and pinned_out(pins):
        return 0
    mask = RULE if row.stuck or rule.true_at(row.memos, t) else 0
    if pins is not None:
        for reason, add in pins.adds.items():
            if not add.expires or t < add.expires:
                mask |= BIT[reason]
    return mask


def pinned_out(pins: Pins) -> bool:
    """Whether a remove is the newest word: no add came after it (older adds are dropped)."""
    return pins.reset == PINNED_OUT and not pins.adds


def _next_turn(rule: Compiled, row: Row, t: int) -> int:
    turns = [] if row.stuck else [rule.next_after(row.memos, t)]
    if row.pins is not None:
        turns += [add.expires for add in row.pins.adds.values() if add.expires > t]
    return min((turn for turn in turns if turn), default=0)
