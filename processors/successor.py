"""A group's successor, as the tenant's actor decides on it: asked for, built in shadow, and then in force.

`group.create` with `supersedes`, the group's own id, replaces the rule that otherwise never changes. The old rule stays
in force while every partition asks its contacts about the new one; once all have, the new one is put in force at a
version of its own, and the group is building again until all differences are told. Newest wins: another successor takes
the place of one that is being built, and the rule in force, asked for again, takes it back.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from processors.office import APPLIED, UNCHANGED, Office, Verdict, group_of, publish, start
from processors.progress import forget
from processors.rows import Succession
from processors.rules import rule_in_force
from schemas.groups import Group, Successor
from schemas.rules import canonical, group_refs, rule_hash

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from processors.rows import AuthorityGroup
    from schemas.activity import Scanned
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
    _build(office, structs.replace(group, successor=successor), known, (command.source, command.id))
    return APPLIED


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
    give_up(office, group.id, known)
    office.save()
    publish(office, structs.replace(group, successor=None), known)
    forget(office)
    return APPLIED


def give_up(office: Office, name: str, known: AuthorityGroup) -> None:
    """Build a group's successor no more."""
    known.succession = None
    if name in office.authority.shadows:
        office.authority.shadows.remove(name)


def _build(office: Office, group: Group, known: AuthorityGroup, cause: tuple[str, str]) -> None:
    give_up(office, group.id, known)
    authority = office.authority
    authority.version += 1
    authority.shadows.append(group.id)
    office.save()
    known.succession = Succession(authority.version, list(range(office.desk.partitions)), *cause)
    publish(office, group, known)


def built(office: Office, scanned: Scanned) -> None:
    """A partition has asked all its contacts: put the successors in force that waited for it last."""
    for known in filter(None, map(office.group, list(office.authority.shadows))):
        succession, group = known.succession, group_of(known.body)
        if succession is None or group.successor is None or succession.version > scanned.version:
            return  # they stand in the order of their versions
        if scanned.by in succession.waiting:
            succession.waiting.remove(scanned.by)
            successor = _counted(group.successor, scanned.shadows.get(group.id, [0, 0]))
            office.write(structs.replace(group, successor=successor), known)
            if not succession.waiting:
                _take_over(office, group, successor, (succession.source, succession.id))


def _counted(successor: Successor, counted: list[int]) -> Successor:
    joining, leaving = successor.joining + counted[0], successor.leaving + counted[1]
    return structs.replace(successor, joining=joining, leaving=leaving)


def _take_over(office: Office, group: Group, successor: Successor, cause: tuple[str, str]) -> None:
    """Put the new rule in force: from here on contacts are brought to it, and what differs is told."""
    office.authority.shadows.remove(group.id)
    said = {word: value for word in WORDS if (value := getattr(successor, word))}
    rule = {"rule": successor.rule, "rule_hash": successor.rule_hash, "sticky": successor.sticky}
    group = structs.replace(group, **said, **rule, successor=None, status="building", coverage_from=None)
    start(office, group, cause, scan=True)


def refuse_refs(office: Office, own: str, refs: tuple[str, ...]) -> OutcomeReason | None:
    """Why a rule's references cannot stand: no old group names a new one, so only itself can close a cycle."""
    if own in refs:
        return "rule_cycle"
    if any(office.group(ref) is None for ref in refs):
        return "group_unknown"
    return None if all(map(office.in_force, refs)) else "group_deleting"


def refs_of(group: Group) -> Iterator[str]:
    """Yield the groups that a group's rule names, or its successor's will."""
    yield from group_refs(rule_in_force(group.rule))
    if group.successor is not None:
        yield from group_refs(rule_in_force(group.successor.rule))


def _reached(office: Office, refs: Iterable[str]) -> set[str]:
    """Return the groups that references lead to, by rules in force and by those to come."""
    found, fresh = set[str](), list(refs)
    while fresh:
        name = fresh.pop()
        known = None if name in found else office.group(name)
        found.add(name)
        fresh += refs_of(group_of(known.body)) if known is not None else ()
    return found
