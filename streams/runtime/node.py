"""One node of the embedded broker, broker and controller in one: its folder and its settings."""

from __future__ import annotations

import base64
import uuid
from collections.abc import Mapping
from pathlib import Path

from msgspec import Struct

from streams.runtime.ports import HOST
from streams.topics import min_insync


class Ports(Struct, frozen=True):
    """Where one node listens: for clients and for the other controllers."""

    client: int
    controller: int


class Node(Struct, frozen=True):
    """One node's number and folder."""

    number: int
    folder: Path

    @property
    def data(self) -> Path:
        """The node's log folder, Kafka's own."""
        return self.folder / "data"

    @property
    def log(self) -> Path:
        """What the broker says."""
        return self.folder / "kafka.log"

    @property
    def output(self) -> Path:
        """What Java itself says, of the present run only."""
        return self.folder / "java.out"

    @property
    def config(self) -> Path:
        """The settings file of the present run."""
        return self.folder / "server.properties"

    @property
    def formatted(self) -> bool:
        """Whether the data folder has been made ready for a broker once."""
        return (self.data / "meta.properties").is_file()


def new_cluster_id() -> str:
    """A random id as Kafka writes it: 16 bytes, base64 for URLs, not beginning with a dash."""
    while (text := base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")).startswith("-"):
        pass
    return text


def settings_of(node: Node, ports: Mapping[int, Ports], more: Mapping[str, str]) -> dict[str, str]:
    """The broker's settings. Static voters: a restart on other ports only has to read this file again."""
    own = ports[node.number]
    copies = str(min(3, len(ports)))
    return {
        "process.roles": "broker,controller",
        "node.id": str(node.number),
        "controller.quorum.voters": ",".join(f"{n}@{HOST}:{p.controller}" for n, p in sorted(ports.items())),
        "listeners": f"CLIENT://{HOST}:{own.client},CONTROLLER://{HOST}:{own.controller}",
        "advertised.listeners": f"CLIENT://{HOST}:{own.client}",
        "listener.security.protocol.map": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT",
        "inter.broker.listener.name": "CLIENT",
        "controller.listener.names": "CONTROLLER",
        # relative to the node's folder, where Java works: the setting is a list, and a path may hold a comma
        "log.dirs": node.data.name,
        **BROKER_SETTINGS,
        # a node that was killed comes back once its former session is over: 9 s by default. Three processes share the
        # machine's cores with the rest and must not be taken for dead because they waited for one
        "broker.session.timeout.ms": "6000" if len(ports) > 1 else "4000",
        "broker.heartbeat.interval.ms": "500",
        "default.replication.factor": copies,
        "min.insync.replicas": str(min_insync(len(ports))),
        "offsets.topic.replication.factor": copies,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": str(min_insync(len(ports))),
        **more,
    }


BROKER_SETTINGS: dict[str, str] = {
    # one command creates topics, with their settings: a typing mistake of a client must not
    "auto.create.topics.enable": "false",
    "log.message.timestamp.type": "LogAppendTime",
    # a worker that starts alone need not wait for others
    "group.initial.rebalance.delay.ms": "0",
    # workers that die are noticed after 6 s at the earliest with the usual minimum; tests want less
    "group.min.session.timeout.ms": "1000",
    # a few owners only: 50 partitions each would be 100 folders to open at every start
    "offsets.topic.num.partitions": "4",
    "transaction.state.log.num.partitions": "4",
    "transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000",
    # a week without a worker must not forget its group's place
    "offsets.retention.minutes": str(60 * 24 * 30),
    "log.cleaner.enable": "true",
    "log.cleaner.dedupe.buffer.size": str(32 * 2**20),
    # 10 MiB twice a partition would be reserved by default; 2 MiB index a segment of 680 MiB
    "log.index.size.max.bytes": str(2 * 2**20),
    "num.network.threads": "2",
    "num.io.threads": "4",
}
"""What holds for every node, one or three, and for docker-compose.kafka.yml beside it."""


def write_config(node: Node, settings: Mapping[str, str]) -> None:
    """Write the settings and the log settings of a run."""
    node.folder.mkdir(parents=True, exist_ok=True)
    node.config.write_text("".join(f"{key}={_escaped(value)}\n" for key, value in settings.items()))
    (node.folder / "log4j2.xml").write_text(_LOG4J)


def _escaped(value: str) -> str:
    """A value as a Java properties file takes it: backslashes doubled, all but ASCII as code units."""
    units = value.replace("\\", "\\\\").encode("utf-16-be")
    codes = [int.from_bytes(units[i : i + 2]) for i in range(0, len(units), 2)]
    return "".join(chr(code) if 32 <= code < 127 else f"\\u{code:04x}" for code in codes)


_LOG4J = """<?xml version="1.0" encoding="UTF-8"?>
<Configuration status="ERROR">
  <Appenders>
    <RollingFile name="file" fileName="${sys:rollcall.log}" filePattern="${sys:rollcall.log}.%i">
      <PatternLayout pattern="%d %-5p %c{1}: %m%n"/>
      <Policies><SizeBasedTriggeringPolicy size="20 MB"/></Policies>
      <DefaultRolloverStrategy max="3"/>
    </RollingFile>
  </Appenders>
  <Loggers>
    <Root level="INFO"><AppenderRef ref="file"/></Root>
    <Logger name="org.apache.kafka.common.config" level="WARN"/>
    <Logger name="org.apache.kafka.common.utils.AppInfoParser" level="WARN"/>
  </Loggers>
</Configuration>
"""
