"""A real broker for all tests here: one node, started once; each test has topics of its own by prefix."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from streams.runtime.admin import create_topics
from streams.runtime.broker import EmbeddedBroker
from streams.settings import Settings

PARTITIONS = 4


@pytest.fixture(scope="session")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EmbeddedBroker]:
    """One node on free ports, for the whole run."""
    with EmbeddedBroker(tmp_path_factory.mktemp("broker")) as one:
        yield one


@pytest.fixture
def bare_settings(broker: EmbeddedBroker, tmp_path: Path) -> Settings:
    """Settings with a prefix of this test's own; no topic is there yet."""
    return Settings(
        brokers=broker.bootstrap,
        data=tmp_path / "data",
        topic_prefix=f"t-{uuid.uuid4().hex[:8]}.",
        partitions=PARTITIONS,
        http="127.0.0.1:0",
    )


@pytest.fixture
def settings(bare_settings: Settings) -> Settings:
    """Settings with a prefix of this test's own and all topics made."""
    asyncio.run(create_topics(bare_settings))
    return bare_settings


@pytest.fixture
def three_brokers(tmp_path: Path) -> Iterator[Callable[[], EmbeddedBroker]]:
    """A maker of started clusters of three; they are stopped with the test."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(EmbeddedBroker(tmp_path / f"three-{uuid.uuid4().hex[:6]}", nodes=3))
