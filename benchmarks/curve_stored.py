"""What an event costs as stored messages grow: µs of CPU in decide, RocksDB and its threads included, without Kafka.

One partition stands for four: of 500,000 to 10,000,000 stored messages a quarter lies in its folder before it is
opened, as a worker finds it. Its guests are known, and each new message is of one of them.

    python -m benchmarks.curve_stored [--stored 500000 2000000 10000000] [--events 100000] [--save docs/stored.json]
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from benchmarks.hot_path import COMMANDS, GUESTS, MESSAGES, NOW, Line, commands, messages
from processors.fold import Flushed
from processors.rows import encode, fact_key, facts_under
from schemas.activity import MessageFact
from streams.runtime.partition_store import PartitionStore
from streams.runtime.worker import GC_THRESHOLDS

STORED = (500_000, 2_000_000, 10_000_000)
PARTITIONS = 4
WARM = 20_000
BATCH = 5_000
TEXT = "can we book dinner at the restaurant for two people tomorrow evening please thank you very much"


class Point(NamedTuple):
    """Messages stored in all partitions, seconds to open one, and µs of CPU an event."""

    stored: int
    open_s: float
    decide_us: float


class DiskLine(Line):
    """normalize and decide in a row, on one partition on disk."""

    def __init__(self, folder: PartitionStore) -> None:
        super().__init__(store=folder)
        self.folder = folder

    def write(self, flushed: Flushed) -> None:
        """Write what a commit writes."""
        self.folder.write(flushed.rows, flushed.index, self.folder.offset + 1)


def fill(folder: Path, count: int) -> None:
    """Have a folder hold so many messages of the guests, each at a place of its own."""
    store, row = PartitionStore(folder, "log"), encode(MessageFact(1, NOW, TEXT, "whatsapp"))
    for first in range(0, count, BATCH):
        store.write(dict.fromkeys(_places(first, min(BATCH, count - first)), row), {}, 1)
    store.close()


def _places(first: int, count: int) -> Iterator[bytes]:
    for at in range(first, first + count):
        contact = b"bali/tel:+62812%07d" % (at * 7_919 % GUESTS)
        yield fact_key(facts_under(contact, b"m"), "whatsapp", f"old.{at}")


def measure(stored: int, events: int, folder: Path) -> Point:
    """Fill a folder, open it, let the guests join, and time what follows."""
    fill(folder, stored // PARTITIONS)
    dice, before = random.Random(7), time.monotonic()
    store = PartitionStore(folder, "log")
    open_s = time.monotonic() - before
    line = DiskLine(store)
    line.decide(line.normalize(COMMANDS, commands()))
    line.decide(line.normalize(MESSAGES, messages(WARM, 0, dice)))
    while not store._facts.complete:  # noqa: SLF001 - what a worker reads with each commit
        store.write({}, {}, 1)
    records = line.normalize(MESSAGES, messages(events, WARM, dice))
    started = time.process_time()
    line.decide(records)
    decide_us = (time.process_time() - started) / events * 1e6
    store.close()
    return Point(stored, round(open_s, 2), round(decide_us, 1))


def main(arguments: list[str] | None = None) -> int:
    """Measure, print a table, and save it where asked."""
    parser = argparse.ArgumentParser(description="what an event costs as stored messages grow")
    parser.add_argument("--stored", type=int, nargs="+", default=STORED)
    parser.add_argument("--events", type=int, default=100_000)
    parser.add_argument("--save", type=Path)
    asked = parser.parse_args(arguments)
    gc.set_threshold(*GC_THRESHOLDS)
    points: list[Point] = []
    for stored in asked.stored:
        with tempfile.TemporaryDirectory(prefix="rollcall-stored-") as folder:
            points.append(measure(stored, asked.events, Path(folder)))
    print("| stored messages | opened in s | decide µs/event | x |\n| --- | --- | --- | --- |")
    for point in points:
        print(
            f"| {point.stored:,} | {point.open_s} | {point.decide_us} | {point.decide_us / points[0].decide_us:.2f} |"
        )
    if asked.save is not None:
        asked.save.write_text(json.dumps([point._asdict() for point in points], indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
