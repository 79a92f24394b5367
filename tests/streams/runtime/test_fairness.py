"""Backpressure is fair: a full buffer makes the reading wait, and leaves no partition out."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from faust.transport.drivers.aiokafka import Consumer as Plain
from faust.types import TP

from streams.runtime.transport import Consumer

MESSAGES = TP("messages", 3)


@pytest.mark.parametrize(("kind", "stays"), [(Consumer, True), (Plain, False)], ids=["ours", "Faust's"])
def test_a_full_buffer_leaves_nobody_out(kind: type[Any], *, stays: bool) -> None:
    """A partition is read on although the buffer was full when its chunk came; Faust's own consumer leaves it out."""
    one: Any = object.__new__(kind)
    one.app = SimpleNamespace(in_recovery=False)
    one._active_partitions, one._buffered_partitions = {MESSAGES}, set[TP]()
    one.on_buffer_full(MESSAGES)
    assert (MESSAGES in one._get_active_partitions()) is stays
    one.on_buffer_drop(MESSAGES)
    assert MESSAGES in one._get_active_partitions()
