"""Judge a run's history again: `python -m tests.chaos.again FOLDER/history`."""

from __future__ import annotations

import sys
from pathlib import Path

import msgspec

from tests.chaos.history import History
from tests.chaos.judges import judge


def main() -> None:
    """Read the history and tell what is wrong with it."""
    history = msgspec.msgpack.decode(Path(sys.argv[1]).read_bytes(), type=History)
    for found in judge(history):
        sys.stdout.write(f"{found.judge}: {found.fault}: {found.what}\n")


if __name__ == "__main__":
    main()
