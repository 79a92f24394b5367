"""What every call has at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from aiohttp import web

from processors.identity import meant
from schemas.quotas import DEFAULT, Quotas
from streams.web.connections import Limits
from streams.web.problems import wrong

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from streams.store.queries import Queries
    from streams.web.access import Access, Grant, Permission
    from streams.web.commander import Commander
    from streams.web.metrics import Metrics
    from streams.web.owners import Owners


class Site(NamedTuple):
    """The parts that answer calls. `ready` tells whether the tables are read."""

    store: Queries
    commander: Commander
    access: Access
    metrics: Metrics
    ready: Callable[[], bool]
    retention: str
    owners: Owners
    quotas: Quotas = DEFAULT
    limits: Limits = Limits()


class Asked(NamedTuple):
    """One request, let in: whose it is and what stands in its path."""

    site: Site
    request: web.Request
    grant: Grant | None
    tenant: str

    def of(self, name: str) -> str:
        """Read a part of the path: a group, a contact, a command."""
        return self.request.match_info[name]

    @property
    def contact(self) -> str:
        """Read the contact of the path: an id, a phone in any notation or an e-mail; one that is linked to another.

        Raises a 422 problem for what can be no contact.
        """
        written, store = self.of("contact"), self.site.store
        if store.knows(self.tenant, written):
            return written
        record = store.tenant(self.tenant)
        contact = meant(written, record.region if record else None)
        if contact is None:
            raise wrong("contact", "is no contact id, phone or e-mail", reason="contact_invalid")
        return store.whose(self.tenant, contact)

    @property
    def by(self) -> str:
        """Name the actor for commands."""
        return (self.grant.name if self.grant else None) or "http"


class Call(NamedTuple):
    """One row of the contract's HTTP table, and the parameters of its query beside those of pages.

    `tenantless` calls answer whether or not the tenant is known.
    """

    method: str
    path: str
    answer: Callable[[Asked], Awaitable[web.Response]]
    summary: str
    permission: Permission | None = None
    body: Any = None
    answers: tuple[int, ...] = (200,)
    paged: bool = False
    tenantless: bool = False
    query: tuple[str, ...] = ()


def reply(said: Any, status: int = 200, **headers: str) -> web.Response:
    """Answer with JSON."""
    return web.Response(
        status=status,
        body=msgspec.json.encode(said),
        content_type="application/json",
        headers={"Cache-Control": "no-store", **headers},
    )


def nothing() -> web.Response:
    """Answer that it is done and there is nothing to show."""
    return web.Response(status=204, headers={"Cache-Control": "no-store"})
