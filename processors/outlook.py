"""What a row says at a moment, and how that goes on by itself: sources, the next change, the end.

Membership = pinned out or opted out of the group ? no : any added source or rule true. Adds and resets are kept by
(time, id), and consent by time, so their order of arrival does not matter.
"""

from __future__ import annotations

from heapq import merge
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

from msgspec import Struct

from processors.leaf import FOR_EVER
from processors.rows import BIT, PINNED_OUT, Pins, Row

if TYPE_CHECKING:
    from collections.abc import Iterator

    from processors.leaf import Turn
    from processors.rules import Compiled

SPELLS = 64
"""Spells of a membership that are told to the groups that name it; the row of such a group is as long."""

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
    (now, turns), due = _foreseen(rule, row, t), 0
    for turn, mask in turns:
        due = due or turn
        if not (now and mask):
            return Outlook(now, due, turn if now else 0)
    return Outlook(now, due, 0)


def _foreseen(rule: Compiled, row: Row, t: int) -> tuple[int, Iterator[tuple[int, int]]]:
    """Return the sources at `t`, and when they change after it, each moment with the sources from then on.

    Where the rule has more turns than are looked through, the last moment is that, and sources may be as before.
    """
    true, turns = (True, iter(())) if row.stuck else rule.evaluate(row.memos, t)
    mask = _mask(row.pins, t, true=true)
    if row.pins is None:
        return mask, ((turn, RULE if then else 0) for turn, then in turns)
    return mask, _with_pins(row.pins, turns, t, true=true)


def _with_pins(pins: Pins, turns: Iterator[Turn], t: int, *, true: bool) -> Iterator[tuple[int, int]]:
    """Yield when the sources change by the rule's turns and by the ends of adds."""
    mask = _mask(pins, t, true=true)
    ends = ((end, None) for end in sorted({add.expires for add in pins.adds.values() if add.expires > t}))
    for turn, told in groupby(merge(turns, ends, key=itemgetter(0)), key=itemgetter(0)):
        said = [then for _, then in told if then is not None]
        over = true in said
        true = said[0] if said else true
        before, mask = mask, _mask(pins, turn, true=true)
        if mask != before or over:
            yield turn, mask
        if over:
            return


def mask_at(rule: Compiled, row: Row, t: int) -> int:
    """Return the sources that hold at `t`, as a mask."""
    return _mask(row.pins, t, true=row.stuck or rule.true_at(row.memos, t))


def _mask(pins: Pins | None, t: int, *, true: bool) -> int:
    """Return the sources that hold at `t` of a row whose rule is true, or not."""
    if pins is None:
        return RULE if true else 0
    if pinned_out(pins):
        return 0
    mask, floor = RULE if true else 0, floor_of(pins)
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
    mask, turns = _foreseen(rule, row, t)
    found = [[0, FOR_EVER]] if mask else []
    for turn, then in turns:
        if then == mask or (then and not mask and len(found) == SPELLS):
            return [*found, [turn, turn]]
        if then and not mask:
            found.append([turn, FOR_EVER])
        elif mask and not then:
            found[-1][1] = turn
        if sticky and then & RULE:
            return found
        mask = then
    return found


def turned(rule: Compiled, row: Row, start: int, t: int) -> int:
    """Return the last moment of those from `start` to `t` at which a rule became true by the facts there are."""
    since, (true, turns) = start, rule.evaluate(row.memos, start)
    for turn, then in turns:
        if turn > t:
            break
        if then and not true:
            since = turn
        true = then
    return since
