"""What a million contacts feel is told as it was measured."""

from __future__ import annotations

from benchmarks.million import Figures, quantiles, table


def test_quantiles() -> None:
    """The median and the 99th percentile of what was taken."""
    assert quantiles([float(n) for n in range(1, 1000)]) == (500, 990)


def test_the_table_sets_the_usual_beside_the_backfill() -> None:
    """Both latencies, how many probes there were, and the speed of the backfill."""
    figures = Figures(1_000, usual_ms=[10.0] * 50, backfill_s=2.0, backfill_ms=[20.0] * 70)
    told = table(figures)
    assert "answered in 2.0 s (500 contacts/s)" in told
    assert "| usual | 50 | 10 | 10 |" in told
    assert "| while the group is answered | 70 | 20 | 20 |" in told
