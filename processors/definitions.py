"""A tenant's record and groups as one partition knows them, compiled on first use and indexed by what they read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import Struct

from processors.leaves import MessageLeaf, Zones
from processors.rules import Compiled, compile_rule
from processors.words import Matcher
from schemas.groups import Group
from schemas.rules import MessageRule, leaves, parse_rule
from schemas.tenants import Tenant

if TYPE_CHECKING:
    from schemas.activity import MessageFact

_group = msgspec.json.Decoder(Group).decode
_tenant = msgspec.json.Decoder(Tenant).decode


class Definition(Struct):
    """A group as a partition knows it; `version` is the tenant's when the group was created or deleted."""

    group: Group
    version: int
    rule: Compiled
    deleting: bool
    cause: tuple[str, str]


class Word(Struct, frozen=True):
    """Which leaf of which group a keyword belongs to; `against` if it is of `none_of`."""

    definition: Definition
    leaf: int
    phrase: str
    mode: Literal["word", "exact", "first_word", "prefix"]
    against: bool


class Hit(Struct, frozen=True):
    """A leaf that a text matched, and the phrase that did."""

    definition: Definition
    leaf: int
    phrase: str


class Definitions:
    """All of one tenant's definitions in one partition.

    `version` counts them; a contact whose row stands at a lower version is brought up to date before anything else.
    """

    def __init__(self, tenant: str) -> None:
        self.name = tenant
        self.version = 0
        self.record = Tenant(tenant=tenant)
        self.known = False
        self.groups: dict[str, Definition] = {}
        self.zones = Zones("UTC", {})
        self._words: list[Word] = []
        self._matcher: Matcher | None = None

    def set_record(self, version: int, record: bytes | None) -> bool:
        """Take the tenant's record (None: taken away); return whether its zones changed, so that all must be asked again.

        Windows end by the tenant's zone and stays by the property's, so then every group counts as new.
        """
        self.version = max(self.version, version)
        self.known = record is not None
        if record is None:
            return False
        before, self.record = self.record, _tenant(record)
        by_property = {name: p.zone for name, p in self.record.properties.items() if p.zone}
        changed = (before.zone, self.zones.by_property) != (self.record.zone, by_property)
        if changed:
            self.zones = Zones(self.record.zone, by_property)
            for definition in self.groups.values():
                definition.rule, definition.version = self._compile(definition.group), version
            self._matcher = None
        return changed and bool(self.groups)

    def set_group(self, version: int, body: bytes, cause: tuple[str, str]) -> Definition:
        """Take a definition: a new group, other words of a known one, or one that is being deleted."""
        group = _group(body)
        known = self.groups.get(group.id)
        self.version = max(self.version, version)
        deleting = group.status == "deleting"
        if known is None:
            known = Definition(group, version, self._compile(group), deleting, cause)
            self.groups[group.id] = known
        elif deleting and not known.deleting:
            known.version, known.deleting, known.cause = version, True, cause
        known.group = group
        self._matcher = None
        return known

    def drop_group(self, group: str) -> None:
        """Forget a group that has no members any more."""
        self.groups.pop(group, None)
        self._matcher = None

    def since(self, version: int) -> list[Definition]:
        """Return the definitions that came after a version, oldest first."""
        return sorted((d for d in self.groups.values() if d.version > version), key=lambda d: d.version)

    def true_when_empty(self) -> list[Definition]:
        """Return the groups in force that hold for a contact without any fact."""
        return [d for d in self.groups.values() if not d.deleting and d.rule.true_when_empty]

    def of_kind(self, kind: str) -> Iterable[Definition]:
        """Yield the groups in force that have a leaf of this kind."""
        return (d for d in self.groups.values() if not d.deleting and any(leaf.kind == kind for leaf in d.rule.leaves))

    def hits(self, words: str, channel: str) -> list[Hit]:
        """Return the leaves that a normalised text matches, in one pass over the text for all groups."""
        if self._matcher is None:
            self._index()
        assert self._matcher is not None  # noqa: S101 - _index makes it
        found = self._matcher.match(words)
        if not found:
            return []
        return self._admit([self._words[i] for i in found], channel)

    def _admit(self, words: list[Word], channel: str) -> list[Hit]:
        hits: dict[tuple[str, int], Hit] = {}
        barred = {(w.definition.group.id, w.leaf) for w in words if w.against}
        for word in words:
            at = (word.definition.group.id, word.leaf)
            leaf = word.definition.rule.leaves[word.leaf]
            if at in barred or not isinstance(leaf, MessageLeaf) or not leaf.admits(channel):
                continue
            if at not in hits or word.phrase < hits[at].phrase:
                hits[at] = Hit(word.definition, word.leaf, word.phrase)
        return list(hits.values())

    def matching(self, definition: Definition, leaf: int, facts: Iterable[MessageFact]) -> list[MessageFact]:
        """Return the facts that match one leaf: what a backfill or a retraction reads again."""
        at = (definition.group.id, leaf)
        return [
            fact
            for fact in facts
            if fact.inbound
            and not fact.deleted
            and any(
                (hit.definition.group.id, hit.leaf) == at for hit in self.hits(fact.words, fact.channel)
            )
        ]

    def _index(self) -> None:
        self._words = [word for d in self.groups.values() if not d.deleting for word in _words_of(d)]
        self._matcher = Matcher((i, word.phrase, word.mode) for i, word in enumerate(self._words))

    def _compile(self, group: Group) -> Compiled:
        return compile_rule(parse_rule(group.rule), self.record.zone, self.zones)


def _words_of(definition: Definition) -> Iterable[Word]:
    for at, rule in enumerate(leaves(parse_rule(definition.group.rule))):
        if isinstance(rule, MessageRule):
            yield from (Word(definition, at, phrase, rule.match, against=False) for phrase in rule.any_of)
            yield from (Word(definition, at, phrase, "word", against=True) for phrase in rule.none_of)
