"""Messages that a chat gateway should send: what was asked for in words, and a group's greeting."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Literal

import msgspec

from processors.desk import Out
from schemas.outputs import Reply

if TYPE_CHECKING:
    from processors.desk import Desk
    from schemas.activity import MessageFact, MessageSeen

_SCHEMES = {"tel": "whatsapp", "mailto": "email"}
"""Through which channel a contact is written to that has not written itself."""


def answer(
    desk: Desk, key: bytes, seen: MessageSeen, kind: Literal["opt_out", "opt_in", "help"], text: str | None
) -> None:
    """Answer a word of consent or help on its own channel, where the tenant has something to say."""
    if text:
        tenant, _, contact = key.decode().partition("/")
        name = f"{kind}/{tenant}/{contact}/{len(seen.source)}/{seen.source}/{seen.id}/{seen.revision}"
        _append(desk, key, Reply(
            reply_id=_id(name), tenant=tenant, contact=contact, to=seen.address or _address(contact)[1],
            channel=seen.channel, property=seen.property, in_reply_to=seen.id, kind=kind, text=text,
        ))  # fmt: skip


def greet(  # noqa: PLR0913 - whom, why, what, and how phones are written
    desk: Desk, key: bytes, seen: MessageSeen | None, change_id: str, text: str, *, digits: bool
) -> None:
    """Greet a contact that has joined a group: on the message that made it join, else where it last wrote from.

    `digits` is whether its phone, where there is no message to answer, is written without the plus.
    """
    tenant, _, contact = key.decode().partition("/")
    channel, address = _address(contact)
    if digits and contact.startswith("tel:"):
        address = address.lstrip("+")
    property_ = None
    if seen is not None:
        channel, address, property_ = seen.channel, seen.address or address, seen.property
    elif (last := _last(desk, key)) is not None:
        channel, property_ = last.channel, last.property
    _append(desk, key, Reply(
        reply_id=_id(f"join/{change_id}"), tenant=tenant, contact=contact, to=address, channel=channel,
        property=property_, in_reply_to=None if seen is None else seen.id, kind="join", text=text,
    ))  # fmt: skip


def _last(desk: Desk, key: bytes) -> MessageFact | None:
    """Return the newest message that a contact wrote."""
    inbound = (fact for fact in desk.messages(key) if fact.inbound)
    return max(inbound, key=lambda fact: (fact.time, fact.channel), default=None)


def _address(contact: str) -> tuple[str, str]:
    """Return the channel and the address on it that a contact's id is."""
    scheme, _, address = contact.partition(":")
    return _SCHEMES.get(scheme, scheme), address


def _id(name: str) -> str:
    return blake2b(f"reply/{name}".encode(), digest_size=16).hexdigest()


def _append(desk: Desk, key: bytes, value: Reply) -> None:
    desk.out.append(Out("replies", key, msgspec.json.encode(value)))
