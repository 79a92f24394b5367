"""Ask a running Rollcall over HTTP, and put its faults into words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlencode

import orjson

from streams.cli.printable import printable
from streams.cli.say import TroubleError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.client import HTTPResponse
    from pathlib import Path
    from urllib.request import OpenerDirector

    from streams.settings import Settings


@dataclass(frozen=True)
class Answer:
    """Status and JSON body of an answer; None where it has none."""

    status: int
    body: Any


class RefusedError(TroubleError):
    """Rollcall answered, but with a problem."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


PATIENCE = 30.0
"""Seconds to wait for an answer."""


def api(settings: Settings, tenant: str | None = None, *, patience: float = PATIENCE) -> Api:
    """The calls of a tenant where the settings say; with a tokens file, under the tenant's widest token in it."""
    token = _token(settings.tokens, tenant) if settings.tokens else None
    return Api(settings.http, tenant, token=token, patience=patience)


def tenants(settings: Settings) -> list[str]:
    """The tenants that may be asked about: all of them, or those that have a token in the tokens file."""
    if settings.tokens:
        return sorted({tenant for tenant, _, _ in _grants(settings.tokens)})
    return [one["tenant"] for one in api(settings).items()]


def _token(file: Path, tenant: str | None) -> str | None:
    own = [(width, token) for named, width, token in _grants(file) if named == tenant]
    return max(own, default=(0, None))[1]


def _grants(file: Path) -> list[tuple[str, int, str]]:
    """Each token's tenant, how wide its role is, and itself."""
    try:
        known: dict[str, dict[str, Any]] = orjson.loads(file.read_bytes())
        return [(grant["tenant"], ROLES.index(grant.get("role") or ""), token) for token, grant in known.items()]
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise TroubleError(f"ROLLCALL_TOKENS: {file} is no tokens file ({type(error).__name__})") from None


ROLES = ("", "publisher", "viewer", "manager", "owner")
"""The roles of a token, the widest last."""


class Api:
    """One tenant's calls at `http` (`host:port` or an URL); without a tenant those above all tenants."""

    def __init__(
        self, http: str, tenant: str | None = None, *, token: str | None = None, patience: float = PATIENCE
    ) -> None:
        self.base = base_url(http)
        self._root = f"{self.base}/v1" + ("" if tenant is None else f"/{quote(tenant, safe='')}")
        self._headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        self._patience = patience

    def get(self, *path: str, **query: str | int | None) -> Any:
        """The body of a GET."""
        return self._call("GET", path, None, query).body

    def send(self, method: str, *path: str, body: Any = None) -> Answer:
        """A write: PUT, POST, PATCH or DELETE."""
        return self._call(method, path, body, {})

    def items(self, *path: str, limit: int | None = None, **query: str | int | None) -> Iterator[Any]:
        """All items of a list, page after page, `limit` of them at most."""
        left, cursor = limit, None
        while left is None or left > 0:
            page = self.get(*path, limit=min(left or 1000, 1000), cursor=cursor, **query)
            yield from page["items"]
            left = None if left is None else left - len(page["items"])
            cursor = page.get("cursor")
            if cursor is None:
                return

    def _call(self, method: str, path: tuple[str, ...], body: Any, query: dict[str, str | int | None]) -> Answer:
        given = {name: value for name, value in query.items() if value is not None}
        url = "/".join([self._root, *(quote(part, safe=":+@") for part in path)]) + (
            f"?{urlencode(given)}" if given else ""
        )
        data = None if body is None else orjson.dumps(body)
        from urllib.error import HTTPError, URLError  # noqa: PLC0415
        from urllib.request import Request  # noqa: PLC0415

        request = Request(url, data, self._headers, method=method)  # noqa: S310
        try:
            with _direct().open(request, timeout=self._patience) as response:
                return _answer(response)
        except HTTPError as error:
            with error:
                raise RefusedError(error.code, problem(error.code, error.read())) from None
        except (URLError, TimeoutError, ConnectionError) as error:
            raise TroubleError(f"nothing answers at {self.base}: is `rollcall up` running?") from error


@cache
def _direct() -> OpenerDirector:
    """No proxy of the environment may carry guests' data. Imported late: --help needs none of it."""
    from urllib.request import ProxyHandler, build_opener  # noqa: PLC0415

    return build_opener(ProxyHandler({}))


def _answer(response: HTTPResponse) -> Answer:
    raw = response.read()
    return Answer(response.status, orjson.loads(raw) if raw.strip() else None)


def problem(status: int, raw: bytes) -> str:
    """A problem+json document as one line; what else a server may say is not repeated."""
    try:
        document = orjson.loads(raw)
        said = [printable(str(document[name])) for name in ("title", "path", "detail") if document.get(name)]
    except (ValueError, TypeError, AttributeError):
        said = []
    return ": ".join(said or [_phrase(status)]) + f" ({status})"


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "refused"


def base_url(http: str) -> str:
    """`host:port` as an URL; an URL stays as it is."""
    return http.rstrip("/") if http.startswith(("http://", "https://")) else f"http://{http}"


def healthy(url: str, patience: float = 2.0) -> bool:
    """Whether this address answers a GET with 200."""
    try:
        with _direct().open(url, timeout=patience) as response:
            return bool(response.status == HTTPStatus.OK)
    except (OSError, ValueError):  # URLError is an OSError
        return False


def page(url: str, patience: float = 2.0) -> str:
    """The text of a page, empty when nobody answers."""
    try:
        with _direct().open(url, timeout=patience) as response:
            return str(response.read().decode())
    except (OSError, ValueError):
        return ""
