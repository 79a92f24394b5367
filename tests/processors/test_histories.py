"""Long random histories, the same every time: how many more were tried once stands in docs/rules.md."""

from __future__ import annotations

from statistics import median

import pytest

from tests.processors.histories import attempt, deciles, main

FEW = 400


def test_the_fold_agrees_with_the_model_over_long_histories() -> None:
    """Engine and model agree; the histories have 20 events and 3 leaves in the median, a third flips by time alone."""
    tried = [attempt(seed) for seed in range(FEW)]
    assert median(one.events for one in tried) >= 20
    assert median(one.leaves for one in tried) >= 3
    assert sum(one.by_time > 0 for one in tried) >= FEW / 3
    assert "with flips by time" in deciles(tried)


def test_a_history_that_fails_is_told_by_its_seed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Where engine and model differ the command says of which seed, and ends with 1."""
    assert main(["3", "--first", "7", "--processes", "1"]) == 0
    monkeypatch.setattr("tests.processors.model.Model.memberships", lambda *_: {"nobody": "is"})
    assert main(["3", "--first", "7", "--processes", "1"]) == 1
    assert "[7, 8, 9]" in capsys.readouterr().out
