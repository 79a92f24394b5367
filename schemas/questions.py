"""What is asked of the owners of contacts, and what they answer: the internal topics `questions` and `answers`.

Only owners know facts, pins and rules; the store knows what came of them. A question lies in the partition that it is
about and its answer in the same one. Nothing is decided by either: who asks may ask again.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from schemas.base import ContactId, GroupId, Id, Moment, TenantId
from schemas.outputs import Source

FactKind = Literal["booking", "rating", "message"]
Because = Literal["rule", "sticky", "added", "rule_false", "pinned_out", "opted_out", "deleting"]


class PreviewAsked(Struct, frozen=True, kw_only=True, tag_field="ask", tag="preview"):
    """Who of a partition's contacts would be in a group of this rule now.

    {"ask": "preview", "id": "q-1", "tenant": "bali-resorts", "rule": {"event": "rating", "min_stars": 4}, "sample": 10}
    """

    id: Id
    tenant: TenantId
    rule: dict[str, Any]
    sample: Annotated[int, Meta(ge=0, le=100)] = 10


class ExplainAsked(Struct, frozen=True, kw_only=True, tag_field="ask", tag="explain"):
    """Why a contact is in a group, or is not.

    {"ask": "explain", "id": "q-2", "tenant": "bali-resorts", "contact": "tel:+6281234567890", "group": "food-lovers"}
    """

    id: Id
    tenant: TenantId
    contact: ContactId
    group: GroupId


Question = PreviewAsked | ExplainAsked


class Sampled(Struct, frozen=True, kw_only=True):
    """One of those who would be members.

    {"contact": "tel:+6281234567890", "name": "Made", "expires_at": "2027-02-02T10:05:11Z", "sendable": true}
    """

    contact: ContactId
    name: str | None
    expires_at: Moment | None
    sendable: bool


class Previewed(Struct, frozen=True, kw_only=True):
    """What a partition, or all of them together, say of a rule; `contacts` were asked, `overlap` is by group.

    {"contacts": 1200, "count": 40, "sendable": 38, "sample": [], "overlap": {"vip": 3}}
    """

    contacts: int
    count: int
    sendable: int
    sample: list[Sampled]
    overlap: dict[GroupId, int]


class FactShown(Struct, frozen=True, kw_only=True):
    """A fact that a condition looks at: `until` is when it stops to count, `counts` whether it does now.

    {"kind": "message", "source": "whatsapp", "id": "wamid.A1", "time": "2026-11-02T10:05:11Z", "what": "dinner",
     "counts": true, "until": "2027-02-02T10:05:11Z"}
    """

    kind: FactKind
    source: str
    id: str
    time: Moment
    what: str
    counts: bool
    until: Moment | None


class NodeShown(Struct, frozen=True, kw_only=True):
    """A node of a rule: is it true, on which facts or `value` of the profile, what lacks, when does it turn by itself.

    {"path": "rule", "rule": {"event": "message", "any_of": ["dinner"]}, "true": false, "facts": [], "more_facts": 0,
     "lacks": "1 more message with dinner", "turns_at": null, "rules": []}
    """

    path: str
    rule: dict[str, Any]
    true: bool
    facts: list[FactShown] = []
    more_facts: int = 0
    value: Any = None
    lacks: str | None = None
    turns_at: Moment | None = None
    rules: list[NodeShown] = []


class AddShown(Struct, frozen=True, kw_only=True):
    """The newest add of one source.

    {"source": "manual", "time": "2026-11-02T10:05:11Z", "expires_at": null, "counts": true}
    """

    source: Source
    time: Moment
    expires_at: Moment | None
    counts: bool


class Explained(Struct, frozen=True, kw_only=True):
    """Why a contact is in a group or not, as its owner sees it; `turns_at` is when that ends or begins by itself.

    {"group": "food-lovers", "contact": "tel:+6281234567890", "member": true, "because": "rule", "sources": ["rule"],
     "since": "2026-11-02T10:05:11Z", "expires_at": "2027-02-02T10:05:11Z", "turns_at": "2027-02-02T10:05:11Z",
     "sendable": true, "sticky": false, "adds": [], "removed_at": null, "flips": ["a message that says STOP FOOD"],
     "rule": {"path": "rule", "rule": {"event": "message", "any_of": ["dinner"]}, "true": true}}
    """

    group: GroupId
    contact: ContactId
    member: bool
    because: Because
    sources: list[Source]
    since: Moment | None
    expires_at: Moment | None
    turns_at: Moment | None
    sendable: bool
    sticky: bool
    adds: list[AddShown]
    removed_at: Moment | None
    flips: list[str]
    rule: NodeShown


class Answer(Struct, frozen=True, kw_only=True):
    """One partition's answer: one of the two, or neither where it knows no such tenant, contact or group.

    {"id": "q-1", "partition": 3, "at": "2026-11-02T10:05:11Z", "previewed": {"contacts": 0, "count": 0, "sendable": 0,
     "sample": [], "overlap": {}}, "explained": null}
    """

    id: Id
    partition: int
    at: Moment
    previewed: Previewed | None = None
    explained: Explained | None = None
