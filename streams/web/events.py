"""Take bookings, ratings and messages from publishers without Kafka: one event or a batch, all of it or none."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import msgspec

from schemas import envelope
from schemas.base import Reject, explain
from schemas.events import Event
from streams.web import bodies, envelopes
from streams.web.problems import too_large, wrong
from streams.web.site import Asked, Call, reply

if TYPE_CHECKING:
    from aiohttp import web

    from streams.web.commander import Sent

MAX_EVENTS = 10_000
TOPICS = {"booking": "bookings", "rating": "ratings", "message": "messages"}
_SLICE = 200
"""Events checked before others get their turn."""

Fields = dict[str, msgspec.Raw]
"""An event whose values stay as they were written: a decimal must not pass through a float."""


async def publish(asked: Asked) -> web.Response:
    """Publish events of the path's tenant."""
    batch, alone = _batch(await bodies.raw(asked.request, bodies.MAX_BATCH))
    ready: list[Sent] = []
    for at, said in enumerate(batch):
        ready.append(_ready(asked.tenant, said, "" if alone else f"[{at}]."))
        if at % _SLICE == 0:
            await asyncio.sleep(0)
    await asked.site.commander.publish(ready)
    return reply({"accepted": len(ready)}, 202)


def _batch(body: bytes) -> tuple[list[Fields], bool]:
    try:
        found = bodies.parsed(body, list[Fields] | Fields)
    except msgspec.ValidationError as error:
        raise envelopes.refusal(explain(error)) from None
    alone = isinstance(found, dict)
    batch = cast("list[Fields]", [found] if alone else found)
    if not 1 <= len(batch) <= MAX_EVENTS:
        raise wrong("", f"from 1 to {MAX_EVENTS} events")
    return batch, alone


def _ready(tenant: str, said: Fields, at: str) -> Sent:
    own = msgspec.Raw(msgspec.json.encode(tenant))
    if bytes(said.setdefault("tenant", own)) != bytes(own):
        raise wrong(f"{at}tenant", "is not the tenant of the path")
    topic = TOPICS.get(_text(said, "type"))
    if topic is None:
        raise wrong(f"{at}type", f"is one of {', '.join(TOPICS)}")
    value = msgspec.json.encode(said)
    found = envelope.read(topic, value, ())
    if isinstance(found, Reject):
        raise too_large(bodies.MAX_EVENT) if found.reason == "too_large" else envelopes.refusal(found, at=at)
    # revisions of one fact in one partition: the newest of a batch is then the last, which saves work, no more
    return topic, f"{tenant}/{found.source}/{found.id}".encode(), value


def _text(said: Fields, name: str) -> str:
    try:
        return msgspec.json.decode(said.get(name, b'""'), type=str)
    except (msgspec.ValidationError, UnicodeDecodeError):
        return ""


CALLS = (
    Call(
        "POST", "/v1/{tenant}/events", publish, "publish bookings, ratings and messages, one or a batch",
        "events.publish", Event | list[Event], (202, 413),
    ),
)  # fmt: skip
