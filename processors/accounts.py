"""What a tenant's groups amount to, kept with each change: which of them name which, and how many words they have.

Both are asked of all groups at once, when a group is deleted and when one is created; to look through 10,000 of them
each time would take a second.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from processors.rules import rule_in_force
from schemas.rules import group_refs, keywords_of
from schemas.tenants import Tenant

if TYPE_CHECKING:
    from collections.abc import Iterator

    from processors.office import Office
    from schemas.groups import Group
    from schemas.outputs import OutcomeReason
    from schemas.rules import Rule


class Amounts(NamedTuple):
    """How many groups there are, how many keywords their rules have, and how many words to join and leave."""

    groups: int
    keywords: int
    words: int


NONE = Amounts(0, 0, 0)
_record = msgspec.json.Decoder(Tenant).decode
to_json = msgspec.json.Encoder().encode


def over(office: Office, before: Group | None, after: Group) -> OutcomeReason | None:
    """Say which quota a change would go beyond: one that makes nothing more is free, whatever there is already.

    The actor alone decides, so that two who write at once do not pass it together.
    """
    quotas, authority, more = office.desk.quotas, office.authority, growth(before, after)
    if more.groups > 0 and authority.groups + more.groups > quotas.groups:
        return "too_many_groups"
    if more.keywords > 0 and authority.keywords + more.keywords > quotas.keywords:
        return "too_many_keywords"
    if more.words > 0 and words_of(authority.record) + authority.words + more.words > quotas.consent_words:
        return "too_many_words"
    grown = before is None or len(to_json(after)) > len(to_json(before))
    return "definition_too_large" if grown and quotas.is_large(after) else None


def words_over(office: Office, record: bytes) -> bool:
    """Whether a tenant's new record would have more words than it may, and more than it has."""
    words, known = words_of(record), words_of(office.authority.record)
    return words > known and words + office.authority.words > office.desk.quotas.consent_words


def words_of(record: bytes | None) -> int:
    """Count a tenant's own words to opt out and in."""
    if record is None:
        return 0
    tenant = _record(record)
    return len(tenant.opt_out_words) + len(tenant.opt_in_words)


def account(office: Office, before: Group | None, after: Group | None) -> None:
    """Count a group's change; None stands for a group that is not there, or is being deleted."""
    authority, more = office.authority, growth(before, after)
    authority.groups += more.groups
    authority.keywords += more.keywords
    authority.words += more.words
    office.save()
    was, now = _named(before), _named(after)
    one = after or before
    assert one is not None  # noqa: S101 - a change is of a group
    for name in was ^ now:
        under = _under(office, name)
        office.desk.pending.put(under + one.id.encode(), b"" if name in now else None, under)


def growth(before: Group | None, after: Group | None) -> Amounts:
    """Return by how much a change makes the amounts grow."""
    was, now = _amounts(before), _amounts(after)
    return Amounts(*(new - old for new, old in zip(now, was, strict=True)))


def _amounts(group: Group | None) -> Amounts:
    """Count a group with its successor, whose words will be said in place of its own if it has any."""
    if group is None:
        return NONE
    keywords = sum(map(keywords_of, _rules(group)))
    words = len(group.join_words) + len(group.leave_words)
    if group.successor is not None:
        words += len(group.successor.join_words) + len(group.successor.leave_words)
    return Amounts(1, keywords, words)


def is_named(office: Office, group: str) -> bool:
    """Whether the rule of a group that is not being deleted, or its successor's, names a group."""
    return next(office.desk.pending.scan(_under(office, group)), None) is not None


def refs_of(group: Group) -> Iterator[str]:
    """Yield the groups that a group's rule names, or its successor's will."""
    for rule in _rules(group):
        yield from group_refs(rule)


def _named(group: Group | None) -> set[str]:
    return set() if group is None else {*refs_of(group)}


def _rules(group: Group) -> Iterator[Rule]:
    yield _rule(to_json(group.rule))
    if group.successor is not None:
        yield _rule(to_json(group.successor.rule))


@lru_cache(64)
def _rule(text: bytes) -> Rule:
    """Read a rule that was just read: what it has is asked for several times."""
    return rule_in_force(msgspec.json.decode(text))


def _under(office: Office, group: str) -> bytes:
    return b"g%b/%b/" % (office.tenant.encode(), group.encode())
