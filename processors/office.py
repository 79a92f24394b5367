"""What a tenant's actor works with: what it knows of its tenant and groups, and how it puts a definition in force."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from msgspec import structs

from processors.desk import ORIGIN, Desk, Out
from processors.rows import Authority, AuthorityGroup, Open, authority_group_of, authority_of, encode, open_of
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
        self.authority: Authority = Authority(groups=0) if raw is None else authority_of(raw)

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

    def wait_for_partitions(self, group: str) -> None:
        """Have a group go on once every partition has all its contacts at the version now in force."""
        self.keep_open(self.authority.version, Open(group))

    def opened(self, version: int) -> Open | None:
        """Return what waits for a version."""
        raw = self.desk.pending.get(self._open_key(version))
        return None if raw is None else open_of(raw)

    def keep_open(self, version: int, row: Open | None) -> None:
        """Put back what waits for a version, or forget it."""
        self.desk.pending.put(self._open_key(version), None if row is None else encode(row), self._open_under)

    def open(self) -> Iterator[tuple[int, Open]]:
        """Yield what waits, by version, the lowest first."""
        done = self._open_key(self.authority.finished)
        for key, row in self.desk.pending.scan(self._open_under, done):
            yield int.from_bytes(key[len(self._open_under) :], "big"), open_of(row)

    def behind(self, version: int) -> list[int]:
        """List the partitions that have not reported a version yet."""
        reported = self.authority.reported
        return [by for by in range(self.desk.partitions) if reported.get(by, 0) < version]

    @property
    def _open_under(self) -> bytes:
        return b"v%b/" % self.tenant.encode()

    def _open_key(self, version: int) -> bytes:
        return self._open_under + version.to_bytes(8, "big")

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
    if scan:
        office.wait_for_partitions(group.id)
        group = structs.replace(group, progress=0.0)
    office.save()
    known = AuthorityGroup(to_json(group), authority.version, source=cause[0], id=cause[1])
    publish(office, group, known)
    if not scan:
        office.desk.out.append(_ready_notice(office, known, group, 0))


def publish(office: Office, group: Group, known: AuthorityGroup) -> None:
    """Keep a definition, tell every partition of it, and show it."""
    office.write(group, known)
    version, cause = office.authority.version, (known.source, known.id)
    office.broadcast(Defined(*ORIGIN, version, office.tenant, None, known.body, None, *cause))


def finish(office: Office, known: AuthorityGroup, members: int) -> None:
    """Every partition has reported: the group is ready, or gone. Partitions need not know that it is ready."""
    group = group_of(known.body)
    if group.status == "deleting":
        office.keep(group.id, None)
        office.broadcast(Defined(*ORIGIN, known.version, office.tenant, None, None, group.id))
        office.desk.out.append(Out("groups", f"{office.tenant}/{group.id}".encode(), None))
        return
    group = structs.replace(group, status="ready", progress=None, coverage_from=_coverage(office, group))
    office.write(group, known)
    office.desk.out.append(_ready_notice(office, known, group, members))


def _coverage(office: Office, group: Group) -> datetime | None:
    """Tell since when there are facts that the rule reads: messages are not kept for longer than the retention."""
    earliest = min(office.authority.earliest.values(), default=None)
    if earliest is not None and any(isinstance(leaf, MessageRule) for leaf in leaves(parse_rule(group.rule))):
        earliest = max(earliest, office.desk.oldest)
    return None if earliest is None else moment(earliest)


def _ready_notice(office: Office, known: AuthorityGroup, group: Group, members: int) -> Out:
    value = Notice(
        tenant=office.tenant,
        kind="group_ready",
        id=f"group_ready/{group.id}/{known.version}",
        time=moment(office.desk.now),
        group=group.id,
        count=members,
        coverage_from=group.coverage_from,
    )
    return Out("notices", office.tenant.encode(), to_json(value))
