"""How many connections a server keeps, and how long it waits for whoever is at the other end.

This knows asyncio alone: it stands before any protocol that speaks HTTP.
"""

from __future__ import annotations

import asyncio
import errno
import logging
import resource
import socket
import struct
import sys
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Any, cast

import msgspec

if TYPE_CHECKING:
    from collections.abc import Callable

    from streams.settings import Settings

log = logging.getLogger(__name__)

_SHORT_OF = frozenset({errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM})
_DROP = struct.pack("ii", 1, 0)
_TOLD_EVERY_SECONDS = 10.0
_BODY = msgspec.json.encode({
    "type": "urn:rollcall:problem:too_many_connections",
    "title": "Service Unavailable",
    "status": 503,
    "detail": "the server has as many connections as it takes, in all or from this address",
})  # fmt: skip
FULL = b"\r\n".join([
    b"HTTP/1.1 503 Service Unavailable", b"Content-Type: application/problem+json", b"Retry-After: 1",
    b"Cache-Control: no-store", b"Connection: close", b"Content-Length: %d" % len(_BODY), b"", _BODY,
])  # fmt: skip


class Limits(msgspec.Struct, frozen=True):
    """What a server allows its clients: connections in all and from one address, and seconds for each thing.

    A client has `seconds` to send its first headers, a body, the next request, and to take an answer.
    """

    connections: int = 1_000
    per_address: int = 200
    seconds: float = 30

    @classmethod
    def of(cls, settings: Settings) -> Limits:
        """Take what is set; half of the process's descriptors stay for tables and brokers."""
        most = min(settings.http_connections, _raised_descriptors() // 2)
        return cls(most, settings.http_per_address, settings.http_seconds)


def _raised_descriptors() -> int:
    """Raise the soft limit of descriptors to the hard one, if the system lets it, and tell it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(OSError, ValueError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
        soft = hard
    return sys.maxsize if soft == resource.RLIM_INFINITY else soft


class Connections:
    """All connections of one server."""

    def __init__(self, limits: Limits, speak: Callable[[], asyncio.BaseProtocol]) -> None:
        self.limits, self._speak = limits, speak
        self._by_address: Counter[str] = Counter()
        self._silent: dict[Connection, None] = {}
        """Those that have sent no whole request yet, the oldest first."""

    def __call__(self) -> Connection:
        """Make the protocol of one more connection."""
        return Connection(self, cast("asyncio.Protocol", self._speak()))

    def admit(self, new: Connection) -> bool:
        """Count a connection in; where there is no room, one that has said nothing yet makes room for it."""
        address = new.address
        if self._by_address[address] >= self.limits.per_address and not self._make_room(address):
            return False
        if self._by_address.total() >= self.limits.connections and not self._make_room(None):
            return False
        self._by_address[address] += 1
        self._silent[new] = None
        return True

    def _make_room(self, address: str | None) -> bool:
        oldest = next((one for one in self._silent if address in (None, one.address)), None)
        if oldest is not None:
            self.leave(oldest)
            oldest.abort()
        return oldest is not None

    def heard(self, one: Connection) -> None:
        """Note that a connection has sent a request."""
        self._silent.pop(one, None)

    def leave(self, one: Connection) -> None:
        """Count a connection out, once."""
        if not one.admitted:
            return
        one.admitted = False
        self._silent.pop(one, None)
        self._by_address[one.address] -= 1
        if not self._by_address[one.address]:
            del self._by_address[one.address]


class Connection(asyncio.Protocol):
    """One connection: hands everything on to a protocol that speaks HTTP, and ends it when the client is too slow."""

    def __init__(self, all_: Connections, inner: asyncio.Protocol) -> None:
        self._all, self._inner = all_, inner
        self._transport: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self.address = ""
        self.admitted = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Let the client in if there is room, and wait for its first request."""
        self._transport = cast("asyncio.Transport", transport)
        self.address = str((transport.get_extra_info("peername") or ("",))[0])
        self.admitted = self._all.admit(self)
        if not self.admitted:
            self._transport.write(FULL)
            self._transport.close()
            return
        self._transport.set_write_buffer_limits(0)  # it pauses for whatever the client has not taken
        self._await()
        self._inner.connection_made(transport)

    def data_received(self, data: bytes) -> None:
        """Hand on what came."""
        if self.admitted:
            self._inner.data_received(data)

    def eof_received(self) -> bool | None:
        """Hand on that no more will come."""
        return self._inner.eof_received() if self.admitted else None

    def pause_writing(self) -> None:
        """The client takes its answer slower than it is written: give it some time."""
        self._await()
        self._inner.pause_writing()

    def resume_writing(self) -> None:
        """The client has taken what was written."""
        self._cancel()
        self._inner.resume_writing()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        self._cancel()
        self._all.leave(self)
        self._inner.connection_lost(exc)

    def heard(self) -> None:
        """Note that a request's headers are there."""
        self._all.heard(self)
        self._cancel()

    def abort(self) -> None:
        """End it at once, and have the system drop what is still to be written."""
        if self._transport is None:
            return
        its_socket = self._transport.get_extra_info("socket")
        with suppress(OSError):
            its_socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _DROP)
        self._transport.abort()

    def _await(self) -> None:
        self._cancel()
        self._deadline = asyncio.get_running_loop().call_later(self._all.limits.seconds, self.abort)

    def _cancel(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None


def heard(transport: asyncio.BaseTransport | None) -> None:
    """Tell a transport's connection that a request's headers are there."""
    protocol = transport.get_protocol() if transport is not None else None
    if isinstance(protocol, Connection):
        protocol.heard()


class Complaints:
    """An event loop's exception handler that tells of too few descriptors once in a while, not for every client."""

    def __init__(self) -> None:
        self._told_at = float("-inf")

    def __call__(self, loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Log what went wrong in the loop."""
        error = context.get("exception")
        if not (isinstance(error, OSError) and error.errno in _SHORT_OF):
            loop.default_exception_handler(context)
        elif loop.time() - self._told_at >= _TOLD_EVERY_SECONDS:
            self._told_at = loop.time()
            log.error("new connections wait: the system gives no more file descriptors or memory (see ulimit -n)")
