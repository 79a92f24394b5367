r"""JSON Schema 2020-12 of everything that outsiders write or read: `python -m schemas.jsonschema > docs/schemas.json`.

Generated from the structs, so it cannot disagree with what is decoded. Three things are put in by hand: a rule may
hold rules, which a msgspec type cannot say; a decimal may also be a number; Python's anchor `\Z` is `$` in ECMA-262.
"""

from __future__ import annotations

import sys
from typing import Any, cast, get_args

import msgspec
from msgspec import Struct

from schemas import commands, events, groups, outputs, rule_nodes, tenants
from schemas.dead_letters import DeadLetter
from schemas.rules import MAX_LEAVES

REF = "#/$defs/{name}"
TOPICS: dict[str, tuple[type[Struct], ...]] = {
    "bookings": (events.BookingEvent,),
    "ratings": (events.RatingEvent,),
    "messages": (events.MessageEvent,),
    "commands": get_args(commands.Command),
    "tenants": (tenants.Tenant,),
    "groups": (groups.Group,),
    "membership-changes": get_args(outputs.AnyChange),
    "memberships": (outputs.Membership,),
    "contacts": (outputs.Contact,),
    "replies": (outputs.Reply,),
    "outcomes": (outputs.Outcome,),
    "notices": (outputs.Notice,),
}
"""What lies in each topic as JSON; a dead letter is the original record, `DeadLetter` what it is read as."""

_RULES: tuple[type[Struct], ...] = get_args(rule_nodes.Rule)


def document() -> dict[str, Any]:
    """Give the schemas of all structs under `$defs`, and under `x-topics` which of them lies where."""
    structs = [struct for kinds in TOPICS.values() for struct in kinds]
    _, components = msgspec.json.schema_components([*structs, DeadLetter, *_RULES], ref_template=REF)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Rollcall: topics, events, commands and rules",
        "$defs": dict(sorted((_ecma(components) | {"Rule": _rule()}).items())),
        "x-topics": {topic: _one_of(kinds) for topic, kinds in TOPICS.items()},
    }


def _one_of(structs: tuple[type[Struct], ...]) -> dict[str, Any]:
    refs = [{"$ref": REF.format(name=struct.__name__)} for struct in structs]
    return refs[0] if len(refs) == 1 else {"oneOf": refs}


def _rule() -> dict[str, Any]:
    text = f"a condition or a composition of rules, {MAX_LEAVES} conditions at most"
    return {"title": "Rule", "description": text, **_one_of(_RULES)}


def _ecma(value: Any) -> Any:
    """Copy a schema as JSON Schema has it: patterns, numbers, examples, and what is called a rule refers to Rule."""
    if isinstance(value, list):
        items: list[Any] = cast("Any", value)
        return [_ecma(one) for one in items]
    if not isinstance(value, dict):
        return value
    copy = {name: _member(name, one) for name, one in cast("dict[str, Any]", value).items()}
    if copy.get("format") == "decimal":
        copy["type"] = ["string", "number"]
    return copy | _told(copy)


def _told(schema: dict[str, Any]) -> dict[str, Any]:
    """Part a docstring into its sentence and its example."""
    sentence, brace, example = schema.get("description", "").partition("\n\n    {")
    return {"description": sentence, "examples": [msgspec.json.decode(brace[-1] + example)]} if brace else {}


def _member(name: str, value: Any) -> Any:
    if name == "pattern":
        return value.removesuffix(r"\Z") + "$"
    if name == "properties":
        return {field: _property(field, schema) for field, schema in value.items()}
    return _ecma(value)


def _property(field: str, schema: Any) -> Any:
    rule = {"$ref": REF.format(name="Rule")}
    if field == "rule":
        return {"anyOf": [rule, {"type": "null"}], "default": None} if "anyOf" in schema else rule
    if field in {"all", "any", "none"}:
        return {"type": "array", "items": rule, "minItems": 1}
    return _ecma(schema)


def main() -> None:
    """Print the document."""
    sys.stdout.buffer.write(msgspec.json.format(msgspec.json.encode(document())) + b"\n")


if __name__ == "__main__":
    main()
