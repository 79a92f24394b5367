"""The reader against topics in memory: whatever is written meanwhile, wherever it is killed, nothing is told twice."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Callable, Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rollcall.client.errors import CheckpointError, GapError
from rollcall.client.progress import Progress
from rollcall.client.reader import Core
from rollcall.client.snapshot import Snapshot
from rollcall.client.told import LOG, TABLE, Told, Wanted
from tests.rollcall.client.fake_log import FakeLog, Pipeline

SEEDS = st.integers(0, 2**32)
WANTED = st.sampled_from([
    Wanted(), Wanted(tenant="bali"), Wanted(groups=("food", "spa")), Wanted(tenant="java", groups=("vip",)),
])  # fmt: skip
LONG = 40


async def told_through_kills(log: FakeLog, wanted: Wanted, kills: int, *, single: bool) -> list[Told]:
    """Everything told, while the reader is killed before or after it has stored what it was told."""
    stored: list[Told] = []
    checkpoint: bytes | None = None
    for life in range(kills + 1):
        core = Core(log, wanted, small=0)
        await core.open("t.", checkpoint)
        left = 10**9 if life == kills else log.dice.randint(0, 12)
        source = singly(core) if single else whole(core)
        async for told, after in source:
            if left == 0 and log.dice.random() < 0.5:
                break
            stored += told
            checkpoint = after
            if left == 0:
                break
            left -= 1
        await source.aclose()
    return stored


Source = AsyncGenerator[tuple[Sequence[Told], bytes]]


async def singly(core: Core) -> Source:
    """Item by item."""
    async for one in core.each():
        yield [one], core.progress.encode()


async def whole(core: Core) -> Source:
    """Batch by batch."""
    async for batch in core.batches():
        yield batch.told, batch.checkpoint


def judge(stored: list[Told], log: FakeLog, wanted: Wanted) -> None:
    """Hold what was told against what is true; independent of the client's code but for the form of `Told`."""
    for pipeline in log.pipelines:
        for key, seq in pipeline.seqs.items():
            if (wanted.tenant in (None, key[0])) and (wanted.groups is None or key[1] in wanted.groups):
                mine = [one for one in stored if (one.tenant, one.group, one.contact) == key]
                judge_membership([(one.kind, one.seq) for one in mine], seq)
        for (tenant, contact), seq in pipeline.muted.items():
            seqs = [one.seq for one in stored if (one.tenant, one.contact, one.group) == (tenant, contact, None)]
            assert seqs == list(range(seq - len(seqs) + 1, seq + 1)), "a contact's own changes: without gap to the last"
        judge_order(stored, pipeline)
    judge_sendable(stored, log, wanted)
    assert all(wanted.tenant in (None, one.tenant) for one in stored)
    assert all(wanted.groups is None or one.group is None or one.group in wanted.groups for one in stored)


def judge_membership(told: list[tuple[str, int | None]], last: int) -> None:
    """Present at most once and first, or else joined first; then each change to the last one."""
    if not told:
        assert last % 2 == 0, "a member was never told"
        return
    seqs = [seq for _, seq in told]
    assert seqs == list(range(last - len(seqs) + 1, last + 1)), f"{told}: not each exactly once up to {last}"
    assert told[0][0] in {"present", "joined"}
    assert [kind for kind, _ in told[1:]] == ["joined" if seq % 2 else "left" for _, seq in told[1:] if seq]


def judge_order(stored: list[Told], pipeline: Pipeline) -> None:
    """The changes of a contact come in the log's order."""
    place = {value: at for at, value in pipeline.history}
    for who in {(one.tenant, one.contact) for one in stored}:
        mine = [one.value for one in stored if (one.tenant, one.contact) == who and one.kind != "present"]
        places = [place[raw] for raw in map(msgspec.json.encode, mine) if raw in place]
        assert places == sorted(places)


def judge_sendable(stored: list[Told], log: FakeLog, wanted: Wanted) -> None:
    """Folding what was told gives the members, and who of them may be written to."""
    members: dict[Any, bool] = {}
    for one in stored:
        if one.group is None:
            for key in [key for key in members if (key[0], key[2]) == (one.tenant, one.contact)]:
                members[key] = one.kind == "restored"
        elif one.kind == "left":
            members.pop((one.tenant, one.group, one.contact))
        else:
            row = one.value if one.kind == "present" else one.value.data  # type: ignore[union-attr]
            members[one.tenant, one.group, one.contact] = row.sendable  # type: ignore[union-attr]
    true = {key: one.sendable(key) for one in log.pipelines for key, seq in one.seqs.items() if seq % 2}
    assert members == {key: value for key, value in true.items() if wanted.takes(key[0], key[1])}


def run(seed: int, wanted: Wanted, kills: int, *, single: bool, make: Callable[[random.Random, int], FakeLog]) -> None:
    """One life of a pipeline, and of a reader that is killed."""
    dice = random.Random(seed)
    log = make(dice, dice.randint(0, LONG))
    for pipeline in log.pipelines:
        pipeline.finish(dice.randint(0, 150))
    judge(asyncio.run(told_through_kills(log, wanted, kills, single=single)), log, wanted)


@given(seed=SEEDS, wanted=WANTED, kills=st.integers(0, 5), single=st.booleans())
@settings(deadline=None, max_examples=300)
@example(seed=0, wanted=Wanted(), kills=0, single=True)
def test_each_exactly_once(seed: int, wanted: Wanted, kills: int, single: bool) -> None:  # noqa: FBT001
    """Rows and changes are told exactly once and in order, through open and aborted transactions and through kills."""
    run(seed, wanted, kills, single=single, make=FakeLog)


class HighStart(FakeLog):
    """Mistake: the start is the high watermark."""

    async def stable(self, topic: str, partition: int) -> int:
        """The end of all that is written."""
        return self.part(topic, partition).end


class LowTable(FakeLog):
    """Mistake: the table is read to what is stable, without waiting for what is open."""

    async def end(self, topic: str, partition: int) -> int:
        """The last stable offset, of the table."""
        part = self.part(topic, partition)
        return part.stable() if topic == TABLE else await super().end(topic, partition)


class LowSince(FakeLog):
    """Mistake: the rows are taken to stand at the log's last stable offset."""

    async def end(self, topic: str, partition: int) -> int:
        """The last stable offset, of the log."""
        part = self.part(topic, partition)
        return part.stable() if topic == LOG else await super().end(topic, partition)


@pytest.mark.parametrize("mistake", [HighStart, LowTable, LowSince])
def test_the_judge_sees_a_wrong_start(mistake: type[FakeLog]) -> None:
    """Every bound that the start notes matters: with a lower or higher one the judge finds a fault."""
    assert finds_fault(mistake)


def test_the_judge_sees_missing_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the memory of how rows were told, a kill among them doubles or loses changes."""
    monkeypatch.setattr(Progress, "tells", lambda *_: True)
    assert finds_fault(FakeLog)


def test_the_judge_sees_a_table_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a second look at the table, compaction takes rows away while they are read."""

    class Once(Core):
        async def _read_table(self, partition: int, snapshot: Snapshot) -> None:
            self._small = 10**9
            await super()._read_table(partition, snapshot)

    monkeypatch.setitem(told_through_kills.__globals__, "Core", Once)
    assert finds_fault(FakeLog)


def finds_fault(make: type[FakeLog]) -> bool:
    """Whether the judge finds a fault on any of so many seeds."""
    for seed in range(2000):
        try:
            run(seed, Wanted(), 3, single=True, make=make)
        except (AssertionError, KeyError):
            return True
    return False


async def opened(log: FakeLog, checkpoint: bytes | None, *, wanted: Wanted | None = None, prefix: str = "t.") -> Core:
    """A reader at a checkpoint."""
    core = Core(log, wanted or Wanted())
    await core.open(prefix, checkpoint)
    return core


async def read_up(log: FakeLog, checkpoint: bytes | None = None) -> bytes:
    """Read all there is; gives the checkpoint."""
    core = await opened(log, checkpoint)
    async for _ in core.each():
        pass
    return core.progress.encode()


def quiet() -> FakeLog:
    """A pipeline that has done its work."""
    log = FakeLog(random.Random(7), 30)
    for pipeline in log.pipelines:
        pipeline.finish(10_000)
    return log


async def test_a_trimmed_log_is_a_gap() -> None:
    """A log that begins behind the reader's place is refused, with what to do; one that begins at it is fine."""
    log = quiet()
    checkpoint = await read_up(log)
    log.part(LOG, 0).first = log.part(LOG, 0).end
    await read_up(log, checkpoint)
    log.part(LOG, 0).first += 1
    with pytest.raises(GapError, match=r"partition 0 of membership-changes begins at .* start again from the table"):
        await opened(log, checkpoint)


async def test_another_log_is_a_gap() -> None:
    """A log that ends before the reader's place, or holds another record there, is not the one that was read."""
    log = FakeLog(random.Random(7), 30)
    checkpoint = await read_up(log)
    at = max(offset for offset, _ in log.pipelines[0].history)
    entry = log.part(LOG, 0).entries[at]
    assert entry.record
    log.part(LOG, 0).entries[at].record = entry.record._replace(time=5)
    with pytest.raises(GapError, match="is not the log that was read"):
        await read_up(log, checkpoint)
    log.pipelines[0].log.end = 0
    with pytest.raises(GapError, match="ends at 0"):
        await opened(log, checkpoint)


@pytest.mark.parametrize(
    ("change", "named"), [({"prefix": "u."}, "prefix"), ({"wanted": Wanted(tenant="java")}, "tenant or groups")]
)
async def test_a_checkpoint_of_another_reader_is_refused(change: dict[str, object], named: str) -> None:
    """A checkpoint is good for the same topics and the same question only, or changes would be missed."""
    log = quiet()
    checkpoint = await read_up(log)
    with pytest.raises(CheckpointError, match=named):
        await opened(log, checkpoint, **change)  # type: ignore[arg-type]


@given(st.binary(max_size=60) | st.just(b'{"form":9,"origin":{},"places":{}}'))
def test_a_damaged_checkpoint_is_refused(damaged: bytes) -> None:
    """Any bytes that are no checkpoint raise CheckpointError, nothing else."""
    with pytest.raises(CheckpointError):
        asyncio.run(opened(quiet(), damaged))


async def test_a_checkpoint_is_small_once_rows_are_told() -> None:
    """Following, a checkpoint holds an offset a partition and no contact's id."""
    checkpoint = await read_up(quiet())
    assert len(checkpoint) < 300
    assert b"tel:" not in checkpoint
