"""The tenant's part of a contact.* command: hand each contact what is for it, if the groups named are there."""

from __future__ import annotations

from typing import TYPE_CHECKING

from processors.desk import ORIGIN
from processors.office import Office
from processors.tenant import refused
from schemas.activity import Edit

if TYPE_CHECKING:
    from processors.desk import Desk
    from schemas.activity import EditsAsked
    from schemas.outputs import OutcomeReason


def on_edits_asked(desk: Desk, key: bytes, asked: EditsAsked) -> None:
    """Hand each contact its part; where a group is not there nothing is done at all."""
    office = Office(desk, key.decode())
    missing = next((group for group in asked.groups if not office.in_force(group)), None)
    for nth, contact in enumerate(asked.contacts):
        if missing is not None or contact is None:
            reason: OutcomeReason = "contact_invalid" if missing is None else "group_unknown"
            desk.out.append(refused(desk, office.tenant, asked, nth, reason, missing))
        else:
            edit = Edit(
                *ORIGIN, asked.source, asked.id, asked.time, asked.type, asked.edited, asked.groups, nth,
                len(asked.contacts), asked.erase,
            )  # fmt: skip
            desk.tell(f"{office.tenant}/{contact}".encode(), edit)
