"""The one loop of a decide worker: a turn for each owner that has work, one after the other, and commits between turns.

An owner does nothing by itself, so between two turns all of them stand at the end of a record, and what they have done
can be committed together. While a commit is under way nobody folds: what a fold has flushed is neither in its memory
nor on disk until the commit is done.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping

from streams.runtime.broker_clock import BrokerClock
from streams.runtime.pace import Pace
from streams.runtime.partition_owner import PartitionOwner
from streams.runtime.transactions import Transactions

IDLE_SECONDS = 0.05


class Rounds:
    """Carries the owners of one worker that are ready; `run` ends, between turns, after `end`."""

    def __init__(
        self,
        owners: Mapping[int, PartitionOwner],
        transactions: Transactions,
        clock: BrokerClock,
        pace: Pace | None = None,
    ) -> None:
        self._owners = owners
        self._transactions = transactions
        self._clock = clock
        self._pace = pace or Pace()
        self._woken = asyncio.Event()
        self._ending = False

    def wake(self) -> None:
        """There is something to do."""
        self._woken.set()

    def end(self) -> None:
        """Have `run` end after the turn or commit at hand."""
        self._ending = True
        self.wake()

    async def run(self) -> None:
        """Go round until `end`."""
        self._ending = False
        while not self._ending:
            self._woken.clear()
            await self._round()
            if self._pace.due(more=self._more):
                await self.commit()
            elif not self._more:
                await self._wait()

    @property
    def _ready(self) -> list[PartitionOwner]:
        return [owner for owner in self._owners.values() if owner.ready]

    @property
    def _more(self) -> bool:
        return any(owner.has_work for owner in self._ready)

    async def _round(self) -> None:
        for owner in self._ready:
            if owner.wants_tick:
                owner.tick()
                self._pace.add()
            if owner.has_work and not self._ending:
                await self._turn(owner)

    async def _turn(self, owner: PartitionOwner) -> None:
        """Have one owner work for a moment; then others get theirs: the network, and a commit that may not wait."""
        work = owner.turn()
        if owner.pending:
            self._pace.add(work)
        await self._transactions.hand_out()
        if self._pace.due(more=True):
            await self.commit()
        await asyncio.sleep(0)

    async def _wait(self) -> None:
        most = self._pace.left() if self._pace.pending else IDLE_SECONDS
        try:
            await asyncio.wait_for(self._woken.wait(), min(most, IDLE_SECONDS))
        except TimeoutError:
            return

    async def commit(self) -> None:
        """Commit what all owners have done, if anything, in one transaction, then write it to disk."""
        if not self._pace.pending:
            return
        began = time.monotonic()
        done = [owner for owner in self._ready if owner.pending]
        positions = dict[int, int]()
        for owner in done:
            positions[owner.partition] = owner.flush()
            await self._transactions.hand_out()
        ticked = any(owner.ticking for owner in done)
        sent = await self._transactions.commit(positions)
        for owner in done:
            owner.written(sent)
            await asyncio.sleep(0)
        if ticked:
            self._clock.correct(sent.timestamp)
        self._pace.committed(began)
