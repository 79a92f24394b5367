"""What every call has at hand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from aiohttp import web

from processors.identity import canonical
from schemas.quotas import DEFAULT, Quotas
from streams.web.connections import Limits

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
        """Read the contact of the path, as it stands or, if nobody has that id, as the pipeline would write it.

        An id that is linked to a contact stands for that one.
        """
        written, store = self.of("contact"), self.site.store
        known = store.knows(self.tenant, written)
        return written if known else store.whose(self.tenant, canonical(written) or written)

    @property
    def by(self) -> str:
        """Name the actor for commands."""
        return (self.grant.name if self.grant else None) or "http"


class Call(NamedTuple):
    """One row of the contract's HTTP table. `tenantless` calls answer whether or not the tenant is known."""

    method: str
    path: str
    answer: Callable[[Asked], Awaitable[web.Response]]
    summary: str
    permission: Permission | None = None
    body: Any = None
    answers: tuple[int, ...] = (200,)
    paged: bool = False
    tenantless: bool = False


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
