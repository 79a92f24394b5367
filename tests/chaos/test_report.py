"""What a run is told by: every kind gets its turn, misses do not count, findings are shown."""

from __future__ import annotations

from random import Random

from tests.chaos.judges import Finding
from tests.chaos.report import Injection, Lateness, Report, lateness_of, table
from tests.chaos.run import EVERY, MOST_FINDINGS, chosen, schedule, some
from tests.chaos.summarise import page


def report(**more: object) -> Report:
    """Return a small report."""
    hit = Injection(kind="worker SIGKILL", hit=True, proof="killed", at=1.0, lasted=0.1, recovered=4.0)
    miss = Injection(kind="worker SIGKILL", hit=False, proof="had no partition", at=9.0, lasted=0.1, recovered=1.0)
    values: dict[str, object] = {
        "seed": 7, "minutes": 1.0, "nodes": 1, "workers": 2, "events": 6_000, "seconds": 60.0, "changes": 900,
        "injections": [hit, miss], "deaths": {}, "lateness": lateness_of([1, 2, 3, 40]), "findings": list[Finding](),
    }  # fmt: skip
    return Report(**{**values, **more})  # type: ignore[arg-type]


def test_every_kind_gets_its_turn() -> None:
    """In the dice's order all kinds come once before one comes again; another seed gives another order."""
    first, again, other = (schedule(Random(seed), EVERY) for seed in (1, 1, 2))
    order = [first().kind for _ in EVERY]
    assert sorted(order) == sorted(fault.kind for fault in EVERY)
    assert order == [again().kind for _ in EVERY] != [other().kind for _ in EVERY]


def test_kinds_have_names_of_their_own() -> None:
    """No two kinds share a name."""
    assert len({fault.kind for fault in EVERY}) == len(EVERY)


def test_brokers_have_kinds_of_their_own() -> None:
    """What needs three brokers is not tried with one, nor the other way round."""
    one, three = ({fault.kind for fault in chosen("broker", nodes)} for nodes in (1, 3))
    assert "only broker SIGKILL" in one - three
    assert "two of three brokers down" in three - one


def test_a_miss_does_not_count() -> None:
    """The table tells injections and hits apart, and times of hits alone."""
    assert "| worker SIGKILL | 2 | 1 | 4.0 | 4.0 |" in table([report()])


def test_good_only_without_findings_and_trouble() -> None:
    """A finding or a trouble makes a run bad, and the table names it."""
    found = Finding("log", "lost", "seq 3 after 1")
    assert report().good
    assert not report(trouble="it hangs").good
    bad = report(findings=[found])
    assert not bad.good
    assert bad.count("lost") == 1
    assert "seq 3 after 1" in table([bad])


def test_findings_of_each_judge_are_kept() -> None:
    """A judge who finds everything wrong does not crowd out the others."""
    many = [Finding("outcomes", "repeated", str(at)) for at in range(MOST_FINDINGS * 3)]
    kept = some([*many, Finding("facts", "wrong", "one")])
    assert len(kept) == MOST_FINDINGS + 1
    assert kept[-1].judge == "facts"


def test_opened_guards_are_told_apart() -> None:
    """A run with a guard taken out stands in a table of its own, with who found it."""
    bad = report(reopened="fence", findings=[Finding("log", "repeated", "seq 1 after 1")])
    told = page([report(), bad])
    assert "| fence | 7 | 1 | log (repeated) |" in told
    assert told.count("| 7 | 1 | 1 | 1.0 |") == 1


def test_lateness() -> None:
    """Median, 99th percentile and worst of what is sorted; nothing of nothing."""
    assert lateness_of([1, 2, 3, 40]) == Lateness(count=4, median=3, p99=40, worst=40)
    assert lateness_of([]) == Lateness()
