"""The brokers of a chaos run: real Kafka, and a second listener behind proxies, with rights, for the workers alone.

Publishers and the reader come in by the plain listener, where they may do everything; what is done to the workers'
connections or rights is not done to them.
"""

from __future__ import annotations

import shutil
import struct
import subprocess
from pathlib import Path

from streams.runtime import ports
from streams.runtime.broker import EmbeddedBroker
from streams.runtime.node import Node, settings_of, write_config
from tests.chaos.control import PASSWORD, USER
from tests.chaos.proxy import HOST, Proxies

_JAAS = f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
_MAP = "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT,WORK:SASL_PLAINTEXT"


WALL = Path(__file__).with_name("clock") / "wall.c"


def wrong_clock(folder: Path) -> dict[str, str]:
    """Build a clock that can be wrong, and return the environment in which Java reads it; empty without a compiler."""
    compiler = shutil.which("cc")
    if compiler is None:
        return {}
    folder.mkdir(parents=True, exist_ok=True)
    library, off = folder / "wall.so", folder / "wall"
    subprocess.run([compiler, "-shared", "-fPIC", "-O2", "-o", str(library), str(WALL), "-ldl"], check=True)
    off.write_bytes(struct.pack("d", 0.0))
    return {"LD_PRELOAD": str(library), "CHAOS_WALL": str(off)}


class ProxiedBroker(EmbeddedBroker):
    """Nodes whose WORK listener is reached through a proxy each."""

    def __init__(self, folder: Path, nodes: int) -> None:
        super().__init__(folder, nodes=nodes)
        found = ports.free(2 * nodes)
        self.inner = dict(zip(range(1, nodes + 1), found[:nodes], strict=True))
        self.outer = dict(zip(range(1, nodes + 1), found[nodes:], strict=True))
        self.proxies = Proxies({self.outer[n]: self.inner[n] for n in self.inner})
        self.environ = wrong_clock(folder)

    @property
    def numbers(self) -> list[int]:
        """The nodes, from 1."""
        return list(self.inner)

    @property
    def work_bootstrap(self) -> str:
        """host:port of every node's proxy."""
        return ",".join(f"{HOST}:{port}" for port in self.outer.values())

    def start(self, seconds: float = 90.0) -> None:
        """Start the nodes, then the proxies."""
        super().start(seconds)
        self.proxies.start()

    def stop(self) -> None:
        """Stop the proxies, then the nodes."""
        self.proxies.stop()
        super().stop()

    def set_clock(self, offset: int) -> None:
        """Have all nodes read their wall clock so many seconds off."""
        with Path(self.environ["CHAOS_WALL"]).open("r+b") as file:  # it is mapped: it must not be cut to nothing first
            file.write(struct.pack("d", float(offset)))

    def pid_of(self, number: int) -> int:
        """Return the process of a node."""
        return self._processes[number].pid

    def down(self, number: int) -> bool:
        """Whether a node's process is gone."""
        return self._processes[number].poll() is not None

    def _write_config(self, node: Node) -> None:
        plain = settings_of(node, self._ports, {})
        number = node.number
        more = {
            "listeners": f"{plain['listeners']},WORK://{HOST}:{self.inner[number]}",
            "advertised.listeners": f"{plain['advertised.listeners']},WORK://{HOST}:{self.outer[number]}",
            "listener.security.protocol.map": _MAP,
            "listener.name.work.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.work.plain.sasl.jaas.config": _JAAS,
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
            "allow.everyone.if.no.acl.found": "true",
        }
        write_config(node, plain | more)
