"""What a process checks before it starts: better one clear line now than a hop that waits for ever."""

from __future__ import annotations

from streams.runtime.admin import TopicsError, differences, show_topics
from streams.runtime.hash_key import HashKeyError, hash_key
from streams.settings import Settings, SettingsError


class PreflightError(Exception):
    """The process cannot start; the text says what to do."""


async def preflight(settings: Settings, hop: str) -> None:
    """The brokers answer, and topics and files are there as `hop` relies on them. Raises PreflightError."""
    try:
        if hop == "decide":
            hash_key(settings)
        told = differences(await show_topics(settings), settings)
    except (TopicsError, SettingsError, HashKeyError) as error:
        raise PreflightError(f"{hop} cannot start: {error}") from error
    if told:
        raise PreflightError(f"{hop} cannot start: {'; '.join(told)}")
