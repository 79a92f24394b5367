"""The benchmark of restarts does what it says, on a few contacts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks.restart import main


def test_restarts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Four starts are measured, and after the one on an empty disk all rows lie there."""
    assert main(["--contacts", "3000", "--partitions", "2", "--save", str(tmp_path / "figures.json")]) == 0
    told = json.loads((tmp_path / "figures.json").read_bytes())
    assert [one["name"] for one in told["starts"]] == [
        "empty changelog", "empty disk", "warm disk", "warm disk after SIGKILL",
    ]  # fmt: skip
    assert told["filled"]["rows"] > 9_000
    empty, wiped, *_ = told["starts"]
    assert wiped["state_mb"] > empty["state_mb"]
    assert "3,000 contacts" in capsys.readouterr().out
