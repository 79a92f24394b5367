"""The proxy on trial: it forwards, cuts, falls silent and is slow, and says what it held up."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress

import pytest

from streams.runtime.ports import free
from tests.chaos.proxy import HOST, Proxies, Proxy


@pytest.fixture
def proxies() -> Iterator[Proxies]:
    """A proxy before a server that says everything again."""
    port, target = free(2)
    server = socket.create_server((HOST, target))
    threading.Thread(target=_echo, args=(server,), daemon=True).start()
    one = Proxies({port: target})
    one.start()
    yield one
    one.stop()
    server.close()


def _echo(server: socket.socket) -> None:
    while True:
        try:
            there, _ = server.accept()
        except OSError:
            return
        threading.Thread(target=_repeat, args=(there,), daemon=True).start()


def _repeat(there: socket.socket) -> None:
    with there, suppress(OSError):
        while data := there.recv(1024):
            there.sendall(data)


def _dial(one: Proxy) -> socket.socket:
    return socket.create_connection((HOST, one.port), 5)


def test_forwards(proxies: Proxies) -> None:
    """What goes in comes back."""
    with _dial(proxies.all[0]) as line:
        line.sendall(b"hello")
        assert line.recv(16) == b"hello"
    assert proxies.all[0].held == 0


def test_cut(proxies: Proxies) -> None:
    """A cut resets each connection, and new ones are taken."""
    with _dial(proxies.all[0]) as line:
        line.sendall(b"hello")
        assert line.recv(16) == b"hello"
        assert proxies.cut(proxies.all[0]) == 1
        with pytest.raises(ConnectionResetError):
            line.recv(16)
    test_forwards(proxies)


def test_silent(proxies: Proxies) -> None:
    """A silent connection takes bytes and gives none, until it speaks again."""
    one = proxies.all[0]
    with _dial(one) as line:
        proxies.hush(one, silent=True)
        line.sendall(b"hello")
        line.settimeout(0.3)
        with pytest.raises(TimeoutError):
            line.recv(16)
        proxies.hush(one, silent=False)
        line.settimeout(5)
        assert line.recv(16) == b"hello"
    assert one.held


def test_slow(proxies: Proxies) -> None:
    """A slow connection delays each way."""
    one = proxies.all[0]
    with _dial(one) as line:
        one.delay = 0.2
        begun = time.monotonic()
        line.sendall(b"hello")
        assert line.recv(16) == b"hello"
    assert time.monotonic() - begun >= 0.4
