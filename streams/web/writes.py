"""The calls that change something: each becomes a command, and answers when the store shows what it did."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import asdict

from processors.normalize import contact_of
from schemas.commands import Command, ContactRef, GroupCreateData, GroupUpdateData
from schemas.tenants import Tenant
from streams.web import bodies, envelopes
from streams.web.access import Permission, permit
from streams.web.commander import Done, Pending
from streams.web.problems import Problem, conflict, unknown, wrong
from streams.web.reads import known_contact, known_group, known_tenant, shown_group
from streams.web.site import Asked, Call, nothing, reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from aiohttp import web

    from schemas.outputs import Outcome
    from streams.web.envelopes import Written


PERMISSIONS: dict[str, Permission] = {
    "tenant.put": "tenants.manage",
    "tenant.delete": "tenants.manage",
    "group.create": "groups.manage",
    "group.update": "groups.manage",
    "group.delete": "groups.manage",
    "group.add": "contacts.edit",
    "group.remove": "contacts.edit",
    "group.clear_pin": "contacts.edit",
    "consent.opt_out": "consent.edit",
    "consent.opt_in": "consent.edit",
    "contact.upsert": "contacts.edit",
    "contact.tag": "contacts.edit",
    "contact.untag": "contacts.edit",
    "contact.note": "contacts.edit",
    "contact.delete": "contacts.delete",
    "contact.rename": "contacts.edit",
}
"""What each command needs, whichever call it comes by."""


class MembersBody(msgspec.Struct, frozen=True):
    """Contacts to add to a group.

    {"contacts": [{"phone": "0812-3456-7890"}, {"id": "mailto:made@example.com"}]}
    """

    contacts: list[ContactRef]


async def put_tenant(asked: Asked) -> web.Response:
    """Write the tenant's record."""
    data = await bodies.fields(asked.request)
    before = asked.site.store.tenant(asked.tenant)
    done = await _carry_out(asked, "tenant.put", data)
    if isinstance(done, Pending):
        return _accepted(done)
    return reply(asdict(known_tenant(asked)), 200 if before else 201)


async def create_group(asked: Asked) -> web.Response:
    """Create a group, or have a successor built for it; the same one again is no fault."""
    data = await bodies.fields(asked.request)
    if data.get("id") is None and not data.get("name"):
        raise wrong("name", "is required, or an id")
    done = await _carry_out(asked, "group.create", data)
    if isinstance(done, Pending):
        return _accepted(done)
    made = done.outcomes[0]
    group = asked.site.store.group(asked.tenant, made.group or "")
    if group is None:  # deleted by someone else at the same moment
        raise unknown("group")
    where = f"/v1/{asked.tenant}/groups/{group.id}"
    status = 201 if made.outcome == "applied" and data.get("supersedes") is None else 200
    return reply(shown_group(asked, group), status, Location=where)


async def update_group(asked: Asked) -> web.Response:
    """Change a group's name, description, reply or words."""
    known_group(asked)
    data = await bodies.fields(asked.request)
    if data.get("group", asked.of("group")) != asked.of("group"):
        raise wrong("group", "is not the group of the path")
    done = await _carry_out(asked, "group.update", data | {"group": asked.of("group")})
    return _accepted(done) if isinstance(done, Pending) else reply(shown_group(asked, known_group(asked)))


async def delete_group(asked: Asked) -> web.Response:
    """Delete a group; every member leaves."""
    known_group(asked)

    def gone() -> bool:
        return asked.site.store.group(asked.tenant, asked.of("group")) is None

    done = await _carry_out(asked, "group.delete", {"group": asked.of("group")}, gone)
    return _accepted(done) if isinstance(done, Pending) else nothing()


async def add_members(asked: Asked) -> web.Response:
    """Add contacts to a group, known or not."""
    if known_group(asked).status == "deleting":
        raise conflict("group_deleting", "the group is being deleted")
    data = await bodies.fields(asked.request)
    if data.get("group", asked.of("group")) != asked.of("group"):
        raise wrong("group", "is not the group of the path")
    done = await _carry_out(asked, "group.add", data | {"group": asked.of("group")})
    if isinstance(done, Pending):
        return _accepted(done)
    counts = asked.site.store.counts(asked.tenant, asked.of("group"))
    items = [_added(asked, said) for said in done.outcomes]
    return reply({"items": items, "cursor": None, **counts._asdict()})


async def remove_member(asked: Asked) -> web.Response:
    """Take a contact out of a group, and keep it out."""
    known_group(asked)
    data = {"group": asked.of("group"), "contacts": [{"id": known_contact(asked)}]}
    done = await _carry_out(asked, "group.remove", data)
    return _accepted(done) if isinstance(done, Pending) else nothing()


async def send_command(asked: Asked) -> web.Response:
    """Publish any row of the commands table."""
    said = await bodies.fields(asked.request)
    _own(asked, said)
    written = envelopes.whole_command(asked.tenant, said, retention=asked.site.retention, quotas=asked.site.quotas)
    permit(asked.grant, asked.tenant, PERMISSIONS[written.type])
    if written.type != "tenant.put":
        known_tenant(asked)
    _check_contacts(asked, written, "data.")
    await asked.site.commander.send(asked.tenant, written.id, written.value)
    return _accepted(Pending(written.id))


def _own(asked: Asked, said: dict[str, Any]) -> None:
    if said.get("tenant", asked.tenant) != asked.tenant:
        raise wrong("tenant", "is not the tenant of the path")


def _added(asked: Asked, said: Outcome) -> dict[str, Any]:
    member = said.contact and asked.site.store.membership(asked.tenant, asked.of("group"), said.contact)
    return {
        "index": said.index,
        "contact": said.contact,
        "outcome": said.outcome,
        "reason": said.reason,
        "member": bool(member),
    }


async def _carry_out(
    asked: Asked, kind: str, data: dict[str, Any], settled: Callable[[], bool] | None = None
) -> Done | Pending:
    written = envelopes.command(
        asked.tenant, kind, {"by": asked.by, **data}, retention=asked.site.retention, quotas=asked.site.quotas
    )
    _check_contacts(asked, written, "")
    done = await asked.site.commander.carry_out(asked.tenant, written.id, written.value, settled)
    problem = _problem(done) if isinstance(done, Done) else None
    if problem is not None:
        raise problem
    return done


def _problem(done: Done) -> Problem | None:
    if done.refusal is not None:
        reason, path = done.refusal.reason, done.refusal.detail.removeprefix("data.").partition(": ")
        return unknown("tenant") if reason == "tenant_unknown" else wrong(path[0], path[2] or reason, reason=reason)
    return next((problem for said in done.outcomes if (problem := envelopes.conflicts(said))), None)


def _check_contacts(asked: Asked, written: Written, root: str) -> None:
    """Who cannot be a contact is refused before anything is published: a list is taken whole or not at all."""
    data: Any = written.command.data
    named = [("contact", data.contact)] if hasattr(data, "contact") else []
    named += [(f"contacts[{index}]", ref) for index, ref in enumerate(getattr(data, "contacts", ()))]
    if not named:
        return
    region = known_tenant(asked).region
    for path, ref in named:
        given = ref.id is not None or ref.phone is not None
        if given and contact_of(ContactRef(id=ref.id, phone=ref.phone), region) is None:
            name, reason = ("id", "contact_invalid") if ref.phone is None else ("phone", "phone_invalid")
            raise wrong(f"{root}{path}.{name}", "is no valid one", reason=reason)


def _accepted(pending: Pending) -> web.Response:
    return reply({"id": pending.id}, 202)


CALLS = (
    Call(
        "PUT", "/v1/{tenant}", put_tenant, "write the tenant's record", "tenants.manage", Tenant, (200, 201, 202),
        tenantless=True,
    ),
    Call(
        "POST", "/v1/{tenant}/groups", create_group, "create a group, or replace its rule", "groups.manage",
        GroupCreateData, (200, 201, 202, 409),
    ),
    Call(
        "PATCH", "/v1/{tenant}/groups/{group}", update_group, "change a group's name, description, reply or words",
        "groups.manage", GroupUpdateData, (200, 202, 409),
    ),
    Call(
        "DELETE", "/v1/{tenant}/groups/{group}", delete_group, "delete a group", "groups.manage", None, (204, 202, 409),
    ),
    Call(
        "POST", "/v1/{tenant}/groups/{group}/members", add_members, "add contacts to a group", "contacts.edit",
        MembersBody, (200, 202, 409),
    ),
    Call(
        "DELETE", "/v1/{tenant}/groups/{group}/members/{contact}", remove_member, "take a contact out of a group",
        "contacts.edit", None, (204, 202),
    ),
    Call(
        "POST", "/v1/{tenant}/commands", send_command, "publish a command", None, Command, (202,), tenantless=True,
    ),
)  # fmt: skip
