"""Places where a test can have a process die: `ROLLCALL_FAIL_AT=<name>[:<nth>[:<signal>]]` sends it SIGKILL there.

Each gap between two steps of a commit has one, so that a test can open exactly that gap; with the signal STOP the
process stands still in it until it is woken. Without the variable a point costs one comparison.
"""

from __future__ import annotations

import os
import signal

_NAME, _NTH, _SIGNAL = [*os.environ.get("ROLLCALL_FAIL_AT", "").split(":"), "", ""][:3]
_left = [int(_NTH or 1)]


def reached(name: str) -> None:
    """End the process, as a power cut would, if this is the point that was asked for; it happens once."""
    if not _NAME or name != _NAME:
        return
    _left[0] -= 1
    if _left[0] == 0:
        os.kill(os.getpid(), signal.Signals[f"SIG{_SIGNAL or 'KILL'}"])
