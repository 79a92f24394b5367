"""Consent in the judges' model: what a text means, which word is the newest, and what an opt-out ends.

Every revision of a message that is not a deletion has been said; nothing takes it back. Times are epoch milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol, TypeVar

ALL = "all"
OUT = ("stop", "unsubscribe", "opt out")
BACK = ("start", "unstop")
HELP = ("help", "info")
NEARLY = ("please stop texting me", "stop please")


class Word(NamedTuple):
    """An opt-out or opt-in; of those on one thing the greatest holds: of one moment the opt-out, then a certain one."""

    time: int
    out: bool
    certain: bool
    id: str


class Timed(Protocol):
    """What is added or removed by hand."""

    @property
    def time(self) -> int: ...  # noqa: D102
    @property
    def type(self) -> str: ...  # noqa: D102


T = TypeVar("T", bound=Timed)


def plain(text: str) -> str:
    """Return the words of a text in English."""
    return " ".join(re.findall(r"[a-z]+", text.lower()))


class Speech:
    """What whole texts mean at a tenant's."""

    def __init__(self, record: Mapping[str, Any]) -> None:
        self._acts = dict.fromkeys(OUT, "out") | dict.fromkeys(BACK, "back")
        self._acts |= dict.fromkeys(HELP, "help") | dict.fromkeys(NEARLY, "doubt")
        self._acts |= {plain(text): "out" for text in record.get("opt_out_words", ())}
        self._acts |= {plain(text): "back" for text in record.get("opt_in_words", ())}

    def act(self, message: Mapping[str, Any]) -> str:
        """Return what a message's revision does beside what rules find in it; nothing, mostly."""
        return "" if message.get("deleted") else self._acts.get(plain(message["text"]), "")


def is_out(words: Iterable[Word]) -> bool:
    """Whether the newest word is an opt-out."""
    newest = max(words, default=None)
    return newest is not None and newest.out


def counted(pins: Iterable[T], words: Iterable[Word]) -> list[T]:
    """Leave out what the newest opt-out of a group has ended, and adds from before the opt-in after it."""
    ordered = sorted(words)
    outs = [word.time for word in ordered if word.out]
    if not outs:
        return list(pins)
    ends = [word.time for word in ordered if not word.out and word.time > outs[-1]]
    back = min(ends, default=None)
    return [
        pin for pin in pins
        if (pin.time >= outs[-1] if pin.type != "group.add" else back is not None and pin.time >= back)
    ]  # fmt: skip
