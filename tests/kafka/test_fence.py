"""The transaction is the fence: an owner that was thought dead and wakes writes nothing."""

from __future__ import annotations

from msgspec.structs import replace

from streams.settings import Settings
from tests.chaos import zombies
from tests.kafka.pipeline import BROKEN


def test_woken_owner_writes_nothing(bare_settings: Settings) -> None:
    """An owner that sleeps past its session in the middle of a commit spoils and doubles nothing when it wakes."""
    verdict = zombies.run(replace(bare_settings, session_seconds=4), "decide-before-commit")
    assert verdict.wrong == []
    assert verdict.stood_still > 3
    assert verdict.woken == BROKEN
