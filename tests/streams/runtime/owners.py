"""Owners of partitions without a broker: what they say is noted, what they commit goes to a store in memory."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from processors.fold import Fold
from processors.state import MemoryStore
from schemas.activity import Tick, encode
from streams.runtime.appender import Sent
from streams.runtime.broker_clock import BrokerClock
from streams.runtime.murmur2 import Partitioner
from streams.runtime.pace import Pace
from streams.runtime.partition_owner import PartitionOwner
from streams.runtime.rounds import Rounds
from tests.processors.world import HASH_KEY


class Said:
    """Open batches that only count what is said, by topic and partition, and remember the changes."""

    def __init__(self) -> None:
        self.counts: dict[tuple[str, int], int] = {}
        self.changes: list[bytes] = []

    def append(self, topic: str, partition: int, key: bytes, value: bytes | None, headers: Any = ()) -> None:
        """Note one record."""
        del headers
        self.extend(topic, partition, [(key, value)])

    def extend(self, topic: str, partition: int, rows: Iterable[tuple[bytes, bytes | None]]) -> None:
        """Note many."""
        some = list(rows)
        self.counts[topic, partition] = self.counts.get((topic, partition), 0) + len(some)
        if topic == "membership-changes":
            self.changes += [value or b"" for _, value in some]


class Rows:
    """A store in memory that takes a commit as an owner writes it."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.offset = 0

    def write(self, rows: Mapping[bytes, bytes | None], index: Mapping[bytes, bytes | None], offset: int) -> None:
        """Apply it."""
        self.store.write(rows)
        self.store.write(index)
        self.offset = offset

    def get(self, key: bytes) -> bytes | None:
        """See Store."""
        return self.store.get(key)


class Transactions:
    """Transactions that are committed at once, unless told to wait; they note what was committed."""

    def __init__(self, said: Said) -> None:
        self.commits: list[dict[int, int]] = []
        self.may_end = asyncio.Event()
        self.may_end.set()
        self._said = said

    async def hand_out(self) -> None:
        """Nothing is sent."""

    async def commit(self, positions: dict[int, int]) -> Sent:
        """Commit."""
        await self.may_end.wait()
        self.commits.append(positions)
        sent = Sent()
        sent.next_offset = {(f"rollcall.{topic}", partition): n for (topic, partition), n in self._said.counts.items()}
        return sent


class Worker:
    """The rounds of one worker over owners of the first partitions, ready, each over the rows of a store."""

    def __init__(self, *stores: MemoryStore, pace: Pace | None = None) -> None:
        none: Any = None
        self.said = Said()
        self.transactions = Transactions(self.said)
        self.owners: dict[int, PartitionOwner] = {}
        self.rounds = Rounds(self.owners, self.transactions, BrokerClock(), pace)  # type: ignore[arg-type]
        links: Any = SimpleNamespace(
            appender=self.said,
            clock=BrokerClock(),
            wake=self.rounds.wake,
            partitioner=Partitioner(len(stores)),
            name="rollcall.{}".format,
        )
        for at, store in enumerate(stores):
            owner: Any = PartitionOwner(at, none, links)
            owner._store = Rows(store)
            owner.fold = Fold(store, at, len(stores), hash_key=HASH_KEY)
            owner._tick_at = 0  # it has asked for the time
            owner.ready = True
            self.owners[at] = owner

    async def go(self) -> None:
        """Go round until all that was fed is done and committed."""
        going = asyncio.create_task(self.rounds.run())
        async with asyncio.timeout(30):
            while any(owner.has_work or owner.pending for owner in self.owners.values()):  # noqa: ASYNC110
                await asyncio.sleep(0)
        self.rounds.end()
        await going


def tick(at: int, offset: int) -> Any:
    """Make a tick as the consumer gives it; `at` is its append time (epoch ms)."""
    return SimpleNamespace(key=b"tick", value=encode(Tick(-1, 0, 0, 0)), timestamp=at, offset=offset)
