"""A tenant's record and groups as one partition knows them, compiled on first use and indexed by what they read."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from graphlib import TopologicalSorter
from itertools import takewhile
from typing import TYPE_CHECKING, Literal

import msgspec
from msgspec import Struct, structs

from processors.leaves import MessageLeaf, Zones
from processors.rules import Compiled, compile_rule, rule_in_force
from processors.whole_words import HINTS, Meaning, has_words, meanings, near_misses
from processors.words import Matcher
from schemas.groups import Group
from schemas.rules import MessageRule, leaves
from schemas.tenants import Tenant

if TYPE_CHECKING:
    from schemas.activity import MessageFact, MessageSeen

HINTED = 1 << 60
"""Stands behind the numbers of the words that a text matches, if it may nearly opt out."""

_group = msgspec.json.Decoder(Group).decode
_tenant = msgspec.json.Decoder(Tenant).decode


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
    words: list[Word]
    groups: dict[str, Definition]
    outer: list[Definition] = []
    level: int = 0
    ruled: int = 0
    born: int = 0
    digits: bool = False


class Word(Struct, frozen=True, eq=False):
    """A keyword of a leaf of a group; `against` if it is of `none_of`. As a hit: what a text matched."""

    definition: Definition
    at: int
    leaf: MessageLeaf
    phrase: str
    mode: Literal["word", "exact", "first_word", "prefix"]
    against: bool


class Reading(Struct, frozen=True, eq=False, gc=False):
    """What a text tells: what it means as a whole, what in it sounds like opting out, and the words that it matches."""

    meaning: Meaning | None = None
    near: str | None = None
    hits: Sequence[Word] = ()


NOTHING = Reading()


class Shadow(Struct, eq=False):
    """A rule that is to replace a group's, asked for at a version of the tenant's: its definition, compiled alone."""

    version: int
    alone: Definitions
    definition: Definition


class Index:
    """What the groups in force read, each list in the order of the groups' ids."""

    def __init__(self, groups: Iterable[Definition]) -> None:
        in_force = sorted((d for d in groups if not d.deleting), key=lambda d: d.id)
        self.true_when_empty = [d for d in in_force if d.rule.true_when_empty and not d.rule.fields]
        self.of_field: dict[str, list[Definition]] = defaultdict(list)
        for definition in in_force:
            for name in definition.rule.fields:
                self.of_field[name].append(definition)
        self.of_kind: dict[str, list[Definition]] = defaultdict(list)
        for definition in in_force:
            for kind in definition.rule.kinds:
                self.of_kind[kind].append(definition)
        self.words = [word for d in self.of_kind["message"] for word in d.words]
        hints = ((HINTED, hint) for hint in HINTS)
        matcher = Matcher(((i, word.phrase, word.mode) for i, word in enumerate(self.words)), hints)
        self.match, self.match_all = matcher.match, matcher.match_all


class Definitions:
    """All of one tenant's definitions in one partition.

    `version` counts them; a contact whose row stands at a lower version is brought up to date before anything else.
    `entangled` is whether any rule reads profiles or names other groups: only then must what others change be watched.
    `formatted` is the version since which phones are written as they are.
    """

    def __init__(self, tenant: str) -> None:
        self.version = 0
        self.record = Tenant(tenant=tenant)
        self.groups: dict[str, Definition] = {}
        self.entangled = False
        self.ruled = 0
        self.formatted = 0
        self.shadows: dict[str, Shadow] = {}
        self.zones = Zones("UTC", {})
        self._index: Index | None = None
        self._whole: dict[str, Meaning] | None = None
        self._since: dict[int, list[Definition]] = {}
        self._linked = True
        self._missing: set[str] = set()

    @property
    def index(self) -> Index:
        """What the groups in force read."""
        if self._index is None:
            self.link()
            self._index = Index(self.groups.values())
        return self._index

    @property
    def whole(self) -> dict[str, Meaning]:
        """What whole messages mean, by their normalised text."""
        if self._whole is None:
            self._whole = meanings(self.record, (known.group for known in self.groups.values() if not known.deleting))
        return self._whole

    def set_record(self, version: int, record: bytes) -> bool:
        """Take the tenant's record; return whether its zones changed, so that all must be asked again.

        Windows end by the tenant's zone and stays by the property's, so then every group counts as new. Where phones
        are to be written otherwise, contacts are brought up to date too.
        """
        self.version = max(self.version, version)
        before, self.record, self._whole = self.digits, _tenant(record), None
        if self.digits != before:
            self.formatted = version
            for known in self.groups.values():
                known.digits = self.digits
        return self._set_zones(version)

    @property
    def digits(self) -> bool:
        """Whether phones are written without the plus."""
        return self.record.phone_format == "digits"

    def _set_zones(self, version: int) -> bool:
        """Compile all anew where zones have changed; return whether there was anything to compile."""
        zones = Zones(self.record.zone, {name: p.zone for name, p in self.record.properties.items() if p.zone})
        if zones == self.zones:
            return False
        self.zones = zones
        for known in self.groups.values():
            known.version = version
            self._compile(known)
        for shadow in self.shadows.values():
            shadow.alone, shadow.definition = alone(self, shadow.definition.group)
        self._forget()
        return bool(self.groups)

    def set_group(
        self, version: int, body: bytes, cause: tuple[str, str], ruled: int = 0, shadow: int = 0
    ) -> Definition:
        """Take a definition: a new group, other words or another rule of a known one, or one that is being deleted.

        `ruled` and `shadow` are said where it is not new: the versions of its rule and of its successor.
        """
        group = _group(body)
        known = self.groups.get(group.id)
        asked = shadow or (version if version > self.version else 0)
        self.version = max(self.version, version)
        deleting = group.status == "deleting"
        if known is None:
            compiled = compile_rule(rule_in_force(group.rule), self.record.zone, self.zones)
            known = Definition(group.id, group, version, compiled, deleting, cause, [], self.groups, ruled=ruled)
            known.born, known.digits = version, self.digits
            self.ruled = max(self.ruled, ruled)
            self.entangled |= bool(compiled.fields or compiled.refs)
            known.words = _words_of(known)
            self.groups[group.id] = known
            self._link_new(known)
            self._forget()
        elif deleting and not known.deleting:
            known.version, known.deleting, known.cause = version, True, cause
            self.groups[group.id] = self.groups.pop(group.id)  # they stand in the order of their versions
            self._linked &= not known.rule.refs
            self._forget()
        elif group.rule_hash != known.group.rule_hash:
            self._replace(known, group, version, cause)
        if has_words(known.group) or has_words(group):
            self._whole = None
        known.group = group
        if group.successor is None:
            self.shadows.pop(group.id, None)
        elif asked:
            rule, sticky = group.successor.rule, group.successor.sticky
            successor = structs.replace(group, rule=rule, sticky=sticky, successor=None)
            self.shadows[group.id] = Shadow(asked, *alone(self, successor))
        return known

    def _replace(self, known: Definition, group: Group, version: int, cause: tuple[str, str]) -> None:
        """Let a successor's rule take the place of a group's."""
        known.version = known.ruled = self.ruled = version
        known.cause, known.group = cause, group
        self._compile(known)
        self.groups[group.id] = self.groups.pop(group.id)
        self.entangled |= bool(known.rule.fields or known.rule.refs)
        self._linked, self._whole = False, None
        self._forget()

    def outstanding(self, version: int) -> bool:
        """Whether any definition or successor, or another way to write phones, came after a version."""
        later = any(shadow.version > version for shadow in self.shadows.values())
        return later or self.formatted > version or bool(self.since(version))

    def overtaken(self, version: int) -> Mapping[str, Definition]:
        """Return the groups that have another rule since a version, and those that name them, directly or not."""
        later = self.since(version) if self.ruled > version else []
        found = {known.id: known for known in later if known.ruled > version}
        fresh = [*found.values()]
        while fresh:
            outer = {known.id: known for known in fresh.pop().outer if known.id not in found}
            found |= outer
            fresh += outer.values()
        return found

    def drop_group(self, group: str) -> None:
        """Forget a group that has no members any more."""
        known = self.groups.pop(group, None)
        self._linked &= known is None or not (known.rule.refs or known.outer)
        if known is not None and has_words(known.group):
            self._whole = None
        self._forget()

    def since(self, version: int) -> list[Definition]:
        """Return the definitions that came after a version, oldest first."""
        known = self._since.get(version)
        if known is None:
            self.link()
            later = takewhile(lambda d: d.version > version, reversed(self.groups.values()))
            known = self._since[version] = sorted(later, key=lambda d: (d.version, d.level, d.id))
        return known

    def hits(self, words: str, channel: str) -> Sequence[Word]:
        """Return a phrase for each leaf that a normalised text matches, in one pass over the text for all groups."""
        return self._hits(self.index.match(words), channel)

    def read(self, messages: Sequence[MessageSeen]) -> list[Reading]:
        """Return what messages tell, in one pass over all of their texts."""
        index, whole, texts = self.index, self.whole, [seen.words for seen in messages]
        matches = index.match_all(texts)
        hinted = [text for text, found in zip(texts, matches, strict=True) if found and found[-1] == HINTED]
        near = dict(zip(hinted, near_misses(hinted), strict=True)) if hinted else {}
        readings: list[Reading] = []
        for seen, text, found in zip(messages, texts, matches, strict=True):
            meaning = whole.get(text)
            if found:
                hits = self._admit([index.words[i] for i in found if i != HINTED], seen.channel)
                readings.append(Reading(meaning, near.get(text), hits))
            else:
                readings.append(NOTHING if meaning is None else Reading(meaning))
        return readings

    def _hits(self, found: Iterable[int], channel: str) -> list[Word]:
        words = self.index.words
        return self._admit([words[i] for i in found if i != HINTED], channel)

    def _admit(self, words: list[Word], channel: str) -> list[Word]:
        """Keep the first phrase of each leaf (they stand in their order) that lets the channel and nothing bars."""
        if len(words) == 1:
            return words if not words[0].against and words[0].leaf.admits(channel) else []
        barred = {word.leaf for word in words if word.against}
        firsts = {word.leaf: word for word in reversed(words) if word.leaf not in barred}
        return [word for word in reversed(firsts.values()) if word.leaf.admits(channel)]

    def matched(self, facts: Iterable[MessageFact]) -> dict[MessageLeaf, list[int]]:
        """Return, by leaf, the times of the messages that match it: what a backfill or a retraction reads again."""
        times: dict[MessageLeaf, list[int]] = defaultdict(list)
        heard = [fact for fact in facts if fact.words and fact.inbound and not fact.deleted]
        for fact, found in zip(heard, self.index.match_all([fact.words for fact in heard]), strict=True):
            for word in self._hits(found, fact.channel):
                times[word.leaf].append(fact.time)
        return times

    def link(self) -> None:
        """Tell each group who names it, and on which level it stands, unless they know."""
        if self._linked:
            return
        named = {d.id: dict.fromkeys(leaf.group for _, leaf in d.rule.refs) for d in self.groups.values()}
        for definition in self.groups.values():
            definition.outer = []
        for name in TopologicalSorter(named).static_order():
            if name in self.groups:
                self._place(self.groups[name], named[name])
        self._linked, self._missing = True, {name for inner in named.values() for name in inner} - self.groups.keys()

    def _compile(self, known: Definition) -> None:
        known.rule = compile_rule(rule_in_force(known.group.rule), self.record.zone, self.zones)
        known.words = _words_of(known)

    def _forget(self) -> None:
        self._index = None
        self._since.clear()

    def _link_new(self, new: Definition) -> None:
        """Tell a new group its place, if all that it names are there: of 10,000 groups none of the others is asked."""
        inner = dict.fromkeys(leaf.group for _, leaf in new.rule.refs)
        self._linked &= new.id not in self._missing and all(name in self.groups for name in inner)
        if self._linked:
            self._place(new, inner)

    def _place(self, definition: Definition, inner: Iterable[str]) -> None:
        there = [self.groups[name] for name in inner if name in self.groups]
        definition.level = max((one.level + 1 for one in there), default=0)
        for one in there:
            if not definition.deleting:
                one.outer.append(definition)


def alone(known: Definitions, group: Group) -> tuple[Definitions, Definition]:
    """Compile one definition by itself, in the tenant's zones: no other group's words are looked for."""
    apart = Definitions(known.record.tenant)
    apart.record, apart.zones = known.record, known.zones
    definition = apart.set_group(1, msgspec.json.encode(group), ("", ""))
    definition.groups = known.groups  # that it may name
    return apart, definition


def _words_of(definition: Definition) -> list[Word]:
    """List a definition's keywords, each leaf's in the order of its phrases: evidence is the same everywhere."""
    words: list[Word] = []
    pairs = zip(leaves(rule_in_force(definition.group.rule)), definition.rule.leaves, strict=True)
    for at, (rule, leaf) in enumerate(pairs):
        if isinstance(rule, MessageRule) and isinstance(leaf, MessageLeaf):
            words += [Word(definition, at, leaf, phrase, rule.match, False) for phrase in sorted(rule.any_of)]  # noqa: FBT003
            words += [Word(definition, at, leaf, phrase, "word", True) for phrase in sorted(rule.none_of)]  # noqa: FBT003
    return words
