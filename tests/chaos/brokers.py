"""The brokers of a chaos run: real Kafka, and a second listener behind proxies, with rights, for the workers alone.

Publishers and the reader come in by the plain listener, where they may do everything; what is done to the workers'
connections or rights is not done to them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from confluent_kafka import ConsumerGroupTopicPartitions, admin

from streams.runtime import ports
from streams.runtime.broker import EmbeddedBroker
from streams.runtime.node import Node, settings_of, write_config
from tests.chaos.proxy import HOST, Proxies
from tests.chaos.publisher import QUIET

_ADMIN: Any = admin  # much of it is not exported as types see it
SECONDS = 8
USER, PASSWORD = "worker", "chaos-only"
_JAAS = f'org.apache.kafka.common.security.plain.PlainLoginModule required user_{USER}="{PASSWORD}";'
_MAP = "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT,WORK:SASL_PLAINTEXT"


class ProxiedBroker(EmbeddedBroker):
    """Nodes whose WORK listener is reached through a proxy each."""

    def __init__(self, folder: Path, nodes: int) -> None:
        super().__init__(folder, nodes=nodes)
        found = ports.free(2 * nodes)
        self.inner = dict(zip(range(1, nodes + 1), found[:nodes], strict=True))
        self.outer = dict(zip(range(1, nodes + 1), found[nodes:], strict=True))
        self.proxies = Proxies({self.outer[n]: self.inner[n] for n in self.inner})

    @property
    def numbers(self) -> list[int]:
        """The nodes, from 1."""
        return list(self.inner)

    @property
    def work_bootstrap(self) -> str:
        """host:port of every node's proxy."""
        return ",".join(f"{HOST}:{port}" for port in self.outer.values())

    def start(self, seconds: float = 90.0) -> None:
        """Start the nodes, then the proxies."""
        super().start(seconds)
        self.proxies.start()

    def stop(self) -> None:
        """Stop the proxies, then the nodes."""
        self.proxies.stop()
        super().stop()

    def pid_of(self, number: int) -> int:
        """Return the process of a node."""
        return self._processes[number].pid

    def down(self, number: int) -> bool:
        """Whether a node's process is gone."""
        return self._processes[number].poll() is not None

    def _write_config(self, node: Node) -> None:
        plain = settings_of(node, self._ports, {})
        number = node.number
        more = {
            "listeners": f"{plain['listeners']},WORK://{HOST}:{self.inner[number]}",
            "advertised.listeners": f"{plain['advertised.listeners']},WORK://{HOST}:{self.outer[number]}",
            "listener.security.protocol.map": _MAP,
            "listener.name.work.sasl.enabled.mechanisms": "PLAIN",
            "listener.name.work.plain.sasl.jaas.config": _JAAS,
            "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
            "super.users": "User:ANONYMOUS",
            "allow.everyone.if.no.acl.found": "true",
        }
        write_config(node, plain | more)


class Control:
    """An operator's view of the cluster, by librdkafka: groups, leaders, rights.

    A client that has met a broker that is gone asks it for a long time: the next question goes to a fresh one. The old
    one is kept, because librdkafka may crash when a client goes away over a question that nobody has answered.
    """

    def __init__(self, bootstrap: str) -> None:
        self._bootstrap = bootstrap
        self._clients: list[Any] = []

    @contextlib.contextmanager
    def _admin(self) -> Iterator[Any]:
        """Lend a client that has answered so far."""
        if not self._clients or self._clients[-1] is None:
            self._clients.append(
                _ADMIN.AdminClient({"bootstrap.servers": self._bootstrap, "log_level": 0}, logger=QUIET)
            )
        client = self._clients[-1]
        try:
            yield client
        except BaseException:
            if self._clients[-1] is client:
                self._clients.append(None)
            raise

    def assignments(self, group: str) -> dict[str, set[tuple[str, int]]]:
        """Return what each member of a group has, by its instance id."""
        with self._admin() as client:
            found = client.describe_consumer_groups([group], request_timeout=SECONDS)[group].result()
        return {
            member.group_instance_id or member.member_id: {
                (tp.topic, tp.partition) for tp in (member.assignment.topic_partitions if member.assignment else ())
            }
            for member in found.members
        }

    def committed(self, group: str) -> dict[tuple[str, int], int]:
        """Return the offsets that a group has committed."""
        asked = [ConsumerGroupTopicPartitions(group)]
        with self._admin() as client:
            found = client.list_consumer_group_offsets(asked, request_timeout=SECONDS)[group].result()
        return {(tp.topic, tp.partition): tp.offset for tp in found.topic_partitions}

    def _partitions(self) -> Iterator[Any]:
        with self._admin() as client:
            topics = client.list_topics(timeout=SECONDS).topics.values()
        return (one for topic in topics for one in topic.partitions.values())

    def leads(self, node: int) -> int:
        """Return how many partitions a node leads; nodes count from 1."""
        return sum(one.leader == node for one in self._partitions())

    def in_sync(self, node: int) -> int:
        """Return of how many partitions a node is an in-sync copy."""
        return sum(node in one.isrs for one in self._partitions())

    def deny(self, topic: str) -> None:
        """Take all rights on a topic from the workers."""
        rule = _rule(_ADMIN.AclBinding, topic)
        with self._admin() as client:
            for done in client.create_acls([rule], request_timeout=SECONDS).values():
                done.result()

    def allow(self, topic: str) -> int:
        """Give them back; returns how many rules there were."""
        with self._admin() as client:
            found = client.delete_acls([_rule(_ADMIN.AclBindingFilter, topic)], request_timeout=SECONDS)
            return sum(len(done.result()) for done in found.values())


def _rule(kind: Any, topic: str) -> Any:
    return kind(
        _ADMIN.ResourceType.TOPIC, topic, _ADMIN.ResourcePatternType.LITERAL, f"User:{USER}", "*",
        _ADMIN.AclOperation.ALL, _ADMIN.AclPermissionType.DENY,
    )  # fmt: skip
