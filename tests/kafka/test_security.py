"""SASL over TLS against a real broker: what the settings make of it is what a broker takes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from streams.runtime import ports
from streams.runtime.admin import TopicsError, create_topics
from streams.runtime.broker import EmbeddedBroker
from streams.settings import Settings
from streams.topics import TOPICS

TLS = Path(__file__).with_name("tls")
"""A certificate for 127.0.0.1 and the authority that signed it, whose key was thrown away; for tests only."""

_JAAS = (
    'org.apache.kafka.common.security.plain.PlainLoginModule required user_rollcall="open sesame" user_other="another";'
)


@pytest.fixture(scope="module")
def secured(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A broker with a second listener, SASL over TLS: its address."""
    client, controller, secure = ports.free(3)
    listeners = f"CLIENT://127.0.0.1:{client},CONTROLLER://127.0.0.1:{controller},OUTER://127.0.0.1:{secure}"
    more = {
        "listeners": listeners,
        "controller.quorum.voters": f"1@127.0.0.1:{controller}",
        "advertised.listeners": f"CLIENT://127.0.0.1:{client},OUTER://127.0.0.1:{secure}",
        "listener.security.protocol.map": "CLIENT:PLAINTEXT,CONTROLLER:PLAINTEXT,OUTER:SASL_SSL",
        "listener.name.outer.sasl.enabled.mechanisms": "PLAIN",
        "listener.name.outer.plain.sasl.jaas.config": _JAAS,
        "listener.name.outer.ssl.keystore.type": "PEM",
        "listener.name.outer.ssl.keystore.location": str(TLS / "broker.pem"),
    }
    with EmbeddedBroker(tmp_path_factory.mktemp("secured"), client, settings=more):
        yield f"127.0.0.1:{secure}"


def _settings(brokers: str, folder: Path, password: str, ca: str) -> Settings:
    (folder / "password").write_text(password + "\n")
    environ = {
        "ROLLCALL_BROKERS": brokers,
        "ROLLCALL_PARTITIONS": "1",
        "ROLLCALL_REPLICATION": "1",
        "ROLLCALL_SASL_MECHANISM": "PLAIN",
        "ROLLCALL_SASL_USERNAME": "rollcall",
        "ROLLCALL_SASL_PASSWORD_FILE": str(folder / "password"),
        "ROLLCALL_TLS_CA": ca,
    }
    return Settings.from_env(environ)


async def test_sasl_over_tls(secured: str, tmp_path: Path) -> None:
    """With the right password and authority the topics are created."""
    settings = _settings(secured, tmp_path, "open sesame", str(TLS / "ca.pem"))
    assert len(await create_topics(settings)) == len(TOPICS)


async def test_wrong_password_is_refused(secured: str, tmp_path: Path) -> None:
    """With another password there is no way in, and the error does not repeat it."""
    with pytest.raises(TopicsError, match="ROLLCALL_SASL_") as told:
        await create_topics(_settings(secured, tmp_path, "open barley", str(TLS / "ca.pem")))
    assert "barley" not in str(told.value)


async def test_unknown_authority_is_refused(secured: str, tmp_path: Path) -> None:
    """A broker whose certificate the authority did not sign is not talked to."""
    with pytest.raises(TopicsError, match="ROLLCALL_TLS_"):
        await create_topics(_settings(secured, tmp_path, "open sesame", "system"))
