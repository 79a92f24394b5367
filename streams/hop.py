"""What a hop is: where its records come from, the pure step they go through, and where what follows is written."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from msgspec import Struct


class Hop(Struct, frozen=True, kw_only=True):
    """One hop, by the names of its topics without prefix; one that ends in rows instead of topics has no targets."""

    name: str
    sources: tuple[str, ...]
    step: Callable[..., Any]
    targets: tuple[str, ...] = ()
