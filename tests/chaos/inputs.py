"""Faults that come in with the input: poison, records too large, groups and owners that change in mid-fault."""

from __future__ import annotations

import json
import time
from random import Random
from typing import Any

from tests.chaos.cluster import Cluster
from tests.chaos.definition_judges import says
from tests.chaos.faults import Fault, MissedError, worker_sigkill, worker_sigstop
from tests.chaos.load import (
    GROUPS,
    PALETTE,
    TENANT,
    Rule,
    Saying,
    command,
    envelope,
    lasting,
    phone,
    saying,
    stamp,
    succession,
)
from tests.chaos.publisher import Acknowledged
from tests.chaos.reader import read_from

TOPICS = ("messages", "bookings", "ratings", "commands")
BAD: tuple[bytes, ...] = (
    b"",
    b"{",
    b"\xff\xfe\x00",
    b"[]",
    b"null",
    b'{"specversion":"1.0"}',
    b"9" * 5_000,
    b"[" * 5_000,
)


def say(cluster: Cluster, said: list[Saying]) -> list[Acknowledged]:
    """Publish and wait until the broker has all."""
    values = {one.value for one in said}
    known = len(cluster.publisher.acknowledged)
    cluster.publisher.also(said)

    def there() -> bool:
        fresh = cluster.publisher.acknowledged[known:]
        return len([one for one in fresh if one.value in values]) >= len(said)

    cluster.wait(there, 90, "the acknowledgement")
    return [one for one in cluster.publisher.acknowledged[known:] if one.value in values]


def _until_dead(cluster: Cluster, said: list[Acknowledged], reasons: set[str]) -> str:
    """Wait until each has its dead letter; returns the reasons given."""
    places = {(f"{cluster.prefix}{one.topic}", one.partition, one.offset) for one in said}
    found = dict[tuple[str, int, int], str]()

    def dead() -> bool:
        for one in read_from(cluster.direct, f"{cluster.prefix}dead-letters", [(p, 0) for p in range(6)]):
            lines = {name: value.decode() for name, value in one.headers}
            found[lines["topic"], int(lines["partition"]), int(lines["offset"])] = lines["reason"]
        return places <= found.keys()

    cluster.wait(dead, 90, "the dead letters")
    told = {found[place] for place in places}
    if not told <= reasons:
        raise MissedError(f"dead letters tell {sorted(told)}")
    return f"{len(places)} dead letters: {', '.join(sorted(told))}"


def _poison(dice: Random, now: float, unique: int) -> Saying:
    """Return one record that must not be taken: bytes, or a message with something wrong."""
    if dice.random() < 0.4:
        return Saying(dice.choice(TOPICS), str(unique), dice.choice(BAD) + (b" " * (unique % 5_000 + 1)))
    data: dict[str, Any] = {
        "message_id": f"bad-{unique}", "channel": "whatsapp", "direction": "inbound", "from": phone(1), "revision": 1,
        "text": "hello",
    }  # fmt: skip
    spoil: dict[str, Any] = dice.choice((
        {"time": stamp(now + 3_600)}, {"time": stamp(now - 500 * 86_400)}, {"time": "yesterday"}, {"tenant": "nobody"},
        {"specversion": "9"}, {"type": "unheard"}, {"data": 7}, {"id": ""}, {"tenant": "../up"},
        {"data": data | {"from": "12"}}, {"data": data | {"revision": -1}},
    ))  # fmt: skip
    bad = envelope("message", "message", f"bad-{unique}", now, data) | {"source": "bad"} | spoil
    return saying("messages", str(unique), bad)


def poison(cluster: Cluster, dice: Random) -> str:
    """Records that nobody can read come in between."""
    said = [_poison(dice, time.time(), dice.getrandbits(40)) for _ in range(20)]
    return _until_dead(cluster, say(cluster, said), _all_reasons())


def too_large(cluster: Cluster, dice: Random) -> str:
    """Records above the contract's size, some above what a dead letter holds, come in between."""
    said = list[Saying]()
    for size in (270_000, 1_200_000, 3_000_000):
        id_ = f"large-{dice.getrandbits(40)}"
        data = {
            "message_id": id_, "channel": "whatsapp", "direction": "inbound", "from": phone(dice.randrange(2_000)),
            "revision": 1, "text": "hello " * (size // 6),
        }  # fmt: skip
        said.append(saying("messages", id_, envelope("message", "message", id_, time.time(), data)))
    return _until_dead(cluster, say(cluster, said), {"too_large"})


def _all_reasons() -> set[str]:
    from typing import get_args  # noqa: PLC0415

    from schemas.base import Reason  # noqa: PLC0415

    return set(get_args(Reason))


def group_in_mid_fault(cluster: Cluster, dice: Random) -> str:
    """A group is created and one is deleted while a worker dies or stands still."""
    cluster.made_groups += 1
    name, now = f"made-{cluster.made_groups}", time.time()
    rule = GROUPS[dice.choice(PALETTE)]
    said = [command("group.create", f"create-{name}", now, {"id": name, "name": name, "rule": rule})]
    if cluster.made_groups > 1:
        old = f"made-{cluster.made_groups - 1}"
        said.append(command("group.delete", f"delete-{old}", now, {"group": old}))
    cluster.publisher.also(said)
    hit = dice.choice((worker_sigkill, worker_sigstop))(cluster, dice)
    cluster.wait(lambda: cluster.store.ask(f"/v1/{TENANT}/groups/{name}") is not None, 90, "the new group")
    status = json.loads(cluster.store.ask(f"/v1/{TENANT}/groups/{name}") or "{}").get("status")
    return f"{name} created ({status}), {len(said) - 1} deleted; {hit}"


def successor_in_mid_fault(cluster: Cluster, dice: Random) -> str:
    """A group gets another rule, twice in a row, while a worker dies or stands still."""
    said, now = list[Saying](), time.time()
    for _ in range(2):
        rule = GROUPS[PALETTE[cluster.turns % len(PALETTE)]]
        cluster.turns += 1
        said.append(succession(f"turn-{cluster.turns}", "turned", rule, now))
    cluster.publisher.also(said[:1])
    hit = dice.choice((worker_sigkill, worker_sigstop))(cluster, dice)
    cluster.publisher.also(said[1:])
    cluster.wait(lambda: _has_turned(cluster, rule), 90, "the successor")
    return f"turned {cluster.turns} times; {hit}"


def _has_turned(cluster: Cluster, rule: Rule) -> bool:
    row = json.loads(cluster.store.ask(f"/v1/{TENANT}/groups/turned") or "{}")
    return row.get("status") == "ready" and row["successor"] is None and says(row["rule"], rule)


def owner_in_mid_fault(cluster: Cluster, dice: Random) -> str:
    """Bookings and ratings go from guest to guest and back while a decide worker dies."""
    said, now = list[Saying](), time.time()
    for _ in range(25):
        id_, first, second = dice.getrandbits(40), lasting(dice, 2_000), lasting(dice, 2_000)
        for revision, guest in enumerate((first, second, first, second), start=1):
            data: dict[str, Any] = {"revision": revision, "guest": {"phone": guest}}
            data |= {"rating_id": f"move-{id_}", "stars": 4}
            said.append(saying("ratings", guest, envelope("rating", "rating", f"move-{id_}:{revision}", now, data)))
    dice.shuffle(said)
    half = len(said) // 2
    cluster.publisher.also(said[:half])
    hit = worker_sigkill(cluster, dice)
    known = len(cluster.publisher.acknowledged)
    cluster.publisher.also(said[half:])
    cluster.wait(lambda: len(cluster.publisher.acknowledged) - known >= half, 90, "the second half")
    return f"25 ratings moved three times; {hit}"


def repeated_input(cluster: Cluster, dice: Random) -> str:
    """A publisher loses its place and says the last seconds again, in another order, while a worker dies."""
    recent = cluster.publisher.acknowledged[-2_000:]
    again = [Saying(one.topic, str(dice.getrandbits(32)), one.value) for one in recent if one.topic != "commands"]
    dice.shuffle(again)
    cluster.publisher.also(again[: len(again) // 2])
    hit = worker_sigkill(cluster, dice)
    cluster.publisher.also(again[len(again) // 2 :])
    return f"{len(again)} events said again; {hit}"


INPUTS = [
    Fault("poison record", poison),
    Fault("record too large", too_large),
    Fault("group created and deleted", group_in_mid_fault),
    Fault("group gets a successor", successor_in_mid_fault),
    Fault("owner of a fact changes", owner_in_mid_fault),
    Fault("duplicate and permuted input", repeated_input),
]
