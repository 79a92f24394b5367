"""What is kept is its user's alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from streams.cli.folder import held
from streams.private import is_open, private


def test_a_folder_is_made_private(tmp_path: Path) -> None:
    """A new one is 700, and so is one that was there with more rights."""
    old = tmp_path / "old"
    old.mkdir(mode=0o755)
    assert is_open(old)
    for folder in (old, tmp_path / "new"):
        assert not is_open(private(folder))


def test_the_data_folder_is_private_while_it_is_held(tmp_path: Path) -> None:
    """Who runs `up` on a folder that others could read ends that."""
    tmp_path.chmod(0o755)
    with held(tmp_path):
        assert not is_open(tmp_path)
        assert not is_open(tmp_path / "up.lock")


def test_processes_make_private_files(tmp_path: Path) -> None:
    """The command sets its mask before anything else, so that what it and its children make is 600 and 700."""
    code = """
import os, sys
from rollcall.__main__ import main
main(["--help"])
os.mkdir(sys.argv[1] + "/folder")
open(sys.argv[1] + "/file", "w").close()
"""
    root = str(Path(__file__).parents[2])
    subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        check=True, stdout=subprocess.DEVNULL, env={**os.environ, "PYTHONPATH": root}, umask=0o022,
    )  # fmt: skip
    assert [path.name for path in tmp_path.iterdir() if is_open(path)] == []
