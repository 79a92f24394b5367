"""A tenant's record and groups as one partition knows them, compiled and indexed by what they read as they come."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

import msgspec
from msgspec import Struct, structs

from processors.definition import UTC, Definition, Template, template, tenant_of
from processors.keyword_index import Index, Word
from processors.opt_out_phrases import OptOuts, opt_outs_of
from processors.references import References
from processors.versions import Versions
from processors.whole_words import Meaning, has_words, meanings
from schemas.tenants import Tenant

if TYPE_CHECKING:
    from schemas.activity import MessageFact, MessageSeen
    from schemas.groups import Group

__all__ = ["Definition", "Definitions", "Reading", "Word"]


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
        self.index = Index()
        self._zones = UTC
        self._record: bytes | None = None
        self._whole: dict[str, Meaning] | None = None
        self._opt_outs: OptOuts | None = None
        self._with_words: dict[str, Definition] = {}
        self._versions = Versions()
        self._of_kind: dict[str, Versions] = defaultdict(Versions)
        self._references = References(self.groups)

    @property
    def whole(self) -> dict[str, Meaning]:
        """What whole messages mean, by their normalised text."""
        if self._whole is None:
            heard = (known.group for known in self._with_words.values() if not known.deleting)
            self._whole = meanings(self.record, heard)
        return self._whole

    @property
    def opt_outs(self) -> OptOuts:
        """What finds near misses of opting out, the tenant's own words included."""
        if self._opt_outs is None:
            self._opt_outs = opt_outs_of(tuple(self.record.opt_out_words))
        return self._opt_outs

    @property
    def digits(self) -> bool:
        """Whether phones are written without the plus."""
        return self.record.phone_format == "digits"

    def set_record(self, version: int, record: bytes) -> bool:
        """Take the tenant's record; return whether its zones changed, so that all must be asked again.

        Windows end by the tenant's zone and stays by the property's, so then every group counts as new. Where phones
        are to be written otherwise, contacts are brought up to date too.
        """
        self.version = max(self.version, version)
        before, zones = self.digits, self._zones
        self.record, self._zones = tenant_of(record)
        self._record, self._whole, self._opt_outs = record, None, None
        if self.digits != before:
            self.formatted = version
            for known in self.groups.values():
                known.digits = self.digits
        if zones == self._zones:
            return False
        self._compile_all(version)
        return bool(self.groups)

    def _compile_all(self, version: int) -> None:
        """Compile all anew: the zones have changed."""
        for known in self.groups.values():
            self._take_out(known)
            known.version = version
            self._compile(known, self._template_of(known.group))
            self._put_in(known)
        for shadow in self.shadows.values():
            shadow.alone, shadow.definition = self.alone(shadow.definition.group)

    def set_group(
        self, version: int, body: bytes, cause: tuple[str, str], ruled: int = 0, shadow: int = 0
    ) -> Definition:
        """Take a definition: a new group, other words or another rule of a known one, or one that is being deleted.

        `ruled` and `shadow` are said where it is not new: the versions of its rule and of its successor.
        """
        made = template(body, self._record)
        group = made.group
        known = self.groups.get(group.id)
        asked = shadow or (version if version > self.version else 0)
        self.version = max(self.version, version, shadow)
        if known is None:
            known = self._add(version, made, cause, ruled)
        elif group.status == "deleting" and not known.deleting:
            self._retire(known, version, cause)
        elif group.rule_hash != known.group.rule_hash:
            self._replace(known, version, made, cause)
        self._set_words(known, group)
        self._set_shadow(group, asked)
        return known

    def _add(self, version: int, made: Template, cause: tuple[str, str], ruled: int) -> Definition:
        group = made.group
        deleting = group.status == "deleting"
        known = Definition(group.id, group, version, made.rule, deleting, cause, made.phrases, self.groups, ruled=ruled)
        known.born, known.digits = version, self.digits
        self.ruled = max(self.ruled, ruled)
        self.groups[group.id] = known
        self._references.add(known)
        self._put_in(known)
        return known

    def _retire(self, known: Definition, version: int, cause: tuple[str, str]) -> None:
        """Have a group's members leave."""
        self._take_out(known)
        self._references.retire(known)
        known.version, known.deleting, known.cause = version, True, cause
        self._put_in(known)

    def _replace(self, known: Definition, version: int, made: Template, cause: tuple[str, str]) -> None:
        """Let a successor's rule take the place of a group's."""
        self._take_out(known)
        self._references.remove(known)
        known.version = known.ruled = self.ruled = version
        known.cause = cause
        self._compile(known, made)
        self._references.add(known)
        self._put_in(known)

    def _set_words(self, known: Definition, group: Group) -> None:
        """Let a group have the words that a definition says; one that is being deleted is heard no more."""
        if has_words(known.group) or has_words(group):
            self._whole = None
            self._with_words[known.id] = known
            if not has_words(group):
                del self._with_words[known.id]
        known.group = group

    def _set_shadow(self, group: Group, asked: int) -> None:
        """Build a group's successor if it is asked for, or no more."""
        if group.successor is None:
            self.shadows.pop(group.id, None)
        elif asked:
            rule, sticky = group.successor.rule, group.successor.sticky
            successor = structs.replace(group, rule=rule, sticky=sticky, successor=None)
            self.shadows[group.id] = Shadow(asked, *self.alone(successor))

    def alone(self, group: Group) -> tuple[Definitions, Definition]:
        """Compile one definition by itself, in the tenant's zones: no other group's words are looked for."""
        apart = Definitions(self.record.tenant)
        if self._record is not None:
            apart.set_record(0, self._record)
        definition = apart.set_group(1, msgspec.json.encode(group), ("", ""))
        definition.groups = self.groups  # that it may name
        return apart, definition

    def drop_group(self, group: str) -> None:
        """Forget a group that has no members any more."""
        known = self.groups.pop(group, None)
        if known is None:
            return
        self._take_out(known)
        self._references.remove(known)
        if self._with_words.pop(group, None) is not None:
            self._whole = None

    def _template_of(self, group: Group) -> Template:
        return template(msgspec.json.encode(group), self._record)

    def _compile(self, known: Definition, made: Template) -> None:
        known.rule, known.phrases = made.rule, made.phrases

    def _put_in(self, known: Definition) -> None:
        """Have a definition looked for, by its version and by what its rule reads."""
        self._versions.put(known)
        for kind in _kinds(known):
            self._of_kind[kind].put(known)
        if not known.deleting:
            self.entangled |= bool(known.rule.fields or known.rule.refs)
            self.index.put(known)

    def _take_out(self, known: Definition) -> None:
        """Undo `_put_in`, before the definition changes."""
        self._versions.drop(known.id)
        for kind in _kinds(known):
            self._of_kind[kind].drop(known.id)
        if not known.deleting:
            self.index.remove(known)

    # what came since -----------------------------------------------------------------------------------------------

    def outstanding(self, version: int) -> bool:
        """Whether any definition or successor, or another way to write phones, came after a version."""
        later = any(shadow.version > version for shadow in self.shadows.values())
        return later or self.formatted > version or self._versions.newest > version

    def since(self, version: int, kind: str | None = None) -> list[Definition]:
        """Return the definitions that came after a version, oldest first; with a kind those that read it."""
        log = self._versions if kind is None else self._of_kind[kind]
        return sorted(log.since(version), key=_in_order)

    def kinds_since(self, version: int) -> list[str]:
        """Return what the definitions since a version read, "" if they may be true of who has no facts at all."""
        return [kind for kind, log in self._of_kind.items() if log.newest > version]

    def in_order(self, names: Iterable[str]) -> list[Definition]:
        """Return groups in the order in which they are asked."""
        return sorted((self.groups[name] for name in names), key=_in_order)

    def overtaken(self, version: int) -> Mapping[str, Definition]:
        """Return the groups that have another rule since a version, and those that name them, directly or not."""
        later = self.since(version) if self.ruled > version else []
        found = {known.id: known for known in later if known.ruled > version}
        fresh = [*found.values()]
        while fresh:
            outer = {name: known for name, known in fresh.pop().outer.items() if name not in found}
            found |= outer
            fresh += outer.values()
        return found

    # texts ---------------------------------------------------------------------------------------------------------

    def hits(self, words: str, channel: str) -> Sequence[Word]:
        """Return a phrase for each leaf that a normalised text matches, in one pass over the text for all groups."""
        return self.index.admitted(self.index.match(words), channel)

    def read(self, messages: Sequence[MessageSeen]) -> list[Reading]:
        """Return what messages tell, in one pass over all of their texts."""
        index, whole, texts = self.index, self.whole, [seen.words for seen in messages]
        readings: list[Reading] = []
        for seen, found, near in zip(messages, index.match_all(texts), self.opt_outs.near_misses(texts), strict=True):
            meaning = whole.get(seen.words)
            if found or near or meaning is not None:
                hits = index.admitted(found, seen.channel)
                readings.append(Reading(meaning, near if meaning is None else None, hits))
            else:
                readings.append(NOTHING)
        return readings

    def matched(self, facts: Iterable[MessageFact]) -> dict[tuple[str, int], list[int]]:
        """Return, by group and leaf, the times of the messages that match: a backfill reads them again."""
        times: dict[tuple[str, int], list[int]] = defaultdict(list)
        heard = [fact for fact in facts if fact.words and fact.inbound and not fact.deleted]
        for fact, found in zip(heard, self.index.match_all([fact.words for fact in heard]), strict=True):
            for word in self.index.admitted(found, fact.channel):
                times[word.definition.id, word.at].append(fact.time)
        return times


def _in_order(known: Definition) -> tuple[int, int, str]:
    """A group is asked after those that it names, where they came at once."""
    return known.version, known.level, known.id


def _kinds(known: Definition) -> Iterable[str]:
    """Name what a rule reads, "" if it may be true of who has no facts at all; who is in no group, leaves none."""
    if known.deleting:
        return ()
    kinds = [kind for kind in known.rule.kinds if kind != "manual"]
    return [*kinds, ""] if known.rule.true_when_empty else kinds
