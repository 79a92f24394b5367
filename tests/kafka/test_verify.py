"""`rollcall verify` on a real broker with real workers and a real store: while events flow, and after tampering."""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from confluent_kafka import Producer

from processors.rows import encode, head_of
from streams.cli.app import run
from streams.runtime.admin import create_topics
from streams.settings import Settings
from tests.kafka.pipeline import TENANT, Pipeline, Store, message, phone, until

GROUPS = (
    {"id": "pet", "rule": {"event": "message", "any_of": ["pet"], "within": "P1M"}},
    {"id": "brief", "rule": {"event": "message", "any_of": ["pet"], "within": "PT1S"}},
    {"id": "quiet", "rule": {"none": [{"event": "message", "any_of": ["pet"], "within": "PT1S"}]}},
    {"id": "vip"},
)
GUESTS = 400


class Typed:
    """Types `rollcall verify` and reads its answer."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.out = self.err = ""

    def __call__(self, *words: str) -> int:
        """Exit code; what was said stays in `out` and `err`."""
        self._capsys.readouterr()
        code = run(["verify", *words])
        said = self._capsys.readouterr()
        self.out, self.err = said.out, said.err
        return code

    def json(self, *words: str, code: int) -> dict[str, Any]:
        """The report."""
        assert self(*words, "--json") == code, self.out + self.err
        told: dict[str, Any] = json.loads(self.out)
        return told

    def kinds(self, *words: str) -> set[tuple[str, str | None, str | None]]:
        """Kind, group and field of all that differs, in a system where something does."""
        listed = self.json("--limit", "1000", *words, code=1)["listed"]
        return {(one["kind"], one["group"], one["field"]) for one in listed}


@pytest.fixture
def verify(settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Typed:
    """`rollcall verify`, typed at the test's own topics; nothing answers over HTTP."""
    for name, value in settings.environ().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("ROLLCALL_HTTP", "127.0.0.1:1")
    return Typed(capsys)


@contextmanager
def flowing(pipeline: Pipeline) -> Iterator[Callable[[], int]]:
    """Guests write all the time and take half of it back soon after; yields how much has been written so far."""
    stop, sent = threading.Event(), 0

    def write() -> None:
        nonlocal sent
        while not stop.wait(0.02):
            for _ in range(5):
                sent += 1
                pipeline.put("messages", message(f"f{sent}", phone(sent % GUESTS), "a pet"))
                back = sent - GUESTS // 4
                if back > 0 and back % 2:
                    gone = message(f"f{back}", phone(back % GUESTS), "a pet", revision=2, deleted=True)
                    pipeline.put("messages", gone)
            pipeline.flush()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield lambda: sent
    finally:
        stop.set()
        writer.join()


def test_no_false_alarm_while_events_flow(settings: Settings, verify: Typed) -> None:
    """On a system where memberships begin and end all the time, every run finds that all agree, HTTP too."""
    with Pipeline(settings) as pipeline:
        pipeline.both()
        pipeline.set_up(*GROUPS)
        with Store(settings) as store, flowing(pipeline) as sent:
            until(lambda: len(pipeline.members().get("brief", ())) > GUESTS // 10, what="members")
            reports, enough = list[dict[str, Any]](), sent() + 3 * GUESTS
            while len(reports) < 3 or sent() < enough:
                reports.append(verify.json("--http", store.address, code=0))
        for report in reports:
            assert report["agree"]
            assert report["complete"]
            assert report["store"]["compared"]
            assert report["totals"]["memberships"] > GUESTS // 2
            assert report["listed"] == []
        begun, ended = (reports[at]["totals"]["changes"] for at in (0, -1))
        assert ended - begun > GUESTS  # so many memberships began and ended while it looked


def test_what_was_tampered_with(settings: Settings, verify: Typed) -> None:
    """Rows and changes written behind the owners' back are found, and no contact is named unless it is asked for."""
    with Pipeline(settings) as pipeline:
        pipeline.both()
        pipeline.set_up(*GROUPS[:1], GROUPS[3])
        for number in range(GUESTS):
            pipeline.put("messages", message(f"m{number}", phone(number), "a pet"))
        pipeline.command("group.add", group="vip", contacts=[{"phone": phone(1)}])
        until(lambda: {g: len(m) for g, m in pipeline.members().items()} == {"pet": GUESTS, "vip": 1}, what="members")

        report = verify.json(code=0)
        assert report["totals"] == {
            "contacts": GUESTS, "memberships": GUESTS + 1, "changes": GUESTS + 1, "building": 0, "beyond_log": 0,
        }  # fmt: skip
        assert not report["store"]["compared"]

        Tampering(pipeline).of_the_table()
        expected = {("table_missing", "pet", None), ("table_wrong", "pet", "seq"), ("table_extra", "vip", None)}
        with Store(settings) as store:  # it shows what the table says, and nothing is held against it
            assert verify.kinds("--http", store.address, "--patience", "1") == expected

        Tampering(pipeline).of_the_log()
        expected |= {("log_repeat", "pet", "seq")}
        assert verify.kinds() == expected

        Tampering(pipeline).of_the_owner()
        expected |= {("memo_stale", "pet", "leaf 0 (message)"), ("deadline_lost", "pet", "due")}
        assert verify.kinds() == expected

        assert verify("--limit", "2") == 1
        assert "differences" in verify.out.splitlines()[-1]
        assert "+62812" not in verify.out + verify.err
        assert "more differences are not listed" in verify.err
        assert verify("--show-contacts") == 1
        assert f"tel:{phone(2)}" in verify.out


class Tampering:
    """Writes records that only owners may write, into the partitions where they belong."""

    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline
        self._prefix = pipeline.settings.topic_prefix
        self._producer = Producer({"bootstrap.servers": pipeline.settings.bootstrap})

    def of_the_table(self) -> None:
        """A row is gone, one has another seq, one is too much."""
        at, _ = self._row("pet", 1)
        self._write("memberships", at, _key("pet", 1), None)
        at, row = self._row("pet", 2)
        self._write("memberships", at, _key("pet", 2), json.dumps(row | {"seq": 3}).encode())
        at, row = self._row("pet", 3)
        self._write("memberships", at, _key("vip", 3), json.dumps(row | {"group": "vip"}).encode())

    def of_the_log(self) -> None:
        """A change is told twice."""
        told = next(one for one in self._pipeline.read("membership-changes") if one.value["data"]["group"] == "pet")
        self._write("membership-changes", told.partition, told.key, json.dumps(told.value).encode())

    def of_the_owner(self) -> None:
        """A guest's owner forgets what the message said, and when to look again."""
        key = f"h{TENANT}/tel:{phone(4)}".encode()
        found = next(one for one in reversed(self._pipeline.read("decide-changelog")) if one.key == key)
        head = head_of(found.value)
        head.rows["pet"].memos, head.due = [[]], 0
        self._write("decide-changelog", found.partition, key, encode(head))

    def _row(self, group: str, number: int) -> tuple[int, dict[str, Any]]:
        found = next(one for one in self._pipeline.read("memberships") if one.key == _key(group, number))
        return found.partition, found.value

    def _write(self, topic: str, partition: int, key: bytes | None, value: bytes | None) -> None:
        self._producer.produce(self._prefix + topic, value, key, partition)
        assert self._producer.flush(30) == 0


def _key(group: str, number: int) -> bytes:
    return f"{TENANT}/{group}/tel:{phone(number)}".encode()


def test_http_that_says_something_else(settings: Settings, verify: Typed) -> None:
    """A server that lists other members than the topics hold is found once its time to catch up is over."""
    other = msgspec.structs.replace(settings, topic_prefix=f"{settings.topic_prefix}other.")
    asyncio.run(create_topics(other))
    with Pipeline(settings) as pipeline:
        pipeline.both()
        pipeline.set_up(GROUPS[3])
        pipeline.command("group.add", group="vip", contacts=[{"phone": phone(1)}, {"phone": phone(2)}])
        until(pipeline.members, what="members")
        with Store(other) as store:
            found = verify.json("--http", store.address, "--patience", "0", code=1)
    assert found["store"] == {"compared": True, "groups": 1, "members": 2, "tenants_without_token": 0}
    assert [one["kind"] for one in found["listed"]] == ["store_missing", "store_missing", "store_count", "store_count"]
    assert {one["partition"] for one in found["listed"]} == {None}


def test_http_that_wants_a_token(
    settings: Settings, verify: Typed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """HTTP is asked under each tenant's token of the tokens file, and not about tenants that have none in it."""
    ours, theirs = {"one": {"tenant": TENANT, "role": "viewer"}}, {"two": {"tenant": "other", "role": "viewer"}}
    tokens = tmp_path / "tokens.json"
    tokens.write_text(json.dumps(ours | theirs))
    tokens.chmod(0o600)
    with Pipeline(settings) as pipeline:
        pipeline.both()
        pipeline.set_up(GROUPS[3])
        pipeline.command("group.add", group="vip", contacts=[{"phone": phone(1)}, {"phone": phone(2)}])
        until(pipeline.members, what="members")
        with Store(msgspec.structs.replace(settings, tokens=tokens)) as store:
            monkeypatch.setenv("ROLLCALL_TOKENS", str(tokens))
            both = verify.json("--http", store.address, code=0)["store"]
            tokens.write_text(json.dumps(theirs))
            other = verify.json("--http", store.address, code=0)["store"]
    assert both == {"compared": True, "groups": 1, "members": 2, "tenants_without_token": 0}
    assert other == {"compared": True, "groups": 0, "members": 0, "tenants_without_token": 1}


def test_usage(settings: Settings, verify: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A system without contacts agrees; a partition that is not there is a usage error, a missing topic a failure."""
    assert verify.json("--partition", "3", code=0)["partitions"][0]["as_of"] is None
    assert verify("--partition", "4") == 2
    assert "there are 4, from 0 to 3" in verify.err
    assert verify("--limit", "-1") == 2
    assert verify("--prefix", "nix.") == 1
    assert "there is no topic nix.decide-changelog" in verify.err
