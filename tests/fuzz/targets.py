"""Everything that parses bytes of others, as functions of bytes that return, or raise what is wrong with the code.

Each target takes its input apart into what its parser gets (a topic, headers, a value), and lets through the error that
the parser documents, and no other. `make fuzz` and tests/fuzz/test_fuzz.py throw the same bytes at them.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NamedTuple

import msgspec

from processors import rows
from processors.desk import ORIGIN
from processors.fold import Fold, Record
from processors.normalize import Normalizer, Raw
from processors.state import MemoryStore
from rollcall.client.errors import ReadError
from rollcall.client.told import Record as Told
from rollcall.client.told import Wanted, change_of, row_of
from schemas import activity, dead_letters
from schemas.activity import RAW_TOPICS, Tick, decode, encode
from schemas.base import Reject, example
from schemas.tenants import Tenant
from streams.cli.ask import problem
from streams.verify import read_membership
from streams.verify_books import LOG, TABLE, Books, Entry
from streams.web import bodies, envelopes, events
from streams.web.access import Access, AccessError
from streams.web.problems import Problem
from tests.processors.world import START, World, commit

CUT = b"\xff\n"
"""Between the parts of an input: it stands in no UTF-8."""
GOLDEN = Path(__file__).parents[1] / "golden"
HEADERS = ("content-type", "ce_specversion", "ce_type", "ce_source", "ce_id", "ce_time", "ce_tenant", "CE_Time", "x")
GROUPS: dict[str, Any] = {
    "food": {"event": "message", "any_of": ["dinner", "pool"], "within": "P6M"},
    "stars": {"event": "rating", "min_stars": 4, "mode": "latest", "within": "P1M"},
    "loyal": {"event": "booking", "min_bookings": 1},
    "quiet": {"none": [{"event": "message", "any_of": ["dinner"], "within": "PT1H"}]},
}


class Target(NamedTuple):
    """What eats bytes, and inputs to begin with."""

    eat: Callable[[bytes], None]
    seeds: Callable[[], Iterator[bytes]]


def parts(data: bytes, count: int) -> list[bytes]:
    """Cut an input into so many parts; those that are missing are empty."""
    found = data.split(CUT, count - 1)
    return found + [b""] * (count - len(found))


def headers_in(data: bytes) -> list[tuple[str, bytes]]:
    """Read headers: a line each, a byte for the name, the rest the content."""
    lines = [line for line in data.split(b"\n") if line]
    return [(HEADERS[line[0] % len(HEADERS)], line[1:]) for line in lines]


# raw events: normalize, dead letters, fold ---------------------------------------------------------------------------


@cache
def _prepared() -> tuple[dict[str, Tenant], dict[bytes, bytes]]:
    world = World()
    world.tenant(properties={"ubud": {"region": "ID", "zone": "Asia/Makassar"}})
    for name, rule in GROUPS.items():
        world.group(name, rule)
    return world.tenants, world.stores[0].rows


def raw(data: bytes) -> None:
    """A record of a raw topic becomes activities, which fold, or a dead letter, which reads back."""
    first, value = (data[0] if data else 0), data[1:]
    _raw(first % len(RAW_TOPICS), value, ())


def binary(data: bytes) -> None:
    """The same with headers."""
    first, lines = (data[0] if data else 0), data[1:]
    head, value = parts(lines, 2)
    _raw(first % len(RAW_TOPICS), value, headers_in(head))


def _raw(topic: int, value: bytes, headers: Any) -> None:
    tenants, stored = _prepared()
    given = Raw(topic, 0, 1_000_000, START, None, value, headers)
    found = Normalizer(tenants).normalize(given)
    if isinstance(found, Reject):
        kept = dead_letters.keep(value, None, headers)
        letter = dead_letters.read(kept.value, dead_letters.headers(found, RAW_TOPICS[topic], 0, 7, kept))
        assert (letter.reason, letter.detail, letter.offset) == (found.reason, found.detail, 7)
        return
    store = MemoryStore()
    store.write(stored)
    fold = Fold(store, 0, 1, hash_key=b"k" * 32)
    _settle(fold, store, [Record(one.key, one.value, START) for one in found])


def _settle(fold: Fold, store: MemoryStore, records: list[Record]) -> None:
    """Fold, and what the fold tells itself, and let a year go by."""
    for at in (START, START, START, START + 366 * 86_400_000):
        fold.apply([record._replace(timestamp=at) for record in records])
        commit(fold, store)
        said = fold.desk.take()
        told = [Record(o.key, o.value or b"", at) for o in said if o.topic == "contact-activity"]
        records = [*told, Record(b"tick", encode(Tick(*ORIGIN)), at)]
        for out in said:
            if out.topic != "contact-activity" and out.value is not None and out.topic != "dead-letters":
                json.loads(out.value)


def _goldens() -> Iterator[tuple[int, bytes]]:
    topics = {"booking": 0, "rating": 1, "message": 2}
    for file in sorted(GOLDEN.glob("*.json")):
        yield from _events_in(json.loads(file.read_bytes()), topics)


def _events_in(found: Any, topics: dict[str, int]) -> Iterator[tuple[int, bytes]]:
    if isinstance(found, dict):
        if {"type", "source", "id"} <= found.keys() and isinstance(found["type"], str):
            yield topics.get(found["type"], 3), json.dumps(found | {"tenant": "bali"}).encode()
        for part in found.values():
            yield from _events_in(part, topics)
    elif isinstance(found, list):
        for part in found:
            yield from _events_in(part, topics)


def _raw_seeds() -> Iterator[bytes]:
    for topic, value in _goldens():
        yield bytes([topic]) + value


def _binary_seeds() -> Iterator[bytes]:
    for topic, value in _goldens():
        said = json.loads(value)
        names = ("specversion", "type", "source", "id", "time", "tenant")
        lines = [bytes([at]) + str(said.get(name, "")).encode() for at, name in enumerate(names, 1)]
        head = b"\n".join([b"\0application/json", *lines])
        yield bytes([topic]) + head + CUT + json.dumps(said.get("data")).encode()


# our own records: they decode, or raise msgspec's error -----------------------------------------------------------

DECODERS: tuple[Callable[[bytes], Any], ...] = (
    decode, rows.head_of, rows.message_of, rows.booking_of, rows.rating_of, rows.owner_of, rows.authority_of,
    rows.authority_group_of, rows.scan_of, rows.sweep_of, rows.read_of, rows.defined_of,
)  # fmt: skip


def own(data: bytes) -> None:
    """A record of contact-activity or a row of the state is decoded, or is none."""
    first, value = (data[0] if data else 0), data[1:]
    with suppress(msgspec.DecodeError, UnicodeDecodeError):
        DECODERS[first % len(DECODERS)](value)


def _own_seeds() -> Iterator[bytes]:
    for kind in msgspec.inspect.type_info(activity.AnyActivity).types:  # type: ignore[attr-defined]
        yield b"\0" + encode(msgspec.json.decode(_named(kind.cls)))
    _, stored = _prepared()
    for key, value in stored.items():
        at = {b"h": 1, b"a": 6, b"s": 8, b"w": 9, b"r": 10, b"d": 11}.get(key[:1])
        if at is not None:
            yield bytes([at]) + value


def _named(kind: Any) -> bytes:
    """Write a struct's example as the array that lies in Kafka."""
    said = json.loads(example(kind))
    return json.dumps([kind.__struct_config__.tag, *said.values()]).encode()


# what lies in outer topics ------------------------------------------------------------------------------------------


def letter(data: bytes) -> None:
    """A dead letter is read, or is none."""
    names, value = parts(data, 2)
    given = ("reason", "detail", "topic", "partition", "offset", "truncated", "size", "sha256", *HEADERS)
    lines = [(given[line[0] % len(given)], line[1:]) for line in names.split(b"\n") if line]
    with suppress(ValueError):
        dead_letters.read(value, lines)


def _letter_seeds() -> Iterator[bytes]:
    lines = (b"not_json", b"value", b"rollcall.messages", b"3", b"17", b"true", b"5", b"abc", b"application/json")
    yield b"\n".join(bytes([at]) + line for at, line in enumerate(lines)) + CUT + b"{}"


def changes(data: bytes) -> None:
    """`rollcall verify` and the client read a row of memberships and a change, or say that it is none."""
    key, value = parts(data, 2)
    read_membership(value)
    books = Books(_Shelf())
    for topic in (TABLE, LOG):
        with suppress(UnicodeDecodeError):  # of a key: the pipeline's own keys are UTF-8
            key.decode()
            books.take(topic, [Entry(key, value)] * 2)
    with suppress(ReadError):
        row_of(value)
    with suppress(ReadError):
        change_of(Told(0, 0, key, value), Wanted())


class _Shelf(MemoryStore):
    """A store that verify can write."""


def _change_seeds() -> Iterator[bytes]:
    from schemas.outputs import Change, ContactChange, Membership  # noqa: PLC0415

    for kind in (Change, ContactChange, Membership):
        yield b"bali/tel:+6281234567890" + CUT + example(kind)


# HTTP ----------------------------------------------------------------------------------------------------------------


def body(data: bytes) -> None:
    """A request's body is events or a command, or a problem."""
    with suppress(Problem):
        batch, _ = events._batch(data)
        for said in batch:
            events._ready("bali", said, "")
    with suppress(Problem):
        envelopes.whole_command("bali", _fields(data), retention="P400D")
    with suppress(Problem):
        envelopes.command("bali", "group.create", _fields(data), retention="P400D")


def _fields(data: bytes) -> dict[str, Any]:
    """Have the server read a request's object."""

    async def pieces() -> AsyncIterator[bytes]:
        yield data

    request: Any = SimpleNamespace(content=SimpleNamespace(iter_any=pieces), app={bodies.SECONDS: 30.0})
    return _loop().run_until_complete(bodies.fields(request))


@cache
def _loop() -> asyncio.AbstractEventLoop:
    """Return one loop for all bodies: to make one costs more than to read most of them."""
    return asyncio.new_event_loop()


def _body_seeds() -> Iterator[bytes]:
    values = [value for _, value in _goldens()]
    yield from values
    yield b"[" + b",".join(values[:3]) + b"]"
    yield b'{"type": "message"}'


def query(data: bytes) -> None:
    """A cursor and a limit are read, or are a problem; what a cursor names, names it again."""
    given, limit = (part.decode("utf-8", "surrogateescape") for part in parts(data, 2))
    request: Any = SimpleNamespace(query={"cursor": given, "limit": limit})
    with suppress(Problem):
        after = bodies.after(request)
        again: Any = SimpleNamespace(query={"cursor": bodies.cursor(after)})
        assert after in {None, ""} or bodies.after(again) == after
    with suppress(Problem):
        assert 1 <= bodies.limit(request) <= bodies.MAX_LIMIT


def _query_seeds() -> Iterator[bytes]:
    yield (bodies.cursor("tel:+6281234567890") or "").encode() + CUT + b"100"


def tokens(data: bytes) -> None:
    """A tokens file is read, or is none."""
    with suppress(AccessError):
        file: Any = SimpleNamespace(read_bytes=lambda: data, stat=lambda: SimpleNamespace(st_mode=0o100600))
        Access.read("127.0.0.1", file)


def _token_seeds() -> Iterator[bytes]:
    yield b'{"secret": {"tenant": "bali", "role": "viewer", "permissions": ["contacts.view"], "name": "desk"}}'


def answer(data: bytes) -> None:
    """What a server says that refuses is one line."""
    problem(400, data)


def _answer_seeds() -> Iterator[bytes]:
    yield b'{"type": "about:blank", "title": "Not Found", "status": 404, "detail": "there is no such group"}'


TARGETS: dict[str, Target] = {
    "raw": Target(raw, _raw_seeds),
    "binary": Target(binary, _binary_seeds),
    "own": Target(own, _own_seeds),
    "letter": Target(letter, _letter_seeds),
    "changes": Target(changes, _change_seeds),
    "body": Target(body, _body_seeds),
    "query": Target(query, _query_seeds),
    "tokens": Target(tokens, _token_seeds),
    "answer": Target(answer, _answer_seeds),
}
