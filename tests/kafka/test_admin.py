"""Topics on a real broker: created once, compared ever after."""

from __future__ import annotations

import msgspec
import pytest
from aiokafka.admin import NewTopic

from streams.runtime.admin import TopicsError, admin_client, create_topics, show_topics
from streams.runtime.preflight import PreflightError, preflight
from streams.settings import Settings
from streams.topics import TOPICS


async def test_all_are_created(bare_settings: Settings) -> None:
    """One call creates every topic of the contract, with its settings and leaders, and a second one creates none."""
    created = await create_topics(bare_settings)
    assert created == [bare_settings.topic_prefix + topic.name for topic in TOPICS]
    there = await show_topics(bare_settings)
    assert [one.topic for one in there] == list(TOPICS)
    for one in there:
        assert one.partitions == bare_settings.partitions
        assert one.topic.config(1).items() <= one.config.items()
        assert one.leaderless == 0
    assert await create_topics(bare_settings) == []


async def test_other_partition_count_is_told(settings: Settings) -> None:
    """Topics of another partition count are refused with the setting's name."""
    other = msgspec.structs.replace(settings, partitions=settings.partitions + 1)
    with pytest.raises(TopicsError, match="ROLLCALL_PARTITIONS"):
        await create_topics(other)
    with pytest.raises(PreflightError, match=r"decide cannot start: .* has 4 partitions"):
        await preflight(other, "decide")


async def test_wrong_timestamps_are_told(bare_settings: Settings) -> None:
    """A topic that somebody else created with CreateTime is refused by name."""
    name = bare_settings.topic_prefix + "contact-activity"
    wrong = NewTopic(name, bare_settings.partitions, 1, topic_configs={"message.timestamp.type": "CreateTime"})
    async with admin_client(bare_settings) as client:
        await client.create_topics([wrong])
    with pytest.raises(TopicsError, match=rf"{name} has message.timestamp.type=CreateTime"):
        await create_topics(bare_settings)


async def test_too_many_copies_are_told(bare_settings: Settings) -> None:
    """More copies than brokers end in an error that names the setting."""
    with pytest.raises(TopicsError, match="ROLLCALL_REPLICATION=3"):
        await create_topics(msgspec.structs.replace(bare_settings, replication=3))


async def test_preflight_wants_topics(bare_settings: Settings) -> None:
    """A process without its topics does not start and says which command makes them."""
    with pytest.raises(PreflightError, match="rollcall topics create"):
        await preflight(bare_settings, "normalize")


async def test_preflight_passes(settings: Settings) -> None:
    """With all topics as they must be, the way is free."""
    await preflight(settings, "normalize")


async def test_no_broker_is_told(bare_settings: Settings) -> None:
    """Where no broker answers the error names the address and the setting."""
    nobody = msgspec.structs.replace(bare_settings, brokers="127.0.0.1:1")
    with pytest.raises(PreflightError, match=r"no broker answers at 127\.0\.0\.1:1: .*ROLLCALL_BROKERS"):
        await preflight(nobody, "normalize")
