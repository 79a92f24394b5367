"""The records that a worker's consumers hand out: what is asked of them, and nothing else.

aiokafka makes a data class of eleven fields of each record, in Python, which takes 1 µs; this takes a fifth of it. The
fields have the names that they have there, so that whoever reads them need not know which of the two they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aiokafka.consumer import fetcher
from msgspec import Struct

if TYPE_CHECKING:
    from collections.abc import Sequence


class Received(Struct, frozen=True, gc=False):
    """One record; `timestamp` is epoch milliseconds."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class Records(fetcher.PartitionRecords):  # type: ignore[misc]
    """What one fetch brought of one partition: an iterator of `Received`."""

    def __iter__(self) -> Any:
        """Go through the records without a call of `__next__` for each."""
        return self._records_iterator or iter(())

    def _consumer_record(self, tp: Any, record: Any) -> Any:
        return Received(
            tp.topic, tp.partition, record.offset, record.timestamp, record.key, record.value, record.headers
        )


def use() -> None:
    """Have all consumers of this process hand out such records; nothing that a consumer is given decides on them."""
    fetcher.PartitionRecords = Records
