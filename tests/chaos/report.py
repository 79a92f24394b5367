"""What a run tells: JSON for programs, a table for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec

from tests.chaos.evidence import FAULTS
from tests.chaos.judges import Finding


class Injection(msgspec.Struct, kw_only=True):
    """One injection: what it was, whether it hit and by what proof, and how long until all flowed again.

    Where faults come one upon the other, all flows again after the last of them. `slowest` is the longest time (s) from
    a quiet tenant's message to its change meanwhile, where that was measured.
    """

    kind: str
    hit: bool
    proof: str
    at: float
    lasted: float
    recovered: float | None = None
    slowest: float | None = None


class Lateness(msgspec.Struct, kw_only=True):
    """By how much (ms) deadlines were carried out late."""

    count: int = 0
    median: int = 0
    p99: int = 0
    worst: int = 0


class Report(msgspec.Struct, kw_only=True):
    """A whole run."""

    seed: int
    minutes: float
    nodes: int
    workers: int
    together: int = 1
    reopened: str = ""
    events: int
    seconds: float
    changes: int
    injections: list[Injection]
    deaths: dict[str, int]
    lateness: Lateness
    findings: list[Finding]
    trouble: str | None = None

    @property
    def good(self) -> bool:
        """Whether nothing is wrong."""
        return not self.findings and self.trouble is None

    def count(self, fault: str) -> int:
        """Return how many findings are of a fault."""
        return sum(one.fault == fault for one in self.findings)


def lateness_of(late: Sequence[int]) -> Lateness:
    """Summarise sorted delays."""
    if not late:
        return Lateness()
    return Lateness(count=len(late), median=late[len(late) // 2], p99=late[len(late) * 99 // 100], worst=late[-1])


def table(reports: Sequence[Report]) -> str:
    """Write one or more runs as Markdown."""
    return "\n".join([*_runs(reports), "", *_kinds(reports), *_neighbours(reports), *_troubles(reports)]) + "\n"


def _runs(reports: Iterable[Report]) -> list[str]:
    columns = (
        "seed | brokers | at once | min | events | events/s | changes | hits | lost | wrong | repeated | early | slow"
    )
    lines = [f"| {columns} | late (ms) |", "| --- " * 14 + "|"]
    for one in reports:
        late, hits = one.lateness, sum(i.hit for i in one.injections)
        faults = " | ".join(str(one.count(fault)) for fault in FAULTS)
        lines.append(
            f"| {one.seed} | {one.nodes} | {one.together} | {one.seconds / 60:.1f} | {one.events} |"
            f" {one.events / one.seconds:.0f} | {one.changes} | {hits} | {faults} |"
            f" {late.median}/{late.p99}/{late.worst} |"
        )
    return lines


def _kinds(reports: Sequence[Report]) -> list[str]:
    every = [i for one in reports for i in one.injections]
    lines = [
        "| kind | injected | hits | flows again after, median (s) | worst (s) |",
        "| --- | --- | --- | --- | --- |",
    ]
    for kind in sorted({i.kind for i in every}):
        of_kind = [i for i in every if i.kind == kind]
        times = sorted(i.recovered for i in of_kind if i.hit and i.recovered is not None)
        told = f"{times[len(times) // 2]:.1f} | {times[-1]:.1f}" if times else "- | -"
        lines.append(f"| {kind} | {len(of_kind)} | {sum(i.hit for i in of_kind)} | {told} |")
    return lines


def _neighbours(reports: Sequence[Report]) -> list[str]:
    """Tell how long a quiet tenant's guests waited for their change while a neighbour did its worst."""
    every = [i for one in reports for i in one.injections if i.hit and i.slowest is not None]
    if not every:
        return []
    lines = ["", "| neighbour | hits | slowest change of others, median (s) | worst (s) |", "| --- | --- | --- | --- |"]
    for kind in sorted({i.kind for i in every}):
        times = sorted(i.slowest for i in every if i.kind == kind and i.slowest is not None)
        lines.append(f"| {kind} | {len(times)} | {times[len(times) // 2]:.2f} | {times[-1]:.2f} |")
    return lines


def _troubles(reports: Sequence[Report]) -> list[str]:
    lines = list[str]()
    for one in reports:
        if one.good:
            continue
        lines += ["", f"Seed {one.seed}: {one.trouble or 'findings'}", *([""] if one.findings else [])]
        lines += [f"- {judge}, {fault}: {count}" for (judge, fault), count in _counted(one)]
        lines += [f"- {finding.what}" for finding in one.findings[:10]]
    return lines


def _counted(one: Report) -> list[tuple[tuple[str, str], int]]:
    return Counter((finding.judge, str(finding.fault)) for finding in one.findings).most_common()
