"""A run without Kafka: the load through the pipeline's pure parts in one process, told as a history.

For trying the judges: they must be content with it, and with nothing that was changed in it. And for looking at many
histories in which guests say little but words of consent and all comes twice, 15 a second:

    python -m tests.chaos.rehearsal 3000 [--first 0]
"""

from __future__ import annotations

import argparse
import heapq
import json
import sys
from collections import defaultdict
from collections.abc import Iterable

import msgspec

from processors.fold import Fold, Record
from processors.normalize import Normalizer, Raw
from processors.state import MemoryStore
from schemas.activity import RAW_TOPICS, Tick, encode
from schemas.base import Reject
from schemas.dead_letters import headers, keep
from schemas.tenants import Tenant
from tests.chaos.history import READ, History, newest
from tests.chaos.judges import judge
from tests.chaos.load import GROUPS, PALETTE, Load, Saying, command, opening, succession
from tests.chaos.publisher import Acknowledged
from tests.chaos.reader import Taken
from tests.chaos.speech import word

START = 1_795_000_000.0
BEAT = 0.05
HASH_KEY = b"k" * 32


class Rehearsal:
    """One partition of everything, and a clock that is moved."""

    def __init__(self) -> None:
        self.now = START
        self.store = MemoryStore()
        self.fold = Fold(self.store, 0, 1, hash_key=HASH_KEY)
        self.tenants: dict[str, Tenant] = {}
        self.topics: dict[str, list[Taken]] = {name: [] for name in READ}
        self.acknowledged: list[Acknowledged] = []
        self._ends: dict[str, int] = defaultdict(int)
        self._log: list[Record] = []

    @property
    def ms(self) -> int:
        """The time in milliseconds."""
        return round(self.now * 1000)

    def say(self, sayings: Iterable[Saying]) -> None:
        """Publish, normalize and fold."""
        for said in sayings:
            one = self._append(said.topic, said.key.encode(), said.value)
            self.acknowledged.append(Acknowledged(said.topic, 0, one.offset, said.value))
            self._normalize(said.topic, one)
        self._run()

    def rest(self, seconds: float) -> None:
        """Let time go on with ticks."""
        for _ in range(int(seconds / BEAT)):
            self.now += BEAT
            self._activity(b"tick", encode(Tick(-1, 0, 0, 0)))
            self._run()

    def _normalize(self, topic: str, one: Taken) -> None:
        raw = Raw(RAW_TOPICS.index(topic), 0, one.offset, one.timestamp, one.key, one.value, ())
        found = Normalizer(self.tenants).normalize(raw)
        if isinstance(found, Reject):
            lines = headers(found, f"rollcall.{topic}", 0, one.offset, keep(one.value))
            self._append("dead-letters", one.key, one.value, tuple(lines))
            return
        for keyed in found:
            self._activity(keyed.key, keyed.value)

    def _activity(self, key: bytes, value: bytes) -> None:
        self._append("contact-activity", key, value)
        self._log.append(Record(key, value, self.ms))

    def _run(self) -> None:
        while self._log:
            records, self._log = self._log, []
            self.fold.apply(records)
            self._commit()
            if self.fold.scanning:
                self._activity(b"tick", encode(Tick(-1, 0, 0, 0)))

    def _commit(self) -> None:
        flushed = self.fold.flush()
        for out in self.fold.desk.take():
            if out.topic == "contact-activity":
                self._activity(out.key, out.value or b"")
            elif out.topic in READ:
                self._append(out.topic, out.key, out.value, out.headers)
            elif out.topic == "tenants" and out.value is not None:
                self.tenants[out.key.decode()] = msgspec.json.decode(out.value, type=Tenant)
        for row, content in flushed.rows.items():
            self._append("decide-changelog", row, content)
        self.store.write(flushed.rows)
        self.store.write(flushed.index)
        self.fold.committed()

    def _append(self, topic: str, key: bytes, value: bytes | None, lines: tuple[tuple[str, bytes], ...] = ()) -> Taken:
        one = Taken(0, self._ends[topic], self.ms, key, value, lines)
        self._ends[topic] += 1
        self.topics[topic].append(one)
        return one

    def history(self) -> History:
        """Tell what happened."""
        rows = [json.loads(v) for v in newest(self.topics["memberships"]).values() if v is not None]
        members = defaultdict[str, dict[str, dict[str, object]]](dict)
        for row in rows:
            members[row["group"]][row["contact"]] = row
        return History(
            at=self.ms, acknowledged=self.acknowledged, followed=list(self.topics["membership-changes"]),
            topics=self.topics, members=dict(members), hash_key=HASH_KEY,
        )  # fmt: skip


class Talkative(Load):
    """Few guests, who say words of consent in every other message; events come again, a second later or three."""

    def __init__(self, seed: int, guests: int = 8) -> None:
        super().__init__(seed, guests)
        self._kinds = [
            (self._message, 0.8), (self._booking, 0.06), (self._rating, 0.04), (self._consent, 0.08),
            (self._deletion, 0.02),
        ]  # fmt: skip

    def _text(self) -> str:
        return word(self.dice) if self.dice.random() < 0.5 else super()._text()

    def _say(self, at: float, said: Saying) -> None:
        super()._say(at, said)
        if said.topic != "commands" and self.dice.random() < 0.3:
            heapq.heappush(self._later, (at + self.dice.choice((0, 1, 3)), self.dice.getrandbits(60), said))


def talk(seed: int) -> History:
    """Play a run of talkative guests."""
    one, load = Rehearsal(), Talkative(seed)
    one.say(opening(one.now))
    for _ in range(40):
        one.now += BEAT * 2
        one.say(load.due(one.now, 6))
    one.say(load.rest(one.now))
    one.rest(15)
    return one.history()


def rehearse(seed: int, beats: int = 60, guests: int = 40) -> History:
    """Play a run of 40 guests, with a group that comes and one that goes, and poison."""
    one, load = Rehearsal(), Load(seed, guests)
    one.say(opening(one.now))
    for beat in range(beats):
        one.now += BEAT * 2
        one.say(load.due(one.now, 12))
        if beat in {20, 30, 40}:
            one.say(_group_life(one.now, beat))
            one.say([Saying("messages", "x", b"{"), Saying("commands", "x", b"[" * 5_000)])
    one.say(load.rest(one.now))
    one.rest(30)
    return one.history()


def _group_life(now: float, beat: int) -> Iterable[Saying]:
    rule = {"event": "message", "any_of": ["hello"], "within": "P1D"}
    yield succession(f"turn-{beat}", "turning", GROUPS[PALETTE[beat % len(PALETTE)]], now)
    if beat == 30:  # the second takes the place of the first, which nobody has been asked about
        yield succession("turn-on", "turning", rule, now)
        yield succession("turn-off", "turning", GROUPS["dinner-3s"], now)
    elif beat == 20:
        yield command("group.create", "create-made", now, {"id": "made-1", "name": "made", "rule": rule})
    else:
        yield command("group.delete", "delete-made", now, {"group": "made-1"})
        yield command("group.create", "create-more", now, {"id": "made-2", "name": "made", "rule": rule})


def main() -> int:
    """Judge many runs of talkative guests."""
    parser = argparse.ArgumentParser(description="Judge runs without Kafka")
    parser.add_argument("runs", type=int)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    asked = parser.parse_args()
    bad = 0
    for seed in range(asked.first, asked.first + asked.runs):
        findings = judge(talk(seed))
        bad += bool(findings)
        for finding in findings:
            sys.stdout.write(f"seed {seed}: {finding.judge}: {finding.fault}: {finding.what}\n")
    sys.stdout.write(f"{asked.runs - bad:,} of {asked.runs:,} runs without a finding\n")
    return int(bad > 0)


if __name__ == "__main__":
    sys.exit(main())
