"""The judges of deletion: who is a contact, why memberships of the deleted ended, and what outlives the erased."""

from __future__ import annotations

import hmac
import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from tests.chaos.evidence import Fault, accepted, compare, model_of, table, told
from tests.chaos.history import History, newest
from tests.chaos.load import TENANT
from tests.chaos.model import Guest
from tests.chaos.model_consent import ALL, is_out

ID = re.compile(rb"tel:\+\d+")
Outlived = tuple[int, int, dict[str, int], set[str]]
"""Up to when it was deleted and erased, the last seq in each group, what it has opted out of."""


def deletions(history: History) -> Iterator[tuple[Fault, str]]:
    """Whoever is deleted is in `contacts` again by what is newer, and not without; what a deletion ends says so."""
    there = {row["contact"] for row in table(history, "contacts")}
    for contact, guest in model_of(history).guests.items():
        if _is_known(guest) and contact not in there:
            yield "lost", f"{contact} is known, and not in contacts"
        if guest.ended >= 0 and not _may_be_known(guest) and contact in there:
            yield "wrong", f"{contact} was deleted, and is in contacts"
    asked = {command["id"] for _, command in accepted(history, "commands") if command["type"] == "contact.delete"}
    for _, change in told(history, "membership-changes"):
        data, cause = change["data"], change["data"]["cause"]
        by_deletion = cause is not None and cause["id"] in asked and change["type"] == "membership.left"
        if by_deletion != (data.get("reason") == "contact_deleted"):
            yield "wrong", f"{data['group']}, {data['contact']}, seq {data['seq']}: {data['reason']} by {cause}"


def _is_known(guest: Guest) -> bool:
    """Whether what is newer than the deletion is the contact's own."""
    facts = guest.messages or guest.bookings or guest.ratings
    return bool(facts) or any(time > guest.ended for time in guest.added)


def _may_be_known(guest: Guest) -> bool:
    """Whether anything newer named it: what has moved on to others since names it in some orders of arrival only."""
    return any(time > guest.ended for time in guest.named | guest.added)


def forgotten(history: History) -> Iterator[tuple[Fault, str]]:
    """No row names who was erased, and one under a keyed hash keeps what must outlive it: consent, seqs, the times."""
    gone = {contact: guest for contact, guest in model_of(history).guests.items() if _is_over(guest)}
    rows = newest(history["decide-changelog"]).items()
    for key, value in [*rows, *newest(history["contacts"]).items(), *newest(history["memberships"]).items()]:
        if value is not None:
            named = {found.decode() for found in ID.findall(key + b" " + value)} & gone.keys()
            yield from (("wrong", f"{contact} was erased, and is named in {key!r}") for contact in named)
    names = {_hash(history, contact): contact for contact in gone}
    kept = {names.get(key, key.hex()): _outlived(value) for key, value in rows if key[:1] == b"e" and value is not None}
    seqs = _seqs(history)
    wanted = {contact: _wanted(guest, seqs.get(contact, {})) for contact, guest in gone.items()}
    yield from compare("what outlives the erased", wanted, "the hashed rows", kept)


def _is_over(guest: Guest) -> bool:
    return (
        guest.erased >= 0
        and not any(time > guest.erased for time in guest.named)
        and not any(time > guest.ended for time in guest.added)
    )


def _hash(history: History, contact: str) -> bytes:
    return b"e" + hmac.digest(history.hash_key, f"{TENANT}/{contact}".encode(), "sha256")


def _seqs(history: History) -> Mapping[str, dict[str, int]]:
    seqs: dict[str, dict[str, int]] = {}
    for _, change in told(history, "membership-changes"):
        if change["type"].startswith("membership."):
            data = change["data"]
            seqs.setdefault(data["contact"], {})[data["group"]] = data["seq"]
    return seqs


def _wanted(guest: Guest, seqs: dict[str, int]) -> Outlived:
    return guest.ended, guest.erased, seqs, {scope for scope, words in guest.words.items() if is_out(words)}


def _outlived(value: bytes) -> Outlived:
    (ended, _, erased), groups, consent, _ = msgspec.msgpack.decode(value)
    floors: dict[str, list[Any]] = groups
    outs = {group for group, floor in floors.items() if floor[1] is not None and floor[1][0][1]}
    if consent is not None and consent[1] is not None and consent[1][1]:
        outs.add(ALL)
    return ended, erased, {group: floor[0] for group, floor in floors.items() if floor[0]}, outs
