"""Who must be in each of the demo's groups: worked out from the events alone, in plain Python, the contract beside it.

It shares nothing with what it judges: no schemas, no processors, no rules. It reads the same records that are fed, in
any order, and answers for any moment:

    facts = read([*setup(now_ms), *vips(now_ms), *events(now_ms)], now_ms)
    facts.members(now_ms)["food-lovers"]   # contact ids
    facts.turns()                          # every moment at which some answer may change by itself
"""

from __future__ import annotations

import calendar
import json
import re
import unicodedata
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import phonenumbers
import regex

TENANT, TENANT_ZONE, TENANT_REGION = "demo-hotels", "Europe/Lisbon", "PT"
ZONES = {"city": "Europe/Lisbon", "resort": "Asia/Makassar"}
REGIONS = {"city": "PT", "resort": "ID"}
MONTHS = {"happy-guests": 6, "food-lovers": 3, "pet-friends": 6, "luxury-rooms": 9, "unhappy-guests": 9}
FOOD = ("restaurant", "dinner", "abendessen", "ristorante", "cena", "餐厅", "餐馆", "晚餐")
PETS = ("pet friendly", "bring pet")
LUXURY = {"Pool Villa", "Grand Suite"}
COUNTING = {"confirmed", "checked_in", "checked_out"}
STATUSES = COUNTING | {"cancelled", "no_show"}

Json = dict[str, Any]


@dataclass
class Fact:
    """A booking, rating or message: its revisions, of which the first read of each number stays."""

    revisions: dict[int, tuple[int, Json]] = field(default_factory=dict)
    contacts: dict[int, str] = field(default_factory=dict)

    @property
    def newest(self) -> tuple[int, Json]:
        """Return event time and data of the highest revision."""
        return self.revisions[max(self.revisions)]

    @property
    def contact(self) -> str | None:
        """Return whom the highest revision that names somebody names."""
        return self.contacts[max(self.contacts)] if self.contacts else None


@dataclass
class Facts:
    """Everything that was told, by kind."""

    of: dict[str, dict[tuple[str, str], Fact]] = field(default_factory=lambda: defaultdict(dict))
    orders: list[tuple[int, str, str, list[str]]] = field(default_factory=list)
    turned_away: int = 0
    known: dict[str, list[tuple[str, int]]] = field(default_factory=dict)

    def members(self, now_ms: int) -> dict[str, set[str]]:
        """Return the members of each group at a moment."""
        found = {group: {contact for contact, end in self.ends(group) if now_ms < end} for group in MONTHS}
        found["unhappy-guests"] = self.unhappy(now_ms)
        return found | {"vip": self.chosen()}

    def turns(self) -> list[int]:
        """Return every moment at which some answer may change with no event."""
        ends = {end for group in MONTHS for _, end in self.ends(group)}
        return sorted(ends | {plus_months(at, MONTHS["unhappy-guests"]) for _, at, _ in self.ratings()})

    def ends(self, group: str) -> list[tuple[str, int]]:
        """Return each contact with the moment at which a fact stops to count for the group; worked out once."""
        if group not in self.known:
            self.known[group] = [(contact, plus_months(at, MONTHS[group])) for contact, at in self.counting(group)]
        return self.known[group]

    def counting(self, group: str) -> Iterator[tuple[str, int]]:
        """Yield contact and time of each fact that counts for the group, whenever it was."""
        if group == "happy-guests":
            yield from ((contact, at) for contact, at, stars in self.ratings() if stars >= 4)
        if group == "unhappy-guests":
            yield from ((contact, at) for contact, at, stars in self.ratings() if stars <= 3)
        if group == "food-lovers":
            yield from ((contact, at) for contact, at, text in self.said() if says(text, FOOD))
        if group == "pet-friends":
            yield from ((contact, at) for contact, at, text in self.said() if says(text, PETS))
        if group == "luxury-rooms":
            yield from self.luxury()

    def unhappy(self, now_ms: int) -> set[str]:
        """Return those whose latest rating in the window is 3 or below."""
        latest: dict[str, tuple[int, float]] = {}
        for contact, at, stars in self.ratings():
            if now_ms < plus_months(at, MONTHS["unhappy-guests"]):
                latest[contact] = max(latest.get(contact, (0, 0.0)), (at, stars))
        return {contact for contact, (_, stars) in latest.items() if stars <= 3}

    def chosen(self) -> set[str]:
        """Return those added by hand and not taken out since."""
        inside: set[str] = set()
        for _, _, kind, contacts in sorted(self.orders):
            inside = inside | set(contacts) if kind == "group.add" else inside - set(contacts)
        return inside

    def ratings(self) -> Iterator[tuple[str, int, float]]:
        """Yield contact, time and stars of each rating that was not taken back."""
        for contact, at, data in self.newest("ratings"):
            if not data.get("withdrawn"):
                yield contact, at, data["stars"]

    def said(self) -> Iterator[tuple[str, int, str]]:
        """Yield contact, time and text of each message from a guest that was not deleted."""
        for contact, at, data in self.newest("messages"):
            if data["direction"] == "inbound" and not data.get("deleted"):
                yield contact, at, data["text"]

    def luxury(self) -> Iterator[tuple[str, int]]:
        """Yield contact and check-out, midnight at the property, of each booking of a dear room."""
        for contact, _, data in self.newest("bookings"):
            if data["status"] in COUNTING and data.get("room_type") in LUXURY:
                zone = ZoneInfo(ZONES.get(data.get("property", ""), TENANT_ZONE))
                yield contact, millis(datetime.combine(date.fromisoformat(data["check_out"]), time(0), zone))

    def newest(self, kind: str) -> Iterator[tuple[str, int, Json]]:
        """Yield contact, time and data of each fact in its newest revision, once somebody is known for it."""
        for fact in self.of[kind].values():
            if fact.contact:
                yield fact.contact, *fact.newest


def expected(events: Iterable[tuple[str, bytes, bytes]], now_ms: int) -> dict[str, set[str]]:
    """Return who must be in each of the six groups at `now_ms`, given every record fed by then, in any order."""
    return read(events, now_ms).members(now_ms)


def read(events: Iterable[tuple[str, bytes, bytes]], now_ms: int) -> Facts:
    """Gather the facts of the records that are sound; `now_ms` is about when they were fed."""
    facts = Facts()
    for topic, _, value in events:
        try:
            event = json.loads(value)
            take(facts, topic, event, now_ms)
        except (ValueError, KeyError, TypeError, AttributeError):
            facts.turned_away += 1
    return facts


def take(facts: Facts, topic: str, event: Json, now_ms: int) -> None:
    """Add an event to the facts; raise one of the errors that bad data makes in Python for an unsound one."""
    at, data = millis(datetime.fromisoformat(event["time"])), event["data"]
    require(event["specversion"] == "1.0" and event["tenant"] == TENANT and at <= now_ms + 300_000)
    if topic == "commands":
        if event["type"] in {"group.add", "group.remove"} and data["group"] == "vip":
            named = [ref.get("id") or f"tel:{phone(ref['phone'], TENANT_REGION)}" for ref in data["contacts"]]
            facts.orders.append((at, event["id"], event["type"], named))
        return
    kind = topic.removesuffix("s")
    require(event["type"] == kind)
    require(kind != "message" or at > now_ms - 400 * 86_400_000)
    CHECKS[topic](data)
    revision, contact = data.get("revision", 1), who(kind, data)
    require(isinstance(revision, int))
    fact = facts.of[topic].setdefault((event["source"], data[f"{kind}_id"]), Fact())
    if revision not in fact.revisions:
        fact.revisions[revision] = at, data
        if contact:
            fact.contacts[revision] = contact


def check_booking(data: Json) -> None:
    """Raise for a booking that the contract turns away."""
    require(bool(data["booking_id"]) and data["status"] in STATUSES and Decimal(data.get("amount", "0")) >= 0)
    if data["status"] != "cancelled":
        require(bool(data["room_type"]))
        date.fromisoformat(data["check_in"])
        date.fromisoformat(data["check_out"])


def check_rating(data: Json) -> None:
    """Raise for a rating that the contract turns away."""
    require(bool(data["rating_id"]) and data["stars"] in {1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5})


def check_message(data: Json) -> None:
    """Raise for a message that the contract turns away."""
    require(data["direction"] in {"inbound", "outbound"} and bool(data["message_id"] and data["channel"]))
    require(isinstance(data["text"], str))


CHECKS: dict[str, Callable[[Json], None]] = {
    "bookings": check_booking,
    "ratings": check_rating,
    "messages": check_message,
}


def who(kind: str, data: Json) -> str | None:
    """Return the contact id of an event's guest, None for no guest; raise where the guest cannot be told."""
    region = data.get("country") or REGIONS.get(data.get("property", ""), TENANT_REGION)
    if kind == "message":
        own = data["from"] if data["direction"] == "inbound" else data["to"]
        if data["channel"] not in {"whatsapp", "sms"}:
            return f"{data['channel']}:{own}"
        number = phone(own, region)
        require(number is not None)
        return f"tel:{number}"
    guest = data.get("guest")
    if guest is None:
        return None
    number = phone(guest["phone"], region) if guest.get("phone") else None
    if number:
        return f"tel:{number}"
    return f"mailto:{guest['email']}"


def phone(text: str, region: str) -> str | None:
    """Return the E.164 of what somebody typed, None for what is no phone."""
    if re.fullmatch(r"\s*\d+(\.\d+)?[eE]\+?\d+\s*", text):
        return None
    chat = re.fullmatch(r"(?:whatsapp:|(?:https?://)?wa\.me/)\+?(\d+)|(\d+)@(?:s\.whatsapp\.net|c\.us)", text)
    if chat:
        text = f"+{chat[1] or chat[2]}"
    return e164(text, region) or (e164(f"+{text[2:]}", region) if text.startswith("00") else None)


def e164(text: str, region: str) -> str | None:
    """Return what libphonenumber reads in a region, None for what is not valid."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    found = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
    return found if phonenumbers.is_valid_number(number) else None


def says(text: str, phrases: tuple[str, ...]) -> bool:
    """Tell whether a text holds one of the phrases as whole words, Han anywhere."""
    plain = fold(text)
    spaced = f" {' '.join(words(plain))} "
    for phrase in phrases:
        if regex.search(r"\p{Han}", phrase):
            if phrase in plain:
                return True
        elif f" {' '.join(words(phrase))} " in spaced:
            return True
    return False


def fold(text: str) -> str:
    """Return the text without case, accents and invisible characters."""
    apart = unicodedata.normalize("NFD", unicodedata.normalize("NFKC", text).casefold())
    kept = "".join(c for c in apart if unicodedata.category(c) not in {"Mn", "Cf"})
    return unicodedata.normalize("NFC", kept)


def words(plain: str) -> list[str]:
    """Return the words of a text without possessive and plural s."""
    found = regex.findall(r"[\p{L}\p{M}\p{N}]+", regex.sub(r"['\u2019]s\b", "", plain))
    return [w[:-1] if len(w) >= 4 and w.endswith("s") and not w.endswith("ss") else w for w in found]


def plus_months(ms: int, months: int) -> int:
    """Return the moment so many calendar months later in the tenant's zone; a month's end clamps."""
    zone = ZoneInfo(TENANT_ZONE)
    local = datetime.fromtimestamp(ms / 1000, UTC).astimezone(zone)
    years, month = divmod(local.month - 1 + months, 12)
    year = local.year + years
    day = min(local.day, calendar.monthrange(year, month + 1)[1])
    return millis(local.replace(year=year, month=month + 1, day=day, fold=0))


def millis(at: datetime) -> int:
    """Return epoch milliseconds; raise for a time without offset."""
    require(at.tzinfo is not None)
    delta = at.astimezone(UTC) - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1000 + delta.microseconds // 1000


def require(sound: bool) -> None:  # noqa: FBT001 - reads as a sentence
    """Raise ValueError unless the data is sound."""
    if not sound:
        raise ValueError("unsound")
