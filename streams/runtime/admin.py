"""Create the topics with the right settings, show them, and compare what is there with what should be."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaConnectionError, KafkaError, TopicAlreadyExistsError, for_code
from msgspec import Struct

from streams.settings import Settings
from streams.topics import TOPICS, Topic

_LEADER_SECONDS = 30.0


class TopicsError(Exception):
    """The topics are not as the pipeline needs them; the text says what to do."""


class Shown(Struct, frozen=True, kw_only=True):
    """One topic as the broker has it."""

    name: str
    topic: Topic
    partitions: int
    replication: int
    config: dict[str, str]
    leaderless: int = 0


@asynccontextmanager
async def admin_client(settings: Settings) -> AsyncIterator[AIOKafkaAdminClient]:
    """An admin client on the settings' brokers; raises TopicsError when none answers."""
    security = settings.kafka_security()
    client = AIOKafkaAdminClient(bootstrap_servers=settings.bootstrap, request_timeout_ms=20_000, **security)
    try:
        try:
            await client.start()
        except KafkaConnectionError:
            # a refused password or certificate looks the same from here; the client's log tells which
            also = ", ROLLCALL_SASL_… or ROLLCALL_TLS_…" if security else ""
            raise TopicsError(
                f"no broker answers at {settings.bootstrap}: start it, or correct ROLLCALL_BROKERS{also}"
            ) from None
        yield client
    finally:
        await client.close()


async def create_topics(settings: Settings) -> list[str]:
    """Create the topics that are missing and wait for their leaders; returns the names of the new ones.

    Topics that are there already are compared. Raises TopicsError.
    """
    async with admin_client(settings) as client:
        there = {one.name for one in await _show(client, settings)}
        missing = [topic for topic in TOPICS if settings.topic_prefix + topic.name not in there]
        created = await _create(client, settings, missing) if missing else []
        await _await_leaders(client, settings)
        _raise_for(differences(await _show(client, settings), settings))
        return created


async def show_topics(settings: Settings) -> list[Shown]:
    """The topics of this prefix that are there, in the order of TOPICS. Raises TopicsError when no broker answers."""
    async with admin_client(settings) as client:
        return await _show(client, settings)


def differences(there: list[Shown], settings: Settings) -> list[str]:
    """What is not as it must be, a sentence each with what to do; empty when all is well."""
    by_name = {one.topic.name: one for one in there}
    missing = [settings.topic_prefix + topic.name for topic in TOPICS if topic.name not in by_name]
    told = [f"{', '.join(missing)}: missing, run `rollcall topics create`"] if missing else []
    return told + [text for one in there for text in _compare(one, settings)]


def _compare(one: Shown, settings: Settings) -> list[str]:
    told: list[str] = []
    if one.partitions != settings.partitions:
        told.append(
            f"{one.name} has {one.partitions} partitions, ROLLCALL_PARTITIONS says {settings.partitions}: contacts"
            " would be looked for in the wrong place; set it to the topic's number, or take another prefix"
        )
    for key in ("cleanup.policy", "message.timestamp.type"):
        want, have = one.topic.config(settings.replication)[key], one.config.get(key)
        if have != want:
            told.append(f"{one.name} has {key}={have} and needs {want}: alter the topic, or take another prefix")
    return told


def _raise_for(told: list[str]) -> None:
    if told:
        raise TopicsError("; ".join(told))


async def _create(client: AIOKafkaAdminClient, settings: Settings, topics: list[Topic]) -> list[str]:
    new = [
        NewTopic(
            settings.topic_prefix + topic.name,
            settings.partitions,
            settings.replication,
            topic_configs=topic.config(settings.replication),
        )
        for topic in topics
    ]
    try:
        response: Any = await client.create_topics(new, timeout_ms=20_000)
    except KafkaError as error:
        raise TopicsError(f"the topics cannot be created: {type(error).__name__}") from error
    return [name for name, code, message in response.topic_errors if _created(name, code, message, settings)]


def _created(name: str, code: int, message: str | None, settings: Settings) -> bool:
    """Whether the topic is new; False when another was quicker. Raises TopicsError."""
    if code == 0:
        return True
    error = for_code(code)
    if error is TopicAlreadyExistsError:
        return False
    raise TopicsError(
        f"{name} cannot be created: {message or error.__name__}"
        f" (ROLLCALL_PARTITIONS={settings.partitions}, ROLLCALL_REPLICATION={settings.replication})"
    )


async def _await_leaders(client: AIOKafkaAdminClient, settings: Settings) -> None:
    """Creation is answered before the partitions have leaders: a client that starts at once would fail."""
    deadline = time.monotonic() + _LEADER_SECONDS
    while not _all_led(await _show(client, settings)):
        if time.monotonic() > deadline:
            raise TopicsError(f"the topics have no leaders after {_LEADER_SECONDS:.0f} s: look into the broker's log")
        await asyncio.sleep(0.05)


def _all_led(there: list[Shown]) -> bool:
    return len(there) == len(TOPICS) and not any(one.leaderless for one in there)


async def _show(client: AIOKafkaAdminClient, settings: Settings) -> list[Shown]:
    by_full = {settings.topic_prefix + topic.name: topic for topic in TOPICS}
    # all topics, not ours by name: asking for a name that is not there may create it on a foreign broker
    known = {one["topic"]: one["partitions"] for one in await client.describe_topics() if one["topic"] in by_full}
    configs = await _configs(client, list(known))
    return [_shown(name, topic, known[name], configs.get(name, {})) for name, topic in by_full.items() if name in known]


def _shown(name: str, topic: Topic, partitions: list[dict[str, Any]], config: dict[str, str]) -> Shown:
    return Shown(
        name=name,
        topic=topic,
        partitions=len(partitions),
        replication=len(partitions[0]["replicas"]) if partitions else 0,
        config=config,
        leaderless=sum(1 for one in partitions if one["leader"] < 0),
    )


async def _configs(client: AIOKafkaAdminClient, names: list[str]) -> dict[str, dict[str, str]]:
    if not names:
        return {}
    responses: Any = await client.describe_configs([ConfigResource(ConfigResourceType.TOPIC, name) for name in names])
    return {
        resource[3]: {entry[0]: entry[1] for entry in resource[4]}
        for response in responses
        for resource in response.resources
    }
