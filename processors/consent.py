"""Who may be written to: the newest word by event time, a tie is an opt-out, and what is told when that flips.

What a contact said of everything lies in its head, what it said of one group with the pins of its row there. An opt-out
of everything changes no membership. One of a group takes out of it, and ends whatever was added or pinned before;
what is added between it and the next opt-in does not count, then or later.
"""

from __future__ import annotations

from bisect import insort
from hashlib import blake2b
from typing import TYPE_CHECKING, cast

import msgspec

from processors.bonds import newest, rank, united
from processors.identity import is_reachable
from processors.leaf import FOR_EVER
from processors.outlook import floor_of
from processors.rows import Consent, GroupConsent, Head, Pins, Row, Said
from schemas.base import moment
from schemas.outputs import Cause, ContactChange, ContactChangeData, OutcomeReason, OutcomeResult

if TYPE_CHECKING:
    from processors.desk import Desk

Verdict = tuple[OutcomeResult, OutcomeReason | None]
ALL = "all"
"""The scope of what is said of everything, as records name it; a group may have that name too."""
REMEMBERED = 16
"""Opt-ins after a group's newest opt-out that are kept, for an opt-out between them that comes late."""


def opted_out(head: Head) -> bool:
    """Whether a contact is opted out of everything."""
    return head.consent is not None and head.consent.said is not None and head.consent.said.out


def left_for_good(pins: Pins | None) -> bool:
    """Whether a contact is opted out of the group whose pins these are."""
    return pins is not None and floor_of(pins) == FOR_EVER


def sendable(head: Head, row: Row, contact: str) -> bool:
    """Whether a contact may be written to as a member of a group."""
    silent = (head.consent is not None and opted_out(head)) or (row.pins is not None and left_for_good(row.pins))
    return not silent and is_reachable(contact)


def say(desk: Desk, key: bytes, said: Said) -> Verdict:
    """Take a word on everything; where that flips, tell it and show the contact and its memberships anew."""
    head = desk.head(key)
    consent = head.consent = head.consent or Consent()
    links = head.links
    late = _late(said, consent.said if links is None else links.said.get(speaker(desk, key)))
    if late is not None:
        return late
    if links is not None:
        links.said[speaker(desk, key)] = said
        return hold(desk, key, newest(links.said, links.edges))
    return hold(desk, key, said)


def hold(desk: Desk, key: bytes, said: Said) -> Verdict:
    """Have a word on everything hold."""
    head = desk.head(key)
    consent = head.consent = head.consent or Consent()
    before, was = consent.said, opted_out(head)
    consent.said = said
    consent.confirmed &= said.out
    if not said.out:
        consent.back = said.time
    if was == said.out:
        confirmed = before is not None and before.doubtful and not said.doubtful
        return ("applied", None) if confirmed else ("unchanged", "already_in_force")
    tell(desk, key, ALL, said)
    desk.changed_profiles[key] = None
    for group, row in head.rows.items():
        if row.seq & 1:
            desk.changed_rows[key, group] = None
    return "applied", None


def answers_of(head: Head) -> Consent | None:
    """Return what is known of answers to a contact's opt-outs, for another id of the same guest."""
    return head.consent and msgspec.structs.replace(head.consent, seq=0, said=None)


def inherit(head: Head, answers: Consent | None) -> None:
    """Have an opt-out count as answered if it was under another id; whether it holds is said next."""
    if answers is not None:
        consent = head.consent = head.consent or Consent()
        consent.confirmed |= answers.confirmed
        consent.back = max(consent.back, answers.back)


def lay(pins: Pins, said: Said) -> Verdict | None:
    """Lay a word on a group on what is there; return why it is not the newest, if so."""
    known = pins.consent
    late = None if known is None else _late(said, known.said)
    if known is None:
        known = pins.consent = GroupConsent(said)
    elif late is None:
        known.said = said
    if known.out is not None and said.time <= known.out:
        return late
    if said.out:
        known.out = said.time
        known.ins = [time for time in known.ins if time > said.time]
        pins.adds = {reason: add for reason, add in pins.adds.items() if add.time > said.time}
    elif said.time not in known.ins:
        insort(known.ins, said.time)
        del known.ins[1 : max(1, len(known.ins) - REMEMBERED + 1)]
    return late


def lay_for(desk: Desk, key: bytes, group: str, pins: Pins, said: Said) -> Verdict | None:
    """Lay a word on a group on a contact's pins there; each of linked ids has words of its own."""
    links = desk.head(key).links
    if links is None:
        return lay(pins, said)
    parts, name = links.groups.setdefault(group, {}), speaker(desk, key)
    own = Pins(consent=parts.get(name))
    late = lay(own, said)
    parts[name] = cast("GroupConsent", own.consent)
    pins.consent = united(parts, links.edges)
    return late


def speaker(desk: Desk, key: bytes) -> str:
    """Return by which of its ids a contact is heard."""
    return desk.via or key.decode().partition("/")[2]


def _late(said: Said, known: Said | None) -> Verdict | None:
    if known is None or rank(said) > rank(known):
        return None
    return ("unchanged", "repeated") if rank(said) == rank(known) else ("skipped", "newer_known")


def tell(desk: Desk, key: bytes, scope: str, said: Said) -> None:
    """Append what a flip of consent says to membership-changes, with the contact's next seq of such."""
    head = desk.head(key)
    consent = head.consent = head.consent or Consent()
    consent.seq += 1
    tenant, _, contact = key.decode().partition("/")
    data = ContactChangeData(
        contact=contact,
        scope=scope,
        seq=consent.seq,
        cause=Cause(said.source, said.event),
        evidence=said.words,
        review=said.doubtful,
    )
    value = ContactChange(
        type="contact.suppressed" if said.out else "contact.restored",
        id=consent_id(tenant, contact, consent.seq),
        time=moment(desk.now),
        tenant=tenant,
        subject=contact,
        data=data,
    )
    desk.flips.append((key, msgspec.json.encode(value)))
    desk.counts["suppressed" if said.out else "restored"] += 1


def consent_id(tenant: str, contact: str, seq: int) -> str:
    """Return the id of a flip of consent: no membership change has it, for no tenant's name is empty."""
    return blake2b(f"/consent/{tenant}/{contact}/{seq}".encode(), digest_size=16).hexdigest()
