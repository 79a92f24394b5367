"""Faust as its users run it: one worker process, or as many as are asked for, over topics made beforehand."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

from benchmarks.job import PARTITIONS, Job
from benchmarks.kafka import Kafka
from benchmarks.oracle import Answer
from benchmarks.processes import Worker, start


@dataclass
class Faust:
    """`peer_faust.py` on topics and in a folder of its own."""

    brokers: str
    run: str
    folder: Path
    processes: int = 1
    name: str = "faust"
    exactly_once: bool = False

    def __post_init__(self) -> None:
        self.raw, self.rekeyed = f"{self.run}.messages", f"{self.run}.by-contact"
        self.changes, self.dead_letters = f"{self.run}.changes", f"{self.run}.dead-letters"

    def prepare(self, kafka: Kafka, job: Job) -> None:
        """Its groups are part of its code: only topics and messages are to be made."""
        kafka.create([self.raw, self.rekeyed, self.changes, self.dead_letters])
        kafka.publish(self.raw, job.records)

    def start(self) -> list[Worker]:
        """`faust worker`, each process with a data folder of its own."""
        return [self._start(at) for at in range(self.processes)]

    def _start(self, at: int) -> Worker:
        data = self.folder / f"faust-{at}"
        data.mkdir()
        settings = {
            "PEER_NAME": self.run, "PEER_BROKERS": self.brokers, "PEER_DATA": str(data),
            "PEER_PARTITIONS": str(PARTITIONS),
        }  # fmt: skip
        name = "worker" if self.processes == 1 else f"worker-{at}"
        return start(name, [sys.executable, "-m", "benchmarks.peer_faust", "worker"], settings, data / "log")

    def is_done(self, kafka: Kafka, expected: Answer) -> bool:
        """Its topics have no transactions: as many records as there must be; its commit may follow later."""
        ends = kafka.ends(self.changes, self.dead_letters)
        written = {topic: sum(end for (name, _), end in ends.items() if name == topic) for topic, _ in ends}
        return written[self.changes] >= len(expected.joined) and written[self.dead_letters] >= expected.invalid

    def joined(self, value: bytes) -> tuple[str, str]:
        """The contact and group of a change."""
        change = json.loads(value)
        return change["contact"], change["group"]
