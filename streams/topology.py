"""The whole stream as one value: the hops in order, each from where to where, checked before anything starts."""

from __future__ import annotations

from msgspec import Struct

from schemas.activity import RAW_TOPICS
from streams.activity_to_changes import ACTIVITY_TO_CHANGES
from streams.changes_to_store import CHANGES_TO_STORE
from streams.hop import Hop
from streams.questions_to_answers import QUESTIONS_TO_ANSWERS
from streams.raw_to_activity import RAW_TO_ACTIVITY
from streams.topics import BY_NAME


class TopologyError(ValueError):
    """The hops and the topics do not fit each other."""


class Topology(Struct, frozen=True):
    """Hops in the order in which a record passes them."""

    hops: tuple[Hop, ...]

    def check(self) -> None:
        """Every name is a topic, every topic has a hop, and what a hop reads is raw or was written by a hop."""
        named = {name for hop in self.hops for name in (*hop.sources, *hop.targets)}
        written = {name for hop in self.hops for name in hop.targets}
        read = {name for hop in self.hops for name in hop.sources}
        told = {
            "no such topics": named - BY_NAME.keys(),
            "topics that no hop names": BY_NAME.keys() - named,
            "topics that are read but never written": read - written - set(RAW_TOPICS),
        }
        faults = [f"{what}: {', '.join(sorted(names))}" for what, names in told.items() if names]
        if faults:
            raise TopologyError("; ".join(faults))


TOPOLOGY = Topology((RAW_TO_ACTIVITY, ACTIVITY_TO_CHANGES, CHANGES_TO_STORE, QUESTIONS_TO_ANSWERS))
