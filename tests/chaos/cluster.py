"""Everything that runs in a chaos run: brokers, workers of both hops, a store, publishers and a reader."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from types import TracebackType
from typing import Self

from streams.runtime.admin import create_topics
from streams.settings import Settings
from tests.chaos.brokers import ProxiedBroker
from tests.chaos.control import PASSWORD, USER, Control
from tests.chaos.load import GROUPS, TENANT, Load, opening
from tests.chaos.probe import Probe
from tests.chaos.probe import opening as quiet_opening
from tests.chaos.processes import Death, OneProcess
from tests.chaos.publisher import Publisher
from tests.chaos.reader import Follower

PARTITIONS = 6
SESSION = 4
LAG_SECONDS = 60
"""Of load that may wait when the next fault comes: on a machine that others use too, it is not caught up at once."""
HOPS = ("normalize", "decide")
CLOCK = Path(__file__).with_name("clock")


class Cluster:
    """A whole system on loopback, in one folder."""

    def __init__(
        self, folder: Path, seed: int, *, nodes: int = 1, workers: int = 2, rate: int = 1_000, reopen: str = ""
    ) -> None:
        self.folder = folder
        self.nodes = nodes
        self.workers = workers
        self.rate = rate
        self.seed = seed
        self.program = ["tests.chaos.reopened", reopen] if reopen else ["rollcall"]
        self.broker = ProxiedBroker(folder / "broker", nodes)
        self.control = Control("")
        self.processes: dict[str, OneProcess] = {}
        self.copies: dict[str, Path] = {}
        self.made_groups = 0
        self.turns = 0
        self.set_back = 0
        """By how many seconds at most the brokers' clock was set back."""
        self.highest_clock = 0.0
        """What the brokers' clock (epoch s) showed at most while it was ahead."""
        self.mounts: list[Path] = []
        self.probe: Probe | None = None
        """Whoever measures what neighbours do to others, once there is a reason to."""
        self._stop = threading.Event()
        self._tending = threading.RLock()
        self._keeper = threading.Thread(target=self._keep, name="keeper", daemon=True)

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def start(self) -> None:
        """Start all and wait until the groups are in force; then begin to publish."""
        self.broker.start()
        (self.folder / "password").write_text(PASSWORD)
        self.settings = self._settings()
        self.direct = self.broker.bootstrap
        plain = Settings(brokers=self.direct, partitions=PARTITIONS, replication=self.nodes)
        asyncio.run(create_topics(plain))
        self.control = Control(self.direct)
        self.prefix = self.settings.topic_prefix
        self._start_processes()
        self.follower = Follower(self.direct, f"{self.prefix}membership-changes")
        self.publisher = Publisher(self.direct, self.prefix, Load(self.seed), self.rate)
        self._open_tenant()
        self.publisher.start()

    def _settings(self) -> Settings:
        return Settings(
            brokers=self.broker.work_bootstrap, http="127.0.0.1:0", data=self.folder / "data", partitions=PARTITIONS,
            replication=self.nodes, session_seconds=SESSION, sasl_mechanism="PLAIN", sasl_username=USER,
            sasl_password_file=self.folder / "password",
        )  # fmt: skip

    def _start_processes(self) -> None:
        (self.folder / "logs").mkdir()
        for number in range(1, self.workers + 1):
            for hop in HOPS:
                self.add_worker(hop, number)
        self._add("store", ["rollcall", "store", "--instance", "store-1", "--http", "127.0.0.1:{port}"])
        self._keeper.start()
        self.wait(self.steady, 90, "the workers' start")

    def _open_tenant(self) -> None:
        sayings = list(opening(time.time()))
        self.publisher.publish(sayings[0])
        self.publisher.flush()
        self.wait(lambda: self.store.ask(f"/v1/{TENANT}") is not None, 60, "the tenant's record")
        for said in sayings[1:]:
            self.publisher.publish(said)
        self.publisher.flush()
        self.wait(self._groups_are_ready, 60, "the groups")

    def _groups_are_ready(self) -> bool:
        """Whether every partition knows the groups: words that are said to one before that mean nothing."""
        told = self.store.ask(f"/v1/{TENANT}/groups?limit=1000")
        items = json.loads(told)["items"] if told else []
        return len(items) == len(GROUPS) and all(item["status"] == "ready" for item in items)

    def begin_probe(self) -> None:
        """Have a quiet tenant's guests write from now on."""
        if self.probe is not None:
            return
        probe = Probe(self.direct, self.prefix)
        for said, path in quiet_opening(time.time()):
            probe.publish(said)
            self.wait(lambda path=path: self.store.ask(path) is not None, 60, path)  # type: ignore[misc]
        probe.start()
        self.probe = probe

    def end_probe(self) -> None:
        """Have the quiet tenant's guests write no more."""
        probe, self.probe = self.probe, None
        if probe is not None:
            probe.stop()

    def close(self) -> None:
        """Leave nothing running."""
        self._stop.set()
        self.end_probe()
        with contextlib.suppress(RuntimeError):
            self._keeper.join()
        for one in self.processes.values():
            if one.alive:
                one.end(signal.SIGKILL)
        self.control.close()
        self.broker.stop()
        for folder in list(self.mounts):
            self.unmount(folder)

    # processes -------------------------------------------------------------------------------------------------------

    def add_worker(self, hop: str, number: int) -> OneProcess:
        """Start one more worker."""
        name = f"{hop}-{number}"
        return self._add(name, [*self.program, "worker", hop, "--instance", name, "--metrics-port", "{port}"])

    def _add(self, name: str, command: list[str]) -> OneProcess:
        clock = {"CHAOS_CLOCK": str(self.clock_of(name)), "PYTHONPATH": str(CLOCK)}
        one = OneProcess(name, command, self.settings.environ() | clock, self.folder / "logs")
        self.processes[name] = one
        one.start()
        return one

    def clock_of(self, name: str) -> Path:
        """Return the file that says by how many seconds a process's clock is off."""
        return self.folder / f"{name}.clock"

    def remove(self, name: str) -> int:
        """Stop a worker for good."""
        return self.processes.pop(name).end()

    @property
    def store(self) -> OneProcess:
        """The store's process."""
        return self.processes["store"]

    def of(self, hop: str) -> list[OneProcess]:
        """Return the workers of a hop."""
        return [one for name, one in self.processes.items() if name.startswith(hop)]

    @property
    def deaths(self) -> list[Death]:
        """Every end of a process so far."""
        return sorted(death for one in self.processes.values() for death in one.deaths)

    def _keep(self) -> None:
        while not self._stop.wait(0.2):
            with self._tending:
                for one in list(self.processes.values()):
                    one.tend()

    @contextlib.contextmanager
    def untended(self) -> Iterator[None]:
        """Nothing is started again meanwhile."""
        with self._tending:
            yield

    # state -----------------------------------------------------------------------------------------------------------

    def state(self, worker: OneProcess) -> Path:
        """Return the folder of a worker's state."""
        return self.settings.data / worker.name / worker.name.rpartition("-")[0]

    def wipe(self, folder: Path) -> int:
        """Delete a folder; returns the bytes that lay in it."""
        size = sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
        shutil.rmtree(folder)
        return size

    def mount(self, folder: Path, size: int) -> None:
        """Lay a disk of so many bytes over a folder. Raises OSError where that is not allowed."""
        folder.mkdir(parents=True, exist_ok=True)
        command = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)]
        if subprocess.run(command, capture_output=True, check=False).returncode:
            raise OSError(f"cannot mount on {folder.name}")
        self.mounts.append(folder)

    def unmount(self, folder: Path) -> None:
        """Take it away, with what lies on it; nobody may use it."""
        subprocess.run(["umount", str(folder)], check=True)
        self.mounts.remove(folder)

    # what is going on ------------------------------------------------------------------------------------------------

    def has(self, worker: OneProcess) -> set[tuple[str, int]]:
        """Return the partitions that the group says a worker has."""
        members = self.control.assignments(f"{self.prefix}{worker.name.rpartition('-')[0]}")
        return members.get(f"{self.prefix}{worker.name.rpartition('-')[0]}-{worker.name}", set())

    def steady(self) -> bool:
        """Whether everything that should run says it is ready, and every partition has an owner that runs."""
        return all(one.ready for one in self.processes.values()) and all(self._owned(hop) for hop in HOPS)

    def _owned(self, hop: str) -> bool:
        members = self.control.assignments(f"{self.prefix}{hop}")
        running = {f"{self.prefix}{hop}-{one.name}" for one in self.of(hop)}
        owned = [tp for name, tps in members.items() if name in running for tp in tps]
        topics = 4 if hop == "normalize" else 1
        return len(set(owned)) == topics * PARTITIONS

    def marks(self) -> dict[tuple[str, int], int]:
        """Return how far the workers have committed each partition of the messages and of contact-activity."""
        done = {tp: o for hop in HOPS for tp, o in self.control.committed(f"{self.prefix}{hop}").items()}
        return {tp: done.get(tp, 0) for tp in self._watched}

    @property
    def _watched(self) -> list[tuple[str, int]]:
        return [(f"{self.prefix}{topic}", p) for topic in ("messages", "contact-activity") for p in range(PARTITIONS)]

    def flows(self, marks: dict[tuple[str, int], int]) -> bool:
        """Whether everything is ready, each partition has gone on since, and not too much waits."""
        if not self.steady() or any(at <= marks.get(tp, 0) for tp, at in self.marks().items()):
            return False
        return sum(one.lag() for hop in HOPS for one in self.of(hop)) < LAG_SECONDS * self.rate

    def wait(self, condition: Callable[[], bool], seconds: float, what: str) -> float:
        """Wait until a condition holds; returns the seconds that took."""
        begun = time.monotonic()
        while True:
            with contextlib.suppress(Exception):  # the cluster may be down: that is no answer
                if condition():
                    return time.monotonic() - begun
            if time.monotonic() - begun > seconds:
                raise TimeoutError(f"{what} did not come in {seconds:.0f} s")
            time.sleep(0.1)
