"""Who a guest is: the contact id that an event's phone, e-mail and chat ids lead to, and the ids that it links."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache
from typing import TYPE_CHECKING

from msgspec import Struct

from processors.phones import e164, is_whatsapp_user_id

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.events import Guest

LONGEST_ID = 1_024  # characters, as the schema of a contact id says
_LONGEST_CHAT_ID = 512  # so that a channel's name fits before it
_LONGEST_MAIL = 254

_MAIL = re.compile(r"[^\s@<>()\[\],;:\"\\]{1,64}@((?:[\w](?:[\w-]*[\w])?\.)+[^\W\d_][\w-]*\w)")
_MAILBOX = re.compile(r"[^<>@]*<([^<>]*)>")
_NOT_IN_CHANNEL = re.compile(r"[^\w.]+")
_PHONE_CHANNELS = frozenset({"whatsapp", "sms"})
_SENDER = re.compile(r"(?:whatsapp:)?\s*\+?([1-9][\d ()-]*)(?:@(?:s\.whatsapp\.net|c\.us))?", re.IGNORECASE | re.ASCII)
_LENGTHS = (7, 15)
"""Digits of a number with its country; fewer are a short code, which is no guest's."""
_not_digits = re.compile(r"\D+", re.ASCII).sub
_RESERVED = frozenset({"tel", "mailto", "booking"})  # prefixes that no channel may speak for

# A booking site gives the hotel an address of its own for each stay or guest, which ends soon and is no person's.
# Whatever lies below a site's domain is such a relay; people who work there write from the domain itself.
_BOOKING_SITES = frozenset(
    {
        *("booking.com", "agoda.com", "airbnb.com", "expedia.com", "expediagroup.com", "hotels.com", "vrbo.com"),
        *("homeaway.com", "tripadvisor.com", "trip.com", "ctrip.com", "traveloka.com", "tiket.com", "hostelworld.com"),
        *(
            "hotelbeds.com",
            "despegar.com",
            "decolar.com",
            "makemytrip.com",
            "goibibo.com",
            "lastminute.com",
            "opodo.com",
        ),
        *(
            "hrs.com",
            "hrs.de",
            "priceline.com",
            "orbitz.com",
            "travelocity.com",
            "ebookers.com",
            "wotif.com",
            "yatra.com",
        ),
        *("cleartrip.com", "klook.com", "rakuten.co.jp", "jalan.net", "pegipegi.com", "oyorooms.com"),
    }
)
_RELAYS = frozenset({"expediapartnercentral.com", "agoda-messaging.com"})


class Identity(Struct, frozen=True, gc=False):
    """A guest as one event names them; without `contact` nothing did.

    {"contact": "tel:+6281234567890", "phone": "+6281234567890", "email": "made@example.com",
     "links": ["mailto:made@example.com"], "reachable": true, "phone_invalid": false}
    """

    contact: str | None
    phone: str | None = None
    email: str | None = None
    links: tuple[str, ...] = ()
    reachable: bool = True
    phone_invalid: bool = False


NOBODY = Identity(None)
"""Whom an event means that names no guest."""


def identify_message(
    channel: str, from_: str | None, user_id: str | None, email: str | None, region: str | None
) -> Identity:
    """Identify who is at the other end of a message: `from_` of an inbound one, `to` of an outbound one."""
    name = channel_of(channel)
    if name == "email":
        return _identity((), (from_, email), ())
    if name not in _PHONE_CHANNELS:
        return _identity((), (email,), (_chat(name, from_ or user_id),))
    if email is None and user_id is None and from_ is not None and (phone := e164(from_, region)) is not None:
        return Identity(f"tel:{phone}", phone)  # nearly all messages: 0.4 µs
    number = _sender(name, from_ if user_id is None else _given(from_), region)
    return _identity((number, _number(name, user_id, region) or None), (email,), ())


def identify_guest(guest: Guest, region: str | None, fallback: str | None = None) -> Identity:
    """Identify the guest of a booking or rating; `fallback` is the id of one whom nothing else names."""
    numbers = _number("sms", _given(guest.phone), region), _sender("whatsapp", _given(guest.whatsapp), region)
    chats = [_chat(name, getattr(guest, name)) for name in ("telegram", "instagram", "facebook", "live_chat")]
    return _identity(numbers, (guest.email,), chats, fallback)


def identify_profile(phone: str | None, email: str | None, region: str | None) -> Identity:
    """Identify the contact of a command or of an import's row."""
    return _identity((_number("sms", _given(phone), region),), (email,), ())


def booking_contact(source: str, booking_id: str) -> str:
    """Return the id of a booking's guest whom nothing names; a hash where the ids are too long for one."""
    contact = f"booking:{source}:{booking_id}"
    if len(contact) <= LONGEST_ID:
        return contact
    return f"booking:sha256:{hashlib.sha256(contact.encode()).hexdigest()}"


def canonical(contact: str) -> str | None:
    """Return a contact id that somebody wrote as the pipeline writes it; None if it cannot be one."""
    text = contact.strip()
    scheme, _, rest = text.partition(":")
    if scheme in ("tel", "whatsapp"):
        number = (
            _sender(scheme, f"whatsapp:{rest}", None)
            if scheme == "whatsapp"
            else _number(scheme, f"whatsapp:{rest}", None)
        )
        return f"tel:{number}" if number and number[0] == "+" else number or None
    if scheme == "mailto":
        mail = mail_of(rest)
        return mail and f"mailto:{mail}"
    return text if rest and scheme in ("booking", channel_of(scheme)) and text.isprintable() else None


def meant(text: str, region: str | None) -> str | None:
    """Return the contact that somebody means by an id, a phone in any notation or an e-mail; None if it can be none.

    Digits that are no phone of the region are read as a gateway writes them, from the country on.
    """
    written = text.strip()
    contact = canonical(written)
    if contact is not None:
        return contact
    phone = e164(written, region) or (e164(f"whatsapp:{written}", None) if written.isdecimal() else None)
    if phone is not None:
        return f"tel:{phone}"
    mail = mail_of(written)
    return mail and f"mailto:{mail}"


def is_reachable(contact: str) -> bool:
    """Tell whether a contact id by itself is an address: a phone, a person's e-mail or a chat id."""
    if contact.startswith("tel:"):
        return True
    return not contact.startswith("booking:") and not (contact.startswith("mailto:") and is_relay(contact))


def mail_of(text: str | None) -> str | None:
    """Return an e-mail address in lower case, without the name that may stand before it; None if the text is none."""
    mail = (text or "").strip()
    if mail.endswith(">") and (named := _MAILBOX.fullmatch(mail)):
        mail = named[1].strip()
    mail = mail.lower().removeprefix("mailto:")
    return mail if len(mail) <= _LONGEST_MAIL and _MAIL.fullmatch(mail) else None


def is_relay(mail: str) -> bool:
    """Tell the addresses that booking sites lend from people's own."""
    domain = mail.rpartition("@")[2]
    labels = domain.split(".")
    parents = {".".join(labels[at:]) for at in range(1, len(labels))}
    return domain in _RELAYS or not parents.isdisjoint(_RELAYS) or not parents.isdisjoint(_BOOKING_SITES)


@lru_cache(1_024)
def channel_of(channel: str) -> str:
    """Return a channel's name as contact ids write it: Live Chat and live-chat are live_chat."""
    name = _NOT_IN_CHANNEL.sub("_", channel.strip().casefold()).strip("_") or "chat"
    if name == "e_mail":
        return "email"
    return f"{name}_chat" if name in _RESERVED else name


def _identity(
    numbers: Iterable[str | None], mails: Iterable[str | None], chats: Iterable[str | None], fallback: str | None = None
) -> Identity:
    """Let the phone lead, then the e-mail, then the chat ids; a relay address serves only where nothing else does."""
    numbers = [*dict.fromkeys(numbers)]
    phones = [number for number in numbers if number and number[0] == "+"]
    users = [number for number in numbers if number and number[0] != "+"]
    addresses = [*filter(None, map(mail_of, mails))]
    own = [mail for mail in addresses if not is_relay(mail)]
    ids = dict.fromkeys([*(f"tel:{p}" for p in phones), *(f"mailto:{m}" for m in own), *users, *filter(None, chats)])
    last_resort = f"mailto:{addresses[0]}" if addresses else fallback
    return Identity(
        contact=next(iter(ids), last_resort),
        phone=next(iter(phones), None),
        email=next(iter(own), None),
        links=tuple(ids)[1:],
        reachable=bool(ids),
        phone_invalid="" in numbers,
    )


def _number(channel: str, raw: str | None, region: str | None) -> str | None:
    """Read what a phone's field holds: a phone, else what a gateway knows somebody by, "" for neither."""
    if raw is None:
        return None
    user = raw.strip().removeprefix("whatsapp:")
    if channel == "whatsapp" and is_whatsapp_user_id(user):
        return f"whatsapp:{user}"
    return e164(raw, region) or ""


def _sender(channel: str, raw: str | None, region: str | None) -> str | None:
    """Read who a gateway says is at the other end: as `_number` does, but foreign numbers may be bare digits.

    One that is in no plan of numbers keeps its channel's id: whoever writes can be heard, and can be answered.
    """
    number = _number(channel, raw, region)
    sender = _SENDER.fullmatch(raw.strip()) if raw and number == "" else None
    if sender is None:
        return number
    digits = _not_digits("", sender[1])
    return e164(f"whatsapp:{digits}", None) or (
        f"{channel}:{digits}" if _LENGTHS[0] <= len(digits) <= _LENGTHS[1] else ""
    )


def _chat(channel: str, raw: str | None) -> str | None:
    """Return the contact id of a channel's own id; one that is blank, endless or has control characters is none."""
    text = (raw or "").strip()
    return f"{channel}:{text}" if text and len(text) <= _LONGEST_CHAT_ID and text.isprintable() else None


def _given(raw: str | None) -> str | None:
    """Channel managers write a missing phone as an empty one."""
    return raw if raw and not raw.isspace() else None
