"""A group's definition: a named set of contacts with one rule, which only a successor takes the place of."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from schemas.base import GroupId, Moment, Name, TenantId

GroupStatus = Literal["building", "ready", "deleting"]
Progress = Annotated[float, Meta(ge=0, le=1, description="how much of the contacts is done, from 0 to 1")]


class Successor(Struct, frozen=True, kw_only=True):
    """The rule that is to replace a group's, with so far counted who is to join and leave; empty words stay.

    {"rule": {"event": "message", "any_of": ["restaurant"], "within": "P1M"}, "rule_hash": "77aa", "sticky": false,
     "name": null, "description": "", "reply": null, "join_words": [], "leave_words": [],
     "asked_at": "2026-11-03T10:00:00Z", "asked_by": "ana", "progress": 0.25, "joining": 3, "leaving": 1}
    """

    rule: dict[str, Any]
    rule_hash: str
    sticky: bool = False
    name: Name | None = None
    description: str = ""
    reply: str | None = None
    join_words: list[Name] = []
    leave_words: list[Name] = []
    asked_at: Moment | None = None
    asked_by: str | None = None
    progress: Progress = 0.0
    joining: int = 0
    leaving: int = 0


class Group(Struct, frozen=True, kw_only=True):
    """A definition in force, as `groups` holds it; `progress` while it is building or deleting.

    {"tenant": "bali-resorts", "id": "food-lovers", "name": "Food lovers", "description": "",
     "rule": {"event": "message", "any_of": ["restaurant", "dinner"], "within": "P3M"}, "sticky": false,
     "reply": "Welcome to the club!", "join_words": ["JOIN FOOD"], "leave_words": ["NO FOOD"],
     "created_at": "2026-11-01T10:00:00Z", "created_by": "ana", "status": "ready",
     "progress": null, "successor": null}
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
    progress: Progress | None = None
    successor: Successor | None = None
