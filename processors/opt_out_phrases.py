"""Whether a text sounds like opting out, in ten languages: a near miss of a word of consent, which a person looks at.

The words of a text are put into roles, once for each language. A rule names roles that mean opting out where they stand
close together ("stop … texting", "no … more … messages", "remove … me"), and gives points. Points are lost where an
ordinary thing is next to them ("remove me from the waiting list for the spa"), where the wish is negated ("don't stop")
or where the guest asks for more. A text that is little but a word to stop counts too: repeated, stretched, spelled,
misspelt, with politeness or a signature beside it.
"""

from __future__ import annotations

from collections import defaultdict
from functools import lru_cache
from typing import TYPE_CHECKING

from processors.needles import table
from processors.opt_out_rules import ALONE, RULES, as_roles
from processors.opt_out_spelling import Spelling, hints_of
from processors.opt_out_vocabulary import NO_ROLES, VOCABULARIES, languages_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from processors.opt_out_rules import Role, Roles, Rule
    from processors.opt_out_vocabulary import Part

ENOUGH = 2
"""Points from which a text sounds like opting out."""
REACH = 8
"""Words within which the roles of a rule must stand."""
SIGNATURE = 6
"""Unknown words, such as names and titles, that may follow a word to stop."""

FOREIGN = 1
"""Words by which a language may know fewer of a text than the one that knows most of it: people mix languages."""
PARTS = 50
"""Words and phrases of a text that are looked at, so that no text takes long."""

_BESIDE = frozenset({"polite", "none", "more", "me", "glue", "enough"})
"""What may stand beside a word to stop, or beside "no messages", that is all a text says."""

_MEANING = as_roles("ordinary when stop end leave remove send receive message no polite")
"""What tells what a sentence is about, or that it is over."""

_ASKS, _NO, _NONE, _MORE, _ABOUT = range(5)
_KINDS = (
    (_ASKS, as_roles("stop end enough leave remove")),
    (_NO, as_roles("no")),
    (_NONE, as_roles("none")),
    (_MORE, as_roles("more")),
    (_ABOUT, as_roles("send receive message")),
)
"""What is looked for in all texts."""
FEW = 10
"""Words at most of a text that says little but "no messages"."""
_SPELLED = ("stop", "unsubscribe", "optout", "berhenti", "abmelden", "arreter", "arretez", "basta", "parar", "afmelden")
"""Words that are also looked for in other spellings, of those that all tenants have."""
_TOO_COMMON = frozenset({"get", "getting", "use", "using"})
_ANCHORED = 7
"""Letters of a word that are looked for: those it begins with."""


class OptOuts:
    """Finds the near misses among texts; `own` are a tenant's words to opt out.

    One pass over all texts finds those that may be: 1 µs each. Of a hotel's messages that leaves 2 in a hundred, which
    take 30 µs.
    """

    def __init__(self, own: Sequence[str]) -> None:
        self._spelling = Spelling(own)
        hints = dict.fromkeys(self._spelling.hints(), (_ASKS,))
        self._find_own_hints = table(hints) if hints else None

    def near_misses(self, texts: Sequence[str]) -> list[str | None]:
        """Return for each normalised text the known words in it that sound like opting out, if any do."""
        if not texts:
            return []
        bare = [text.replace("'", " ") for text in texts]
        hinted = _find_hints(bare)
        if self._find_own_hints is not None:
            hinted = [one + more for one, more in zip(hinted, self._find_own_hints(bare), strict=True)]
        return [
            self._look(text) if found and _is_worth_a_look(text, found) else None
            for text, found in zip(texts, hinted, strict=True)
        ]

    def near_miss(self, text: str) -> str | None:
        """Return what in one normalised text sounds like opting out, if anything does."""
        return self.near_misses([text])[0]

    def _look(self, text: str) -> str | None:
        words, own = self._spelling.words(text), self._spelling.own
        read = [one.parts(words, own)[:PARTS] for one in languages_of(words, self._spelling.own_words)]
        strange = [sum(not part.roles for part in parts) for parts in read]
        likely = (parts for parts, unknown in zip(read, strange, strict=True) if unknown <= min(strange) + FOREIGN)
        points, evidence = max(map(_judged, likely), default=(0, ""))
        return evidence if points >= ENOUGH else None


def _is_worth_a_look(text: str, found: Sequence[int]) -> bool:
    """Whether the kinds of words that were found in a text may mean to opt out together."""
    if _ASKS in found or (_NO in found and _ABOUT in found):
        return True
    return _NONE in found and _ABOUT in found and (_MORE in found or text.count(" ") < FEW)


@lru_cache(1_024)
def opt_outs_of(own: tuple[str, ...]) -> OptOuts:
    """Return what finds near misses for tenants with these words of their own."""
    return OptOuts(own)


def _hints() -> dict[str, set[int]]:
    """Return what to look for: words that ask for an end, words that negate, and those that tell what it is about."""
    hints: defaultdict[str, set[int]] = defaultdict(set)
    for hint in (hint for word in _SPELLED for hint in hints_of(word)):
        hints[hint].add(_ASKS)
    for language in VOCABULARIES:
        for head in language.gaps:
            hints[f" {head} "].add(_ASKS)
        for text, roles in [*language.words.items(), *language.stems.items()]:
            kinds = {kind for kind, asked in _KINDS if roles & asked and text not in _TOO_COMMON}
            forms = (text, text.replace("nt", "n t"))
            needles = [f" {form}"[: _ANCHORED + 1] if text in language.stems else _needle(form) for form in forms]
            for needle in needles:
                hints[needle] |= kinds
    # "no" negates verbs in Spanish, and in English hardly anything that matters: for all texts it is the lesser thing
    return {hint: kinds - {_NO} if _NONE in kinds else kinds for hint, kinds in hints.items() if kinds}


def _needle(text: str) -> str:
    if not text.isascii():
        return text
    return f" {text} " if len(text) <= _ANCHORED else f" {text[:_ANCHORED]}"


_find_hints = table(_hints())


def _judged(parts: Sequence[Part]) -> tuple[int, str]:
    """Return the points of the best rule, and the known words that it found."""
    there = NO_ROLES.union(*(part.roles for part in parts))
    found = [_alone(parts)] if any(asked <= there for asked in ALONE) else []
    found += [one for rule in RULES if rule.roles <= there for one in _matches(rule, parts)]
    return max(found, default=(0, ""))


def _matches(rule: Rule, parts: Sequence[Part]) -> Iterator[tuple[int, str]]:
    for begin, (_, roles) in enumerate(parts):
        if roles.isdisjoint(rule.roles):
            continue
        end = _end_of_match(rule, parts, begin, min) or _end_of_match(rule, parts, begin, max)
        if end:
            points = rule.points - _doubts(rule, parts, begin, end)
            yield points, " ".join(part.text for part in parts[begin:end] if part.roles)


def _end_of_match(rule: Rule, parts: Sequence[Part], begin: int, pick: Callable[[set[Role]], Role]) -> int:
    """Return where the rule's roles, of which one must stand at `begin`, are complete; 0 if they are not.

    A word stands for one of them; `pick` says for which if it may be several.
    """
    missing, unknown = set(rule.roles), rule.unknown
    for at, (_, roles) in enumerate(parts[begin : begin + REACH], begin):
        met = missing & roles
        if met:
            missing.discard(pick(met))
            if not missing:
                return at + 1
        elif roles & rule.broken_by:
            return 0
        unknown -= not roles
        if unknown < 0:
            return 0
    return 0


def _doubts(rule: Rule, parts: Sequence[Part], begin: int, end: int) -> int:
    """Return how many points what stands around a match takes away."""
    before, after = parts[:begin][::-1], parts[end:]
    ordinary = _is_about(after, "ordinary when") or ("stop" not in rule.roles and _is_about(before, "ordinary"))
    opposite = rule.wish and (_is_negated(before) or any("no" in roles for _, roles in parts[begin : end + 1]))
    unable = not rule.wish and any("can" in roles for _, roles in before[:3])
    asks_for_more = any("keep" in roles and not _is_negated(parts[:at][::-1]) for at, (_, roles) in enumerate(parts))
    return 2 * ordinary + 5 * opposite + 3 * unable + 3 * asks_for_more


def _is_about(parts: Iterable[Part], asked: str) -> bool:
    """Whether the first of the words that mean something by themselves has one of the roles; two may be unknown."""
    unknown = 0
    for _, roles in parts:
        unknown += not roles
        if roles & _MEANING or unknown > 2:
            return any(role in roles for role in asked.split())
    return False


def _is_negated(before: Sequence[Part]) -> bool:
    """Whether a wish is negated by what stands before it, the nearest first."""
    for _, roles in before[:4]:
        if "no" in roles or not roles & {"glue", "me", "want", "more", "can", "polite"}:
            return "no" in roles
    return False


def _alone(parts: Sequence[Part]) -> tuple[int, str]:
    """Judge a text that may be little but a word to stop, or "no messages"."""
    all_roles = [roles for _, roles in parts]
    there = NO_ROLES.union(*all_roles)
    if there & {"ordinary", "can", "keep", "when"}:
        return 0, ""
    evidence = " ".join(text for text, roles in parts if roles & {"stop", "end", "no", "none", "message", "more"})
    negated = ("no" in there and "send" in there) or (there & {"no", "none"} and "message" in there)
    only_no_messages = negated and _all_in(all_roles, {"no", "message", "send"})
    only_end = "end" in there and "no" not in there and _all_in(all_roles, {"end", "stop"})
    return (2 if only_no_messages or only_end or _is_stop(all_roles) else 0), evidence


def _all_in(all_roles: Iterable[Roles], asked: set[str]) -> bool:
    return all(roles & asked or roles & _BESIDE for roles in all_roles)


def _is_stop(all_roles: Sequence[Roles]) -> bool:
    """Whether a word to stop stands first or last, with politeness, or names as of a signature, beside it."""
    first = next((at for at, roles in enumerate(all_roles) if "stop" in roles), -1)
    before, after = all_roles[: max(first, 0)], all_roles[first + 1 :]
    if first < 0 or any("no" in roles for roles in all_roles):
        return False
    if _all_of(after, {"polite", "stop", "more"}) and _may_lead(before):
        return True
    return _all_of(before, {"polite", "none", "more", "enough"}) and _may_follow(after)


def _may_lead(before: Sequence[Roles]) -> bool:
    """Whether what stands before a last word to stop lets it be one by itself: it is no "where do you stop"."""
    return before in ([], [NO_ROLES]) or bool(before[-1] & {"polite", "none", "more", "want", "message", "enough"})


def _may_follow(after: Sequence[Roles]) -> bool:
    """Whether what stands behind a first word to stop is about it, or a signature, in which no article stands."""
    unknown = sum(not roles for roles in after)
    said = {"glue"} if unknown else set[str]()
    return unknown <= SIGNATURE and not any(roles & {"at", *said} for roles in after)


def _all_of(all_roles: Iterable[Roles], asked: set[str]) -> bool:
    return all(roles & asked for roles in all_roles)
