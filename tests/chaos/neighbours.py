"""Faults that are nothing but another tenant's worst day: each makes a tenant of its own and has it overdo one thing.

A quiet tenant's guests write meanwhile (tests/chaos/probe.py). Where such faults come without others, each of these
guests must be in the change within `PATIENCE` seconds of writing.
"""

from __future__ import annotations

import json
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from random import Random
from typing import Any

from confluent_kafka import Producer

from tests.chaos.cluster import Cluster
from tests.chaos.faults import Fault
from tests.chaos.load import Event, Saying, command, envelope, saying
from tests.chaos.publisher import QUIET
from tests.chaos.reader import read_from

PATIENCE = 2.0
"""Seconds from a message of another tenant to its change, whatever a neighbour does."""
SECONDS = 120.0
"""So long a neighbour's own work may take."""
KIND = "neighbour: "


class Neighbour:
    """A new tenant that publishes by itself, past the load that is judged."""

    def __init__(self, cluster: Cluster, dice: Random) -> None:
        self.cluster = cluster
        self.dice = dice
        self.name = f"noisy-{dice.getrandbits(40)}"
        self._producer: Any = Producer(
            {
                "bootstrap.servers": cluster.direct, "linger.ms": 5, "compression.type": "lz4", "log_level": 0,
                "message.max.bytes": 6_000_000, "queue.buffering.max.messages": 500_000,
            },
            logger=QUIET,
        )  # fmt: skip
        cluster.begin_probe()
        self.publish([command("tenant.put", "record", time.time(), {"tenant": self.name, "region": "ID"}, self.name)])
        self.wait(lambda: self.ask("") is not None, "the neighbour's record")

    def publish(self, said: Sequence[Saying]) -> None:
        """Publish and wait until the broker has all."""
        for one in said:
            self._producer.produce(self.cluster.prefix + one.topic, one.value, one.key.encode())
            self._producer.poll(0)
        if self._producer.flush(60):
            raise TimeoutError("the broker did not acknowledge a neighbour's records")

    def ask(self, path: str) -> Any:
        """Return what the store tells of this tenant, None if it does not."""
        told = self.cluster.store.ask(f"/v1/{self.name}{path}")
        return told and json.loads(told)

    def wait(self, condition: Callable[[], bool], what: str) -> float:
        """Wait until a condition holds; returns the seconds that took."""
        return self.cluster.wait(condition, SECONDS, what)

    def event(self, kind: str, id_: str, data: Event) -> Saying:
        """Return an event of this tenant as a record."""
        event = envelope(kind, kind, id_, time.time(), data, self.name)
        return saying(f"{kind}s", id_, event)

    def command(self, type_: str, id_: str, data: Event) -> Saying:
        """Return a command of this tenant as a record."""
        return command(type_, id_, time.time(), data, self.name)

    def message(self, id_: str, phone: str, text: str) -> Saying:
        """Return a message that a guest wrote."""
        data = {"message_id": id_, "channel": "whatsapp", "direction": "inbound", "from": phone, "text": text}
        return self.event("message", id_, data)

    def booking(self, nth: int, guest: Event) -> Saying:
        """Return a booking of a stay to come."""
        data: Event = {
            "booking_id": f"b-{nth}", "status": "confirmed", "guest": guest, "room_type": "Suite", "amount": "100.00",
            "currency": "USD", "check_in": f"20{40 + nth % 40}-01-10", "check_out": f"20{40 + nth % 40}-01-12",
        }  # fmt: skip
        return self.event("booking", f"b-{nth}", data)

    def group(self, id_: str, rule: Event) -> Saying:
        """Return a new group."""
        return self.command("group.create", f"make-{id_}", {"id": id_, "name": id_, "rule": rule})

    def ready(self) -> int:
        """Return how many of the groups are ready."""
        return sum(one["status"] == "ready" for one in self._groups())

    def _groups(self) -> Iterator[Any]:
        cursor = ""
        while True:
            page = self.ask(f"/groups?limit=1000{cursor}")
            yield from page["items"]
            if not page["cursor"]:
                return
            cursor = f"&cursor={page['cursor']}"

    def bookings(self, phone: str) -> int:
        """Return how many bookings a guest is known to have."""
        known = self.ask(f"/contacts/tel:{phone}")
        return int(known["bookings"]) if known else 0


def _phone(nth: int) -> str:
    return f"+62815{10_000_000 + nth}"


def group_burst(cluster: Cluster, dice: Random) -> str:
    """A tenant with 200 guests makes 400 groups at once."""
    one = Neighbour(cluster, dice)
    one.publish([one.message(f"m-{nth}", _phone(nth), f"hello w{nth}") for nth in range(200)])
    rules = ({"event": "message", "any_of": [f"w{nth}", "hello"]} for nth in range(400))
    one.publish([one.group(f"g-{nth}", rule) for nth, rule in enumerate(rules)])
    took = one.wait(lambda: one.ready() == 400, "the groups of the burst")
    return f"400 groups ready after {took:.1f} s"


def agency_phone(cluster: Cluster, dice: Random) -> str:
    """One phone stands under 1,000 bookings, and a group looks at stays to come."""
    one = Neighbour(cluster, dice)
    one.publish([one.group("coming", {"event": "booking", "stay": "upcoming", "min_bookings": 3})])
    one.publish([one.booking(nth, {"phone": _phone(0)}) for nth in range(1_000)])
    took = one.wait(lambda: one.bookings(_phone(0)) == 1_000, "the agency's bookings")
    return f"1,000 bookings of one phone known after {took:.1f} s"


def word_flood(cluster: Cluster, dice: Random) -> str:
    """Thirty groups with 1,000 keywords each, and guests who use them."""
    one = Neighbour(cluster, dice)
    rules = [{"event": "message", "any_of": [f"k{nth}x{i}" for i in range(1_000)]} for nth in range(30)]
    one.publish([one.group(f"g-{nth}", rule) for nth, rule in enumerate(rules)])
    texts = (" ".join(f"k{dice.randrange(30)}x{dice.randrange(1_000)}" for _ in range(100)) for _ in range(500))
    one.publish([one.message(f"m-{nth}", _phone(nth), text) for nth, text in enumerate(texts)])
    took = one.wait(lambda: one.ready() == 30, "the groups with many words")
    return f"30,000 keywords in force after {took:.1f} s"


def large_keys(cluster: Cluster, dice: Random) -> str:
    """Records with keys of megabytes come, each of which must be turned away."""
    one = Neighbour(cluster, dice)
    mark = f"large-{dice.getrandbits(40)}"
    before = _dead(cluster)
    said = [
        Saying(topic, mark + "k" * size, json.dumps({"mark": mark, "nth": size}).encode())
        for topic in ("messages", "bookings", "commands")
        for size in (100_000, 900_000, 1_500_000, 3_000_000)
    ]
    one.publish(said)
    took = one.wait(lambda: _dead(cluster) >= before + len(said), "the dead letters of large keys")
    return f"{len(said)} dead letters after {took:.1f} s"


def _dead(cluster: Cluster) -> int:
    return len(read_from(cluster.direct, f"{cluster.prefix}dead-letters", [(p, 0) for p in range(6)]))


def slow_readers(cluster: Cluster, dice: Random) -> str:
    """Hundreds of sockets to the store say nothing, or ask and do not read, while others go on asking."""
    one = Neighbour(cluster, dice)
    sockets = [socket.create_connection(("127.0.0.1", cluster.store.port), timeout=5) for _ in range(200)]
    try:
        for silent in sockets[::2]:
            silent.sendall(f"GET /v1/{one.name}/groups HTTP/1.1\r\nHost: 127.0.0.1\r\n".encode())
        until, answered = time.monotonic() + 5, 0
        while time.monotonic() < until:
            answered += one.ask("") is not None
            time.sleep(0.2)
    finally:
        for silent in sockets:
            silent.close()
    if not answered:
        raise TimeoutError("the store answers nobody beside silent sockets")
    return f"200 silent sockets, {answered} answers beside them"


def bulk_command(cluster: Cluster, dice: Random) -> str:
    """One command adds 10,000 contacts that nobody has seen to a group."""
    one = Neighbour(cluster, dice)
    one.publish([one.group("all", {"event": "manual"})])
    contacts = [{"phone": _phone(nth)} for nth in range(10_000)]
    one.publish([one.command("group.add", "bulk", {"group": "all", "contacts": contacts, "reason": "bulk"})])
    took = one.wait(lambda: (one.ask("/groups/all") or {}).get("members") == 10_000, "the members of a bulk command")
    return f"10,000 members after {took:.1f} s"


def talkative_guest(cluster: Cluster, dice: Random) -> str:
    """A guest with 5,000 messages, all of which 20 new groups have to read."""
    one = Neighbour(cluster, dice)
    one.publish([one.message(f"m-{nth}", _phone(0), f"dinner number {nth} please") for nth in range(5_000)])
    rule = {"event": "message", "any_of": ["dinner"], "min_count": 50}
    one.publish([one.group(f"g-{nth}", rule) for nth in range(20)])
    took = one.wait(lambda: one.ready() == 20 and _in_all(one, 20), "the groups that read 5,000 messages")
    return f"20 groups have read 5,000 messages after {took:.1f} s"


def _in_all(one: Neighbour, groups: int) -> bool:
    return all((one.ask(f"/groups/g-{nth}") or {}).get("members") == 1 for nth in range(groups))


def merge_of_many(cluster: Cluster, dice: Random) -> str:
    """A phone and an address with 500 bookings each turn out to be one guest."""
    one = Neighbour(cluster, dice)
    address = f"agency{dice.getrandbits(30)}@example.com"
    by_phone = [one.booking(nth, {"phone": _phone(0)}) for nth in range(500)]
    one.publish(by_phone + [one.booking(500 + nth, {"email": address}) for nth in range(500)])
    one.publish([one.booking(1_000, {"phone": _phone(0), "email": address})])
    took = one.wait(lambda: one.bookings(_phone(0)) == 1_001, "the bookings of two that are one")
    return f"1,001 bookings under one contact after {took:.1f} s"


NEIGHBOURS = [
    Fault(KIND + "400 groups at once", group_burst),
    Fault(KIND + "agency's phone", agency_phone),
    Fault(KIND + "flood of words", word_flood),
    Fault(KIND + "large keys", large_keys),
    Fault(KIND + "slow HTTP", slow_readers),
    Fault(KIND + "bulk command", bulk_command),
    Fault(KIND + "talkative guest", talkative_guest),
    Fault(KIND + "merge of many facts", merge_of_many),
]
