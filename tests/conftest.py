"""What holds for all tests."""

from __future__ import annotations

from hypothesis import settings

# on a busy machine any example may take long: how fast something is, benchmarks tell
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")
