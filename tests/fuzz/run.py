"""Fuzz the parsers, guided by coverage: `python -m tests.fuzz.run --seconds 60 [raw body …]`; exit 1 on any finding.

Each target runs in a process of its own under Atheris (libFuzzer), which sees what Python code an input reaches and
goes on from those that reach more. What it learns stays in tests/fuzz/.corpus, an input that fails in .findings.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

HERE = Path(__file__).parent
LONGEST = 8_192


def main(arguments: Sequence[str] | None = None) -> int:
    """Fuzz each target for its share of the time."""
    ask = argparse.ArgumentParser(prog="python -m tests.fuzz.run", description=__doc__)
    ask.add_argument("--seconds", type=int, default=90, help="for all targets together")
    ask.add_argument("--one", help=argparse.SUPPRESS)
    ask.add_argument("targets", nargs="*")
    given, libfuzzer = ask.parse_known_args(arguments)
    if given.one:
        fuzz(given.one, [*libfuzzer, *given.targets])
        return 0
    from tests.fuzz.targets import TARGETS  # noqa: PLC0415

    chosen = given.targets or list(TARGETS)
    failed = [name for name in chosen if not _carry_out(name, max(1, given.seconds // len(chosen)))]
    sys.stdout.write(f"{len(chosen)} targets, {len(failed)} failed {' '.join(failed)}\n")
    return 1 if failed else 0


def _carry_out(name: str, seconds: int) -> bool:
    from tests.fuzz.targets import TARGETS  # noqa: PLC0415

    corpus, findings = HERE / ".corpus" / name, HERE / ".findings"
    corpus.mkdir(parents=True, exist_ok=True)
    findings.mkdir(exist_ok=True)
    for at, seed in enumerate(TARGETS[name].seeds()):
        (corpus / f"seed-{at}").write_bytes(seed)
    done = subprocess.run(
        [
            sys.executable, "-m", "tests.fuzz.run", "--one", name, f"-max_total_time={seconds}", f"-max_len={LONGEST}",
            f"-artifact_prefix={findings}/{name}-", "-print_final_stats=1", "-verbosity=0", str(corpus),
        ],
        cwd=HERE.parents[1], check=False, capture_output=True, text=True, errors="replace",
    )  # fmt: skip
    tried = [line.rpartition(" ")[2] for line in done.stderr.splitlines() if "number_of_executed_units" in line]
    sys.stdout.write(f"{name:8} {tried[0] if tried else '?':>10} inputs in {seconds} s, exit {done.returncode}\n")
    if done.returncode:
        sys.stdout.write(done.stdout[-2_000:] + done.stderr[-2_000:] + "\n")
    sys.stdout.flush()
    return done.returncode == 0


def fuzz(name: str, libfuzzer: Sequence[str]) -> None:
    """Be libFuzzer for one target; does not return."""
    import atheris  # noqa: PLC0415

    with atheris.instrument_imports(include=["schemas", "processors", "streams", "rollcall"]):
        from tests.fuzz.mutate import mutated  # noqa: PLC0415
        from tests.fuzz.targets import TARGETS  # noqa: PLC0415

    def mutation(data: bytes, most: int, seed: int) -> bytes:
        dice = Random(seed)
        start = data.find(b"{")
        if start >= 0 and dice.random() < 0.5:
            return (data[:start] + mutated(data[start:], dice))[:most]
        changed: bytes = atheris.Mutate(data, most)
        return changed

    setup: Any = atheris.Setup
    setup([sys.argv[0], *libfuzzer], TARGETS[name].eat, custom_mutator=mutation)
    atheris.Fuzz()


if __name__ == "__main__":
    sys.exit(main())
