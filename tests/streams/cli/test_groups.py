"""How groups are listed."""

from __future__ import annotations

from typing import Any

import pytest

from streams.cli.groups import standing


@pytest.mark.parametrize(
    ("group", "told"),
    [
        ({"status": "ready", "progress": None, "successor": None}, "ready"),
        ({"status": "building", "progress": 0.0, "successor": None}, "building 0%"),
        ({"status": "deleting", "progress": 0.425, "successor": None}, "deleting 42%"),
        ({"status": "ready", "progress": None, "successor": {"progress": 0.5}}, "replacing 50%"),
        ({"status": "building", "progress": 0.25, "successor": {"progress": 0.5}}, "building 25%"),
        ({"status": "ready"}, "ready"),
    ],
)
def test_standing(group: dict[str, Any], told: str) -> None:
    """The status, and how far the group has come, or its successor."""
    assert standing(group) == told
