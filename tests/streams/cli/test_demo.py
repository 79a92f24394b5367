"""What the demo keeps in its folder, and what --fresh may wipe."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest

from schemas.events import MessageEvent
from streams.cli import demo
from streams.cli.say import TroubleError
from streams.settings import Settings


def test_fresh_wipes_its_own_and_nothing_else(tmp_path: Path) -> None:
    """A guest's file in the demo's folder stays."""
    for folder in ("broker", "store", "logs", "mine"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "file").touch()
    (tmp_path / "demo.json").touch()
    (tmp_path / "notes.txt").touch()
    demo.wipe(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} - {"up.lock"} == {"mine", "notes.txt"}
    assert (tmp_path / "mine" / "file").exists()


def test_fresh_leaves_another_system_alone(tmp_path: Path) -> None:
    """A folder that `up` filled and no demo is not wiped; one that is not there needs no wiping."""
    (tmp_path / "broker").mkdir()
    with pytest.raises(TroubleError, match="holds no demo"):
        demo.wipe(tmp_path)
    assert (tmp_path / "broker").exists()
    demo.wipe(tmp_path / "new")


def test_the_next_run_feeds_the_same(tmp_path: Path) -> None:
    """The moment and scale of the first run are the folder's, whatever the next run asks for."""
    first = demo.begun(tmp_path, demo.Wishes(events=1000, rate=0, exit_after_feed=True))
    again = demo.begun(tmp_path, demo.Wishes(events=9000, rate=0, exit_after_feed=True))
    assert (first.now_ms, first.scale, first.fed) == (again.now_ms, 0.05, again.fed)
    (tmp_path / "demo.json").write_text("{")
    with pytest.raises(TroubleError, match="start with --fresh"):
        demo.begun(tmp_path, demo.Wishes(events=1000, rate=0, exit_after_feed=True))


def test_the_invitation(tmp_path: Path) -> None:
    """It names the addresses and three commands; flags only where the addresses are not the usual ones."""
    usual = demo.invitation(Settings(data=tmp_path, brokers="127.0.0.1:9092"))
    assert "--http" not in usual
    assert "--brokers" not in usual
    other = demo.invitation(Settings(data=tmp_path, brokers="127.0.0.1:1", http="127.0.0.1:2"))
    assert "--brokers 127.0.0.1:1" in other
    assert "--http 127.0.0.1:2" in other
    assert sum(line.startswith("  ") for line in other.splitlines()) == 3
    msgspec.json.decode((tmp_path / "hello.jsonl").read_bytes(), type=MessageEvent)
