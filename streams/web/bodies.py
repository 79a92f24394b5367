"""Read what a request brings: its body as JSON, its cursor and its limit."""

from __future__ import annotations

import asyncio
import base64
import binascii
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast

import msgspec
from aiohttp import web

from schemas.unknown_fields import no_such
from streams.web.problems import Problem, too_large, wrong

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

MAX_COMMAND = 1024 * 1024
MAX_EVENT = 256 * 1024
MAX_BATCH = 16 * 1024 * 1024
DEFAULT_LIMIT = 100
MAX_LIMIT = 1000
MAX_DAYS = 3_660
PAGING = ("limit", "cursor")
_NAME = re.compile(r"[a-z][A-Za-z_]{0,39}")
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


def only(given: Iterable[str], known: Sequence[str], what: str) -> None:
    """Refuse what a call does not know, and say what was probably meant. Raises a 422 problem."""
    strange = next((name for name in given if name not in known), None)
    if strange is not None:
        shown = strange if _NAME.fullmatch(strange) else ""
        raise wrong(shown, no_such(what, shown, known), reason="field_invalid")


def flag(request: web.Request, name: str) -> bool | None:
    """Read a parameter that is true or false, None if it is left out."""
    text = request.query.get(name)
    if text not in (None, "true", "false"):
        raise wrong(name, "true or false")
    return None if text is None else text == "true"


def limit(request: web.Request) -> int:
    """Tell how many items the page should have."""
    return whole(request.query.get("limit", str(DEFAULT_LIMIT)), "limit", MAX_LIMIT)


def whole(text: str, name: str, most: int) -> int:
    """Read a whole number from 1 on."""
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(most)) and 1 <= int(text) <= most):
        raise wrong(name, f"a whole number from 1 to {most}")
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
