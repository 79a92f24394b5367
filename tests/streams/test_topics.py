"""The topics are the contract's, no more and no less."""

from __future__ import annotations

import re

import pytest

from streams.topics import TOPICS, Topic, full_name

CONTRACT = {
    "bookings": ("any", "delete", 30),
    "ratings": ("any", "delete", 30),
    "messages": ("any", "delete", 30),
    "commands": ("any", "delete", 30),
    "tenants": ("tenant", "compact", None),
    "groups": ("tenant/group", "compact", None),
    "contact-activity": ("tenant/contact", "delete", 30),
    "membership-changes": ("tenant/contact", "delete", 400),
    "memberships": ("tenant/group/contact", "compact", None),
    "contacts": ("tenant/contact", "compact", None),
    "replies": ("tenant/contact", "delete", 30),
    "outcomes": ("tenant/command", "delete", 7),
    "notices": ("tenant", "delete", 30),
    "dead-letters": ("original", "delete", 30),
}


def test_the_contracts_table() -> None:
    """Name, key, cleanup and days are those of the contract; decide's own and what owners are asked come on top."""
    own = {one.name: (one.key, one.cleanup, one.retention_ms and one.retention_ms // 86_400_000) for one in TOPICS}
    assert own.pop("decide-changelog") == ("state", "compact", None)
    assert own.pop("questions") == own.pop("answers") == ("tenant/contact", "delete", 0)
    assert own == CONTRACT


@pytest.mark.parametrize("topic", TOPICS, ids=lambda one: one.name)
def test_every_topic(topic: Topic) -> None:
    """Append time rules, a table rolls and is kept, a log has an end, and no name needs quoting."""
    config = topic.config(1)
    assert config["message.timestamp.type"] == "LogAppendTime"
    assert re.fullmatch(r"[a-z-]+", topic.name)
    assert ("segment.ms" in config) == (topic.cleanup == "compact") == ("retention.ms" not in config)
    assert all(re.fullmatch(r"[A-Za-z0-9.]+", value) for value in config.values())


@pytest.mark.parametrize("name", ["bookings", "ratings", "messages", "commands"])
def test_oversize_can_arrive(name: str) -> None:
    """A record beyond the contract's 1 MiB reaches the pipeline, which turns it away by name."""
    (topic,) = [one for one in TOPICS if one.name == name]
    assert topic.max_message_bytes > 4 * 2**20


@pytest.mark.parametrize(("copies", "must"), [(1, "1"), (2, "1"), (3, "2")])
def test_min_insync(copies: int, must: str) -> None:
    """With three copies two must be there, so that one broker may go."""
    assert {topic.config(copies)["min.insync.replicas"] for topic in TOPICS} == {must}


def test_full_name() -> None:
    """The prefix stands before the name; a name that no topic has is an error."""
    assert full_name("rollcall.", "bookings") == "rollcall.bookings"
    with pytest.raises(KeyError):
        full_name("rollcall.", "booking")
