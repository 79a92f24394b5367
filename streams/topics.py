"""Every topic once: name, key, cleanup, retention, largest record and what lies in it."""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct

from schemas import commands, events, groups, outputs, tenants

_DAY_MS = 86_400_000
_HOUR_MS = 3_600_000
_KIB = 1024
_MIB = 1024 * _KIB
MAX_RECORD = 8 * _MIB
"""Bytes of the largest record that any topic takes; whoever writes or reads by hand takes as much."""

Key = Literal[
    "any", "tenant", "tenant/group", "tenant/contact", "tenant/group/contact", "tenant/command", "original", "state"
]
Cleanup = Literal["delete", "compact"]


def min_insync(replication: int) -> int:
    """With three copies one broker may go, and nothing that was acknowledged goes with it."""
    return 2 if replication >= 3 else 1


class Topic(Struct, frozen=True, kw_only=True):
    """One topic, by its name without prefix.

    `retention_ms` None: kept by key. `schema` None: internal, or any bytes.
    """

    name: str
    key: Key
    cleanup: Cleanup = "delete"
    retention_ms: int | None = None
    max_message_bytes: int = 2 * _MIB
    schema: Any = None
    internal: bool = False

    def config(self, replication: int) -> dict[str, str]:
        """The topic's settings as the broker names them."""
        return {
            "cleanup.policy": self.cleanup,
            # the pipeline's one clock is the broker's append time
            "message.timestamp.type": "LogAppendTime",
            "max.message.bytes": str(self.max_message_bytes),
            "min.insync.replicas": str(min_insync(replication)),
            **(self._kept() if self.retention_ms is None else {"retention.ms": str(self.retention_ms)}),
        }

    def _kept(self) -> dict[str, str]:
        # only closed segments are compacted: without a short roll a quiet table is never cleaned
        return {
            "segment.ms": str(3_600_000),
            "segment.bytes": str(128 * _MIB),
            "min.cleanable.dirty.ratio": "0.1",
            # a reader that was away for less than this sees every deletion
            "delete.retention.ms": str(7 * _DAY_MS),
        }


def _raw(name: str, schema: Any) -> Topic:
    """A publishers' topic: takes records beyond the contract's size, which the pipeline turns away by name."""
    return Topic(name=name, key="any", retention_ms=30 * _DAY_MS, max_message_bytes=MAX_RECORD, schema=schema)


def _table(name: str, key: Key, schema: Any) -> Topic:
    """A compacted topic that outside readers follow."""
    return Topic(name=name, key=key, cleanup="compact", schema=schema)


def _log(name: str, key: Key, days: int, schema: Any = None) -> Topic:
    """An append-only topic that outside readers follow for so many days."""
    return Topic(name=name, key=key, retention_ms=days * _DAY_MS, schema=schema)


def _internal(name: str, key: Key, cleanup: Cleanup, retention_ms: int | None) -> Topic:
    """A topic of the pipeline's own; its records may be as large as what publishers send."""
    return Topic(
        name=name, key=key, cleanup=cleanup, retention_ms=retention_ms, max_message_bytes=MAX_RECORD, internal=True
    )


TOPICS: tuple[Topic, ...] = (
    _raw("bookings", events.BookingEvent),
    _raw("ratings", events.RatingEvent),
    _raw("messages", events.MessageEvent),
    _raw("commands", commands.Command),
    _table("tenants", "tenant", tenants.Tenant),
    _table("groups", "tenant/group", groups.Group),
    _internal("contact-activity", "tenant/contact", "delete", 30 * _DAY_MS),
    _log("membership-changes", "tenant/contact", 400, outputs.AnyChange),
    _table("memberships", "tenant/group/contact", outputs.Membership),
    _table("contacts", "tenant/contact", outputs.Contact),
    _log("replies", "tenant/contact", 30, outputs.Reply),
    _log("outcomes", "tenant/command", 7, outputs.Outcome),
    _log("notices", "tenant", 30, outputs.Notice),
    _log("dead-letters", "original", 30),
    _internal("decide-changelog", "state", "compact", None),
    _internal("questions", "tenant/contact", "delete", _HOUR_MS),
    _internal("answers", "tenant/contact", "delete", _HOUR_MS),
)

BY_NAME: dict[str, Topic] = {topic.name: topic for topic in TOPICS}


def full_name(prefix: str, short: str) -> str:
    """`rollcall.` and `bookings` → `rollcall.bookings`; raises KeyError on a name that no topic has."""
    return prefix + BY_NAME[short].name
