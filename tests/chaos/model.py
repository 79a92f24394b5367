"""The memberships once more, from the published records alone: plain Python that shares no code with the pipeline.

It knows the rules that the load uses, in a tenant whose zone is UTC; tests/processors/model.py is another, slower
telling of the whole contract, and a test compares the two. Times are epoch milliseconds.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, NamedTuple, cast

from tests.chaos.model_consent import ALL, Speech, Word, counted, is_out

Rule = Mapping[str, Any]
Named = tuple[str, str]
"""A group and a contact, or a source and an id."""

NEVER = 1 << 60
SAID_BY = ("gateway", "channel", "reviews", "console")
SOURCES = ("rule", "manual", "import", "keyword", "flow", "bulk")
LIVING = ("confirmed", "checked_in", "checked_out")


class Held(NamedTuple):
    """A membership: its sources, and when it ends (NEVER if it does not)."""

    sources: tuple[str, ...]
    end: int


class Fact(NamedTuple):
    """The newest revision of a message, booking or rating."""

    revision: int
    time: int
    data: Mapping[str, Any]


class Pin(NamedTuple):
    """One contact's part of a command, in the order that decides."""

    time: int
    id: str
    type: str
    reason: str
    expires: int


def millis(text: str) -> int:
    """Read RFC 3339 as epoch milliseconds."""
    moment = datetime.fromisoformat(text)
    return round(moment.timestamp() * 1000)


def lasting(within: str | None) -> int | None:
    """Read a duration of days or seconds as milliseconds."""
    if within is None:
        return None
    found = re.fullmatch(r"P(?:(\d+)D)?(?:T(\d+)S)?", within)
    assert found is not None, within
    return (int(found[1] or 0) * 86_400 + int(found[2] or 0)) * 1000


def day(text: str) -> int:
    """Return the beginning of a day."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def ids_in(event: Mapping[str, Any]) -> list[str]:
    """Return the ids by which an event names its guest, the leading one first."""
    data = event["data"]
    if event["type"] == "message":
        return [("mailto:" if data["channel"] == "email" else "tel:") + data["from"]]
    guest = data.get("guest", {})
    return [scheme + guest[name] for name, scheme in (("phone", "tel:"), ("email", "mailto:")) if name in guest]


class Guest:
    """What is known of one guest: facts that count, pins, words; up to when it was deleted, and when it was erased.

    `named` and `added` are the times of the events that name it, and of the adds by hand: they begin a contact anew.
    """

    def __init__(self) -> None:
        self.ended = self.erased = -1
        self.named: set[int] = set()
        self.added: set[int] = set()
        self.messages: list[Fact] = []
        self.bookings: list[Fact] = []
        self.ratings: list[Fact] = []
        self.pins: dict[str, list[Pin]] = defaultdict(list)
        self.words: dict[str, list[Word]] = defaultdict(list)
        """Of consent: what was said of everything, and of groups by their id."""


class Model:
    """Reads events in any order, then tells who is in which group."""

    def __init__(self, commands: Iterable[Mapping[str, Any]], events: Iterable[Mapping[str, Any]]) -> None:
        self.groups: dict[str, Rule] = {}
        self.deleted: set[str] = set()
        self.guests: dict[str, Guest] = defaultdict(Guest)
        self.facts: dict[str, dict[Named, Fact]] = {"message": {}, "booking": {}, "rating": {}}
        self.whose: dict[str, dict[Named, tuple[int, str]]] = {"message": {}, "booking": {}, "rating": {}}
        self.links: dict[str, tuple[int, str]] = {}
        """Whose an e-mail address is, and since when: of those that an event named together with a phone."""
        self._spoken: dict[str, list[tuple[str, Word]]] = defaultdict(list)
        events = list(events)
        for event in events:
            self._link(millis(event["time"]), *ids_in(event))
        self.speech = Speech()
        self.rules: dict[str, list[Rule]] = defaultdict(list)
        """All that each group has had."""
        self.greetings: dict[str, str] = {}
        for command in commands:
            self._command(command)
        for event in events:
            self._event(event)
        for kind, facts in self.facts.items():
            self._hand_out(kind, facts)
        for name, (since, contact) in self.links.items():
            self._unite(name, contact, since)

    @property
    def linked(self) -> set[str]:
        """All ids that are linked."""
        return self.links.keys() | {contact for _, contact in self.links.values()}

    def of(self, name: str) -> str:
        """Return the contact that an id is."""
        return self.links[name][1] if name in self.links else name

    def _link(self, time: int, *ids: str) -> None:
        for other in ids[1:]:
            self.links[other] = min((time, ids[0]), self.links.get(other, (NEVER, "")))

    def _unite(self, name: str, contact: str, since: int) -> None:
        """Have an opt-out of one of two that are linked be that of both from then on, whatever the other had said."""
        words = self.guests[contact].words
        for scope in [*words]:
            before = [
                [word for at, word in self._spoken[one] if at == scope and word.time < since] for one in (name, contact)
            ]
            if any(map(is_out, before)):
                words[scope].append(Word(since - 0.5, out=True, certain=True, id=""))

    def _event(self, event: Mapping[str, Any]) -> None:
        kind, data = event["type"], event["data"]
        name = event["source"], data[f"{kind}_id"]
        revision, facts, whose = data["revision"], self.facts[kind], self.whose[kind]
        if name not in facts or revision > facts[name].revision:
            facts[name] = Fact(revision, millis(event["time"]), data)
        for guest in map(self.of, ids_in(event)[:1]):
            self.guests[guest].named.add(millis(event["time"]))
            if name not in whose or revision > whose[name][0]:
                whose[name] = (revision, guest)
        if kind == "message":
            self._hear(event)

    def _hear(self, event: Mapping[str, Any]) -> None:
        """Take what a message's revision says of consent, whatever became of it later."""
        (name,), time = ids_in(event), millis(event["time"])
        guest = self.guests[self.of(name)]
        for act, scope in self.speech.asked(event["data"]):
            if act != "help":
                out = act in {"out", "doubt", "leave"}
                self._speak(name, scope, Word(time, out, act != "doubt", event["id"]))
            if act == "join":
                guest.pins[scope].append(Pin(time, event["id"], "group.add", "keyword", NEVER))

    def _command(self, command: Mapping[str, Any]) -> None:
        """Commands come in the order of their log."""
        kind, data = command["type"], command["data"]
        if kind == "tenant.put":
            self.speech.of_tenant(data)
        elif kind == "group.create":
            self._create(data)
        elif kind == "group.delete":
            self.groups.pop(data["group"], None)
            self.deleted.add(data["group"])
        elif kind in {"group.add", "group.remove", "group.clear_pin"}:
            self._pin(command, data)
        elif kind in {"consent.opt_out", "consent.opt_in"}:
            self._say(command, data.get("scope", ALL), out=kind == "consent.opt_out")
        elif kind == "contact.delete":
            guest, time = self.guests[f"tel:{data['contact']['phone']}"], millis(command["time"])
            guest.ended = max(guest.ended, time)
            guest.erased = max(guest.erased, time if data.get("erase") else -1)

    def _create(self, data: Mapping[str, Any]) -> None:
        """Take a group, or for one that is there a successor, which leaves the words as they are."""
        name, succeeds = data["id"], "supersedes" in data
        if succeeds == (name in self.groups):
            self.groups[name] = data["rule"]
            self.rules[name].append(data["rule"])
        if not succeeds:
            self.speech.of_group(data)
            self.greetings[name] = data.get("reply", "")

    def _say(self, command: Mapping[str, Any], scope: str, *, out: bool) -> None:
        word = Word(millis(command["time"]), out, certain=True, id=command["id"])
        for contact in command["data"]["contacts"]:
            self._speak(f"tel:{contact['phone']}", scope, word)

    def _speak(self, name: str, scope: str, word: Word) -> None:
        self._spoken[name].append((scope, word))
        self.guests[self.of(name)].words[scope].append(word)

    def _pin(self, command: Mapping[str, Any], data: Mapping[str, Any]) -> None:
        expires = millis(data["expires_at"]) if "expires_at" in data else NEVER
        pin = Pin(millis(command["time"]), command["id"], command["type"], data.get("reason", "manual"), expires)
        for contact in data["contacts"]:
            guest = self.guests[f"tel:{contact['phone']}"]
            guest.pins[data["group"]].append(pin)
            if pin.type == "group.add":
                guest.added.add(pin.time)
        if pin.type == "group.add" and pin.reason == "manual" and data.get("evidence"):
            self._say(command, data["group"], out=False)

    def _hand_out(self, kind: str, facts: Mapping[Named, Fact]) -> None:
        for name, fact in facts.items():
            if name in self.whose[kind]:
                guest = self.guests[self.whose[kind][name][1]]
                if fact.time > guest.ended:
                    getattr(guest, f"{kind}s").append(fact)

    # memberships -----------------------------------------------------------------------------------------------------

    def memberships(self, now: int) -> dict[Named, Held]:
        """Return who is in which group at a moment."""
        found = dict[Named, Held]()
        for contact, guest in self.guests.items():
            for group, rule in self.groups.items():
                held = self._held(rule, guest, group, now)
                if held is not None:
                    found[group, contact] = held
        return found

    def opted_out(self) -> set[Named]:
        """Return who has opted out of what: contacts with `all` or a group."""
        guests = self.guests.items()
        return {(contact, scope) for contact, one in guests for scope, words in one.words.items() if is_out(words)}

    def _held(self, rule: Rule, guest: Guest, group: str, now: int) -> Held | None:
        words = guest.words.get(group, ())
        pins = [pin for pin in guest.pins.get(group, ()) if pin.time > guest.ended]
        out, adds = settle(counted(pins, words))
        if out or is_out(words):
            return None
        truth = Truth(rule, guest)
        held = sources(truth, adds, now)
        if not held:
            return None
        moments = sorted(t for t in {*truth.moments(), *adds.values()} if now < t < NEVER)
        end = next((t for t in moments if not sources(truth, adds, t)), NEVER)
        return Held(held, end)


def settle(pins: Iterable[Pin]) -> tuple[bool, dict[str, int]]:
    """Return whether a remove is the last word, and when each added source ends."""
    out, adds = False, dict[str, int]()
    for pin in sorted(set(pins)):
        if pin.type == "group.add":
            out, adds[pin.reason] = False, pin.expires
        else:
            out, adds = pin.type == "group.remove", {}
    return out, adds


def sources(truth: Truth, adds: Mapping[str, int], at: int) -> tuple[str, ...]:
    """Return the sources that hold at a moment."""
    held = {reason for reason, end in adds.items() if at < end}
    return tuple(s for s in SOURCES if s in held or (s == "rule" and truth.at(at)))


class Truth:
    """A rule over one guest's facts, at any moment; what does not depend on the moment is found once."""

    def __init__(self, rule: Rule, guest: Guest) -> None:
        self.rule = rule
        self.parts = [Truth(part, guest) for word in ("all", "any", "none") for part in rule.get(word, ())]
        self.spans: list[tuple[int, int, Any]] = []
        if not self.parts:
            spans = {"message": _messages, "rating": _ratings, "booking": _bookings}.get(rule["event"])
            self.spans = sorted(spans(rule, guest), key=lambda span: span[:2]) if spans else []

    def moments(self) -> set[int]:
        """Return every moment at which it may flip."""
        own = {moment for first, last, _ in self.spans for moment in (first, last)}
        return own.union(*(part.moments() for part in self.parts))

    def at(self, now: int) -> bool:
        """Whether it holds."""
        if self.parts:
            told = [part.at(now) for part in self.parts]
            return all(told) if "all" in self.rule else any(told) if "any" in self.rule else not any(told)
        counted = [what for first, last, what in self.spans if self._counts(first, last, now)]
        return _ENOUGH[self.rule["event"]](self.rule, counted)

    def _counts(self, first: int, last: int, now: int) -> bool:
        if self.rule.get("stay") == "upcoming":
            return now < first
        return now < last


def _end(start: int, within: str | None) -> int:
    length = lasting(within)
    return NEVER if length is None else start + length


def _messages(rule: Rule, guest: Guest) -> Iterable[tuple[int, int, Any]]:
    for fact in guest.messages:
        if not fact.data.get("deleted") and matches(rule, fact.data["text"]):
            yield fact.time, _end(fact.time, rule.get("within")), None


def matches(rule: Rule, text: str) -> bool:
    """Whether a text of plain words has one of a rule's phrases, and none of those it must not have."""
    plain = f" {text} "
    return any(f" {p} " in plain for p in rule["any_of"]) and not any(
        f" {p} " in plain for p in rule.get("none_of", ())
    )


def _ratings(rule: Rule, guest: Guest) -> Iterable[tuple[int, int, Any]]:
    """Yield what counts; of two that were given in one moment the better is the later."""
    given = [fact for fact in guest.ratings if not fact.data.get("withdrawn")]
    for fact in sorted(given, key=lambda fact: float(fact.data["stars"])):
        yield fact.time, _end(fact.time, rule.get("within")), fact.data["stars"]


def _bookings(rule: Rule, guest: Guest) -> Iterable[tuple[int, int, Any]]:
    for fact in guest.bookings:
        rooms = rule.get("room_types")
        if fact.data["status"] in LIVING and (not rooms or fact.data["room_type"] in rooms):
            yield day(fact.data["check_in"]), _end(day(fact.data["check_out"]), rule.get("within")), fact.data


def _enough_messages(rule: Rule, counted: list[Any]) -> bool:
    return len(counted) >= int(rule.get("min_count", 1))


def _good_ratings(rule: Rule, counted: list[Any]) -> bool:
    good = [rule.get("min_stars", 1) <= stars <= rule.get("max_stars", 5) for stars in counted]
    mode = rule.get("mode", "any")
    return bool(good) and bool({"any": any(good), "all": all(good), "latest": good[-1]}[mode])


def _enough_bookings(rule: Rule, counted: list[Any]) -> bool:
    spent = sum((Decimal(data["amount"]) for data in counted), Decimal(0))
    return len(counted) >= rule.get("min_bookings", 1) and spent >= Decimal(rule.get("min_spent", "0"))


def _never(_rule: Rule, _counted: list[Any]) -> bool:
    return False


_ENOUGH: dict[str, Callable[[Rule, list[Any]], bool]] = {
    "message": _enough_messages,
    "rating": _good_ratings,
    "booking": _enough_bookings,
    "manual": _never,
}


def read(value: bytes | None) -> Mapping[str, Any] | None:
    """Return a raw record as the load's event, None for what is no valid event."""
    try:
        event = json.loads(value or b"")
    except (ValueError, RecursionError):
        return None
    if not isinstance(event, dict):
        return None
    found = cast("dict[str, Any]", event)
    return found if found.get("tenant") == "chaos" and found.get("source") in SAID_BY else None
