"""From a raw record to the records of contact-activity, or to why it is a dead letter.

Decode, validate, phone to E.164 in the right region, contact id, key. Stateless: what it must know of tenants is handed
in. The same record gives the same activities, so that a repeat after a crash is seen as one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from processors.edited import ContactCommand, edited_by, edited_in
from processors.identity import (
    NOBODY,
    Identity,
    booking_contact,
    canonical,
    identify_guest,
    identify_message,
    identify_profile,
    mail_of,
)
from processors.phones import e164, region_of
from processors.rows import owner_key
from processors.whole_words import opts_out
from processors.windows import FOR_EVER, duration_upper_bound_ms, parse_duration
from processors.words import normalise
from schemas import activity
from schemas.activity import (
    BOOKINGS,
    COMMANDS,
    MESSAGES,
    RATINGS,
    Asked,
    BookingFact,
    BookingSeen,
    EditsAsked,
    LinkSeen,
    MessageSeen,
    PinsAsked,
    RatingFact,
    RatingSeen,
    RenameAsked,
    Seen,
    TenantAsked,
)
from schemas.base import Reject, millis
from schemas.commands import (
    ConsentData,
    ConsentOptIn,
    ConsentOptOut,
    ContactDelete,
    ContactNote,
    ContactRef,
    ContactRename,
    ContactTag,
    ContactUntag,
    ContactUpsert,
    GroupAdd,
    GroupClearPin,
    GroupCreate,
    GroupDelete,
    GroupRemove,
    GroupUpdate,
    TenantDelete,
    TenantPut,
)
from schemas.dead_letters import keep
from schemas.envelope import group_id_from_name, read
from schemas.events import BookingEvent, Guest, MessageEvent, RatingEvent
from schemas.quotas import DEFAULT, Quotas
from schemas.tenants import Tenant

PinCommand = GroupAdd | GroupRemove | GroupClearPin | ConsentOptOut | ConsentOptIn
ALL = "all"
"""The scope of consent to everything."""
AHEAD = 5 * 60 * 1000
"""How far (ms) an event's time may lie ahead of its append time, as which it counts: nothing can be said later than it.

Else a clock that is ahead would have an opt-in, a tag or a booking outlive the STOP or the deletion that follows it.
"""

to_json = msgspec.json.Encoder().encode


class Delivered(Protocol):
    """What is read of a record of a raw topic; `timestamp` is its append time (epoch ms)."""

    @property
    def partition(self) -> int: ...  # noqa: D102
    @property
    def offset(self) -> int: ...  # noqa: D102
    @property
    def timestamp(self) -> int: ...  # noqa: D102
    @property
    def key(self) -> bytes | None: ...  # noqa: D102
    @property
    def value(self) -> bytes | None: ...  # noqa: D102
    @property
    def headers(self) -> Sequence[tuple[str, bytes]]: ...  # noqa: D102


class Raw(Struct, frozen=True, gc=False):
    """One record of a raw topic, by itself; `topic` indexes RAW_TOPICS, `timestamp` is its append time (epoch ms)."""

    topic: int
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class Keyed(Struct, frozen=True, gc=False):
    """One record for contact-activity."""

    key: bytes
    value: bytes


class Normalizer:
    """The step: `tenants` are the records in force by tenant, kept up to date by whoever carries the step."""

    def __init__(self, tenants: Mapping[str, Tenant], retention: str = "P400D", quotas: Quotas = DEFAULT) -> None:
        self.quotas = quotas
        self.tenants = tenants
        self.retention = retention
        self._retained = duration_upper_bound_ms(parse_duration(retention))

    def normalize_all(self, topic: str, raws: Sequence[Delivered]) -> list[list[Keyed] | Reject]:
        """Return for each record of one of RAW_TOPICS its activities, or why it is a dead letter.

        All are decoded before the first is worked on: a core's cache holds the code of one of the two steps.
        """
        retention, quotas = self.retention, self.quotas
        events = [read(topic, raw.value, raw.headers, retention=retention, quotas=quotas) for raw in raws]
        return [
            event if isinstance(event, Reject) else self._activities(raw, event)
            for raw, event in zip(raws, events, strict=True)
        ]

    def normalize(self, raw: Raw) -> list[Keyed] | Reject:
        """Return the activities of one raw record, or why it is a dead letter."""
        return self.normalize_all(activity.RAW_TOPICS[raw.topic], (raw,))[0]

    def _activities(self, raw: Delivered, event: Any) -> list[Keyed] | Reject:
        time = millis(event.time)
        if time <= raw.timestamp:
            return _STEP[event.__class__](self, raw, event, time)
        if time > raw.timestamp + AHEAD and not self._opts_out(event):
            return Reject("from_the_future", "time")
        return _STEP[event.__class__](self, raw, event, raw.timestamp)

    def _opts_out(self, event: Any) -> bool:
        """Whether an event asks for no more messages, so that it is heard whatever its sender's clock shows."""
        if not isinstance(event, MessageEvent):
            return isinstance(event, ConsentOptOut)
        tenant, data = self.tenants.get(event.tenant), event.data
        if tenant is None or data.direction != "inbound" or data.deleted:
            return False
        return opts_out(tenant, normalise(data.text or ""), data.channel)

    def message(self, raw: Delivered, event: MessageEvent, time: int) -> list[Keyed] | Reject:
        """A message goes straight to its contact, with its words normalised."""
        tenant = self.tenants.get(event.tenant)
        if tenant is None:
            return Reject("tenant_unknown", "tenant")
        if time + self._retained < raw.timestamp:
            return Reject("too_old", "time")
        data = event.data
        inbound = data.direction == "inbound"
        address = (data.from_ if inbound else data.to) or ""
        who = identify_message(data.channel, address, data.user_id, data.email, region(tenant, data))
        if who.contact is None:
            return _nobody(who.phone_invalid, "data.from" if inbound else "data.to")
        if who.phone is not None:
            address = who.phone[1:] if tenant.phone_format == "digits" else who.phone
        elif who.email is not None:
            address = mail_of(address) or address
        seen = None
        if inbound and (data.name or data.country or data.language or data.property or who.email or who.phone_invalid):
            seen = Seen(
                time, None, data.name, None, None, who.email, data.country, None, data.language, data.property,
                who.phone_invalid,
            )  # fmt: skip
        words = normalise(data.text) if inbound and data.text and not data.deleted else ""
        record = MessageSeen(
            MESSAGES, raw.partition, raw.offset, 0, event.source, event.id, data.message_id, data.revision, time,
            words, data.channel, seen, data.property, inbound, data.deleted, address,
        )  # fmt: skip
        keyed = Keyed(f"{event.tenant}/{who.contact}".encode(), activity.encode(record))
        return [keyed, *_links((MESSAGES, raw.partition, raw.offset), event, time, who)] if who.links else [keyed]

    def booking(self, raw: Delivered, event: BookingEvent, time: int) -> list[Keyed] | Reject:
        """A booking goes to the booking's own actor, which knows whose it was."""
        data = event.data
        found = self._guest(event, data.guest, booking_contact(event.source, data.booking_id), time)
        if isinstance(found, Reject):
            return found
        who, seen = found
        fact = BookingFact(
            data.revision, time, data.status, data.property, data.channel, data.room_type,
            data.check_in.isoformat() if data.check_in else None,
            data.check_out.isoformat() if data.check_out else None,
            f"{data.amount:f}" if data.amount is not None else None,
            data.currency.upper() if data.currency else None,
        )  # fmt: skip
        record = BookingSeen(
            BOOKINGS, raw.partition, raw.offset, 0, event.source, event.id, data.booking_id, fact, who.contact, seen
        )
        owned = _owned(event.tenant, "booking", event.source, data.booking_id, record)
        return [owned, *_links((BOOKINGS, raw.partition, raw.offset), event, time, who)]

    def rating(self, raw: Delivered, event: RatingEvent, time: int) -> list[Keyed] | Reject:
        """A rating goes to the rating's own actor, which knows whose it was."""
        data = event.data
        found = self._guest(event, data.guest, None, time)
        if isinstance(found, Reject):
            return found
        who, seen = found
        fact = RatingFact(data.revision, time, data.stars or 0, data.property, data.withdrawn)
        record = RatingSeen(
            RATINGS, raw.partition, raw.offset, 0, event.source, event.id, data.rating_id, fact, who.contact, seen
        )
        return [
            _owned(event.tenant, "rating", event.source, data.rating_id, record),
            *_links((RATINGS, raw.partition, raw.offset), event, time, who),
        ]

    def _guest(
        self, event: BookingEvent | RatingEvent, guest: Guest | None, last_resort: str | None, time: int
    ) -> tuple[Identity, Seen | None] | Reject:
        """Return who the guest is, and what the event tells of them; nobody and None without a guest."""
        tenant = self.tenants.get(event.tenant)
        if tenant is None:
            return Reject("tenant_unknown", "tenant")
        if guest is None:
            return NOBODY, None
        who = identify_guest(guest, region(tenant, event.data, guest.country), last_resort)
        if who.contact is None or (who.phone_invalid and who.contact == last_resort):
            return _nobody(who.phone_invalid, "data.guest")
        seen = Seen(
            time, None, guest.name, guest.first_name, guest.last_name, who.email,
            guest.country or event.data.country, getattr(event.data, "postal_code", None), guest.language,
            event.data.property, who.phone_invalid, edited_in(event.data) if isinstance(event, BookingEvent) else None,
        )  # fmt: skip
        return who, seen

    def pins(self, raw: Delivered, event: PinCommand, time: int) -> list[Keyed] | Reject:
        """An add, remove, clear or consent goes to the tenant's actor, which knows the groups and tells contacts."""
        tenant = self.tenants.get(event.tenant)
        if tenant is None:
            return Reject("tenant_unknown", "tenant")
        data: Any = event.data
        expires_at = getattr(data, "expires_at", None)
        expires = min(max(millis(expires_at), 1), FOR_EVER) if expires_at else 0
        record = PinsAsked(
            COMMANDS, raw.partition, raw.offset, 0, event.source, event.id, time, _PINS[type(event)], _group_of(data),
            contacts_of(event, tenant), getattr(data, "reason", "manual"),
            expires, getattr(data, "reply", None), getattr(data, "evidence", None),
        )  # fmt: skip
        return [Keyed(event.tenant.encode(), activity.encode(record))]

    def edits(self, raw: Delivered, event: ContactCommand, time: int) -> list[Keyed] | Reject:
        """What is to be written of contacts goes to the tenant's actor, which tells each contact."""
        tenant = self.tenants.get(event.tenant)
        if tenant is None:
            return Reject("tenant_unknown", "tenant")
        edited = edited_by(event)
        if isinstance(edited, Reject):
            return edited
        record = EditsAsked(
            COMMANDS, raw.partition, raw.offset, 0, event.source, event.id, time, _EDITS[type(event)],
            contacts_of(event, tenant), edited, list(dict.fromkeys(getattr(event.data, "groups", ()))),
            getattr(event.data, "erase", False),
        )  # fmt: skip
        return [Keyed(event.tenant.encode(), activity.encode(record))]

    def rename(self, raw: Delivered, event: ContactRename, time: int) -> list[Keyed] | Reject:
        """A new phone goes to the tenant's actor, which links ids."""
        tenant = self.tenants.get(event.tenant)
        if tenant is None:
            return Reject("tenant_unknown", "tenant")
        (contact,) = contacts_of(event, tenant)
        to = contact_of(ContactRef(phone=event.data.phone), tenant.region)
        asked = Asked(event.source, event.id, time)
        record = RenameAsked(COMMANDS, raw.partition, raw.offset, 0, asked, contact or None, to)
        return [Keyed(event.tenant.encode(), activity.encode(record))]

    def group(self, raw: Delivered, event: GroupCreate, time: int) -> list[Keyed]:
        """A new group goes to the tenant's actor with an id."""
        return self.tenant(raw, _named(event), time)

    def tenant(self, raw: Delivered, event: Any, time: int) -> list[Keyed]:
        """A command on the tenant or a group goes to the tenant's actor as it is, in log order."""
        del time
        kept = keep(raw.value, raw.key, raw.headers)
        record = TenantAsked(
            COMMANDS, raw.partition, raw.offset, 0, to_json(event), kept.value or b"", kept.key, kept.headers, kept.cut
        )
        return [Keyed(event.tenant.encode(), activity.encode(record))]


def region(tenant: Tenant, data: Any, country: str | None = None) -> str | None:
    """Return the region to read phones in: the event's country, else the property's region, else the tenant's."""
    hint = country or data.country
    if hint and (hinted := region_of(hint)) is not None:
        return hinted
    place = tenant.properties.get(data.property or "")
    return (place.region if place is not None else None) or tenant.region


def contact_of(ref: ContactRef, home: str | None) -> str | None:
    """Return the contact id of a reference in a command, or None if it is none."""
    if ref.phone is not None:
        number = e164(ref.phone, home)
        return None if number is None else f"tel:{number}"
    return canonical(ref.id or "")


def _group_of(data: Any) -> str:
    """Return the group that a command is about, "" for consent to everything."""
    if isinstance(data, ConsentData):
        return "" if data.scope == ALL else data.scope
    group: str = data.group
    return group


def contacts_of(command: Any, tenant: Tenant) -> list[str | None]:
    """Return the contact ids that a command names: None for one that is none, "" for a phone that is none."""
    data, home = command.data, tenant.region
    if isinstance(command, ContactUpsert):
        contact, home = data.contact, region(tenant, data.contact)
        if contact.id is None and contact.phone is None:
            return [identify_profile(None, contact.email, home).contact]
        return [_contact_or_none(ContactRef(id=contact.id, phone=contact.phone), home)]
    return [_contact_or_none(ref, home) for ref in getattr(data, "contacts", None) or [data.contact]]


def _contact_or_none(ref: ContactRef, home: str | None) -> str | None:
    found = contact_of(ref, home)
    return "" if found is None and ref.phone is not None else found


def _links(
    place: tuple[int, int, int], event: BookingEvent | RatingEvent | MessageEvent, time: int, who: Identity
) -> list[Keyed]:
    """Tell each other id of the guest that the event at a place of the raw topics names it, and which one leads."""
    return [
        Keyed(
            f"{event.tenant}/{other}".encode(),
            activity.encode(LinkSeen(*place, nth, event.source, event.id, time, who.contact or "", other)),
        )
        for nth, other in enumerate(who.links, 1)
    ]


def _owned(tenant: str, kind: str, source: str, id_: str, record: Any) -> Keyed:
    """Key a fact by what names it."""
    return Keyed(owner_key(tenant, kind, source, id_), activity.encode(record))


def _nobody(phone_invalid: bool, path: str) -> Reject:  # noqa: FBT001 - the one thing that tells the two apart
    return Reject("phone_invalid" if phone_invalid else "identity_missing", path)


def _named(event: GroupCreate) -> GroupCreate:
    """Fill in the id that the name gives."""
    data = event.data
    if data.id is not None:
        return event
    return msgspec.structs.replace(event, data=msgspec.structs.replace(data, id=group_id_from_name(data.name or "")))


Step = Callable[[Normalizer, Delivered, Any, int], "list[Keyed] | Reject"]

_PINS: dict[type, str] = {
    GroupAdd: "group.add",
    GroupRemove: "group.remove",
    GroupClearPin: "group.clear_pin",
    ConsentOptOut: "consent.opt_out",
    ConsentOptIn: "consent.opt_in",
}
_EDITS: dict[type, str] = {
    ContactUpsert: "contact.upsert",
    ContactTag: "contact.tag",
    ContactUntag: "contact.untag",
    ContactDelete: "contact.delete",
    ContactNote: "contact.note",
}
_STEP: dict[type, Step] = {
    MessageEvent: Normalizer.message,
    BookingEvent: Normalizer.booking,
    RatingEvent: Normalizer.rating,
    **dict.fromkeys(_PINS, Normalizer.pins),
    **dict.fromkeys(_EDITS, Normalizer.edits),
    ContactRename: Normalizer.rename,
    **dict.fromkeys((TenantPut, TenantDelete, GroupUpdate, GroupDelete), Normalizer.tenant),
    GroupCreate: Normalizer.group,
}
