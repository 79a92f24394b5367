"""The store's process: the tables are read in a thread of its own, HTTP is answered in the main one."""

from __future__ import annotations

import asyncio
import logging
import signal
import sys
from contextlib import AsyncExitStack, suppress
from typing import TYPE_CHECKING

from streams.runtime.command_log import CommandLog, LogUnavailableError
from streams.runtime.kv import FolderInUseError, RocksRows
from streams.runtime.questioner import Questioner
from streams.runtime.table_reader import Landed, TableReader
from streams.settings import SettingsError
from streams.store.queries import Queries
from streams.web import application
from streams.web.access import Access, AccessError
from streams.web.commander import Commander
from streams.web.connections import Complaints, Limits
from streams.web.metrics import Metrics
from streams.web.site import Site

if TYPE_CHECKING:
    from streams.settings import Settings

log = logging.getLogger(__name__)

_GAUGES_EVERY_SECONDS = 1.0
_DRAIN_SECONDS = 6.0
"""A write under way may take five seconds."""


def run(settings: Settings, *, instance: str) -> int:
    """Serve until SIGTERM or Ctrl-C: 0; 1 when the tables cannot be followed any longer, 2 when it cannot begin."""
    try:
        access = Access.read(settings.http_host, settings.tokens)
        _ = settings.bootstrap, settings.kafka_security()  # raise here what every client would raise
        rows = RocksRows(settings.data / "store")
    except (AccessError, FolderInUseError, SettingsError) as error:
        sys.stderr.write(f"rollcall store: {error}\n")
        return 2
    try:
        return asyncio.run(_serve(settings, instance, access, rows))
    finally:
        rows.close()


async def _serve(settings: Settings, instance: str, access: Access, rows: RocksRows) -> int:
    # Kafka clients belong to the loop that they are made in
    return await _Process(settings, instance, access, rows).serve()


class _Process:
    """What runs in one store process, started and stopped in order."""

    def __init__(self, settings: Settings, instance: str, access: Access, rows: RocksRows) -> None:
        self._settings, self._rows, self._access = settings, rows, access
        self._metrics = Metrics()
        self._log = CommandLog(settings, instance=instance)
        self._owners = Questioner(settings, instance=instance)
        self._reader = TableReader(settings, rows, instance=instance, landed=self._landed, failed=self._failed)
        self._commander = Commander(self._log, self._reader)
        self._connected = False
        self._loop = asyncio.get_running_loop()
        self._loop.set_exception_handler(Complaints())
        self._end: asyncio.Future[BaseException | None] = self._loop.create_future()

    async def serve(self) -> int:
        for number in (signal.SIGTERM, signal.SIGINT):
            self._loop.add_signal_handler(number, self._settle, None)
        async with AsyncExitStack() as stack:
            try:
                await self._start(stack)
            except OSError as error:
                sys.stderr.write(f"rollcall store: {self._settings.http}: {error.strerror}\n")
                return 2
            failure = await self._end
        if failure is not None:
            log.error("the tables cannot be followed: %s: %s", type(failure).__name__, failure)
        return 0 if failure is None else 1

    async def _start(self, stack: AsyncExitStack) -> None:
        """Begin with what answers whether the rest is ready; the end goes the other way."""
        limits = Limits.of(self._settings)
        site = Site(
            Queries(self._rows), self._commander, self._access, self._metrics, self._ready, self._settings.retention,
            self._owners, self._settings.quotas, limits,
        )  # fmt: skip
        self._reader.start()
        stack.push_async_callback(asyncio.to_thread, self._reader.stop)
        connecting = asyncio.create_task(self._connect())
        stack.push_async_callback(self._disconnect, connecting)
        gauges = asyncio.create_task(self._gauge())
        stack.callback(gauges.cancel)
        runner = application.runner(application.build(site), _DRAIN_SECONDS)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        server = await application.listen(runner, self._settings.http_host, self._settings.http_port, limits)
        stack.callback(server.close)

    async def _connect(self) -> None:
        while not self._connected:
            try:
                await self._log.start()
                await self._owners.start()
                self._connected = True
            except LogUnavailableError:
                await asyncio.sleep(0.5)

    async def _disconnect(self, connecting: asyncio.Task[None]) -> None:
        connecting.cancel()
        with suppress(asyncio.CancelledError):
            await connecting
        await self._owners.stop()
        await self._log.stop()

    def _ready(self) -> bool:
        return self._connected and self._reader.ready.is_set()

    def _landed(self, landed: Landed) -> None:
        self._metrics.chunk_seconds.observe(landed.seconds)
        for record in landed.chunk:
            self._metrics.records.labels(record.topic).inc()
        self._commander.landed(landed.chunk)

    def _failed(self, error: BaseException) -> None:
        with suppress(RuntimeError):  # the loop is closed: the process ends as it is
            self._loop.call_soon_threadsafe(self._settle, error)

    def _settle(self, failure: BaseException | None) -> None:
        if not self._end.done():
            self._end.set_result(failure)

    async def _gauge(self) -> None:
        while True:
            await asyncio.sleep(_GAUGES_EVERY_SECONDS)
            self._metrics.bytes.set(self._rows.bytes_on_disk())
            if self._reader.ready.is_set():
                for topic, behind in (await self._reader.lag()).items():
                    self._metrics.lag.labels(topic).set(behind)
