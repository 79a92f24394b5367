"""The publishers: a thread that says what the load gives, at a steady rate, and keeps what the broker acknowledged."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from typing import Any, NamedTuple

from confluent_kafka import Producer

from tests.chaos.load import Load, Saying

BEAT = 0.02
QUIET = logging.getLogger("chaos.librdkafka")
QUIET.addHandler(logging.NullHandler())
QUIET.propagate = False


class Acknowledged(NamedTuple):
    """Where the broker said that a record lies, and what was sent."""

    topic: str
    partition: int
    offset: int
    value: bytes


class Publisher:
    """Says `rate` new things a second until told to stop; extra records go between."""

    def __init__(self, bootstrap: str, prefix: str, load: Load, rate: int) -> None:
        self.prefix = prefix
        self.load = load
        self.rate = rate
        self.acknowledged: list[Acknowledged] = []
        self.failed = 0
        self.sent = 0
        self.append_lead = 0.0
        """By how many seconds the newest append time was ahead of this machine's clock."""
        self._extra: list[Saying] = []
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, name="publisher", daemon=True)
        self._producer: Any = Producer(
            {
                "bootstrap.servers": bootstrap,
                "enable.idempotence": True,
                "linger.ms": 5,
                "compression.type": "lz4",
                "message.max.bytes": 6_000_000,
                "delivery.timeout.ms": 300_000,
                "queue.buffering.max.messages": 500_000,
                "log_level": 0,
            },
            logger=QUIET,
        )

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def stop(self, seconds: float = 120.0) -> None:
        """Say what is left, and wait until the broker has acknowledged all."""
        self._stop.set()
        self._thread.join()
        for said in self.load.rest(time.time()):
            self.publish(said)
        left = self._producer.flush(seconds)
        if left or self.failed:
            raise RuntimeError(f"{left} records not acknowledged, {self.failed} refused")

    def also(self, sayings: Iterable[Saying]) -> None:
        """Have the thread publish something more."""
        self._extra.extend(sayings)

    def publish(self, said: Saying) -> None:
        """Hand one record to the client."""
        while True:
            try:
                self._producer.produce(
                    self.prefix + said.topic, said.value, said.key.encode(), on_delivery=self._delivered
                )
            except BufferError:
                self._producer.poll(0.1)
            else:
                self.sent += 1
                return

    def flush(self, seconds: float = 60.0) -> None:
        """Wait until all that was said so far is acknowledged."""
        if self._producer.flush(seconds):
            raise RuntimeError("the broker did not acknowledge in time")

    def _delivered(self, error: Any, message: Any) -> None:
        if error is not None:
            self.failed += 1
            return
        place = message.topic().removeprefix(self.prefix), message.partition(), message.offset()
        self.append_lead = message.timestamp()[1] / 1000 - time.time()
        self.acknowledged.append(Acknowledged(*place, message.value()))

    def _run(self) -> None:
        begun, made = time.monotonic(), 0
        while not self._stop.wait(BEAT):
            owed = int((time.monotonic() - begun) * self.rate) - made
            made += owed
            for said in self.load.due(time.time(), owed):
                self.publish(said)
            while self._extra:
                self.publish(self._extra.pop(0))
            self._producer.poll(0)
