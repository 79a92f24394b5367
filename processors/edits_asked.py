"""The tenant's part of a contact.* command: hand each contact what is for it, if the groups named are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from processors.desk import ORIGIN
from processors.office import Office
from processors.parts import hand_out
from schemas.activity import Edit

if TYPE_CHECKING:
    from processors.desk import Desk
    from schemas.activity import EditsAsked


def on_edits_asked(desk: Desk, key: bytes, asked: EditsAsked) -> bool:
    """Hand each contact its part; where a group is not there nothing is done at all. Returns whether that is done."""
    office = Office(desk, key.decode())
    missing = next((group for group in asked.groups if not office.in_force(group)), None)

    def part(nth: int, bulk: int) -> Edit:
        return Edit(
            *ORIGIN, asked.source, asked.id, asked.time, asked.type, asked.edited, asked.groups, nth,
            len(asked.contacts), asked.erase, bulk,
        )  # fmt: skip

    return hand_out(office, asked, part, missing, missing=missing is not None)
