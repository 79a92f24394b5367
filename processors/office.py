"""What a tenant's actor works with: what it knows of its tenant and groups, and how it puts a definition in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import structs

from processors.desk import ORIGIN, Desk, Out
from processors.rows import Authority, AuthorityGroup, authority_group_of, authority_of, encode
from schemas.activity import Defined
from schemas.base import moment
from schemas.groups import Group
from schemas.outputs import Notice, OutcomeReason, OutcomeResult
from schemas.rules import MessageRule, leaves, parse_rule

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from schemas.activity import Activity

Verdict = tuple[OutcomeResult, OutcomeReason | None]

APPLIED: Verdict = ("applied", None)
UNCHANGED: Verdict = ("unchanged", None)

group_of = msgspec.json.Decoder(Group).decode
to_json = msgspec.json.Encoder().encode


class Office:
    """A tenant's actor at work: what it knows, loaded from the desk and put back."""

    def __init__(self, desk: Desk, tenant: str) -> None:
        self.desk = desk
        self.tenant = tenant
        self.row = b"a" + tenant.encode()
        raw = desk.pending.get(self.row)
        self.authority: Authority = Authority() if raw is None else authority_of(raw)

    def group(self, group: str) -> AuthorityGroup | None:
        """Return what is known of a group."""
        raw = self.desk.pending.get(self._key(group))
        return None if raw is None else authority_group_of(raw)

    def in_force(self, group: str) -> bool:
        """Whether a group is there and is not being deleted."""
        known = self.group(group)
        return known is not None and group_of(known.body).status != "deleting"

    def keep(self, group: str, known: AuthorityGroup | None) -> None:
        """Put back what is known of a group, or forget it."""
        self.desk.pending.put(self._key(group), None if known is None else encode(known), self.row + b"/")

    def groups(self) -> Iterator[Group]:
        """Yield all groups of the tenant by id."""
        return (group_of(authority_group_of(row).body) for _, row in self.desk.pending.scan(self.row + b"/"))

    def save(self) -> None:
        """Put back the tenant's own row."""
        self.desk.pending.put(self.row, encode(self.authority))

    def broadcast(self, activity: Activity) -> None:
        """Tell every partition."""
        for partition in range(self.desk.partitions):
            self.desk.tell(self.tenant.encode(), activity, partition)

    def write(self, group: Group, known: AuthorityGroup) -> None:
        """Keep a definition as it is shown, and show it; what partitions do does not depend on it."""
        known.body = to_json(group)
        self.keep(group.id, known)
        self.desk.out.append(Out("groups", f"{self.tenant}/{group.id}".encode(), known.body))

    def _key(self, group: str) -> bytes:
        return self.row + b"/" + group.encode()


def start(office: Office, group: Group, cause: tuple[str, str], *, scan: bool) -> None:
    """Put a definition in force at a new version; with a scan, wait for every partition, else it is ready at once."""
    authority = office.authority
    authority.version += 1
    waiting = list(range(office.desk.partitions)) if scan else []
    if scan:
        authority.open.append(group.id)
        group = structs.replace(group, progress=0.0)
    office.save()
    known = AuthorityGroup(to_json(group), authority.version, waiting, 0, None, *cause)
    publish(office, group, known)
    if not scan:
        office.desk.out.append(_ready_notice(office, known, group))


def publish(office: Office, group: Group, known: AuthorityGroup) -> None:
    """Keep a definition, tell every partition of it, and show it."""
    office.write(group, known)
    version, cause = office.authority.version, (known.source, known.id)
    office.broadcast(Defined(*ORIGIN, version, office.tenant, None, known.body, None, *cause))


def finish(office: Office, name: str, known: AuthorityGroup) -> None:
    """Every partition has reported: the group is ready, or gone."""
    office.authority.open.remove(name)
    office.save()
    group = group_of(known.body)
    if group.status == "deleting":
        office.keep(name, None)
        office.broadcast(Defined(*ORIGIN, known.version, office.tenant, None, None, name))
        office.desk.out.append(Out("groups", f"{office.tenant}/{name}".encode(), None))
        return
    group = structs.replace(group, status="ready", progress=None, coverage_from=_coverage(office, known, group))
    publish(office, group, known)
    office.desk.out.append(_ready_notice(office, known, group))


def _coverage(office: Office, known: AuthorityGroup, group: Group) -> datetime | None:
    """Tell since when there are facts that the rule reads: messages are not kept for longer than the retention."""
    earliest = known.earliest
    if earliest is not None and any(isinstance(leaf, MessageRule) for leaf in leaves(parse_rule(group.rule))):
        earliest = max(earliest, office.desk.oldest)
    return None if earliest is None else moment(earliest)


def _ready_notice(office: Office, known: AuthorityGroup, group: Group) -> Out:
    value = Notice(
        tenant=office.tenant,
        kind="group_ready",
        id=f"group_ready/{group.id}/{known.version}",
        time=moment(office.desk.now),
        group=group.id,
        count=known.counted,
        coverage_from=group.coverage_from,
    )
    return Out("notices", office.tenant.encode(), to_json(value))
