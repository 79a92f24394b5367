"""A hop's Faust app before it connects: every trap that a setting can close is closed."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from streams.runtime.hop_app import HopApp, hop_app
from streams.runtime.transport import Consumer, Transport
from streams.settings import Settings


@pytest.fixture
def app(tmp_path: Path) -> HopApp:
    """The app of a hop; nobody listens at its broker."""
    settings = Settings(brokers="127.0.0.1:1,127.0.0.1:2", data=tmp_path, topic_prefix="x.", session_seconds=7)
    return hop_app(settings, "decide", "seven")


def test_nothing_but_the_group(app: HopApp) -> None:
    """No web server, no leader topic, no topic declared, no tables on disk: Faust brings the group and that is all."""
    conf = app.conf
    assert not conf.web_enabled
    assert conf.topic_disable_leader
    assert not conf.topic_allow_declare
    assert str(conf.store) == "memory:"


def test_group_and_member(app: HopApp) -> None:
    """The group is the hop's, the member has the instance's name for ever, and the session is the setting."""
    conf = app.conf
    assert conf.id == "x.decide"
    assert conf.consumer_group_instance_id == "x.decide-seven"
    assert conf.broker_session_timeout == 7
    assert conf.broker_heartbeat_interval < 7 / 3
    assert [str(url) for url in conf.broker] == ["kafka://127.0.0.1:1", "kafka://127.0.0.1:2"]


def test_limits(app: HopApp) -> None:
    """A new group begins at the beginning, buffers hold a few chunks, requests end before anybody loses patience."""
    conf = app.conf
    assert conf.consumer_auto_offset_reset == "earliest"
    assert conf.stream_buffer_maxsize <= 8
    assert conf.producer_request_timeout <= 30
    assert conf.broker_request_timeout <= 30
    assert conf.stream_wait_empty


def test_chunk_transport(app: HopApp) -> None:
    """Messages are chunks: the transport is our own, and so is its consumer."""
    assert isinstance(app.transport, Transport)
    assert app.transport.Consumer is Consumer


class ConnectedError(Exception):
    """The app has come as far as connecting."""


async def test_root_logger(app: HopApp) -> None:
    """Before the first record is read the root logger is at WARNING: below it every record pays for logging."""

    async def opening() -> None:
        raise ConnectedError

    app.opening = opening
    root = logging.getLogger()
    before = root.level
    try:
        root.setLevel(logging.DEBUG)
        with pytest.raises(ConnectedError):
            await app.on_start()
        assert root.level == logging.WARNING
    finally:
        root.setLevel(before)
