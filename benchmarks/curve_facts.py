"""What one more fact costs as the facts of one contact grow: µs of CPU in decide, without Kafka and without disk.

A contact has so many bookings, ratings and messages, and is asked by a group of each kind. Then one booking, rating and
message of it is revised again and again, so that their number stays; what the first costs, which reads the facts, is
told by itself.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple

import msgspec

from benchmarks.hot_path import COMMANDS, ENVELOPE, MESSAGES, NOW, Line, timed
from processors.fold import Fold
from processors.rows import encode, fact_key, facts_under, head_key
from schemas.activity import BookingFact, MessageFact, RatingFact

FACTS = (1, 10, 100, 1_000, 10_000, 100_000)
PHONE, SOURCE = "+6281234567890", "agency"
KEY = f"bali/tel:{PHONE}".encode()
HOUR = 3_600_000
RULES: dict[str, list[dict[str, Any]]] = {
    "booking": [
        {"event": "booking", "stay": "upcoming"},
        {"event": "booking", "stay": "current"},
        {"event": "booking", "stay": "past", "within": "P1M", "min_nights": 5},
        {"event": "booking", "within": "P6M", "min_spent": "900", "currency": "IDR"},
    ],
    "rating": [{"event": "rating", "min_stars": 4, "mode": mode, "within": "P6M"} for mode in ("any", "latest", "all")],
    "message": [{"event": "message", "any_of": ["dinner"], "within": "P6M", "min_count": at} for at in (1, 3)],
}
TOPICS = {"booking": 0, "rating": 1, "message": MESSAGES}


class Point(NamedTuple):
    """Facts of a contact, µs of CPU a revision of one, ms of CPU the first twenty, bytes of its record."""

    kind: str
    facts: int
    decide_us: float
    first_ms: float
    record_bytes: int


def measure(kind: str, facts: int, events: int) -> Point:
    """Let a contact have so many facts, and revise one of them again and again."""
    line = Line()
    asked: list[tuple[str, dict[str, Any]]] = [("tenant.put", {"region": "ID", "zone": "Asia/Makassar"})]
    asked += [("group.create", {"id": f"g{at}", "name": "g", "rule": rule}) for at, rule in enumerate(RULES[kind])]
    line.decide(line.normalize(TOPICS[kind], [revision(kind, 0)]))
    line.store.write(rows(kind, facts))
    line.fold = Fold(line.store, 0, 1, hash_key=b"k" * 32)  # which knows nothing of them yet
    line.decide(line.normalize(COMMANDS, [_event(name, f"c{at}", data) for at, (name, data) in enumerate(asked)]))
    first = line.normalize(TOPICS[kind], [revision(kind, at) for at in range(1, 21)])
    started = time.process_time()
    line.decide(first)
    first_ms = (time.process_time() - started) * 1e3
    records = line.normalize(TOPICS[kind], [revision(kind, at) for at in range(21, events + 21)])
    _, decide_us = timed(lambda: line.decide(records), events, None)
    return Point(kind, facts, round(decide_us, 1), round(first_ms, 1), len(line.store.rows[head_key(KEY)]))


def rows(kind: str, count: int) -> dict[bytes, bytes]:
    """Return the rows of all facts but the one that is revised."""
    under = facts_under(KEY, kind[:1].encode())
    return {fact_key(under, SOURCE, f"{at}"): encode(_fact(kind, at)) for at in range(1, count)}


def _fact(kind: str, at: int) -> Any:
    when = NOW - at % 3_000 * HOUR
    if kind == "rating":
        return RatingFact(1, when, at % 5 + 1)
    if kind == "message":
        return MessageFact(1, when, "a table for dinner", "whatsapp")
    return BookingFact(1, when, "confirmed", None, None, "Villa", *_stay(at % 600 - 300), f"{at % 9}.50", "IDR")


def _stay(day: int) -> tuple[str, str]:
    start = datetime.fromtimestamp(NOW / 1000, UTC).date() + timedelta(days=day)
    return start.isoformat(), (start + timedelta(days=3)).isoformat()


def revision(kind: str, at: int) -> bytes:
    """Return an event that revises one fact of the contact, back and forth."""
    first, last = _stay(at % 2 * 20 - 10)
    data: dict[str, dict[str, Any]] = {
        "booking": {
            "booking_id": "0", "status": "confirmed", "guest": {"phone": PHONE}, "room_type": "Villa",
            "check_in": first, "check_out": last, "amount": f"{at % 7}.25", "currency": "IDR",
        },
        "rating": {"rating_id": "0", "stars": at % 2 * 3 + 1, "guest": {"phone": PHONE}},
        "message": {
            "message_id": "0", "channel": "whatsapp", "direction": "inbound", "from": PHONE,
            "text": ("thanks", "a table for dinner")[at % 2],
        },
    }  # fmt: skip
    return _event(kind, f"{kind}{at}", {**data[kind], "revision": at + 1})


def _event(kind: str, id_: str, data: dict[str, Any]) -> bytes:
    return msgspec.json.encode({**ENVELOPE, "source": SOURCE, "type": kind, "id": id_, "data": data})


def table(facts: Sequence[int], events: int) -> None:
    """Measure all kinds, and print them."""
    points = [measure(kind, count, events) for kind in RULES for count in facts]
    print("| facts of one contact | µs a revision | x | the first twenty, ms | bytes of its record |")
    print("| --- | --- | --- | --- | --- |")
    least = {point.kind: point.decide_us for point in reversed(points)}
    for kind, count, us, first_ms, size in points:
        print(f"| {count:,} {kind}s | {us} | {us / least[kind]:.2f} | {first_ms:,} | {size:,} |")
