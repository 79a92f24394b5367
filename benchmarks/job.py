"""The job's input: a tenant, a hundred groups, n chat messages of 50,000 guests; the same for the same seed.

Two million messages are made in a quarter of a minute: in parts, each with dice of its own, on all cores.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property, lru_cache
from itertools import accumulate, chain
from typing import Any

import orjson

from benchmarks.vocabulary import TEXT_WORDS, groups

TENANT = "bench"
WITHIN = "P6M"
PARTITIONS = 4
PROPERTIES = 40
INVALID_SHARE = 0.01
PART = 50_000
"""Messages that are made in one go."""
SPREAD_S = 20 * 3600
"""The messages' event times lie in the 20 hours before `ends_at`."""

Record = tuple[bytes | None, bytes]
"""Key and value, as a chat gateway would publish them: the key is the number as it was typed."""

_MOBILE = ("812", "813", "821", "852", "857", "878")
_FORMS: tuple[Callable[[str], str], ...] = (
    "0{}".format,
    "+62{}".format,
    "62{}".format,
    lambda digits: f"+62 {digits[:3]}-{digits[3:7]}-{digits[7:]}",
)
_DRESS: tuple[Callable[[str], str], ...] = (str.lower, str.lower, str.title, str.upper)
_NO_PHONES = ("0812", "+62 12", "n/a", "")


@dataclass(frozen=True)
class Job:
    """How many messages, of how many guests, and until when (epoch seconds)."""

    messages: int
    ends_at: int
    contacts: int = 50_000
    seed: int = 7

    @cached_property
    def records(self) -> list[Record]:
        """Every raw record in the order of publishing; about one in a hundred is invalid."""
        return list(chain.from_iterable(self.parts))

    @cached_property
    def parts(self) -> list[list[Record]]:
        """The records in the parts in which they were made."""
        starts = range(0, self.messages, PART)
        if len(starts) == 1:
            return [_part(self, 0)]
        with ProcessPoolExecutor() as pool:
            return list(pool.map(_part, [self] * len(starts), starts))


def commands(at: int) -> list[Record]:
    """The commands that create the tenant and its groups, keyed by the tenant."""
    puts = [_command("tenant.put", "bench-tenant", at, _tenant())]
    creates = [_command("group.create", f"bench-{group}", at, _group(group, of)) for group, of in groups().items()]
    return [(TENANT.encode(), orjson.dumps(event)) for event in puts + creates]


def _tenant() -> dict[str, Any]:
    properties = {f"p-{at:02d}": {"region": "ID"} for at in range(PROPERTIES)}
    return {"region": "ID", "zone": "Asia/Jakarta", "properties": properties, "by": "bench"}


def _group(group: str, any_of: tuple[str, ...]) -> dict[str, Any]:
    rule = {"event": "message", "any_of": list(any_of), "within": WITHIN}
    return {"id": group, "name": f"Group {group}", "rule": rule, "by": "bench"}


def _command(kind: str, command: str, at: int, data: dict[str, Any]) -> dict[str, Any]:
    return {**_envelope(kind, command, at), "source": "bench", "data": data}


def _envelope(kind: str, event: str, at: int) -> dict[str, Any]:
    return {"specversion": "1.0", "type": kind, "source": "whatsapp", "id": event, "time": _time(at), "tenant": TENANT}


@lru_cache(1)
def _time(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _part(job: Job, start: int) -> list[Record]:
    return list(_records(job, range(start, min(start + PART, job.messages))))


def _records(job: Job, numbers: Sequence[int]) -> Iterator[Record]:
    phones, shares = _guests(job)
    dice = random.Random(f"{job.seed}/{numbers[0]}")
    phrases = [phrase for any_of in groups().values() for phrase in any_of]
    writing = dice.choices(range(job.contacts), cum_weights=shares, k=len(numbers))
    for at, contact in zip(numbers, writing, strict=True):
        typed = _typed(dice, phones[contact], contact)
        yield _record(dice, _message(job, at, contact, typed, _text(dice, phrases)))


@lru_cache(1)
def _guests(job: Job) -> tuple[list[str], list[float]]:
    """Guests' numbers, and their shares added up: in a long tail the busiest writes a hundred times as often."""
    dice = random.Random(job.seed)
    phones = [_number(dice, contact) for contact in range(job.contacts)]
    return phones, list(accumulate(1 / (rank + 20) ** 0.8 for rank in range(job.contacts)))


def _number(dice: random.Random, contact: int) -> str:
    """The national part of a mobile number of Indonesia, another one for each contact."""
    return f"{dice.choice(_MOBILE)}{contact:05d}{dice.randrange(1000):03d}"


def _typed(dice: random.Random, digits: str, contact: int) -> str:
    """Most guests' numbers come in one form, now and then in another."""
    form = contact % len(_FORMS) if dice.random() < 0.7 else dice.randrange(len(_FORMS))
    return _FORMS[form](digits)


def _text(dice: random.Random, phrases: list[str]) -> str:
    words = dice.choices(TEXT_WORDS, k=dice.randint(12, 18))
    for _ in range(dice.choices((0, 1, 2), (50, 38, 12))[0]):
        words.insert(dice.randrange(len(words)), dice.choice(_DRESS)(dice.choice(phrases)))
    words[-1] += dice.choice(("", "?", "!", "."))
    words[len(words) // 2] += dice.choice(("", "", ","))
    return " ".join(words)


def _message(job: Job, at: int, contact: int, typed: str, text: str) -> dict[str, Any]:
    message = f"m-{at:09d}"
    time = job.ends_at - SPREAD_S + SPREAD_S * at // job.messages
    said = {"from": typed, "name": f"Guest {contact}", "text": text, "property": f"p-{contact % PROPERTIES:02d}"}
    data = {"message_id": message, "channel": "whatsapp", "direction": "inbound", **said}
    return {**_envelope("message", message, time), "data": data}


def _record(dice: random.Random, event: dict[str, Any]) -> Record:
    """The event as it is, or broken in one of three ways."""
    fault = dice.choice(("json", "no from", "phone")) if dice.random() < INVALID_SHARE else None
    if fault == "no from":
        del event["data"]["from"]
    elif fault == "phone":
        event["data"]["from"] = dice.choice(_NO_PHONES)
    typed = event["data"].get("from")
    value = orjson.dumps(event)
    return (None if typed is None else typed.encode(), value[:-20] if fault == "json" else value)
