"""The demo through normalize and decide, carried by hand over a dict: the memberships are those that the judge expects.

No broker, no clock, no process: what fails here is the pure code's fault, and what fails only end to end is not.
"""

from __future__ import annotations

import random
from collections import defaultdict, deque
from collections.abc import Iterable
from datetime import UTC, datetime

from processors.fold import Fold, Record
from processors.normalize import Normalizer, Raw
from processors.state import MemoryStore
from schemas import activity
from schemas.base import Reject, millis
from streams.demo import feed, groups
from tests.streams.demo import expected

NOW = millis(datetime(2026, 11, 22, 18, 30, 12, 345_000, UTC))
SCALE = 0.1
TICK = activity.encode(activity.Tick(activity.INTERNAL, 0, 0, 0))
SETUP = [*groups.setup(NOW), *feed.vips(NOW, SCALE)]
EVENTS = list(feed.events(NOW, SCALE))
JUDGE = expected.read([*SETUP, *EVENTS], NOW)


class Partition:
    """A system of one partition, its state in a dict, and the memberships table that it writes."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.fold = Fold(self.store, 0, 1, hash_key=b"k" * 32)
        self.normalizer = Normalizer({groups.TENANT_ID: groups.TENANT})
        self.offsets: dict[str, int] = defaultdict(int)
        self.members: dict[str, set[str]] = defaultdict(set)
        self.changes = 0

    def publish(self, records: Iterable[groups.Record], at: int = NOW) -> None:
        """Feed raw records, all appended at one moment."""
        found: list[Record] = []
        for topic, key, value in records:
            raw = Raw(activity.RAW_TOPICS.index(topic), 0, self.offsets[topic], at, key, value, ())
            self.offsets[topic] += 1
            told = self.normalizer.normalize(raw)
            found += [] if isinstance(told, Reject) else [Record(one.key, one.value, at) for one in told]
        self.carry(found)

    def tick(self, at: int) -> None:
        """Let time go on."""
        self.carry([Record(b"", TICK, at)])

    def carry(self, records: Iterable[Record]) -> None:
        """Apply records and what follows from them, a commit a chunk, until nothing follows."""
        waiting = deque(records)
        while waiting or self.fold.scanning:
            chunk = [waiting.popleft() for _ in range(min(200, len(waiting)))]
            self.fold.apply(chunk or [Record(b"", TICK, self.fold.desk.now)])
            waiting.extend(self.commit())

    def commit(self) -> list[Record]:
        """Commit as the runtime does; return what was told to the partition itself."""
        flushed = self.fold.flush()
        self.store.write(flushed.rows)
        self.store.write(flushed.index)
        out, told = self.fold.desk.take(), list[Record]()
        self.fold.committed()
        for one in out:
            if one.topic == "contact-activity":
                told.append(Record(one.key, one.value or b"", self.fold.desk.now))
            self.changes += one.topic == "membership-changes"
            if one.topic == "memberships":
                self.keep(one.key, inside=one.value is not None)
        return told

    def keep(self, key: bytes, *, inside: bool) -> None:
        """Write a row of the table."""
        _, group, contact = key.decode().split("/", 2)
        (self.members[group].add if inside else self.members[group].discard)(contact)


def test_fed_in_order() -> None:
    """The demo ends with the memberships that the judge expects."""
    system = Partition()
    system.publish([*SETUP, *EVENTS])
    assert system.members == JUDGE.members(NOW)


def test_shuffled_and_doubled() -> None:
    """Neither the order of arrival nor a second copy of everything changes who is in."""
    system, shuffled = Partition(), EVENTS * 2
    random.Random(5).shuffle(shuffled)
    system.publish([*SETUP, *shuffled])
    assert system.members == JUDGE.members(NOW)


def test_groups_made_afterwards() -> None:
    """Groups made after all the events are filled from the facts with the same members."""
    system = Partition()
    system.publish([SETUP[0], *EVENTS])
    assert not system.changes
    system.publish(SETUP[1:])
    assert system.members == JUDGE.members(NOW)


def test_leaving() -> None:
    """At every moment of the next half year at which a window ends, exactly the right members leave."""
    system = Partition()
    system.publish([*SETUP, *EVENTS])
    turns = [turn for turn in JUDGE.turns() if turn > NOW]
    for turn in [*turns[:60], *turns[60::10], turns[-1]]:
        system.tick(turn - 1)
        assert system.members == JUDGE.members(turn - 1)
        system.tick(turn)
        assert system.members == JUDGE.members(turn)
    assert {group for group, contacts in system.members.items() if contacts} == {"vip"}


def test_same_changes_once_more() -> None:
    """A replay of the same raw records changes nothing."""
    system = Partition()
    system.publish([*SETUP, *EVENTS])
    before = system.changes
    system.offsets.clear()
    system.publish([*SETUP, *EVENTS], NOW + 1)
    assert system.changes == before
