"""Every setting of the contract: its default, its check, its error."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streams.settings import Settings, SettingsError, cache_folder


def test_defaults() -> None:
    """An empty environment gives the contract's defaults."""
    assert Settings.from_env({}) == Settings(
        brokers=None,
        broker_port=9092,
        http="127.0.0.1:6066",
        data=Path(".rollcall"),
        topic_prefix="rollcall.",
        partitions=12,
        replication=1,
        retention="P400D",
    )


def test_replication_follows_the_broker() -> None:
    """Embedded keeps one copy, a named cluster three, and the setting goes before both."""
    assert Settings.from_env({"ROLLCALL_BROKERS": "embedded"}).replication == 1
    assert Settings.from_env({"ROLLCALL_BROKERS": "k:9092"}).replication == 3
    assert Settings.from_env({"ROLLCALL_BROKERS": "k:9092", "ROLLCALL_REPLICATION": "2"}).replication == 2


def test_flag_goes_before_variable() -> None:
    """A flag that was given wins; one that was not leaves the variable in force."""
    environ = {"ROLLCALL_HTTP": "127.0.0.1:7000", "ROLLCALL_PARTITIONS": "4"}
    settings = Settings.from_env(environ, http="127.0.0.1:8000", partitions=None)
    assert (settings.http, settings.partitions) == ("127.0.0.1:8000", 4)
    with pytest.raises(TypeError, match="no such setting:"):
        Settings.from_env({}, port=1)


def test_children_read_the_same(tmp_path: Path) -> None:
    """What `environ` gives reads back as the same settings, an embedded broker's single copy included."""
    (tmp_path / "tokens").write_text("{}")
    settings = Settings.from_env({"ROLLCALL_TOKENS": str(tmp_path / "tokens"), "ROLLCALL_DATA": str(tmp_path)})
    up = settings.with_brokers("127.0.0.1:19092")
    assert Settings.from_env(up.environ()) == up
    assert up.replication == 1


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("ROLLCALL_BROKERS", "nohost"),
        ("ROLLCALL_BROKERS", ","),
        ("ROLLCALL_BROKERS", "a:1,b"),
        ("ROLLCALL_BROKER_PORT", "65536"),
        ("ROLLCALL_BROKER_PORT", "-1"),
        ("ROLLCALL_BROKER_PORT", "٣"),
        ("ROLLCALL_HTTP", "6066"),
        ("ROLLCALL_HTTP_CONNECTIONS", "0"),
        ("ROLLCALL_HTTP_PER_ADDRESS", "0"),
        ("ROLLCALL_HTTP_SECONDS", "0"),
        ("ROLLCALL_HTTP", "host:99999"),
        ("ROLLCALL_HTTP", "http://a:1"),
        ("ROLLCALL_TOPIC_PREFIX", "a/b"),
        ("ROLLCALL_TOPIC_PREFIX", "x" * 151),
        ("ROLLCALL_PARTITIONS", "0"),
        ("ROLLCALL_PARTITIONS", "12.5"),
        ("ROLLCALL_REPLICATION", "ten"),
        ("ROLLCALL_RETENTION", "400 days"),
        ("ROLLCALL_RETENTION", "P"),
        ("ROLLCALL_RETENTION", "P1DT"),
        ("ROLLCALL_RETENTION", "P0D"),
        ("ROLLCALL_TOKENS", "/no/such/file"),
        ("ROLLCALL_SASL_MECHANISM", "GSSAPI"),
        ("ROLLCALL_SASL_PASSWORD_FILE", "/no/such/file"),
        ("ROLLCALL_TLS_CA", "/no/such/file"),
    ],
)
def test_wrong_value_names_the_variable(variable: str, value: str) -> None:
    """A value that cannot be is refused with the variable's name."""
    with pytest.raises(SettingsError, match=variable):
        Settings.from_env({variable: value})


def test_empty_is_not_set() -> None:
    """An empty variable is one that is not set."""
    assert Settings.from_env({"ROLLCALL_TOKENS": "", "ROLLCALL_PARTITIONS": ""}) == Settings()


def test_http_takes_ipv6() -> None:
    """Host and port come apart with IPv6 too."""
    settings = Settings.from_env({"ROLLCALL_HTTP": "[::1]:0"})
    assert (settings.http_host, settings.http_port) == ("::1", 0)


def test_bootstrap_needs_brokers() -> None:
    """Where brokers are needed and none are named, the error names the variable."""
    with pytest.raises(SettingsError, match="ROLLCALL_BROKERS"):
        _ = Settings().bootstrap
    assert Settings.from_env({"ROLLCALL_BROKERS": " a:1 , b:2"}).bootstrap == "a:1,b:2"


def _environ(folder: Path, **more: str) -> dict[str, str]:
    (folder / "password").write_text("s3cret\n")
    sasl = {
        "ROLLCALL_SASL_MECHANISM": "scram-sha-512",
        "ROLLCALL_SASL_USERNAME": "rollcall",
        "ROLLCALL_SASL_PASSWORD_FILE": str(folder / "password"),
    }
    return {"ROLLCALL_BROKERS": "k:9093", **sasl, **more}


def test_plain_text_is_the_default() -> None:
    """Without SASL and TLS no argument goes to the clients."""
    assert Settings.from_env({"ROLLCALL_BROKERS": "k:9092"}).kafka_security() == {}


def test_sasl(tmp_path: Path) -> None:
    """SASL alone is SASL_PLAINTEXT with the password of the file, without its line end."""
    assert Settings.from_env(_environ(tmp_path)).kafka_security() == {
        "security_protocol": "SASL_PLAINTEXT",
        "sasl_mechanism": "SCRAM-SHA-512",
        "sasl_plain_username": "rollcall",
        "sasl_plain_password": "s3cret",
    }


def test_sasl_over_tls(tmp_path: Path) -> None:
    """With a CA it is SASL_SSL, and the context verifies the broker's name."""
    told: dict[str, Any] = Settings.from_env(_environ(tmp_path, ROLLCALL_TLS_CA="system")).kafka_security()
    assert told["security_protocol"] == "SASL_SSL"
    assert told["ssl_context"].check_hostname is True


def test_sasl_is_all_or_nothing(tmp_path: Path) -> None:
    """A user without a password is refused, and so is security on the embedded broker."""
    environ = _environ(tmp_path)
    with pytest.raises(SettingsError, match="ROLLCALL_SASL_PASSWORD_FILE"):
        Settings.from_env({key: value for key, value in environ.items() if "PASSWORD" not in key})
    with pytest.raises(SettingsError, match="ROLLCALL_BROKERS"):
        Settings.from_env({key: value for key, value in environ.items() if "BROKERS" not in key})


def test_unusable_certificate_names_the_variables(tmp_path: Path) -> None:
    """A file that is no PEM is told by the variables' names, and a key without its certificate too."""
    (tmp_path / "ca.pem").write_text("no certificate")
    environ = {"ROLLCALL_BROKERS": "k:9093", "ROLLCALL_TLS_CA": str(tmp_path / "ca.pem")}
    with pytest.raises(SettingsError, match="ROLLCALL_TLS_CA"):
        Settings.from_env(environ).kafka_security()
    with pytest.raises(SettingsError, match="ROLLCALL_TLS_KEY needs ROLLCALL_TLS_CERT"):
        Settings.from_env({"ROLLCALL_BROKERS": "k:9093", "ROLLCALL_TLS_KEY": str(tmp_path / "ca.pem")})


def test_password_is_not_shown(tmp_path: Path) -> None:
    """No password lies in the settings or in what children are given: the file's name alone does."""
    settings = Settings.from_env(_environ(tmp_path))
    assert "s3cret" not in repr(settings)
    assert "s3cret" not in str(settings.environ())


def test_cache_folder(tmp_path: Path) -> None:
    """ROLLCALL_CACHE goes before the user's cache folder, and that before the home's."""
    assert cache_folder({"ROLLCALL_CACHE": str(tmp_path), "XDG_CACHE_HOME": "/x"}) == tmp_path
    assert cache_folder({"XDG_CACHE_HOME": "/x"}) == Path("/x/rollcall")
    assert cache_folder({}) == Path.home() / ".cache" / "rollcall"
