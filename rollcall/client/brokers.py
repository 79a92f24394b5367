"""Which brokers and whose topics: one value for publishers and readers."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from msgspec import Struct, field

from streams.settings import Settings
from streams.topics import full_name


class Brokers(Struct, frozen=True, kw_only=True):
    """Where the log is. `security`: what aiokafka's clients take as security_protocol, sasl_… and ssl_context."""

    bootstrap: str
    prefix: str = "rollcall."
    security: dict[str, Any] = field(default_factory=dict[str, Any])

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ) -> Brokers:
        """Read ROLLCALL_BROKERS, _TOPIC_PREFIX, _SASL_… and _TLS_…; raises streams.settings.SettingsError."""
        settings = Settings.from_env(environ)
        return cls(bootstrap=settings.bootstrap, prefix=settings.topic_prefix, security=settings.kafka_security())

    def topic(self, short: str) -> str:
        """`bookings` → `rollcall.bookings`."""
        return full_name(self.prefix, short)

    @property
    def client(self) -> dict[str, Any]:
        """Keyword arguments that every aiokafka client takes."""
        return {"bootstrap_servers": self.bootstrap, **self.security}


def brokers_at(where: Brokers | str) -> Brokers:
    """Take an address for the brokers there, with the usual prefix and plain text."""
    return where if isinstance(where, Brokers) else Brokers(bootstrap=where)
