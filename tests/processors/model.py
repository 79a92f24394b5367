"""The semantics once more, slow and simple: all events so far and a moment in, the memberships of that moment out.

Written from the contract's pages alone; it shares no code with `processors`. It keeps no state: everything is computed
anew from the whole list of events. Guests are named by phones in E.164, texts are in plain English.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from functools import partial
from re import findall, fullmatch
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from tests.processors.model_consent import Consents, commands_in
from tests.processors.model_links import Links, plain

Event = Mapping[str, Any]
Membership = tuple[tuple[str, ...], str | None]
"""Sources, and when it ends as RFC 3339."""

SOURCES = ("rule", "manual", "import", "keyword", "flow", "bulk")
EDITS = ("contact.tag", "contact.untag", "contact.note", "contact.upsert")
NEVER = datetime.max.replace(tzinfo=UTC)
LIVING = ("confirmed", "checked_in", "checked_out")


class Heard(NamedTuple):
    """An event, and when the broker took it."""

    at: datetime
    event: Event


def when(text: str) -> datetime:
    """Read a time."""
    return datetime.fromisoformat(text).astimezone(UTC)


def deadline(start: datetime, within: str | None, zone: str) -> datetime:
    """Add a duration in a zone: years and months clamped to the month's end, then days, then exact time."""
    if within is None:
        return NEVER
    found = fullmatch(r"P(?:(\d+)Y)?(?:(\d+)M)?(?:(\d+)W)?(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?", within)
    assert found is not None
    years, months, weeks, days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    exact = timedelta(hours=hours, minutes=minutes, seconds=seconds)
    if not (years or months or weeks or days):
        return start + exact
    wall = start.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    month = wall.month - 1 + months + 12 * years
    year, month = wall.year + month // 12, month % 12 + 1
    wall = wall.replace(year=year, month=month, day=min(wall.day, monthrange(year, month)[1]))
    moved = (wall + timedelta(days=days + 7 * weeks)).replace(tzinfo=ZoneInfo(zone), fold=0)
    return moved.astimezone(UTC) + exact


def with_words(heard: Sequence[Heard]) -> Iterator[Heard]:
    """Yield the events, and after each message the command that it amounts to, if it does.

    What the tenant's last record names as its own words has been such from the beginning.
    """
    records = [one.event["data"] for one in heard if one.event["type"] == "tenant.put"]
    at = [place for place, one in enumerate(heard) if one.event["type"] == "message"]
    commands = commands_in((heard[place].event for place in at), records[-1] if records else {})
    said = {at[place]: event for place, event in commands}
    for place, one in enumerate(heard):
        yield one
        if place in said:
            yield Heard(one.at, said[place])


def decided(heard: Iterable[Heard]) -> Iterator[Heard]:
    """Leave out groups that name what is not there, successors of none, cycles, and deletions of what is named."""
    rules: dict[str, Event] = {}
    for one in heard:
        data, kind = one.event["data"], one.event["type"]
        if kind == "group.create" and (data["id"] not in rules or "supersedes" in data):
            rule = data.get("rule") or {"event": "manual"}
            if ("supersedes" in data) != (data["id"] in rules) or not named(rule) <= rules.keys():
                continue
            if data["id"] in leads_to(rule, rules):
                continue
            rules[data["id"]] = rule
        elif kind == "group.delete":
            if any(data["group"] in named(rule) for rule in rules.values()):
                continue
            rules.pop(data["group"], None)
        yield one


def unrepeated(heard: Iterable[Heard], links: Links) -> Iterator[Heard]:
    """Leave out what comes under a revision that was there: the first stays."""
    known: dict[Any, set[int]] = {}
    for one in heard:
        data, kind = links.as_one(one.event)["data"], one.event["type"]
        if kind in {"message", "booking", "rating"}:
            name = (kind, one.event["source"], data[f"{kind}_id"], data.get("from"))
            there = known.setdefault(name, set())
            if data["revision"] in there:
                continue
            there.add(data["revision"])
        yield one


class Model:
    """What is true after some events."""

    def __init__(self, heard: Sequence[Heard]) -> None:
        taken = [*decided(heard)]
        self.links = Links(one.event for one in taken)
        first = unrepeated((Heard(at, plain(event)) for at, event in taken), self.links)
        said = [*with_words([*first])]
        self.heard = [Heard(at, self.links.as_one(event)) for at, event in said]
        kinds = ("group.create", "group.delete", "group.add", "consent.opt_out", "consent.opt_in")
        self.consents = Consents([one.event for one in said if one.event["type"] in kinds], self.links)
        self.zone, self.zones = "UTC", dict[str, str]()
        for one in self.of("tenant.put"):
            self.zone = one.event["data"]["zone"]
            self.zones = {name: p["zone"] for name, p in one.event["data"].get("properties", {}).items()}
        self.pinned: set[str] = set(self.consents.named)
        self.ended: dict[str, datetime] = {}
        for one in self.of("contact.delete"):
            guest, time = one.event["data"]["contact"]["phone"], when(one.event["time"])
            self.ended[guest] = max(time, self.ended.get(guest, time))
        self.messages = self._messages()
        self.bookings = self._facts("booking", "booking_id")
        self.ratings = self._facts("rating", "rating_id")

    def of(self, *kinds: str) -> list[Heard]:
        """Return the events of some types."""
        return [one for one in self.heard if one.event["type"] in kinds]

    def later(self, guest: str, time: datetime) -> bool:
        """Whether what is of this time says anything of the contact that the last contact.delete left."""
        return guest not in self.ended or time > self.ended[guest]

    # facts -------------------------------------------------------------------------------------------------------

    def _messages(self) -> list[tuple[str, datetime, Event]]:
        """Return the newest revision of each message: its guest, time and data."""
        newest: dict[tuple[str, str, str], tuple[str, datetime, Event]] = {}
        for _, event in self.of("message"):
            data = event["data"]
            key = (data["from"], event["source"], data["message_id"])
            if key not in newest or data["revision"] > newest[key][2]["revision"]:
                newest[key] = (data["from"], when(event["time"]), data)
        return [fact for fact in newest.values() if self.later(fact[0], fact[1])]

    def _facts(self, kind: str, name: str) -> list[tuple[str, datetime, Event]]:
        """Return the newest revision of each booking or rating with the guest of the newest that named one."""
        facts: dict[tuple[str, str], list[Event]] = {}
        for _, event in self.of(kind):
            facts.setdefault((event["source"], event["data"][name]), []).append(event)
        settled = (self._newest(events) for events in facts.values())
        return [fact for fact in settled if fact is not None and self.later(fact[0], fact[1])]

    def _newest(self, events: list[Event]) -> tuple[str, datetime, Event] | None:
        firsts = {event["data"]["revision"]: event for event in reversed(events)}
        ordered = [firsts[revision] for revision in sorted(firsts, reverse=True)]
        named = {event["data"]["revision"]: event for event in reversed(events) if event["data"].get("guest")}
        guests = [named[revision]["data"]["guest"]["phone"] for revision in sorted(named, reverse=True)]
        return (guests[0], when(ordered[0]["time"]), ordered[0]["data"]) if guests else None

    # rules -------------------------------------------------------------------------------------------------------

    def true(self, rule: Event, guest: str, now: datetime) -> bool:
        """Whether a rule holds for a guest."""
        for word in ("all", "any", "none"):
            if word in rule:
                parts = [self.true(part, guest, now) for part in rule[word]]
                return {"all": all(parts), "any": any(parts), "none": not any(parts)}[word]
        if "contact" in rule:
            return self._contact(rule, guest, now)
        if "group" in rule:
            return bool(self.held(rule["group"], guest, now))
        leaf = {"message": self._message, "rating": self._rating, "booking": self._booking}.get(rule["event"])
        return leaf is not None and bool(leaf(rule, guest, now))

    def _message(self, rule: Event, guest: str, now: datetime) -> bool:
        counted = [
            time
            for who, time, data in self.messages
            if who == guest and not data.get("deleted") and now < deadline(time, rule.get("within"), self.zone)
            and says(data["text"], rule["any_of"]) and not says(data["text"], rule.get("none_of", ()))
            and (not rule.get("channels") or data["channel"] in rule["channels"])
        ]  # fmt: skip
        return len(counted) >= int(rule.get("min_count", 1))

    def _rating(self, rule: Event, guest: str, now: datetime) -> bool:
        counted = sorted(
            (time, data["stars"])
            for who, time, data in self.ratings
            if who == guest and not data.get("withdrawn") and now < deadline(time, rule.get("within"), self.zone)
        )
        good = [rule.get("min_stars", 1) <= stars <= rule.get("max_stars", 5) for _, stars in counted]
        mode = rule.get("mode", "any")
        return bool(good and {"any": any(good), "all": all(good), "latest": good[-1]}[mode])

    def _booking(self, rule: Event, guest: str, now: datetime) -> bool:
        mine = [(time, data) for who, time, data in self.bookings if who == guest]
        counted = [data for time, data in mine if self._counts(rule, time, data, now)]
        nights = sum((day(d["check_out"]) - day(d["check_in"])).days for d in counted if "check_in" in d)
        paid = [Decimal(d["amount"]) for d in counted if d.get("currency") == rule.get("currency")]
        return (
            len(counted) >= rule.get("min_bookings", 1)
            and nights >= rule.get("min_nights", 0)
            and sum(paid, Decimal(0)) >= Decimal(rule.get("min_spent", 0))
        )

    def _counts(self, rule: Event, time: datetime, data: Event, now: datetime) -> bool:
        if data["status"] not in rule.get("statuses", LIVING):
            return False
        if rule.get("room_types") and data["room_type"].lower() not in [r.lower() for r in rule["room_types"]]:
            return False
        if "check_in" not in data:
            return rule.get("stay", "any") == "any" and now < deadline(time, rule.get("within"), self.zone)
        start, end = self._stay(data)
        stay = {"past": end <= now, "current": start <= now < end, "upcoming": now < start, "any": True}
        return stay[rule.get("stay", "any")] and now < deadline(end, rule.get("within"), self.zone)

    def _stay(self, data: Event) -> tuple[datetime, datetime]:
        zone = ZoneInfo(self.zones.get(data.get("property", ""), self.zone))
        first, last = (day(data[name]) for name in ("check_in", "check_out"))
        start, end = (datetime(d.year, d.month, d.day, tzinfo=zone).astimezone(UTC) for d in (first, last))
        return start, end

    # profiles ----------------------------------------------------------------------------------------------------

    def told(self, guest: str) -> list[Event]:
        """Return the events that tell of a guest."""
        found: list[Event] = []
        for _, event in self.of("message", "booking", "rating"):
            data = event["data"]
            if guest == (data["from"] if event["type"] == "message" else (data.get("guest") or {}).get("phone")):
                found.append(event)
        return [event for event in found if self.later(guest, when(event["time"]))]

    def register(self, guest: str, read: Any) -> Any:
        """Return the newest word that `read` finds in the events and commands on a guest; None if there is none."""
        edits = [one.event for one in self.of(*EDITS) if {"phone": guest} in contacts_of(one.event)]
        edits = [event for event in edits if self.later(guest, when(event["time"]))]
        words = [
            (event["time"], event["id"], word)
            for event in [*self.told(guest), *edits]
            if (word := read(event["type"], event["data"])) is not None
        ]
        return max(words)[2][0] if words else None

    def tags(self, guest: str) -> set[str]:
        """Return a guest's tags in lower case."""
        return {tag for tag in ("vip", "quiet", "gold") if self.register(guest, partial(tagged, tag))}

    def field(self, name: str, guest: str) -> Any:
        """Return what a field of a guest's profile holds."""
        told = self.told(guest)
        stays = [data for who, _, data in self.bookings if who == guest and data["status"] in LIVING]
        rated = [(t, d["stars"]) for who, t, d in self.ratings if who == guest and not d.get("withdrawn")]
        values: dict[str, Any] = {
            "tags": lambda: self.tags(guest),
            "language": lambda: self.register(guest, lambda _, data: boxed(data.get("contact", {}).get("language"))),
            "attributes.tier": lambda: self.register(guest, tier),
            "bookings": lambda: len(stays),
            "spent": lambda: sum((Decimal(data["amount"]) for data in stays), Decimal(0)),
            "latest_rating": lambda: max(rated)[1] if rated else None,
            "customer_since": lambda: min((when(event["time"]) for event in told), default=None),
            "last_booking": lambda: max((self._stay(data)[1] for data in stays if "check_out" in data), default=None),
        }
        return values[name]()

    def _contact(self, rule: Event, guest: str, now: datetime) -> bool:
        value = self.field(rule["contact"], guest)
        start = self.dated(value)
        checks: dict[str, Any] = {
            "present": lambda wanted: bool(value) == wanted,
            "is": lambda wanted: type(value) is type(wanted) and value == wanted,
            "has_any": lambda wanted: bool(value & {tag.lower() for tag in wanted}),
            "has_all": lambda wanted: value >= {tag.lower() for tag in wanted},
            "min": lambda wanted: isinstance(value, int | float | Decimal) and value >= Decimal(wanted),
            "max": lambda wanted: isinstance(value, int | float | Decimal) and value <= Decimal(wanted),
            "older_than": lambda wanted: start is not None and now >= deadline(start, wanted, self.zone),
            "newer_than": lambda wanted: start is not None and now < deadline(start, wanted, self.zone),
        }
        return all(checks[name](wanted) for name, wanted in rule.items() if name in checks)

    def dated(self, value: Any) -> datetime | None:
        """Return the moment that a field holds, if it holds one."""
        if isinstance(value, str) and value[:2] == "20":
            at = day(value)
            return datetime(at.year, at.month, at.day, tzinfo=ZoneInfo(self.zone)).astimezone(UTC)
        return value if isinstance(value, datetime) else None

    # pins and memberships ----------------------------------------------------------------------------------------

    def groups(self) -> dict[str, tuple[datetime, Event, list[Event]]]:
        """Return the groups in force with the commands on their members since each was created."""
        groups: dict[str, tuple[datetime, Event, list[Event]]] = {}
        for at, event in self.of("group.create", "group.delete", "group.add", "group.remove", "group.clear_pin"):
            data = event["data"]
            if event["type"] == "group.create":
                rule = data.get("rule") or {"event": "manual"}
                known = groups.setdefault(data["id"], (at, rule, []))
                if "supersedes" in data:
                    groups[data["id"]] = (known[0], rule, known[2])
            elif event["type"] == "group.delete":
                groups.pop(data["group"], None)
            elif data["group"] in groups:
                groups[data["group"]][2].append(event)
                self.pinned |= {contact["phone"] for contact in data["contacts"]}
        return groups

    def sources(self, rule: Event, pins: Iterable[Event], guest: str, now: datetime) -> tuple[str, ...]:
        """Return what makes a guest a member at a moment who is not opted out of the group."""
        mine = sorted(
            (p for p in pins if {"phone": guest} in p["data"]["contacts"] and self.later(guest, when(p["time"]))),
            key=lambda p: (p["time"], p["id"]),
        )
        added: dict[str, datetime] = {}
        pinned_out = False
        for pin in mine:
            data = pin["data"]
            if pin["type"] == "group.add":
                pinned_out = False
                added[data.get("reason", "manual")] = when(data["expires_at"]) if "expires_at" in data else NEVER
            else:
                pinned_out, added = pin["type"] == "group.remove", {}
        if pinned_out:
            return ()
        held = {reason for reason, end in added.items() if now < end}
        return tuple(s for s in SOURCES if s in held or (s == "rule" and self.true(rule, guest, now)))

    def memberships(self, now: datetime, guests: Iterable[str]) -> dict[tuple[str, str], Membership]:
        """Return the memberships of the known guests at a moment."""
        found: dict[tuple[str, str], Membership] = {}
        for group, (_, rule, pins) in self.groups().items():
            for guest in filter(self.known, guests):
                held = self.held(group, guest, now)
                if held:
                    counted = self.consents.counted(guest, group, pins)
                    found[group, guest] = (held, self._end(rule, counted, guest, now))
        return found

    def held(self, group: str, guest: str, now: datetime) -> tuple[str, ...]:
        """Return what makes a guest a member of a group at a moment."""
        _, rule, pins = self.groups()[group]
        if self.consents.out(guest, group):
            return ()
        return self.sources(rule, self.consents.counted(guest, group, pins), guest, now)

    def known(self, guest: str) -> bool:
        """Whether anything was heard of a guest yet: rules are asked only for those.

        Once deleted, a guest is known again by an event, an edit or an add that is newer.
        """
        edits = [one.event for one in self.of(*EDITS) if {"phone": guest} in contacts_of(one.event)]
        if guest not in self.ended:
            return bool(edits) or guest in self.pinned or bool(self.told(guest))
        return bool(self.told(guest)) or any(self.later(guest, time) for time in self._named(guest, edits))

    def _named(self, guest: str, edits: Sequence[Event]) -> list[datetime]:
        """Return when commands introduced a guest: edits, and adds to groups that were there."""
        there, found = set[str](), [when(event["time"]) for event in edits]
        for _, event in self.of("group.create", "group.delete", "group.add"):
            data = event["data"]
            if event["type"] == "group.create":
                there.add(data["id"])
            elif event["type"] == "group.delete":
                there.discard(data["group"])
            elif data["group"] in there and {"phone": guest} in data["contacts"]:
                found.append(when(event["time"]))
        return found

    def _end(self, rule: Event, pins: Sequence[Event], guest: str, now: datetime) -> str | None:
        """Try every moment at which anything may change, and return the first at which no source is left."""
        mine = pins
        rules = [rule, *(inner for _, inner, _ in self.groups().values())]
        words = ("within", "older_than", "newer_than")
        windows = {leaf.get(word) for each in rules for leaf in leaves(each) for word in words}
        pins = [*pins, *(pin for _, _, others in self.groups().values() for pin in others)]
        stays = [moment for _, _, data in self.bookings if "check_in" in data for moment in self._stay(data)]
        starts = [*stays, *(time for _, time, _ in self.messages + self.ratings + self.bookings)]
        dates = (self.field(name, guest) for name in ("customer_since", "last_booking", "attributes.tier"))
        starts += [start for value in dates if (start := self.dated(value)) is not None]
        moments = {deadline(start, within, self.zone) for start in starts for within in windows} | {*stays}
        moments |= {when(pin["data"]["expires_at"]) for pin in pins if "expires_at" in pin["data"]}
        for moment in sorted(moments):
            if now < moment < NEVER and not self.sources(rule, mine, guest, moment):
                return moment.isoformat()
        return None


def contacts_of(event: Event) -> list[Event]:
    """Return whom a command on contacts names."""
    data = event["data"]
    return [{"phone": one["phone"]} for one in data.get("contacts") or [data["contact"]]]


def boxed(word: Any) -> Any:
    """Tell a word from none."""
    return None if word is None else [word]


def tier(kind: str, data: Event) -> Any:
    """Return the attribute tier that an event or command sets, null too."""
    attributes = data.get("contact", {}).get("attributes", {}) if kind == "contact.upsert" else data.get("attributes")
    return [attributes["tier"]] if attributes and "tier" in attributes else None


def tagged(tag: str, kind: str, data: Event) -> Any:
    """Return whether an event or command sets a tag or takes it away."""
    named = tag in {one.lower() for one in data.get("tags", ())}
    return [kind != "contact.untag"] if named else None


def leaves(rule: Event) -> list[Event]:
    """Return a rule's leaves."""
    parts = [part for word in ("all", "any", "none") for part in rule.get(word, ())]
    return [leaf for part in parts for leaf in leaves(part)] if parts else [rule]


def named(rule: Event) -> set[str]:
    """Return the groups that a rule names."""
    return {leaf["group"] for leaf in leaves(rule) if "group" in leaf}


def leads_to(rule: Event, rules: Mapping[str, Event]) -> set[str]:
    """Return the groups that a rule names, and those that these name, and so on."""
    found: set[str] = set()
    while (
        fresh := {name for one in (rule, *(rules[name] for name in found if name in rules)) for name in named(one)}
        - found
    ):
        found |= fresh
    return found


def says(text: str, phrases: Iterable[str]) -> bool:
    """Whether a text has one of the phrases as whole words, simple plurals either way."""
    words = [singular(word) for word in findall(r"[a-z]+", text.lower())]
    for phrase in phrases:
        wanted = [singular(word) for word in phrase.lower().split()]
        if any(words[at : at + len(wanted)] == wanted for at in range(len(words))):
            return True
    return False


def singular(word: str) -> str:
    """Take a simple plural's s away."""
    return word[:-1] if len(word) > 3 and word.endswith("s") and not word.endswith("ss") else word


def day(text: str) -> date:
    """Read a day."""
    return date.fromisoformat(text)
