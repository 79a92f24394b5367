"""Read memberships: first those that are there, then every change, each exactly once across the reader's own restarts.

"To start a reader: note the ends of membership-changes, read memberships, then follow from those ends, skipping seqs
not above the row's." For each partition in turn:

1. `start`: the last stable offset of the log. No transaction is open below it, so all that lies below is in the table.
2. The table up to its high watermark, noted after `start`, waiting for what is still open; then what has been written
   meanwhile, until little is left. A row that compaction took away while the table was read has a newer one, in a later
   round.
3. `since`: the high watermark of the log, noted after the table was read. The change of every row read lies below it.
4. The log from `start` to `since`, folded over the rows by seq: now the rows are the memberships as of `since`.
5. The rows are told in the order of their keys, then the log is followed.

What happens when the reader dies in the midst of step 5 is told in progress.py.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection
from itertools import islice
from typing import Self

from msgspec import Struct

from rollcall.client.brokers import Brokers, brokers_at
from rollcall.client.errors import ClientError, GapError
from rollcall.client.log import Arrived, KafkaLog, Log
from rollcall.client.progress import ChangeStep, Last, Move, Origin, Place, Progress, RowsEnd, RowStep, Step
from rollcall.client.snapshot import Snapshot
from rollcall.client.state import ReaderState
from rollcall.client.told import LOG, TABLE, Record, Told, Wanted, change_of, present

_BATCH = 500
_SMALL = 5000
"""Offsets that are read in less time than it takes to close and compact a segment."""


class Batch(Struct, frozen=True):
    """What is told at once, in order, and the checkpoint to store with what was made of it. `told` may be empty."""

    told: tuple[Told, ...]
    checkpoint: bytes


class MembershipReader:
    """An asynchronous context manager and iterator over `Told`.

    `tenant` None is all tenants, `groups` None all groups. Where the reader goes on is told by `checkpoint`, or by
    `state`, a place to keep it; neither of them, or an empty place: from the beginning. One reader reads all
    partitions; its memory holds the wanted rows of one partition at a time. Iterate once: to go on after an error or a
    `break`, open another reader.
    """

    def __init__(
        self,
        brokers: Brokers | str,
        *,
        tenant: str | None = None,
        groups: Collection[str] | None = None,
        checkpoint: bytes | None = None,
        state: ReaderState | None = None,
    ) -> None:
        if checkpoint is not None and state is not None:
            raise ClientError("give the reader a checkpoint or a state, not both")
        if isinstance(groups, str):
            raise ClientError("groups is a collection of ids, not one id")
        wanted = Wanted(tenant=tenant, groups=None if groups is None else tuple(sorted(set(groups))))
        self._brokers = brokers_at(brokers)
        self._state, self._given = state, checkpoint
        self._kafka = KafkaLog(self._brokers)
        self._core = Core(self._kafka, wanted)

    async def __aenter__(self) -> Self:
        """Connect and check the checkpoint. Raises UnreachableError, MissingTopicError, CheckpointError or GapError."""
        try:
            await self._kafka.open()
            known = self._state.load() if self._state else self._given
            await self._core.open(self._brokers.prefix, known)
        except BaseException:
            await self._kafka.close()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._kafka.close()

    def __aiter__(self) -> AsyncIterator[Told]:
        return self._core.each()

    def batches(self) -> AsyncIterator[Batch]:
        """The same in batches of at most 500, each with its checkpoint; an empty one when only the place moved."""
        return self._core.batches()

    def checkpoint(self) -> bytes:
        """Where the reader stands: after the last item, or the last batch, that it handed out."""
        return self._core.progress.encode()

    def commit(self) -> None:
        """Keep the checkpoint in `state`, after the effect: what was told since the last commit may come again."""
        if self._state is None:
            raise ClientError("the reader has no state to commit to: give it one, or store checkpoint() yourself")
        self._state.save(self.checkpoint())


class Core:
    """The reader without its connections: all it asks goes to a Log."""

    def __init__(self, log: Log, wanted: Wanted, *, small: int = _SMALL) -> None:
        self.log, self.wanted = log, wanted
        self.progress = Progress(Origin("", "", 0, wanted))
        self._small = small

    async def open(self, prefix: str, checkpoint: bytes | None) -> None:
        """Go on from a checkpoint, or begin. Raises CheckpointError and GapError."""
        origin = Origin(await self.log.cluster(), prefix, await self.log.partitions(), self.wanted)
        self.progress = Progress(origin) if checkpoint is None else Progress.resume(checkpoint, origin)
        for partition, place in self.progress.places.items():
            first, end = await self.log.first(LOG, partition), await self.log.end(LOG, partition)
            _check_place(partition, place, first, end)

    async def each(self) -> AsyncIterator[Told]:
        """What is to be told, one by one; the progress counts what was handed out."""
        async for steps in self._steps():
            for step in steps:
                self.progress.take(step)
                if step.told is not None:
                    yield step.told

    async def batches(self) -> AsyncIterator[Batch]:
        """What is to be told, many at once."""
        before = self.progress.encode()
        async for steps in self._steps():
            for some in _cut(steps):
                for step in some:
                    self.progress.take(step)
                now = self.progress.encode()
                told = tuple(step.told for step in some if step.told is not None)
                if told or now != before:
                    yield Batch(told, now)
                before = now

    async def _steps(self) -> AsyncIterator[list[Step]]:
        for partition in range(self.progress.origin.partitions):
            if not self.progress.rows_told(partition):
                async for steps in self._rows(partition):
                    yield steps
        starts, lasts = await self._starts()
        async for arrived in self.log.follow(starts):
            yield [step for one in arrived for step in self._changes(one, lasts)]

    async def _rows(self, partition: int) -> AsyncIterator[list[Step]]:
        """The five steps, for one partition."""
        start = await self.log.stable(LOG, partition)
        snapshot = Snapshot(self.wanted)
        await self._read_table(partition, snapshot)
        since = await self.log.end(LOG, partition)
        async for records in self.log.read(LOG, partition, start, since):
            for told in (change_of(record, self.wanted) for record in records):
                if told is not None:
                    snapshot.add_change(told)
        cursor = self.progress.begin(partition, start, since)
        rows = (RowStep(partition, key, present(row)) for key, row in snapshot.above(cursor))
        while some := list(islice(rows, _BATCH)):
            yield [*some]
        yield [RowsEnd(partition)]

    async def _read_table(self, partition: int, snapshot: Snapshot) -> None:
        at, end = await self.log.first(TABLE, partition), await self.log.end(TABLE, partition)
        while at < end:
            async for records in self.log.read(TABLE, partition, at, end):
                for record in records:
                    snapshot.add_row(record)
            at, end = end, await self.log.end(TABLE, partition)
            if end - at <= self._small:
                break

    async def _starts(self) -> tuple[dict[int, int], dict[int, Last]]:
        """Where to follow from: the last record read is read once more, to see that it is still the same one."""
        starts = {partition: place.next for partition, place in self.progress.places.items()}
        lasts = dict[int, Last]()
        for partition, place in self.progress.places.items():
            if place.last is not None and place.last.offset >= await self.log.first(LOG, partition):
                starts[partition], lasts[partition] = place.last.offset, place.last
        return starts, lasts

    def _changes(self, arrived: Arrived, lasts: dict[int, Last]) -> list[Step]:
        records, steps = arrived.records, list[Step]()
        last = lasts.pop(arrived.partition, None) if records else None
        if last is not None:
            records = _after(last, arrived)
        for record in records:
            told = change_of(record, self.wanted)
            if told is not None and self.progress.tells(arrived.partition, record.offset, told):
                steps.append(ChangeStep(arrived.partition, _last(record), told))
        return [*steps, Move(arrived.partition, arrived.next, _last(records[-1]) if records else None)]


def _cut(steps: list[Step]) -> list[list[Step]]:
    return [steps[at : at + _BATCH] for at in range(0, len(steps), _BATCH)]


def _last(record: Record) -> Last:
    return Last(record.offset, record.time)


def _after(last: Last, arrived: Arrived) -> list[Record]:
    """The records behind the one that was read last. Raises GapError when another lies in its place."""
    if _last(arrived.records[0]) != last:
        raise GapError(f"partition {arrived.partition} of {LOG} is not the log that was read")
    return arrived.records[1:]


def _check_place(partition: int, place: Place, first: int, end: int) -> None:
    if place.next < first:
        raise GapError(f"partition {partition} of {LOG} begins at {first}, the reader stands at {place.next}")
    if place.next > end:
        raise GapError(f"partition {partition} of {LOG} ends at {end}, the reader stands at {place.next}")
