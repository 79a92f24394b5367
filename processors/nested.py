"""Groups of groups: a row whose rule names other groups waits until those are settled, then is settled itself.

All of a contact's memberships lie in its own partition, so this happens in the same record, level by level: first the
groups that name none, then those that name only these, and so on; within a level by id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from processors.leaf import FOR_EVER
from processors.membership import evaluated, row_of, settle_now
from processors.outlook import spells

if TYPE_CHECKING:
    from processors.definitions import Definition
    from processors.group_leaf import GroupLeaf
    from processors.leaf import Memo
    from processors.membership import Who, Why


def settle_waiting(at: Who, t: int) -> bool:
    """Settle the rows that wait at `t`, and those that wait for them, as far as the slice goes; whether that is all.

    Who has a newer rule by now is answered with the contact's next record.
    """
    desk, waiting = at.desk, at.desk.waiting
    while waiting:
        level = min(one.definition.level for one in waiting.values())
        for name in sorted(name for name, one in waiting.items() if one.definition.level == level):
            if desk.spent >= desk.until:
                return False
            one = waiting.pop(name)
            if one.definition.ruled <= at.head.version:
                settle_at(at, one.definition, t, one.why)
    return True


def settle_at(at: Who, definition: Definition, t: int, why: Why) -> None:
    """Settle a row by the groups that its rule names, as they are."""
    refs = () if definition.deleting else definition.rule.refs
    memos = {index: group_memo(at, definition, leaf, t) for index, leaf in refs}
    if definition.id in at.head.rows or definition.rule.true_when_empty or any(memos.values()):
        row = row_of(at, definition)
        for index, memo in memos.items():
            row.memos[index] = memo
        settle_now(at, definition, row, t, why)


def group_memo(at: Who, definition: Definition, leaf: GroupLeaf, t: int) -> Memo:
    """Return the memo of a leaf that names another group: when the contact is in that one, from `t` on."""
    inner, row = definition.groups.get(leaf.group), at.head.rows.get(leaf.group)
    if inner is None or row is None:
        return []
    if inner.ruled > at.head.version:  # what the row remembers is another rule's
        return [[0, FOR_EVER]] if row.seq & 1 else []
    return spells(inner.rule, evaluated(at, inner.rule, row), t, sticky=inner.group.sticky)
