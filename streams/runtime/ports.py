"""Ports on loopback: is this one taken, and which are free."""

from __future__ import annotations

import random
import socket

HOST = "127.0.0.1"

# Below the range that the system hands to outgoing connections: a client that keeps trying a broker that is down would
# else sooner or later be given that very port and connect to itself.
_LOW, _HIGH = 10_000, 32_000


def taken(port: int) -> bool:
    """Whether a listener could not have this port."""
    with socket.socket() as one:
        one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            one.bind((HOST, port))
            one.listen(1)
        except OSError:
            return True
        return False


def free(count: int) -> list[int]:
    """So many different free ports; another program may still be quicker, so a start must be able to try again."""
    found: list[int] = []
    # SystemRandom: two test runs with one seed must not meet on the same ports
    tries = random.SystemRandom()
    while len(found) < count:
        port = tries.randint(_LOW, _HIGH)
        if port not in found and not taken(port):
            found.append(port)
    return found
