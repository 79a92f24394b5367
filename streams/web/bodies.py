"""Read what a request brings: its body as JSON, its cursor and its limit."""

from __future__ import annotations

import asyncio
import base64
import binascii
from http import HTTPStatus
from typing import Any, cast

import msgspec
from aiohttp import web

from streams.web.problems import Problem, too_large, wrong

MAX_COMMAND = 1024 * 1024
MAX_EVENT = 256 * 1024
MAX_BATCH = 16 * 1024 * 1024
DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
SECONDS = web.AppKey("seconds", float)
"""How long a body may take to arrive."""


async def raw(request: web.Request, limit: int) -> bytes:
    """Read the body, but no more than `limit` bytes of it."""
    try:
        async with asyncio.timeout(request.app[SECONDS]):
            return await _whole(request, limit)
    except TimeoutError:
        raise Problem(HTTPStatus.REQUEST_TIMEOUT, "body_slow", "the body did not arrive in time") from None


async def _whole(request: web.Request, limit: int) -> bytes:
    body = bytearray()
    async for piece in request.content.iter_any():
        body += piece
        if len(body) > limit:
            raise too_large(limit)
    return bytes(body)


def parsed(body: bytes, type: Any = Any) -> Any:  # noqa: A002 - msgspec's own word
    """Decode JSON. Raises a 400 problem for what is none, and msgspec's error for what is of another type."""
    try:
        return msgspec.json.decode(body, type=type)
    except msgspec.ValidationError:
        raise
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Problem(HTTPStatus.BAD_REQUEST, "not_json", "the body is not JSON in UTF-8") from None


async def fields(request: web.Request, limit: int = MAX_COMMAND) -> dict[str, Any]:
    """Read a JSON object."""
    body = await raw(request, limit)
    try:
        found = parsed(body)
    except msgspec.ValidationError:  # JSON as such has no other limit
        raise wrong("", "a number is out of range") from None
    if not isinstance(found, dict):
        raise wrong("", "an object is expected")
    return cast("dict[str, Any]", found)


def limit(request: web.Request) -> int:
    """Tell how many items the page should have."""
    text = request.query.get("limit", str(DEFAULT_LIMIT))
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_LIMIT)) and 1 <= int(text) <= MAX_LIMIT):
        raise wrong("limit", f"a whole number from 1 to {MAX_LIMIT}")
    return int(text)


def after(request: web.Request) -> str | None:
    """Tell which item the page comes after."""
    cursor = request.query.get("cursor")
    if not cursor:
        return None
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        return base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError):
        raise wrong("cursor", "not a cursor of this server") from None


def cursor(last: str | None) -> str | None:
    """Name the item that the next page comes after."""
    return None if last is None else base64.urlsafe_b64encode(last.encode()).rstrip(b"=").decode()
