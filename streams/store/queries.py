"""What can be asked of the store: each answer is one range of rows or a few rows by key."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec

from processors.windows import zone_of
from schemas.groups import Group
from schemas.outputs import Contact, Membership, Outcome
from schemas.tenants import Tenant
from streams.store import keys
from streams.store.tables import Counts, Refusal, counts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from streams.store.rows import Rows

_membership = msgspec.json.Decoder(Membership).decode
_contact = msgspec.json.Decoder(Contact).decode
_group = msgspec.json.Decoder(Group).decode
_tenant = msgspec.json.Decoder(Tenant).decode
_outcome = msgspec.json.Decoder(Outcome).decode
_refusal = msgspec.json.Decoder(Refusal).decode


class Page(NamedTuple):
    """Some of a list's items, and where the next page begins: None at the end."""

    items: list[Any]
    after: str | None


class Standing(NamedTuple):
    """A command's outcomes so far, by index, or why it was turned away."""

    outcomes: list[Outcome]
    refusal: Refusal | None


class _Change(msgspec.Struct, frozen=True):
    time: datetime
    data: dict[str, Any]


class _Ending(msgspec.Struct, frozen=True):
    expires_at: datetime | None


_change = msgspec.json.Decoder(_Change).decode
_ending = msgspec.json.Decoder(_Ending).decode
PAGE_BYTES = 1024 * 1024
"""A page ends before its rows are larger than this; a definition alone may have half of it."""
HISTORY = 50
"""Changes told of a membership, the newest; all of them lie in the log."""
_TOLD = ("seq", "change", "reason", "cause", "evidence", "effective_at", "expires_at", "sources", "origin")


class Queries:
    """The read side of the group store."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows

    def tenant(self, tenant: str) -> Tenant | None:
        """The tenant's record."""
        raw = self._rows.get(keys.key("t", tenant))
        return None if raw is None else _tenant(raw)

    def tenants(self, after: str | None, limit: int) -> Page:
        """The tenants there are."""
        return self._page(b"t", after, limit, lambda _, raw: _tenant(raw))

    def group(self, tenant: str, group: str) -> Group | None:
        """A group's definition."""
        raw = self._rows.get(keys.key("g", tenant, group))
        return None if raw is None else _group(raw)

    def counts(self, tenant: str, group: str) -> Counts:
        """How many members a group has."""
        return counts(self._rows.get(keys.key("n", tenant, group)))

    def groups(self, tenant: str, after: str | None, limit: int) -> Page:
        """The tenant's definitions, by id."""
        return self._page(keys.key("g", tenant), after, limit, lambda _, raw: _group(raw))

    def membership(self, tenant: str, group: str, contact: str) -> Membership | None:
        """One contact's membership in one group."""
        raw = self._rows.get(keys.key("m", tenant, group, contact))
        return None if raw is None else _membership(raw)

    def members(self, tenant: str, group: str, after: str | None, limit: int, *, sendable: bool | None = None) -> Page:
        """A group's members with their profiles, by contact; of one `sendable` only."""

        def member(contact: str, raw: bytes) -> tuple[Membership, Contact | None]:
            return _membership(raw), self.contact(tenant, contact)

        def wanted(raw: bytes) -> bool:
            return sendable is None or _membership(raw).sendable == sendable

        return self._page(keys.key("m", tenant, group), after, limit, member, wanted)

    def contact(self, tenant: str, contact: str) -> Contact | None:
        """A contact's profile."""
        raw = self._rows.get(keys.key("c", tenant, contact))
        return None if raw is None else _contact(raw)

    def knows(self, tenant: str, contact: str) -> bool:
        """Whether the contact has a profile or is in any group."""
        if self._rows.get(keys.key("c", tenant, contact)) is not None:
            return True
        return next(self._after(keys.key("i", tenant, contact), None), None) is not None

    def whose(self, tenant: str, contact: str) -> str:
        """The contact whose id this is: itself, or the one that it is linked to."""
        raw = None if self.knows(tenant, contact) else self._rows.get(keys.key("a", tenant, contact))
        return contact if raw is None else raw.decode()

    def memberships(self, tenant: str, contact: str, after: str | None, limit: int) -> Page:
        """The groups that a contact is in, with their definitions, by group."""

        def pair(group: str, _: bytes) -> tuple[Membership | None, Group | None]:
            return self.membership(tenant, group, contact), self.group(tenant, group)

        page = self._page(keys.key("i", tenant, contact), after, limit, pair)
        # a chunk may land between the two reads: a row that is gone by now is no membership
        return page._replace(items=[pair for pair in page.items if pair[0] is not None])

    def history(self, tenant: str, contact: str, group: str) -> list[dict[str, Any]]:
        """The newest changes of a membership, newest first."""
        rows = [raw for _, raw in self._after(keys.key("h", tenant, contact, group), None)]
        told = (_change(raw[8:]) for raw in reversed(rows[-HISTORY:]))
        return [{"time": one.time} | {name: one.data.get(name) for name in _TOLD} for one in told]

    def leaving(self, tenant: str, group: str, days: int, zone: str) -> dict[str, int]:
        """Count the members whose membership ends in the next days, by day in a time zone."""
        until, at = datetime.now(UTC) + timedelta(days=days), zone_of(zone)
        found: Counter[str] = Counter()
        for _, raw in self._after(keys.key("m", tenant, group), None):
            ends = _ending(raw).expires_at
            if ends is not None and ends <= until:
                found[ends.astimezone(at).date().isoformat()] += 1
        return dict(found)

    def command(self, tenant: str, command: str) -> Standing:
        """What became of a command."""
        refused = keys.key("d", tenant, command)
        # a command may name a contact twice: then the second place has nothing else than that it came again
        rows = (row for letter in "ro" for row in self._after(keys.key(letter, tenant, command), None))
        outcomes = {key[1:]: _outcome(raw[8:]) for key, raw in rows}
        refusal = next((_refusal(raw[8:]) for _, raw in self._after(refused, None)), None)
        return Standing(sorted(outcomes.values(), key=lambda said: said.index), refusal)

    def _after(self, prefix: bytes, after: str | None) -> Iterator[tuple[bytes, bytes]]:
        start = prefix if after is None else prefix + keys.part(after) + b"\0"
        return self._rows.scan(start, keys.upper(prefix))

    def _page(
        self,
        prefix: bytes,
        after: str | None,
        limit: int,
        shape: Callable[[str, bytes], Any],
        wanted: Callable[[bytes], bool] | None = None,
    ) -> Page:
        rows = self._after(prefix, after)
        if wanted is not None:
            rows = (row for row in rows if wanted(row[1]))
        found = _fitting(islice(rows, limit))
        items = [shape(keys.last(key, prefix), raw) for key, raw in found.rows]
        more = found.cut or next(rows, None) is not None
        return Page(items, keys.last(found.rows[-1][0], prefix) if found.rows and more else None)


class _Fitting(NamedTuple):
    rows: list[tuple[bytes, bytes]]
    cut: bool


def _fitting(rows: Iterator[tuple[bytes, bytes]]) -> _Fitting:
    """Take rows until a page is full: at least one, however large."""
    taken, size = list[tuple[bytes, bytes]](), 0
    for key, raw in rows:
        size += len(raw)
        if taken and size > PAGE_BYTES:
            return _Fitting(taken, cut=True)
        taken.append((key, raw))
    return _Fitting(taken, cut=False)
