"""The JSON Schema of the contract: up to date, valid, and agreeing with what is decoded."""

from __future__ import annotations

import io
import json
import runpy
import sys
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator

from schemas import jsonschema
from schemas.rules import RuleError, canonical, parse_rule

ROOT = Path(__file__).parents[2]
DOCUMENT: dict[str, Any] = jsonschema.document()


def validator(name: str) -> Draft202012Validator:
    """Validate against one schema of the document."""
    return Draft202012Validator({"$ref": f"#/$defs/{name}", "$defs": DOCUMENT["$defs"]})


def test_file_is_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    """docs/schemas.json is what `python -m schemas.jsonschema` prints."""
    printed = io.TextIOWrapper(io.BytesIO())
    monkeypatch.setattr(sys, "stdout", printed)
    with pytest.warns(RuntimeWarning, match="found in sys.modules"):
        runpy.run_module("schemas.jsonschema", run_name="__main__")
    printed.seek(0)
    assert (ROOT / "docs/schemas.json").read_text() == printed.read()


def test_is_json_schema() -> None:
    """The document is valid JSON Schema 2020-12."""
    Draft202012Validator.check_schema(DOCUMENT)


@pytest.mark.parametrize("name", sorted(DOCUMENT["$defs"].keys() - {"Rule"}))
def test_examples_are_valid(name: str) -> None:
    """Every schema has an example that is valid by it."""
    (found,) = DOCUMENT["$defs"][name]["examples"]
    assert [error.message for error in validator(name).iter_errors(found)] == []


def test_topics_have_schemas() -> None:
    """Every public topic of JSON values says which schemas lie in it, all of which are there."""
    refs = json.dumps(DOCUMENT["x-topics"]).split('"#/$defs/')[1:]
    assert {ref.partition('"')[0] for ref in refs} <= DOCUMENT["$defs"].keys()
    assert set(DOCUMENT["x-topics"]) == {
        "bookings", "ratings", "messages", "commands", "tenants", "groups", "membership-changes", "memberships",
        "contacts", "replies", "outcomes", "notices",
    }  # fmt: skip


RULES = [
    {"event": "manual"}, {"event": "rating", "min_stars": 4.5},
    {"event": "booking", "min_spent": 10, "currency": "idr"},
    {"event": "message", "any_of": ["pet"], "within": "P3M"}, {"contact": "tags", "has_any": ["vip"]}, {"group": "vip"},
    {"all": [{"any": [{"group": "vip"}]}, {"none": [{"event": "manual"}]}]}, {"contact": "spent", "min": 3.5},
]  # fmt: skip
NO_RULES = [
    {}, {"event": "call"}, {"event": "rating", "min_stars": 9}, {"event": "message"}, {"all": []},
    {"any": [{"event": "rating", "stars": 3}]}, {"group": "VIP!"}, {"contact": "shoe_size", "is": "44"},
    {"event": "message", "any_of": []}, {"event": "booking", "statuses": ["gone"]},
]  # fmt: skip


@pytest.mark.parametrize("value", RULES, ids=str)
def test_rules_are_valid(value: dict[str, Any]) -> None:
    """What parses is valid, as written and with its defaults."""
    assert validator("Rule").is_valid(value)
    assert validator("Rule").is_valid(canonical(parse_rule(value)))


@pytest.mark.parametrize("value", NO_RULES, ids=str)
def test_other_rules_are_not(value: dict[str, Any]) -> None:
    """What the schema calls wrong does not parse either."""
    assert not validator("Rule").is_valid(value)
    with pytest.raises(RuleError):
        parse_rule(value)


def test_rules_are_checked_inside_groups() -> None:
    """A group's rule is held against the rule's schema, in definitions and commands."""
    group = DOCUMENT["$defs"]["GroupCreateData"]["examples"][0]
    assert validator("GroupCreateData").is_valid(group | {"rule": None})
    assert not validator("GroupCreateData").is_valid(group | {"rule": {"event": "call"}})
    assert DOCUMENT["$defs"]["Group"]["properties"]["rule"] == {"$ref": "#/$defs/Rule"}
