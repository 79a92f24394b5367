"""What a command's content must say beyond its types: rules that parse, zones that exist, words that say something."""

from __future__ import annotations

import functools
import hashlib
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from importlib.resources import files
from typing import Any, NamedTuple

from msgspec import UNSET, UnsetType

from schemas.attributes import MAX_NAME, MAX_VALUE, is_attribute, is_tag
from schemas.base import Reject
from schemas.commands import (
    Command,
    ContactDelete,
    ContactNote,
    ContactRef,
    ContactRename,
    ContactTag,
    ContactUntag,
    ContactUpsert,
    GroupCreate,
    GroupCreateData,
    GroupUpdate,
    GroupUpdateData,
    TenantPut,
)
from schemas.quotas import DEFAULT, Quotas
from schemas.rule_checks import RuleError, is_word
from schemas.rules import keywords_of, parse_rule


class Bounds(NamedTuple):
    """What settings bound of a command: the windows of message rules, and how much there may be."""

    retention: str
    quotas: Quotas


_GAPS = re.compile(r"[^a-z0-9]+")
_MAX_ID = 63


def group_id_from_name(name: str) -> str | None:
    """Make a group's id from its name: "Café & Bar" is `cafe-bar`; None where there is no letter or digit.

    A digest of the name stands for letters and digits that an id cannot have: "貴賓 2026" is `2026-` and a digest.
    """
    folded = unicodedata.normalize("NFKD", name.casefold()).strip()
    letters = _GAPS.sub("-", folded.encode("ascii", "ignore").decode()).strip("-")[:_MAX_ID].rstrip("-")
    if not any(one.isalnum() and not one.isascii() for one in folded):
        return letters or None
    digest = hashlib.blake2b(folded.encode(), digest_size=4).hexdigest()
    return f"{letters[: _MAX_ID - 9].rstrip('-') or 'group'}-{digest}"


@functools.cache
def _zones() -> frozenset[str]:
    """List the zones of the tzdata package, not of the system: every worker must know the same ones."""
    return frozenset(files("tzdata").joinpath("zones").read_text(encoding="utf-8").split())


def _tenant_put(command: TenantPut, bounds: Bounds) -> Reject | None:
    data = command.data
    if data.tenant is not None and data.tenant != command.tenant:
        return Reject("field_invalid", "data.tenant: not the tenant of the envelope")
    if data.zone not in _zones():
        return Reject("field_invalid", "data.zone: no IANA time zone")
    if any(one.zone is not None and one.zone not in _zones() for one in data.properties.values()):
        return Reject("field_invalid", "data.properties[...].zone: no IANA time zone")
    words = _words("opt_out_words", data.opt_out_words) or _words("opt_in_words", data.opt_in_words)
    return words or bounds.quotas.refuse_record(data)


def _group_create(command: GroupCreate, bounds: Bounds) -> Reject | None:
    data = command.data
    if data.id is None and group_id_from_name(data.name or "") is None:
        return Reject("field_missing", "data.id: none can be made from the name, which has no letter or digit")
    if data.supersedes not in {None, data.id or group_id_from_name(data.name or "")}:
        return Reject(
            "field_invalid", "data.supersedes: a group is succeeded under its own id, by which it is followed"
        )
    words = _words("join_words", data.join_words) or _words("leave_words", data.leave_words)
    return words or _definition(data, data.rule, bounds)


def _group_update(command: GroupUpdate, bounds: Bounds) -> Reject | None:
    data = command.data
    words = _words("join_words", data.join_words) or _words("leave_words", data.leave_words)
    return words or _definition(data, None if data.rule is UNSET else data.rule, bounds)


def _definition(data: GroupCreateData | GroupUpdateData, rule: object, bounds: Bounds) -> Reject | None:
    try:
        parsed = parse_rule(rule, retention=bounds.retention)
    except RuleError as error:
        return Reject("rule_invalid", f"data.{error}")
    return bounds.quotas.refuse_definition(data, keywords_of(parsed))


def _words(name: str, words: Sequence[str] | UnsetType) -> Reject | None:
    """Refuse words without a letter or digit: once punctuation is trimmed, an empty message would say them."""
    if words is UNSET:
        return None
    for index, word in enumerate(words):
        if not is_word(word):
            return Reject("field_invalid", f"data.{name}[{index}]: no letter or digit in it")
    return None


def _contacts(command: Command, _: Bounds) -> Reject | None:
    data: Any = command.data
    for index, ref in enumerate(data.contacts):
        if not _names_one(ref):
            return Reject("field_invalid", f"data.contacts[{index}]: exactly one of id and phone")
    return None


def _names_one(ref: ContactRef) -> bool:
    return (ref.id is None) != (ref.phone is None)


def _contact_tag(command: ContactTag | ContactUntag, bounds: Bounds) -> Reject | None:
    return _contacts(command, bounds) or _tags("tags", command.data.tags)


def _one_contact(command: ContactNote | ContactDelete | ContactRename, _: Bounds) -> Reject | None:
    if not _names_one(command.data.contact):
        return Reject("field_invalid", "data.contact: exactly one of id and phone")
    return None


def _contact_upsert(command: ContactUpsert, _: Bounds) -> Reject | None:
    contact = command.data.contact
    if contact.id is None and contact.phone is None and contact.email is None:
        return Reject("field_missing", "data.contact.phone: or an id or email")
    if contact.id is not None and contact.phone is not None:
        return Reject("field_invalid", "data.contact: at most one of id and phone")
    return _tags("contact.tags", contact.tags) or _attributes(contact.attributes)


def _tags(name: str, tags: Sequence[str]) -> Reject | None:
    for index, tag in enumerate(tags):
        if not is_tag(tag):
            return Reject("field_invalid", f"data.{name}[{index}]: blank")
    return None


def _attributes(attributes: Mapping[str, Any]) -> Reject | None:
    if all(is_attribute(name, value) for name, value in attributes.items()):
        return None
    limits = f"names of 1 to {MAX_NAME} characters, values of {MAX_VALUE} bytes of JSON at most"
    return Reject("field_invalid", f"data.contact.attributes: {limits}")


_CHECKS: dict[str, Callable[[Any, Bounds], Reject | None]] = {
    "tenant.put": _tenant_put,
    "group.create": _group_create,
    "group.update": _group_update,
    "group.add": _contacts,
    "group.remove": _contacts,
    "group.clear_pin": _contacts,
    "consent.opt_out": _contacts,
    "consent.opt_in": _contacts,
    "contact.upsert": _contact_upsert,
    "contact.tag": _contact_tag,
    "contact.untag": _contact_tag,
    "contact.note": _one_contact,
    "contact.delete": _one_contact,
    "contact.rename": _one_contact,
}


def check_command(command: Command, retention: str, quotas: Quotas = DEFAULT) -> Reject | None:
    """Say what is wrong with a command that its types cannot say."""
    check = _CHECKS.get(str(command.__struct_config__.tag))
    return check(command, Bounds(retention, quotas)) if check else None
