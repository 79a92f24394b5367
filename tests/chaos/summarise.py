"""Many runs' reports as one page: `python -m tests.chaos.summarise docs/chaos/*.json > docs/chaos/README.md`."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

import msgspec

from tests.chaos.report import Report, table

HEAD = """# Chaos runs

Each row is one run of the fault harness ([reliability.md](../reliability.md) tells how it works); the JSON beside this
page holds every injection with the proof that it hit. One run again, and this page again:

```
make chaos SEED=4 MINUTES=5 NODES=3 KINDS=broker,connection OUT=docs/chaos/seed-4.json
.venv/bin/python -m tests.chaos.summarise docs/chaos/*.json > docs/chaos/README.md
```

The seed gives the events and the order of the faults; what the clock gives (which record is in flight when a process
dies) differs from run to run. Late is by how much deadlines were carried out after they were due (median/99th
percentile/worst, in the log of changes), outages included: while every owner is down, nobody leaves. At once: how many
faults came one upon the other before all had to flow again.
"""
OPENED = """
## With a guard taken out

Here one guard is taken out of the workers (tests/chaos/reopened.py), so the judges must find something; a report keeps
the first findings of each judge.

```
.venv/bin/python -m tests.chaos.run --reopen fence --seed 1 --minutes 1
```

| guard | seed | hits | found by |
| --- | --- | --- | --- |
"""


def page(reports: Sequence[Report]) -> str:
    """Return the page."""
    whole = [one for one in reports if not one.reopened]
    opened = [one for one in reports if one.reopened]
    return f"{HEAD}\n{table(whole)}" + (OPENED + "".join(map(_opened, opened)) if opened else "")


def _opened(one: Report) -> str:
    judges = sorted({f"{finding.judge} ({finding.fault})" for finding in one.findings})
    hits = sum(injection.hit for injection in one.injections)
    return f"| {one.reopened} | {one.seed} | {hits} | {', '.join(judges) or 'nobody'} |\n"


def main() -> None:
    """Read the reports that are named and write the page."""
    reports = [msgspec.json.decode(Path(name).read_bytes(), type=Report) for name in sys.argv[1:]]
    sys.stdout.write(page(sorted(reports, key=lambda one: (one.reopened, one.seed))))


if __name__ == "__main__":
    main()
