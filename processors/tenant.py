"""The tenant's actor: decides on tenant and group commands in log order, and broadcasts what is in force.

A group goes created → building → ready, or deleting → gone; each step waits until every partition has reported that all
its contacts are up to date with the version of the definitions at which the step began.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import UNSET, structs
from msgspec.structs import replace

from processors.accounts import account, is_named, over, words_over
from processors.budget import ASKED
from processors.desk import ORIGIN, Desk, Out
from processors.office import APPLIED, UNCHANGED, Office, Verdict, group_of, publish, start, to_json
from processors.parts import hand_out
from processors.repeats import is_repeat, remember
from processors.rules import rule_in_force
from processors.successor import refuse_refs, supersede
from processors.upgrade import upgrade
from schemas.activity import RAW_TOPICS, Defined, Pin, PinsAsked, TenantAsked
from schemas.base import Reject, moment
from schemas.commands import (
    GroupCreate,
    GroupDelete,
    GroupUpdate,
    TenantDelete,
    TenantPut,
)
from schemas.dead_letters import headers, keep
from schemas.groups import Group
from schemas.outputs import Outcome
from schemas.quotas import REASONS
from schemas.rules import ManualRule, canonical, group_refs, rule_hash
from schemas.tenants import Tenant

if TYPE_CHECKING:
    from collections.abc import Callable

TenantCommand = TenantPut | TenantDelete | GroupCreate | GroupUpdate | GroupDelete

_command: Any = msgspec.json.Decoder(TenantCommand).decode


def on_tenant_asked(desk: Desk, key: bytes, asked: TenantAsked) -> None:
    """Decide on one command and say what became of it."""
    desk.spent += ASKED
    command: TenantCommand = _command(asked.command)
    office = upgrade(Office(desk, key.decode()))
    if office.authority.record is None and not isinstance(command, TenantPut):
        verdict: Verdict = ("skipped", "tenant_unknown")
        desk.out.append(_dead_letter(desk, asked))
    elif is_repeat(office, command.source, command.id):
        verdict = "unchanged", "repeated"
    else:
        verdict = _DECIDE[type(command)](office, command)
        if verdict[0] != "skipped":
            remember(office, command.source, command.id)
    desk.out.append(_outcome(desk, command, verdict))


def _dead_letter(desk: Desk, asked: TenantAsked) -> Out:
    """A command for a tenant without a record can be sent again once there is one, so its bytes are kept."""
    topic = desk.prefix + RAW_TOPICS[asked.topic]
    reject = Reject("tenant_unknown", "tenant")
    kept = keep(asked.original, asked.key, asked.headers)  # again: older records of the log hold keys of any size
    lines = headers(reject, topic, asked.partition, asked.offset, replace(kept, cut=asked.cut or kept.cut))
    return Out("dead-letters", kept.key or b"", kept.value, headers=tuple(lines))


def _outcome(desk: Desk, command: TenantCommand, verdict: Verdict) -> Out:
    data: Any = command.data
    value = Outcome(
        tenant=command.tenant,
        command=command.id,
        source=command.source,
        type=_TYPES[type(command)],
        outcome=verdict[0],
        reason=verdict[1],
        group=getattr(data, "group", None) or getattr(data, "id", None),
        detail=desk.quotas.says(REASONS[verdict[1]]) if verdict[1] in REASONS else None,
        time=moment(desk.now),
    )
    return Out("outcomes", f"{command.tenant}/{command.id}".encode(), to_json(value))


def put_tenant(office: Office, command: TenantPut) -> Verdict:
    """Write the tenant's record and broadcast it."""
    data: Any = command.data
    fields: dict[str, Any] = {name: getattr(data, name) for name in Tenant.__struct_fields__}
    fields["tenant"] = command.tenant
    record = to_json(Tenant(**fields))
    if record == office.authority.record:
        return UNCHANGED
    if words_over(office, record):
        return "skipped", "too_many_words"
    _set_record(office, command, record)
    return APPLIED


def delete_tenant(office: Office, command: TenantDelete) -> Verdict:
    """Take the record away: events of the tenant are dead letters from now on; what it had stays until put again."""
    _set_record(office, command, None)
    return APPLIED


def _set_record(office: Office, command: TenantPut | TenantDelete, record: bytes | None) -> None:
    authority = office.authority
    authority.record = record
    authority.version += 1
    office.save()
    office.broadcast(Defined(*ORIGIN, authority.version, office.tenant, record, None, None, command.source, command.id))
    office.desk.out.append(Out("tenants", office.tenant.encode(), record))


def create_group(office: Office, command: GroupCreate) -> Verdict:
    """Put a new definition in force; the same rule again is unchanged, another one only as a successor."""
    data = command.data
    if data.supersedes is not None:
        return supersede(office, command)
    rule = rule_in_force(data.rule)
    digest = rule_hash(rule, data.sticky)
    known = office.group(data.id or "")
    if known is not None:
        return _again(group_of(known.body), digest)
    refused = refuse_refs(office, data.id or "", group_refs(rule))
    if refused:
        return "skipped", refused
    manual = isinstance(rule, ManualRule)
    group = Group(
        tenant=office.tenant,
        id=data.id or "",
        name=data.name or data.id or "",
        rule=data.rule or canonical(rule),
        rule_hash=digest,
        description=data.description,
        sticky=data.sticky,
        reply=data.reply,
        join_words=data.join_words,
        leave_words=data.leave_words,
        created_at=command.time,
        created_by=data.by,
        status="ready" if manual else "building",
    )
    exceeded = over(office, None, group)
    if exceeded:
        return "skipped", exceeded
    account(office, None, group)
    start(office, group, (command.source, command.id), scan=not manual)
    return APPLIED


def _again(known: Group, digest: str) -> Verdict:
    if known.status == "deleting":
        return "skipped", "group_deleting"
    return UNCHANGED if known.rule_hash == digest else ("skipped", "rule_immutable")


def update_group(office: Office, command: GroupUpdate) -> Verdict:
    """Give a group other words. Its rule and `sticky` may be named only as they are."""
    data = command.data
    known = office.group(data.group)
    if known is None:
        return "skipped", "group_unknown"
    group = group_of(known.body)
    if group.status == "deleting":
        return "skipped", "group_deleting"
    sticky = group.sticky if data.sticky is UNSET else bool(data.sticky)
    rule = group.rule if data.rule is UNSET else data.rule
    if rule_hash(rule_in_force(rule), sticky) != group.rule_hash:
        return "skipped", "rule_immutable"
    names = ("name", "description", "reply", "join_words", "leave_words")
    changed = structs.replace(group, **{n: v for n in names if (v := getattr(data, n)) is not UNSET})
    if changed == group:
        return UNCHANGED
    exceeded = over(office, group, changed)
    if exceeded:
        return "skipped", exceeded
    account(office, group, changed)
    publish(office, changed, known)
    return APPLIED


def delete_group(office: Office, command: GroupDelete) -> Verdict:
    """Begin to delete a group: every member leaves first, then the id is free."""
    known = office.group(command.data.group)
    if known is None:
        return "skipped", "group_unknown"
    group = group_of(known.body)
    if group.status == "deleting":
        return UNCHANGED
    if is_named(office, group.id):
        return "skipped", "group_in_use"
    account(office, group, None)
    start(office, structs.replace(group, status="deleting", successor=None), (command.source, command.id), scan=True)
    return APPLIED


def on_pins_asked(desk: Desk, key: bytes, asked: PinsAsked) -> bool:
    """Hand each contact its part of an add, remove, clear or consent, if the group is there; whether that is done."""
    office = Office(desk, key.decode())
    missing = bool(asked.group) and not office.in_force(asked.group)

    def part(nth: int, bulk: int) -> Pin:
        return Pin(
            *ORIGIN, asked.source, asked.id, asked.time, asked.type, asked.group, asked.reason, asked.expires,
            asked.reply, asked.evidence, nth, len(asked.contacts), bulk,
        )  # fmt: skip

    return hand_out(office, asked, part, asked.group, missing=missing)


_DECIDE: dict[type, Callable[[Office, Any], Verdict]] = {
    TenantPut: put_tenant,
    TenantDelete: delete_tenant,
    GroupCreate: create_group,
    GroupUpdate: update_group,
    GroupDelete: delete_group,
}
_TYPES: dict[type, str] = {
    TenantPut: "tenant.put",
    TenantDelete: "tenant.delete",
    GroupCreate: "group.create",
    GroupUpdate: "group.update",
    GroupDelete: "group.delete",
}
