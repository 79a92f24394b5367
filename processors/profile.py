"""What is known of a guest: set once and kept, newest wins, or counted from the facts."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from processors.bonds import others
from processors.identity import is_reachable
from processors.rows import Known
from schemas.base import stamp
from schemas.outputs import Contact

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from processors.desk import KeyValue
    from processors.rows import Links, Profile
    from schemas.activity import Seen

encode = msgspec.json.Encoder().encode
PARTS = ("first_name", "last_name")


def meet(profile: Profile, time: int, source: str) -> bool:
    """Keep the earliest event: customer since, and by which source."""
    since = profile.since
    if since is not None and (since < time or (since, profile.source or "") <= (time, source)):
        return False
    profile.since, profile.source = time, source
    return True


def introduce(profile: Profile, at: int, id_: str, source: str) -> bool:
    """Keep the earliest command that named a contact, and the newest; return whether its source is another one now."""
    before, known, last = source_of(profile), profile.introduced, profile.named
    if last is None or (at, id_, source) > (last.at, last.id, last.value):
        profile.named = Known(at, source, id_)
    if known is not None and (at, id_, source) >= (known.at, known.id, known.value):
        return False
    profile.introduced = Known(at, source, id_)
    return source_of(profile) != before


def source_of(profile: Profile) -> str | None:
    """Return by what a contact is known first: an event's source, or the reason of a command that came before any."""
    introduced = profile.introduced
    if introduced is not None and (profile.since is None or introduced.at < profile.since):
        return str(introduced.value)
    return profile.source


def learn(profile: Profile, seen: Seen) -> bool:
    """Take what an event tells of its guest, field by field; return whether anything shown has changed."""
    changed, time = False, seen.time
    full = seen.name or " ".join(part for part in (seen.first_name, seen.last_name) if part)
    if full:
        changed = newest(profile, "name", time, kept_name(full, seen.first_name, seen.last_name))
        changed |= original(profile, time, full)
    if seen.email:
        changed |= newest(profile, "email", time, seen.email)
    if seen.country:
        changed |= newest(profile, "country", time, seen.country)
    if seen.area:
        changed |= newest(profile, "area", time, seen.area)
    if seen.language:
        changed |= newest(profile, "language", time, seen.language)
    if seen.property:
        changed |= newest(profile, "property", time, seen.property)
    return changed


def names_of(profile: Profile) -> tuple[str | None, str | None, str | None]:
    """Return the whole name, the first and the last one.

    Who tells a name tells all of it; people may correct a part, and the whole is put together anew then. But not where
    a name was only told as a whole and one part of it is written.
    """
    fields = profile.fields
    told = fields.get("name")
    full, *before = _told_name(told.value if told is not None else None)
    if "first_name" not in fields and "last_name" not in fields:
        return full or None, before[0] or None, before[1] or None
    parts = [fields.get(name) for name in PARTS]
    newer = [one is not None and (told is None or (one.at, one.id) > (told.at, told.id)) for one in parts]
    first, last = (one.value if new and one else name for one, new, name in zip(parts, newer, before, strict=True))
    if any(newer) and (not full or any(before) or all(newer)):
        full = " ".join(filter(None, (first, last)))
    return full or None, first or None, last or None


def kept_name(full: str, first: str | None, last: str | None) -> Any:
    """Return a name as it is kept: one of which no part was told by itself, another one with its parts."""
    return full if first is None and last is None else [full, first, last]


def _told_name(kept: Any) -> Sequence[str | None]:
    """Return the whole name, the first and the last one, as they were told at once."""
    return kept if kept.__class__ is list else (kept, None, None)


def full_name(fields: Mapping[str, Any]) -> str:
    """Return the name that a command tells, as far as it does; "" if it tells none."""
    return _told_name(fields.get("name"))[0] or " ".join(filter(None, (fields.get(name) for name in PARTS)))


def newest(profile: Profile, name: str, at: int, value: Any, id_: str = "") -> bool:
    """Take a field's value if it is the newest; events of one moment go by their values, commands by their ids."""
    known = profile.fields.get(name)
    if known is None:
        profile.fields[name] = Known(at, value, id_)
        return True
    if at < known.at or (at == known.at and (id_, str(value)) < (known.id, str(known.value))):
        return False
    changed = bool(known.value != value)
    known.at, known.id = at, id_
    if changed:
        known.value = value  # of one that stays, the old one: it lies nearer
    return changed


def original(profile: Profile, at: int, full: str) -> bool:
    """Keep the name of the earliest event that told one."""
    known = profile.original_name
    if known is not None and (at > profile.original_at or (at, full) >= (profile.original_at, known)):
        return False
    profile.original_name, profile.original_at = full, at
    return full != known


def table_row(key: bytes, profile: Profile, *, digits: bool, opted_out: bool, links: Links | None) -> KeyValue:
    """Return the record of `contacts` for a profile; `digits` writes phones without the plus."""
    tenant, _, contact = key.decode().partition("/")
    phone = contact[4:] if contact.startswith("tel:") else None
    name, first, last = names_of(profile)
    reached = is_reachable(contact)
    value = Contact(
        tenant=tenant,
        contact=contact,
        phone=phone.lstrip("+") if phone and digits else phone,
        email=email_of(profile, contact),
        name=name,
        first_name=first,
        last_name=last,
        original_name=profile.original_name,
        source=source_of(profile),
        property=known_of(profile, "property"),
        country=known_of(profile, "country"),
        area=known_of(profile, "area"),
        language=known_of(profile, "language"),
        customer_since=_written(profile.since) if profile.since is not None else None,
        bookings=profile.bookings,
        spent=profile.spent,
        latest_rating=profile.latest_rating or None,
        last_booking=profile.last_booking,
        tags=tags_of(profile),
        attributes=attributes_of(profile),
        note=note_of(profile),
        reachable=reached,
        sendable=reached and not opted_out,
        linked=others(links, contact),
    )
    return key, encode(value)


def _written(ms: int) -> Any:
    """Return a moment as it is encoded, which takes a fifth of the time of making one."""
    return msgspec.Raw(stamp(ms))


def email_of(profile: Profile, contact: str) -> str | None:
    """Return the e-mail address that an event or a person told, else that of the contact's id."""
    told: str | None = known_of(profile, "email")
    return told or (contact[7:] if contact.startswith("mailto:") else None)


def attribute_of(profile: Profile, name: str) -> Any:
    """Return the value of an attribute, or None."""
    known = profile.edits.attributes.get(name) if profile.edits else None
    return None if known is None else known.value


def tags_of(profile: Profile) -> list[str]:
    """Return the tags that are on, in the order of their case-folded texts."""
    return [known.value for _, known in sorted(profile.edits.tags.items()) if known.value] if profile.edits else []


def attributes_of(profile: Profile) -> dict[str, Any]:
    """Return the attributes by name."""
    known = sorted(profile.edits.attributes.items()) if profile.edits else []
    return {name: one.value for name, one in known if one.value is not None}


def note_of(profile: Profile) -> str | None:
    """Return the note, or None where there is none."""
    return profile.edits.note[""].value or None if profile.edits and profile.edits.note else None


def known_of(profile: Profile, name: str) -> Any:
    """Return what the newest event says of a field, or None."""
    known = profile.fields.get(name)
    return None if known is None else known.value
