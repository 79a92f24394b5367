"""A quiet tenant beside the others: each of its guests writes once and joins a group; how long that took is kept."""

from __future__ import annotations

import threading
import time
from typing import Any

from confluent_kafka import Producer, TopicPartition

from tests.chaos.load import Saying, command, envelope, saying
from tests.chaos.publisher import QUIET
from tests.chaos.reader import consumer, partitions

TENANT = "quiet"
BEAT = 0.1
LATEST = 60.0
"""Seconds after which nobody waits for a change any more."""


def opening(now: float) -> list[tuple[Saying, str]]:
    """Return the tenant's record and its one group, each with the path at which the store tells of it."""
    record = {"tenant": TENANT, "region": "ID", "zone": "UTC"}
    group = {"id": "diners", "name": "Diners", "rule": {"event": "message", "any_of": ["dinner"]}}
    return [
        (command("tenant.put", "quiet-tenant", now, record, TENANT), f"/v1/{TENANT}"),
        (command("group.create", "quiet-group", now, group, TENANT), f"/v1/{TENANT}/groups/diners"),
    ]


class Probe:
    """Publishes a message every tenth of a second and follows the changes, as somebody's campaign service would."""

    def __init__(self, bootstrap: str, prefix: str) -> None:
        self.published: dict[str, float] = {}
        """When (monotonic s) each guest's message was handed to the client."""
        self.read: dict[str, float] = {}
        """When the guest's change was read."""
        self._prefix = prefix
        self._stop = threading.Event()
        self._producer: Any = Producer({"bootstrap.servers": bootstrap, "linger.ms": 0, "log_level": 0}, logger=QUIET)
        self._consumer: Any = self._follow(bootstrap)
        self._threads = [threading.Thread(target=one, daemon=True) for one in (self._publish, self._read)]

    def _follow(self, bootstrap: str) -> Any:
        """Return a reader of the changes from now on."""
        one = consumer(bootstrap)
        topic = f"{self._prefix}membership-changes"
        places = [TopicPartition(topic, p) for p in partitions(one, topic)]
        one.assign([TopicPartition(topic, at.partition, one.get_watermark_offsets(at, 30)[1]) for at in places])
        return one

    def start(self) -> None:
        """Begin; the tenant's record and group must be in force."""
        for one in self._threads:
            one.start()

    def publish(self, said: Saying) -> None:
        """Hand one record to the client."""
        self._producer.produce(self._prefix + said.topic, said.value, said.key.encode())
        self._producer.poll(0)

    def stop(self) -> None:
        """End."""
        self._stop.set()
        for one in self._threads:
            one.join()
        self._producer.flush(30)
        self._consumer.close()

    def waiting(self, since: float, until: float) -> list[str]:
        """Return the guests who wrote between two moments (monotonic s) and whose change is not read yet."""
        return [guest for guest, _ in self._wrote(since, until) if guest not in self.read]

    def longest(self, since: float, until: float) -> float:
        """Return the longest time (s) from message to change, of those who wrote between two moments."""
        now = time.monotonic()
        return max((self.read.get(guest, now) - at for guest, at in self._wrote(since, until)), default=0.0)

    def _wrote(self, since: float, until: float) -> list[tuple[str, float]]:
        return [(guest, at) for guest, at in [*self.published.items()] if since <= at <= until]

    def _publish(self) -> None:
        while not self._stop.wait(BEAT):
            nth = len(self.published)
            phone = f"+62813{10_000_000 + nth}"
            data = {
                "message_id": f"q-{nth}", "channel": "whatsapp", "direction": "inbound", "from": phone,
                "text": "a table for dinner",
            }  # fmt: skip
            said = saying("messages", phone, envelope("message", "message", f"q-{nth}", time.time(), data, TENANT))
            self.published[f"{TENANT}/tel:{phone}"] = time.monotonic()
            self.publish(said)

    def _read(self) -> None:
        while not self._stop.is_set():
            for message in self._consumer.consume(1_000, timeout=0.05):
                if message.error() is None:
                    self.read.setdefault((message.key() or b"").decode(), time.monotonic())
