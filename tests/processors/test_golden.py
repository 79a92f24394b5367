"""Golden files, one per event kind: what goes in, and all that comes out.

`ROLLCALL_GOLDEN=write python -m pytest tests/processors/test_golden.py` writes anew what comes out.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, get_args

import msgspec
import pytest

from processors.desk import Out
from schemas.base import Reject
from schemas.commands import Command
from schemas.events import Event
from tests.processors.world import World, told

FOLDER = Path(__file__).parents[1] / "golden"
KINDS = sorted(str(struct.__struct_config__.tag) for struct in (*get_args(Event), *get_args(Command)))


@pytest.mark.parametrize("kind", [*KINDS, "message.consent"])
def test_golden(kind: str) -> None:
    """What comes out of a kind's events is what its golden file says."""
    path = FOLDER / f"{kind}.json"
    golden = json.loads(path.read_text())
    assert any(kind.startswith(step["event"]["type"]) for step in golden["steps"])
    lived = {**golden, "steps": live(golden["steps"])}
    if os.environ.get("ROLLCALL_GOLDEN") == "write":
        path.write_text(json.dumps(lived, indent=1, ensure_ascii=False) + "\n")
    assert lived == golden


def live(steps: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Live through the steps (`wait` ms, then the event) and write down what comes out of each."""
    world, lived = World(), list[dict[str, Any]]()
    for step in steps:
        before = len(world.out)
        if step.get("wait"):
            world.tick(step["wait"])
        reject = world.publish(step["event"])
        world.rest()
        said = [readable(out) for out in world.out[before:]] + rejected(reject)
        lived.append({**{name: step[name] for name in ("wait", "event") if name in step}, "out": said})
    return lived


def rejected(reject: Reject | None) -> list[Any]:
    """Write down why an event was turned away."""
    return [] if reject is None else [msgspec.to_builtins(reject)]


def readable(out: Out) -> dict[str, Any]:
    """Write down one record."""
    if out.topic == "dead-letters":
        headers = {name: value.decode() for name, value in out.headers}
        return {"topic": out.topic, "key": out.key.decode(), "headers": headers}
    return {"topic": out.topic, "key": out.key.decode(), "value": told(out)}
