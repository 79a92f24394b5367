"""Write commands and events as the pipeline reads them, and refuse here what it would refuse there."""

from __future__ import annotations

from datetime import UTC, datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, cast
from uuid import uuid4

import msgspec

from schemas import envelope
from schemas.base import Reject
from schemas.quotas import DEFAULT, Quotas
from schemas.quotas import REASONS as QUOTAS
from streams.web.bodies import MAX_COMMAND
from streams.web.commander import SOURCE
from streams.web.problems import Problem, too_large, wrong

if TYPE_CHECKING:
    from collections.abc import Mapping

    from schemas.commands import Command
    from schemas.outputs import Outcome

_STATUS = {
    "rule_immutable": (HTTPStatus.CONFLICT, "a group's rule and `sticky` cannot change, unless `supersedes` names it"),
    "rule_cycle": (HTTPStatus.CONFLICT, "the rule names a group that depends on this one"),
    "group_in_use": (HTTPStatus.CONFLICT, "another group's rule names this one"),
    "group_deleting": (HTTPStatus.CONFLICT, "the group is being deleted"),
    "group_unknown": (HTTPStatus.NOT_FOUND, "there is no such group"),
    "tenant_unknown": (HTTPStatus.NOT_FOUND, "there is no such tenant"),
}


class Written(msgspec.Struct, frozen=True):
    """A command ready to be published."""

    id: str
    type: str
    value: bytes
    command: Command


def command(tenant: str, kind: str, data: Mapping[str, Any], *, retention: str, quotas: Quotas = DEFAULT) -> Written:
    """Write the command of one HTTP call; a fault is a 422 with the path in the call's own body."""
    said = {"type": kind, "data": data}
    return whole_command(tenant, said, retention=retention, quotas=quotas, root="data.")


def whole_command(
    tenant: str, said: Mapping[str, Any], *, retention: str, quotas: Quotas = DEFAULT, root: str = ""
) -> Written:
    """Complete a command's envelope and check it as the pipeline will."""
    filled = {"specversion": "1.0", "id": uuid4().hex, "source": SOURCE, "time": datetime.now(UTC), **said}
    value = msgspec.json.encode(filled | {"tenant": tenant})
    found = envelope.read("commands", value, (), retention=retention, quotas=quotas)
    if isinstance(found, Reject):
        raise refusal(found, root)
    return Written(found.id, str(filled["type"]), value, cast("Command", found))


def refusal(reject: Reject, root: str = "", at: str = "") -> Problem:
    """Say in the words of HTTP why a record is no good; `root` is cut off its path and `at` put before it."""
    if reject.reason == "too_large":
        return too_large(MAX_COMMAND)
    path, _, detail = reject.detail.partition(": ")
    missing = "is required" if reject.reason == "field_missing" else "has a wrong value"
    return wrong(at + path.removeprefix(root), detail or missing, reason=reject.reason)


def conflicts(said: Outcome) -> Problem | None:
    """The problem that an outcome is, if it is one for the whole command."""
    if said.reason in QUOTAS:
        return wrong("", said.detail or said.reason, reason=said.reason)
    if said.outcome == "applied" or said.reason not in _STATUS:
        return None
    status, detail = _STATUS[said.reason]
    return Problem(status, said.reason, detail)
