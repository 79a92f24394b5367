"""The store's and the server's own metrics, in a registry of their own."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """Every metric of this process; labels are routes, topics and statuses, never ids."""

    def __init__(self) -> None:
        own = self.registry = CollectorRegistry()
        self.requests = Counter(
            "rollcall_http_requests", "HTTP requests answered", ["method", "route", "status"], registry=own
        )
        self.request_seconds = Histogram(
            "rollcall_http_request_seconds", "time to answer", ["route"], buckets=_SECONDS, registry=own
        )
        self.records = Counter("rollcall_store_records", "records read into the store", ["topic"], registry=own)
        self.chunk_seconds = Histogram(
            "rollcall_store_chunk_seconds", "time to write a chunk of records", buckets=_SECONDS, registry=own
        )
        self.lag = Gauge("rollcall_store_lag_records", "records not read yet", ["topic"], registry=own)
        self.bytes = Gauge("rollcall_store_bytes", "size of the store's tables on disk", registry=own)
        self.ready = Gauge("rollcall_store_ready", "1 once the tables are read", registry=own)

    def text(self) -> bytes:
        """The exposition format."""
        return generate_latest(self.registry)
