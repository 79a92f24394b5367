"""The calls that ask: tenants, groups, members, contacts, commands."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

from msgspec.structs import asdict

from streams.web import bodies
from streams.web.problems import unknown, wrong
from streams.web.site import Asked, Call, reply

if TYPE_CHECKING:
    from aiohttp import web

    from schemas.groups import Group
    from schemas.outputs import Contact, Membership, Outcome
    from streams.store.queries import Page, Standing


_DIGITS = 9
"""No command names more contacts than a number of so many digits counts."""


async def tenants(asked: Asked) -> web.Response:
    """All tenants where no tokens are used, else the token's own."""
    if asked.grant is not None:
        own = asked.site.store.tenant(asked.grant.tenant)
        return reply({"items": [] if own is None else [own], "cursor": None})
    page = asked.site.store.tenants(bodies.after(asked.request), bodies.limit(asked.request))
    return _list(page, page.items)


async def tenant(asked: Asked) -> web.Response:
    """The tenant's record."""
    return reply(asdict(known_tenant(asked)))


async def groups(asked: Asked) -> web.Response:
    """The tenant's groups with their counts."""
    page = asked.site.store.groups(asked.tenant, bodies.after(asked.request), bodies.limit(asked.request))
    return _list(page, [shown_group(asked, group) for group in page.items])


async def group(asked: Asked) -> web.Response:
    """One group with its counts."""
    return reply(shown_group(asked, known_group(asked)))


async def members(asked: Asked) -> web.Response:
    """A group's members, all or those who may be written to, or may not."""
    known_group(asked)
    after, limit = bodies.after(asked.request), bodies.limit(asked.request)
    sendable = bodies.flag(asked.request, "sendable")
    # beside the loop: few of many members may be sendable
    page = await asyncio.to_thread(
        asked.site.store.members, asked.tenant, asked.of("group"), after, limit, sendable=sendable
    )
    return _list(page, [_member(row, profile) for row, profile in page.items])


async def contact(asked: Asked) -> web.Response:
    """A contact's profile."""
    profile = asked.site.store.contact(asked.tenant, asked.contact)
    if profile is None:
        raise unknown("contact")
    return reply(asdict(profile))


async def contact_groups(asked: Asked) -> web.Response:
    """The groups that a contact is in."""
    contact = known_contact(asked)
    after, limit = bodies.after(asked.request), bodies.limit(asked.request)
    page = asked.site.store.memberships(asked.tenant, contact, after, limit)
    return _list(page, [_joined(row, definition) for row, definition in page.items])


async def contact_group(asked: Asked) -> web.Response:
    """Whether a contact is in a group."""
    known_group(asked)
    contact = known_contact(asked)
    row = asked.site.store.membership(asked.tenant, asked.of("group"), contact)
    said = {"member": row is not None, "group": asked.of("group"), "contact": contact}
    return reply(said | (_standing(row) if row else {}))


async def command(asked: Asked) -> web.Response:
    """What became of a command."""
    name = asked.of("command")
    standing = asked.site.store.command(asked.tenant, name)
    if not standing.outcomes and standing.refusal is None and not asked.site.commander.sent(asked.tenant, name):
        raise unknown("command")
    shown = _became(name, standing)
    items, cursor = _outcomes(asked, standing.outcomes)
    return reply(shown | {"outcomes": items, "cursor": cursor})


def _became(name: str, standing: Standing) -> dict[str, Any]:
    """Count what became of a command's contacts so far."""
    said, refusal = standing.outcomes, standing.refusal
    of = said[0].of if said else None
    done = of is not None and len(said) >= of
    tally = Counter(one.outcome for one in said)
    return {
        "id": name,
        "status": "rejected" if refusal else "done" if done else "pending",
        "finished": done or refusal is not None,
        "of": of,
        **{word: tally[word] for word in ("applied", "unchanged", "skipped")},
        "reasons": dict(sorted(Counter(one.reason for one in said if one.reason is not None).items())),
        "reason": refusal.reason if refusal else None,
        "detail": refusal.detail if refusal else None,
    }


def _outcomes(asked: Asked, said: list[Outcome]) -> tuple[list[Outcome], str | None]:
    """Cut a command's outcomes into pages; a command for 10,000 contacts has as many."""
    limit = bodies.limit(asked.request) if "limit" in asked.request.query else bodies.MAX_LIMIT
    after = bodies.after(asked.request) or ""
    if after and not (after.isascii() and after.isdigit() and len(after) <= _DIGITS):
        raise wrong("cursor", "not a cursor of this list")
    rest = [one for one in said if not after or one.index > int(after)]
    return rest[:limit], bodies.cursor(str(rest[limit - 1].index) if len(rest) > limit else None)


def known_tenant(asked: Asked) -> Any:
    """The tenant's record. Raises a 404 problem."""
    found = asked.site.store.tenant(asked.tenant)
    if found is None:
        raise unknown("tenant")
    return found


def known_group(asked: Asked) -> Group:
    """The group's definition. Raises a 404 problem."""
    found = asked.site.store.group(asked.tenant, asked.of("group"))
    if found is None:
        raise unknown("group")
    return found


def known_contact(asked: Asked) -> str:
    """The contact's id. Raises a 404 problem."""
    contact = asked.contact
    if not asked.site.store.knows(asked.tenant, contact):
        raise unknown("contact")
    return contact


def shown_group(asked: Asked, group: Group) -> dict[str, Any]:
    """A definition with how many are in it now."""
    return {**asdict(group), **asked.site.store.counts(asked.tenant, group.id)._asdict()}


def _member(row: Membership, profile: Contact | None) -> dict[str, Any]:
    return {"contact": row.contact, "name": profile.name if profile else None, **_standing(row)}


def _joined(row: Membership, definition: Group | None) -> dict[str, Any]:
    return {"group": row.group, "name": definition.name if definition else None, **_standing(row)}


def _standing(row: Membership) -> dict[str, Any]:
    return {
        "since": row.since,
        "expires_at": row.expires_at,
        "sources": row.sources,
        "sendable": row.sendable,
    }


def _list(page: Page, items: list[Any]) -> web.Response:
    return reply({"items": items, "cursor": bodies.cursor(page.after)})


CALLS = (
    Call("GET", "/v1", tenants, "list the tenants", paged=True, tenantless=True),
    Call("GET", "/v1/{tenant}", tenant, "show the tenant's record"),
    Call("GET", "/v1/{tenant}/groups", groups, "list the groups with their counts", "contacts.view", paged=True),
    Call("GET", "/v1/{tenant}/groups/{group}", group, "show a group with its counts", "contacts.view"),
    Call(
        "GET", "/v1/{tenant}/groups/{group}/members", members, "list a group's members", "contacts.view", paged=True,
        query=("sendable",),
    ),
    Call("GET", "/v1/{tenant}/contacts/{contact}", contact, "show a contact's profile", "contacts.view"),
    Call(
        "GET", "/v1/{tenant}/contacts/{contact}/groups", contact_groups, "list a contact's groups", "contacts.view",
        paged=True,
    ),
    Call(
        "GET", "/v1/{tenant}/contacts/{contact}/groups/{group}", contact_group, "tell whether a contact is in a group",
        "contacts.view",
    ),
    Call("GET", "/v1/{tenant}/commands/{command}", command, "tell what became of a command", paged=True),
)  # fmt: skip
