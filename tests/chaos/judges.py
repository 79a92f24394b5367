"""The judges: each looks at a whole history and says what is lost, wrong, repeated or early. None knows the pipeline.

They read JSON, Kafka's offsets, and the two internal forms (contact-activity, the changelog's facts) as plain
MessagePack arrays.
"""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import msgspec

from tests.chaos.consent_judges import consent, replies
from tests.chaos.definition_judges import successors
from tests.chaos.deletion_judges import deletions, forgotten
from tests.chaos.evidence import Fault, Judge, accepted, compare, expiry, members, model_of
from tests.chaos.history import RAW, History, newest
from tests.chaos.link_judges import links
from tests.chaos.load import TENANT
from tests.chaos.model import ids_in, lasting, millis
from tests.chaos.reader import Taken


class Finding(NamedTuple):
    """One thing that is not as promised."""

    judge: str
    fault: Fault
    what: str


# acknowledged and accounted for --------------------------------------------------------------------------------------


def acknowledged(history: History) -> Iterator[tuple[Fault, str]]:
    """What the broker acknowledged lies where it said."""
    for topic in RAW:
        there = {(one.partition, one.offset): one.value for one in history[topic]}
        for one in history.acknowledged:
            if one.topic == topic and there.get((one.partition, one.offset)) != one.value:
                yield "lost", f"{topic}/{one.partition}/{one.offset} was acknowledged and is not there"


def accounted(history: History) -> Iterator[tuple[Fault, str]]:
    """Every raw offset has an activity if it is valid, else a dead letter."""
    made, dead = set(_activities(history)), set(_dead(history))
    for topic in RAW:
        valid = {(one.partition, one.offset) for one, _ in accepted(history, topic)}
        for one in history[topic]:
            place, good = (topic, one.partition, one.offset), (one.partition, one.offset) in valid
            if good and place not in made:
                yield "lost", f"{place} has no activity"
            if not good and place not in dead:
                yield "lost", f"{place} has no dead letter"
            if good and place in dead:
                yield "wrong", f"{place} is valid and has a dead letter"
            if not good and place in made:
                yield "wrong", f"{place} is not valid and has an activity"


def _activities(history: History) -> Iterator[tuple[str, int, int]]:
    for one in history["contact-activity"]:
        record = msgspec.msgpack.decode(one.value or b"")
        if record[1] >= 0:
            yield RAW[record[1]], record[2], record[3]


def _dead(history: History) -> Iterator[tuple[str, int, int]]:
    for one in history["dead-letters"]:
        lines = dict(one.headers)
        yield lines["topic"].decode().rpartition(".")[2], int(lines["partition"]), int(lines["offset"])


def outcomes(history: History) -> Iterator[tuple[Fault, str]]:
    """Every command has one outcome per contact and copy, no more and no less."""
    wanted, found = Counter[tuple[str, int]](), Counter[tuple[str, int]]()
    for _, command in accepted(history, "commands"):
        for index in range(len(command["data"].get("contacts", [None]))):
            wanted[command["id"], index] += 1
    for one in history["outcomes"]:
        told = json.loads(one.value or b"{}")
        found[told["command"], told["index"]] += 1
    for name, count in (wanted - found).items():
        yield "lost", f"{count} outcome(s) of {name}"
    for name, count in (found - wanted).items():
        yield "repeated", f"{count} outcome(s) of {name}"


# the log -------------------------------------------------------------------------------------------------------------


def log(history: History) -> Iterator[tuple[Fault, str]]:
    """Seqs have no gap, alternate and never repeat; ids are unique; a contact's changes are in order of time."""
    seqs, ids = dict[tuple[str, str], int](), set[str]()
    times = dict[str, int]()
    for one in sorted(history.followed):
        told = json.loads(one.value or b"{}")
        data = told["data"]
        name = data.get("group", ""), data["contact"]
        if told["id"] in ids:
            yield "repeated", f"change {told['id']} of {name}"
        at = millis(told["time"])
        if at < times.get(data["contact"], 0):
            yield "wrong", f"{name} {data['seq']}: a change of an earlier time after a later one"
        times[data["contact"]] = at
        ids.add(told["id"])
        if _of_a_membership(told):
            yield from _sequence(name, seqs.get(name, 0), data)
            seqs[name] = max(data["seq"], seqs.get(name, 0))


def _of_a_membership(told: Mapping[str, Any]) -> bool:
    """Tell joins and leaves from what is told of consent."""
    return bool(told["type"].startswith("membership."))


def _sequence(name: tuple[str, str], before: int, data: Mapping[str, Any]) -> Iterator[tuple[Fault, str]]:
    seq = data["seq"]
    if seq <= before:
        yield "repeated", f"{name}: seq {seq} after {before}"
    elif seq > before + 1:
        yield "lost", f"{name}: seq {seq} after {before}"
    if data["change"] != ("joined" if seq % 2 else "left"):
        yield "wrong", f"{name}: seq {seq} is {data['change']}"


def followed(history: History) -> Iterator[tuple[Fault, str]]:
    """The reader that followed live saw what lies in the log, each record once and in order of its partition."""
    live, there = Counter(history.followed), Counter(history["membership-changes"])
    for one in there - live:
        yield "lost", f"change {one.partition}/{one.offset} did not reach the live reader"
    for one in live - there:
        yield "repeated", f"change {one.partition}/{one.offset} reached the live reader, and is not in the log so often"
    last = dict[int, int]()
    for one in history.followed:
        if one.offset <= last.get(one.partition, -1):
            yield "wrong", f"change {one.partition}/{one.offset} came out of order"
        last[one.partition] = one.offset


# memberships ---------------------------------------------------------------------------------------------------------


def memberships(history: History) -> Iterator[tuple[Fault, str]]:
    """The table says what the model says: who, by which sources, until when."""
    wanted = model_of(history).memberships(history.at)
    found = {name: (tuple(row["sources"]), expiry(row)) for name, row in members(history).items()}
    for name in wanted.keys() - found.keys():
        yield "lost", f"{name} should be a member: {wanted[name]}"
    for name in found.keys() - wanted.keys():
        yield "wrong", f"{name} should be no member: {found[name]}"
    for name in wanted.keys() & found.keys():
        if tuple(wanted[name]) != found[name]:
            yield "wrong", f"{name} is {found[name]} and should be {tuple(wanted[name])}"


def agreement(history: History) -> Iterator[tuple[Fault, str]]:
    """The fold of the changes, the table and HTTP tell the same."""
    told = {name: seq for name, seq in _folded(history).items() if seq % 2}
    table = {name: row["seq"] for name, row in members(history).items()}
    yield from compare("the log's fold", told, "the table", table)
    ids = {(group, contact) for group, rows in history.members.items() for contact in rows}
    yield from compare("the table", dict.fromkeys(table), "HTTP", dict.fromkeys(ids))
    for name, row in members(history).items():
        shown = history.members.get(name[0], {}).get(name[1])
        if shown is not None and any(shown[field] != row[field] for field in ("sources", "expires_at", "sendable")):
            yield "wrong", f"{name}: HTTP tells {shown}, the table {row}"


def _folded(history: History) -> dict[tuple[str, str], int]:
    told = (json.loads(one.value or b"{}") for one in sorted(history["membership-changes"]))
    changes = (one["data"] for one in told if _of_a_membership(one))
    return {(data["group"], data["contact"]): data["seq"] for data in changes}


# facts and profiles --------------------------------------------------------------------------------------------------

KINDS = {b"m": "message", b"b": "booking", b"r": "rating"}
Kept = dict[tuple[str, str, str, str], tuple[int, int]]
"""(kind, contact, source, id) → (revision, time)."""


def facts(history: History) -> Iterator[tuple[Fault, str]]:
    """The owners hold each fact in its newest revision, once, under the right contact, and none that was erased."""
    wanted, found = _wanted_facts(history), _kept_facts(history)
    yield from compare("the input", wanted, "the owners' state", found)


def _wanted_facts(history: History) -> Kept:
    model, wanted = model_of(history), Kept()
    for kind, kept in model.facts.items():
        for (source, id_), fact in kept.items():
            whose = model.whose[kind].get((source, id_))
            if whose is not None and fact.time > model.guests[whose[1]].erased:
                wanted[kind, whose[1], source, id_] = (fact.revision, fact.time)
    return wanted


def _kept_facts(history: History) -> Kept:
    found = Kept()
    for key, value in newest(history["decide-changelog"]).items():
        if key[:1] == b"f" and value is not None:
            contact, rest = _cut(key[1:])
            source, id_ = _cut(rest[1:])
            revision, at = msgspec.msgpack.decode(value)[:2]
            name = KINDS[rest[:1]], contact.decode().removeprefix(f"{TENANT}/"), source.decode(), id_.decode()
            found[name] = (revision, at)
    return found


def _cut(text: bytes) -> tuple[bytes, bytes]:
    """Cut off what begins with its length in two bytes."""
    end = 2 + int.from_bytes(text[:2], "big")
    return text[2:end], text[end:]


def profiles(history: History) -> Iterator[tuple[Fault, str]]:
    """The contacts' sums are those of their bookings."""
    model = model_of(history)
    rows = (json.loads(value) for value in newest(history["contacts"]).values() if value is not None)
    found = {row["contact"]: row for row in rows}
    for contact, guest in model.guests.items():
        spent = sum(
            float(one.data["amount"]) for one in guest.bookings if one.data["status"] not in {"cancelled", "no_show"}
        )
        row = found.get(contact, {})
        told = sum(map(float, row.get("spent", {}).values()))
        if told != spent:
            yield "wrong", f"{contact} spent {told}, should have spent {spent}"


# deadlines -----------------------------------------------------------------------------------------------------------


def deadlines(history: History) -> Iterator[tuple[Fault, str]]:
    """What expired did so at a deadline that its facts have, and not before it, by a clock that never goes back."""
    due = Due(history)
    for one, told in _expired(history):
        data, effective = told["data"], millis(told["data"]["effective_at"])
        name = f"{data['group']}, {data['contact']}, seq {data['seq']}"
        if min(one.timestamp + history.set_back, millis(told["time"])) < effective:
            yield "early", f"{name} left at {told['time']}, due at {data['effective_at']}"
        if data["cause"] is not None:
            yield "wrong", f"{name} expired and names a cause"
        if not due.may(data["group"], data["contact"], effective):
            yield "wrong", f"{name} left at {data['effective_at']}, which is no deadline of its facts"


class Due:
    """Every moment at which the contacts' memberships may expire."""

    def __init__(self, history: History) -> None:
        self.rules = model_of(history).rules
        self.times: dict[str, set[int]] = defaultdict(set)
        self.pins: dict[tuple[str, str], set[int]] = defaultdict(set)
        self._read_times(history)
        for _, command in accepted(history, "commands"):
            self._read_command(command)

    def may(self, group: str, contact: str, at: int) -> bool:
        """Whether a membership may expire at a moment."""
        windows = self._windows(group)
        return at in self.pins[group, contact] or any(at - length in self.times[contact] for length in windows)

    def _windows(self, group: str) -> list[int]:
        within = [leaf.get("within") for rule in self.rules[group] for leaf in leaves(rule)]
        return [length for each in within if (length := lasting(each)) is not None]

    def _read_times(self, history: History) -> None:
        whose = defaultdict[tuple[str, str], set[str]](set)
        times = defaultdict[tuple[str, str], set[int]](set)
        for _, event in accepted(history, "messages", "ratings"):
            data, kind = event["data"], event["type"]
            name = kind, data[f"{kind}_id"]
            times[name].add(millis(event["time"]))
            ids = ids_in(event)
            whose[name] |= {*ids, *map(model_of(history).of, ids)}
        for name, guests in whose.items():
            for guest in guests:
                self.times[guest] |= times[name]

    def _read_command(self, command: Mapping[str, Any]) -> None:
        data = command["data"]
        for contact in data.get("contacts", ()) if "expires_at" in data else ():
            self.pins[data["group"], f"tel:{contact['phone']}"].add(millis(data["expires_at"]))


def leaves(rule: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return a rule's leaves."""
    parts = [part for word in ("all", "any", "none") for part in rule.get(word, ())]
    return [leaf for part in parts for leaf in leaves(part)] if parts else [rule]


def _expired(history: History) -> Iterator[tuple[Taken, Mapping[str, Any]]]:
    for one in history["membership-changes"]:
        told = json.loads(one.value or b"{}")
        if _of_a_membership(told) and told["data"]["reason"] == "expired":
            yield one, told


def lateness(history: History) -> list[int]:
    """Return by how many milliseconds each deadline was late in the log of changes, sorted.

    The log's append time counts, as a reader sees it: a change's own `time` is that of the record that caused it, which
    may have waited for its owner.
    """
    return sorted(one.timestamp - millis(told["data"]["effective_at"]) for one, told in _expired(history))


JUDGES: dict[str, Judge] = {
    "acknowledged": acknowledged,
    "accounted": accounted,
    "outcomes": outcomes,
    "log": log,
    "followed": followed,
    "memberships": memberships,
    "agreement": agreement,
    "successors": successors,
    "facts": facts,
    "profiles": profiles,
    "deadlines": deadlines,
    "deletions": deletions,
    "forgotten": forgotten,
    "links": links,
    "consent": consent,
    "replies": replies,
}


def judge(history: History) -> list[Finding]:
    """Ask every judge."""
    return [Finding(name, *found) for name, one in JUDGES.items() for found in one(history)]
