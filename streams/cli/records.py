"""`rollcall publish` and `rollcall tail`: events in from a file, records out of a topic."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import sys
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from typing import IO, TYPE_CHECKING, Annotated, Any, cast

import orjson
import typer

from streams.cli import options
from streams.cli.say import TroubleError, answer, as_json, document, json_object, note

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator

    from streams.runtime.topic_io import Publisher, Record
    from streams.settings import Settings

LONGEST_KEY = 1024
RAW = ("bookings", "ratings", "messages", "commands")

Line = tuple[int, bytes, Any]
"""A line's number, its bytes, and what it says (None where it is no JSON object)."""


def publish(  # noqa: PLR0913  # one argument a flag
    file: Annotated[str, typer.Argument(metavar="FILE.jsonl", help="One event a line; - for standard input.")],
    topic: Annotated[str, typer.Option("--topic", help="bookings, ratings, messages or commands.")],
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="Leave out lines that are no JSON object, and go on.")
    ] = False,
    brokers: options.Brokers = None,
    prefix: options.Prefix = None,
    json_: options.Json = False,
) -> None:
    """Publish the events of a file, each under its tenant and guest, so that one guest's events stay in order.

    A line that is no JSON object stops it before anything is sent beyond that line, unless told to keep going.
    """
    from streams.cli.kafka import plainly, reached  # noqa: PLC0415

    if topic not in RAW:
        raise typer.BadParameter(f"--topic is one of {', '.join(RAW)}")
    settings = reached(options.settings(brokers=brokers, topic_prefix=prefix))
    with _opened(file) as source, plainly():
        sent, bad = asyncio.run(_publish(settings, topic, source, keep_going=keep_going))
    if json_:
        as_json({"published": sent, "bad_lines": bad})
    else:
        answer(f"{sent} published to {settings.topic_prefix}{topic}" + (f", {len(bad)} left out" if bad else ""))
    if bad and not keep_going:
        raise typer.Exit(1)


@contextmanager
def _opened(name: str) -> Generator[IO[bytes], None, None]:
    if name == "-":
        yield sys.stdin.buffer
        return
    try:
        source = open(name, "rb")  # noqa: PTH123, SIM115  # closed below
    except OSError as error:
        raise TroubleError(f"cannot read {name}: {error.strerror}") from error
    with source:
        yield source


async def _publish(settings: Settings, topic: str, source: IO[bytes], *, keep_going: bool) -> tuple[int, list[int]]:
    from streams.runtime.topic_io import publisher  # noqa: PLC0415

    sent, bad = 0, list[int]()
    async with publisher(settings) as out:
        for number, line, event in read_lines(source):
            if event is not None:
                await out.send(topic, line, record_key(topic, event))
                sent += 1
                _progress(sent)
                continue
            bad.append(number)
            note(f"line {number} is no JSON object")
            if not keep_going:
                break
        await _flushed(out, sent)
    return sent, bad


async def _flushed(out: Publisher, sent: int) -> None:
    await out.flush()
    _progress(sent, last=True)


def read_lines(source: Iterable[bytes]) -> Iterator[Line]:
    """The lines that are not empty, numbered from 1."""
    for number, raw in enumerate(source, 1):
        line = raw.removeprefix(b"\xef\xbb\xbf").strip() if number == 1 else raw.strip()
        if line:
            yield number, line, _object(line)


def _object(line: bytes) -> dict[str, Any] | None:
    try:
        return json_object(line)
    except ValueError:  # UnicodeDecodeError too
        return None


def record_key(topic: str, event: dict[str, Any]) -> bytes | None:
    """Tenant and the guest as the event names it, or the tenant alone for commands."""
    tenant = event.get("tenant")
    if not isinstance(tenant, str):
        return None
    if topic == "commands":
        return bounded_key(tenant)
    identity = _identity(_inner(event, "data"))
    return bounded_key(f"{tenant}/{identity}" if identity else tenant)


def bounded_key(text: str) -> bytes:
    """Encode a key, or a hash of one that is too long: what lies before a value must fit beside it."""
    key = text.encode(errors="surrogatepass")
    return key if len(key) <= LONGEST_KEY else f"sha256:{hashlib.sha256(key).hexdigest()}".encode()


def _inner(event: dict[str, Any], name: str) -> dict[str, Any]:
    said = event.get(name)
    return cast("dict[str, Any]", said) if isinstance(said, dict) else {}


def _identity(data: dict[str, Any]) -> str | None:
    guest = _inner(data, "guest")
    asked = [guest.get("phone"), guest.get("email"), data.get("from"), data.get("to"), data.get("user_id")]
    asked += [data.get(name) for name in ("booking_id", "rating_id", "message_id")]
    return next((value for value in asked if isinstance(value, str) and value), None)


def _progress(count: int, *, last: bool = False) -> None:
    """A count that rewrites its line on a terminal; nothing in a pipe."""
    if sys.stderr.isatty() and (last or count % 1000 == 0):
        sys.stderr.write(f"\r{count:,} published" + ("\n" if last else ""))
        sys.stderr.flush()


def tail(  # noqa: PLR0913  # one argument a flag
    topic: Annotated[str, typer.Argument(metavar="TOPIC", help="A topic's name, without prefix.")],
    from_beginning: Annotated[bool, typer.Option("--from-beginning", help="Not only what comes from now on.")] = False,
    to_end: Annotated[bool, typer.Option("--to-end", help="Stop at the end instead of waiting for more.")] = False,
    limit: Annotated[int | None, typer.Option("--max", min=1, help="Stop after so many records.")] = None,
    brokers: options.Brokers = None,
    prefix: options.Prefix = None,
    json_: options.Json = False,
) -> None:
    """Print the committed records of a topic as they come, one JSON object each: place, time, key, value, headers."""
    from streams.cli.kafka import plainly, reached  # noqa: PLC0415
    from streams.topics import BY_NAME  # noqa: PLC0415

    settings = reached(options.settings(brokers=brokers, topic_prefix=prefix))
    short = topic.removeprefix(settings.topic_prefix) if topic not in BY_NAME else topic
    if short not in BY_NAME:
        raise typer.BadParameter(f"there is no topic {topic}: {', '.join(BY_NAME)}")
    pretty = sys.stdout.isatty() and not json_
    with suppress(KeyboardInterrupt), plainly():
        asyncio.run(_tail(settings, short, beginning=from_beginning, to_end=to_end, limit=limit, pretty=pretty))


async def _tail(  # noqa: PLR0913  # one argument a flag
    settings: Settings, topic: str, *, beginning: bool, to_end: bool, limit: int | None, pretty: bool
) -> None:
    from streams.runtime.topic_io import reader  # noqa: PLC0415

    seen = 0
    async with reader(settings, topic, beginning=beginning) as found:
        async for record in found.to_end() if to_end else found.onwards():
            answer(document(as_document(record), pretty=pretty))
            seen += 1
            if seen == limit:
                return


def as_document(record: Record) -> dict[str, Any]:
    """A record as JSON: bytes that are no JSON as text, and what is no text in base64."""
    shown = {
        "topic": record.topic,
        "partition": record.partition,
        "offset": record.offset,
        "time": iso(record.time),
        "key": text(record.key),
        "value": value(record.value),
    }
    return shown | ({"headers": {name: text(raw) for name, raw in record.headers}} if record.headers else {})


def iso(ms: int) -> str:
    """Epoch milliseconds as RFC 3339."""
    return datetime.fromtimestamp(ms / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def value(raw: bytes | None) -> Any:
    """A value as what it says in JSON, else as text, else in base64."""
    with suppress(ValueError):
        return None if raw is None else orjson.loads(raw)
    return text(raw)


def text(raw: bytes | None) -> Any:
    """Bytes as text, or in base64 where they are none."""
    if raw is None:
        return None
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return {"base64": base64.b64encode(raw).decode()}
