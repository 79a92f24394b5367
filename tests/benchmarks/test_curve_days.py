"""The curve over days measures what it says: the messages lie in the day, and join."""

from __future__ import annotations

import json
import random
from datetime import date, datetime

import pytest

from benchmarks.curve_days import DAYS, definitions, main, messages


def test_messages_lie_all_through_the_day() -> None:
    """From its first moment to its last hour, and in no other."""
    day = date(2028, 2, 29)
    times = [datetime.fromisoformat(json.loads(raw)["time"]) for raw in messages(48, day, 0, random.Random(1))]
    assert {time.date() for time in times} == {day}
    assert {time.hour for time in times} == {*range(24)}


def test_the_tenant_has_summer_time() -> None:
    """Else its clock would never be moved."""
    assert json.loads(definitions()[0])["data"]["zone"] == "Europe/Berlin"


def test_every_day_has_a_row(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """The table tells each, beside the ordinary one."""
    monkeypatch.setattr("benchmarks.curve_days.WARM", 50)
    assert main(["--events", "50", "--rounds", "1"]) == 0
    told = capsys.readouterr().out
    assert all(f"| {name} | {day} |" in told for name, day in DAYS.items())
