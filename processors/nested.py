"""Groups of groups: a row whose rule names other groups waits until those are settled, then is settled itself.

All of a contact's memberships lie in its own partition, so this happens in the same record, level by level: first the
groups that name none, then those that name only these, and so on; within a level by id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from processors.membership import evaluated, row_of, settle_now
from processors.outlook import spells

if TYPE_CHECKING:
    from processors.definitions import Definition
    from processors.group_leaf import GroupLeaf
    from processors.leaf import Memo
    from processors.membership import Who


def settle_waiting(at: Who, t: int) -> None:
    """Settle all rows that wait at `t`, and those that wait for them."""
    waiting = at.desk.waiting
    while waiting:
        level = min(one.definition.level for one in waiting.values())
        for name in sorted(name for name, one in waiting.items() if one.definition.level == level):
            one = waiting.pop(name)
            definition = one.definition
            refs = () if definition.deleting else definition.rule.refs
            memos = {index: group_memo(at, definition, leaf, t) for index, leaf in refs}
            if name in at.head.rows or definition.rule.true_when_empty or any(memos.values()):
                row = row_of(at, definition)
                for index, memo in memos.items():
                    row.memos[index] = memo
                settle_now(at, definition, row, t, one.why)


def group_memo(at: Who, definition: Definition, leaf: GroupLeaf, t: int) -> Memo:
    """Return the memo of a leaf that names another group: when the contact is in that one, from `t` on."""
    inner, row = definition.groups.get(leaf.group), at.head.rows.get(leaf.group)
    if inner is None or row is None:
        return []
    return spells(inner.rule, evaluated(at, inner.rule, row), t, sticky=inner.group.sticky)
