"""The last hop: from the pipeline's tables into the rows that people ask."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct

from streams.store.tables import TABLES, apply

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from streams.store.rows import Batch, Rows
    from streams.store.tables import Place, Record


class StoreHop(Struct, frozen=True, kw_only=True):
    """A hop that ends in rows instead of topics: what it reads, and the pure step over the rows as they are."""

    name: str
    sources: tuple[str, ...]
    targets: tuple[str, ...] = ()
    step: Callable[[Rows, Iterable[Record], Mapping[tuple[str, int], Place]], Batch]


CHANGES_TO_STORE = StoreHop(name="store", sources=tuple(TABLES), step=apply)
