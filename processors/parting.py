"""An erased contact lets go of its other ids: that they were one is forgotten with it.

The tenant's actor forgets the links and tells each id, which is from then on its own again, as erased as the contact
was. What was said of consent stays with each, for none of them may bring the guest back as one who can be written to.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from processors.changes import named_by
from processors.consent import ALL, answers_of, hold, inherit, left_for_good, tell
from processors.desk import ORIGIN
from processors.rows import Legacy, Pins, encode, is_alias, later, legacy_of, links_of
from schemas.activity import Parting

if TYPE_CHECKING:
    from collections.abc import Callable

    from processors.desk import Desk
    from processors.rows import Head, Said
    from schemas.activity import Parted


def part(desk: Desk, key: bytes, head: Head, is_over: Callable[[Head], bool]) -> None:
    """Have the links of a contact forgotten if it was erased and nothing newer is known of it."""
    links, deleted = links_of(head), head.deleted
    head.links = None
    if deleted is None or not is_over(head):
        head.links = links
        return
    said = head.consent.said if head.consent is not None else None
    rows = [(group, row.pins.consent) for group, row in head.rows.items() if row.pins is not None]
    groups = {group: structs.replace(one, said=_wordless(one.said)) for group, one in rows if one is not None}
    left = Legacy(deleted, None if said is None else _wordless(said), groups, answers_of(head))
    tenant, me = named_by(key)
    desk.tell(tenant.encode(), Parting(*ORIGIN, me, links.gen, encode(left)))


def _wordless(said: Said) -> Said:
    """Leave out the words, which may name another of the guest's ids."""
    return structs.replace(said, words=None)


def on_parted(desk: Desk, key: bytes, parted: Parted) -> None:
    """Be an id of its own again, of whom there is nothing but consent."""
    head = desk.heads.get(key)
    if head is None or head.links is None or not is_alias(head) or head.links.gen > parted.gen:
        return
    head, left = desk.head(key), legacy_of(parted.left)
    head.links = None
    head.deleted = later(head.deleted, left.deleted)
    if left.said is not None:
        inherit(head, left.consent)
        hold(desk, key, left.said)
    for group, consent in left.groups.items():
        row = head.rows.open(group)
        pins = row.pins = row.pins or Pins()
        was, pins.consent = left_for_good(pins), consent
        if was != left_for_good(pins) and group != ALL:
            tell(desk, key, group, consent.said)
