"""The server's calls with what stands before each of them: who asks, is the store ready, what went wrong."""

from __future__ import annotations

import asyncio
import logging
import re
import time
import traceback
from http import HTTPStatus
from typing import TYPE_CHECKING

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError

from streams.runtime.command_log import LogUnavailableError
from streams.web import bodies, connections, events, health, questions, reads, writes
from streams.web.access import permit
from streams.web.problems import Problem, of_http
from streams.web.site import Asked, Call, Site

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler, Middleware

    from streams.web.connections import Limits

log = logging.getLogger(__name__)

CALLS: tuple[Call, ...] = (*reads.CALLS, *questions.CALLS, *writes.CALLS, *events.CALLS)


def build(site: Site) -> web.Application:
    """Put the server together."""
    app = web.Application(middlewares=[_observe(site), _guard(site)])
    app[bodies.SECONDS] = site.limits.seconds
    health.add(app, site, CALLS)
    for call in CALLS:
        # any character but the slash may stand in an id
        path = re.sub(r"{(\w+)}", r"{\1:[^/]+}", call.path)
        for method in ("GET", "HEAD") if call.method == "GET" else (call.method,):
            app.router.add_route(method, path, _handler(site, call))
    return app


def runner(app: web.Application, drain_seconds: float) -> web.AppRunner:
    """Run the server without the library's own log lines about requests: they quote paths and headers."""
    return web.AppRunner(
        app, access_log=None, logger=_quiet(), handle_signals=False, shutdown_timeout=drain_seconds,
        keepalive_timeout=app[bodies.SECONDS],
    )  # fmt: skip


async def listen(running: web.AppRunner, host: str, port: int, limits: Limits) -> asyncio.Server:
    """Take connections, within the limits, for a runner that is set up."""
    assert running.server is not None  # noqa: S101 - the runner is set up
    protocols = connections.Connections(limits, running.server)
    return await asyncio.get_running_loop().create_server(protocols, host, port, reuse_address=True)


def _quiet() -> logging.Logger:
    quiet = logging.getLogger("streams.web.connections")
    quiet.filters = [_unquoted]
    return quiet


def _unquoted(record: logging.LogRecord) -> bool:
    """Keep what kind of error it was; its text and its traceback hold what the client sent."""
    kind = record.exc_info[0] if record.exc_info else None
    record.msg, record.args, record.exc_info = "a request could not be read (%s)", (kind and kind.__name__,), None
    return True


def _handler(site: Site, call: Call) -> Handler:
    async def handle(request: web.Request) -> web.StreamResponse:
        grant = site.access.grant(request)
        bodies.only(request.query, (*call.query, *(bodies.PAGING if call.paged else ())), "parameter")
        tenant = request.match_info.get("tenant")
        if tenant is not None:
            permit(grant, tenant, call.permission)
        if not site.ready():
            raise _unavailable("not_ready", "the tables are being read")
        asked = Asked(site, request, grant, tenant or "")
        if not call.tenantless:
            reads.known_tenant(asked)
        return await call.answer(asked)

    return handle


def _guard(site: Site) -> Middleware:
    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            site.access.check_site(request)
            return await handler(request)
        except Problem as problem:
            return problem.response()
        except web.HTTPException as error:
            return of_http(error).response()
        except (web.RequestPayloadError, ConnectionError, HttpProcessingError):
            return Problem(HTTPStatus.BAD_REQUEST, "body_broken", "the body ended or was encoded wrongly").response()
        except (LogUnavailableError, TimeoutError):
            return _unavailable("log_unavailable", "the brokers did not take it; it may still arrive").response()
        except Exception as error:  # noqa: BLE001 - the caller gets an answer, the log the place
            return _broken(request, error).response()

    return guard


def _broken(request: web.Request, error: Exception) -> Problem:
    # without the error's text, which may hold a guest's data
    where = "".join(traceback.format_tb(error.__traceback__))
    log.error("%s %s failed with %s\n%s", request.method, _route(request), type(error).__name__, where)
    return Problem(HTTPStatus.INTERNAL_SERVER_ERROR, "internal", "the server failed; its log tells where")


def _unavailable(kind: str, detail: str) -> Problem:
    return Problem(HTTPStatus.SERVICE_UNAVAILABLE, kind, detail, headers={"Retry-After": "1"})


def _observe(site: Site) -> Middleware:
    @web.middleware
    async def observe(request: web.Request, handler: Handler) -> web.StreamResponse:
        connections.heard(request.transport)
        began = time.perf_counter()
        response = await handler(request)
        seconds, route = time.perf_counter() - began, _route(request)
        site.metrics.requests.labels(request.method, route, response.status).inc()
        site.metrics.request_seconds.labels(route).observe(seconds)
        log.info("%s %s %d %.1f ms", request.method, route, response.status, seconds * 1000)
        return response

    return observe


def _route(request: web.Request) -> str:
    """The pattern, never the path: a path may hold a guest's phone."""
    resource = request.match_info.route.resource
    return resource.canonical if resource is not None else "unknown"
