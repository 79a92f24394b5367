"""Consent in the judges' model: what a whole text means, which word is the newest, and what an opt-out ends.

Every revision of a message that is not a deletion has been said; nothing takes it back. Times are epoch milliseconds.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple, Protocol, TypeVar

ALL = "all"
OUT = ("stop", "unsubscribe", "opt out")
BACK = ("start", "unstop")
HELP = ("help", "info")
NEARLY = ("please stop texting me", "stop please")


class Word(NamedTuple):
    """An opt-out or opt-in; of those on one thing the greatest holds: of one moment the opt-out, then a certain one."""

    time: float
    out: bool
    certain: bool
    id: str


class Timed(Protocol):
    """What is added or removed by hand."""

    @property
    def time(self) -> float: ...  # noqa: D102
    @property
    def type(self) -> str: ...  # noqa: D102


T = TypeVar("T", bound=Timed)


def plain(text: str) -> str:
    """Return the words of a text in English."""
    return " ".join(re.findall(r"[a-z]+", text.lower()))


class Speech:
    """What whole texts mean at a tenant's: `out`, `back`, `doubt` and `help` of all, `join` and `leave` of groups.

    No text of the load means several of these.
    """

    def __init__(self) -> None:
        self._asked: dict[str, set[tuple[str, str]]] = defaultdict(set)
        for act, texts in {"out": OUT, "back": BACK, "help": HELP, "doubt": NEARLY}.items():
            self._learn(act, ALL, texts)

    def _learn(self, act: str, scope: str, texts: Iterable[str]) -> None:
        for text in texts:
            self._asked[plain(text)].add((act, scope))

    def of_tenant(self, record: Mapping[str, Any]) -> None:
        """Learn a tenant's own words."""
        self._learn("out", ALL, record.get("opt_out_words", ()))
        self._learn("back", ALL, record.get("opt_in_words", ()))

    def of_group(self, group: Mapping[str, Any]) -> None:
        """Learn a group's words."""
        self._learn("leave", group["id"], group.get("leave_words", ()))
        self._learn("join", group["id"], group.get("join_words", ()))

    def asked(self, message: Mapping[str, Any]) -> set[tuple[str, str]]:
        """Return what a message's revision asks for, of all or of a group; nothing, mostly."""
        return set() if message.get("deleted") else self._asked.get(plain(message["text"]), set())


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
