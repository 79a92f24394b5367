"""A folder brought up to its changelog, whatever the changelog's end looks like."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from functools import partial
from pathlib import Path

import aiokafka
import pytest
from aiokafka.structs import TopicPartition
from confluent_kafka import KafkaException, Producer
from confluent_kafka import TopicPartition as Place
from confluent_kafka.admin import (  # type: ignore[attr-defined]
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ResourceType,
)

from processors.deadlines import index_key
from processors.rows import Head, encode
from streams.runtime.partition_store import PartitionStore
from streams.runtime.restore import restore
from streams.settings import Settings
from tests.kafka.pipeline import until

Row = tuple[bytes, bytes | None]
Restore = Callable[[], Awaitable[int]]


class Changelog:
    """Partition 0 of a changelog, written in transactions by another client."""

    def __init__(self, settings: Settings) -> None:
        self.bootstrap = settings.bootstrap
        self.name = settings.topic_prefix + "decide-changelog"
        self.writer = self._writer("one")

    def _writer(self, name: str) -> Producer:
        producer = Producer({"bootstrap.servers": self.bootstrap, "transactional.id": f"{self.name}-{name}"})
        producer.init_transactions(20)
        return producer

    def write(self, rows: Iterable[Row], *, commit: bool = True) -> None:
        """Write rows in one transaction and end it."""
        self.writer.begin_transaction()
        for key, value in rows:
            self.writer.produce(self.name, value, key, partition=0)
        if commit:
            self.writer.commit_transaction(20)
        else:
            self.writer.flush(20)
            self.writer.abort_transaction(20)

    def begin(self, rows: Iterable[Row]) -> Producer:
        """Write rows in a transaction that stays open."""
        other = self._writer("two")
        other.begin_transaction()
        for key, value in rows:
            other.produce(self.name, value, key, partition=0)
        other.flush(20)
        return other


@pytest.fixture
def changelog(settings: Settings) -> Changelog:
    """The changelog of this test."""
    return Changelog(settings)


@pytest.fixture
def store(tmp_path: Path) -> Iterator[PartitionStore]:
    """An empty folder."""
    one = PartitionStore(tmp_path / "rows", "log")
    yield one
    one.close()


@pytest.fixture
async def bring_up(changelog: Changelog, store: PartitionStore) -> AsyncIterator[Restore]:
    """Restore the store; fails when it takes long, as it would where the end is never seen."""
    consumer = aiokafka.AIOKafkaConsumer(
        bootstrap_servers=changelog.bootstrap,
        isolation_level="read_committed",
        enable_auto_commit=False,
        auto_offset_reset="none",
    )
    await consumer.start()

    ends = aiokafka.AIOKafkaConsumer(bootstrap_servers=changelog.bootstrap)
    await ends.start()
    log = TopicPartition(changelog.name, 0)

    async def run() -> int:
        end = (await ends.end_offsets([log]))[log]
        return await asyncio.wait_for(restore(consumer, log, end, store, lambda: None), 20)

    yield run
    await consumer.stop()
    await ends.stop()


async def test_empty(bring_up: Restore, store: PartitionStore) -> None:
    """An empty changelog is at its end at once."""
    assert await bring_up() == 0
    assert store.offset == 0


async def test_markers_at_the_end(bring_up: Restore, store: PartitionStore, changelog: Changelog) -> None:
    """The end is reached although the last offsets are control markers, and deletions are applied."""
    changelog.write([(b"xa", b"1"), (b"xb", b"2")])
    changelog.write([(b"xb", None), (b"xc", b"3")])
    await bring_up()
    assert store.get_many([b"xa", b"xb", b"xc"]) == [b"1", None, b"3"]


async def test_aborted_at_the_end(bring_up: Restore, store: PartitionStore, changelog: Changelog) -> None:
    """Rows that were never committed are not taken, and a log that ends with them has an end all the same."""
    changelog.write([(b"xa", b"1")])
    changelog.write([(b"xa", b"2"), (b"xb", b"2")], commit=False)
    await bring_up()
    assert store.get_many([b"xa", b"xb"]) == [b"1", None]


@pytest.mark.parametrize("kept", [True, False])
async def test_open_transaction_at_the_end(
    bring_up: Restore,
    store: PartitionStore,
    changelog: Changelog,
    kept: bool,  # noqa: FBT001
) -> None:
    """A transaction that is open when it begins is waited for: what is committed then is read, what is not, is not."""
    changelog.write([(b"xa", b"1")])
    other = changelog.begin([(b"xa", b"2")])
    bringing_up = asyncio.ensure_future(bring_up())
    await asyncio.sleep(1)  # longer than without: nothing tells that it waits
    assert not bringing_up.done()
    (other.commit_transaction if kept else other.abort_transaction)(20)
    await bringing_up
    assert store.get(b"xa") == (b"2" if kept else b"1")


async def test_goes_on_where_it_stood(bring_up: Restore, store: PartitionStore, changelog: Changelog) -> None:
    """A folder that has the beginning reads the rest only."""
    changelog.write([(b"xa", b"1"), (b"xb", b"1")])
    assert await bring_up() == 2
    changelog.write([(b"xb", b"2")])
    assert await bring_up() == 1
    assert await bring_up() == 0
    assert store.get_many([b"xa", b"xb"]) == [b"1", b"2"]


async def test_beyond_the_end(bring_up: Restore, store: PartitionStore, changelog: Changelog) -> None:
    """A folder that stands beyond the log's end follows another log: it is wiped and built again."""
    store.write({b"xz": b"9"}, {}, 1_000)
    changelog.write([(b"xa", b"1")])
    await bring_up()
    assert store.get_many([b"xa", b"xz"]) == [b"1", None]


async def test_before_the_beginning(bring_up: Restore, store: PartitionStore, changelog: Changelog) -> None:
    """A folder that stands before what the log still holds has missed something: it is wiped and built again."""
    changelog.write([(b"xa", b"1")])
    await bring_up()
    changelog.write([(b"xa", None), (b"xb", b"1")])
    changelog.write([(b"xc", b"1")])
    # what compaction and retention do in weeks, done at once
    admin = AdminClient({"bootstrap.servers": changelog.bootstrap})
    entry = ConfigEntry("cleanup.policy", "delete", incremental_operation=AlterConfigOpType.SET)
    resource = ConfigResource(ResourceType.TOPIC, changelog.name, incremental_configs=[entry])
    for done in admin.incremental_alter_configs([resource]).values():
        done.result(20)
    await asyncio.to_thread(until, partial(_deleted, admin, Place(changelog.name, 0, 5)), 20)
    await bring_up()
    assert store.get_many([b"xa", b"xb", b"xc"]) == [None, None, b"1"]


def _deleted(admin: AdminClient, place: Place) -> bool:
    """Delete what lies before a place; False while the broker has not heard yet that it may."""
    try:
        for done in admin.delete_records([place]).values():
            done.result(20)
    except KafkaException:
        return False
    return True


async def test_deadlines_are_built_again(bring_up: Restore, store: PartitionStore, changelog: Changelog) -> None:
    """The index of deadlines, which no changelog carries, follows the heads: new, moved and gone."""
    first, moved = Head(version=1, due=1_000), Head(version=1, due=2_000)
    heads = [(b"hbali/a", encode(first)), (b"hbali/b", encode(first)), (b"hbali/c", encode(first))]
    changelog.write(heads)
    await bring_up()
    changelog.write([(b"hbali/a", encode(moved)), (b"hbali/b", None)])
    await bring_up()
    index = [key for key, _ in store.scan(b"i")]
    assert index == [index_key(1_000, b"bali/c"), index_key(2_000, b"bali/a")]
