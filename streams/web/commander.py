"""Carry a write out: publish the command, wait until it is decided and until the store shows what it did."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from schemas.outputs import Outcome
from streams.store.tables import Record, Refusal, refused

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

SOURCE = "rollcall-http"
WAIT_SECONDS = 5.0
_SETTLED_EVERY = 0.02
_REMEMBERED = 100_000
_TABLES = ("groups", "tenants")
_CONTACT_TABLES = ("memberships", "contacts")

_outcome = msgspec.json.Decoder(Outcome).decode


Sent = tuple[str, bytes, bytes]
"""A topic's short name, a key and a value."""


class Log(Protocol):
    """Where commands go, and how far the tables reach: `streams.runtime.command_log`."""

    async def publish(self, records: Iterable[Sent]) -> None:
        """Append records."""
        ...

    async def parts(self, topic: str, keys: Iterable[bytes] | None) -> list[tuple[str, int]]:
        """Tell the partitions of keys."""
        ...

    async def ends(self, parts: Iterable[tuple[str, int]]) -> dict[tuple[str, int], int]:
        """Tell where logs end."""
        ...


class Reader(Protocol):
    """Who keeps the store: `streams.runtime.table_reader`."""

    async def reached(self, ends: Mapping[tuple[str, int], int]) -> None:
        """Wait until everything before these offsets is in the store."""
        ...


class Done(msgspec.Struct, frozen=True):
    """All outcomes of a command, in order, or why it was turned away."""

    id: str
    outcomes: list[Outcome]
    refusal: Refusal | None = None


class Pending(msgspec.Struct, frozen=True):
    """The command is on its way."""

    id: str


def _well(done: Done) -> bool:
    return done.refusal is None and all(said.outcome != "skipped" for said in done.outcomes)


class _Waiter:
    """Collects a command's outcomes until there are as many as they say."""

    def __init__(self) -> None:
        self.outcomes: dict[int, Outcome] = {}
        self.refusal: Refusal | None = None
        self.complete = asyncio.Event()

    def take(self, said: Outcome | Refusal) -> None:
        if isinstance(said, Refusal):
            self.refusal = said
        else:
            self.outcomes[said.index] = said
        if self.refusal or len(self.outcomes) >= next(iter(self.outcomes.values())).of:
            self.complete.set()


class Commander:
    """Sends commands and knows which of them are still on their way."""

    def __init__(self, log: Log, reader: Reader, *, wait: float = WAIT_SECONDS) -> None:
        self._log, self._reader, self._wait = log, reader, wait
        self._loop = asyncio.get_running_loop()
        self._waiting: dict[bytes, _Waiter] = {}
        self._sent: OrderedDict[bytes, None] = OrderedDict()

    def sent(self, tenant: str, command: str) -> bool:
        """Tell whether this process published the command not long ago."""
        return f"{tenant}/{command}".encode() in self._sent

    async def publish(self, records: Iterable[Sent]) -> None:
        """Append records without waiting for what becomes of them."""
        async with asyncio.timeout(self._wait):
            await self._log.publish(records)

    async def send(self, tenant: str, command: str, value: bytes) -> None:
        """Publish a command and remember that it is on its way."""
        await self.publish([("commands", tenant.encode(), value)])
        self._sent[f"{tenant}/{command}".encode()] = None
        while len(self._sent) > _REMEMBERED:
            self._sent.popitem(last=False)

    async def carry_out(
        self, tenant: str, command: str, value: bytes, settled: Callable[[], bool] | None = None
    ) -> Done | Pending:
        """Publish a command and wait, within the limit, until its outcome is known and can be read.

        `settled` tells of what the pipeline does after the outcome, such as the end of a group's deletion.
        """
        name, waiter = f"{tenant}/{command}".encode(), _Waiter()
        self._waiting[name] = waiter
        began = self._loop.time()
        try:
            await self.send(tenant, command, value)
            async with asyncio.timeout_at(began + self._wait):
                await waiter.complete.wait()
                done = Done(command, [waiter.outcomes[at] for at in sorted(waiter.outcomes)], waiter.refusal)
                await self._shown(tenant, done)
                while settled and _well(done) and not settled():  # noqa: ASYNC110 - a get costs a microsecond
                    await asyncio.sleep(_SETTLED_EVERY)
        except TimeoutError:
            if not self.sent(tenant, command):
                raise
            return Pending(command)
        finally:
            del self._waiting[name]
        return done

    async def _shown(self, tenant: str, done: Done) -> None:
        # also where nothing changed: what it is equal to may have been written a moment ago
        if done.refusal is not None:
            return
        contacts = [f"{tenant}/{said.contact}".encode() for said in done.outcomes if said.contact is not None]
        parts = [part for topic in _TABLES for part in await self._log.parts(topic, None)]
        if contacts:
            parts += [part for topic in _CONTACT_TABLES for part in await self._log.parts(topic, contacts)]
        await self._reader.reached(await self._log.ends(parts))

    def landed(self, chunk: list[Record]) -> None:
        """Hear, from the reader's thread, what a chunk brought."""
        if not self._waiting:
            return
        heard = [heard for record in chunk if (heard := self._heard(record)) is not None]
        if heard:
            self._loop.call_soon_threadsafe(self._tell, heard)

    def _heard(self, record: Record) -> tuple[bytes, Any] | None:
        if record.topic == "outcomes" and record.value is not None and record.key in self._waiting:
            return record.key, _outcome(record.value)
        if record.topic == "dead-letters":
            found = refused(record)
            return found and (f"{found[0].tenant}/{found[0].id}".encode(), found[1])
        return None

    def _tell(self, heard: list[tuple[bytes, Outcome | Refusal]]) -> None:
        for name, said in heard:
            waiter = self._waiting.get(name)
            if waiter and (isinstance(said, Refusal) or said.source == SOURCE):
                waiter.take(said)
