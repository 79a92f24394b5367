"""What the pure steps cost without Kafka: µs an event for normalize and decide over the job, `--profile` says where."""

from __future__ import annotations

import argparse
import cProfile
import gc
import json
import pstats
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import msgspec

from benchmarks.job import TENANT, Job, commands
from benchmarks.oracle import answer
from processors.fold import HOT, Fold, Record
from processors.normalize import Keyed, Normalizer, Raw
from processors.state import MemoryStore
from schemas.activity import INTERNAL, RAW_TOPICS, Tick, encode
from schemas.base import Reject
from schemas.tenants import Tenant
from streams.runtime.worker import GC_THRESHOLDS

MESSAGES, COMMANDS = RAW_TOPICS.index("messages"), RAW_TOPICS.index("commands")
CHUNK = 2000
CHUNKS_A_COMMIT = 2
PARTITIONS = 4
"""One stands for so many here, and holds as many heads in memory as they."""
_T = TypeVar("_T")
_TICK = encode(Tick(INTERNAL, 0, 0, 0))


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the costs; 1 when the joins are not as many as the oracle's."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.steps", description=__doc__)
    parser.add_argument("--messages", type=int, default=50_000)
    parser.add_argument("--profile", action="store_true", help="also where the time goes (which makes it longer)")
    asked = parser.parse_args(arguments)
    gc.set_threshold(*GC_THRESHOLDS)
    job = Job(asked.messages, int(time.time()) - 300)
    raws = [Raw(MESSAGES, 0, at, job.ends_at * 1000, key, value, ()) for at, (key, value) in enumerate(job.records)]
    keyed = _measure("normalize", len(raws), lambda: list(_normalized(raws)), profile=asked.profile)
    store, fold = _prepared(job.ends_at * 1000)
    out = _measure("decide", len(raws), lambda: _decided(fold, store, keyed, job.ends_at * 1000), profile=asked.profile)
    print(f"decide appends an event: {_shares(out, len(raws))}")
    return 0 if out["membership-changes"] == len(answer(*job.parts).joined) else 1


def _measure(name: str, events: int, step: Callable[[], _T], *, profile: bool) -> _T:
    profiler = cProfile.Profile()
    before = time.process_time()
    result = profiler.runcall(step) if profile else step()
    print(f"{name}: {(time.process_time() - before) / events * 1e6:.1f} µs/event")
    if profile:
        pstats.Stats(profiler).sort_stats("tottime").print_stats(25)
    return result


def _normalizer() -> Normalizer:
    """The step with the job's tenant, as its own command says it."""
    data = json.loads(commands(int(time.time()))[0][1])["data"]
    return Normalizer({TENANT: msgspec.convert({**data, "tenant": TENANT}, Tenant)})


def _normalized(raws: Sequence[Raw]) -> Iterator[Keyed]:
    normalize = _normalizer().normalize
    for raw in raws:
        found = normalize(raw)
        if not isinstance(found, Reject):
            yield from found


def _prepared(now: int) -> tuple[MemoryStore, Fold]:
    """One partition that has its tenant and groups, and nothing more to do."""
    store = MemoryStore()
    fold = Fold(store, 0, 1, hot=PARTITIONS * HOT, hash_key=b"k" * 32)
    raws = [Raw(COMMANDS, 0, at, now, key, value, ()) for at, (key, value) in enumerate(commands(now // 1000))]
    waiting = list(_normalized(raws))
    while waiting or fold.scanning:
        fold.apply([Record(one.key, one.value, now) for one in waiting] or [Record(b"", _TICK, now)])
        store.write(fold.flush().rows)
        waiting = [Keyed(out.key, out.value or b"") for out in fold.desk.take() if out.topic == "contact-activity"]
        fold.committed()
    return store, fold


def _decided(fold: Fold, store: MemoryStore, keyed: Sequence[Keyed], now: int) -> Counter[str]:
    """Fold all activities, with a commit every few chunks; count what would be appended, by topic."""
    out: Counter[str] = Counter()
    for at in range(0, len(keyed), CHUNK):
        fold.apply([Record(one.key, one.value, now) for one in keyed[at : at + CHUNK]])
        if at // CHUNK % CHUNKS_A_COMMIT == CHUNKS_A_COMMIT - 1:
            _commit(fold, store, out)
    _commit(fold, store, out)
    return out


def _commit(fold: Fold, store: MemoryStore, out: Counter[str]) -> None:
    rows = fold.flush().rows
    store.write(rows)
    out.update(record.topic for record in fold.desk.take())
    out["decide-changelog"] += len(rows)
    fold.committed()


def _shares(out: Counter[str], events: int) -> str:
    return ", ".join(f"{count / events:.2f} {topic}" for topic, count in out.most_common())


if __name__ == "__main__":
    sys.exit(main())
