"""The calls that owners answer: who would be in a group, why someone is in one; and who leaves by time alone."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

import msgspec
from msgspec import Meta
from msgspec.structs import asdict

from processors.preview import united
from schemas.questions import ExplainAsked, PreviewAsked
from schemas.rules import group_refs, parse_rule
from streams.web import bodies, envelopes
from streams.web.problems import Problem, unknown, wrong
from streams.web.reads import known_contact, known_group, known_tenant
from streams.web.site import Asked, Call, reply

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from aiohttp import web

    from schemas.questions import Answer

PREVIEW_SECONDS = 60.0
EXPLAIN_SECONDS = 10.0


class PreviewBody(msgspec.Struct, frozen=True):
    """A rule to be tried, and how many of those whom it takes in should be shown.

    {"rule": {"event": "rating", "min_stars": 4, "within": "P6M"}, "sample": 10}
    """

    rule: dict[str, Any]
    sample: Annotated[int, Meta(ge=0, le=100)] = 10


async def preview(asked: Asked) -> web.Response:
    """Count who would be in a group of this rule now, before anything is saved."""
    data = await bodies.fields(asked.request)
    bodies.only(data, PreviewBody.__struct_fields__, "field")
    rule, sample = data.get("rule"), data.get("sample", 10)
    _check_rule(asked, rule)
    if type(sample) is not int or not 0 <= sample <= 100:
        raise wrong("sample", "a whole number from 0 to 100")
    question = PreviewAsked(id=uuid4().hex, tenant=asked.tenant, rule=rule or {"event": "manual"}, sample=sample)
    parts = [said.previewed for said in await _answered(asked.site.owners.ask_all(question, PREVIEW_SECONDS))]
    found = united([part for part in parts if part is not None], sample)
    overlap = [
        {"group": group, "name": known.name, "count": count}
        for group, count in found.overlap.items()
        if (known := asked.site.store.group(asked.tenant, group)) is not None
    ]
    return reply(asdict(found) | {"overlap": overlap})


def _check_rule(asked: Asked, rule: Any) -> None:
    """Refuse what a group.create of this rule would be refused for, with the same path."""
    data = {"id": "preview", "rule": rule, "by": asked.by}
    envelopes.command(asked.tenant, "group.create", data, retention=asked.site.retention, quotas=asked.site.quotas)
    if any(asked.site.store.group(asked.tenant, named) is None for named in group_refs(parse_rule(rule))):
        raise unknown("group")


async def explain(asked: Asked) -> web.Response:
    """Tell why a contact is in a group or not: the rule node by node, what would flip it, and the history."""
    known_group(asked)
    contact, group = known_contact(asked), asked.of("group")
    question = ExplainAsked(id=uuid4().hex, tenant=asked.tenant, contact=contact, group=group)
    key = f"{asked.tenant}/{contact}".encode()
    (said,) = await _answered(_one(asked.site.owners.ask_owner(key, question, EXPLAIN_SECONDS)))
    if said.explained is None:  # deleted by someone else at the same moment
        raise unknown("contact")
    history = asked.site.store.history(asked.tenant, contact, group)
    return reply(asdict(said.explained) | {"history": history})


async def _one(answer: Awaitable[Answer]) -> list[Answer]:
    return [await answer]


async def _answered(asking: Awaitable[list[Answer]]) -> list[Answer]:
    try:
        return await asking
    except TimeoutError:
        detail = "a partition's owner did not answer; it may be starting or far behind"
        raise Problem(
            HTTPStatus.SERVICE_UNAVAILABLE, "owners_unavailable", detail, headers={"Retry-After": "5"}
        ) from None


async def forecast(asked: Asked) -> web.Response:
    """Count who leaves a group in the next days if nothing happens, by day in the tenant's zone."""
    known_group(asked)
    days = bodies.whole(asked.request.query.get("days", "30"), "days", bodies.MAX_DAYS)
    zone = known_tenant(asked).zone
    by_day = await asyncio.to_thread(asked.site.store.leaving, asked.tenant, asked.of("group"), days, zone)
    items = [{"day": day, "leaving": count} for day, count in sorted(by_day.items())]
    members = asked.site.store.counts(asked.tenant, asked.of("group")).members
    return reply({"days": days, "members": members, "leaving": sum(by_day.values()), "by_day": items})


CALLS = (
    Call(
        "POST", "/v1/{tenant}/groups/preview", preview, "count who would be in a group, before it is saved",
        "groups.manage", PreviewBody, (200, 503),
    ),
    Call(
        "GET", "/v1/{tenant}/contacts/{contact}/groups/{group}/explain", explain,
        "tell why a contact is in a group or not", "contacts.view", answers=(200, 503),
    ),
    Call(
        "GET", "/v1/{tenant}/groups/{group}/forecast", forecast, "count who leaves a group in the next days",
        "contacts.view", query=("days",),
    ),
)  # fmt: skip
