"""Workers with one guard taken out: `python -m tests.chaos.reopened GUARD worker …`. Only tests can reach this.

A run over such workers must be found guilty: it shows that the judges see in earnest what the guard prevents.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple


class Guard(NamedTuple):
    """How a guard is taken out, which faults then show it, and which judges must see it."""

    open: Callable[[], None]
    kinds: str
    judges: frozenset[str]


def _fence() -> None:
    """No fence: offsets are committed in nobody's name, and nobody waits for what a former owner has open.

    Nor does its transaction run out of time, so that only that it is not the owner any more could stop it.
    """
    group_offsets: Any = import_module("streams.runtime.group_offsets")
    aiokafka: Any = import_module("aiokafka")
    request = group_offsets._Commit
    group_offsets._Commit = lambda *said: request(*said[:4], -1, "", None, *said[7:])
    aiokafka.AIOKafkaProducer = _with(aiokafka.AIOKafkaProducer, "transaction_timeout_ms", 120_000)
    aiokafka.AIOKafkaConsumer = _with(aiokafka.AIOKafkaConsumer, "isolation_level", "read_committed")


def _with(kind: Any, name: str, value: Any) -> Any:
    """Make a client with another setting, where it is given."""
    return lambda *args, **kwargs: kind(*args, **(kwargs | {name: value} if name in kwargs else kwargs))


def _transaction() -> None:
    """Rows and positions are committed by themselves, after the outputs: what dies between says it all again."""
    transactions: Any = import_module("streams.runtime.transactions")
    partition_owner: Any = import_module("streams.runtime.partition_owner")
    changelog, later = partition_owner.CHANGELOG, list[Any]()
    flush, commit = partition_owner.PartitionOwner.flush, transactions.Transactions.commit

    def keep(self: Any) -> Any:
        appender = self.links.appender
        extend = appender.extend

        def but_rows(topic: str, *rows: Any) -> None:
            later.append(rows) if topic == changelog else extend(topic, *rows)

        appender.extend = but_rows
        try:
            return flush(self)
        finally:
            del appender.extend

    async def in_two(self: Any, positions: Any) -> Any:
        sent = await commit(self, positions)
        while later:
            partition, rows = later.pop()
            self.appender.extend(changelog, partition, list(rows))
        sent.next_offset |= (await commit(self, positions)).next_offset
        return sent

    partition_owner.PartitionOwner.flush = keep
    transactions.Transactions.commit = in_two


def _acknowledgement() -> None:
    """Normalize acknowledges a chunk before anything of it is sent, and the offset is committed at once."""
    from streams.runtime import normalize_lane  # noqa: PLC0415

    lane: Any = normalize_lane.NormalizeLane
    take = lane.take

    async def early(self: Any, event: Any) -> None:
        event.ack()
        await event.app.consumer.commit()
        await take(self, event)

    lane.take = early


def _repeats() -> None:
    """Decide does not remember how far it has read of the raw topics, so normalize's repeats are events."""
    from processors.fold import Fold  # noqa: PLC0415

    Fold._first_seen = lambda *_: True  # type: ignore[method-assign]


def _folder() -> None:
    """A folder is trusted as it lies there: what is read of the changelog goes nowhere."""
    partition_owner: Any = import_module("streams.runtime.partition_owner")

    class Nowhere:
        offset = 0

        def get_many(self, keys: list[bytes]) -> list[None]:
            return [None for _ in keys]

        def write(self, *_: Any) -> None:
            pass

    restore = partition_owner.restore

    async def nothing(consumer: Any, changelog: Any, end: int, _: Any, progress: Any) -> int:
        rows: int = await restore(consumer, changelog, end, Nowhere(), progress)
        return rows

    partition_owner.restore = nothing


def _clock() -> None:
    """Deadlines fire by a clock that is two seconds ahead of the log's."""
    from processors.fold import Fold, Record  # noqa: PLC0415

    apply = Fold.apply

    def ahead(self: Any, records: Any) -> None:
        apply(self, [Record(one.key, one.value, one.timestamp + 2_000) for one in records])

    Fold.apply = ahead  # type: ignore[method-assign]


GUARDS: dict[str, Guard] = {
    "fence": Guard(_fence, "worker SIGSTOP past session", frozenset({"log", "outcomes"})),
    "transaction": Guard(_transaction, "kill at decide-before-commit", frozenset({"log", "outcomes"})),
    "acknowledgement": Guard(_acknowledgement, "kill at normalize-before-flush", frozenset({"accounted"})),
    "repeats": Guard(_repeats, "kill at normalize-before-ack", frozenset({"outcomes"})),
    "folder": Guard(_folder, "state wiped,state from an old copy", frozenset({"log", "memberships", "facts"})),
    "clock": Guard(_clock, "worker SIGTERM", frozenset({"deadlines"})),
}


def main() -> int:
    """Take the guard out and be rollcall."""
    from rollcall.__main__ import main as rollcall  # noqa: PLC0415

    GUARDS[sys.argv[1]].open()
    return rollcall(sys.argv[2:])


if __name__ == "__main__":
    sys.exit(main())
