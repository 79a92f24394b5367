"""Which revisions of a fact were read: a second copy of one changes nothing, whatever it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

REMEMBERED = 100
"""Revisions of one fact below the newest, the highest, that are known to be read: rows must not grow without end."""


def with_revision(older: Iterable[int], revision: int) -> tuple[int, ...]:
    """Return the revisions below the newest that were read, the lowest first, with one more."""
    return tuple(sorted([*older, revision])[-REMEMBERED:])
