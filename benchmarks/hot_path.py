"""The two pure steps on the commonest event, an inbound message, without Kafka and without disk: µs of CPU an event.

100 groups of three phrases each, within P6M; 5,000 guests; texts of a dozen words with none, one or two of the phrases.
`normalize` reads the raw JSON; `decide` applies what came of it in chunks of 500 and flushes every 2,000 records, so
its figure includes encoding the changes, memberships, contacts and rows. First all guests are new, then they are known.

    python -m benchmarks.hot_path [--events 20000] [--profile]
"""

from __future__ import annotations

import argparse
import cProfile
import gc
import pstats
import random
import time
from collections.abc import Callable
from typing import Any

import msgspec

from processors.fold import Flushed, Fold, Record
from processors.normalize import Normalizer, Raw
from processors.state import MemoryStore, Store
from schemas.activity import Tick, encode
from schemas.base import Reject
from schemas.tenants import Tenant
from streams.runtime.worker import GC_THRESHOLDS

GROUPS, PHRASES, GUESTS = 100, 3, 5_000
CHUNK, COMMIT = 500, 2_000
COMMANDS, MESSAGES = 3, 2
NOW = 1_793_613_911_000
TENANT = Tenant(tenant="bali", region="ID", zone="Asia/Makassar")
ENVELOPE = {"specversion": "1.0", "source": "whatsapp", "tenant": "bali", "time": "2026-11-02T10:05:11Z"}


def word(at: int) -> str:
    """Return an invented word."""
    return "".join("bdfgklmnprstvz"[at // 14**i % 14] + "aeiou"[at // 5**i % 5] for i in range(4))


def commands() -> list[bytes]:
    """Return the commands that make the tenant and its groups."""
    asked: list[tuple[str, dict[str, Any]]] = [("tenant.put", {"region": "ID", "zone": "Asia/Makassar"})]
    for group in range(GROUPS):
        phrases = [word(group * PHRASES + at) for at in range(PHRASES)]
        rule = {"event": "message", "any_of": phrases, "within": "P6M"}
        asked.append(("group.create", {"id": f"g{group}", "name": f"Group {group}", "rule": rule}))
    return [
        msgspec.json.encode({**ENVELOPE, "type": kind, "id": f"c{at}", "data": data})
        for at, (kind, data) in enumerate(asked)
    ]


def messages(count: int, first: int, dice: random.Random) -> list[bytes]:
    """Return raw messages; of each text up to two words belong to a group."""
    return [msgspec.json.encode(message(first + at, dice)) for at in range(count)]


def message(at: int, dice: random.Random) -> dict[str, Any]:
    """Return one message."""
    plain = [word(dice.randrange(10_000, 30_000)) for _ in range(10)]
    told = [word(dice.randrange(GROUPS * PHRASES)) for _ in range(dice.choice((0, 0, 0, 1, 1, 2)))]
    text = " ".join(dice.sample(plain + told, len(plain + told))).capitalize() + "?"
    data = {
        "message_id": f"wamid.{at}", "channel": "whatsapp", "direction": "inbound",
        "from": f"62812{dice.randrange(GUESTS):07d}", "name": "Made", "text": text,
    }  # fmt: skip
    return {**ENVELOPE, "type": "message", "id": f"wamid.{at}", "data": data}


class Line:
    """normalize and decide in a row, on one partition in memory, at one moment (epoch ms)."""

    def __init__(self, now: int = NOW, store: Store | None = None) -> None:
        self.now = now
        self.normalizer = Normalizer({"bali": TENANT})
        self.store = MemoryStore()
        self.fold = Fold(store or self.store, 0, 1, hash_key=b"k" * 32)
        self.offset = 0
        self.out = 0

    def normalize(self, topic: int, values: list[bytes]) -> list[Record]:
        """Return the activities of raw records, which must all be good."""
        records: list[Record] = []
        for value in values:
            self.offset += 1
            keyed = self.normalizer.normalize(Raw(topic, 0, self.offset, self.now, None, value, ()))
            if isinstance(keyed, Reject):
                raise TypeError(keyed.detail)
            records += [Record(one.key, one.value, self.now) for one in keyed]
        return records

    def decide(self, records: list[Record]) -> None:
        """Fold records, with commits; what the fold tells itself comes after them."""
        told: list[Record] = []
        for start in range(0, len(records), COMMIT):
            for at in range(start, min(start + COMMIT, len(records)), CHUNK):
                self.fold.apply(records[at : min(at + CHUNK, start + COMMIT)])
            told += self.commit()
        while told or self.fold.scanning:
            self.fold.apply([*told, Record(b"", encode(Tick(-1, 0, 0, 0)), self.now)])
            told = self.commit()

    def commit(self) -> list[Record]:
        """Commit, and return what the fold tells itself."""
        flushed = self.fold.flush()
        out = self.fold.desk.take()
        told = [Record(o.key, o.value or b"", self.now) for o in out if o.topic == "contact-activity"]
        self.out += len(out) - len(told)
        self.write(flushed)
        self.fold.committed()
        return told

    def write(self, flushed: Flushed) -> None:
        """Write what a commit writes."""
        self.store.write(flushed.rows)
        self.store.write(flushed.index)


def timed(work: Callable[[], Any], events: int, profile: cProfile.Profile | None) -> tuple[Any, float]:
    """Return what work gives, and its µs of CPU an event."""
    if profile is not None:
        profile.enable()
    started = time.process_time()
    result = work()
    took = time.process_time() - started
    if profile is not None:
        profile.disable()
    return result, took / events * 1e6


def run(events: int, *, profiled: bool) -> dict[str, float]:
    """Return µs an event of each step, with new and with known guests."""
    dice, line, figures = random.Random(7), Line(), dict[str, float]()
    profile = cProfile.Profile() if profiled else None
    line.decide(line.normalize(COMMANDS, commands()))
    for state in ("new", "known"):
        raw = messages(events, line.offset, dice)
        records, figures[f"normalize, {state} guests"] = timed(lambda: line.normalize(MESSAGES, raw), events, None)  # noqa: B023
        line.out = 0
        _, figures[f"decide, {state} guests"] = timed(lambda: line.decide(records), events, profile)  # noqa: B023
        figures[f"records out an event, {state} guests"] = line.out / events
    if profile is not None:
        pstats.Stats(profile).sort_stats("tottime").print_stats(30)
    return figures


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description="µs an event of the pure steps")
    parser.add_argument("--events", type=int, default=20_000)
    parser.add_argument("--profile", action="store_true", help="show where decide spends its time")
    asked = parser.parse_args()
    gc.set_threshold(*GC_THRESHOLDS)
    for name, figure in run(asked.events, profiled=asked.profile).items():
        print(f"{figure:8.2f}  {name}")


if __name__ == "__main__":
    main()
