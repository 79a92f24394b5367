"""What a row says at a moment, and how that goes on by itself: sources, the next change, the end.

Membership = pinned out or opted out of the group ? no : any added source or rule true. Adds and resets are kept by
(time, id), and consent by time, so their order of arrival does not matter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from processors.leaves import FOR_EVER
from processors.rows import BIT, PINNED_OUT, Pins, Row

if TYPE_CHECKING:
    from processors.rules import Compiled

LOOK_AHEAD = 500
"""Turns of a rule that are looked through for its end; beyond, the row is looked at again at the last of them."""

RULE = BIT["rule"]


class Outlook(Struct, frozen=True, gc=False):
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
        floor = floor_of(pins)
        for reason, add in pins.adds.items():
            if add.time >= floor and (not add.expires or t < add.expires):
                mask |= BIT[reason]
    return mask


def pinned_out(pins: Pins) -> bool:
    """Whether the contact opted out of the group, or a remove is the newest word (older adds are dropped)."""
    if pins.consent is None:
        return pins.reset == PINNED_OUT and not pins.adds
    floor, out = floor_of(pins), pins.consent.out
    if floor == FOR_EVER:
        return True
    removed = pins.reset == PINNED_OUT and (out is None or pins.reset_time >= out)
    return removed and all(add.time < floor for add in pins.adds.values())


def floor_of(pins: Pins) -> int:
    """Tell since when adds count (epoch ms): the end of the newest opt-out of the group, FOR_EVER while it lasts."""
    consent = pins.consent
    if consent is None or consent.out is None:
        return -FOR_EVER
    return FOR_EVER if consent.said.out else consent.ins[0]


def spells(rule: Compiled, row: Row, t: int, *, sticky: bool) -> list[list[int]]:
    """Return when a row says in, from `t` on, as far as no new fact changes it: see GroupLeaf."""
    inside, turn = bool(mask_at(rule, row, t)), t
    found = [[0, FOR_EVER]] if inside else []
    for _ in range(LOOK_AHEAD):
        turn = _next_turn(rule, row, turn)
        if not turn:
            return found
        mask = mask_at(rule, row, turn)
        if bool(mask) != inside:
            inside = not inside
            if inside:
                found.append([turn, FOR_EVER])
            else:
                found[-1][1] = turn
        if sticky and mask & RULE:
            return found
    return [*found, [turn, turn]]


def turned(rule: Compiled, row: Row, start: int, t: int) -> int:
    """Return the last moment of those from `start` to `t` at which a rule became true by the facts there are."""
    since, true, turn = start, rule.true_at(row.memos, start), start
    for _ in range(LOOK_AHEAD):
        turn = rule.next_after(row.memos, turn)
        if not turn or turn > t:
            break
        before, true = true, rule.true_at(row.memos, turn)
        if true and not before:
            since = turn
    return since


def _next_turn(rule: Compiled, row: Row, t: int) -> int:
    turns = [] if row.stuck else [rule.next_after(row.memos, t)]
    if row.pins is not None:
        turns += [add.expires for add in row.pins.adds.values() if add.expires > t]
    return min((turn for turn in turns if turn), default=0)
