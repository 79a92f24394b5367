"""The pure steps, run without Kafka, do the job too."""

from __future__ import annotations

import pytest

from benchmarks.steps import main


def test_steps_join_as_many_as_the_oracle(capsys: pytest.CaptureFixture[str]) -> None:
    """As many joins as the oracle has, and a cost of each step."""
    assert main(["--messages", "2000"]) == 0
    told = capsys.readouterr().out
    assert "normalize: " in told
    assert "decide: " in told
