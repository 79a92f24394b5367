"""Work that does not fit into a slice goes on with ticks, and what comes for the same key meanwhile waits for it.

One record may ask for more than others should wait for: to answer a contact with 100,000 messages about new groups, to
erase it, to hand it over. Such work becomes a job. How far it has come lies in a row, which is committed with what was
done; so an owner that ends goes on from there. Records of the same key wait in rows, in their order; all others are
applied as ever. A job works as of the append time of its record, and so does what has waited for it: what comes of
them differs in nothing but when it is read.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct

from processors.budget import RECORD
from processors.facts import Found
from processors.membership import Waiting, Why
from processors.rows import encode
from schemas.activity import decode
from schemas.activity import encode as encode_activity

if TYPE_CHECKING:
    from processors.definitions import Definitions
    from processors.desk import Desk
    from schemas.activity import Activity


class Review(Struct, array_like=True):
    """How far the groups of versions above `since`, up to `until`, have been answered from the facts (review.py).

    `cursor` is the last message that was read, `found` what all those say, `asked` the last group that was answered.
    """

    since: int
    until: int
    read: bool = False
    cursor: bytes = b""
    found: Found = {}
    asked: tuple[int, str] = (0, "")


class Job(Struct, array_like=True):
    """A record of `key`, appended `at`, and how far it has come; without one the contact is only looked at.

    `acted` is whether the actor is through; else `step` says where it is, and `kind`, `cursor` and `nth` how far in
    that. `first` is the earliest fact that it has found. `renewal` brings a contact up to date with the definitions,
    `review` is the actor's own. `waiting` are the groups that are to be settled, `revived` is what the desk says of
    that, `counts` of what became of a command's contacts.
    """

    key: bytes = b""
    at: int = 0
    record: bytes = b""
    acted: bool = False
    step: int = 0
    cursor: bytes = b""
    kind: int = 0
    nth: int = 0
    renewal: Review | None = None
    review: Review | None = None
    waiting: list[tuple[str, Why, bool | None, bool]] = []
    revived: tuple[tuple[str, str], int, bool] | None = None
    counts: dict[str, int] = {}
    first: tuple[int, str] | None = None


_job_of: Any = msgspec.msgpack.Decoder(Job).decode
_parked_of: Any = msgspec.msgpack.Decoder(tuple[int, bytes]).decode

CarryOut = Callable[[bytes, "Activity | None"], bool]
"""Applies a record of a key, or without one looks at the contact; tells whether all of that is done."""


def job_of(desk: Desk) -> Job:
    """Return the job at hand, a new one for what has just begun."""
    if desk.job is None:
        desk.job = Job()
    job: Job = desk.job
    return job


class Jobs:
    """One partition's jobs, by key, in the order of their turns."""

    def __init__(self, desk: Desk, definitions: Callable[[bytes], Definitions]) -> None:
        self._desk = desk
        self._definitions = definitions
        store = desk.pending.store
        self.of: dict[bytes, int] = {_job_of(row).key: _number(key) for key, row in store.scan(b"J")}
        self._parked = max((_number(key) for key, _ in store.scan(b"W")), default=0)

    @property
    def busy(self) -> bool:
        """Whether any contact is being worked on."""
        return any(b"/" in key for key in self.of)

    def keep(self, key: bytes, activity: Activity | None) -> None:
        """Have the work at hand go on with the ticks, after the other jobs."""
        desk, job = self._desk, job_of(self._desk)
        job.key, job.at, job.revived = key, desk.now, desk.revived
        job.record = b"" if activity is None else encode_activity(activity)
        job.waiting = [(name, one.why, one.true, one.met) for name, one in desk.waiting.items()]
        self.of[key] = next(reversed(self.of.values()), 0) + 1
        desk.pending.put(_row(self.of[key]), encode(job))
        desk.job = desk.revived = None
        desk.waiting.clear()

    def park(self, key: bytes, activity: Activity) -> None:
        """Have a record wait for the job of its key."""
        self._parked += 1
        under = _under(key)
        row = under + self._parked.to_bytes(8, "big")
        self._desk.pending.put(row, encode((self._desk.now, encode_activity(activity))), under)

    def go_on(self, carry_out: CarryOut) -> None:
        """Do a slice of work."""
        desk, now = self._desk, self._desk.now
        desk.until = desk.spent + desk.slice
        while self.of and desk.spent < desk.until:
            self._go_on(next(iter(self.of)), carry_out)
        desk.now = now

    def _go_on(self, key: bytes, carry_out: CarryOut) -> None:
        """Go on with a job, and then with what has waited for it."""
        desk, activity = self._desk, self._take(key)
        while carry_out(key, activity):
            desk.job = None
            desk.spent += RECORD if activity is not None else 0
            parked = next(desk.pending.scan(_under(key)), None)
            if parked is None:
                self._end(key)
                return
            activity = None
            if desk.spent >= desk.until:
                break
            at, record = _parked_of(parked[1])
            desk.now = at
            if not 0 < desk.due(key) <= at:  # else what is due by then comes first
                desk.pending.put(parked[0], None, _under(key))
                activity = decode(record)
        self.keep(key, activity)

    def _take(self, key: bytes) -> Activity | None:
        """Lay the job of a key before its actor, and return its record."""
        desk, row = self._desk, _row(self.of.pop(key))
        job: Job = _job_of(desk.pending.get(row))
        desk.pending.put(row, None)
        desk.job, desk.now, desk.revived = job, job.at, job.revived
        groups = self._definitions(key).groups if job.waiting else {}
        waiting = [(groups.get(name), why, true, met) for name, why, true, met in job.waiting]
        desk.waiting = {known.id: Waiting(known, why, true, met) for known, why, true, met in waiting if known}
        activity: Activity | None = decode(job.record) if job.record else None
        return activity

    def _end(self, key: bytes) -> None:
        """Nothing is left to do: deadlines that came meanwhile were passed over."""
        due = self._desk.due(key)
        if due:
            self._desk.deadlines.put(due, key)


def _row(number: int) -> bytes:
    return b"J" + number.to_bytes(8, "big")


def _under(key: bytes) -> bytes:
    return b"W" + len(key).to_bytes(2, "big") + key


def _number(row: bytes) -> int:
    return int.from_bytes(row[-8:], "big")
