"""The curve over stored messages measures what it says: they lie in the folder, and new ones are no repeats of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import curve_stored
from benchmarks.curve_stored import fill
from benchmarks.hot_path import GUESTS
from processors.rows import facts_under
from streams.runtime.partition_store import PartitionStore


def test_a_folder_is_filled_with_messages_of_the_guests(tmp_path: Path) -> None:
    """As many as asked for, each at a place of its own, under the guests' keys."""
    fill(tmp_path / "rows", 2 * GUESTS)
    store = PartitionStore(tmp_path / "rows", "log")
    assert len(list(store.scan(b"f"))) == 2 * GUESTS
    assert len(list(store.scan(facts_under(b"bali/tel:+628120000000", b"m")))) == 2
    store.close()


def test_each_amount_has_a_row(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the table and in the file."""
    monkeypatch.setattr(curve_stored, "WARM", 100)
    file = tmp_path / "stored.json"
    assert curve_stored.main(["--stored", "400", "4000", "--events", "100", "--save", str(file)]) == 0
    assert [point["stored"] for point in json.loads(file.read_text())] == [400, 4000]
    assert "| 4,000 |" in capsys.readouterr().out
