"""`rollcall dead-letters`: what was turned away and why, and how to send it again."""

from __future__ import annotations

import asyncio
import sys
from collections import Counter
from contextlib import suppress
from typing import TYPE_CHECKING, Annotated, NamedTuple, TypeVar

import typer

from streams.cli import options
from streams.cli.printable import printable
from streams.cli.records import iso
from streams.cli.say import TroubleError, answer, as_json, note, table

if TYPE_CHECKING:
    from asyncio import Future
    from collections.abc import AsyncIterator, Coroutine, Iterable

    from schemas.dead_letters import DeadLetter
    from streams.runtime.topic_io import Headers, Publisher, Record, RecordMetadata
    from streams.settings import Settings

T = TypeVar("T")
Original = tuple["bytes | None", "bytes | None", "Headers"]
"""Value, key and headers of a record as it came."""

app = typer.Typer(
    help="What was turned away: look at it, send it again.",
    epilog="Example: rollcall dead-letters list",
    no_args_is_help=True,
)

Ids = Annotated[list[str] | None, typer.Argument(metavar="[ID]…", help="As `list` shows them: topic-partition-offset.")]
Reason = Annotated[str | None, typer.Option("--reason", help="Only those turned away for this reason.")]
Topic = Annotated[str | None, typer.Option("--topic", help="Only those that came from this topic.")]


class Found(NamedTuple):
    """A dead letter, its id, the original's key, when it was turned away, and where it was sent again, if it was."""

    id: str
    letter: DeadLetter
    key: bytes | None
    time: int
    sent_as: str | None = None


class Wanted(NamedTuple):
    """Which dead letters are meant; None is any."""

    ids: frozenset[str] | None = None
    reason: str | None = None
    topic: str | None = None
    closed: bool = False
    """Those that were sent again too; who names a letter by its id means it in any case."""

    def takes(self, found: Found) -> bool:
        """Whether this one is meant."""
        if found.sent_as is not None and not self.closed and self.ids is None:
            return False
        return (
            (self.ids is None or found.id in self.ids)
            and self.reason in (None, found.letter.reason)
            and self.topic in (None, found.id.rsplit("-", 2)[0])
        )


@app.command("list", epilog="Example: rollcall dead-letters list --reason phone_invalid --json")
def list_(  # noqa: PLR0913  # one argument a flag
    reason: Reason = None,
    topic: Topic = None,
    all_: Annotated[bool, typer.Option("--all", help="Those that were sent again too.")] = False,
    brokers: options.Brokers = None,
    prefix: options.Prefix = None,
    json_: options.Json = False,
) -> None:
    """List what was turned away and not sent again since, and why; the content itself is not shown."""
    settings = _reached(brokers, prefix)
    found = _run(_collected(settings, Wanted(reason=reason, topic=topic, closed=all_)))
    rows = [_row(one) for one in found.values()]
    if json_:
        as_json(rows)
    else:
        table(rows, ["id", "reason", "detail", "time", "size", *(["sent_as"] if all_ else [])])
        note(
            ", ".join(f"{count} {name}" for name, count in Counter(row["reason"] for row in rows).most_common())
            or "none"
        )


def _row(found: Found) -> dict[str, str | int | bool | None]:
    letter = found.letter
    return {
        "id": found.id,
        "reason": letter.reason,
        "detail": letter.detail,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "time": iso(found.time),
        "size": letter.size,
        "truncated": letter.truncated,
        "sent_as": found.sent_as,
    }


@app.command("show", epilog="Example: rollcall dead-letters show messages-3-17")
def show(
    id_: Annotated[str, typer.Argument(metavar="ID", help="As `list` shows it: topic-partition-offset.")],
    brokers: options.Brokers = None,
    prefix: options.Prefix = None,
    json_: options.Json = False,
) -> None:
    """Print the original bytes as they came; with --json why they were turned away."""
    settings = _reached(brokers, prefix)
    found = _known(_run(_collected(settings, Wanted(ids=frozenset([id_])))), [id_])[0]
    if json_:
        as_json(_row(found))
        return
    letter = found.letter
    note(
        f"{letter.reason} {letter.detail}".rstrip()
        + (f"; cut, {letter.size} bytes as it came" if letter.truncated else "")
    )
    _write(letter.value or b"")


def _write(original: bytes) -> None:
    """Write the bytes as they came; on a terminal as text, with what would act there escaped."""
    if sys.stdout.isatty():
        answer("\n".join(map(printable, original.decode(errors="backslashreplace").split("\n"))))
        return
    sys.stdout.buffer.write(original)
    sys.stdout.flush()


@app.command("retry", epilog="Example: rollcall dead-letters retry --reason tenant_unknown")
def retry(  # noqa: PLR0913  # one argument a flag
    ids: Ids = None,
    reason: Reason = None,
    topic: Topic = None,
    all_: Annotated[bool, typer.Option("--all", help="All that are open.")] = False,
    brokers: options.Brokers = None,
    prefix: options.Prefix = None,
    json_: options.Json = False,
) -> None:
    """Send originals again to the topic they came from, with their key, bytes and headers.

    Safe at any time: what is known already changes nothing. What was sent again is closed; what is still wrong comes
    back as a new dead letter in its place. A closed one goes out once more only where its id is named.
    """
    if not (ids or reason or topic or all_):
        raise typer.BadParameter("name dead letters by id, --reason or --topic, or say --all")
    settings = _reached(brokers, prefix)
    found = _run(_collected(settings, Wanted(frozenset(ids) if ids else None, reason, topic)))
    chosen = _known(found, ids) if ids else list(found.values())
    sent, lost = _run(_send_again(settings, chosen))
    if json_:
        as_json({"sent": sent, "lost": lost})
    else:
        answer(f"{len(sent)} sent again")
    for one in lost:
        note(f"{one} was cut, and its original is no longer kept in its topic")
    if lost:
        raise typer.Exit(1)


def _reached(brokers: str | None, prefix: str | None) -> Settings:
    from streams.cli.kafka import reached  # noqa: PLC0415

    return reached(options.settings(brokers=brokers, topic_prefix=prefix))


def _run(work: Coroutine[None, None, T]) -> T:
    from streams.cli.kafka import plainly  # noqa: PLC0415

    with plainly():
        return asyncio.run(work)


def _known(found: dict[str, Found], ids: list[str]) -> list[Found]:
    missing = [one for one in ids if one not in found]
    if missing:
        raise TroubleError(f"no such dead letter: {', '.join(missing)}")
    return [found[one] for one in ids]


async def _collected(settings: Settings, wanted: Wanted) -> dict[str, Found]:
    """The dead letters that are meant, by id, the oldest first."""
    found = joined([one async for one in _all(settings)])
    return {one.id: one for one in sorted(found, key=lambda one: one.time) if wanted.takes(one)}


def joined(records: Iterable[Found]) -> list[Found]:
    """Make one letter of a place's records: normalize may write one twice, and whoever sends it again closes it."""
    letters, closed = dict[str, Found](), dict[str, str]()
    for one in records:
        if one.letter.sent_as is None:
            letters[one.id] = one
        else:
            closed[one.id] = one.letter.sent_as
    return [one._replace(sent_as=closed.get(one.id)) for one in letters.values()]


async def _all(settings: Settings) -> AsyncIterator[Found]:
    from streams.runtime.topic_io import reader  # noqa: PLC0415

    async with reader(settings, "dead-letters", beginning=True) as letters:
        async for record in letters.to_end():
            with suppress(ValueError):  # someone else wrote into the topic
                yield _found(record, settings.topic_prefix)


def _found(record: Record, prefix: str) -> Found:
    from schemas.dead_letters import read  # noqa: PLC0415

    letter = read(record.value, record.headers)
    return Found(letter_id(letter, prefix), letter, record.key, record.time)


def letter_id(letter: DeadLetter, prefix: str) -> str:
    """Where the original lay, in one word."""
    return f"{letter.topic.removeprefix(prefix)}-{letter.partition}-{letter.offset}"


async def _send_again(settings: Settings, chosen: list[Found]) -> tuple[list[str], list[str]]:
    """Send originals again, and close their letters once the broker has them; return the ids, and those of the lost."""
    from streams.runtime.topic_io import publisher  # noqa: PLC0415

    sent: list[tuple[Found, Future[RecordMetadata]]] = []
    lost: list[str] = []
    async with publisher(settings) as out:
        for found in chosen:
            original = await _original(settings, found)
            if original is None:
                lost.append(found.id)
            else:
                sent.append((found, await out.send(_origin(found), *original)))
        for found, future in sent:
            await _close(out, found, await future)
    return [found.id for found, _ in sent], lost


async def _close(out: Publisher, found: Found, at: RecordMetadata) -> None:
    from schemas.dead_letters import closing  # noqa: PLC0415

    lines = closing(found.letter, f"{_origin(found)}-{at.partition}-{at.offset}")
    await out.send("dead-letters", None, found.key, tuple(lines))


async def _original(settings: Settings, found: Found) -> Original | None:
    """Value, key and headers to be sent; of a letter that was cut they are read where the original lay, if they are."""
    letter = found.letter
    if not letter.truncated:
        return letter.value, found.key, letter.headers
    from streams.runtime.topic_io import reader  # noqa: PLC0415

    async with reader(settings, _origin(found), beginning=False) as originals:
        record = await originals.at(letter.partition, letter.offset)
    return None if record is None else (record.value, record.key, record.headers)


def _origin(found: Found) -> str:
    from streams.topics import BY_NAME  # noqa: PLC0415

    topic = found.id.rsplit("-", 2)[0]
    if topic not in BY_NAME:
        raise TroubleError(f"{found.id} came from a topic of another prefix: name that with --prefix")
    return topic
