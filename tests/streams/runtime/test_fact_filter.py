"""The filter over a folder's facts: it never denies one that is there, says little too much, and stays small."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from processors.state import MemoryStore
from streams.runtime import fact_filter
from streams.runtime.fact_filter import BEHIND, FACTS, LEAST, SLICE, FactFilter
from streams.runtime.partition_store import PartitionStore

if TYPE_CHECKING:
    from pathlib import Path


def facts(numbers: Iterable[int]) -> list[bytes]:
    """Keys of facts, in their order."""
    return [b"f\0\x05t/tel:m%09d" % number for number in numbers]


def read(count: int, expected: int = 0) -> FactFilter:
    """A filter that has read a folder of `count` facts."""
    keys, known = facts(range(count)), FactFilter(expected)
    while not known.complete:
        known.read_on(iter([key for key in keys if key > known.read_to]))
    return known


def test_what_is_there_is_never_denied() -> None:
    """Facts that were read or written may be there, however many filters it took."""
    known, later = read(LEAST + 1), facts(range(1_000_000, 1_000_000 + 3 * LEAST))
    known.note(dict.fromkeys(later, b""))
    for some in (facts(range(LEAST + 1)), later):
        assert known.among(some) == set(some)


def test_what_is_new_is_mostly_denied() -> None:
    """Of new facts one or two in a hundred are looked up."""
    known = read(LEAST)
    new = facts(range(1_000_000, 1_000_000 + 10_000))
    assert len(known.among(new)) < 300


def test_what_is_no_fact_is_never_denied() -> None:
    """Of other rows it knows nothing."""
    others = [b"hbali/tel:+62", b"a", b"z", b"c", b"\0mark"]
    known = read(10)
    known.note(dict.fromkeys(others, b""))
    assert known.among(others) == set(others)
    assert known.bytes_in_memory < 130_000


def test_what_was_not_read_yet_may_be_there() -> None:
    """While the folder is read, only what lies before that place is known."""
    keys = facts(range(2 * SLICE))
    known = FactFilter(len(keys))
    assert known.among(keys) == set(keys)
    known.read_on(iter(keys))
    assert known.read_to == keys[SLICE - 1]
    before, after = b"f\0\x05t/tel:m000000000new", keys[-1]
    assert known.among([before, after]) == {after}


@pytest.mark.parametrize(("count", "expected"), [(0, 0), (10, 10), (LEAST, 0), (500_000, 0), (300_000, 300_000)])
def test_its_memory_is_bounded(count: int, expected: int) -> None:
    """It takes 20 bits a fact, or 120 KB if that is more."""
    assert read(count, expected).bytes_in_memory <= max(count * 20, LEAST * 9.7) / 8


def test_it_wears_out() -> None:
    """Once half of its facts were deleted another one would be smaller."""
    gone = facts(range(LEAST + 1))
    for held, worn in ((LEAST, True), (4 * LEAST, False)):
        known = read(held)
        known.note(dict.fromkeys(gone[:LEAST]))
        assert not known.worn
        known.note(dict.fromkeys(gone[LEAST:]))
        assert known.worn == worn


class Counted:
    """An open folder that notes which keys it is asked for."""

    def __init__(self, store: PartitionStore) -> None:
        self.asked: list[bytes] = []
        self._db: Any = store._db
        vars(store)["_db"] = self

    def get(self, keys: list[bytes]) -> Any:
        """Note the keys, and ask the folder."""
        self.asked += keys
        return self._db.get(keys)

    def close(self) -> None:
        """Close the folder."""
        self._db.close()


def test_the_disk_is_not_asked_for_new_facts(tmp_path: Path) -> None:
    """Neither in a new folder nor in one that is opened again; what is there is found."""
    old, new = facts(range(100)), facts(range(100, 200))
    for _ in range(2):
        store = PartitionStore(tmp_path / "rows", "log")
        store.write(dict.fromkeys(old, b"1"), {}, 1)
        counted = Counted(store)
        assert store.get_many([*new, b"h", old[7]]) == [*[None] * 101, b"1"]
        assert {b"h", old[7]} <= {*counted.asked}
        assert len(counted.asked) < 10
        store.close()


def test_a_folder_s_filter_is_made_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After many deletions, so that it does not grow for ever."""
    monkeypatch.setattr(fact_filter, "LEAST", 10)
    store = PartitionStore(tmp_path / "rows", "log")
    keys = facts(range(40))
    store.write(dict.fromkeys(keys, b"1"), {}, 1)
    before = store._facts
    store.write(dict.fromkeys(keys[:30]), {}, 2)
    assert store._facts is not before
    assert store.get_many(keys) == [None] * 30 + [b"1"] * 10
    store.close()


steps = st.lists(
    st.one_of(
        st.dictionaries(st.integers(0, 40), st.sampled_from([b"1", b"2", None]), max_size=8),
        st.sampled_from(["reopen", "wipe"]),
    ),
    max_size=12,
)


@settings(max_examples=40)
@given(steps)
def test_it_changes_nothing(
    tmp_path_factory: pytest.TempPathFactory, history: list[dict[int, bytes | None] | str]
) -> None:
    """Whatever is written, deleted, wiped and opened again: the store answers as one in a dict does."""
    folder = tmp_path_factory.mktemp("rows")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(fact_filter, "LEAST", 4)
        patch.setattr(fact_filter, "SLICE", 3)
        disk, memory, keys = PartitionStore(folder, "log"), MemoryStore(), [FACTS + b"\0%02d" % n for n in range(41)]
        for step in history:
            if isinstance(step, dict):
                rows = {keys[number]: value for number, value in step.items()}
                disk.write(rows, {}, 1)
                memory.write(rows)
            elif step == "wipe":
                disk.wipe()
                memory = MemoryStore()
            else:
                disk.close()
                disk = PartitionStore(folder, "log")
            assert disk.get_many([*keys, BEHIND]) == memory.get_many([*keys, BEHIND])
        disk.close()
