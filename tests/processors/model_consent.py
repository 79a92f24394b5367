"""Consent in the slow model: all words ever said by guests and for them, and what they make of adds and removes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from re import findall
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from tests.processors.model_links import Links

Event = Mapping[str, Any]
OUT = ("stop", "unsubscribe", "opt out", "please stop texting me", "stop please")
BACK = ("start", "unstop")
ALL = "all"


class Word(NamedTuple):
    """An opt-out or opt-in; sorted, the last one holds: of two at one moment the opt-out."""

    time: datetime
    out: bool


def commands_in(messages: Iterable[Event], record: Event) -> Iterator[tuple[int, Event]]:
    """Yield the command that each message amounts to, with its place; a repeat of the newest revision is none."""
    outs, backs = (*OUT, *record.get("opt_out_words", ())), (*BACK, *record.get("opt_in_words", ()))
    newest: dict[tuple[str, ...], int] = {}
    for at, event in enumerate(messages):
        data = event["data"]
        name = (data["from"], event["source"], data["message_id"])
        if data["revision"] != newest.get(name):
            newest[name] = max(data["revision"], newest.get(name, 0))
            words = "" if data.get("deleted") else " ".join(findall("[a-z]+", data["text"].lower()))
            kind, more = _meaning(words, outs, backs)
            if kind:
                content = {"contacts": [{"phone": data["from"]}], **more}
                yield at, {"type": kind, "time": event["time"], "id": event["id"], "data": content}


def _meaning(text: str, outs: Sequence[str], backs: Sequence[str]) -> tuple[str, dict[str, Any]]:
    verb, _, group = text.partition(" ")
    if text in outs:
        return "consent.opt_out", {"scope": ALL}
    if text in backs:
        return "consent.opt_in", {"scope": ALL}
    if verb == "no":
        return "consent.opt_out", {"scope": group}
    return ("group.add", {"group": group, "reason": "keyword", "evidence": text}) if verb == "join" else ("", {})


class Consents:
    """The words of each guest, to everything and to each group."""

    def __init__(self, commands: Iterable[Event], links: Links) -> None:
        self.links = links
        self._ordered: dict[tuple[str, str], list[Word]] = {}
        self.words: dict[tuple[str, str], list[Word]] = defaultdict(list)
        self.named: set[str] = set()
        in_force: set[str] = {ALL}
        for event in commands:
            kind, data = event["type"], event["data"]
            if kind == "group.create":
                in_force.add(data["id"])
            elif kind == "group.delete":
                in_force.discard(data["group"])
            else:
                self._take(kind, event, in_force)

    def _take(self, kind: str, event: Event, in_force: set[str]) -> None:
        data = event["data"]
        scope = data.get("scope", ALL) if kind.startswith("consent.") else data["group"]
        evident = kind == "group.add" and data.get("evidence") and data.get("reason", "manual") in {"manual", "keyword"}
        if scope in in_force and (kind.startswith("consent.") or evident):
            for contact in data["contacts"]:
                word = Word(datetime.fromisoformat(event["time"]), kind == "consent.opt_out")
                self.words[contact["phone"], scope].append(word)
                self.named.add(self.links.of(contact["phone"]))

    def out(self, guest: str, scope: str = ALL) -> bool:
        """Whether a guest is opted out."""
        words = self.ordered(guest, scope)
        return bool(words) and words[-1].out

    def ordered(self, guest: str, scope: str) -> list[Word]:
        """Return what all ids of a guest have said, in order."""
        if (guest, scope) not in self._ordered:
            said = {name: sorted(words) for (name, of), words in self.words.items() if of == scope}
            self._ordered[guest, scope] = [Word(*word) for word in self.links.words(guest, said)]
        return self._ordered[guest, scope]

    def counted(self, guest: str, group: str, pins: Sequence[Event]) -> list[Event]:
        """Leave out what an opt-out has ended, and adds from before the next opt-in."""
        outs, end = list[datetime](), None
        for word in self.ordered(guest, group):
            if word.out:
                outs, end = [*outs, word.time], None
            elif end is None:
                end = word.time
        if not outs:
            return list(pins)
        kept = []
        for pin in pins:
            time = datetime.fromisoformat(pin["time"])
            if time >= max(outs) if pin["type"] != "group.add" else end is not None and time >= end:
                kept.append(pin)
        return kept
