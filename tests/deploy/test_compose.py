"""docker-compose.kafka.yml says the same as the code: it cannot be run here, so it is read and compared."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from streams.cli.app import app
from streams.runtime.jars import KAFKA_VERSION
from streams.runtime.node import BROKER_SETTINGS, Node, Ports, settings_of
from streams.settings import Settings

ROOT = Path(__file__).parents[2]
OURS = ("topics", "normalize", "decide", "store")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    """The file as Docker reads it."""
    text = (ROOT / "docker-compose.kafka.yml").read_text()
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded


def _variable(key: str) -> str:
    """A broker's setting as the official image takes it."""
    return "KAFKA_" + key.upper().replace(".", "_")


def test_same_kafka(compose: dict[str, Any]) -> None:
    """The image is the official one, of the version that the embedded broker is."""
    assert compose["services"]["kafka"]["image"] == f"apache/kafka:{KAFKA_VERSION}"


def test_same_broker_settings(compose: dict[str, Any]) -> None:
    """Every setting of the embedded node stands there with the same value, but for names and ports."""
    environment = compose["services"]["kafka"]["environment"]
    embedded = settings_of(Node(1, Path("node-1")), {1: Ports(9092, 9093)}, {})
    places = {
        "controller.quorum.voters",
        "listeners",
        "advertised.listeners",
        "listener.security.protocol.map",
        "log.dirs",
    }
    want = {_variable(key): value for key, value in embedded.items() if key not in places}
    have = {key: value for key, value in environment.items() if key not in {_variable(key) for key in places}}
    assert have == want
    assert {_variable(key) for key in places} <= environment.keys()
    assert BROKER_SETTINGS.items() <= embedded.items()


def test_every_listener_is_whole(compose: dict[str, Any]) -> None:
    """Each listener has a protocol, each but the controller's is advertised, and the data lies on the volume."""
    environment = compose["services"]["kafka"]["environment"]
    names = set(re.findall(r"(\w+)://", environment["KAFKA_LISTENERS"]))
    assert set(re.findall(r"(\w+):PLAINTEXT", environment["KAFKA_LISTENER_SECURITY_PROTOCOL_MAP"])) == names
    assert set(re.findall(r"(\w+)://", environment["KAFKA_ADVERTISED_LISTENERS"])) == names - {"CONTROLLER"}
    assert compose["services"]["kafka"]["volumes"] == [f"kafka-data:{environment['KAFKA_LOG_DIRS']}"]


def test_same_ports(compose: dict[str, Any]) -> None:
    """Kafka and the HTTP side are published on loopback, on the defaults of `rollcall up`."""
    defaults = Settings()
    broker, http = defaults.broker_port, defaults.http_port
    assert compose["services"]["kafka"]["ports"] == [f"127.0.0.1:{broker}:{broker}"]
    assert compose["services"]["store"]["ports"] == [f"127.0.0.1:{http}:{http}"]
    advertised = compose["services"]["kafka"]["environment"]["KAFKA_ADVERTISED_LISTENERS"]
    assert f"HOST://127.0.0.1:{broker}" in advertised
    assert f"CLIENT://{compose['services']['decide']['environment']['ROLLCALL_BROKERS']}" in advertised


def test_environment_is_understood(compose: dict[str, Any], tmp_path: Path) -> None:
    """Every variable of our services is a setting of the code, and its value is taken."""
    (tmp_path / "tokens").write_text("{}")
    for name in OURS:
        environment = dict(compose["services"][name]["environment"])
        assert environment.keys() <= {f"ROLLCALL_{field.upper()}" for field in Settings.__struct_fields__}
        if "ROLLCALL_TOKENS" in environment:
            assert environment["ROLLCALL_TOKENS"] == "/run/secrets/tokens"
            environment["ROLLCALL_TOKENS"] = str(tmp_path / "tokens")
        named = environment.get("ROLLCALL_HASH_KEY_FILE")
        assert named == ("/run/secrets/hash_key" if name == "decide" else None)
        settings = Settings.from_env(environment)
        assert settings.replication == 1
        assert settings.topic_prefix == Settings().topic_prefix


@pytest.mark.parametrize("name", OURS)
def test_commands_exist(compose: dict[str, Any], name: str) -> None:
    """Each service's command is one that `rollcall` has, options and all."""
    command = compose["services"][name]["command"]
    shown = CliRunner().invoke(app, [*command, "--help"])
    assert shown.exit_code == 0, shown.output


def test_topics_come_first(compose: dict[str, Any]) -> None:
    """Workers and store wait for a healthy broker and for the command that creates the topics."""
    services = compose["services"]
    assert services["topics"]["command"] == ["topics", "create"]
    assert services["topics"]["depends_on"] == {"kafka": {"condition": "service_healthy"}}
    assert services["kafka"]["healthcheck"]["test"][0] == "CMD"
    for name in OURS[1:]:
        assert services[name]["depends_on"]["topics"] == {"condition": "service_completed_successfully"}
        assert services[name]["depends_on"]["kafka"] == {"condition": "service_healthy"}
        assert "healthcheck" in services[name]


def test_volumes_and_secrets_are_declared(compose: dict[str, Any]) -> None:
    """What services mount is declared, and no declared thing is left over."""
    mounted = {volume.split(":")[0] for one in compose["services"].values() for volume in one.get("volumes", [])}
    assert mounted == compose["volumes"].keys()
    taken = {name: set(one["secrets"]) for name, one in compose["services"].items() if "secrets" in one}
    assert taken == {"store": {"tokens"}, "decide": {"hash_key"}}
    assert compose["secrets"].keys() == {"tokens", "hash_key"}


def test_image_is_built_from_the_lock(compose: dict[str, Any]) -> None:
    """The image installs the hashed lock, copies every package, and runs as a user of its own."""
    build = compose["services"]["decide"]["build"]
    text = (ROOT / build["dockerfile"]).read_text()
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert "pip install --require-hashes -r requirements.txt" in text
    for package in project["tool"]["setuptools"]["packages"]["find"]["include"]:
        folder = package.removesuffix("*")
        assert f"COPY {folder} {folder}" in text
        assert f"!{folder}\n" in (ROOT / "deploy" / "Dockerfile.dockerignore").read_text()
    assert "USER rollcall" in text
    (version,) = re.findall(r"FROM python:(\d+\.\d+)-slim", text)
    assert tuple(map(int, version.split("."))) >= (3, 11)
