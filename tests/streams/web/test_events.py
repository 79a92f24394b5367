"""Events of publishers without Kafka: checked as the pipeline will, published as they were written."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from schemas.base import example
from schemas.envelope import read
from schemas.events import BookingEvent, MessageEvent, RatingEvent
from tests.streams.web.conftest import Served

EVENTS = {"bookings": BookingEvent, "ratings": RatingEvent, "messages": MessageEvent}


def shown(kind: type) -> dict[str, Any]:
    """The documented example, of this tests' tenant."""
    found: dict[str, Any] = msgspec.json.decode(example(kind))
    return found | {"tenant": "bali"}


async def post(served: Served, body: bytes | list[Any] | dict[str, Any]) -> tuple[int, Any]:
    """Publish."""
    raw = body if isinstance(body, bytes) else msgspec.json.encode(body)
    answer = await served[0].post("/v1/bali/events", data=raw)
    return answer.status, await answer.json(content_type=None)


@pytest.mark.parametrize(("topic", "kind"), EVENTS.items())
async def test_each_kind_goes_to_its_topic(served: Served, topic: str, kind: type) -> None:
    """One event alone is published where its type belongs, and can be read there."""
    assert await post(served, shown(kind)) == (202, {"accepted": 1})
    ((sent, key, value),) = served[1].sent
    assert sent == topic
    assert key.startswith(b"bali/")
    assert isinstance(read(topic, value, ()), kind)


async def test_a_batch_is_published_in_order(served: Served) -> None:
    """A batch may mix types; events of one source and id keep their order."""
    batch = [shown(kind) | {"id": f"e{n}"} for n, kind in enumerate([*EVENTS.values()] * 3)]
    assert await post(served, batch) == (202, {"accepted": 9})
    assert [msgspec.json.decode(value)["id"] for _, _, value in served[1].sent] == [f"e{n}" for n in range(9)]


async def test_the_tenant_is_the_paths(served: Served) -> None:
    """An event without tenant gets the path's; another one is refused."""
    event = shown(RatingEvent)
    del event["tenant"]
    assert (await post(served, event))[0] == 202
    assert msgspec.json.decode(served[1].sent[0][2])["tenant"] == "bali"
    assert (await post(served, event | {"tenant": "other"}))[1]["path"] == "tenant"


async def test_numbers_stay_as_they_were_written(served: Served) -> None:
    """An amount given as a JSON number does not pass through a float."""
    event = msgspec.json.encode(shown(BookingEvent)).replace(b'"4250000.00"', b"4250000.000000001")
    assert (await post(served, event))[0] == 202
    assert b"4250000.000000001" in served[1].sent[0][2]


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ({"data": {"rating_id": "r", "stars": 9, "guest": {}}}, "data.stars"),
        ({"data": {"stars": 4, "guest": {}}}, "data.rating_id"),
        ({"type": "rumour"}, "type"),
        ({"type": 5}, "type"),
        ({"time": "2026-11-04T12:00:00"}, "time"),
        ({"id": ""}, "id"),
        ({"specversion": "0.3"}, "specversion"),
    ],
)
async def test_a_batch_is_taken_whole_or_not_at_all(served: Served, change: dict[str, Any], path: str) -> None:
    """One wrong event refuses the batch, and the path names it."""
    status, problem = await post(served, [shown(BookingEvent), shown(RatingEvent) | change])
    assert (status, problem["path"]) == (422, f"[1].{path}")
    assert (await post(served, shown(RatingEvent) | change))[1]["path"] == path
    assert served[1].sent == []


@pytest.mark.parametrize(
    ("body", "status"),
    [(b"", 400), (b"[", 400), (b"5", 422), (b"[]", 422), (b"[[]]", 422), (b'{"type": "\xff"}', 422)],
)
async def test_what_is_no_event_is_refused(served: Served, body: bytes, status: int) -> None:
    """Not JSON is 400; JSON that is no event or batch is 422."""
    assert (await post(served, body))[0] == status


async def test_an_event_above_256_kib_is_413(served: Served) -> None:
    """The pipeline would turn it away as too large."""
    event = shown(RatingEvent)
    event["data"] |= {"comment": "x" * 256 * 1024}
    assert (await post(served, event))[0] == 413


async def test_events_of_unknown_tenants_are_404(served: Served) -> None:
    """They would all end as dead letters."""
    answer = await served[0].post("/v1/nobody/events", json=shown(RatingEvent) | {"tenant": "nobody"})
    assert answer.status == 404
