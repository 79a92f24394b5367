"""An operator's view of the cluster, by librdkafka: groups, leaders, rights.

Questions are asked in a process of their own: librdkafka's admin client may crash over an answer that comes when the
broker has just been stopped, and the harness must not go with it. A question that gets no answer raises, and the
next goes to a new client: one that has met a broker that is gone asks it for a long time.
"""

from __future__ import annotations

import contextlib
import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any, TypeVar

from confluent_kafka import ConsumerGroupTopicPartitions, admin

from tests.chaos.publisher import QUIET

_ADMIN: Any = admin  # much of it is not exported as types see it
T = TypeVar("T")
SECONDS = 8
ATTEMPTS = 3
USER, PASSWORD = "worker", "chaos-only"
_CLIENTS: list[Any] = []
"""In the process that asks: the client that has answered so far, behind those that have not; none is taken away."""


class Control:
    """Asks about one cluster."""

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._pool: ProcessPoolExecutor | None = None

    def close(self) -> None:
        """End the process that asks."""
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)

    def _ask(self, question: Callable[..., T], *about: Any) -> T:
        """Ask; again and anew where it took the process along, for any question may be asked twice."""
        for _ in range(ATTEMPTS):
            self._pool = self._pool or ProcessPoolExecutor(1, multiprocessing.get_context("spawn"))
            with contextlib.suppress(BrokenProcessPool):
                return self._pool.submit(_answer, self._bootstrap, question, about).result(SECONDS * 4)
            self._pool = None
        raise RuntimeError("no answer: librdkafka crashed")

    def assignments(self, group: str) -> dict[str, set[tuple[str, int]]]:
        """Return what each member of a group has, by its instance id."""
        return self._ask(_assignments, group)

    def committed(self, group: str) -> dict[tuple[str, int], int]:
        """Return the offsets that a group has committed."""
        return self._ask(_committed, group)

    def leads(self, node: int) -> int:
        """Return how many partitions a node leads; nodes count from 1."""
        return sum(leader == node for leader, _ in self._ask(_partitions))

    def in_sync(self, node: int) -> int:
        """Return of how many partitions a node is an in-sync copy."""
        return sum(node in copies for _, copies in self._ask(_partitions))

    def deny(self, topic: str) -> None:
        """Take all rights on a topic from the workers."""
        self._ask(_deny, topic)

    def allow(self, topic: str) -> int:
        """Give them back; returns how many rules there were."""
        return self._ask(_allow, topic)


# in the process that asks --------------------------------------------------------------------------------------------


def _answer(bootstrap: str, question: Callable[..., T], about: tuple[Any, ...]) -> T:
    if not _CLIENTS or _CLIENTS[-1] is None:
        _CLIENTS.append(_ADMIN.AdminClient({"bootstrap.servers": bootstrap, "log_level": 0}, logger=QUIET))
    try:
        return question(_CLIENTS[-1], *about)
    except Exception as error:  # noqa: BLE001 - whatever it is, there is no answer
        _CLIENTS.append(None)
        raise RuntimeError(str(error)) from None  # librdkafka's own cannot go to another process


def _assignments(client: Any, group: str) -> dict[str, set[tuple[str, int]]]:
    found = client.describe_consumer_groups([group], request_timeout=SECONDS)[group].result()
    return {
        member.group_instance_id or member.member_id: {
            (tp.topic, tp.partition) for tp in (member.assignment.topic_partitions if member.assignment else ())
        }
        for member in found.members
    }


def _committed(client: Any, group: str) -> dict[tuple[str, int], int]:
    asked = [ConsumerGroupTopicPartitions(group)]
    found = client.list_consumer_group_offsets(asked, request_timeout=SECONDS)[group].result()
    return {(tp.topic, tp.partition): tp.offset for tp in found.topic_partitions}


def _partitions(client: Any) -> list[tuple[int, list[int]]]:
    topics = client.list_topics(timeout=SECONDS).topics.values()
    return [(one.leader, list(one.isrs)) for topic in topics for one in topic.partitions.values()]


def _deny(client: Any, topic: str) -> None:
    for done in client.create_acls([_rule(_ADMIN.AclBinding, topic)], request_timeout=SECONDS).values():
        done.result()


def _allow(client: Any, topic: str) -> int:
    found = client.delete_acls([_rule(_ADMIN.AclBindingFilter, topic)], request_timeout=SECONDS)
    return sum(len(done.result()) for done in found.values())


def _rule(kind: Any, topic: str) -> Any:
    return kind(
        _ADMIN.ResourceType.TOPIC, topic, _ADMIN.ResourcePatternType.LITERAL, f"User:{USER}", "*",
        _ADMIN.AclOperation.ALL, _ADMIN.AclPermissionType.DENY,
    )  # fmt: skip
