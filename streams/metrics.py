"""Every metric that the workers show: name, kind, labels and meaning, once.

Labels hold names of topics, partitions and reasons only: nothing of a guest.
"""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram
from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import REGISTRY, Collector

from schemas.activity import RAW_TOPICS

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)

EVENTS_IN = [0] * len(RAW_TOPICS)
"""Raw records read, by index of RAW_TOPICS: plain numbers, because they are counted per event."""

REJECTS = Counter("rollcall_rejects", "Raw records that became dead letters, by reason.", ["reason"])
CHANGES_OUT = Counter(
    "rollcall_changes_out", "Changes written, by change (joined, left, suppressed, restored).", ["change"]
)
SKIPPED = Counter(
    "rollcall_skipped",
    "Records that changed nothing: repeated (id and revision known), replayed (raw offset), …",
    ["why"],
)
FIRED = Counter("rollcall_deadlines_fired", "Contacts looked at because a deadline was due.")
LAG = Gauge(
    "rollcall_lag_records",
    "Records between a worker's position and the end, by topic and partition.",
    ["topic", "partition"],
)
STALLED = Gauge(
    "rollcall_stalled_seconds", "For how long records of some partition of this worker have waited without progress."
)
CHUNK_SECONDS = Histogram("rollcall_chunk_seconds", "Time to work on one chunk of records.", buckets=_SECONDS)
TURN_SECONDS = Histogram(
    "rollcall_turn_seconds",
    "Time for which decide worked on one partition before others had their turn.",
    buckets=_SECONDS,
)
COMMIT_SECONDS = Histogram(
    "rollcall_commit_seconds", "Time of one transaction, flush to disk included.", buckets=_SECONDS
)
STATE_BYTES = Gauge("rollcall_state_bytes", "Size of a partition's rows on disk.", ["partition"])
DEADLINES_DUE = Gauge(
    "rollcall_deadlines_due", "Deadlines in the next 15 minutes, up to 40,000 of them, by partition.", ["partition"]
)
LATENESS = Gauge(
    "rollcall_deadline_lateness_seconds", "How late the next deadline is, 0 if it lies ahead.", ["partition"]
)
READY = Gauge("rollcall_ready", "1 once every partition of this worker is open, and while none stands still.")


class _EventsIn(Collector):
    """Shows EVENTS_IN as rollcall_events_in_total{topic}."""

    def collect(self) -> list[CounterMetricFamily]:
        """See prometheus_client."""
        family = CounterMetricFamily("rollcall_events_in", "Raw records read, by topic.", labels=["topic"])
        for name, count in zip(RAW_TOPICS, EVENTS_IN, strict=True):
            family.add_metric([name], count)
        return [family]


REGISTRY.register(_EventsIn())
