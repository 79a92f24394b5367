"""Rounds of runs as one table: medians over the right ones, and how many times the slower contestant's they are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median

from benchmarks.race import BROKER, Run

HEAD = (
    "contestant", "messages", "runs right", "events/s (min to max)", "x", "CPU µs/event", "by process",
    "broker µs/event", "peak MB", "start s",
)  # fmt: skip


@dataclass(frozen=True)
class Line:
    """The medians of one contestant's right runs."""

    contestant: str
    messages: int
    right: int
    runs: int
    per_second: float
    slowest: float
    fastest: float
    cpu_us: dict[str, float]
    broker_us: float | None
    peak_mb: float
    start_s: float

    @property
    def cpu_total(self) -> float:
        """CPU of the contestant's own processes, the broker's apart."""
        return sum(self.cpu_us.values())


def lines(runs: Sequence[Run]) -> list[Line]:
    """One line a contestant, fastest first; none for a contestant without a right run."""
    names = dict.fromkeys(run.contestant for run in runs)
    found = [_line([run for run in runs if run.contestant == name]) for name in names]
    return sorted((line for line in found if line), key=lambda line: -line.per_second)


def _line(runs: Sequence[Run]) -> Line | None:
    right = [run for run in runs if not run.faults]
    if not right:
        return None
    speeds = [run.per_second for run in right]
    return Line(
        contestant=right[0].contestant,
        messages=right[0].messages,
        right=len(right),
        runs=len(runs),
        per_second=median(speeds),
        slowest=min(speeds),
        fastest=max(speeds),
        cpu_us=_by_hop(right),
        broker_us=_cpu_us(right, BROKER) if BROKER in right[0].cpu_us else None,
        peak_mb=_median(right, lambda run: sum(mb for name, mb in run.peak_mb.items() if name != BROKER)),
        start_s=_median(right, lambda run: run.start_s),
    )


def _by_hop(runs: Sequence[Run]) -> dict[str, float]:
    """CPU of the contestant's processes, `decide-1` and `decide-2` as one."""
    found: dict[str, float] = {}
    for process in runs[0].cpu_us:
        if process != BROKER:
            hop = process.rstrip("0123456789").rstrip("-")
            found[hop] = round(found.get(hop, 0) + _cpu_us(runs, process), 2)
    return found


def _cpu_us(runs: Sequence[Run], process: str) -> float:
    return _median(runs, lambda run: run.cpu_us[process])


def _median(runs: Sequence[Run], figure: Callable[[Run], float]) -> float:
    return round(median(figure(run) for run in runs), 2)


def ratio(found: Sequence[Line], one: str, other: str) -> float | None:
    """How many times the other's events/s; None when one of the two has no right run."""
    speed = {line.contestant: line.per_second for line in found}
    return speed[one] / speed[other] if one in speed and other in speed else None


def markdown(found: Sequence[Line], base: str) -> str:
    """The table, ready for a page."""
    against = next((line.per_second for line in found if line.contestant == base), None)
    rows = [HEAD, ("---",) * len(HEAD), *(_row(line, against) for line in found)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def _row(line: Line, against: float | None) -> tuple[str, ...]:
    return (
        line.contestant,
        f"{line.messages:,}",
        f"{line.right}/{line.runs}",
        f"{line.per_second:,.0f} ({line.slowest:,.0f} to {line.fastest:,.0f})",
        f"{line.per_second / against:.1f}" if against else "",
        f"{line.cpu_total:.0f}",
        ", ".join(f"{name} {us:.0f}" for name, us in line.cpu_us.items()),
        "" if line.broker_us is None else f"{line.broker_us:.0f}",
        f"{line.peak_mb:,.0f}",
        f"{line.start_s:.1f}",
    )
