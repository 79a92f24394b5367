"""Which groups name which in their rules, and on which level each stands: those that it names stand on lower ones."""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from processors.definition import Definition


class References:
    """The references among one tenant's groups; a change costs what it touches. `groups` are those that are there."""

    def __init__(self, groups: dict[str, Definition]) -> None:
        self._groups = groups
        self._named_by: dict[str, dict[str, Definition]] = {}

    def add(self, definition: Definition) -> None:
        """Take the references of a group that is new, or has another rule."""
        naming = self._named_by.get(definition.id, {})
        definition.outer = {one.id: one for one in naming.values() if not one.deleting}
        for name in definition.inner:
            self._named_by.setdefault(name, {})[definition.id] = definition
            if name in self._groups and not definition.deleting:
                self._groups[name].outer[definition.id] = definition
        self._place(definition)

    def retire(self, definition: Definition) -> None:
        """Have a group that is being deleted settled no more with those that it names."""
        for name in definition.inner:
            if name in self._groups:
                self._groups[name].outer.pop(definition.id, None)

    def remove(self, definition: Definition) -> None:
        """Forget the references of a group that is gone, or will have another rule."""
        self.retire(definition)
        for name in definition.inner:
            naming = self._named_by[name]
            del naming[definition.id]
            if not naming:
                del self._named_by[name]
        if definition.id not in self._groups:
            self._place(*self._named_by.get(definition.id, {}).values())

    def _place(self, *changed: Definition) -> None:
        """Put groups on their levels, and those that name them: from the lowest up, so that each is looked at once."""
        waiting, first = [(one.level, one.id) for one in changed], {one.id for one in changed}
        heapify(waiting)
        while waiting:
            one = self._groups[heappop(waiting)[1]]
            level = max((self._groups[name].level + 1 for name in one.inner if name in self._groups), default=0)
            if level != one.level or one.id in first:
                one.level = level
                first.discard(one.id)
                for outer in self._named_by.get(one.id, {}).values():
                    heappush(waiting, (outer.level, outer.id))
