"""Fields of commands that there are not."""

from __future__ import annotations

import json
from typing import Any

import pytest

from schemas import envelope
from schemas.base import Reject

REF = {"phone": "+6281234567890"}
ADD = {"group": "g", "contacts": [REF]}


@pytest.mark.parametrize(
    ("kind", "data", "path", "near"),
    [
        ("tenant.put", {"timezone": "Asia/Makassar"}, "timezone", "zone"),
        ("tenant.put", {"properties": {"ubud": {"zome": "UTC"}}}, "properties[...].zome", "zone"),
        ("group.create", {"id": "g", "rules": {}}, "rules", "rule"),
        ("group.create", {"id": "g", "joinWords": []}, "joinWords", "join_words"),
        ("group.add", ADD | {"expire_at": "x"}, "expire_at", "expires_at"),
        ("group.add", ADD | {"until": "x"}, "until", None),
        ("group.add", {"group": "g", "contacts": [{"fone": "1"}]}, "contacts[0].fone", "phone"),
        ("contact.upsert", {"contact": REF | {"mail": "a@b.co"}}, "contact.mail", "email"),
        ("contact.note", {"contact": REF | {"qqq": 1}, "text": "x"}, "contact.qqq", None),
    ],
)
def test_an_unknown_field_is_told_with_the_nearest(
    kind: str, data: dict[str, Any], path: str, near: str | None
) -> None:
    """A misspelt field is refused, not dropped."""
    meant = "" if near is None else f", did you mean {near}?"
    assert _read(kind, data) == Reject("field_invalid", f"data.{path}: no such field{meant}")


@pytest.mark.parametrize("name", ["Made Wirawan", "6281234567890", "x" * 41])
def test_what_looks_like_no_name_is_not_quoted(name: str) -> None:
    """It may be anything that somebody wrote."""
    assert _read("group.add", ADD | {name: 1}) == Reject("field_invalid", "data")


def test_an_unknown_field_of_no_command() -> None:
    """What has no type that is known is refused for that."""
    assert _read("group.made", {"x": 1}) == Reject("type_unknown", "type")


def _read(kind: str, data: dict[str, Any]) -> Any:
    said = {"specversion": "1.0", "id": "1", "source": "s", "time": "2026-11-02T10:00:00Z", "tenant": "t"}
    return envelope.read("commands", json.dumps(said | {"type": kind, "data": data, "extension": 1}).encode(), ())
