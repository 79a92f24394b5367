"""contact.rename as contacts answer it: whether the contact is there, and whether somebody else has the new id."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import structs

from processors.changes import named_by
from processors.desk import ORIGIN, Out
from processors.rows import Head, is_known
from schemas.activity import RenameAsked
from schemas.base import moment
from schemas.outputs import Outcome

if TYPE_CHECKING:
    from processors.desk import Desk
    from schemas.activity import Asked, Renaming
    from schemas.outputs import OutcomeReason, OutcomeResult


def on_renaming(desk: Desk, key: bytes, renaming: Renaming) -> None:
    """Answer as the contact, which asks the new id, or as the new id, which tells the tenant that it is free."""
    tenant, me = named_by(key)
    head = desk.heads.get(key) or Head(version=-1)
    known, alias = is_known(head), head.links.to if head.links is not None else ""
    if me != renaming.contact:
        if known and not alias:
            became(desk, tenant, renaming.asked, renaming.contact, ("skipped", "phone_taken"))
        else:
            _ask(desk, tenant, renaming)
    elif alias:
        desk.tell(f"{tenant}/{alias}".encode(), structs.replace(renaming, contact=alias))
    elif not known:
        became(desk, tenant, renaming.asked, me, ("skipped", "contact_unknown"))
    elif me == renaming.to:
        _ask(desk, tenant, renaming)
    else:
        desk.tell(f"{tenant}/{renaming.to}".encode(), renaming)


def _ask(desk: Desk, tenant: str, renaming: Renaming) -> None:
    asked = RenameAsked(*ORIGIN, renaming.asked, renaming.contact, renaming.to, free=True)
    desk.tell(tenant.encode(), asked)


def mark_of(asked: Asked) -> tuple[int, str]:
    """Return what the newest of renames goes by."""
    return asked.time, f"{asked.id}\0{asked.source}"


def became(
    desk: Desk, tenant: str, asked: Asked, contact: str | None, verdict: tuple[OutcomeResult, OutcomeReason | None]
) -> None:
    """Tell what became of a contact.rename."""
    value = Outcome(
        tenant=tenant,
        command=asked.id,
        source=asked.source,
        type="contact.rename",
        outcome=verdict[0],
        reason=verdict[1],
        contact=contact,
        time=moment(desk.now),
    )
    desk.out.append(Out("outcomes", f"{tenant}/{asked.id}".encode(), msgspec.json.encode(value)))
