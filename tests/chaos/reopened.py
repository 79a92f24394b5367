"""Workers with one guard taken out: `python -m tests.chaos.reopened GUARD worker …`. Only tests can reach this.

A run over such workers must be found guilty: it shows that the judges see in earnest what the guard prevents.
"""

from __future__ import annotations

import sys
import uuid
from collections.abc import Callable
from importlib import import_module
from typing import Any, NamedTuple


class Guard(NamedTuple):
    """How a guard is taken out, which faults then show it, and which judges must see it."""

    open: Callable[[], None]
    kinds: str
    judges: frozenset[str]


def _fence() -> None:
    """No fencing: each owner has a transactional id of its own, so a zombie may commit."""
    partition_owner: Any = import_module("streams.runtime.partition_owner")

    plain: Any = partition_owner.aiokafka.AIOKafkaProducer

    def own(*args: Any, **kwargs: Any) -> Any:
        if kwargs.get("transactional_id"):
            kwargs["transactional_id"] += f"-{uuid.uuid4().hex}"
        return plain(*args, **kwargs)

    partition_owner.aiokafka.AIOKafkaProducer = own


def _transaction() -> None:
    """Rows and position are committed by themselves, after the outputs: what dies between says it all again."""
    partition_owner: Any = import_module("streams.runtime.partition_owner")

    commit = partition_owner.PartitionOwner.commit

    async def in_two(self: Any) -> Any:
        later, append = list[Any](), self.appender.append

        def keep(topic: str, *record: Any) -> None:
            later.append(record) if topic == partition_owner.CHANGELOG else append(topic, *record)

        self.appender.append = keep
        try:
            sent = await commit(self)
        finally:
            self.appender.append = append
        await self.producer.begin_transaction()
        for record in later:
            append(partition_owner.CHANGELOG, *record)
        await self.appender.flush()
        partition_owner.reached("decide-before-commit")
        await self.producer.commit_transaction()
        return sent

    partition_owner.PartitionOwner.commit = in_two


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

    async def nothing(consumer: Any, changelog: Any, _: Any, progress: Any) -> int:
        rows: int = await restore(consumer, changelog, Nowhere(), progress)
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
