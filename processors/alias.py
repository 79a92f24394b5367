"""The ids of a contact: what an event says of two of them, and what comes to one that is another contact's.

A link that is news goes to the tenant's actor, by way of the ids that it names, which add since when they are known;
one that is known ends here. What comes to a linked id goes on to its contact as it is, with the id by which it came.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from msgspec import structs

from processors import deletion
from processors.bonds import are_linked, ids_of
from processors.changes import named_by
from processors.desk import ORIGIN
from processors.membership import Who
from processors.notices import notify
from processors.rows import NEVER, Head, counts, is_alias, links_of
from schemas.activity import (
    Edit,
    FactPut,
    FactTaken,
    Forwarded,
    Heard,
    LinkAsked,
    MessageSeen,
    Pin,
    encode,
)

if TYPE_CHECKING:
    from processors.definitions import Definitions
    from processors.desk import Desk
    from processors.rows import Deleted, Links
    from schemas.activity import Activity, Conflict, LinkSeen

OfContact = MessageSeen | FactPut | FactTaken | Heard | Pin | Edit


def on_link_seen(desk: Desk, key: bytes, seen: LinkSeen) -> None:
    """Ask for a link that is not known yet, or only from a later time."""
    tenant, me = named_by(key)
    head = desk.heads.get(key) or Head(version=-1)  # one who was erased is known for no time at all
    if head.links is not None and are_linked(head.links.edges, seen.lead, seen.other, seen.at):
        desk.counts["linked"] += 1
        return
    firsts = {**seen.firsts, me: min(seen.at, first_of(head))}
    if me == seen.other and not seen.lead.startswith("tel:"):
        on = structs.replace(seen, topic=ORIGIN[0], firsts=firsts)
        desk.tell(f"{tenant}/{seen.lead}".encode(), on)
    else:
        asked = LinkAsked(*ORIGIN, seen.source, seen.event, seen.at, seen.lead, seen.other, firsts)
        desk.tell(tenant.encode(), asked)


def on_conflict(desk: Desk, key: bytes, conflict: Conflict) -> None:
    """Tell people that an event names ids of two contacts who both have a phone."""
    if not _sent_on(desk, key, conflict):
        notify(desk, key, "identity_conflict", (conflict.source, conflict.event))


def first_of(head: Head) -> int:
    """Tell since when an id is known (epoch ms), NEVER if it is not: by an event, or a command that introduced it."""
    if head.links is not None:
        return head.links.first
    profile = head.profile
    introduced = profile.introduced.at if profile.introduced is not None else NEVER
    return min(introduced, profile.since if profile.since is not None else NEVER)


def has_phone(links: Links) -> bool:
    """Whether a phone leads: then nobody asks since when the ids are known."""
    return any(name.startswith("tel:") for name in ids_of(links.edges))


def tell_first(desk: Desk, key: bytes, cause: tuple[str, str], first: int) -> None:
    """Tell the tenant that an id is known for longer than it may know."""
    tenant, me = named_by(key)
    desk.tell(tenant.encode(), LinkAsked(*ORIGIN, *cause, first, me, me, {me: first}))


def passed_on(desk: Desk, key: bytes, activity: OfContact, definitions: Definitions) -> bool:
    """Send what came to a linked id on to its contact; whether there is nothing left to be done here."""
    head = desk.heads[key]
    if not desk.via:
        _note(desk, key, head, activity)
    alias = is_alias(head)
    cut = head.deleted if alias else None if desk.via else links_of(head).cut
    if cut is not None and _cut_off(Who(desk, key, head), activity, definitions, cut):
        return True
    return alias and _sent_on(desk, key, Forwarded(*ORIGIN, named_by(key)[1], encode(activity)))


def _sent_on(desk: Desk, key: bytes, activity: Activity) -> bool:
    """Send a record as it is to whom the id belongs, if it is not a contact itself."""
    head = desk.heads.get(key)
    links = head.links if head is not None else None
    if links is None or not links.to:
        return False
    desk.tell(f"{named_by(key)[0]}/{links.to}".encode(), activity)
    return True


def arrived(desk: Desk, key: bytes, forwarded: Forwarded) -> bool:
    """Whether a forwarded record is where it belongs; else it goes on."""
    return not _sent_on(desk, key, forwarded)


def _note(desk: Desk, key: bytes, head: Head, activity: OfContact) -> None:
    """Tell the tenant if the id is known for longer than it was, and that may make it lead."""
    links, at = head.links, _named_at(activity)
    if links is not None and at is not None and at < links.first and counts(head, at):
        desk.head(key)
        links.first = at
        if not has_phone(links):
            tell_first(desk, key, _cause(activity), at)


def _named_at(activity: OfContact) -> int | None:
    """Return the time of what names an id; None for what only takes something away, or tells of a fact alone."""
    match activity:
        case MessageSeen() | Pin(type="group.add"):
            return activity.time
        case Edit():
            return None if activity.type == "contact.delete" else activity.time
        case FactPut() | FactTaken() | Heard():
            return None if activity.seen is None else activity.at
        case _:
            return None


def _cause(activity: Any) -> tuple[str, str]:
    return activity.source, activity.id if isinstance(activity, Pin | Edit) else activity.event


def _cut_off(at: Who, activity: OfContact, definitions: Definitions, cut: Deleted) -> bool:
    """Whether it is older than a deletion of this id, when that was a contact of its own; consent outlives that."""
    time = _fact_time(activity)
    if time is None or time > cut.at:
        return False
    if isinstance(activity, FactPut) and cut.erased is not None and time <= cut.erased:
        deletion.refuse(at, activity)
    words = activity.words if isinstance(activity, MessageSeen) else ""
    return not words or (words not in definitions.whole and definitions.opt_outs.near_miss(words) is None)


def _fact_time(activity: OfContact) -> int | None:
    match activity:
        case MessageSeen():
            return activity.time
        case FactPut():
            fact = activity.booking or activity.rating
            return activity.at if fact is None else fact.time
        case Heard():
            return activity.at
        case _:
            return None
