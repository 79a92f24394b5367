"""`rollcall` and `python -m rollcall`: hand the command line to streams.cli."""

from __future__ import annotations

import sys


def main(argv: list[str] | None = None) -> int:
    """Run one command and give its exit code: 0, 1 failed, 2 usage."""
    from streams.cli.app import run  # noqa: PLC0415  # the shell's completion calls this often: import late
    from streams.private import keep_private  # noqa: PLC0415

    keep_private()
    return run(sys.argv[1:] if argv is None else argv)


if __name__ == "__main__":
    sys.exit(main())
