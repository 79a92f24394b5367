"""Neighbours: who waits too long for them is found, and what they said themselves is not judged by another's model."""

from __future__ import annotations

import msgspec

from tests.chaos.history import RAW, own
from tests.chaos.neighbours import PATIENCE
from tests.chaos.publisher import Acknowledged
from tests.chaos.reader import Taken
from tests.chaos.report import Injection, table
from tests.chaos.run import impatience
from tests.chaos.test_report import report

KIND = "neighbour: large keys"


def injection(slowest: float | None) -> Injection:
    """Return a hit during which others waited so long at most."""
    return Injection(kind=KIND, hit=True, proof="12 dead letters", at=1.0, lasted=2.0, recovered=3.0, slowest=slowest)


def test_whoever_waits_too_long_is_found() -> None:
    """A change within the bound is right, a later one is a finding, and where nobody measured there is none."""
    assert impatience([injection(PATIENCE), injection(None)]) == []
    found = impatience([injection(PATIENCE + 0.01)])
    assert [(one.judge, one.fault) for one in found] == [("neighbours", "slow")]


def test_the_report_tells_how_long_others_waited() -> None:
    """Of each kind the median and the worst of the slowest changes stand in the table."""
    told = table([report(injections=[injection(0.2), injection(0.4), injection(1.5)])])
    assert f"| {KIND} | 3 | 0.40 | 1.50 |" in told


def test_other_tenants_are_left_out() -> None:
    """Kept is what the judged publishers said, what came of it, and rows of their tenant."""

    def taken(at: int, key: bytes, value: bytes = b"", **headers: bytes) -> Taken:
        return Taken(0, at, 0, key, value, tuple(headers.items()))

    def activity(topic: int, offset: int) -> bytes:
        return msgspec.msgpack.encode(["message", topic, 0, offset])

    dead = {"topic": b"rollcall.messages", "partition": b"0"}
    topics = {name: list[Taken]() for name in (*RAW, "dead-letters", "contact-activity", "decide-changelog")}
    topics["messages"] = [taken(0, b"any"), taken(1, b"chaos")]
    topics["dead-letters"] = [taken(5, b"any", offset=b"0", **dead), taken(6, b"any", offset=b"1", **dead)]
    topics["contact-activity"] = [taken(7, b"", activity(RAW.index("messages"), n)) for n in (0, 1)]
    topics["memberships"] = [taken(8, b"chaos/vip/tel:+1"), taken(9, b"quiet/diners/tel:+2")]
    topics["decide-changelog"] = [taken(3, b"hchaos/tel:+1"), taken(4, b"hnoisy-7/tel:+2"), taken(5, b"c")]
    kept = own(topics, [Acknowledged("messages", 0, 1, b"")])
    offsets = {name: [one.offset for one in records] for name, records in kept.items() if records}
    assert offsets == {
        "messages": [1],
        "dead-letters": [6],
        "contact-activity": [7],
        "memberships": [8],
        "decide-changelog": [3, 5],
    }
