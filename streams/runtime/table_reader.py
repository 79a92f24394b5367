"""Follow the pipeline's tables into local rows: a consumer without a group, in a thread and an event loop of its own.

Where it stands lies in the same rows and the same batch as what it read, so a kill at any moment loses and doubles
nothing. At start the noted places are held against the log. When the cluster, the prefix or the partitions are others,
when a place lies outside its log, when the last record read is not the one that lies there now, or when the rows are so
old that deletions may have been compacted away, the rows are thrown away and read again.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaConnectionError, OffsetOutOfRangeError

from streams.store import keys
from streams.store.tables import KEPT_MS, PASSING, TABLES, Place, Record, apply, places
from streams.topics import full_name

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from streams.runtime.kv import RocksRows
    from streams.settings import Settings

log = logging.getLogger(__name__)

CHUNK = 1000
CATCH_UP_CHUNK = 5000
FORM = 2
"""Raise it when rows change their form: older folders are then read anew."""
_CONNECT_SECONDS = 60
_FETCH_WAIT_MS = 50
_ALIVE_EVERY_MS = 60_000
_OLDEST_MS = 6 * 86_400_000  # a day less than the tables keep what was deleted
_IDENTITY = keys.key("s", "identity")
_ALIVE = keys.key("s", "alive")

Part = tuple[str, int]
"""A topic's short name and a partition."""


class Landed(NamedTuple):
    """What a chunk brought that somebody may wait for."""

    chunk: list[Record]
    seconds: float


class ForeignLogError(Exception):
    """The log is not the one that the rows were read from."""


class TableReader:
    """Keeps rows equal to the tables; `landed` and `failed` are called in the reader's thread."""

    def __init__(
        self,
        settings: Settings,
        rows: RocksRows,
        *,
        instance: str,
        landed: Callable[[Landed], None],
        failed: Callable[[BaseException], None],
    ) -> None:
        self._settings, self._rows = settings, rows
        self._instance, self._landed, self._failed = instance, landed, failed
        self._thread = threading.Thread(target=self._run, name="table-reader", daemon=True)
        self._loop = asyncio.new_event_loop()
        self._stopping = asyncio.Event()
        self._consumer: AIOKafkaConsumer | None = None
        self._places: dict[Part, Place] = {}
        self._targets: dict[Part, int] = {}
        self._alive = 0
        self.ready = threading.Event()

    def start(self) -> None:
        """Begin to read."""
        self._thread.start()

    def stop(self) -> None:
        """End after the chunk in hand."""
        with contextlib.suppress(RuntimeError):  # the loop is closed: it ended by itself
            self._loop.call_soon_threadsafe(self._stopping.set)
        if self._thread.ident is not None:
            self._thread.join()

    async def reached(self, ends: Mapping[Part, int]) -> None:
        """Wait, from another loop, until everything before these offsets is applied."""
        future = asyncio.run_coroutine_threadsafe(self._reached(ends), self._loop)
        await asyncio.wrap_future(future)

    async def lag(self) -> dict[str, int]:
        """Count the records not read yet, by topic, asked from another loop."""
        future = asyncio.run_coroutine_threadsafe(self._lag(), self._loop)
        return await asyncio.wrap_future(future)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        try:
            self._loop.run_until_complete(self._follow())
        except BaseException as error:  # noqa: BLE001 - whatever ends the thread must end the process
            self._failed(error)
        finally:
            self._loop.close()

    async def _follow(self) -> None:
        consumer = self._consumer = self._make_consumer()
        try:
            await self._connect(consumer)
            while not self._stopping.is_set():
                await self._open(consumer)
                await self._keep_up(consumer)
        finally:
            await consumer.stop()

    async def _keep_up(self, consumer: AIOKafkaConsumer) -> None:
        """Read on until told to stop, or until the log turns out to be another one."""
        try:
            while not self._stopping.is_set():
                await self._step(consumer)
        except (OffsetOutOfRangeError, ForeignLogError) as error:
            log.warning("%s: reading the tables anew", error)
            self._rows.write({_IDENTITY: None})
            if self.ready.is_set():
                raise  # rows are being read: the next start begins anew

    def _make_consumer(self) -> AIOKafkaConsumer:
        return AIOKafkaConsumer(
            bootstrap_servers=self._settings.bootstrap,
            client_id=f"rollcall-store-{self._instance}",
            isolation_level="read_committed",
            enable_auto_commit=False,
            auto_offset_reset="none",
            # while a fetch waits, a partition that was just read is not asked for: half a second by default
            fetch_max_wait_ms=_FETCH_WAIT_MS,
            **self._settings.kafka_security(),
        )

    async def _connect(self, consumer: AIOKafkaConsumer) -> None:
        """Try for a while; a broker that never answers must not hold up the end of the process."""
        starting = asyncio.create_task(self._try(consumer))
        stopping = asyncio.create_task(self._stopping.wait())
        await asyncio.wait([starting, stopping], return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
        if not starting.done():
            starting.cancel()
            await asyncio.wait([starting])
        else:
            starting.result()

    async def _try(self, consumer: AIOKafkaConsumer) -> None:
        until = time.monotonic() + _CONNECT_SECONDS
        while True:
            try:
                return await consumer.start()  # type: ignore[no-any-return]
            except KafkaConnectionError:
                if time.monotonic() > until:
                    raise
                await asyncio.sleep(0.5)

    async def _open(self, consumer: AIOKafkaConsumer) -> None:
        identity = await self._identify()
        parts = [(topic, number) for topic in TABLES for number in range(self._partitions(identity, topic))]
        consumer.assign([self._tp(part) for part in parts])
        begins, ends = await self._bounds(consumer, parts)
        self._places = places(self._rows)
        if not self._ours(identity, begins, ends):
            log.info("reading the tables from their beginning")
            self._rows.wipe()
            self._places = {}
        self._rows.write({_IDENTITY: msgspec.json.encode(identity)})
        for part, offset in (await self._starts(consumer, begins, ends)).items():
            consumer.seek(self._tp(part), offset)
        self._targets = ends

    async def _identify(self) -> dict[str, Any]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self._settings.bootstrap, **self._settings.kafka_security())
        await admin.start()
        try:
            cluster = await admin.describe_cluster()
            names = [full_name(self._settings.topic_prefix, topic) for topic in TABLES]
            found = {topic["topic"]: len(topic["partitions"]) for topic in await admin.describe_topics(names)}
        finally:
            await admin.close()
        missing = sorted(name for name in names if not found.get(name))
        if missing:
            raise RuntimeError(f"topics are missing: {', '.join(missing)}; `rollcall topics create` makes them")
        return {"form": FORM, "cluster": cluster["cluster_id"], "topics": found}

    def _partitions(self, identity: dict[str, Any], topic: str) -> int:
        return int(identity["topics"][full_name(self._settings.topic_prefix, topic)])

    def _tp(self, part: Part) -> TopicPartition:
        return TopicPartition(full_name(self._settings.topic_prefix, part[0]), part[1])

    async def _bounds(self, consumer: AIOKafkaConsumer, parts: list[Part]) -> tuple[dict[Part, int], dict[Part, int]]:
        tps = {part: self._tp(part) for part in parts}
        begins = await consumer.beginning_offsets(list(tps.values()))
        ends = await consumer.end_offsets(list(tps.values()))
        return {part: begins[tp] for part, tp in tps.items()}, {part: ends[tp] for part, tp in tps.items()}

    def _ours(self, identity: dict[str, Any], begins: dict[Part, int], ends: dict[Part, int]) -> bool:
        known, alive = self._rows.get(_IDENTITY), self._rows.get(_ALIVE)
        if known is None or msgspec.json.decode(known) != identity:
            return False
        if alive is not None and _now() - keys.read_u64(alive) > _OLDEST_MS:
            return False
        return all(_inside(part, place, begins, ends) for part, place in self._places.items())

    async def _starts(
        self, consumer: AIOKafkaConsumer, begins: dict[Part, int], ends: dict[Part, int]
    ) -> dict[Part, int]:
        """Where to go on: the last record read is read once more, to see that it is still the same one."""
        passing = [part for part in begins if part[0] in PASSING and part not in self._places]
        since = {self._tp(part): _now() - KEPT_MS for part in passing}
        found = await consumer.offsets_for_times(since) if since else {}
        recent = {part: found[self._tp(part)] for part in passing}
        fresh = {part: ends[part] if first is None else first.offset for part, first in recent.items()}
        noted = {part: max(begins[part], place.offset) for part, place in self._places.items()}
        return begins | fresh | noted

    async def _step(self, consumer: AIOKafkaConsumer) -> None:
        size = CHUNK if self.ready.is_set() else CATCH_UP_CHUNK
        fetched = await consumer.getmany(timeout_ms=200, max_records=size)
        # no await until the rows are written: who asks for positions must not see them before the rows
        if fetched:
            self._land({self._part(tp): found for tp, found in fetched.items()})
        if not self.ready.is_set() and await self._passed(self._targets):
            log.info("the tables are read to the ends noted at start")
            self.ready.set()
        self._stay_alive()

    def _part(self, tp: TopicPartition) -> Part:
        return tp.topic.removeprefix(self._settings.topic_prefix), tp.partition

    def _land(self, fetched: dict[Part, list[Any]]) -> None:
        began = time.monotonic()
        chunk = [record for part, found in fetched.items() for record in self._new(part, found)]
        moved = {part: _after(found[-1]) for part, found in fetched.items()}
        self._rows.write(apply(self._rows, chunk, moved))
        self._places.update(moved)
        self._landed(Landed(chunk, time.monotonic() - began))

    def _new(self, part: Part, found: list[Any]) -> list[Record]:
        place = self._places.get(part)
        if place and found[0].offset == place.offset:
            if found[0].timestamp != place.at:
                raise ForeignLogError(f"{part[0]} {part[1]} holds another record at {place.offset} than was read there")
            found = found[1:]
        return [Record(*part, r.offset, r.timestamp, r.key, r.value, tuple(r.headers)) for r in found]

    def _stay_alive(self) -> None:
        now = _now()
        if self.ready.is_set() and now - self._alive > _ALIVE_EVERY_MS:
            self._rows.write({_ALIVE: keys.u64(now)})
            self._alive = now

    async def _passed(self, ends: Mapping[Part, int]) -> bool:
        for part, end in ends.items():
            if await self._position(part) < end:
                return False
        return True

    async def _position(self, part: Part) -> int:
        assert self._consumer is not None  # noqa: S101 - asked only once it follows
        position: int = await self._consumer.position(self._tp(part))
        return position

    async def _reached(self, ends: Mapping[Part, int]) -> None:
        while not await self._passed(ends):  # noqa: ASYNC110 - markers move a position and wake nobody
            await asyncio.sleep(0.005)

    async def _lag(self) -> dict[str, int]:
        assert self._consumer is not None  # noqa: S101 - asked only once it follows
        behind: dict[str, int] = {}
        for topic, number in self._targets:
            end = self._consumer.last_stable_offset(self._tp((topic, number))) or 0
            behind[topic] = behind.get(topic, 0) + max(0, end - await self._position((topic, number)))
        return behind


def _after(record: Any) -> Place:
    return Place(record.offset + 1, record.offset, record.timestamp)


def _inside(part: Part, place: Place, begins: dict[Part, int], ends: dict[Part, int]) -> bool:
    if part not in begins or place.next > ends[part]:
        return False
    return part[0] in PASSING or begins[part] <= place.next


def _now() -> int:
    return time.time_ns() // 1_000_000
