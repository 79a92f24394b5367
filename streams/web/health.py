"""The calls beside the tenants': is it alive, is it ready, how is it doing, what can be called."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from streams.web.landing import PAGE, POLICY
from streams.web.openapi import document
from streams.web.site import reply

if TYPE_CHECKING:
    from collections.abc import Sequence

    from streams.web.site import Call, Site


def add(app: web.Application, site: Site, calls: Sequence[Call]) -> None:
    """Put these calls into the server."""
    described = document(calls)

    async def healthz(_: web.Request) -> web.Response:
        return reply({"status": "alive"})

    async def readyz(_: web.Request) -> web.Response:
        ready = site.ready()
        return reply({"status": "ready" if ready else "reading the tables"}, 200 if ready else 503)

    async def metrics(_: web.Request) -> web.Response:
        site.metrics.ready.set(site.ready())
        return web.Response(body=site.metrics.text(), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def openapi(_: web.Request) -> web.Response:
        return reply(described)

    async def landing(_: web.Request) -> web.Response:
        headers = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff"}
        return web.Response(text=PAGE, content_type="text/html", headers=headers)

    for path, answer in {
        "/healthz": healthz, "/readyz": readyz, "/metrics": metrics, "/openapi.json": openapi, "/": landing,
    }.items():  # fmt: skip
        app.router.add_get(path, answer)
