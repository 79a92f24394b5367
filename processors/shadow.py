"""A group's successor, as a partition builds it: each contact is asked what the new rule says, and nothing is told.

Who will differ is written down. Once the successor takes over, those are brought up to date before the lap comes to the
others, so that a group is of two rules for as short as can be. The lap alone decides: what was written down may be
outdated by then, and costs no more than a look.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from processors.facts import Facts
from processors.glance import memos_of
from processors.membership import evaluated
from processors.outlook import look
from processors.rows import Row, encode, is_gone

if TYPE_CHECKING:
    from collections.abc import Iterable

    from processors.definitions import Definitions, Shadow
    from processors.desk import Desk
    from processors.membership import Who
    from processors.rows import Scan

Differing = dict[str, list[bytes]]
"""By group, the contacts of a slice that are to join or leave."""

_contacts_of: Any = msgspec.msgpack.Decoder(list[bytes]).decode


def look_ahead(at: Who, scan: Scan, known: Definitions, found: Differing) -> None:
    """Ask one contact about the successors that the lap is for."""
    for group, shadow in known.shadows.items():
        if scan.done < shadow.version <= scan.lap:
            inside, then = bool(at.head.rows.get(group, _NONE).seq & 1), _inside(at, group, shadow)
            if inside != then:
                found.setdefault(group, []).append(at.key)
                scan.shadows.setdefault(group, [0, 0])[inside] += 1


_NONE = Row()


def _inside(at: Who, group: str, shadow: Shadow) -> bool:
    row, definition = at.head.rows.get(group, _NONE), shadow.definition
    memos = memos_of(Facts(at, shadow.alone), definition, None)
    anew = Row(memos=memos, stuck=row.stuck and definition.group.sticky, pins=row.pins)
    return not is_gone(at.head) and look(definition.rule, evaluated(at, definition.rule, anew), at.desk.now).mask != 0


def write_down(desk: Desk, name: bytes, found: Differing) -> None:
    """Keep who will differ, by the first of them."""
    for group, contacts in found.items():
        under = _under(name, group)
        desk.pending.put(under + contacts[0], encode(contacts), under)


def those_ahead(desk: Desk, name: bytes, scan: Scan) -> Iterable[bytes]:
    """Return some of those who were to differ under the successors that have taken over, and take them off the list."""
    while scan.ahead:
        under = _under(name, scan.ahead[0])
        row = next(desk.pending.scan(under), None)
        if row is not None:
            desk.pending.put(row[0], None, under)
            contacts: list[bytes] = _contacts_of(row[1])
            return contacts
        del scan.ahead[0]
    return ()


def follow(desk: Desk, name: bytes, scan: Scan, before: dict[str, Shadow], known: Definitions) -> None:
    """Where a successor has taken over, go ahead with those who differ; where it was given up, forget them."""
    for group, shadow in before.items():
        if known.shadows.get(group) is shadow:
            continue
        if known.groups[group].ruled > shadow.version:
            scan.ahead.append(group)
        elif group not in scan.ahead:
            under = _under(name, group)
            for key, _ in desk.pending.scan(under):
                desk.pending.put(key, None, under)


def _under(name: bytes, group: str) -> bytes:
    return b"x%b/%b/" % (name, group.encode())
