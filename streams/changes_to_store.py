"""The last hop: from the pipeline's tables into the rows that people ask; what those do not know, owners are asked."""

from __future__ import annotations

from streams.hop import Hop
from streams.store.tables import TABLES, apply

CHANGES_TO_STORE = Hop(name="store", sources=tuple(TABLES), step=apply, targets=("questions",))
