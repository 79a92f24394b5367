"""Start a contestant's processes, end them, and read from /proc what they took."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parent.parent
_TICKS = os.sysconf("SC_CLK_TCK")
_GRACE_S = 30


class WorkerDiedError(Exception):
    """A contestant's process ended by itself."""


@dataclass(frozen=True)
class Worker:
    """One process of a contestant, under the name that the table gives it."""

    name: str
    process: subprocess.Popen[bytes]
    log: Path

    @property
    def pid(self) -> int:
        """The process id, alive or not."""
        return self.process.pid


def start(name: str, command: Sequence[str], settings: Mapping[str, str], log: Path) -> Worker:
    """Start one process in the repository's folder; its output goes to a file."""
    with log.open("ab") as out:
        process = subprocess.Popen(
            command, cwd=REPOSITORY, env={**os.environ, **settings}, stdin=subprocess.DEVNULL, stdout=out, stderr=out
        )
    return Worker(name, process, log)


def stop(workers: Sequence[Worker]) -> None:
    """Ask every process to end, and kill what does not within half a minute."""
    for worker in workers:
        if worker.process.poll() is None:
            worker.process.send_signal(signal.SIGTERM)
    for worker in workers:
        try:
            worker.process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            worker.process.kill()
            worker.process.wait()


def check_alive(workers: Sequence[Worker]) -> None:
    """Raise `WorkerDiedError` with the end of the log when a process is gone."""
    for worker in workers:
        if worker.process.poll() is not None:
            tail = "\n".join(worker.log.read_text(errors="replace").splitlines()[-20:])
            raise WorkerDiedError(f"{worker.name} ended with code {worker.process.returncode}:\n{tail}")


def cpu_s(pids: Sequence[int]) -> float:
    """User and system seconds of these processes since each began."""
    return sum(_cpu_s(pid) for pid in pids)


def _cpu_s(pid: int) -> float:
    with suppress(FileNotFoundError, ProcessLookupError):
        # the name, field 2, may hold spaces: count from behind its bracket
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / _TICKS
    return 0.0


def peak_mb(pids: Sequence[int]) -> float:
    """The peak resident memory of these processes, each one's own peak added up."""
    return sum(_peak_mb(pid) for pid in pids)


def _peak_mb(pid: int) -> float:
    with suppress(FileNotFoundError, ProcessLookupError):
        for line in Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) / 1024
    return 0.0
