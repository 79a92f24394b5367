"""Errors as people and programs can read them: application/problem+json, RFC 9457."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec
from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Mapping

_URN = "urn:rollcall:problem:"


class Problem(Exception):  # noqa: N818 - the word of RFC 9457
    """A request that cannot be answered: `kind` is a word for programs, `path` the wrong field of the body."""

    def __init__(
        self, status: int, kind: str, detail: str, *, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(detail)
        self.status, self.kind, self.detail = status, kind, detail
        self.headers, self.more = dict(headers or {}), more

    def response(self) -> web.Response:
        """Put it on the wire."""
        said = {
            "type": _URN + self.kind,
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            **self.more,
        }
        return web.Response(
            status=self.status,
            body=msgspec.json.encode(said),
            content_type="application/problem+json",
            headers={"Cache-Control": "no-store", **self.headers},
        )


def wrong(path: str, detail: str, **more: Any) -> Problem:
    """The content is wrong at `path`, such as `rule.any_of[0]`."""
    return Problem(HTTPStatus.UNPROCESSABLE_ENTITY, "content", detail, path=path, **more)


def unknown(what: str) -> Problem:
    """There is no such tenant, group, contact or command."""
    return Problem(HTTPStatus.NOT_FOUND, f"{what}_unknown", f"there is no such {what}")


def conflict(kind: str, detail: str) -> Problem:
    """What is there does not allow it."""
    return Problem(HTTPStatus.CONFLICT, kind, detail)


def too_large(limit: int) -> Problem:
    """The body is larger than a record may be."""
    return Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too_large", f"more than {limit} bytes")


def of_http(error: web.HTTPException) -> Problem:
    """What the HTTP library itself refuses: no such path, no such method."""
    status = HTTPStatus(error.status)
    kept = {name: error.headers[name] for name in ("Allow", "Location") if name in error.headers}
    return Problem(error.status, status.name.lower(), status.description or status.phrase, headers=kept)
