"""What a definition or a tenant's record may have at the most, where it is read."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.base import Reject
from schemas.quotas import Quotas
from tests.schemas.test_envelope import read_kind

QUOTAS = Quotas(rule_keywords=3, definition_bytes=1_000, reply_bytes=10, description_bytes=20, consent_words=2)
WORDS = ["one", "two", "three", "four"]


@pytest.mark.parametrize("kind", ["group.create", "group.update"])
@pytest.mark.parametrize(
    ("field", "values", "path", "name"),
    [
        ("reply", ("é" * 5, "é" * 6), "data.reply", "reply_bytes"),
        ("description", ("d" * 20, "d" * 21), "data.description", "description_bytes"),
        ("join_words", (WORDS[:2], WORDS[:3]), "data.join_words", "consent_words"),
        ("leave_words", (WORDS[:2], WORDS[:3]), "data.leave_words", "consent_words"),
        (
            "rule",
            tuple({"all": [{"event": "message", "any_of": WORDS[:n]} for n in (2, m)]} for m in (1, 2)),
            "data.rule",
            "rule_keywords",
        ),
        ("name", ("n" * 800, "n" * 1_020), "data.name", "definition_bytes"),
    ],
)
def test_what_fits_and_what_is_over(kind: str, field: str, values: Any, path: str, name: str) -> None:
    """At the bound it is read; beyond, the reject names the path, the bound and the setting."""
    plain: dict[str, Any] = {"data.reply": None, "data.description": "", "data.join_words": [], "data.leave_words": []}
    for value, expected in zip(values, (None, Reject("quota_exceeded", f"{path}: {QUOTAS.says(name)}")), strict=True):
        found = read_kind(kind, plain | {f"data.{field}": value}, quotas=QUOTAS)
        assert (found if isinstance(found, Reject) else None) == expected


@pytest.mark.parametrize("field", ["help_reply", "opt_out_reply", "opt_in_reply"])
def test_a_tenant_s_replies_are_bounded(field: str) -> None:
    """They go to every guest who asks."""
    found = read_kind("tenant.put", {f"data.{field}": "r" * 11}, quotas=QUOTAS)
    assert found == Reject("quota_exceeded", f"data.{field}: {QUOTAS.says('reply_bytes')}")


def test_a_tenant_s_words_are_bounded() -> None:
    """Both lists count together."""
    words = {"data.opt_out_words": ["a", "b"], "data.opt_in_words": ["c"]}
    found = read_kind("tenant.put", words, quotas=QUOTAS)
    assert found == Reject("quota_exceeded", f"data.opt_in_words: {QUOTAS.says('consent_words')}")
    assert not isinstance(read_kind("tenant.put", words | {"data.opt_in_words": []}, quotas=QUOTAS), Reject)
