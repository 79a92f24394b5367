"""Who may ask: bearer tokens of one tenant each, or without a tokens file this machine's own people only.

The tokens file is JSON: `{"<token>": {"tenant": "bali-resorts", "role": "manager", "name": "front desk"}}`, or with
`"permissions": ["contacts.view"]` in place of a role. It is read once, at start.
"""

from __future__ import annotations

import hmac
import ipaddress
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal
from urllib.parse import urlsplit

import msgspec

from schemas.base import TenantId
from streams.private import is_open
from streams.web.problems import Problem

if TYPE_CHECKING:
    from pathlib import Path

    from aiohttp import web

Permission = Literal[
    "tenants.manage", "contacts.view", "contacts.edit", "contacts.import_export", "contacts.delete", "consent.edit",
    "groups.manage", "audience.read", "events.publish",
]  # fmt: skip
Role = Literal["owner", "manager", "viewer", "publisher"]

ROLES: dict[Role, frozenset[Permission]] = {
    "owner": frozenset({
        "tenants.manage", "contacts.view", "contacts.edit", "contacts.import_export", "contacts.delete", "consent.edit",
        "groups.manage", "audience.read", "events.publish",
    }),
    "manager": frozenset({
        "contacts.view", "contacts.edit", "contacts.import_export", "consent.edit", "groups.manage", "audience.read",
        "events.publish",
    }),
    "viewer": frozenset({"contacts.view", "audience.read"}),
    "publisher": frozenset({"events.publish"}),
}  # fmt: skip
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})


class AccessError(Exception):
    """The server would be open to strangers, or the tokens file cannot be read."""


class Grant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What one token may do.

    {"tenant": "bali-resorts", "role": "viewer", "name": "front desk"}
    """

    tenant: TenantId
    role: Role | None = None
    permissions: list[Permission] | None = None
    name: str | None = None

    @property
    def allowed(self) -> frozenset[Permission]:
        """The permissions, of the role and listed ones together."""
        listed: frozenset[Permission] = frozenset(self.permissions or ())
        return listed | ROLES[self.role] if self.role else listed


class Access:
    """Lets a request in or not. `tokens` None is the mode without a tokens file."""

    def __init__(self, host: str, tokens: dict[str, Grant] | None) -> None:
        self._host, self.tokens = host, tokens
        if tokens is None and not _loopback(host):
            raise AccessError(f"without ROLLCALL_TOKENS the server binds to loopback only, not to {host}")

    @classmethod
    def read(cls, host: str, tokens: Path | None) -> Access:
        """Read the tokens file, if one is set."""
        if tokens is None:
            return cls(host, None)
        try:
            if is_open(tokens):
                raise AccessError(f"ROLLCALL_TOKENS: others may read or write {tokens}: chmod 600 {tokens}")
            return cls(host, msgspec.json.decode(tokens.read_bytes(), type=dict[str, Grant]))
        except (OSError, msgspec.DecodeError, UnicodeError) as error:
            # the message of a decoder may quote a token
            raise AccessError(f"ROLLCALL_TOKENS: {tokens} is no tokens file ({type(error).__name__})") from None

    def check_site(self, request: web.Request) -> None:
        """Without tokens, a page of another site must not reach the server through somebody's browser."""
        if self.tokens is not None:
            return
        host = _hostname(f"//{request.headers.get('Host', '')}")
        if host != self._host and not _loopback(host):
            raise Problem(HTTPStatus.MISDIRECTED_REQUEST, "foreign_host", "this server answers to loopback names only")
        origin = request.headers.get("Origin")
        if request.method not in _SAFE and origin is not None and not _same(origin, request):
            raise Problem(HTTPStatus.FORBIDDEN, "foreign_origin", "writes from pages of another origin are refused")

    def grant(self, request: web.Request) -> Grant | None:
        """Find the token's grant; None where no tokens are used. Raises a 401 problem."""
        if self.tokens is None:
            return None
        scheme, _, given = request.headers.get("Authorization", "").partition(" ")
        grant = self._find(given.strip()) if scheme.lower() == "bearer" else None
        if grant is None:
            headers = {"WWW-Authenticate": 'Bearer realm="rollcall"'}
            raise Problem(HTTPStatus.UNAUTHORIZED, "unauthorized", "a bearer token is needed", headers=headers)
        return grant

    def _find(self, given: str) -> Grant | None:
        # every token is compared, in constant time: how long it takes tells nothing
        raw = given.encode("utf-8", "surrogateescape")
        found = [grant for token, grant in (self.tokens or {}).items() if hmac.compare_digest(token.encode(), raw)]
        return found[0] if found else None


def permit(grant: Grant | None, tenant: str, permission: Permission | None) -> None:
    """Check a grant against what is asked. Raises a 403 problem."""
    if grant is None:
        return
    if grant.tenant != tenant:
        raise Problem(HTTPStatus.FORBIDDEN, "forbidden", "the token belongs to another tenant")
    if permission is not None and permission not in grant.allowed:
        raise Problem(HTTPStatus.FORBIDDEN, "forbidden", f"the token lacks {permission}")


def _same(origin: str, request: web.Request) -> bool:
    try:
        return urlsplit(origin).netloc.lower() == request.headers.get("Host", "").lower()
    except ValueError:
        return False


def _hostname(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""


def _loopback(host: str) -> bool:
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
