"""An erased guest on a real broker: gone from every compacted topic, kept under a hash, known again on return."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

import pytest
from confluent_kafka import OFFSET_BEGINNING, Consumer, Producer, TopicPartition
from msgspec.structs import replace

from processors.afterlife import LETTER, Afterlife
from processors.definitions import Definitions
from processors.state import MemoryStore, Pending
from streams.cli.app import run
from streams.runtime.hash_key import HashKeyError, hash_key
from streams.settings import Settings
from tests.kafka.pipeline import TENANT, Pipeline, Worker, event, message, phone, until, verified, wait_for
from tests.kafka.test_owner import lanes, when

GUEST = phone(1)
ID = f"tel:{GUEST}"
KEY, MAIL = f"{TENANT}/{ID}".encode(), f"{TENANT}/mailto:made@example.com".encode()
FOOD: dict[str, Any] = {"id": "food", "rule": {"event": "message", "any_of": ["dinner"], "within": "P1M"}}
COMPACTED = ("contacts", "memberships", "decide-changelog")


def folded(settings: Settings, topic: str) -> dict[bytes, bytes]:
    """Return the newest value of each key of a compacted topic, without those that are deleted."""
    name, rows = settings.topic_prefix + topic, dict[bytes, bytes | None]()
    consumer = Consumer({
        "bootstrap.servers": settings.bootstrap, "group.id": f"{name}-folded", "isolation.level": "read_committed",
        "enable.auto.commit": False, "enable.partition.eof": True,
    })  # fmt: skip
    waiting = set(range(settings.partitions))
    consumer.assign([TopicPartition(name, at, OFFSET_BEGINNING) for at in waiting])
    try:
        while waiting:
            for record in consumer.consume(1000, 0.2):
                if record.error() is None:
                    rows[record.key() or b""] = record.value()
                else:
                    waiting.discard(record.partition())
    finally:
        consumer.close()
    return {key: value for key, value in rows.items() if value is not None}


def naming(settings: Settings) -> list[bytes]:
    """Return the compacted records in which the guest's number stands, with or without its country."""
    rows = [row for topic in COMPACTED for row in folded(settings, topic).items()]
    return [key for key, value in rows if GUEST[3:].encode() in key + value or b"made@" in key + value]


def say(pipeline: Pipeline, id_: str, text: str) -> None:
    """Let the guest write."""
    pipeline.put("messages", message(id_, GUEST, text))
    pipeline.flush()


def book(pipeline: Pipeline, id_: str) -> None:
    """Let the guest book."""
    data = {"booking_id": id_, "status": "confirmed", "room_type": "Villa", "check_in": "2026-11-01",
            "check_out": "2026-11-02", "guest": {"phone": GUEST, "email": "made@example.com"}}  # fmt: skip
    pipeline.put("bookings", event("booking", id_, data, "pms"))
    pipeline.flush()


def test_erased_and_back(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """No compacted topic names the guest; the opt-out and its evidence are kept; an import comes back unsendable."""
    with Pipeline(settings) as pipeline:
        pipeline.both()
        pipeline.set_up(FOOD, {"id": "vip"})
        say(pipeline, "m1", "dinner?")
        book(pipeline, "b1")
        pipeline.command("group.add", group="vip", contacts=[{"phone": GUEST}])
        say(pipeline, "m2", "STOP")
        until(lambda: pipeline.members() == {"food": {ID}, "vip": {ID}}, what="two memberships")
        until(lambda: [row["sendable"] for row in pipeline.newest("contacts").values()] == [False], what="the opt-out")
        assert len(naming(settings)) >= 6
        erased = pipeline.command("contact.delete", contact={"phone": GUEST}, erase=True)
        until(lambda: pipeline.outcomes(erased), what="the outcome")
        until(lambda: not naming(settings), what="nothing that names the guest")
        outlived = {at: row for at, row in folded(settings, "decide-changelog").items() if at.startswith(LETTER)}
        assert_evidence(settings, outlived)
        verified(settings, monkeypatch, capsys)
        pipeline.latest("decide").kill()
        wait_for([pipeline.worker("decide")])
        pipeline.command("group.add", group="vip", contacts=[{"phone": GUEST}], reason="import")
        say(pipeline, "m3", "dinner again")
        until(lambda: pipeline.members() == {"food": {ID}, "vip": {ID}}, what="the return")
        assert {row["sendable"] for row in pipeline.newest("memberships").values()} == {False}
        assert [row["sendable"] for row in pipeline.newest("contacts").values()] == [False]
        assert {row["seq"] for row in pipeline.newest("memberships").values()} == {3}
        rest = until(lambda: _only(at for at in folded(settings, "decide-changelog") if at.startswith(LETTER)))
        assert rest in outlived  # the e-mail's, of which nothing was heard again
        verified(settings, monkeypatch, capsys)


def _only(found: Iterable[bytes]) -> bytes | None:
    """Return what was found if it is one."""
    rows = [*found]
    return rows[0] if len(rows) == 1 else None


def assert_evidence(settings: Settings, outlived: dict[bytes, bytes]) -> None:
    """A row is left of each id, under its hash; the phone's has the word that was said."""
    store = MemoryStore()
    store.write(outlived)
    afterlife = Afterlife(hash_key(settings), Pending(store), lambda _: Definitions(TENANT))
    assert set(outlived) == {afterlife.name(KEY), afterlife.name(MAIL)}
    head = afterlife.find(KEY)
    assert head is not None
    assert head.consent is not None
    said = head.consent.said
    assert said is not None
    assert said.out
    assert (said.source, said.event, said.words, said.channel) == ("whatsapp", "m2:1", "STOP", "whatsapp")


async def test_another_key_is_refused(settings: Settings) -> None:
    """Where somebody was erased, an owner with another key opens nothing and says why; with the former it opens."""
    async with lanes(settings) as one:
        await one.opened(0)
        await when(lambda: one.owners[0].position > 0 or one.owners[0].store.offset > 0)
    erased = Producer({"bootstrap.servers": settings.bootstrap})
    erased.produce(f"{settings.topic_prefix}decide-changelog", b"x", LETTER + b"x" * 32, partition=0)
    assert erased.flush(10) == 0
    other = replace(settings, data=settings.data / "elsewhere")
    async with lanes(other, "b") as two:
        await two.begin({0})
        await when(lambda: two.faults)
        (fault,) = two.faults
        assert isinstance(fault, HashKeyError)
        assert "partition 0 were made with another key" in str(fault)
        two.faults.clear()
    async with lanes(replace(other, hash_key_file=settings.data / "hash.key"), "c") as three:
        await three.opened(0)


def test_a_worker_says_why_it_ends(settings: Settings) -> None:
    """A worker ends with 2, once and for all, and its log tells what to do; without a named file it does not begin."""
    with Pipeline(settings) as pipeline:
        pipeline.both()
        pipeline.set_up({"id": "vip"})
        erased = pipeline.command("contact.delete", contact={"phone": GUEST}, erase=True)
        until(lambda: pipeline.outcomes(erased), what="the outcome")
    other = replace(settings, data=settings.data / "elsewhere")
    with Worker("decide", other) as worker:
        assert worker.process.wait(60) == 2
        assert "were made with another key than that in" in worker.log.read_text()
    with Worker("decide", replace(settings, hash_key_file=settings.data / "none")) as worker:
        assert worker.process.wait(60) == 1
        assert "ROLLCALL_HASH_KEY_FILE: there is no file" in worker.log.read_text()


def test_verify_without_the_key(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Who verifies is asked for the key where somebody was erased, and only there."""
    with Pipeline(settings) as pipeline:
        pipeline.both()
        pipeline.set_up({"id": "vip"})
        elsewhere = replace(settings, data=settings.data / "elsewhere")
        verified(elsewhere, monkeypatch, capsys)
        erased = pipeline.command("contact.delete", contact={"phone": GUEST}, erase=True)
        until(lambda: pipeline.outcomes(erased), what="the outcome")
        assert run(["verify", "--json"]) == 1
        assert "has erased contacts, and there is no" in capsys.readouterr().err
        monkeypatch.setenv("ROLLCALL_HASH_KEY_FILE", str(settings.data / "hash.key"))
        assert run(["verify", "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["agree"] is True
