"""How long a person's words may be in a command that is copied to each of its contacts."""

from __future__ import annotations

import json

import pytest

from schemas.base import Reject
from schemas.envelope import read


@pytest.mark.parametrize("type_", ["group.add", "group.remove"])
def test_evidence_has_a_limit(type_: str) -> None:
    """Each change carries the evidence, so a command with more than 1,024 characters of it is turned away."""
    data = {"group": "vip", "contacts": [{"phone": "+6281234567890"}]}
    whole = {"specversion": "1.0", "type": type_, "source": "console", "id": "1", "time": "2026-11-02T10:05:11Z"}

    def answer(length: int) -> object:
        body = {**whole, "tenant": "bali", "data": {**data, "evidence": "x" * length}}
        return read("commands", json.dumps(body).encode(), ())

    assert not isinstance(answer(1024), Reject)
    refused = answer(1025)
    assert isinstance(refused, Reject)
    assert "evidence" in refused.detail
