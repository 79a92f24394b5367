"""What a process checks before it starts: better one clear line now than a hop that waits for ever."""

from __future__ import annotations

from streams.runtime.admin import TopicsError, differences, show_topics
from streams.settings import Settings, SettingsError


class PreflightError(Exception):
    """The process cannot start; the text says what to do."""


async def preflight(settings: Settings, hop: str) -> None:
    """The brokers answer, and the topics are there with the settings that `hop` relies on. Raises PreflightError."""
    try:
        told = differences(await show_topics(settings), settings)
    except (TopicsError, SettingsError) as error:
        raise PreflightError(f"{hop} cannot start: {error}") from error
    if told:
        raise PreflightError(f"{hop} cannot start: {'; '.join(told)}")
