"""The data folder of one `up`: one supervisor at a time, and what a killed one left running."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from streams.cli.say import TroubleError
from streams.private import private

if TYPE_CHECKING:
    from collections.abc import Generator
    from pathlib import Path

PATIENCE = 10.0
"""Seconds that an orphan has to stop by itself before it is killed."""
BROKER = "broker"
"""The child that all others write to: it stops last."""
READY = "broker.ready"
"""The file that holds the id of the process whose broker answers."""


@contextmanager
def held(folder: Path) -> Generator[None, None, None]:
    """Own the folder while the block runs; the kernel lets go of it even after a SIGKILL."""
    lock = _open(folder / "up.lock")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise TroubleError(
            f"another `rollcall up` runs on {folder}: stop it, or name another folder with --data"
        ) from None
    else:
        yield
    finally:
        os.close(lock)


def made(folder: Path) -> None:
    """Make the data folder where it is missing, and let nobody but its owner in."""
    try:
        private(folder)
    except OSError as error:
        raise TroubleError(f"cannot use the data folder {folder}: {error.strerror}") from error


def _open(path: Path) -> int:
    made(path.parent)
    try:
        return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise TroubleError(f"cannot use the data folder {path.parent}: {error.strerror}") from error


def remember(folder: Path, name: str, pid: int) -> None:
    """Write down who runs, with the birth that tells it from a later process of the same number."""
    path = folder / "pids" / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"pid": pid, "born": birth(pid)}))


def forget(folder: Path, name: str) -> None:
    """It was seen to end."""
    (folder / "pids" / f"{name}.json").unlink(missing_ok=True)


def living(folder: Path, name: str) -> int | None:
    """The pid of the process remembered under the name, if that very process still runs."""
    try:
        known = json.loads((folder / "pids" / f"{name}.json").read_text())
        pid, born = int(known["pid"]), known["born"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return pid if born is not None and birth(pid) == born else None


def birth(pid: int) -> str | None:
    """Boot and clock tick at which a process began, None if there is none (or no /proc to ask)."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as stat:  # noqa: PTH123
            after_name = stat.read().rpartition(")")[2].split()
        with open("/proc/sys/kernel/random/boot_id", encoding="ascii") as boot:  # noqa: PTH123
            return None if after_name[0] == "Z" else f"{boot.read().strip()}:{after_name[19]}"
    except OSError:
        return None


def bury(folder: Path) -> list[str]:
    """End what a killed supervisor left behind, and name it; only processes that are really ours."""
    names = sorted((path.stem for path in (folder / "pids").glob("*.json")), key=lambda name: (name == BROKER, name))
    return [name for name in names if _ended(folder, name)]


def _ended(folder: Path, name: str) -> bool:
    pid = living(folder, name)
    if pid is not None:
        _signal(pid, signal.SIGTERM)
        if not gone(folder, name, time.monotonic() + PATIENCE):
            _signal(pid, signal.SIGKILL)
    forget(folder, name)
    return pid is not None


def gone(folder: Path, name: str, until: float) -> bool:
    """Wait until the process has ended; False when it outlives the moment `until` (monotonic)."""
    while living(folder, name):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)
