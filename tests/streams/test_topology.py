"""The topology as a value, and the map that people read."""

from __future__ import annotations

import re

import pytest

import streams
from schemas.activity import RAW_TOPICS
from streams.hop import Hop
from streams.topics import TOPICS
from streams.topology import TOPOLOGY, Topology, TopologyError


def test_the_hops_and_the_topics_fit() -> None:
    """No hop names a topic that is none, and no topic is an orphan."""
    TOPOLOGY.check()


def test_a_hop_that_reads_what_nobody_writes_is_refused() -> None:
    """A topic that is read but never written, and all that nobody names, are told."""
    with pytest.raises(TopologyError, match="read but never written: replies") as told:
        Topology((Hop(name="x", sources=("replies",), step=print),)).check()
    assert "no hop names" in str(told.value)


def test_an_unknown_topic_is_refused() -> None:
    """A name that no topic has is told."""
    with pytest.raises(TopologyError, match="no such topics: nowhere"):
        Topology((*TOPOLOGY.hops, Hop(name="x", sources=("bookings",), step=print, targets=("nowhere",)))).check()


def test_the_map_tells_the_truth() -> None:
    """The picture at the head of the package names exactly the hops and the topics."""
    words = set(re.findall(r"[a-z]+(?:-[a-z]+)*", (streams.__doc__ or "").split("```")[1]))
    assert {topic.name for topic in TOPICS} <= words
    assert {hop.name for hop in TOPOLOGY.hops} <= words


def test_the_raw_topics_are_the_first_hop() -> None:
    """The first hop reads all that publishers write."""
    assert TOPOLOGY.hops[0].sources == RAW_TOPICS
