"""Dice that always fall the same way for a seed, a kind of thing and its number."""

from __future__ import annotations

import random


def cast(seed: int, kind: str, number: int) -> random.Random:
    """Return an item's own dice, so that an item is the same whatever else the demo holds."""
    return random.Random(f"{seed}:{kind}:{number}")  # noqa: S311 - a demo, no secret


def happens(share: float, dice: random.Random) -> bool:
    """Say whether something happens that happens to that share of all."""
    return dice.random() < share
