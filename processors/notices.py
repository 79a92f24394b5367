"""What people should look at: at most one notice per contact and kind a day."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

import msgspec

from processors.desk import Out
from processors.windows import DAY
from schemas.base import moment
from schemas.outputs import Cause, Notice, NoticeKind

if TYPE_CHECKING:
    from processors.desk import Desk


def notify(desk: Desk, key: bytes, kind: NoticeKind, cause: tuple[str, str]) -> None:
    """Tell people of a contact, by the event that is the cause, unless they were told the like within a day."""
    noticed = desk.head(key).noticed
    last = noticed.get(kind)
    if last is not None and desk.now - last < DAY:
        return
    noticed[kind] = desk.now
    tenant, _, contact = key.decode().partition("/")
    value = Notice(
        tenant=tenant,
        kind=kind,
        id=blake2b(f"{kind}/{tenant}/{contact}/{desk.now}".encode(), digest_size=16).hexdigest(),
        time=moment(desk.now),
        contact=contact,
        cause=Cause(*cause),
    )
    desk.out.append(Out("notices", tenant.encode(), msgspec.json.encode(value)))
