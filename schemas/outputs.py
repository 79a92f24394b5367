"""What the pipeline tells the outside: changes, memberships, contacts, outcomes, notices and replies."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from schemas.base import ContactId, GroupId, Id, Moment, TenantId

JoinReason = Literal[
    "rating", "message", "booking", "attribute", "group", "time", "manual", "import", "keyword", "flow", "bulk"
]
LeaveReason = Literal[
    "expired", "no_longer_matches", "retracted", "manual", "keyword", "flow", "bulk",
    "group_deleted", "contact_deleted", "merged",
]  # fmt: skip
ChangeReason = JoinReason | LeaveReason
Source = Literal["rule", "manual", "import", "keyword", "flow", "bulk"]
Origin = Literal["live", "backfill"]
Seq = Annotated[int, Meta(ge=1, le=2**53)]


class Cause(Struct, frozen=True, gc=False):
    """The event or command that caused a change.

    {"source": "whatsapp", "id": "wamid.A1"}
    """

    source: str
    id: str


class ChangeData(Struct, frozen=True, kw_only=True, gc=False):
    """What a membership change says.

    {"group": "food-lovers", "contact": "tel:+6281234567890", "change": "joined", "seq": 1, "reason": "message",
     "cause": {"source": "whatsapp", "id": "wamid.A1"}, "evidence": "dinner", "rule_hash": "9f3a",
     "effective_at": "2026-11-02T10:05:11Z", "expires_at": "2027-02-02T10:05:11Z", "sources": ["rule"],
     "origin": "live",
     "sendable": true}
    """

    group: GroupId
    contact: ContactId
    change: Literal["joined", "left"]
    seq: Seq
    reason: ChangeReason
    cause: Cause | None
    evidence: str | None
    rule_hash: str
    effective_at: Moment
    expires_at: Moment | None
    sources: list[Source]
    origin: Origin
    sendable: bool


class Change(Struct, frozen=True, kw_only=True, gc=False):
    """One join or leave in `membership-changes`, a CloudEvent.

    {"specversion": "1.0", "type": "membership.joined", "source": "rollcall", "id": "5b0c9e0a",
     "time": "2026-11-02T10:05:11.402Z",
     "tenant": "bali-resorts", "subject": "tel:+6281234567890", "data": {"group": "food-lovers",
     "contact": "tel:+6281234567890", "change": "joined", "seq": 1, "reason": "message",
     "cause": {"source": "whatsapp", "id": "wamid.A1"}, "evidence": "dinner", "rule_hash": "9f3a",
     "effective_at": "2026-11-02T10:05:11Z", "expires_at": "2027-02-02T10:05:11Z", "sources": ["rule"],
     "origin": "live",
     "sendable": true}}
    """

    specversion: Literal["1.0"] = "1.0"
    type: Literal["membership.joined", "membership.left"]
    source: Literal["rollcall"] = "rollcall"
    id: str
    time: Moment
    tenant: TenantId
    subject: ContactId
    data: ChangeData


class ContactChangeData(Struct, frozen=True, kw_only=True, gc=False):
    """What a contact's opting out or in says: `scope` is `all` or a group's id, `seq` counts them by contact.

    {"contact": "tel:+6281234567890", "scope": "all", "seq": 1, "cause": {"source": "whatsapp", "id": "wamid.A1"},
     "evidence": "STOP", "review": false}
    """

    contact: ContactId
    scope: GroupId = "all"
    seq: Seq
    cause: Cause
    evidence: str | None = None
    review: bool = False


class ContactChange(Struct, frozen=True, kw_only=True, gc=False):
    """A contact opted out (suppressed) or in (restored), in `membership-changes`: who may be written to changes.

    {"specversion": "1.0", "type": "contact.suppressed", "source": "rollcall", "id": "77aa",
     "time": "2026-11-02T10:05:11.402Z", "tenant": "bali-resorts", "subject": "tel:+6281234567890",
     "data": {"contact": "tel:+6281234567890", "scope": "all", "seq": 1,
     "cause": {"source": "whatsapp", "id": "wamid.A1"}, "evidence": "STOP", "review": false}}
    """

    specversion: Literal["1.0"] = "1.0"
    type: Literal["contact.suppressed", "contact.restored"]
    source: Literal["rollcall"] = "rollcall"
    id: str
    time: Moment
    tenant: TenantId
    subject: ContactId
    data: ContactChangeData


AnyChange = Change | ContactChange
"""What lies in `membership-changes`, told apart by `type`."""


class Membership(Struct, frozen=True, kw_only=True, gc=False):
    """The newest state of one membership in `memberships`.

    {"tenant": "bali-resorts", "group": "food-lovers", "contact": "tel:+6281234567890", "since": "2026-11-02T10:05:11Z",
     "seq": 1, "change_id": "5b0c9e0a", "sources": ["rule"], "expires_at": "2027-02-02T10:05:11Z", "sendable": true}
    """

    tenant: TenantId
    group: GroupId
    contact: ContactId
    since: Moment
    seq: Seq
    change_id: str
    sources: list[Source]
    expires_at: Moment | None
    sendable: bool


class Contact(Struct, frozen=True, kw_only=True, gc=False):
    """A contact's profile in `contacts`; `linked` are its other ids.

    {"tenant": "bali-resorts", "contact": "tel:+6281234567890", "phone": "+6281234567890", "email": "made@example.com",
     "name": "Made Wirawan", "first_name": "Made", "last_name": "Wirawan", "original_name": "Made",
     "source": "whatsapp",
     "customer_since": "2026-11-02T10:05:11Z", "bookings": 1, "spent": {"IDR": "4250000.00"}, "latest_rating": 5,
     "last_booking": "2026-11-04", "tags": ["vip"], "attributes": {"tier": "gold"}, "note": "Allergic to nuts",
     "reachable": true, "sendable": true, "linked": ["mailto:made@example.com"]}
    """

    tenant: TenantId
    contact: ContactId
    phone: str | None = None
    email: str | None = None
    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    original_name: str | None = None
    source: str | None = None
    property: str | None = None
    country: str | None = None
    area: str | None = None
    language: str | None = None
    customer_since: Moment | None = None
    bookings: int = 0
    spent: dict[str, str] = {}
    latest_rating: float | None = None
    last_booking: str | None = None
    tags: list[str] = []
    attributes: dict[str, Any] = {}
    note: str | None = None
    reachable: bool = False
    sendable: bool = False
    linked: list[ContactId] = []


OutcomeResult = Literal["applied", "unchanged", "skipped"]
OutcomeReason = Literal[
    "rule_immutable", "rule_cycle", "group_in_use", "group_deleting", "group_unknown", "tenant_unknown", "opted_out",
    "already_member", "not_member", "already_in_force", "newer_known", "repeated", "phone_invalid", "contact_invalid",
    "expired", "contact_unknown", "phone_taken", "too_many_groups", "too_many_keywords", "too_many_words",
    "definition_too_large",
]  # fmt: skip


class Outcome(Struct, frozen=True, kw_only=True):
    """What became of a command for one contact (`contact` is null for commands on tenants and groups).

    {"tenant": "bali-resorts", "command": "c-6", "source": "console", "type": "group.add", "outcome": "applied",
     "reason": null,
     "group": "vip", "contact": "tel:+6281234567890", "index": 0, "of": 1, "time": "2026-11-01T10:00:00.120Z"}
    """

    tenant: TenantId
    command: Id
    source: Id
    type: str
    outcome: OutcomeResult
    reason: OutcomeReason | None = None
    group: str | None = None
    contact: ContactId | None = None
    index: int = 0
    of: int = 1
    detail: str | None = None
    time: Moment


NoticeKind = Literal[
    "group_ready", "import_finished", "review", "identity_conflict", "bulk_finished", "identity_invalid"
]


class Notice(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Something that people should know; a finished bulk's `reasons` count why contacts were unchanged or skipped.

    {"tenant": "bali-resorts", "kind": "group_ready", "id": "9c1d", "time": "2026-11-01T10:00:01Z", "group": "vip",
     "count": 12,
     "coverage_from": "2025-11-01T00:00:00Z"}
    """

    tenant: TenantId
    kind: NoticeKind
    id: str
    time: Moment
    group: GroupId | None = None
    contact: ContactId | None = None
    count: int | None = None
    coverage_from: Moment | None = None
    cause: Cause | None = None
    type: str | None = None
    applied: int | None = None
    unchanged: int | None = None
    skipped: int | None = None
    reasons: dict[str, int] = {}


class Reply(Struct, frozen=True, kw_only=True):
    """A message that a chat gateway should send.

    {"reply_id": "77aa", "tenant": "bali-resorts", "contact": "tel:+6281234567890", "to": "+6281234567890",
     "channel": "whatsapp",
     "property": "ubud", "in_reply_to": "wamid.A1", "kind": "join", "text": "Welcome to the club!"}
    """

    reply_id: str
    tenant: TenantId
    contact: ContactId
    to: str
    channel: str
    property: str | None
    in_reply_to: str | None
    kind: Literal["join", "opt_out", "opt_in", "help"]
    text: str
