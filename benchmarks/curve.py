"""What an event costs as the groups of a tenant grow: µs of CPU in decide, without Kafka and without disk.

Each group has a word of its own, so the keywords grow alike. Each guest writes of the same three groups again and
again: whatever the total, an event touches three, and a guest is in three. The collector is set as workers set it: at
Python's own thresholds it looks through 10,000 definitions again and again.

With --facts it tells instead what one more fact costs as those of one contact grow (curve_facts.py).

    python -m benchmarks.curve [--groups 10 100 1000 10000] [--events 20000] [--save docs/curve.json]
    python -m benchmarks.curve --facts [1 10 100 1000 10000 100000] [--events 500]
"""

from __future__ import annotations

import argparse
import gc
import json
import random
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from benchmarks import curve_facts
from benchmarks.hot_path import COMMANDS, ENVELOPE, MESSAGES, Line, timed, word
from processors.rows import head_key, head_of
from streams.runtime.worker import GC_THRESHOLDS

GROUPS = (10, 100, 1_000, 10_000)
GUESTS = 2_000
TOUCHED = 3
BEFORE = 400
"""Messages that are there when the groups are created."""
PLAIN = 12
"""Other words of a message."""


class Point(NamedTuple):
    """What a group costs when so many are created at once, and what an event then costs (µs of CPU)."""

    groups: int
    created_us: float
    decide_us: float
    changes: int


def commands(groups: int) -> list[bytes]:
    """Return the commands that make the tenant and its groups."""
    asked: list[tuple[str, dict[str, Any]]] = [("tenant.put", {"region": "ID", "zone": "Asia/Makassar"})]
    for at in range(groups):
        rule = {"event": "message", "any_of": [word(at)], "within": "P6M"}
        asked.append(("group.create", {"id": f"g{at}", "name": f"Group {at}", "rule": rule}))
    return [
        msgspec.json.encode({**ENVELOPE, "type": kind, "id": f"c{at}", "data": data})
        for at, (kind, data) in enumerate(asked)
    ]


def messages(count: int, groups: int, dice: random.Random) -> list[bytes]:
    """Return raw messages, each with the words of its guest's three groups."""
    return [msgspec.json.encode(_message(at, groups, dice)) for at in range(count)]


def _message(at: int, groups: int, dice: random.Random) -> dict[str, Any]:
    guest = dice.randrange(GUESTS)
    told = [word((guest * TOUCHED + n) % groups) for n in range(TOUCHED)]
    plain = [word(dice.randrange(20_000, 40_000)) for _ in range(PLAIN)]
    data = {
        "message_id": f"wamid.{at}", "channel": "whatsapp", "direction": "inbound", "name": "Made",
        "from": f"62812{guest:07d}", "text": " ".join(dice.sample(plain + told, PLAIN + TOUCHED)),
    }  # fmt: skip
    return {**ENVELOPE, "type": "message", "id": f"wamid.{at}", "data": data}


def measure(groups: int, events: int) -> Point:
    """Make the groups, let the guests join, then time messages of guests that are known."""
    dice, line = random.Random(7), Line()
    tenant, *creates = line.normalize(COMMANDS, commands(groups))
    line.decide([tenant])
    line.decide(line.normalize(MESSAGES, messages(BEFORE, groups, dice)))
    _, created_us = timed(lambda: line.decide(creates), groups, None)
    line.decide(line.normalize(MESSAGES, messages(GUESTS * 5, groups, dice)))
    records = line.normalize(MESSAGES, messages(events, groups, dice))
    _, decide_us = timed(lambda: line.decide(records), events, None)
    heads = [head_of(row) for _, row in line.store.scan(head_key(b""))]
    members = sum(row.seq & 1 for head in heads for row in head.rows.values())
    return Point(groups, round(created_us, 1), round(decide_us, 1), members)


def main(arguments: list[str] | None = None) -> int:
    """Measure, print a table, and save it where asked."""
    parser = argparse.ArgumentParser(description="what an event costs as the groups of a tenant grow")
    parser.add_argument("--groups", type=int, nargs="+", default=GROUPS)
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--facts", type=int, nargs="*")
    parser.add_argument("--save", type=Path)
    asked = parser.parse_args(arguments)
    gc.set_threshold(*GC_THRESHOLDS)
    if asked.facts is not None:
        curve_facts.table(asked.facts or curve_facts.FACTS, min(asked.events, 1_000))
        return 0
    points = [measure(groups, asked.events) for groups in asked.groups]
    print("| groups | created at once µs/group | decide µs/event | x | memberships |\n| --- | --- | --- | --- | --- |")
    for point in points:
        times = point.decide_us / points[0].decide_us
        print(f"| {point.groups:,} | {point.created_us} | {point.decide_us} | {times:.2f} | {point.changes:,} |")
    if asked.save is not None:
        asked.save.write_text(json.dumps([point._asdict() for point in points], indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
