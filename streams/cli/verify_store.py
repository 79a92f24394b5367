"""Hold what HTTP answers against memberships: who is listed in each group, and how many are counted.

The store follows the topic, so whoever differs is asked about again, and the topic read on, until both agree or the
patience is over.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from typing import TYPE_CHECKING, Any

import msgspec

from schemas.outputs import Membership
from streams.cli.ask import Api, RefusedError, api, tenants
from streams.verify import compare_lists, compare_member
from streams.verify_books import Difference

if TYPE_CHECKING:
    from collections.abc import Iterator

    from streams.runtime.verify_reader import TableCopy
    from streams.settings import Settings

ROUNDS = 3
"""At least so often is asked, however short the patience."""
PAUSE_SECONDS = 0.2

Group = tuple[str, str]
Member = tuple[str, str, str]


class Listed:
    """What HTTP says of groups and members; with a tokens file, of the tenants that have a token in it."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._tenants = frozenset(tenants(settings))

    def may_ask(self, tenant: str) -> bool:
        """Whether HTTP would answer about a tenant."""
        return self._settings.tokens is None or tenant in self._tenants

    def groups(self) -> list[Group]:
        """These tenants' groups; none of a tenant that has a token and no record."""
        return [(tenant, one) for tenant in self._tenants for one in self._groups(tenant)]

    def _groups(self, tenant: str) -> list[str]:
        try:
            return [one["id"] for one in self._api(tenant).items("groups")]
        except RefusedError as error:
            if error.status != 404:  # Not Found
                raise
            return []

    def _api(self, tenant: str) -> Api:
        return api(self._settings, tenant)

    def counts(self, group: Group) -> tuple[int, int] | None:
        """How many members a group has, and how many of them may be written to; None if there is no such group."""
        said = self._get(group[0], "groups", group[1])
        return None if said is None else (said["members"], said["sendable"])

    def members(self, group: Group) -> Iterator[Membership]:
        """A group's members, page by page; none if there is no such group."""
        try:
            for said in self._api(group[0]).items("groups", group[1], "members"):
                yield _membership(group, said["contact"], said)
        except RefusedError as error:
            if error.status != 404:  # Not Found
                raise

    def member(self, tenant: str, group: str, contact: str) -> Membership | None:
        """One member, None if the contact is none."""
        said = self._get(tenant, "contacts", contact, "groups", group)
        return _membership((tenant, group), contact, said) if said is not None and said["member"] else None

    def _get(self, tenant: str, *path: str) -> Any:
        try:
            return self._api(tenant).get(*path)
        except RefusedError as error:
            if error.status != 404:  # Not Found
                raise
            return None


def _membership(group: Group, contact: str, said: dict[str, Any]) -> Membership:
    """What HTTP says of a member; it tells no seq and no change."""
    shown = {name: said[name] for name in ("since", "expires_at", "sources", "sendable")}
    named = {"tenant": group[0], "group": group[1], "contact": contact, "seq": 1, "change_id": ""}
    return msgspec.convert({**named, **shown}, Membership)


class Comparison:
    """HTTP against a copy of memberships; what is found is asked about again."""

    def __init__(self, copy: TableCopy, listed: Listed) -> None:
        self.copy, self.listed = copy, listed
        self.groups: list[Group] = []
        self.members = 0
        self.unasked: set[str] = set()
        self.moved = Counter[Group]()
        self._members: dict[Member, list[Difference]] = {}
        self._counts: dict[Group, list[Difference]] = {}

    async def run(self, patience: float) -> list[Difference]:
        """Compare, and again what differs until `patience` (seconds) is over."""
        await self._read_on()
        self.groups = sorted({*self.listed.groups(), *self._told()})
        for group in self.groups:
            self._compare(group)
            await asyncio.sleep(0)
        end, rounds = time.monotonic() + patience, 0
        while (self._members or self._counts) and (rounds < ROUNDS or time.monotonic() < end):
            rounds += 1
            await asyncio.sleep(PAUSE_SECONDS)
            await self._again()
        return [one for found in (*self._members.values(), *self._counts.values()) for one in found]

    def _told(self) -> Iterator[Group]:
        """The groups of memberships; tenants that may not be asked about are noted and left out."""
        for group in self.copy.groups():
            if self.listed.may_ask(group[0]):
                yield group
            else:
                self.unasked.add(group[0])

    def _compare(self, group: Group) -> None:
        for found in compare_lists(self._counted(group), self.listed.members(group)):
            self._members[(*group, found[0].contact or "")] = found
        self._keep_counts(group, 0)

    def _counted(self, group: Group) -> Iterator[Membership]:
        for row in self.copy.members(*group):
            self.members += 1
            yield row

    async def _again(self) -> None:
        before = await self._read_on()
        for member in list(self._members):
            found = compare_member(self.copy.member(*member), self.listed.member(*member))
            self._members[member] = found
        self._members = {member: found for member, found in self._members.items() if found}
        asked = {group: self.listed.counts(group) for group in self._counts}
        after = await self._read_on()
        for group, said in asked.items():
            self._weigh(group, said, before[group] + after[group])

    async def _read_on(self) -> Counter[Group]:
        """Read on, and count what moved in each group."""
        moved = Counter[Group]()
        for key in await self.copy.read_on():
            tenant, _, rest = key.decode().partition("/")
            moved[tenant, rest.partition("/")[0]] += 1
        return moved

    def _keep_counts(self, group: Group, slack: int) -> None:
        self._weigh(group, self.listed.counts(group), slack)

    def _weigh(self, group: Group, said: tuple[int, int] | None, slack: int) -> None:
        """Counts may be off by what moved while they were asked for, and by no more."""
        expected = self.copy.count(*group)
        pairs = zip(("members", "sendable"), expected, said or (0, 0), strict=True)
        off = [pair for pair in pairs if abs(pair[1] - pair[2]) > slack]
        self._counts.pop(group, None)
        if off:
            self._counts[group] = [
                Difference(kind="store_count", tenant=group[0], group=group[1], field=name, expected=one, found=two)
                for name, one, two in off
            ]
