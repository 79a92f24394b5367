"""What an event costs on days when deadlines are hard to tell: µs of CPU in decide, without Kafka and without disk.

A hundred groups look for words within six months, in a zone with summer time. On the last day of a month, on
29 February and where a clock is moved the moments of one day do not all lie as far from their deadlines.

    python -m benchmarks.curve_days [--events 20000] [--rounds 3]
"""

from __future__ import annotations

import argparse
import gc
import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec

from benchmarks.hot_path import COMMANDS, MESSAGES, Line, commands, message, timed
from streams.runtime.worker import GC_THRESHOLDS

ZONE = "Europe/Berlin"
DAYS = {
    "an ordinary day": date(2027, 11, 10),
    "the last of a month": date(2027, 11, 30),
    "29 February": date(2028, 2, 29),
    "summer time begins": date(2028, 3, 26),
    "summer time ends": date(2028, 10, 29),
    "its deadlines lie where summer time ends": date(2028, 4, 29),
}
WARM = 10_000


def definitions() -> list[bytes]:
    """Return the commands of the tenant, in a zone with summer time, and of its groups."""
    found: list[dict[str, Any]] = [msgspec.json.decode(command) for command in commands()]
    found[0]["data"]["zone"] = ZONE
    return [msgspec.json.encode(command) for command in found]


def messages(count: int, day: date, first: int, dice: random.Random) -> list[bytes]:
    """Return raw messages of one UTC day, in the order of their times."""
    begin, step = datetime(day.year, day.month, day.day, tzinfo=UTC), timedelta(days=1) / count
    return [
        msgspec.json.encode({**message(first + at, dice), "time": (begin + at * step).isoformat()})
        for at in range(count)
    ]


def measure(day: date, events: int) -> float:
    """Return µs an event of one day, of guests that are known."""
    dice = random.Random(7)
    night = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(days=1)
    line = Line(int(night.timestamp()) * 1000)
    line.decide(line.normalize(COMMANDS, definitions()))
    line.decide(line.normalize(MESSAGES, messages(WARM, day, 0, dice)))
    records = line.normalize(MESSAGES, messages(events, day, WARM, dice))
    _, figure = timed(lambda: line.decide(records), events, None)
    return figure


def main(arguments: list[str] | None = None) -> int:
    """Measure all days by turns and print the best of each."""
    parser = argparse.ArgumentParser(description="what an event costs on one day and another")
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--rounds", type=int, default=3)
    asked = parser.parse_args(arguments)
    gc.set_threshold(*GC_THRESHOLDS)
    rounds = [{name: measure(day, asked.events) for name, day in DAYS.items()} for _ in range(asked.rounds)]
    best = {name: min(found[name] for found in rounds) for name in DAYS}
    print("| day | date | decide µs/event | x |\n| --- | --- | --- | --- |")
    for name, day in DAYS.items():
        print(f"| {name} | {day} | {best[name]:.1f} | {best[name] / best['an ordinary day']:.2f} |")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
