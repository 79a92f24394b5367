"""The demo's live table on standard error: groups, members, events a second, dead letters."""

from __future__ import annotations

import asyncio
import re
import time
from contextlib import suppress
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from streams.cli.ask import Api, page
from streams.cli.groups import standing
from streams.cli.printable import printable
from streams.cli.say import TroubleError
from streams.cli.up import web
from streams.demo.groups import TENANT_ID

if TYPE_CHECKING:
    from types import TracebackType

    from streams.settings import Settings

EVERY = 0.5
"""Seconds between two looks."""

_SAMPLE = re.compile(r"^(?P<name>\w+)(?:\{[^}]*\})? (?P<value>\S+)$", re.MULTILINE)


class Picture(NamedTuple):
    """What the table shows at one moment."""

    groups: tuple[tuple[str, str, str, int, int], ...] = ()
    events: int = 0
    changes: int = 0
    rejects: int = 0
    lag: int = 0


class Board:
    """Looks at a running system twice a second; on a terminal it draws what it sees, in a pipe only the last of it."""

    def __init__(self, settings: Settings, metrics: dict[str, str]) -> None:
        self.fed = 0
        self.total = 0
        self.idle = False
        self._api = Api(web(settings), TENANT_ID)
        self._metrics = metrics
        self._picture = Picture()
        self._rate = self._most = 0.0
        self._said = ""
        self._console = Console(stderr=True)
        self._live = Live(console=self._console, auto_refresh=False, transient=False)

    def picture(self) -> Picture:
        """What was seen last."""
        return self._picture

    def say(self, text: str) -> None:
        """Stand this under the table; in a pipe, print both now."""
        self._said = text
        if not self._console.is_terminal:
            self._console.print(self._drawn(), soft_wrap=True)

    async def __aenter__(self) -> Self:
        if self._console.is_terminal:
            self._live.start()
        self._looking = asyncio.create_task(self._look_on())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._looking.cancel()
        await asyncio.wait({self._looking})
        if self._console.is_terminal:
            self._live.stop()
        elif not self._said:
            self._console.print(self._drawn())

    async def _look_on(self) -> None:
        before = time.monotonic()
        while True:
            seen = await asyncio.to_thread(self._look)
            now = time.monotonic()
            gained = max(seen.events - self._picture.events, 0)  # a worker that starts again counts from 0
            self._rate += (gained / max(now - before, 0.001) - self._rate) * 0.4
            self._most = max(self._most, self._rate)
            self._picture, before = seen, now
            if self._console.is_terminal:
                self._live.update(self._drawn(), refresh=True)
            await asyncio.sleep(EVERY)

    def _look(self) -> Picture:
        pages = {hop: _samples(page(url)) for hop, url in self._metrics.items()}
        both = [sample for samples in pages.values() for sample in samples]
        lag = _sum(both, "rollcall_lag_records")
        # what a transaction leaves at the end of a log is counted as lag by some brokers' numbers: a handful is none
        self.idle = all(_sum(samples, "rollcall_ready") for samples in pages.values()) and lag <= len(both)
        return Picture(
            groups=self._groups(),
            events=_sum(both, "rollcall_events_in_total"),
            changes=_sum(both, "rollcall_changes_out_total"),
            rejects=_sum(both, "rollcall_rejects_total"),
            lag=lag,
        )

    def _groups(self) -> tuple[tuple[str, str, str, int, int], ...]:
        with suppress(TroubleError):
            return tuple(_row(group) for group in self._api.items("groups"))
        return self._picture.groups

    def _drawn(self) -> Group:
        table = Table("group", "what for", "status", title="Rollcall demo", title_justify="left", expand=False)
        table.add_column("members", justify="right")
        table.add_column("sendable", justify="right")
        for name, what, status, members, sendable in self._picture.groups:
            table.add_row(name, Text(printable(what)), status, f"{members:,}", f"{sendable:,}")
        seen = self._picture
        told = [f"{self.fed:,} of {self.total:,} fed"] if self.total else []
        told += [
            f"{self._rate:,.0f} events/s (at most {self._most:,.0f})",
            f"{seen.changes:,} changes",
            f"{seen.rejects:,} dead letters",
        ]
        line = "   ".join([*told, f"lag {seen.lag:,}"])
        return Group(table, Text(line), *([Text(self._said)] if self._said else []))


def _row(group: dict[str, Any]) -> tuple[str, str, str, int, int]:
    what = group.get("description") or group.get("name") or ""
    return group["id"], what, standing(group), group["members"], group["sendable"]


def _samples(text: str) -> list[tuple[str, float]]:
    return [(found["name"], float(found["value"])) for found in _SAMPLE.finditer(text)]


def _sum(samples: list[tuple[str, float]], name: str) -> int:
    return round(sum(value for found, value in samples if found == name))
