"""Find the brokers of a running Rollcall, and say plainly what they would not do."""

from __future__ import annotations

import logging
import socket
from contextlib import contextmanager
from typing import TYPE_CHECKING

from streams.cli.say import TroubleError

if TYPE_CHECKING:
    from collections.abc import Generator

    from streams.settings import Settings


def reached(settings: Settings) -> Settings:
    """The settings with their brokers, by default those of `rollcall up` here; one of them must answer."""
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it repeats every second what is said once here
    brokers = settings.brokers or f"127.0.0.1:{settings.broker_port}"
    if not any(_listens(broker.strip()) for broker in brokers.split(",")):
        raise TroubleError(f"no broker answers at {brokers}: is `rollcall up` running?")
    return settings.with_brokers(brokers)


def _listens(broker: str) -> bool:
    host, _, port = broker.rpartition(":")
    try:
        with socket.create_connection((host.strip("[]"), int(port)), timeout=5):
            return True
    except (OSError, ValueError):
        return False


@contextmanager
def plainly() -> Generator[None, None, None]:
    """Turn what goes wrong at the brokers into words for the person at the terminal."""
    from streams.runtime.admin import TopicsError  # noqa: PLC0415
    from streams.runtime.hash_key import HashKeyError  # noqa: PLC0415
    from streams.runtime.topic_io import TopicError  # noqa: PLC0415
    from streams.settings import SettingsError  # noqa: PLC0415

    try:
        yield
    except (TopicsError, TopicError, SettingsError, HashKeyError) as error:
        raise TroubleError(str(error)) from error
