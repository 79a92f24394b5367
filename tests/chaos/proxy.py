"""A small TCP proxy between the workers and one broker node: it cuts, falls silent or is slow on demand."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections.abc import Coroutine
from typing import Any

HOST = "127.0.0.1"
CHUNK = 65_536


class Proxy:
    """Forwards one port to another, after `delay` seconds."""

    def __init__(self, port: int, target: int) -> None:
        self.port = port
        self.target = target
        self.delay = 0.0
        self.forwarded = 0
        self.held = 0
        self._speaks = asyncio.Event()
        self._speaks.set()
        self._open: set[asyncio.StreamWriter] = set()
        self._pumps: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Listen."""
        self._server = await asyncio.start_server(self._accept, HOST, self.port)

    async def stop(self) -> None:
        """Close everything."""
        self._server.close()
        await self.cut()

    async def hush(self, *, silent: bool) -> None:
        """Keep all connections and forward nothing, or go on."""
        (self._speaks.clear if silent else self._speaks.set)()

    async def cut(self) -> int:
        """Reset all connections; returns how many there were."""
        count = len(self._open)
        for writer in list(self._open):
            _reset(writer)
        self._open.clear()
        return count // 2

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            there, back = await asyncio.open_connection(HOST, self.target)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, back}
        for source, sink in ((reader, back), (there, writer)):
            task = asyncio.create_task(self._pump(source, sink))
            self._pumps.add(task)
            task.add_done_callback(self._pumps.discard)

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(CHUNK):
                await self._hold()
                sink.write(data)
                await sink.drain()
                self.forwarded += len(data)
        except OSError:
            pass
        finally:
            self._open.discard(sink)
            if not sink.transport.is_closing():
                sink.close()

    async def _hold(self) -> None:
        if self.delay or not self._speaks.is_set():
            self.held += 1
        if self.delay:
            await asyncio.sleep(self.delay)
        await self._speaks.wait()


def _reset(writer: asyncio.StreamWriter) -> None:
    """End a connection with a reset: without lingering, closing sends no farewell."""
    writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


class Proxies:
    """Proxies on a loop of their own, driven from any thread."""

    def __init__(self, pairs: dict[int, int]) -> None:
        self.all = [Proxy(port, target) for port, target in pairs.items()]
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxies", daemon=True)

    def start(self) -> None:
        """Listen on all ports."""
        self._thread.start()
        for one in self.all:
            self._do(one.start())

    def cut(self, one: Proxy) -> int:
        """Reset all connections of a proxy."""
        return int(self._do(one.cut()))

    def hush(self, one: Proxy, *, silent: bool) -> None:
        """Have a proxy forward nothing, or go on."""
        self._do(one.hush(silent=silent))

    def stop(self) -> None:
        """Close all."""
        if not self._thread.is_alive():
            return
        for one in self.all:
            self._do(one.stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def _do(self, act: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(act, self._loop).result(30)
