"""The rule language: read a rule from JSON, say where it is wrong, and tell whether two are the same.

A rule's depth counts the compositions above a leaf, so a leaf alone has depth 0. `null` stands for a field left out.
Two rules are equal when all fields are with the defaults filled in; the order of lists belongs to the rule.
"""

from __future__ import annotations

import hashlib
import itertools
import re
from collections.abc import Iterator
from decimal import Decimal
from typing import Any, NamedTuple, cast, get_args

import msgspec
from msgspec import Struct

from schemas import rule_checks as must
from schemas.durations import upper_days
from schemas.events import Status
from schemas.rule_checks import Check, RuleError
from schemas.rule_nodes import (
    AllRule,
    AnyRule,
    BookingRule,
    Composed,
    ContactRule,
    GroupRule,
    Leaf,
    ManualRule,
    Match,
    MessageRule,
    Mode,
    NoneRule,
    RatingRule,
    Rule,
    Stay,
)

__all__ = [
    "AllRule", "AnyRule", "BookingRule", "Composed", "ContactRule", "GroupRule", "Leaf", "ManualRule", "MessageRule",
    "NoneRule", "RatingRule", "Rule", "RuleError", "canonical", "equal", "group_refs", "keywords_of", "leaves",
    "parse_rule", "rule_hash",
]  # fmt: skip

MAX_LEAVES = 250
MAX_DEPTH = 8
KINDS = ("event", "contact", "group", "all", "any", "none")
COMPOSED: dict[str, type[Composed]] = {"all": AllRule, "any": AnyRule, "none": NoneRule}

_EVENTS: dict[str, type[Leaf]] = {
    "manual": ManualRule, "rating": RatingRule, "message": MessageRule, "booking": BookingRule,
}  # fmt: skip
_FIELDS: dict[type[Leaf], dict[str, Check]] = {
    ManualRule: {},
    RatingRule: {
        "min_stars": must.stars, "max_stars": must.stars, "mode": must.one_of(*get_args(Mode)), "within": must.within,
        "property": must.text,
    },
    MessageRule: {
        "any_of": must.listed(must.phrase, at_least=1), "none_of": must.listed(must.phrase),
        "match": must.one_of(*get_args(Match)), "within": must.within, "channels": must.listed(must.text),
        "min_count": must.count,
    },
    BookingRule: {
        "room_types": must.listed(must.text), "min_spent": must.spent, "currency": must.currency,
        "min_bookings": must.count, "min_nights": must.count, "statuses": must.some_of(*get_args(Status)),
        "channels": must.listed(must.text), "within": must.within, "stay": must.one_of(*get_args(Stay)),
    },
}  # fmt: skip

_TEXTS: dict[str, Check] = {"is": must.text, "is_any": must.listed(must.text, at_least=1)}
_TAGS: dict[str, Check] = dict.fromkeys(("has_any", "has_all"), must.listed(must.text, at_least=1))
_NUMBERS: dict[str, Check] = {
    "is": must.plain_number, "is_any": must.listed(must.plain_number, at_least=1),
    "min": must.number, "max": must.number,
}  # fmt: skip
_DATES: dict[str, Check] = {"older_than": must.within, "newer_than": must.within}
_ATTRIBUTE: dict[str, Check] = {
    "is": must.scalar, "is_any": must.listed(must.scalar, at_least=1), "min": must.number, "max": must.number,
} | _TAGS | _DATES  # fmt: skip
_PROFILE: dict[str, dict[str, Check]] = {
    **dict.fromkeys(("source", "property", "country", "area", "language", "email"), _TEXTS),
    "tags": _TAGS,
    **dict.fromkeys(("bookings", "latest_rating"), _NUMBERS),
    "spent": _NUMBERS | {"currency": must.currency},
    **dict.fromkeys(("customer_since", "last_booking"), _DATES),
}
_NAME = re.compile(r"[A-Za-z][A-Za-z_]{0,39}")


def parse_rule(value: object, *, retention: str | None = None) -> Rule:
    """Read a rule from its JSON, `{"event": "manual"}` when there is none; RuleError says where it is wrong.

    A message rule's window is held against the retention where one is given: when a rule comes in, not when one in
    force is read again, which must not fail after the setting was changed.
    """
    if value is None:
        return ManualRule()
    return _node("rule", value, 0, _Limits(itertools.count(1), retention))


class _Limits(NamedTuple):
    """What the whole rule shares: the leaves counted so far, and how long messages are kept."""

    leaf: Iterator[int]
    retention: str | None


def _node(path: str, value: Any, depth: int, limits: _Limits) -> Rule:
    node, kind = _object(path, value)
    if kind in COMPOSED:
        return _composed(path, node, depth + 1, limits)
    if next(limits.leaf) > MAX_LEAVES:
        raise RuleError("rule", f"has too many conditions, {MAX_LEAVES} at most")
    if kind == "event":
        return _event(path, node, limits.retention)
    return _contact(path, node) if kind == "contact" else _group(path, node)


def _object(path: str, value: Any) -> tuple[dict[str, Any], str]:
    if not isinstance(value, dict):
        raise RuleError(path, f"must be an object with one of {', '.join(KINDS)}")
    kinds = [kind for kind in KINDS if kind in value]
    if len(kinds) != 1:
        raise RuleError(path, f"must have exactly one of {', '.join(KINDS)}")
    return cast("dict[str, Any]", value), kinds[0]


def _composed(path: str, node: dict[str, Any], depth: int, limits: _Limits) -> Rule:
    (kind,) = node.keys() & COMPOSED.keys()
    _known(path, node, (kind,))
    if depth > MAX_DEPTH:
        raise RuleError(path, f"is nested too deep, {MAX_DEPTH} levels of all, any and none at most")
    rules = node[kind]
    if not isinstance(rules, list | tuple) or not rules:
        raise RuleError(f"{path}.{kind}", "must be a list of one or more rules")
    numbered = enumerate(cast("list[Any]", rules))
    parts = (_node(f"{path}.{kind}[{i}]", rule, depth, limits) for i, rule in numbered)
    return COMPOSED[kind](rules=tuple(parts))


def _event(path: str, node: dict[str, Any], retention: str | None) -> Leaf:
    struct = _EVENTS[must.one_of(*_EVENTS)(f"{path}.event", node["event"])]
    values = _fields(path, node, "event", _FIELDS[struct])
    if struct is MessageRule:
        _message(path, values, retention)
    elif struct is BookingRule and "min_spent" in values and "currency" not in values:
        raise RuleError(f"{path}.currency", "is required with min_spent: three letters such as IDR")
    rule = struct(**values)
    if isinstance(rule, RatingRule) and rule.min_stars > rule.max_stars:
        raise RuleError(f"{path}.min_stars", "must be at most max_stars")
    return rule


def _message(path: str, values: dict[str, Any], retention: str | None) -> None:
    if "any_of" not in values:
        raise RuleError(f"{path}.any_of", f"is required: a list of 1 to {must.MAX_PHRASES} phrases")
    longest = upper_days(values.get("within", "PT0S")) or 0
    if retention is not None and longest > (upper_days(retention) or 0):
        raise RuleError(f"{path}.within", f"must be at most the retention of messages, {retention}")


def _contact(path: str, node: dict[str, Any]) -> ContactRule:
    name = node["contact"]
    attribute = isinstance(name, str) and name.startswith("attributes.") and 0 < len(name.strip()[11:]) <= 200
    operators = _ATTRIBUTE if attribute else _PROFILE.get(name) if isinstance(name, str) else None
    if operators is None:
        raise RuleError(f"{path}.contact", f"must be one of {', '.join(_PROFILE)}, attributes.X")
    values = _fields(path, node, "contact", operators | {"present": must.flag})
    _ranged(path, values, operators)
    values["is_"] = values.pop("is", None)
    return ContactRule(contact=name, **values)


def _ranged(path: str, values: dict[str, Any], operators: dict[str, Check]) -> None:
    if not values.keys() - {"currency"}:
        raise RuleError(path, f"must have one or more of {', '.join((*operators, 'present'))}")
    if "min" in values and "max" in values and values["min"] > values["max"]:
        raise RuleError(f"{path}.min", "must be at most max")


def _group(path: str, node: dict[str, Any]) -> GroupRule:
    _known(path, node, ("group",))
    return GroupRule(group=must.group(f"{path}.group", node["group"]))


def _fields(path: str, node: dict[str, Any], kind: str, checks: dict[str, Check]) -> dict[str, Any]:
    _known(path, node, (kind, *checks))
    given = {name: value for name, value in node.items() if value is not None and name != kind}
    return {name: checks[name](f"{path}.{name}", value) for name, value in given.items()}


def _known(path: str, node: dict[str, Any], allowed: tuple[str, ...]) -> None:
    for name in node:
        if name not in allowed:
            # a long or odd name is not a slip of the pen but could be a guest's text: it is not repeated
            at = f"{path}.{name}" if _NAME.fullmatch(name) else path
            raise RuleError(at, f"is not known here; allowed are {', '.join(allowed)}")


def canonical(rule: Rule) -> dict[str, Any]:
    """Write the rule as JSON values with every default filled in; numbers that are equal are written alike."""
    if isinstance(rule, AllRule | AnyRule | NoneRule):
        return {rule.__struct_encode_fields__[0]: [canonical(part) for part in rule.rules]}
    tag = {"event": rule.__struct_config__.tag} if rule.__struct_config__.tag else {}
    pairs = zip(rule.__struct_encode_fields__, _values(rule), strict=True)
    return tag | {name: _plain(value) for name, value in pairs if value is not None}


def _values(rule: Struct) -> list[Any]:
    return [getattr(rule, name) for name in rule.__struct_fields__]


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        items: tuple[Any, ...] = cast("Any", value)
        return [_plain(one) for one in items]
    if isinstance(value, Decimal):
        return format(value.normalize() + 0, "f")
    return int(value) if isinstance(value, float) and value.is_integer() else value


def rule_hash(rule: Rule, sticky: bool) -> str:  # noqa: FBT001 - the two that define a group, in the order of its record
    """Name a rule and its `sticky` by 16 hexadecimal digits: the same for equal ones, today and after a restart."""
    text = msgspec.json.encode({"rule": canonical(rule), "sticky": sticky}, order="sorted")
    return hashlib.blake2b(text, digest_size=8).hexdigest()


def equal(one: Rule, other: Rule) -> bool:
    """Whether two rules are the same once defaults are filled in (true is not 1, 10 is 10.0)."""
    return rule_hash(one, sticky=False) == rule_hash(other, sticky=False)


def leaves(rule: Rule) -> Iterator[Leaf]:
    """Every condition of a rule, from left to right."""
    if isinstance(rule, AllRule | AnyRule | NoneRule):
        for part in rule.rules:
            yield from leaves(part)
    else:
        yield rule


def keywords_of(rule: Rule) -> int:
    """Count the keywords of all conditions of a rule, those that must not be there too."""
    return sum(len(leaf.any_of) + len(leaf.none_of) for leaf in leaves(rule) if isinstance(leaf, MessageRule))


def group_refs(rule: Rule) -> tuple[str, ...]:
    """Name the groups that a rule refers to, each once, in its order."""
    return tuple(dict.fromkeys(leaf.group for leaf in leaves(rule) if isinstance(leaf, GroupRule)))
