"""A group's definition as a partition knows it, and what is compiled of one, once for all partitions of a worker."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct

from processors.leaf import Zones
from processors.message_leaf import MessageLeaf
from processors.rules import Compiled, compile_rule, rule_in_force
from schemas.groups import Group
from schemas.rules import MessageRule, Rule, leaves
from schemas.tenants import Tenant

if TYPE_CHECKING:
    from processors.words import Mode

UTC = Zones("UTC", {})
_group = msgspec.json.Decoder(Group).decode
_tenant = msgspec.json.Decoder(Tenant).decode


class Phrase(Struct, frozen=True, eq=False, gc=False):
    """A keyword of the rule's leaf number `at`; `against` if it is of `none_of`."""

    at: int
    leaf: MessageLeaf
    phrase: str
    mode: Mode
    against: bool


class Template(Struct, frozen=True, eq=False):
    """What is compiled of a definition: nobody changes any of it, so partitions share it."""

    group: Group
    rule: Compiled
    phrases: tuple[Phrase, ...]


@lru_cache(64)
def tenant_of(record: bytes) -> tuple[Tenant, Zones]:
    """Read a tenant's record, and its time zones."""
    tenant = _tenant(record)
    return tenant, Zones(tenant.zone, {name: p.zone for name, p in tenant.properties.items() if p.zone})


@lru_cache(1024)
def template(body: bytes, record: bytes | None) -> Template:
    """Compile a definition for a tenant's zones; a burst of definitions reaches all partitions at about one time."""
    group, zones = _group(body), UTC if record is None else tenant_of(record)[1]
    rule = rule_in_force(group.rule)
    compiled = compile_rule(rule, zones.default, zones)
    return Template(group, compiled, tuple(_phrases(rule, compiled)))


def _phrases(rule: Rule, compiled: Compiled) -> list[Phrase]:
    """List a rule's keywords, each leaf's in the order of its phrases: evidence is the same everywhere."""
    found: list[Phrase] = []
    for at, (said, leaf) in enumerate(zip(leaves(rule), compiled.leaves, strict=True)):
        if isinstance(said, MessageRule) and isinstance(leaf, MessageLeaf):
            found += [Phrase(at, leaf, phrase, said.match, against=False) for phrase in sorted(said.any_of)]
            found += [Phrase(at, leaf, phrase, "word", against=True) for phrase in sorted(said.none_of)]
    return found


class Definition(Struct, eq=False):
    """A group as a partition knows it; `version` is the tenant's when the group was created or deleted.

    `ruled` is the version of its rule: what a row at a lower one remembers is another rule's. `born` is the version at
    which it was created: a later group of its id has another.
    `groups` are all of the tenant's by id, `outer` those in force whose rules name this one; `level` is 0 for a rule
    that names none, else one above the highest that it names. `digits`: its tenant writes phones without the plus.
    """

    id: str
    group: Group
    version: int
    rule: Compiled
    deleting: bool
    cause: tuple[str, str]
    phrases: tuple[Phrase, ...]
    groups: dict[str, Definition]
    outer: dict[str, Definition] = {}
    level: int = 0
    ruled: int = 0
    born: int = 0
    digits: bool = False

    @property
    def inner(self) -> list[str]:
        """The groups that its rule names, each once."""
        return [*dict.fromkeys(leaf.group for _, leaf in self.rule.refs)]
