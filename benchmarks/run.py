"""`make bench`: Rollcall and Faust in alternating rounds on one broker; exit 1 when a run is wrong or too slow."""

from __future__ import annotations

import argparse
import json
import os
import platform
import signal
import sys
import tempfile
import time
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from confluent_kafka import KafkaException

from benchmarks.contest_faust import Faust
from benchmarks.contest_rollcall import Rollcall
from benchmarks.job import Job
from benchmarks.kafka import Kafka
from benchmarks.oracle import Answer, answer
from benchmarks.processes import WorkerDiedError
from benchmarks.race import Contestant, Run, Track, race
from benchmarks.table import Line, lines, markdown, ratio
from streams.runtime.broker import EmbeddedBroker

DATA = Path(__file__).resolve().parent / ".data"
PACKAGES = ("aiokafka", "faust-streaming", "msgspec", "orjson", "phonenumbers", "rocksdict")
ROLLCALL, FAUST = "rollcall", "faust"


@dataclass(frozen=True)
class Entry:
    """A contestant's input, the same in all its rounds, and what must come out."""

    name: str
    job: Job
    expected: Answer


@dataclass(frozen=True)
class Course:
    """The broker of all runs."""

    brokers: str
    pids: list[int]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the rounds; 0 when every run was right and the factor was reached."""
    asked = _parser().parse_args(arguments)
    # an end from outside must end the broker and the workers too
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    entries = [_entry(name, asked) for name in asked.contestants]
    with _broker() as (brokers, pids):
        course = Course(brokers, pids)
        runs = [run for round_ in range(1, asked.rounds + 1) for run in _round(round_, entries, course, asked)]
    return _report(runs, asked)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.run", description=__doc__)
    number = os.environ.get
    parser.add_argument("--messages", type=int, default=int(number("BENCH_MESSAGES", "2000000")), help="for Rollcall")
    parser.add_argument(
        "--faust-messages", type=int, default=int(number("BENCH_FAUST_MESSAGES", "0")), help="else a fifth"
    )
    parser.add_argument("--decides", type=int, default=int(number("BENCH_DECIDES", "2")), help="workers of decide")
    parser.add_argument("--faust-processes", type=int, default=int(number("BENCH_FAUST_PROCESSES", "1")))
    parser.add_argument("--rounds", type=int, default=int(number("BENCH_ROUNDS", "3")))
    parser.add_argument(
        "--at-least", type=float, default=float(number("BENCH_AT_LEAST", "15")), help="times Faust's events/s"
    )
    parser.add_argument("--limit", type=float, default=900, help="seconds that a run may take")
    parser.add_argument("--contestants", nargs="+", choices=[ROLLCALL, FAUST], default=[ROLLCALL, FAUST])
    parser.add_argument("--save", type=Path, help="also write the figures to this file")
    parser.add_argument("--page", type=Path, help="also write the table to this file, as a page")
    parser.add_argument("--keep", type=Path, help="keep the workers' logs and state in this folder")
    return parser


def _entry(name: str, asked: argparse.Namespace) -> Entry:
    messages = asked.messages if name == ROLLCALL else asked.faust_messages or asked.messages // 5
    _say(f"{name}: {messages:,} messages and what must come of them")
    # five minutes back: no event time may be ahead of the broker's clock, however long the rounds take
    job = Job(messages, int(time.time()) - 300)
    return Entry(name, job, answer(*job.parts))


@contextmanager
def _broker() -> Generator[tuple[str, list[int]]]:
    """The broker that ROLLCALL_BROKERS names, whose processes are not ours to measure, or one for this run alone."""
    if named := os.environ.get("ROLLCALL_BROKERS"):
        yield named, [int(pid) for pid in os.environ.get("BENCH_BROKER_PIDS", "").split()]
        return
    with tempfile.TemporaryDirectory(prefix="rollcall-bench-") as folder, EmbeddedBroker(Path(folder)) as broker:
        yield broker.bootstrap, list(broker.pids)


def _round(round_: int, entries: Sequence[Entry], course: Course, asked: argparse.Namespace) -> Iterator[Run]:
    for entry in entries:
        run = _run(round_, entry, course, asked)
        wrong = f" WRONG: {', '.join(run.faults)}" if run.faults else ""
        _say(f"round {round_} {run.contestant}: {run.per_second:,.0f} events/s, {run.changes:,} changes{wrong}")
        yield run


def _run(round_: int, entry: Entry, course: Course, asked: argparse.Namespace) -> Run:
    """One run on topics and in a folder of its own, both taken away afterwards; a run that breaks is a wrong one."""
    name = f"bench-{entry.name}-{round_}-{time.time_ns() // 1_000_000}"
    # a client of its own too: librdkafka's may look for the leaders of topics that another run took away
    track = Track(Kafka(course.brokers), course.pids, asked.limit)
    with _folder(name, asked.keep) as folder:
        try:
            return race(_contestant(entry.name, name, course, folder, asked), track, entry.job, entry.expected, round_)
        except (WorkerDiedError, TimeoutError, KafkaException) as broken:
            return Run(entry.name, round_, entry.job.messages, 0, 0, {}, {}, 0, 0, 0, [str(broken)])
        finally:
            track.kafka.delete(name)


def _contestant(name: str, run: str, course: Course, folder: Path, asked: argparse.Namespace) -> Contestant:
    if name == FAUST:
        return Faust(course.brokers, run, folder, asked.faust_processes)
    return Rollcall(course.brokers, run, folder, asked.decides)


@contextmanager
def _folder(name: str, keep: Path | None) -> Generator[Path]:
    if keep is None:
        with tempfile.TemporaryDirectory(prefix=f"{name}-") as folder:
            yield Path(folder)
    else:
        kept = keep.resolve() / name
        kept.mkdir(parents=True)
        yield kept


def _report(runs: Sequence[Run], asked: argparse.Namespace) -> int:
    """The table on standard output, the figures in files, the verdict as an exit code."""
    found = lines(runs)
    times = ratio(found, ROLLCALL, FAUST)
    _write(DATA / f"results-{time.time_ns() // 1_000_000}.json", runs, found, times)
    if asked.save:
        _write(asked.save, runs, found, times)
    if asked.page:
        asked.page.write_text(page(found, times))
    print(markdown(found, FAUST))
    return _verdict(runs, times, asked)


def page(found: Sequence[Line], times: float | None) -> str:
    """The table with the machine that it was measured on."""
    packages = ", ".join(f"{name} {version(name)}" for name in PACKAGES)
    paragraphs = [
        "# Benchmarks",
        "Written by the benchmark; [its page](../benchmarks/README.md) says what the job is and how it is measured.",
        f"{os.cpu_count()} cores, which contestant and broker share; Python {platform.python_version()}, {packages}.",
        markdown(found, FAUST),
        *([] if times is None else [f"Rollcall does {times:.1f} times the events/s of Faust."]),
    ]
    return "\n\n".join(paragraphs) + "\n"


def _verdict(runs: Sequence[Run], times: float | None, asked: argparse.Namespace) -> int:
    wrong = [run for run in runs if run.faults]
    for run in wrong:
        print(f"WRONG: {run.contestant}, round {run.round}: {'; '.join(run.faults)}")
    if times is not None:
        print(f"\nRollcall does {times:.1f} times the events/s of Faust (wanted: at least {asked.at_least:g}).")
    slow = times is not None and times < asked.at_least
    return 1 if wrong or slow else 0


def _write(path: Path, runs: Sequence[Run], found: Sequence[Line], times: float | None) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figures = {
        "machine": {"cores": os.cpu_count(), "python": platform.python_version(), "kernel": platform.release()},
        "packages": {name: version(name) for name in PACKAGES},
        "rollcall_times_faust": None if times is None else round(times, 2),
        "medians": [asdict(line) for line in found],
        "runs": [asdict(run) for run in runs],
    }
    path.write_text(json.dumps(figures, indent=2) + "\n")


def _say(line: str) -> None:
    print(line, file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
