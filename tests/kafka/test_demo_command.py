"""`rollcall demo`, small, on the tests' broker."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

from streams.demo.groups import GROUPS
from streams.settings import Settings

ROOT = Path(__file__).resolve().parents[2]


def demo(settings: Settings, data: Path) -> tuple[str, dict[str, int]]:
    """Run it to its end: what it says on standard output, and the members of each group by its last table."""
    env = os.environ | settings.environ() | {"PYTHONPATH": str(ROOT), "COLUMNS": "160"}
    words = [
        "demo",
        "--data",
        str(data),
        "--http",
        "127.0.0.1:0",
        "--events",
        "400",
        "--rate",
        "0",
        "--exit-after-feed",
    ]
    argv = [sys.executable, "-P", "-m", "rollcall", *words]
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=200, check=False)
    assert done.returncode == 0, done.stderr
    rows = re.findall(r"│ (\S+) +│.*│ +([\d,]+) │ +[\d,]+ │", done.stderr)
    return done.stdout, {name: int(members.replace(",", "")) for name, members in rows}


def test_demo_fills_its_groups_and_goes_on(tmp_path: Path, bare_settings: Settings) -> None:
    """All six groups have members, and a second run on the folder finds the same ones."""
    out, first = demo(bare_settings, tmp_path / "demo")
    assert re.fullmatch(r"ready http://127\.0\.0\.1:\d+ brokers=\S+\n", out)
    assert first.keys() == {group.id for group in GROUPS}
    assert min(first.values()) > 0
    assert demo(bare_settings, tmp_path / "demo")[1] == first
