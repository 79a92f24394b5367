"""How far a reader has come, and how that is written down. No I/O.

A partition is told in two parts: first its rows in the order of their keys, then its changes. The reader may be killed
anywhere between, and the table it meets after that is a newer one. So rows are told in stretches: the keys up to `upto`
(and above the stretch before) were told as they stood at offset `since` of the log. After the last row the log is
followed from the oldest point needed, and a change is told only if it lies at or beyond the `since` of the stretch that
its key belongs to: what lies before is in the row already. Once all that is passed, one offset says it all.
"""

from __future__ import annotations

from typing import NamedTuple

import msgspec
from msgspec import Struct

from rollcall.client.errors import CheckpointError
from rollcall.client.snapshot import key_of
from rollcall.client.told import Told, Wanted

FORM = 1
"""Raise it when a checkpoint changes its form."""


class Stretch(Struct, array_like=True):
    """The keys up to `upto` (None: all that follow) were told as they stood at offset `since`."""

    upto: str | None
    since: int


class Last(Struct, frozen=True, array_like=True):
    """The last record read, which must still lie there when the reader comes back."""

    offset: int
    time: int


class Place(Struct, omit_defaults=True):
    """Progress in one partition: `next` is the offset to follow from, `stretches` how its rows were told."""

    next: int
    stretches: list[Stretch] = []
    last: Last | None = None

    @property
    def cursor(self) -> str | None:
        """The last key told while rows are being told; None once all are."""
        return self.stretches[-1].upto if self.stretches else None

    def begin(self, since: int) -> None:
        """Go on telling rows, from now on as they stand at `since`."""
        cursor = self.cursor or ""
        # a stretch without rows says nothing
        told = [one for before, one in zip([None, *self.stretches], self.stretches, strict=False) if _held(before, one)]
        self.stretches = [*told, Stretch(cursor, since)]

    def floor(self, key: str) -> int:
        """The offset below which changes of this key are known from its row."""
        return next((one.since for one in self.stretches if one.upto is None or key <= one.upto), 0)

    def passed(self, offset: int) -> None:
        """Everything below this offset is told."""
        self.next = max(self.next, offset)
        if self.stretches and self.cursor is None and self.next >= max(one.since for one in self.stretches):
            self.stretches = []


def _held(before: Stretch | None, one: Stretch) -> bool:
    return one.upto != (before.upto if before else "")


class RowStep(NamedTuple):
    """A row to be told."""

    partition: int
    key: str
    told: Told


class RowsEnd(NamedTuple):
    """All rows of a partition are told."""

    partition: int
    told: None = None


class ChangeStep(NamedTuple):
    """A change to be told."""

    partition: int
    last: Last
    told: Told


class Move(NamedTuple):
    """Nothing to tell up to `next`: markers, and what is not wanted."""

    partition: int
    next: int
    last: Last | None
    told: None = None


Step = RowStep | RowsEnd | ChangeStep | Move


class Origin(Struct, frozen=True):
    """What a checkpoint is valid for: these topics, and what was asked of them."""

    cluster: str
    prefix: str
    partitions: int
    wanted: Wanted


class _Checkpoint(Struct):
    form: int
    origin: Origin
    places: dict[int, Place]


class Progress:
    """The places of all partitions, moved on by steps, written and read as a checkpoint."""

    def __init__(self, origin: Origin, places: dict[int, Place] | None = None) -> None:
        self.origin = origin
        self.places: dict[int, Place] = places or {}

    def rows_told(self, partition: int) -> bool:
        """Whether a partition's rows are all told."""
        place = self.places.get(partition)
        return place is not None and place.cursor is None

    def begin(self, partition: int, start: int, since: int) -> str:
        """Start with a partition's rows, or go on with them; gives the key after which to go on."""
        place = self.places.setdefault(partition, Place(start))
        place.begin(since)
        return place.cursor or ""

    def tells(self, partition: int, offset: int, told: Told) -> bool:
        """Whether a change is to be told: not if the row that was told holds it already."""
        # a contact's own change is in no row's seq
        return told.group is None or offset >= self.places[partition].floor(key_of(told))

    def take(self, step: Step) -> None:
        """Count one step as done."""
        place = self.places[step.partition]
        match step:
            case RowStep():
                place.stretches[-1].upto = step.key
            case RowsEnd():
                place.stretches[-1].upto = None
                place.passed(place.next)
            case ChangeStep():
                place.last = step.last
                place.passed(step.last.offset + 1)
            case Move():
                place.last = step.last or place.last
                place.passed(step.next)

    def encode(self) -> bytes:
        """The checkpoint: JSON of some hundred bytes, with group and contact ids only while rows are being told."""
        return msgspec.json.encode(_Checkpoint(FORM, self.origin, self.places))

    @classmethod
    def resume(cls, checkpoint: bytes, origin: Origin) -> Progress:
        """Read a checkpoint. Raises CheckpointError when it is damaged or of another origin."""
        try:
            read = msgspec.json.decode(checkpoint, type=_Checkpoint)
        except (msgspec.DecodeError, UnicodeDecodeError):
            raise CheckpointError("the checkpoint is damaged, or no checkpoint: restore it, or start without") from None
        if read.form != FORM:
            raise CheckpointError(f"the checkpoint has form {read.form}, this client reads {FORM}: start without")
        _check(read.origin, origin)
        return cls(origin, read.places)


def _check(known: Origin, origin: Origin) -> None:
    for name in Origin.__struct_fields__:
        if getattr(known, name) != getattr(origin, name):
            raise CheckpointError(
                f"the checkpoint was made for another {'tenant or groups' if name == 'wanted' else name}:"
                " open the reader as before, or start without a checkpoint and drop what was derived from it"
            )
