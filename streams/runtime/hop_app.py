"""A Faust app for one hop, with every trap of 0.15.3 that a setting can close closed.

Faust brings the consumer group, its assignment and the worker's life; nothing goes through its producer, tables or web
server. See transport.py for the rest.
"""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable
from pathlib import Path

import faust
from faust.auth import Credentials, SASLCredentials, SSLCredentials
from yarl import URL

from streams.runtime.transport import Switches, Transport
from streams.settings import Settings

CHUNK_RECORDS = 4_000
BUFFERED_CHUNKS = 6


class HopApp(faust.App):
    """A Faust app that connects what its hop needs before it joins the group, and lets it go after it has left."""

    opening: Callable[[], Awaitable[None]]
    closing: Callable[[], Awaitable[None]]
    switches: Switches

    async def on_start(self) -> None:
        """Connect first: no record may come before."""
        logging.getLogger().setLevel(logging.WARNING)  # Faust's worker leaves it at DEBUG: 8 % of an event's cost
        await self.opening()
        await super().on_start()

    async def on_shutdown(self) -> None:
        """Let go last."""
        await super().on_shutdown()
        await self.closing()


def hop_app(settings: Settings, hop: str, instance: str) -> HopApp:
    """Return the app of a hop; `instance` names this worker for ever (static membership)."""
    state = folder(settings, instance, hop)
    state.mkdir(parents=True, exist_ok=True)
    urls = [URL(f"kafka://{broker}") for broker in settings.bootstrap.split(",")]
    app = HopApp(
        group_id(settings, hop),
        broker=urls,
        broker_credentials=_credentials(settings),
        store="memory://",
        datadir=str(state / "faust"),
        topic_partitions=settings.partitions,
        topic_allow_declare=False,
        topic_disable_leader=True,
        web_enabled=False,
        consumer_auto_offset_reset="earliest",
        consumer_group_instance_id=f"{settings.topic_prefix}{hop}-{instance}",
        consumer_max_fetch_size=2 * 1024 * 1024,
        broker_max_poll_records=CHUNK_RECORDS,
        broker_commit_interval=1.0,
        broker_session_timeout=float(settings.session_seconds),
        broker_heartbeat_interval=settings.session_seconds / 5,
        broker_request_timeout=30.0,
        broker_rebalance_timeout=30.0,
        broker_check_crcs=True,
        producer_request_timeout=30.0,
        stream_buffer_maxsize=BUFFERED_CHUNKS,
        stream_wait_empty=True,
        stream_publish_on_commit=False,
    )
    transport = Transport(urls, app, loop=None)
    app.transport, app.switches = transport, transport.switches
    return app


def group_id(settings: Settings, hop: str) -> str:
    """Return the consumer group of a hop."""
    return f"{settings.topic_prefix}{hop}"


def folder(settings: Settings, instance: str, hop: str) -> Path:
    """Return the folder of a worker's state."""
    return settings.data / instance / hop


def _credentials(settings: Settings) -> Credentials | None:
    security = settings.kafka_security()
    if not security:
        return None
    context = security.get("ssl_context")
    if "sasl_mechanism" not in security:
        return SSLCredentials(context)
    return SASLCredentials(
        username=security["sasl_plain_username"],
        password=security["sasl_plain_password"],
        mechanism=security["sasl_mechanism"],
        ssl_context=context,
    )
