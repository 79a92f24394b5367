"""Turn records of the pipeline's topics into rows: a pure step over what the rows are now.

Counts are kept as the difference between a row as it was and as it becomes, in the same batch as the row and as the
place in the partition. So a record that comes again changes nothing, and a kill between two batches loses nothing:
what is on disk is always exactly the log up to the noted places.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from schemas.outputs import Outcome
from streams.store import keys

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from streams.store.rows import Batch, Rows

KEPT_MS = 7 * 86_400_000
"""How long outcomes can be asked for: as long as their topic keeps them."""
CHANGES_KEPT_MS = 400 * 86_400_000
"""How long changes can be asked for: as long as their topic keeps them."""


class _Shelf(NamedTuple):
    """Rows that are forgotten with age: the letter of their marks, how long they are kept, and their newest time."""

    letter: bytes
    kept_ms: int
    newest: bytes


_WEEK = _Shelf(b"x", KEPT_MS, keys.key("s", "newest"))
_HISTORY = _Shelf(b"y", CHANGES_KEPT_MS, keys.key("s", "newest-change"))


class Record(NamedTuple):
    """One record as read: `topic` is the short name, `at` the append time in epoch milliseconds."""

    topic: str
    partition: int
    offset: int
    at: int
    key: bytes
    value: bytes | None
    headers: tuple[tuple[str, bytes], ...] = ()


class Place(NamedTuple):
    """How far a partition is applied: the next offset, and the last record seen, by which a stranger's log shows."""

    next: int
    offset: int
    at: int


class Counts(NamedTuple):
    """How many members a group has, and how many of them may be written to."""

    members: int
    sendable: int


class _Sendable(msgspec.Struct, frozen=True):
    sendable: bool


class _Linked(msgspec.Struct, frozen=True):
    linked: list[str] = []


class _ToldData(msgspec.Struct, frozen=True):
    contact: str
    seq: int
    group: str = ""


class _Told(msgspec.Struct, frozen=True):
    tenant: str
    data: _ToldData


class Named(msgspec.Struct, frozen=True):
    """What a command is asked for by.

    {"id": "c-6", "source": "console", "tenant": "bali-resorts"}
    """

    id: str
    source: str
    tenant: str


class Refusal(msgspec.Struct, frozen=True):
    """Why a command was turned away before anyone could act on it.

    {"reason": "field_missing", "detail": "data.group", "partition": 0, "offset": 7}
    """

    reason: str
    detail: str
    partition: int
    offset: int


_sendable = msgspec.json.Decoder(_Sendable).decode
_linked = msgspec.json.Decoder(_Linked).decode
_ALONE = b'"linked":[]}'
"""How nearly all profiles end: who has no other ids need not be decoded, and has none as long as there is a profile."""
_told = msgspec.json.Decoder(_Told).decode
_outcome = msgspec.json.Decoder(Outcome).decode
_named = msgspec.json.Decoder(Named).decode
_encode = msgspec.json.Encoder().encode


class Draft:
    """Rows as they will be: the changes of one chunk laid over what is on disk."""

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.batch: Batch = {}

    def get(self, key: bytes) -> bytes | None:
        """The row as this chunk leaves it so far."""
        return self.batch[key] if key in self.batch else self._rows.get(key)

    def put(self, key: bytes, value: bytes | None) -> None:
        """Write or, with None, delete a row at the end of the chunk."""
        self.batch[key] = value

    def older(self, start: bytes, stop: bytes) -> list[bytes]:
        """Marks of what to forget: on disk from `start` to `stop`, and in this chunk whatever lies before `stop`."""
        found = {key for key, _ in self._rows.scan(start, stop)}
        found.update(key for key, value in self.batch.items() if value is not None and start[:1] <= key < stop)
        return sorted(key for key in found if self.batch.get(key, b"") is not None)


def membership(draft: Draft, record: Record) -> None:
    """The row by group, the row by contact and the group's counts."""
    tenant, group, contact = record.key.decode().split("/", 2)
    row = keys.key("m", tenant, group, contact)
    before, after = _weight(draft.get(row)), _weight(record.value)
    draft.put(row, record.value)
    draft.put(keys.key("i", tenant, contact, group), None if record.value is None else b"")
    if before != after:
        _count(draft, keys.key("n", tenant, group), after.members - before.members, after.sendable - before.sendable)


def _weight(value: bytes | None) -> Counts:
    if value is None:
        return Counts(0, 0)
    return Counts(1, int(_sendable(value).sendable))


def _count(draft: Draft, row: bytes, members: int, sendable: int) -> None:
    was = counts(draft.get(row))
    now = Counts(was.members + members, was.sendable + sendable)
    draft.put(row, keys.u64(now.members) + keys.u64(now.sendable) if now.members else None)


def counts(value: bytes | None) -> Counts:
    """The counts that a row holds; no row means none."""
    return Counts(0, 0) if value is None else Counts(keys.read_u64(value), keys.read_u64(value, 8))


def change(draft: Draft, record: Record) -> None:
    """The history of a membership."""
    if record.value is None:
        return
    said = _told(record.value)
    row = keys.change(said.tenant, said.data.contact, said.data.group, said.data.seq)
    _remember(draft, row, record.at, record.value, _HISTORY)


def contact(draft: Draft, record: Record) -> None:
    """The profile, and by each of its other ids whose it is."""
    tenant, named = record.key.decode().split("/", 1)
    row = keys.key("c", tenant, named)
    if record.value is None:
        before = draft.get(row)
        for other in _linked(before).linked if before is not None else ():
            if draft.get(keys.key("a", tenant, other)) == named.encode():
                draft.put(keys.key("a", tenant, other), None)
    elif not record.value.endswith(_ALONE):
        for other in _linked(record.value).linked:
            draft.put(keys.key("a", tenant, other), named.encode())
    draft.put(row, record.value)


def group(draft: Draft, record: Record) -> None:
    """The definition."""
    draft.put(keys.key("g", *record.key.decode().split("/", 1)), record.value)


def tenant(draft: Draft, record: Record) -> None:
    """The tenant's record."""
    draft.put(keys.key("t", record.key.decode()), record.value)


def outcome(draft: Draft, record: Record) -> None:
    """What became of a command for one contact. That it came again says nothing of that, so it lies apart."""
    if record.value is None:
        return
    said = _outcome(record.value)
    row = keys.outcome(said.tenant, said.command, said.source, said.index, again=said.reason == "repeated")
    _remember(draft, row, record.at, record.value)


def dead_letter(draft: Draft, record: Record) -> None:
    """Why a command was turned away; other dead letters are no business of the store."""
    found = refused(record)
    if found is not None:
        named, refusal = found
        _remember(draft, keys.key("d", named.tenant, named.id, named.source), record.at, _encode(refusal))


def refused(record: Record) -> tuple[Named, Refusal] | None:
    """Which command a dead letter was, and why; None for an event, and for what one could not ask for by name."""
    headers = {name.lower(): content for name, content in record.headers}
    named = _name(headers, record.value) if headers.get("topic", b"").endswith(b"commands") else None
    return None if named is None else (named, _refusal(headers))


def _name(headers: Mapping[str, bytes], value: bytes | None) -> Named | None:
    """Find the name where the mode has it: in `ce_` headers, else in the value."""
    try:
        if "ce_id" in headers:
            return Named(*(headers.get(f"ce_{word}", b"").decode() for word in ("id", "source", "tenant")))
        return None if value is None else _named(value)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _refusal(headers: Mapping[str, bytes]) -> Refusal:
    return Refusal(
        reason=headers.get("reason", b"").decode(),
        detail=headers.get("detail", b"").decode(),
        partition=int(headers.get("partition", b"0")),
        offset=int(headers.get("offset", b"0")),
    )


def _remember(draft: Draft, row: bytes, at: int, value: bytes, shelf: _Shelf = _WEEK) -> None:
    before = draft.get(row)
    if before is not None:
        draft.put(shelf.letter + before[:8] + row, None)
    draft.put(row, keys.u64(at) + value)
    draft.put(shelf.letter + keys.u64(at) + row, b"")


def _forget(draft: Draft, newest: int, shelf: _Shelf) -> None:
    """Forget what is too old beside the newest of all partitions, else the end would depend on who is read first."""
    before = keys.read_u64(draft.get(shelf.newest) or keys.u64(0))
    now = max(before, newest)
    draft.put(shelf.newest, keys.u64(now))
    # what lies before the last boundary went then: to start there steps over what RocksDB has not cleared away yet
    for mark in draft.older(_boundary(before, shelf), _boundary(now, shelf)):
        draft.put(mark, None)
        draft.put(mark[9:], None)


def _boundary(newest: int, shelf: _Shelf) -> bytes:
    return shelf.letter + keys.u64(max(0, newest - shelf.kept_ms))


TABLES: Mapping[str, Callable[[Draft, Record], None]] = {
    "membership-changes": change,
    "memberships": membership,
    "contacts": contact,
    "groups": group,
    "tenants": tenant,
    "outcomes": outcome,
    "dead-letters": dead_letter,
}
"""What the store reads, and which rows it makes of it."""

PASSING = frozenset({"outcomes", "dead-letters"})
"""Of these only the last days are read and kept."""

_SHELVES = {"membership-changes": _HISTORY} | dict.fromkeys(PASSING, _WEEK)


def apply(rows: Rows, records: Iterable[Record], places: Mapping[tuple[str, int], Place]) -> Batch:
    """The rows that a chunk changes, with the places it brings the partitions to."""
    draft, newest = Draft(rows), dict[_Shelf, int]()
    for record in records:
        TABLES[record.topic](draft, record)
        shelf = _SHELVES.get(record.topic)
        if shelf is not None:
            newest[shelf] = max(newest.get(shelf, 0), record.at)
    for shelf, at in newest.items():
        _forget(draft, at, shelf)
    for (topic, partition), place in places.items():
        draft.put(keys.position(topic, partition), b"".join(map(keys.u64, place)))
    return draft.batch


def places(rows: Rows) -> dict[tuple[str, int], Place]:
    """The place in every partition that the rows stand for."""
    found: dict[tuple[str, int], Place] = {}
    for key, value in rows.scan(b"p", b"q"):
        topic, partition = keys.text(key[1:-4]), int.from_bytes(key[-4:], "big")
        found[topic, partition] = Place(*(keys.read_u64(value, at) for at in (0, 8, 16)))
    return found
