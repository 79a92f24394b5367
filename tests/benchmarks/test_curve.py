"""The curve measures what it says: whatever the total, a guest is in three groups."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import curve


def test_an_event_touches_three_groups_whatever_the_total(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """With ten times the groups there are as many memberships, and the table and the file tell both."""
    monkeypatch.setattr(curve, "GUESTS", 30)
    file = tmp_path / "curve.json"
    assert curve.main(["--groups", "10", "100", "--events", "50", "--save", str(file)]) == 0
    few, many = json.loads(file.read_text())
    assert (few["groups"], many["groups"]) == (10, 100)
    assert few["changes"] == many["changes"] == 3 * 30
    assert "| 100 |" in capsys.readouterr().out
