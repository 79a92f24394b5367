"""`rollcall bench`: the benchmarks of a checkout, where there is one."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from streams.cli.say import TroubleError

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).resolve().parents[2]


def bench(arguments: Sequence[str]) -> int:
    """Run them with these arguments; their exit code."""
    if not (ROOT / "benchmarks").is_dir():
        raise TroubleError(
            "the benchmarks lie in the project's checkout, not in an installed package: run `make bench` there"
        )
    return subprocess.run([sys.executable, "-m", "benchmarks.run", *arguments], cwd=ROOT, check=False).returncode  # noqa: S603
