"""Which revisions of a fact were read: a second copy of one changes nothing, whatever it says."""

from __future__ import annotations

from bisect import insort

REMEMBERED = 100
"""Revisions of one fact below the newest, the highest, that are known to be read: rows must not grow without end."""


def with_revision(older: list[int], revision: int) -> list[int]:
    """Return the revisions below the newest that were read, the lowest first, with one more."""
    revisions = [*older]
    insort(revisions, revision)
    return revisions[-REMEMBERED:]
