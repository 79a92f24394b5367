"""The data folder: one supervisor at a time, and only its own orphans are ended."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.cli import folder
from streams.cli.say import TroubleError


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    """A process that waits; it is gone after the test."""
    with subprocess.Popen([sys.executable, "-c", "import signal; signal.pause()"]) as process:
        yield process
        process.kill()


def test_one_at_a_time(tmp_path: Path) -> None:
    """A second holder of a folder is told so, and the folder is free again afterwards."""
    with (
        folder.held(tmp_path),
        pytest.raises(TroubleError, match="another `rollcall up` runs on"),
        folder.held(tmp_path),
    ):
        pytest.fail("held twice")
    with folder.held(tmp_path):
        assert (tmp_path / "up.lock").exists()


def test_a_folder_that_is_a_file(tmp_path: Path) -> None:
    """A data folder that cannot be one is told plainly."""
    (tmp_path / "file").touch()
    with pytest.raises(TroubleError, match="cannot use the data folder"), folder.held(tmp_path / "file"):
        pytest.fail("held a file")


def test_an_orphan_is_ended(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    """A process that an earlier run left is ended and named, and is not known any more."""
    folder.remember(tmp_path, "worker", sleeper.pid)
    with subprocess.Popen(["true"]) as ended:
        folder.remember(tmp_path, "store", ended.pid)
    assert folder.bury(tmp_path) == ["worker"]
    assert sleeper.wait(10) == -signal.SIGTERM
    assert list((tmp_path / "pids").iterdir()) == []
    assert folder.bury(tmp_path) == []


def test_an_orphan_that_does_not_heed_is_killed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SIGKILL follows when SIGTERM does nothing."""
    monkeypatch.setattr(folder, "PATIENCE", 0.2)
    code = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); signal.pause()"
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE) as deaf:
        assert deaf.stdout
        deaf.stdout.readline()
        folder.remember(tmp_path, "deaf", deaf.pid)
        assert folder.bury(tmp_path) == ["deaf"]
        assert deaf.wait(10) == -signal.SIGKILL


def test_a_stranger_of_the_same_number_is_let_be(tmp_path: Path, sleeper: subprocess.Popen[bytes]) -> None:
    """A pid that another process has now is not ours."""
    folder.remember(tmp_path, "worker", sleeper.pid)
    path = tmp_path / "pids" / "worker.json"
    path.write_text(json.dumps({"pid": sleeper.pid, "born": "another boot:1"}))
    assert folder.living(tmp_path, "worker") is None
    assert folder.bury(tmp_path) == []
    assert sleeper.poll() is None


@pytest.mark.parametrize("torn", ["", "{", "[]", '{"pid": 1}', '{"pid": "x", "born": "y"}', '{"pid": 1, "born": null}'])
def test_a_torn_file_is_nobody(tmp_path: Path, torn: str) -> None:
    """A pid file that a power cut tore names no process."""
    (tmp_path / "pids").mkdir()
    (tmp_path / "pids" / "worker.json").write_text(torn)
    assert folder.living(tmp_path, "worker") is None


def test_birth() -> None:
    """A process has one birth; a number that no process has has none."""
    assert folder.birth(os.getpid()) == folder.birth(os.getpid())
    assert folder.birth(os.getpid()) is not None
    assert folder.birth(2**22 + 1) is None
