"""Who knows facts, pins and rules, as the calls see them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from schemas.questions import Answer, Question


class Owners(Protocol):
    """Who knows facts, pins and rules: `streams.runtime.questioner`."""

    async def ask_owner(self, key: bytes, question: Question, wait: float) -> Answer:
        """Ask the owner of a contact. Raises TimeoutError."""
        ...

    async def ask_all(self, question: Question, wait: float) -> list[Answer]:
        """Ask the owners of all partitions. Raises TimeoutError."""
        ...
