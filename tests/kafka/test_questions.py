"""Owners are asked and answer: over all partitions and workers, whoever owns them, beside the stream."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest

from streams.settings import Settings
from tests.kafka.pipeline import Pipeline, Store, Worker, faults, message, phone, until, wait_for

GUESTS = 60
FOOD: dict[str, Any] = {"event": "message", "any_of": ["dinner"], "within": "P3M"}
PETS: dict[str, Any] = {"event": "message", "any_of": ["pet"]}


class Asking:
    """A pipeline with two owners, and a store to ask."""

    def __init__(self, settings: Settings, pipeline: Pipeline) -> None:
        self.pipeline = pipeline
        self.workers = [pipeline.worker("normalize"), pipeline.worker("decide"), pipeline.worker("decide", "b")]
        wait_for(self.workers)
        until(lambda: all(one.partitions for one in self.workers[1:]), what="partitions for both")
        pipeline.set_up({"id": "food", "rule": FOOD})
        self.settings = settings

    def say(self, text: str, start: int, count: int) -> None:
        """Have guests write."""
        for n in range(start, start + count):
            self.pipeline.put("messages", message(f"m{n}-{text}", phone(n), text))
        self.pipeline.flush()


@pytest.fixture
def asking(settings: Settings) -> Iterator[Asking]:
    """Sixty guests who wrote of dinner, every third of pets too."""
    with Pipeline(settings) as pipeline:
        made = Asking(settings, pipeline)
        made.say("dinner", 0, GUESTS)
        made.say("pet", 0, GUESTS // 3)
        until(lambda: len(pipeline.members().get("food", ())) == GUESTS, what="the members")
        yield made


def preview(store: Store, rule: Any) -> Any:
    """POST a rule; returns what is said, or the status of a refusal."""
    body = json.dumps({"rule": rule, "sample": 3}).encode()
    request = urllib.request.Request(f"{store.address}/v1/bali/groups/preview", body, method="POST")  # noqa: S310 - loopback
    try:
        with urllib.request.urlopen(request, timeout=70) as answer:  # noqa: S310 - loopback
            return json.loads(answer.read())
    except urllib.error.HTTPError as error:
        return error.code


def explain(store: Store, number: int, group: str) -> Any:
    """Ask why a guest is in a group."""
    return store.get(f"/v1/bali/contacts/{quote(f'tel:{phone(number)}')}/groups/{group}/explain")


def test_all_owners_are_asked(asking: Asking) -> None:
    """A preview counts over all partitions; an explanation is its owner's, with the history that the store keeps."""
    with Store(asking.settings) as store:
        told = until(lambda: _counted(preview(store, PETS), GUESTS // 3), what="all guests")
        assert (told["contacts"], told["count"], told["sendable"]) == (GUESTS, GUESTS // 3, GUESTS // 3)
        assert len(told["sample"]) == 3
        assert told["overlap"] == [{"group": "food", "name": "food", "count": GUESTS // 3}]
        assert preview(store, {"event": "message"}) == 422
        why = until(lambda: _with_history(explain(store, 7, "food")), what="the history")
        assert (why["member"], why["because"]) == (True, "rule")
        assert [fact["id"] for fact in why["rule"]["facts"]] == ["m7-dinner"]
        assert [(one["seq"], one["change"], one["cause"]["id"]) for one in why["history"]] == [
            (1, "joined", "m7-dinner:1")
        ]
    assert asking.pipeline.read("membership-changes")
    assert not faults(asking.pipeline.changes(), asking.pipeline.members())


def test_nothing_asked_stops_an_owner(asking: Asking) -> None:
    """Garbage, rules that are none and tenants that nobody knows stop no worker, and the stream goes on."""
    asked = {"ask": "preview", "id": "q", "tenant": "nobody", "rule": {"event": "manual"}}
    bad = [b"", b"{}", b"\xff", json.dumps(asked | {"rule": {"event": "x"}}).encode(), json.dumps(asked).encode(), None]
    for value in bad:
        asking.pipeline.put("questions", value, b"k")
    asking.say("dinner", GUESTS, 10)
    with Store(asking.settings) as store:
        until(lambda: _counted(preview(store, FOOD), GUESTS + 10), what="the newest guests")
    assert all(worker.alive for worker in asking.workers)
    assert sum("could not be answered" in worker.said for worker in asking.workers) == 1


def test_who_takes_over_answers(asking: Asking) -> None:
    """A question whose owner has just been killed is answered by whoever takes the partitions over."""
    with Store(asking.settings) as store:
        until(lambda: _counted(preview(store, FOOD), GUESTS), what="an answer before")
        killed: Worker = asking.workers[2]
        killed.kill()
        told = preview(store, FOOD)
        assert isinstance(told, dict)
        assert told["count"] == GUESTS


def _counted(told: Any, count: int) -> Any:
    return told if isinstance(told, dict) and told["count"] == count else None


def _with_history(told: Any) -> Any:
    return told if told["history"] else None
