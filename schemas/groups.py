"""A group's definition: a named set of contacts with one rule that never changes."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from schemas.base import GroupId, Moment, Name, TenantId

GroupStatus = Literal["building", "ready", "deleting"]


class Group(Struct, frozen=True, kw_only=True):
    """A definition in force, as `groups` holds it.

    {"tenant": "bali-resorts", "id": "food-lovers", "name": "Food lovers", "description": "",
     "rule": {"event": "message", "any_of": ["restaurant", "dinner"], "within": "P3M"}, "sticky": false,
     "reply": "Welcome to the club!", "join_words": ["JOIN FOOD"], "leave_words": ["NO FOOD"],
     "created_at": "2026-11-01T10:00:00Z", "created_by": "ana", "status": "ready"}
    """

    tenant: TenantId
    id: GroupId
    name: Name
    rule: dict[str, Any]
    rule_hash: str = ""
    description: str = ""
    sticky: bool = False
    reply: str | None = None
    join_words: list[Name] = []
    leave_words: list[Name] = []
    created_at: Moment | None = None
    created_by: str | None = None
    status: GroupStatus = "building"
    coverage_from: Moment | None = None
