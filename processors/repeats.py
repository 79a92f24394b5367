"""Commands that were carried out, by source and id: published again, whatever they say, they change nothing.

Definitions have no revisions, their log's order decides; so a command that is delivered twice, the second time behind
another, would put back what that one has changed. So would one on contacts that got a newer time on its way, as each
attempt of a request does that names its command but not when. One that was refused as a whole may come again, when what
stood in its way is gone.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING

from processors.windows import DAY

if TYPE_CHECKING:
    from processors.office import Office

REMEMBERED = 30 * DAY
"""How long (ms): as long as commands lie in their topic."""
AT_ONCE = 4
"""Commands that are forgotten with each that is carried out: more than come, and few enough for one record."""


def is_repeat(office: Office, source: str, id_: str) -> bool:
    """Whether a command was carried out before, as far as that is remembered."""
    raw = office.desk.pending.get(_named(office, _digest(source, id_)))
    return raw is not None and not _is_over(office, raw)


def remember(office: Office, source: str, id_: str) -> None:
    """Note that a command was carried out, and forget those that are too old."""
    pending, authority, digest = office.desk.pending, office.authority, _digest(source, id_)
    authority.commands += 1
    now = office.desk.now.to_bytes(8, "big")
    pending.put(_numbered(office, authority.commands), now + digest)
    pending.put(_named(office, digest), now)
    _forget(office)
    office.save()


def _forget(office: Office) -> None:
    """Forget some of the oldest, in the order of their numbers, but not what was carried out anew since."""
    pending, authority = office.desk.pending, office.authority
    for _ in range(AT_ONCE):
        raw = pending.get(_numbered(office, authority.outdated + 1))
        if raw is None or not _is_over(office, raw[:8]):
            return
        authority.outdated += 1
        pending.put(_numbered(office, authority.outdated), None)
        known = pending.get(_named(office, raw[8:]))
        if known is not None and _is_over(office, known):
            pending.put(_named(office, raw[8:]), None)


def _is_over(office: Office, at: bytes) -> bool:
    return int.from_bytes(at, "big") <= office.desk.now - REMEMBERED


def _digest(source: str, id_: str) -> bytes:
    """Shorten a command's name; the source's length keeps a:b and c apart from a and b:c."""
    return blake2b(f"{len(source)}:{source}:{id_}".encode(), digest_size=16).digest()


def _named(office: Office, digest: bytes) -> bytes:
    return b"q%b/%b" % (office.tenant.encode(), digest)


def _numbered(office: Office, number: int) -> bytes:
    return b"n%b/%b" % (office.tenant.encode(), number.to_bytes(8, "big"))
