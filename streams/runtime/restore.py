"""Bring a partition's folder up to its changelog: read committed, chunk by chunk, to an end that was noted before.

The end is noted without regard to transactions, so reading up to it waits for those that are open below: a former
owner's may still be committed (transactions.py).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import aiokafka
from aiokafka.structs import TopicPartition

from processors.deadlines import index_key
from processors.rows import head_of
from streams.runtime.partition_store import PartitionStore


async def restore(
    consumer: aiokafka.AIOKafkaConsumer,
    changelog: TopicPartition,
    end: int,
    store: PartitionStore,
    progress: Callable[[], None],
) -> int:
    """Read what the folder does not have yet and return how many rows that were.

    The end is a position, not a record: markers and compaction leave holes, and the last record may be gone.
    """
    consumer.assign([changelog])
    start = (await consumer.beginning_offsets([changelog]))[changelog]
    if not start <= store.offset <= end and store.offset:
        store.wipe()
    consumer.seek(changelog, max(store.offset, start))
    rows = 0
    while await consumer.position(changelog) < end:
        chunks = await consumer.getmany(changelog, timeout_ms=200, max_records=5000)
        for records in chunks.values():
            changes: dict[bytes, bytes | None] = {record.key or b"": record.value for record in records}
            store.write(changes, deadlines(store, changes), records[-1].offset + 1)
            rows += len(records)
            progress()
    return rows


def deadlines(store: PartitionStore, changes: dict[bytes, bytes | None]) -> dict[bytes, bytes | None]:
    """Return what the local index of deadlines must change for these rows: the changelog does not carry it."""
    heads = [key for key in changes if key.startswith(b"h")]
    index: dict[bytes, bytes | None] = {}
    for key, before in zip(heads, store.get_many(heads), strict=True):
        _entry(index, key, before, None)
        _entry(index, key, changes[key], b"")
    return index


def _entry(index: dict[bytes, bytes | None], key: bytes, row: Any, value: bytes | None) -> None:
    due = head_of(row).due if row is not None else 0
    if due:
        index[index_key(due, key[1:])] = value
