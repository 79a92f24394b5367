"""What runs in a broker's folder, whoever started it: the folder's own note of it, read, written and acted on."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import msgspec
import psutil
from msgspec import Struct

from streams.runtime.process import Proc, end

_NOTE = "broker.json"


class Status(Struct, frozen=True):
    """What runs in a folder, as the folder's `broker.json` says."""

    bootstrap: str
    owner: Proc
    nodes: dict[int, Proc]
    detached: bool = False

    @property
    def alive(self) -> dict[int, Proc]:
        """The nodes whose process is there."""
        return {number: proc for number, proc in self.nodes.items() if proc.process()}


def status(folder: Path) -> Status | None:
    """What was started last in a folder and has not been stopped in order; its processes may be gone."""
    with suppress(OSError, msgspec.DecodeError):
        return msgspec.json.decode((folder / _NOTE).read_bytes(), type=Status)
    return None


def stop_folder(folder: Path) -> bool:
    """Stop the nodes that run in a folder, whoever started them; False when there were none."""
    return end_nodes(folder.expanduser().absolute()) > 0


def end_nodes(folder: Path) -> int:
    """Stop what the note names and is really a node of this folder; returns how many there were."""
    found = status(folder)
    processes = [one for proc in (found.nodes.values() if found else []) if (one := proc.process())]
    ours = [one for one in processes if _works_in(one, folder)]
    for one in ours:
        end(one)
    forget(folder)
    return len(ours)


def _works_in(process: psutil.Process, folder: Path) -> bool:
    """Whether the process is a node of this folder: its command line names the folder's settings."""
    with suppress(psutil.Error):
        return any(word.startswith(f"{folder}{os.sep}") for word in process.cmdline())
    return False


def told(folder: Path) -> str:
    """Who has the folder, for an error's text."""
    found = status(folder)
    return (
        f"a broker runs (process {found.owner.pid}, {found.bootstrap})" if found else "another process starts a broker"
    )


def proc_of(pid: int) -> Proc:
    """A live process by id and start."""
    return Proc(pid, psutil.Process(pid).create_time())


def write_status(folder: Path, found: Status) -> None:
    """Note what runs; a reader meets the former note or this one, never half of it."""
    scratch = folder / f"{_NOTE}.new"
    scratch.write_bytes(msgspec.json.encode(found))
    scratch.replace(folder / _NOTE)


def forget(folder: Path) -> None:
    """Away with the note: nothing runs any more."""
    (folder / _NOTE).unlink(missing_ok=True)
