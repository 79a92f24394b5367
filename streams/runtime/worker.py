"""A worker: one hop as one Faust app in one process, until SIGTERM or until something goes wrong.

Whatever goes wrong on our side or the broker's for good ends the process at once, without committing: the next start
goes on from the last commit. Nothing is retried in a state that nobody has thought of.
"""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import sys
from collections.abc import Coroutine
from typing import Any

import faust
from aiokafka.errors import KafkaError

from streams import metrics
from streams.activity_to_changes import ACTIVITY_TO_CHANGES
from streams.hop import Hop
from streams.raw_to_activity import RAW_TO_ACTIVITY
from streams.runtime import received
from streams.runtime.decide_lanes import DecideLanes
from streams.runtime.hash_key import HashKeyError
from streams.runtime.health import HealthServer
from streams.runtime.hop_app import hop_app
from streams.runtime.normalize_lane import NormalizeLane
from streams.runtime.preflight import PreflightError, preflight
from streams.runtime.transport import chunk_topic, fetch_position
from streams.runtime.watchdog import Seen, Watchdog
from streams.settings import Settings

log = logging.getLogger("rollcall.worker")

EXIT_BROKEN = 70
EXIT_WRONG = 2
"""Another start would find the same: somebody must change a setting first."""
STALL_SECONDS = 5.0
"""A worker is not ready once records have waited for so long without progress, or for a quarter of the patience."""
GC_THRESHOLDS = (1_000_000, 20, 100)
"""Rows and records hold no cycles: at Python's own thresholds looking for some takes a third of decide's time."""


def run(hop: str, settings: Settings, *, instance: str = "default", metrics_port: int | None = None) -> int:
    """Run a hop until it is told to stop; returns the exit code."""
    try:
        asyncio.run(preflight(settings, hop))
    except PreflightError as error:
        print(error, file=sys.stderr)  # noqa: T201 - the one line that a person needs
        return 1
    gc.set_threshold(*GC_THRESHOLDS)
    received.use()
    worker = _WORKERS[hop](settings, instance, metrics_port)
    faust_worker = faust.Worker(worker.app, loglevel="WARN", quiet=True, redirect_stdouts=False)
    try:
        faust_worker.execute_from_commandline()
    except SystemExit as stopped:
        return EXIT_BROKEN if stopped.code else 0
    return 0


class StuckError(RuntimeError):
    """Work waits and nothing moves."""


def fail(error: BaseException) -> None:
    """End the process now: nothing more is sent, nothing is committed."""
    log.error("stopping without a commit: %s: %s", type(error).__name__, _told(error))
    logging.shutdown()
    os._exit(EXIT_WRONG if isinstance(error, HashKeyError) else EXIT_BROKEN)


def _told(error: BaseException) -> str:
    """What may be said of an error: the text of our own and Kafka's, which names no guest; else where it arose."""
    if type(error).__module__.startswith(("streams.", "aiokafka.")):
        return str(error)
    trace, last = error.__traceback__, ""
    while trace is not None:
        last = f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}"
        trace = trace.tb_next
    return last


class Worker:
    """What both hops share: the app, the health server, the watchdog."""

    hop = ""

    def __init__(self, settings: Settings, instance: str, metrics_port: int | None) -> None:
        self.settings = settings
        self.app = hop_app(settings, self.hop, instance)
        self.switches = self.app.switches
        self.switches.before_leaving = self.before_leaving
        self.assigned = False
        self.watchdog = Watchdog()
        self.ends: dict[Any, int] = {}
        self.health = HealthServer(metrics_port or 0, self.ready, self.measure) if metrics_port is not None else None
        self.app.opening, self.app.closing = self._start, self._stop
        _connect(self.app.on_partitions_assigned, self._on_assigned)
        _connect(self.app.on_partitions_revoked, self._on_revoked)

    @property
    def consumer(self) -> Any:
        """Faust's consumer, whose offsets are not part of its public types."""
        return self.app.consumer

    def topic(self, hop: Hop) -> Any:
        """Return the chunk topic over what a hop reads."""
        return chunk_topic(self.app, [self.settings.topic_prefix + name for name in hop.sources])

    async def _start(self) -> None:
        try:
            await self.start()
            if self.health is not None:
                await self.health.start()
            self.app.add_future(self._watch())
        except BaseException as error:  # noqa: BLE001 - a worker that cannot start ends
            fail(error)

    async def _stop(self) -> None:
        if self.health is not None:
            await self.health.stop()
        await self.stop()

    async def start(self) -> None:
        """Connect."""

    async def stop(self) -> None:
        """Let the connections go."""

    async def before_leaving(self) -> None:
        """Finish what is under way while the group still counts this worker in."""

    async def assign(self, partitions: set[Any]) -> None:
        """Take partitions over."""

    async def revoke(self, partitions: set[Any]) -> None:
        """Give partitions up."""

    def ready(self) -> bool:
        """Whether the worker does its work: assigned, every partition open, and none that stands still."""
        return self.assigned and self.watchdog.stuck_for < max(STALL_SECONDS, self.settings.stuck_seconds / 4)

    def measure(self) -> None:
        """Set the gauges."""
        metrics.READY.set(self.ready())
        metrics.STALLED.set(self.watchdog.stuck_for)
        metrics.LAG.clear()
        for tp in self.consumer.assignment() if self.assigned else ():
            lag = self.lag(tp)
            if lag is not None:
                metrics.LAG.labels(topic=tp.topic, partition=tp.partition).set(lag)

    def lag(self, tp: Any) -> int | None:
        """Return the records between what was worked on and the end, if known; markers at the end count for nothing.

        The end is what the broker was last asked for: that of the last fetch stands still when the fetching does.
        """
        end, at = self.ends.get(tp), self.position(tp)
        if end is None or at is None:
            return None
        fetched = fetch_position(self.consumer, tp)
        return 0 if fetched >= end and not self.behind(tp) else max(0, end - at)

    def behind(self, tp: Any) -> bool:
        """Whether records of a partition were fetched that are not worked on yet."""
        raise NotImplementedError

    def position(self, tp: Any) -> int | None:
        """Return the next offset to work on, if known."""
        offset: int | None = self.consumer._committed_offset.get(tp)  # noqa: SLF001
        return fetch_position(self.consumer, tp) if offset is None else offset

    def progress(self, tp: Any) -> Any:
        """Return a value that changes when a partition gets on, beside its positions."""
        del tp

    def stuck_for(self) -> float:
        """Return for how long (s) work has waited without progress."""
        return 0.0

    async def _on_assigned(self, app: Any, assigned: set[Any], **kwargs: Any) -> None:
        del app, kwargs
        try:
            await self.assign(assigned)
        except Exception as error:  # noqa: BLE001 - Faust would stop in order, and commit
            fail(error)
        self.assigned = True

    async def _on_revoked(self, app: Any, revoked: set[Any], **kwargs: Any) -> None:
        del app, kwargs
        self.assigned = False
        await self.revoke(revoked)

    async def _watch(self) -> None:
        """End the process when work waits and nothing moves."""
        while not self.app.should_stop:
            await asyncio.sleep(1.0)
            if self.consumer._thread.forlorn and not self.app.should_stop:  # noqa: SLF001 - our own ConsumerThread
                fail(StuckError("the worker fell out of its consumer group"))
            await self._look()
            stuck = max(self.stuck_for(), self.watchdog.stuck_for)
            if stuck > self.settings.stuck_seconds and not self.app.should_stop:
                fail(StuckError(f"no progress for {stuck:.0f} s"))

    async def _look(self) -> None:
        """Tell the watchdog where the partitions stand; a broker that does not answer tells nothing."""
        assigned = sorted(self.consumer.assignment()) if self.assigned else []
        try:
            self.ends = await asyncio.wait_for(self.consumer.highwaters(*assigned), 10) if assigned else {}
        except (KafkaError, TimeoutError):
            return
        self.watchdog.note(
            {"assignment": Seen(not self.assigned, None), **{tp: self._see(tp, end) for tp, end in self.ends.items()}}
        )

    def _see(self, tp: Any, end: int) -> Seen:
        fetched = fetch_position(self.consumer, tp)
        return Seen(fetched < end or self.behind(tp), (fetched, self.position(tp), self.progress(tp)))


class NormalizeWorker(Worker):
    """raw → contact-activity."""

    hop = RAW_TO_ACTIVITY.name

    def __init__(self, settings: Settings, instance: str, metrics_port: int | None) -> None:
        super().__init__(settings, instance, metrics_port)
        self.lane = NormalizeLane(settings, self._heartbeat_age, settings.session_seconds * 0.8)
        self.switches.observe = self.lane.handed_out
        self.app.agent(self.topic(RAW_TO_ACTIVITY), name="normalize")(self._agent)

    def _heartbeat_age(self) -> float:
        age: float = self.consumer._thread.heartbeat_age()  # noqa: SLF001
        return age

    async def start(self) -> None:
        """Connect; work on what comes, and acknowledge what the broker has answered for."""
        await self.lane.start()
        self.app.add_future(self._guarded(self.lane.work_all()))
        self.app.add_future(self._guarded(self.lane.settle_all()))

    async def stop(self) -> None:
        """Let the connections go: Faust has waited for the acknowledgements."""
        await self.lane.stop()

    async def revoke(self, partitions: set[Any]) -> None:
        """Forget the chunks that Faust has dropped."""
        del partitions
        self.lane.revoked()

    def behind(self, tp: Any) -> bool:
        """Whether chunks of a partition are under way."""
        return self.lane.works_on(tp)

    def stuck_for(self) -> float:
        """See Worker."""
        return self.lane.stuck_for()

    async def _agent(self, stream: Any) -> None:
        async for event in stream.noack().events():
            await self.lane.take(event)

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except asyncio.CancelledError:
            raise
        except BaseException as error:  # noqa: BLE001 - Faust would only log it
            fail(error)


class DecideWorker(Worker):
    """contact-activity → changes, tables, replies, outcomes, notices."""

    hop = ACTIVITY_TO_CHANGES.name

    def __init__(self, settings: Settings, instance: str, metrics_port: int | None) -> None:
        super().__init__(settings, instance, metrics_port)
        self.lanes = DecideLanes(settings, instance, fail)
        self.switches.commits = False
        self.switches.gate = self.lanes.gate
        self.switches.observe = self.lanes.clock.observe
        self.app.agent(self.topic(ACTIVITY_TO_CHANGES), name="decide")(self._agent)

    async def start(self) -> None:
        """Connect."""
        await self.lanes.start()

    async def assign(self, partitions: set[Any]) -> None:
        """Open an owner for each partition."""
        member = self.consumer._thread.member  # noqa: SLF001 - our own ConsumerThread
        self.lanes.open({tp.partition for tp in partitions}, member, self._seek)

    async def revoke(self, partitions: set[Any]) -> None:
        """Commit and close the owners."""
        await self._guarded(self.lanes.close({tp.partition for tp in partitions}))

    async def before_leaving(self) -> None:
        """Commit and close every owner."""
        await self._guarded(self.lanes.stop())

    async def _guarded(self, closing: Any) -> None:
        try:
            await closing
        except BaseException as error:  # noqa: BLE001 - a commit that failed half-way must not be followed by anything
            fail(error)

    async def _seek(self, partition: int, offset: int) -> None:
        tp = next(tp for tp in self.app.consumer.assignment() if tp.partition == partition)
        await self.app.consumer.seek_wait({tp: offset})

    async def _agent(self, stream: Any) -> None:
        async for records in stream:
            self.lanes.feed(records)

    def ready(self) -> bool:
        """Whether every assigned partition is open."""
        return super().ready() and self.lanes.ready

    def measure(self) -> None:
        """Set the gauges."""
        super().measure()
        self.lanes.measure()

    def position(self, tp: Any) -> int | None:
        """Return the next offset to fold."""
        owner = self.lanes.owners.get(tp.partition)
        return owner.position if owner is not None and owner.ready else None

    def behind(self, tp: Any) -> bool:
        """Whether an owner still has chunks or an open commit."""
        owner = self.lanes.owners.get(tp.partition)
        return owner is None or owner.busy

    def progress(self, tp: Any) -> Any:
        """Return when an owner last got on: a long restore has no position yet."""
        owner = self.lanes.owners.get(tp.partition)
        return owner and owner.progress.at

    def stuck_for(self) -> float:
        """See Worker."""
        return self.lanes.stuck_for()


def _connect(signal: Any, handler: Any) -> None:
    """Have a Faust signal call a bound method, and keep it alive."""
    signal.connect(handler, weak=False)


_WORKERS: dict[str, type[Worker]] = {"normalize": NormalizeWorker, "decide": DecideWorker}
