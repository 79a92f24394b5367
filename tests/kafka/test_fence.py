"""The transaction is the fence: an owner that was thought dead and wakes writes nothing."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from streams.settings import Settings
from tests.chaos import zombies


@pytest.mark.parametrize("case", ["decide-before-commit", zombies.ANYWHERE])
def test_woken_owner_writes_nothing(bare_settings: Settings, case: str) -> None:
    """An owner that sleeps past its session, in a commit or anywhere, spoils and doubles nothing when it wakes."""
    verdict = zombies.run(replace(bare_settings, session_seconds=4), case)
    assert verdict.wrong == []
    assert verdict.stood_still > 3
    if case.startswith("decide-before"):
        assert verdict.woken == 70
