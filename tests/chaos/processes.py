"""One real process of the pipeline: started, signalled, probed, and started again when it ends."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from streams.runtime.ports import free

ROOT = Path(__file__).parents[2]


class Death(NamedTuple):
    """When (monotonic seconds) a process ended and how (negative: by that signal)."""

    at: float
    name: str
    code: int


class OneProcess:
    """A command that should run; `wanted` says whether it should run now."""

    def __init__(self, name: str, command: Sequence[str], environ: Mapping[str, str], folder: Path) -> None:
        self.name = name
        self.command = command
        self.environ = environ
        self.log = folder / f"{name}.log"
        self.wanted = False
        self.port = 0
        self.deaths: list[Death] = []
        self.next_environ: dict[str, str] = {}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process's id."""
        assert self._process is not None
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """Start it on a free port; `next_environ` is for this start alone."""
        self.wanted, self.port = True, free(1)[0]
        more, self.next_environ = self.next_environ, {}
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [sys.executable, "-m", *(word.format(port=self.port) for word in self.command)],
                cwd=ROOT, env={**os.environ, **self.environ, **more}, stdout=log, stderr=log, process_group=0,
            )  # fmt: skip

    def send(self, number: int) -> None:
        """Send it a signal."""
        os.kill(self.pid, number)

    def end(self, number: int = signal.SIGTERM, seconds: float = 30.0) -> int:
        """End it and do not start it again; returns its exit code."""
        self.wanted = False
        assert self._process is not None
        if self._process.poll() is None:
            self.send(number)
            self.send(signal.SIGCONT)
        try:
            code = self._process.wait(seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            code = self._process.wait()
        self.deaths.append(Death(time.monotonic(), self.name, code))
        return code

    def tend(self) -> None:
        """Note that it ended and start it again, as a supervisor would."""
        if self.wanted and self._process is not None and self._process.poll() is not None:
            self.deaths.append(Death(time.monotonic(), self.name, self._process.returncode))
            self.start()

    def ask(self, path: str, seconds: float = 5.0) -> str | None:
        """GET a path from its own server; None while it does not answer well."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=seconds) as answer:
                return str(answer.read().decode())
        except (OSError, urllib.error.URLError, ValueError):
            return None

    @property
    def ready(self) -> bool:
        """Whether it says that it does its work."""
        return self.alive and self.ask("/readyz") is not None

    def lag(self) -> float:
        """Return the records between its position and the end; a large number while it does not say."""
        told = self.ask("/metrics")
        if told is None:
            return 1e9
        lines = [line for line in told.splitlines() if line.startswith("rollcall_lag_records{")]
        return sum(float(line.rpartition(" ")[2]) for line in lines)
