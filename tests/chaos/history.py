"""What was published and what came of it, read at rest: all that the judges look at."""

from __future__ import annotations

import contextlib
import json
import re
import time
from typing import Any

import msgspec

from tests.chaos.cluster import PARTITIONS, Cluster
from tests.chaos.load import TENANT
from tests.chaos.publisher import Acknowledged
from tests.chaos.reader import Taken, read_all, read_from

RAW = ("bookings", "ratings", "messages", "commands")
READ = (*RAW, "contact-activity", "membership-changes", "memberships", "contacts", "outcomes", "dead-letters",
        "replies", "groups", "decide-changelog")  # fmt: skip


class History(msgspec.Struct, kw_only=True):
    """A whole run; `at` is the moment (epoch ms) at which everything was at rest."""

    at: int
    acknowledged: list[Acknowledged] = []
    followed: list[Taken] = []
    topics: dict[str, list[Taken]] = {}
    members: dict[str, dict[str, dict[str, Any]]] = {}
    """What HTTP says: contact → row, by group."""
    set_back: int = 0
    """By how much (ms) at most the brokers' clock was set back: an owner's own stays ahead by that for a while."""
    hash_key: bytes = b""
    """What erased contacts are hashed with."""
    remembered: dict[str, Any] = {}
    """What judges have made of the input, so that each need not make it again."""

    def __getitem__(self, topic: str) -> list[Taken]:
        return self.topics.get(topic, [])


def settle(cluster: Cluster, seconds: float = 180.0) -> None:
    """Stop publishing, and wait until nothing is left to do: every record worked on, every short deadline over."""
    cluster.publisher.stop()
    cluster.end_probe()
    cluster.wait(cluster.steady, seconds, "steadiness")
    cluster.wait(lambda: time.time() > cluster.highest_clock, 60, "the brokers' former time")
    cluster.wait(lambda: _normalized(cluster), seconds, "the end of the raw topics")
    cluster.wait(lambda: _silent(cluster), seconds, "silence")


def _normalized(cluster: Cluster) -> bool:
    done = cluster.control.committed(f"{cluster.prefix}normalize")
    ends = dict[tuple[str, int], int]()
    for one in cluster.publisher.acknowledged:
        place = cluster.prefix + one.topic, one.partition
        ends[place] = max(ends.get(place, 0), one.offset + 1)
    return all(done.get(place, 0) >= end for place, end in ends.items())


def _silent(cluster: Cluster) -> bool:
    """Whether decide has folded its whole log, and says nothing more for a while that is longer than a lull."""
    if _waiting(cluster):
        return False
    before = cluster.control.committed(f"{cluster.prefix}decide")
    time.sleep(2.5)
    return before == cluster.control.committed(f"{cluster.prefix}decide") and not _waiting(cluster)


def _waiting(cluster: Cluster) -> int:
    topic = f"{cluster.prefix}contact-activity"
    done = cluster.control.committed(f"{cluster.prefix}decide")
    places = [(p, max(done.get((topic, p), 0), 0)) for p in range(PARTITIONS)]
    return len(read_from(cluster.direct, topic, places))


def collect(cluster: Cluster) -> History:
    """Read everything."""
    at = round(time.time() * 1000)
    everything = {name: read_all(cluster.direct, cluster.prefix + name) for name in READ}
    _follow_up(cluster, len(everything["membership-changes"]))
    topics = own(everything, cluster.publisher.acknowledged)
    return History(
        at=at,
        set_back=cluster.set_back * 1000,
        acknowledged=cluster.publisher.acknowledged,
        followed=[one for one in cluster.follower.seen if _of_tenant(one.key)],
        topics=topics,
        members=_members(cluster, topics["memberships"]),
        hash_key=(cluster.settings.data / "hash.key").read_bytes(),
    )


def own(topics: dict[str, list[Taken]], acknowledged: list[Acknowledged]) -> dict[str, list[Taken]]:
    """Leave out what other tenants' publishers said, and what came of it: the judges know one tenant's input."""
    said = {(one.topic, one.partition, one.offset) for one in acknowledged}
    kept = {name: [one for one in records if _of_tenant(one.key)] for name, records in topics.items()}
    kept |= {name: [one for one in topics[name] if (name, one.partition, one.offset) in said] for name in RAW}
    kept["dead-letters"] = [one for one in topics["dead-letters"] if _turned_away(one) in said]
    kept["contact-activity"] = [one for one in topics["contact-activity"] if _made_of(one) in said]
    kept["decide-changelog"] = [one for one in topics["decide-changelog"] if _OTHERS.search(one.key[:24]) is None]
    return kept


_OTHERS = re.compile(rb"(quiet|noisy-\d+)/")


def _of_tenant(key: bytes) -> bool:
    return key.partition(b"/")[0] == TENANT.encode()


def _turned_away(one: Taken) -> tuple[str, int, int]:
    lines = dict(one.headers)
    return lines["topic"].decode().rpartition(".")[2], int(lines["partition"]), int(lines["offset"])


def _made_of(one: Taken) -> tuple[str, int, int]:
    record = msgspec.msgpack.decode(one.value or b"")
    return (RAW[record[1]], record[2], record[3]) if record[1] >= 0 else ("", -1, -1)


def _follow_up(cluster: Cluster, changes: int) -> None:
    """Give the live reader the time to come to the end; what it misses then, it missed."""
    try:
        cluster.wait(lambda: len(cluster.follower.seen) >= changes, 60, "the live reader")
    except TimeoutError:
        pass
    finally:
        cluster.follower.stop()


def _members(cluster: Cluster, rows: list[Taken]) -> dict[str, dict[str, dict[str, Any]]]:
    """Ask HTTP until it tells as many members as the table has, or until that takes too long."""
    wanted = len([value for value in newest(rows).values() if value is not None])
    found = dict[str, dict[str, dict[str, Any]]]()

    def told() -> bool:
        nonlocal found
        found = _ask(cluster)
        return sum(map(len, found.values())) == wanted

    with contextlib.suppress(TimeoutError):
        cluster.wait(told, 60, "the store")
    return found


def _ask(cluster: Cluster) -> dict[str, dict[str, dict[str, Any]]]:
    groups = [item["id"] for item in _items(cluster, f"/v1/{TENANT}/groups?")]
    return {
        group: {item["contact"]: item for item in _items(cluster, f"/v1/{TENANT}/groups/{group}/members?")}
        for group in groups
    }


def _items(cluster: Cluster, path: str) -> list[dict[str, Any]]:
    items, cursor = list[dict[str, Any]](), ""
    while True:
        told = cluster.store.ask(f"{path}limit=1000{cursor}", 30)
        if told is None:
            raise RuntimeError(f"{path} does not answer")
        page = json.loads(told)
        items += page["items"]
        if not page["cursor"]:
            return items
        cursor = f"&cursor={page['cursor']}"


def newest(rows: list[Taken]) -> dict[bytes, bytes | None]:
    """Fold a table's records by key."""
    return {row.key: row.value for row in rows}
