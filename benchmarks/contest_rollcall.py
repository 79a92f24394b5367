"""Rollcall as it is run: normalize and decide as processes of their own, groups created through `commands`."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from benchmarks.job import PARTITIONS, Job, commands
from benchmarks.kafka import Kafka
from benchmarks.oracle import Answer
from benchmarks.processes import Worker, check_alive, start, stop
from benchmarks.vocabulary import GROUPS
from streams.runtime.admin import create_topics
from streams.settings import Settings

_MARKERS = 2
"""A log that transactions write to may end in their markers, which no commit counts."""
_SET_UP_S = 180


@dataclass
class Rollcall:
    """The real workers under a topic prefix and in a folder of their own."""

    brokers: str
    run: str
    folder: Path
    decides: int = 2
    name: str = "rollcall"
    exactly_once: bool = True

    def __post_init__(self) -> None:
        self.raw, self.rekeyed = self._topic("messages"), self._topic("contact-activity")
        self.changes, self.dead_letters = self._topic("membership-changes"), self._topic("dead-letters")
        self._set_up = 0

    def _topic(self, short: str) -> str:
        return f"{self.run}.{short}"

    @property
    def _environment(self) -> dict[str, str]:
        return {
            "ROLLCALL_BROKERS": self.brokers, "ROLLCALL_TOPIC_PREFIX": f"{self.run}.",
            "ROLLCALL_PARTITIONS": str(PARTITIONS), "ROLLCALL_REPLICATION": "1",
            "ROLLCALL_DATA": str(self.folder / "rollcall"),
        }  # fmt: skip

    def prepare(self, kafka: Kafka, job: Job) -> None:
        """Topics; the tenant and its groups, decided by the workers themselves; then every message."""
        (self.folder / "rollcall").mkdir()
        self._kafka = kafka
        asyncio.run(_create_topics(Settings.from_env(self._environment)))
        kafka.publish(self._topic("commands"), commands(int(time.time())))
        workers = self.start()
        try:
            self._until(workers, lambda: self._applied(kafka) == GROUPS + 1, "the groups' outcomes did not come")
            self._until(workers, lambda: self._ready(kafka) == GROUPS, "the groups did not become ready")
        finally:
            stop(workers)
        self._set_up = kafka.count(self.rekeyed)
        kafka.publish(self.raw, job.records)

    def _until(self, workers: list[Worker], condition: Callable[[], bool], otherwise: str) -> None:
        until = time.monotonic() + _SET_UP_S
        while not condition():
            check_alive(workers)
            if time.monotonic() > until:
                raise TimeoutError(f"{otherwise} within {_SET_UP_S} s")
            time.sleep(0.3)

    def _applied(self, kafka: Kafka) -> int:
        outcomes = [json.loads(value) for value in kafka.read(self._topic("outcomes"))]
        return sum(outcome["outcome"] == "applied" for outcome in outcomes)

    def _ready(self, kafka: Kafka) -> int:
        notices = [json.loads(value) for value in kafka.read(self._topic("notices"))]
        return len({notice["group"] for notice in notices if notice["kind"] == "group_ready"})

    def start(self) -> list[Worker]:
        """Start decide's workers, and once they share its partitions, normalize's."""
        workers = [self._start("decide", at + 1) for at in range(self.decides)]
        group = f"{self.run}.decide"
        self._until(
            workers, lambda: len(self._kafka.shares(group)) == self.decides, "decide's workers did not share the work"
        )
        return [*workers, self._start("normalize", 1)]

    def _start(self, hop: str, at: int) -> Worker:
        name = f"{hop}-{at}"
        command = [sys.executable, "-m", "rollcall", "worker", hop, "--instance", name]
        return start(name, command, self._environment, self.folder / f"{name}.log")

    def is_done(self, kafka: Kafka, expected: Answer) -> bool:
        """The last transaction is committed: all that could come of the raw records is there, and decide has done it.

        Not asked is whether normalize has committed what it read: no reader of changes can tell.
        """
        ends = kafka.ends(self.rekeyed)
        passed_on = sum(ends.values()) - self._set_up >= expected.valid
        decided = kafka.committed(self.rekeyed)
        return (
            passed_on
            and all(end - decided.get(at, 0) <= _MARKERS for (_, at), end in ends.items())
            and kafka.count(self.dead_letters) >= expected.invalid
        )

    def joined(self, value: bytes) -> tuple[str, str]:
        """The contact and group of a change, which must be the pair's first."""
        change = json.loads(value)
        data = change["data"]
        if (change["type"], data["seq"], change["tenant"]) != ("membership.joined", 1, "bench"):
            raise ValueError(change["type"])
        return data["contact"], data["group"]


async def _create_topics(settings: Settings) -> None:
    await create_topics(settings)
