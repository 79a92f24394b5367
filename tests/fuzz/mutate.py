"""Change JSON where it hurts: a value by another of any kind, a field away, twice, or under another's name."""

from __future__ import annotations

import json
from random import Random
from typing import Any

HARD: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**53 + 1, 2**63, 2**64, 10**30, -(2**63) - 1, 0.5, 1e308, -0.0,
    "", " ", "\0", "x" * 1_100, "\u202e\u0000", "é" * 600, "\uff10\uff18\uff11", "+62812345678901234567890",
    "0812-3456-7890", "1e400", "NaN", "-0", "2026-02-30", "9999-12-31T23:59:59Z", "0001-01-01T00:00:00+14:00",
    "2026-11-02T10:05:11", "2026-11-02T10:05:60Z", "P400D", "P99999999999Y", "PT0S", "P1M2DT3S",
    "tel:+6281234567890", "mailto:x", "a/b", "bali", "group.create",
    [], [[]], {}, [None], {"": None}, {"event": "message", "any_of": []}, {"all": [{"none": []}]},
)  # fmt: skip
"""Values at the edges of what fields take."""


def mutate(value: Any, dice: Random) -> Any:
    """Return a value with one place changed."""
    if isinstance(value, dict) and value and dice.random() < 0.9:
        return _in_object(dict(value), dice)
    if isinstance(value, list) and value and dice.random() < 0.8:
        at = dice.randrange(len(value))
        return [*value[:at], *dice.choice(([], [mutate(value[at], dice)], [value[at]] * 2)), *value[at + 1 :]]
    if isinstance(value, str) and value and dice.random() < 0.4:
        at = dice.randrange(len(value))
        return value[:at] + dice.choice(("", "\ud800", "\0", "é", "0", " ", value[at] * 40)) + value[at + 1 :]
    return dice.choice(HARD)


def _in_object(value: dict[str, Any], dice: Random) -> dict[str, Any]:
    name = dice.choice(list(value))
    how = dice.random()
    if how < 0.1:
        del value[name]
    elif how < 0.2:
        value[dice.choice(list(value))] = value[name]
    else:
        value[name] = mutate(value[name], dice)
    return value


def mutated(data: bytes, dice: Random) -> bytes:
    """Return JSON with some places changed; what is none stays as it is."""
    try:
        value = json.loads(data)
    except ValueError:
        return data
    for _ in range(dice.choice((1, 1, 1, 2, 4))):
        value = mutate(value, dice)
    return json.dumps(value, ensure_ascii=dice.random() < 0.5).encode("utf-8", "surrogatepass")
