"""What a contact.* command, or a booking, sets on a contact, as the contact's actor reads it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from processors.identity import mail_of
from processors.profile import kept_name
from schemas.activity import Edited
from schemas.attributes import is_attribute, is_tag
from schemas.base import Reject
from schemas.commands import ContactDelete, ContactNote, ContactTag, ContactUntag, ContactUpsert

if TYPE_CHECKING:
    from schemas.commands import Profile
    from schemas.events import Booking

ContactCommand = ContactTag | ContactUntag | ContactNote | ContactUpsert | ContactDelete
WRITTEN = ("country", "area", "language", "property")


def edited_by(command: ContactCommand) -> Edited | Reject:
    """Return what a command sets."""
    match command:
        case ContactUpsert():
            return _upserted(command.data.contact)
        case ContactDelete():
            return Edited()
        case ContactNote():
            return Edited(note=command.data.text)
        case _:
            on = isinstance(command, ContactTag)
            return Edited(dict.fromkeys((tag.strip() for tag in command.data.tags), on))


def edited_in(booking: Booking) -> Edited | None:
    """Return the tags and attributes that a booking tells; what can be none is left out, not the booking."""
    if not booking.tags and not booking.attributes:
        return None
    tags = {tag.strip(): True for tag in booking.tags if is_tag(tag)}
    return Edited(tags, {name: value for name, value in booking.attributes.items() if is_attribute(name, value)})


def _upserted(contact: Profile) -> Edited | Reject:
    fields: dict[str, Any] = {n: value or None for n in WRITTEN if (value := getattr(contact, n)) is not None}
    parts = {"first_name": contact.first_name, "last_name": contact.last_name}
    if contact.name is not None:
        fields["name"] = kept_name(contact.name or " ".join(filter(None, parts.values())), *parts.values())
    else:
        fields |= {name: value for name, value in parts.items() if value is not None}
    if contact.email is not None:
        fields["email"] = mail_of(contact.email)
        if contact.email and fields["email"] is None:
            return Reject("field_invalid", "data.contact.email: no e-mail address")
    return Edited({tag.strip(): True for tag in contact.tags}, contact.attributes, None, fields)
