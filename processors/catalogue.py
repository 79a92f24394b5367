"""The definitions of the tenants that a partition knows: kept in rows, and compiled when somebody asks."""

from __future__ import annotations

from typing import TYPE_CHECKING

from processors.definitions import Definition, Definitions
from processors.office import to_json
from processors.rows import Defined as DefinedRow
from processors.rows import defined_of, encode

if TYPE_CHECKING:
    from processors.desk import Desk
    from schemas.activity import Defined

GROUPS = 50_000
"""Groups that stay compiled from one commit to the next, the last tenant's always."""


class Catalogue:
    """What one partition knows of tenants, by `tenant` or `tenant/...` as a key begins."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._known: dict[bytes, Definitions] = {}

    def __len__(self) -> int:
        """How many tenants are compiled."""
        return len(self._known)

    def of(self, key: bytes) -> Definitions:
        """Return the definitions of the tenant of a key."""
        name = key.partition(b"/")[0]
        known = self._known.get(name)
        if known is None:
            known = self._known[name] = self._load(name)
        return known

    def trim(self) -> None:
        """Forget what is compiled, the oldest first, if it is too much; rows keep all of it."""
        while len(self._known) > 1 and sum(len(known.groups) for known in self._known.values()) > GROUPS:
            del self._known[next(iter(self._known))]

    def drop_group(self, name: bytes, group: str) -> None:
        """Forget a group that is gone."""
        self.of(name).drop_group(group)
        under = _under(name)
        self._desk.pending.put(under + group.encode(), None, under)

    def put_group(self, name: bytes, defined: Defined) -> Definition:
        """Take a group as it was created, changed or marked for deletion."""
        assert defined.group is not None  # noqa: S101 - whoever asks has seen that it is one
        known = self.of(name)
        group = known.set_group(defined.version, defined.group, (defined.source, defined.id))
        self._keep(name, group, known)
        return group

    def put_record(self, name: bytes, defined: Defined) -> bool:
        """Take a tenant's record; return whether rules may read facts otherwise by it."""
        assert defined.record is not None  # noqa: S101 - whoever asks has seen that it is one
        known, under = self.of(name), _under(name)
        changed = known.set_record(defined.version, defined.record)
        row = DefinedRow(known.version, defined.record, defined.source, defined.id, known.formatted)
        self._desk.pending.put(under, encode(row), under)
        return changed

    def keep_groups(self, name: bytes) -> None:
        """Write all groups of a tenant as they are."""
        known = self.of(name)
        for definition in known.groups.values():
            self._keep(name, definition, known)

    def _keep(self, name: bytes, definition: Definition, known: Definitions) -> None:
        asked, under = known.shadows.get(definition.id), _under(name)
        versions = definition.ruled, asked.version if asked is not None else 0, definition.born
        row = DefinedRow(definition.version, to_json(definition.group), *definition.cause, *versions)
        self._desk.pending.put(under + definition.id.encode(), encode(row), under)

    def _load(self, name: bytes) -> Definitions:
        known, under = Definitions(name.decode()), _under(name)
        rows = [(key, defined_of(value)) for key, value in self._desk.pending.scan(under)]
        for key, row in sorted(rows, key=lambda one: (one[0] != under, one[1].version)):
            if key == under:
                known.set_record(row.version, row.body)
                known.formatted = row.ruled
            else:
                group = known.set_group(row.version, row.body, (row.source, row.id), row.ruled, row.shadow)
                group.born = row.born or group.born
        return known


def _under(name: bytes) -> bytes:
    """Return the key of a tenant's record, which is also the prefix of its groups."""
    return b"d" + name + b"/"
