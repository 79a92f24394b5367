"""Whatever is killed, stopped, lost or added: the same memberships as without, and a log without gaps."""

from __future__ import annotations

import asyncio
import shutil
import time
import uuid
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import pytest

from streams.demo import feed, groups
from streams.runtime.admin import create_topics
from streams.runtime.broker import EmbeddedBroker
from streams.settings import Settings
from tests.kafka.pipeline import Pipeline, Read, Store, Worker, event, faults, message, phone, until, wait_for
from tests.streams.demo import expected

SCALE = 0.08
SLICES = 8
POINTS = (
    "normalize-before-flush:1",
    "normalize-before-ack:1",
    # each of the four partitions begins with a tick of its own
    "decide-before-flush:6",
    "decide-before-offsets:6",
    "decide-before-commit:6",
    "decide-after-commit:6",
)
Record = tuple[str, bytes, bytes]


class Demo:
    """The demo's feed in slices, its pipeline, and the judge who knows nothing of it."""

    def __init__(self, pipeline: Pipeline) -> None:
        at = int(time.time() * 1000)
        self.pipeline = pipeline
        self.setup = list(groups.setup(at))
        self.events = [*feed.vips(at, SCALE), *feed.events(at, SCALE)]
        self.judge = expected.read([*self.setup, *self.events], at)
        size = -(-len(self.events) // SLICES)
        self.slices = iter([self.events[i : i + size] for i in range(0, len(self.events), size)])

    def begin(self) -> tuple[Worker, Worker]:
        """Start the workers, and make the tenant and its groups."""
        workers = self.pipeline.both()
        self.feed(self.setup[:1])
        until(lambda: self.pipeline.newest("tenants"), what="the tenant")
        self.feed(self.setup[1:])
        until(lambda: len(self.pipeline.newest("groups")) == len(self.setup) - 1, what="the groups")
        return workers

    def feed(self, records: list[Record]) -> None:
        """Publish records."""
        for topic, key, value in records:
            self.pipeline.put(topic, value, key)
        self.pipeline.flush()

    def feed_on(self) -> None:
        """Publish the next slice."""
        self.feed(next(self.slices))

    def agree(self) -> None:
        """Wait until the table has those members whom the judge expects at that moment, and look through the log."""
        until(lambda: self.pipeline.members() == self.expected(), 90, "the members whom the judge expects")
        changes, members = until(self._still, 30, "a moment without changes")
        assert faults(changes, members) == []
        letters = {(one.headers["topic"], one.headers["partition"], one.headers["offset"]) for one in self.letters()}
        assert len(letters) == self.judge.turned_away

    def letters(self) -> list[Read]:
        """Read the dead letters."""
        return self.pipeline.read("dead-letters")

    def _still(self) -> object:
        """Read log and table; None where the log went on meanwhile."""
        before, members, after = self.pipeline.changes(), self.pipeline.members(), self.pipeline.changes()
        return (after, members) if len(before) == len(after) else None

    def expected(self) -> dict[str, set[str]]:
        """Return whom the judge expects now, without groups that nobody is in."""
        found = self.judge.members(int(time.time() * 1000))
        return {group: contacts for group, contacts in found.items() if contacts}


@pytest.fixture(scope="module")
def survivor(broker: EmbeddedBroker, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    """The demo, fed while the workers die in every gap of their work, and at work again."""
    settings = Settings(
        brokers=broker.bootstrap,
        data=tmp_path_factory.mktemp("survivor"),
        topic_prefix=f"f-{uuid.uuid4().hex[:8]}.",
        partitions=4,
        session_seconds=4,
        http="127.0.0.1:0",
    )
    asyncio.run(create_topics(settings))
    with Pipeline(settings) as pipeline:
        demo = Demo(pipeline)
        for worker in demo.begin():
            worker.kill()
        pipeline.worker("normalize")
        for point in POINTS:
            pipeline.latest("normalize" if point.startswith("normalize") else "decide").kill()
            demo.feed_on()
            dying = pipeline.worker(point.partition("-")[0], fail_at=point)
            assert dying.ended() == -9, dying.said
            if dying.hop == "normalize":
                pipeline.worker("normalize")
        pipeline.worker("decide")
        for records in demo.slices:
            demo.feed(records)
            both = [pipeline.latest("normalize"), pipeline.latest("decide")]
            wait_for(both)
            for worker in both:
                worker.kill()
            pipeline.worker("normalize")
            pipeline.worker("decide")
        yield demo


def test_killed_in_every_gap(survivor: Demo) -> None:
    """Killed in each gap of a commit and in between, the workers end with the members whom the judge expects."""
    survivor.agree()


def test_lost_state(survivor: Demo) -> None:
    """Without its folder decide knows again what it knew: repeats change nothing, a new group has the same members."""
    pipeline = survivor.pipeline
    survivor.agree()
    worker = pipeline.latest("decide")
    assert worker.stop() == 0
    shutil.rmtree(pipeline.settings.data / "a" / "decide")
    wait_for([pipeline.worker("decide")])
    left = sum(one["data"]["reason"] == "expired" for one in pipeline.changes())
    before = len(pipeline.changes()) - left
    letters = len(survivor.letters())
    survivor.feed(survivor.events)
    until(lambda: len(survivor.letters()) == letters + survivor.judge.turned_away, what="the repeats' dead letters")
    luxury = next(group for group in groups.GROUPS if group.id == "luxury-rooms")
    made = {"id": "again", "name": "Again", "rule": luxury.rule}
    pipeline.put("commands", event("group.create", "again", made, tenant=groups.TENANT_ID), groups.TENANT_ID.encode())
    pipeline.flush()
    until(lambda: pipeline.members().get("again") == pipeline.members()["luxury-rooms"], 60, "the same members again")
    changes = [one["data"] for one in pipeline.changes()]
    assert sum(one["reason"] != "expired" and one["group"] != "again" for one in changes) == before


def test_lost_store(survivor: Demo) -> None:
    """Without its folder the store gives the same answers over HTTP, and they are those of the topics."""
    pipeline = survivor.pipeline
    with Store(pipeline.settings) as store:
        before = _answers(store, survivor)
    shutil.rmtree(pipeline.settings.data / "store")
    with Store(pipeline.settings) as store:
        after = _answers(store, survivor)
    told = {change["data"]["contact"] for change in pipeline.changes() if change["data"]["reason"] == "expired"}
    assert {group: contacts - told for group, contacts in before.items()} == {
        group: contacts - told for group, contacts in after.items()
    }


def _answers(store: Store, demo: Demo) -> dict[str, set[str]]:
    names = [group.id or "" for group in groups.GROUPS]
    found: dict[str, set[str]] = until(
        lambda: _agreed({name: store.members(groups.TENANT_ID, name) for name in names}, demo), 60
    )
    return found


def _agreed(answers: dict[str, set[str]], demo: Demo) -> dict[str, set[str]] | None:
    """The answers, once they are what the judge expects."""
    return answers if {name: who for name, who in answers.items() if who} == demo.expected() else None


def test_orderly_ends_and_scaling(settings: Settings) -> None:
    """Stopped in order in the middle, shared by two workers and by one again: the same members, no gap, exit 0."""
    with Pipeline(Settings.from_env(settings.environ(), session_seconds=4)) as pipeline:
        demo = Demo(pipeline)
        for worker in demo.begin():
            demo.feed_on()
            assert worker.stop() == 0, worker.said
        pipeline.both()
        demo.feed_on()
        second = pipeline.worker("decide", "b")
        demo.feed_on()
        until(lambda: 0 < len(second.partitions) < settings.partitions, what="two owners")
        demo.feed_on()
        assert second.stop() == 0, second.said
        for records in demo.slices:
            demo.feed(records)
        demo.agree()


WINDOW = 10


def test_power_cut_over_a_deadline(tmp_path: Path) -> None:
    """All killed after a join, the broker too, and started after its deadline: one `left`, as of the deadline."""
    group = {"id": "food", "name": "Food", "rule": {"event": "message", "any_of": ["dinner"], "within": f"PT{WINDOW}S"}}
    with EmbeddedBroker(tmp_path / "broker") as broker:
        settings = Settings(brokers=broker.bootstrap, data=tmp_path / "data", partitions=4, session_seconds=4)
        asyncio.run(create_topics(settings))
        with Pipeline(settings) as pipeline:
            workers = pipeline.both()
            pipeline.set_up(group)
            pipeline.put("messages", message("m1", phone(1), "dinner"))
            pipeline.flush()
            joined = until(pipeline.changes, WINDOW / 2, "the join")[0]["data"]
            broker.kill_node(1)
            for worker in workers:
                worker.kill()
            deadline = datetime.fromisoformat(joined["expires_at"])
            until(lambda: time.time() > deadline.timestamp() + 2)
            broker.start_node(1)
            pipeline.both()
            until(lambda: len(pipeline.changes()) > 1, what="the leave")
            pipeline.put("messages", message("m2", phone(1), "dinner"))
            pipeline.flush()
            until(lambda: len(pipeline.changes()) > 2, what="a join afterwards")
            changes = [change["data"] for change in pipeline.changes()]
            assert [one["change"] for one in changes] == ["joined", "left", "joined"]
            left = changes[1]
            assert datetime.fromisoformat(left["effective_at"]) == deadline
            assert (left["seq"], left["reason"], left["cause"]) == (2, "expired", None)
