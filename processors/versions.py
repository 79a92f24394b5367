"""Definitions in the order of the versions at which they came: what is news to who knows an earlier one."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from processors.definition import Definition

SPARE = 64
"""Places that may be empty before the others move up."""


class Versions:
    """A log of definitions; one that comes again, or goes, leaves its former place empty."""

    def __init__(self) -> None:
        self._versions: list[int] = []
        self._definitions: list[Definition | None] = []
        self._at: dict[str, int] = {}

    @property
    def newest(self) -> int:
        """No definition came after this version."""
        return self._versions[-1] if self._versions else 0

    def put(self, definition: Definition) -> None:
        """Have a definition be the newest."""
        self.drop(definition.id)
        self._at[definition.id] = len(self._versions)
        self._versions.append(definition.version)
        self._definitions.append(definition)

    def drop(self, group: str) -> None:
        """Forget a group's definition, if there is one."""
        at = self._at.pop(group, None)
        if at is not None:
            self._definitions[at] = None
            while self._definitions and self._definitions[-1] is None:
                self._definitions.pop()
                self._versions.pop()
            if len(self._definitions) > 2 * len(self._at) + SPARE:
                self._move_up()

    def _move_up(self) -> None:
        kept = [one for one in self._definitions if one is not None]
        self._definitions = [*kept]
        self._versions = [one.version for one in kept]
        self._at = {one.id: at for at, one in enumerate(kept)}

    def since(self, version: int) -> list[Definition]:
        """Return the definitions that came after a version, oldest first."""
        later = self._definitions[bisect_right(self._versions, version) :]
        return [one for one in later if one is not None]
