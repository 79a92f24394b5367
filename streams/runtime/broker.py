"""The embedded broker: real Apache Kafka in KRaft mode, one node or three, started and stopped from Python.

A node is a Java process in this session but in a process group of its own: Ctrl-C reaches the parent alone, which stops
its nodes in order. A parent that is killed leaves its nodes running; the next start on the folder finds them by id,
start time and command line, stops them and goes on from their data. While a parent lives it holds the folder's lock.
"""

from __future__ import annotations

import asyncio
import atexit
import fcntl
import os
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import psutil
from aiokafka.client import AIOKafkaClient

from streams.runtime import jars, ports
from streams.runtime.node import Node, Ports, new_cluster_id, settings_of, write_config
from streams.runtime.process import BrokerError, end, format_data, launch, reason
from streams.runtime.running import Status, end_nodes, forget, proc_of, status, stop_folder, told, write_status

__all__ = ["BrokerError", "EmbeddedBroker", "Status", "status", "stop_folder"]

_READY_SECONDS = 60.0
_STOP_SECONDS = 20.0
_STOP_THREE_SECONDS = 8.0
_MIN_FREE_BYTES = 256 * 2**20
_TRIES = 3


class EmbeddedBroker:
    """A broker in a folder. `port` is the first node's (0: a free one); the others take the next ones.

    `detached`: goes on after this process; `stop_folder` ends it. `settings` go before the project's own. `say` is told
    of what takes long.
    """

    def __init__(  # noqa: PLR0913 (each is a choice of its own)
        self,
        folder: Path,
        port: int = 0,
        nodes: int = 1,
        *,
        heap: str = "512m",
        settings: Mapping[str, str] | None = None,
        detached: bool = False,
        min_free_bytes: int = _MIN_FREE_BYTES,
        say: Callable[[str], None] | None = None,
    ) -> None:
        self.folder = folder.expanduser().absolute()
        self.port = port
        self.heap = heap
        self._nodes = {n: Node(n, self.folder / f"node-{n}") for n in range(1, nodes + 1)}
        self._settings = dict(settings or {})
        self._detached = detached
        self._min_free_bytes = min_free_bytes
        self._say = say
        self._lock: IO[str] | None = None
        self._ports: dict[int, Ports] = {}
        self._processes: dict[int, subprocess.Popen[bytes]] = {}
        self._down: set[int] = set()
        self._marks: dict[int, int] = {}
        self.environ: dict[str, str] = {}

    @property
    def bootstrap(self) -> str:
        """host:port of every node, with commas."""
        return ",".join(f"{ports.HOST}:{self._ports[n].client}" for n in sorted(self._ports))

    @property
    def pids(self) -> list[int]:
        """The processes that are there now."""
        return [process.pid for process in self._processes.values() if process.poll() is None]

    @property
    def alive(self) -> bool:
        """Whether every node's process is there."""
        return bool(self._processes) and len(self.pids) == len(self._nodes)

    @property
    def failure(self) -> str | None:
        """Why a node is gone that should be there, in the words of its log; None while all is well."""
        for number, process in self._processes.items():
            if number not in self._down and process.poll() is not None:
                return f"the broker's node {number} ended with {process.returncode}: {self._said(number)}"
        return None

    def start(self, seconds: float = _READY_SECONDS) -> None:
        """Start all nodes and wait until they answer; raises BrokerError, and then nothing is left running."""
        if self._lock:
            raise BrokerError(f"the broker in {self.folder} is started already")
        self._enter()
        try:
            self._end_orphans()
            self._prepare()
            self._start_on_ports(seconds)
        except BaseException:
            self.stop()
            raise
        if not self._detached:
            atexit.register(self.stop)

    def stop(self) -> None:
        """Stop all nodes and give the folder back; does nothing when not started."""
        atexit.unregister(self.stop)
        self._down = set(self._nodes)
        with ThreadPoolExecutor(len(self._nodes)) as pool:
            list(pool.map(lambda process: end(process, self._stop_seconds), self._processes.values()))
        if self._processes:
            forget(self.folder)
        self._processes.clear()
        self._leave()

    def detach(self) -> None:
        """Leave a detached broker to itself."""
        self._processes.clear()
        self._leave()

    def kill_node(self, number: int) -> None:
        """End a node as a power cut does. Nodes count from 1."""
        self._down.add(number)
        process = self._processes[number]
        process.kill()
        process.wait()

    def stop_node(self, number: int) -> None:
        """End a node in order."""
        self._down.add(number)
        end(self._processes[number])

    def start_node(self, number: int, seconds: float = _READY_SECONDS) -> None:
        """Start a node again on its ports, and wait until it answers."""
        if self._processes[number].poll() is None:
            raise BrokerError(f"node {number} of the broker in {self.folder} runs already")
        self._down.discard(number)
        self._launch(number)
        self._wait([number], 1, seconds)

    def pause_node(self, number: int) -> None:
        """Freeze a node: it keeps its connections and says nothing."""
        process = psutil.Process(self._processes[number].pid)
        process.suspend()
        # the signal is sent at once, and takes its time to reach every thread
        while process.status() not in {psutil.STATUS_STOPPED, psutil.STATUS_ZOMBIE}:
            time.sleep(0.002)

    def resume_node(self, number: int) -> None:
        """Let a frozen node go on."""
        psutil.Process(self._processes[number].pid).resume()

    @property
    def _stop_seconds(self) -> float:
        """Of three, the last is left without a quorum, and would wait minutes for a controller to take its leave."""
        return _STOP_SECONDS if len(self._nodes) == 1 else _STOP_THREE_SECONDS

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _enter(self) -> None:
        """Take the folder's lock: two brokers in one folder would spoil each other's data."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            lock = (self.folder / "lock").open("a+")
        except OSError as error:
            raise BrokerError(
                f"the data folder {self.folder} cannot be written ({error.strerror}): choose another with ROLLCALL_DATA"
            ) from None
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            lock.close()
            raise BrokerError(f"{told(self.folder)} in {self.folder}: stop it first, or use another folder") from None
        self._lock = lock

    def _leave(self) -> None:
        if self._lock:
            self._lock.close()
        self._lock = None

    def _end_orphans(self) -> None:
        """Stop what a killed parent left; a detached broker is nobody's orphan."""
        found = status(self.folder)
        if found and found.detached and found.alive:
            raise BrokerError(f"a broker runs in {self.folder} at {found.bootstrap}: use it, or stop it first")
        end_nodes(self.folder)

    def _prepare(self) -> None:
        """Everything that can be known to fail before a process is started."""
        room = shutil.disk_usage(self.folder).free
        if room < self._min_free_bytes:
            mib = 2**20
            raise BrokerError(
                f"the disk is full: {room // mib} MiB free in {self.folder}, the broker wants"
                f" {self._min_free_bytes // mib} MiB: make room or choose another data folder"
            )
        there = len([one for one in self.folder.glob("node-*") if Node(0, one).formatted])
        if there not in {0, len(self._nodes)}:
            raise BrokerError(
                f"{self.folder} holds a broker of {there} node(s), not {len(self._nodes)}: choose another folder"
            )
        try:
            jars.classpath(say=self._say)
        except jars.JarsError as error:
            raise BrokerError(str(error)) from None

    def _start_on_ports(self, seconds: float) -> None:
        """Free ports are only probably free: when one was lost in between, others are tried."""
        for left in reversed(range(_TRIES)):
            self._ports = self._choose_ports()
            self._down.clear()
            try:
                self._format()
                for number in self._nodes:
                    self._launch(number)
                self._wait(list(self._nodes), len(self._nodes), seconds)
            except BrokerError as error:
                if self.port or not left or "a port is taken" not in str(error):
                    raise
                for process in self._processes.values():
                    end(process)
            else:
                return

    def _choose_ports(self) -> dict[int, Ports]:
        count = len(self._nodes)
        clients = [self.port + i for i in range(count)] if self.port else []
        busy = [port for port in clients if ports.taken(port)]
        if busy:
            raise BrokerError(
                f"port {busy[0]} on {ports.HOST} is taken: stop the program that has it, or choose another"
                " (ROLLCALL_BROKER_PORT or --broker-port; 0 takes a free one)"
            )
        others = ports.free(2 * count)
        return {n: Ports((clients or others[count:])[i], others[i]) for i, n in enumerate(self._nodes)}

    def _format(self) -> None:
        cluster = new_cluster_id()
        for node in self._nodes.values():
            self._write_config(node)
        new = [node for node in self._nodes.values() if not node.formatted]
        with ThreadPoolExecutor(len(self._nodes)) as pool:
            list(pool.map(lambda node: format_data(node, cluster, heap=self.heap), new))

    def _write_config(self, node: Node) -> None:
        try:
            write_config(node, settings_of(node, self._ports, self._settings))
        except OSError as error:
            raise BrokerError(
                f"{node.folder} cannot be written ({error.strerror}): choose another data folder"
            ) from None

    def _launch(self, number: int) -> None:
        node = self._nodes[number]
        self._marks[number] = node.log.stat().st_size if node.log.exists() else 0
        self._processes[number] = launch(node, heap=self.heap, environ=self.environ)
        self._write_status()

    def _write_status(self) -> None:
        nodes = {n: proc_of(process.pid) for n, process in self._processes.items() if process.poll() is None}
        found = Status(self.bootstrap, proc_of(os.getpid()), nodes, self._detached)
        write_status(self.folder, found)

    def _wait(self, numbers: list[int], brokers: int, seconds: float) -> None:
        """Until each of these nodes answers a metadata request, with so many brokers in it."""
        deadline = time.monotonic() + seconds
        for number in numbers:
            while _known_at(self._ports[number].client) < brokers:
                self._check_alive()
                if time.monotonic() > deadline:
                    raise BrokerError(f"the broker does not answer after {seconds:.0f} s: {self._said(number)}")
                time.sleep(0.02)

    def _check_alive(self) -> None:
        failure = self.failure
        if failure:
            raise BrokerError(failure)

    def _said(self, number: int) -> str:
        """What this run's log says went wrong."""
        node = self._nodes[number]
        whole = node.log.read_bytes() if node.log.exists() else b""
        mark = self._marks.get(number, 0)
        recent = whole[mark:] if len(whole) >= mark else whole
        out = node.output.read_bytes() if node.output.exists() else b""
        return f"{reason((recent + out).decode(errors='replace'))} (log: {node.log})"


def _known_at(port: int) -> int:
    """How many brokers the node at a port knows of; 0 while it does not answer."""
    if not _accepts(port):
        return 0
    # a thread of its own: the caller may be inside a running loop
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(asyncio.run, _brokers(f"{ports.HOST}:{port}")).result()


def _accepts(port: int) -> bool:
    with suppress(OSError), socket.create_connection((ports.HOST, port), 1.0):
        return True
    return False


async def _brokers(bootstrap: str) -> int:
    client = AIOKafkaClient(bootstrap_servers=bootstrap, request_timeout_ms=5000)
    try:
        await client.bootstrap()
        return len(client.cluster.brokers())
    except Exception:  # noqa: BLE001 (whatever it is, the broker is not ready)
        return 0
    finally:
        await client.close()
