"""What the publishers say: guests, groups, and a seeded stream of events with everything that makes them hard.

Revisions and repeats come late and out of order, bookings and ratings move between guests, windows last seconds so that
deadlines fall due all the time. The content depends on the seed alone; only times are the clock's.
"""

from __future__ import annotations

import heapq
import json
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from random import Random
from typing import Any, NamedTuple

from tests.chaos.speech import ALSO, RECORD, word

Event = dict[str, Any]
Rule = Mapping[str, Any]

TENANT = "chaos"
SOURCES = {"message": "gateway", "booking": "channel", "rating": "reviews", "command": "console"}
WORDS = ("dinner", "pool", "spa", "hello", "beach", "club", "late", "towel", "thanks", "room")
ROOMS = ("Suite", "Villa", "Twin")
STATUSES = ("confirmed", "checked_in", "checked_out", "cancelled", "no_show")

GROUPS: dict[str, Rule] = {
    "dinner-3s": {"event": "message", "any_of": ["dinner"], "within": "PT3S"},
    "pool-8s": {"event": "message", "any_of": ["pool", "towel"], "within": "PT8S"},
    "spa-twice-15s": {"event": "message", "any_of": ["spa"], "within": "PT15S", "min_count": 2},
    "hello-1": {"event": "message", "any_of": ["hello"], "within": "P1D"},
    "hello-3": {"event": "message", "any_of": ["hello"], "within": "P1D", "min_count": 3},
    "hello-10": {"event": "message", "any_of": ["hello"], "within": "P1D", "min_count": 10},
    "beach-club": {"event": "message", "any_of": ["beach club"], "none_of": ["late"]},
    "stars-5s": {"event": "rating", "min_stars": 4, "within": "PT5S"},
    "stars-latest": {"event": "rating", "min_stars": 4, "mode": "latest"},
    "stars-all": {"event": "rating", "min_stars": 3, "mode": "all", "within": "P1D"},
    "booker": {"event": "booking", "min_bookings": 2},
    "spender": {"event": "booking", "min_spent": "5000000", "currency": "IDR", "within": "P365D"},
    "suite": {"event": "booking", "room_types": ["Suite"], "stay": "upcoming"},
    "both": {"all": [
        {"event": "message", "any_of": ["hello", "thanks"], "within": "P1D"},
        {"none": [{"event": "rating", "max_stars": 2}]},
    ]},
    "either": {"any": [{"event": "message", "any_of": ["towel"], "within": "PT6S"}, {"event": "booking"}]},
    "diner": {"event": "message", "any_of": ["dinner", "late"], "within": "PT6S"},
    "turning": {"event": "message", "any_of": ["room"], "within": "PT10S"},
    "turned": {"event": "message", "any_of": ["room"], "within": "PT10S"},
    "club": {"event": "manual"},
    "vip": {"event": "manual"},
}  # fmt: skip
"""Windows last some seconds or days: at rest, every deadline of a run is over or far away."""

PALETTE = ("hello-1", "beach-club", "stars-latest", "booker", "both", "dinner-3s")
"""Rules that groups made in mid-fault take, and successors: of `turning` as the load goes, of `turned` in mid-fault."""


class Saying(NamedTuple):
    """One record to be published."""

    topic: str
    key: str
    value: bytes


def phone(nth: int) -> str:
    """Return the number of a guest."""
    return f"+62812{30_000_000 + nth}"


def fleeting(guest: str) -> bool:
    """Whether a guest may be erased. Whose a booking is, is forgotten with its guest: so theirs do not change hands."""
    return int(guest) % 8 == 7


def mail(guest: str) -> str | None:
    """Return the e-mail address of a guest who has one: nobody else has it, and these are not deleted."""
    return f"guest{guest[1:]}@example.com" if int(guest) % 8 == 3 else None


def lasting(dice: Random, guests: int) -> str:
    """Return one of the others."""
    nth = dice.randrange(guests)
    return phone(nth - fleeting(phone(nth)))


def stamp(now: float) -> str:
    """Write a time (epoch seconds) in milliseconds."""
    return datetime.fromtimestamp(now, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def envelope(kind: str, type_: str, id_: str, now: float, data: Event, tenant: str = TENANT) -> Event:  # noqa: PLR0917
    """Return an event."""
    return {
        "specversion": "1.0", "type": type_, "source": SOURCES[kind], "id": id_, "time": stamp(now), "tenant": tenant,
        "data": data,
    }  # fmt: skip


def saying(topic: str, key: str, event: Event) -> Saying:
    """Return an event as a record."""
    return Saying(topic, key, json.dumps(event).encode())


def command(type_: str, id_: str, now: float, data: Event, tenant: str = TENANT) -> Saying:
    """Return a command as a record; a tenant's commands keep their order."""
    return saying("commands", tenant, envelope("command", type_, id_, now, {**data, "by": "chaos"}, tenant))


def opening(now: float) -> Iterator[Saying]:
    """Yield the tenant's record and the groups that stay."""
    yield command("tenant.put", "tenant", now, {"tenant": TENANT, **RECORD})
    for name, rule in GROUPS.items():
        yield command(
            "group.create", f"make-{name}", now, {"id": name, "name": name, "rule": rule, **ALSO.get(name, {})}
        )


def succession(id_: str, group: str, rule: Rule, now: float) -> Saying:
    """Return a successor for a group."""
    return command("group.create", id_, now, {"id": group, "supersedes": group, "rule": rule})


class Load:
    """A stream of events: `due` gives what is to be published by now."""

    def __init__(self, seed: int, guests: int = 2_000) -> None:
        self.dice = Random(seed)
        self.guests = guests
        self.made = 0
        self._later: list[tuple[float, int, Saying]] = []
        self._kinds: list[tuple[Callable[[float], None], float]] = [
            (self._message, 0.7045), (self._booking, 0.12), (self._rating, 0.10), (self._pin, 0.05),
            (self._consent, 0.02), (self._deletion, 0.005), (self._succession, 0.0005),
        ]  # fmt: skip

    def due(self, now: float, count: int) -> Iterator[Saying]:
        """Make `count` new things that happened, and yield what is due of these and of former ones."""
        kinds, weights = zip(*self._kinds, strict=True)
        for kind in self.dice.choices(kinds, weights, k=count):
            self.made += 1
            kind(now)
        while self._later and self._later[0][0] <= now:
            yield heapq.heappop(self._later)[2]

    def rest(self, now: float) -> Iterator[Saying]:
        """Yield what would have come later, and erase some guests for good."""
        for nth in range(7, self.guests, 24):
            self._say(now, command("contact.delete", f"end-{nth}", now, _whom(nth, erase=True)))
        while self._later:
            yield heapq.heappop(self._later)[2]

    def _say(self, at: float, said: Saying) -> None:
        heapq.heappush(self._later, (at, self.dice.getrandbits(60), said))
        if self.dice.random() < 0.04:  # a repeat, soon or much later
            heapq.heappush(self._later, (at + self.dice.choice((0, 1, 10)), self.dice.getrandbits(60), said))

    def _guest(self) -> str:
        return phone(self.dice.randrange(self.guests))

    def _happened(self, now: float) -> float:
        """Return when a thing happened: mostly just now, sometimes a while ago."""
        return now - self.dice.choice((0, 0, 0, 0.2, 1, 2.5, 9)) - self.dice.random() / 10

    def _key(self, guest: str) -> str:
        return guest if self.dice.random() < 0.7 else str(self.dice.getrandbits(32))

    def _message(self, now: float) -> None:
        dice, guest, id_, at = self.dice, self._guest(), f"m-{self.made}", self._happened(now)
        address = mail(guest) if dice.random() < 0.4 else None
        for revision in range(1, dice.choices((1, 2, 3), (92, 6, 2))[0] + 1):
            data = {
                "message_id": id_, "channel": "email" if address else "whatsapp", "direction": "inbound",
                "from": address or guest, "revision": revision, "text": self._text(),
            }  # fmt: skip
            if revision > 1 and dice.random() < 0.3:
                data["deleted"] = True
            event = envelope("message", "message", f"{id_}:{revision}", at, data)
            self._say(now + self._delay(revision), saying("messages", self._key(guest), event))

    def _text(self) -> str:
        if self.dice.random() < 0.06:
            return word(self.dice)
        return " ".join(self.dice.choices(WORDS, k=self.dice.randint(1, 4)))

    def _delay(self, revision: int) -> float:
        """Later revisions mostly come later."""
        return 0.0 if revision == 1 and self.dice.random() < 0.95 else self.dice.random() * 4

    def _booking(self, now: float) -> None:
        dice, guest, id_ = self.dice, self._guest(), f"b-{self.made}"
        for revision in range(1, dice.choices((1, 2, 3, 4), (60, 20, 12, 8))[0] + 1):
            start = datetime.fromtimestamp(now + 86_400 * dice.choice((-40, -9, 9, 40)), UTC).date()
            end = datetime.fromtimestamp(now + 86_400 * (dice.choice((43, 44, 45))), UTC).date()
            data: Event = {
                "booking_id": id_, "revision": revision, "status": dice.choices(STATUSES, (5, 2, 2, 1, 1))[0],
                "room_type": dice.choice(ROOMS), "check_in": start.isoformat(), "check_out": end.isoformat(),
                "amount": f"{dice.randint(1, 40) * 100_000}.00", "currency": "IDR", "channel": "website",
            }  # fmt: skip
            guest = self._whose(guest, data, revision)
            event = envelope("booking", "booking", f"{id_}:{revision}", now, data)
            self._say(now + self._delay(revision), saying("bookings", self._key(id_), event))

    def _whose(self, guest: str, data: Event, revision: int) -> str:
        """Name the guest: mostly the same, sometimes none, sometimes another one."""
        if revision > 1 and self.dice.random() < 0.35 and not fleeting(guest):
            guest = lasting(self.dice, self.guests)
        if revision == 1 or self.dice.random() < 0.7:
            data["guest"] = self._called(guest)
        return guest

    def _called(self, guest: str) -> Event:
        """Call a guest by phone, by e-mail, or by both, which links the two."""
        address = mail(guest)
        by_mail, by_phone = {"email": address}, {"phone": guest}
        return self.dice.choice((by_phone, by_mail, by_phone | by_mail)) if address else by_phone

    def _rating(self, now: float) -> None:
        dice, guest, id_, at = self.dice, self._guest(), f"r-{self.made}", self._happened(now)
        for revision in range(1, dice.choices((1, 2, 3), (80, 15, 5))[0] + 1):
            data: Event = {"rating_id": id_, "revision": revision, "stars": dice.randint(1, 5)}
            if revision > 1 and dice.random() < 0.3:
                data["withdrawn"] = True
            guest = self._whose(guest, data, revision)
            event = envelope("rating", "rating", f"{id_}:{revision}", at, data)
            self._say(now + self._delay(revision), saying("ratings", self._key(id_), event))

    def _pin(self, now: float) -> None:
        dice, at = self.dice, self._happened(now)
        type_ = dice.choices(("group.add", "group.remove", "group.clear_pin"), (6, 2, 2))[0]
        data: Event = {
            "group": dice.choice(("vip", "vip", "vip", "hello-3", "booker", "club", "turning", "turned")),
            "contacts": self._some(dice.randint(1, 4)),
        }
        if type_ == "group.add":
            data["reason"] = dice.choice(("manual", "flow", "import"))
            if dice.random() < 0.3:  # those who are imported are not greeted unless it is said
                data["reply"] = True
            if dice.random() < 0.2:  # by hand this says that the guest wants it
                data["evidence"] = "asked at the desk"
            if dice.random() < 0.5:
                data["expires_at"] = stamp(now + dice.choice((2, 5, 12)))
        self._say(now + dice.choice((0, 0, 0, 2)), command(type_, f"p-{self.made}", at, data))

    def _consent(self, now: float) -> None:
        """Say by command what guests said elsewhere, of everything or of a group, now and then of many at once."""
        dice, at = self.dice, self._happened(now)
        type_ = dice.choices(("consent.opt_out", "consent.opt_in"), (1, 3))[0]
        data: Event = {"contacts": self._some(dice.randint(1, 3) if dice.random() < 0.9 else 25)}
        scope = dice.choice(("all", "vip", "vip", "booker", "club", None))
        if scope is not None:
            data["scope"] = scope
        self._say(now + dice.choice((0, 0, 0, 2)), command(type_, f"c-{self.made}", at, data))

    def _deletion(self, now: float) -> None:
        """End a contact up to a moment that is mostly just now; what is newer stays or begins another."""
        dice, at, erase = self.dice, self._happened(now), self.dice.random() < 0.5
        nth = dice.randrange(self.guests) | (7 if erase else 0)
        nth -= bool(mail(phone(nth)))
        ended = command("contact.delete", f"d-{self.made}", at, _whom(nth, erase=erase))
        self._say(now + dice.choice((0, 0, 0, 2)), ended)

    def _succession(self, now: float) -> None:
        """Replace a rule. This is not said again: the log's order decides, and it would be asked for anew."""
        rule = GROUPS[self.dice.choice(PALETTE)]
        turn = succession(f"s-{self.made}", "turning", rule, now)
        heapq.heappush(self._later, (now, self.dice.getrandbits(60), turn))

    def _some(self, count: int) -> list[Event]:
        return [{"phone": self._guest()} for _ in range(count)]


def _whom(nth: int, *, erase: bool) -> Event:
    return {"contact": {"phone": phone(nth)}, "erase": erase}
