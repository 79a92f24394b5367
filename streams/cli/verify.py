"""`rollcall verify`: recompute all memberships from facts, pins and rules, and say where anything disagrees."""

from __future__ import annotations

import asyncio
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer

from streams.cli import options
from streams.cli.say import TroubleError, answer, as_json, note, table

if TYPE_CHECKING:
    from streams.runtime.verify_reader import Logs, Partition
    from streams.settings import Settings
    from streams.verify_books import Difference

COUNTS = ("contacts", "memberships", "changes", "building", "beyond_log")
_PROGRESS_SECONDS = 0.2

Partitions = Annotated[
    list[int] | None, typer.Option("--partition", min=0, help="Only this partition, and not HTTP; may be repeated.")
]
Limit = Annotated[int, typer.Option("--limit", min=0, help="List at most so many differences; all are counted.")]
ShowContacts = Annotated[
    bool, typer.Option("--show-contacts", help="Name contacts by their ids instead of by a hash of this run's own.")
]
Patience = Annotated[
    float, typer.Option("--patience", min=0, help="Seconds that HTTP may take to say the same as the topics.")
]


class Wishes(NamedTuple):
    """What was asked for."""

    partitions: list[int] | None
    patience: float


class Placed(NamedTuple):
    """A difference, and the partition in which it was found; None is HTTP."""

    partition: int | None
    difference: Difference


class Found(NamedTuple):
    """All that was found; `store` says what became of the comparison with HTTP."""

    partitions: list[Partition]
    store: dict[str, Any]
    differences: list[Placed]
    seconds: float


def verify(  # noqa: PLR0913  # one argument a flag
    partition: Partitions = None,
    limit: Limit = 50,
    show_contacts: ShowContacts = False,
    patience: Patience = 30.0,
    brokers: options.Brokers = None,
    prefix: options.Prefix = None,
    http: options.Http = None,
    json_: options.Json = False,
) -> None:
    """Recompute all memberships from the owners' facts, pins and rules, and compare them with what is told.

    That is with the owners' own rows, the topics memberships and membership-changes, and HTTP where it answers. Works
    on a running system and writes nothing. Exit code 0 when all agree, 1 when anything differs.
    """
    from secrets import token_bytes  # noqa: PLC0415

    from streams.cli.kafka import plainly, reached  # noqa: PLC0415

    settings = reached(options.settings(brokers=brokers, topic_prefix=prefix, http=http))
    with plainly():
        found = asyncio.run(_verify(settings, Wishes(partition, patience)))
    document = report(found, limit, None if show_contacts else token_bytes(16))
    as_json(document) if json_ else _print(document)
    raise typer.Exit(1 if found.differences else 0)


async def _verify(settings: Settings, wishes: Wishes) -> Found:
    from tempfile import TemporaryDirectory  # noqa: PLC0415

    from streams.runtime.verify_reader import logs, verify_partition  # noqa: PLC0415

    began, partitions = time.monotonic(), list["Partition"]()
    async with logs(settings) as opened:
        for number in _chosen(wishes.partitions, opened.partitions):
            tell = Progress(f"partition {number} of {opened.partitions}")
            with TemporaryDirectory(prefix="rollcall-verify-") as folder:
                partitions.append(await verify_partition(opened, number, settings, Path(folder) / "rows", tell))
            tell.done()
        store, differing = await _store(settings, opened, wishes)
    differences = [Placed(one.partition, difference) for one in partitions for difference in one.differences]
    differences += [Placed(None, difference) for difference in differing]
    return Found(partitions, store, differences, round(time.monotonic() - began, 3))


def _chosen(wanted: list[int] | None, there: int) -> list[int]:
    beyond = [number for number in wanted or () if number >= there]
    if beyond:
        raise typer.BadParameter(f"--partition {beyond[0]}: there are {there}, from 0 to {there - 1}")
    return sorted(set(wanted)) if wanted else list(range(there))


async def _store(settings: Settings, opened: Logs, wishes: Wishes) -> tuple[dict[str, Any], list[Difference]]:
    """Compare with HTTP, or say why not."""
    from streams.cli.ask import RefusedError, base_url, healthy  # noqa: PLC0415

    url = base_url(settings.http)
    if wishes.partitions:
        return {"compared": False, "why": "only some partitions were asked for"}, []
    if not healthy(f"{url}/healthz"):
        return {"compared": False, "why": f"nothing answers at {url}"}, []
    if not await _ready(f"{url}/readyz", wishes.patience):
        raise TroubleError(f"HTTP at {url} is not ready: it is still reading the tables")
    try:
        return await _compare_store(opened, settings, wishes.patience)
    except RefusedError as error:
        return {"compared": False, "why": f"HTTP at {url} refuses: {error}"}, []


async def _ready(url: str, patience: float) -> bool:
    from streams.cli.ask import healthy  # noqa: PLC0415

    until = time.monotonic() + patience
    while not healthy(url):
        if time.monotonic() > until:
            return False
        await asyncio.sleep(0.2)
    return True


async def _compare_store(opened: Logs, settings: Settings, patience: float) -> tuple[dict[str, Any], list[Difference]]:
    from tempfile import TemporaryDirectory  # noqa: PLC0415

    from streams.cli.verify_store import Comparison, Listed  # noqa: PLC0415
    from streams.runtime.verify_reader import TableCopy  # noqa: PLC0415

    tell = Progress(f"HTTP at {settings.http}")
    with TemporaryDirectory(prefix="rollcall-verify-") as folder:
        copy = TableCopy(opened, Path(folder) / "rows", tell)
        try:
            comparison = Comparison(copy, Listed(settings))
            differing = await comparison.run(patience)
        finally:
            copy.close()
    tell.done()
    told = {"compared": True, "groups": len(comparison.groups), "members": comparison.members}
    return told | {"tenants_without_token": len(comparison.unasked)}, differing


class Progress:
    """A line that rewrites itself on a terminal; nothing in a pipe."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._shown = sys.stderr.isatty()
        self._at = 0.0

    def __call__(self, doing: str, count: int) -> None:
        """Say how far it has come, a few times a second."""
        now = time.monotonic()
        if self._shown and now - self._at >= _PROGRESS_SECONDS:
            self._at = now
            self._write(f"\r\x1b[K{self._what}: {count:,} {doing}")

    def done(self) -> None:
        """Take the line away."""
        if self._shown:
            self._write("\r\x1b[K")

    def _write(self, text: str) -> None:
        sys.stderr.write(text)
        sys.stderr.flush()


# the report --------------------------------------------------------------------------------------------------------


def report(found: Found, limit: int, key: bytes | None) -> dict[str, Any]:
    """All that was found as one JSON document; `key` hides contacts behind a hash, None shows them."""
    totals = {name: sum(one.counts.get(name, 0) for one in found.partitions) for name in COUNTS}
    return {
        "agree": not found.differences,
        "seconds": found.seconds,
        "totals": totals,
        "partitions": [_partition(one) for one in found.partitions],
        "store": found.store,
        "differences": len(found.differences),
        "complete": all(one.complete for one in found.partitions),
        "listed": [_difference(*one, key) for one in found.differences[:limit]],
    }


def _partition(one: Partition) -> dict[str, Any]:
    from streams.cli.records import iso  # noqa: PLC0415

    return {
        "partition": one.partition,
        "as_of": iso(one.clock) if one.clock else None,
        "offsets": one.offsets,
        **{name: one.counts.get(name, 0) for name in COUNTS},
        "looked_at_again": one.rechecked,
        "complete": one.complete,
        "differences": len(one.differences),
    }


def _difference(partition: int | None, one: Difference, key: bytes | None) -> dict[str, Any]:
    from hashlib import blake2b  # noqa: PLC0415

    import msgspec  # noqa: PLC0415

    said = msgspec.to_builtins(one)
    if key is not None and one.contact is not None:
        said["contact"] = blake2b(f"{one.tenant}/{one.contact}".encode(), key=key, digest_size=6).hexdigest()
    return {"kind": said.pop("kind"), "partition": partition, **said}


def _print(document: dict[str, Any]) -> None:
    columns = ["partition", "as_of", *COUNTS, "looked_at_again", "differences"]
    table(document["partitions"], columns)
    store = document["store"]
    told = f"{store['groups']} groups, {store['members']} members" if store["compared"] else store["why"]
    answer(f"HTTP {'compared' if store['compared'] else 'not compared'}: {told}")
    if store.get("tenants_without_token"):
        note(
            f"{store['tenants_without_token']} tenants have no token in ROLLCALL_TOKENS: HTTP was not asked about them"
        )
    if document["listed"]:
        table(document["listed"], ["kind", "partition", "tenant", "group", "contact", "field", "expected", "found"])
    left = document["differences"] - len(document["listed"])
    if left:
        note(f"{left} more differences are not listed: --limit lists more")
    if not document["complete"]:
        note("so many disagree that not everybody was looked at")
    answer("all agree" if document["agree"] else f"{document['differences']} differences")
