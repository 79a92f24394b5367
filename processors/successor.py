"""A group's successor, as the tenant's actor decides on it: asked for, built in shadow, and then in force.

`group.create` with `supersedes`, the group's own id, replaces the rule that otherwise never changes. The old rule stays
in force while every partition asks its contacts about the new one; once all have, the new one is put in force at a
version of its own, and the group is building again until all differences are told. Newest wins: another successor takes
the place of one that is being built, and the rule in force, asked for again, takes it back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from processors.accounts import account, over, refs_of
from processors.office import APPLIED, UNCHANGED, Office, Verdict, group_of, publish, start
from processors.progress import forget
from processors.rows import Succession
from processors.rules import rule_in_force
from schemas.groups import Group, Successor
from schemas.rules import canonical, group_refs, rule_hash

if TYPE_CHECKING:
    from collections.abc import Iterable

    from processors.rows import AuthorityGroup
    from schemas.commands import GroupCreate
    from schemas.outputs import OutcomeReason

WORDS = ("name", "description", "reply", "join_words", "leave_words")


def supersede(office: Office, command: GroupCreate) -> Verdict:
    """Have a successor built for a group that is there."""
    known = office.group(command.data.id or "")
    if known is None:
        return "skipped", "group_unknown"
    group, successor = group_of(known.body), _asked(command)
    if group.status == "deleting":
        return "skipped", "group_deleting"
    if successor.rule_hash == group.rule_hash:
        return _take_back(office, group, known)
    if group.successor is not None and _same(successor, group.successor):
        return UNCHANGED
    refs = group_refs(rule_in_force(successor.rule))
    refused = refuse_refs(office, group.id, refs)
    if refused is not None or group.id in _reached(office, refs):
        return "skipped", refused or "rule_cycle"
    return _build(office, structs.replace(group, successor=successor), known, (command.source, command.id))


def _asked(command: GroupCreate) -> Successor:
    data, rule = command.data, rule_in_force(command.data.rule)
    return Successor(
        rule=data.rule or canonical(rule),
        rule_hash=rule_hash(rule, data.sticky),
        sticky=data.sticky,
        name=data.name,
        description=data.description,
        reply=data.reply,
        join_words=data.join_words,
        leave_words=data.leave_words,
        asked_at=command.time,
        asked_by=data.by,
    )


def _same(one: Successor, other: Successor) -> bool:
    return all(getattr(one, name) == getattr(other, name) for name in ("rule_hash", *WORDS))


def _take_back(office: Office, group: Group, known: AuthorityGroup) -> Verdict:
    """The rule in force is to stay: nothing is built any more."""
    if group.successor is None:
        return UNCHANGED
    known.succession = None
    without = structs.replace(group, successor=None)
    account(office, group, without)
    office.save()
    publish(office, without, known)
    forget(office)
    return APPLIED


def _build(office: Office, group: Group, known: AuthorityGroup, cause: tuple[str, str]) -> Verdict:
    before, authority = group_of(known.body), office.authority
    exceeded = over(office, before, group)
    if exceeded:
        return "skipped", exceeded
    authority.version += 1
    office.wait_for_partitions(group.id)
    account(office, before, group)
    known.succession = Succession(authority.version, [], *cause)
    publish(office, group, known)
    return APPLIED


def count_differing(office: Office, known: AuthorityGroup, counts: list[int]) -> None:
    """Add who is to join and leave in one partition."""
    group = group_of(known.body)
    successor = group.successor
    assert successor is not None  # noqa: S101 - it is being built
    joining, leaving = successor.joining + counts[0], successor.leaving + counts[1]
    successor = structs.replace(successor, joining=joining, leaving=leaving)
    office.write(structs.replace(group, successor=successor), known)


def take_over(office: Office, known: AuthorityGroup) -> None:
    """Put the new rule in force: from here on contacts are brought to it, and what differs is told."""
    group, succession = group_of(known.body), known.succession
    successor = group.successor
    assert succession is not None and successor is not None  # noqa: S101, PT018 - it has just been built
    said = {word: value for word in WORDS if (value := getattr(successor, word))}
    rule = {"rule": successor.rule, "rule_hash": successor.rule_hash, "sticky": successor.sticky}
    anew = structs.replace(group, **said, **rule, successor=None, status="building", coverage_from=None)
    account(office, group, anew)
    start(office, anew, (succession.source, succession.id), scan=True)


def refuse_refs(office: Office, own: str, refs: tuple[str, ...]) -> OutcomeReason | None:
    """Why a rule's references cannot stand: no old group names a new one, so only itself can close a cycle."""
    if own in refs:
        return "rule_cycle"
    if any(office.group(ref) is None for ref in refs):
        return "group_unknown"
    return None if all(map(office.in_force, refs)) else "group_deleting"


def _reached(office: Office, refs: Iterable[str]) -> set[str]:
    """Return the groups that references lead to, by rules in force and by those to come."""
    found, fresh = set[str](), list(refs)
    while fresh:
        name = fresh.pop()
        known = None if name in found else office.group(name)
        found.add(name)
        fresh += refs_of(group_of(known.body)) if known is not None else ()
    return found
