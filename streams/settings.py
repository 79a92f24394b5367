"""The one reader of the environment: every setting of the contract, checked once and handed on as one frozen value."""

from __future__ import annotations

import os
import re
import ssl
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec
from msgspec import Struct

from schemas.quotas import DEFAULT, Quotas

EMBEDDED = "embedded"

_PREFIX = re.compile(r"[A-Za-z0-9._-]{0,150}")
_HOST_PORT = re.compile(r"(?P<host>\[[0-9A-Fa-f:.%]+\]|[^\s:/\[\]]+):(?P<port>[0-9]{1,5})")
_DURATION = re.compile(
    r"P(?=.)(?:(?P<Y>\d+)Y)?(?:(?P<Mo>\d+)M)?(?:(?P<W>\d+)W)?(?:(?P<D>\d+)D)?"
    r"(?:T(?=.)(?:(?P<H>\d+)H)?(?:(?P<Mi>\d+)M)?(?:(?P<S>\d+)S)?)?",
    re.ASCII,
)
_MECHANISMS = ("PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512")
_SYSTEM_CA = "system"


class SettingsError(Exception):
    """A setting is wrong; the text names its variable and says what it may be."""


class Settings(Struct, frozen=True, kw_only=True):
    """What `rollcall` was told. `brokers` None is the embedded broker.

    Each field is the variable ROLLCALL_<FIELD>, and an override of `from_env` by the same name.
    """

    brokers: str | None = None
    broker_port: int = 9092
    http: str = "127.0.0.1:6066"
    http_connections: int = 1_000
    http_per_address: int = 200
    http_seconds: int = 30
    data: Path = Path(".rollcall")
    topic_prefix: str = "rollcall."
    partitions: int = 12
    replication: int = 1
    retention: str = "P400D"
    max_groups: int = DEFAULT.groups
    max_rule_keywords: int = DEFAULT.rule_keywords
    max_keywords: int = DEFAULT.keywords
    max_definition_bytes: int = DEFAULT.definition_bytes
    max_reply_bytes: int = DEFAULT.reply_bytes
    max_description_bytes: int = DEFAULT.description_bytes
    max_consent_words: int = DEFAULT.consent_words
    session_seconds: int = 10
    stuck_seconds: int = 120
    tokens: Path | None = None
    hash_key_file: Path | None = None
    sasl_mechanism: str | None = None
    sasl_username: str | None = None
    sasl_password_file: Path | None = None
    tls_ca: str | None = None
    tls_cert: Path | None = None
    tls_key: Path | None = None

    @classmethod
    def from_env(cls, environ: Mapping[str, str] = os.environ, **overrides: object) -> Settings:
        """Read the environment; an override that is not None goes before its variable. Raises SettingsError."""
        unknown = overrides.keys() - cls.__struct_fields__
        if unknown:
            raise TypeError(f"no such setting: {sorted(unknown)}")
        given = {name: text for name in cls.__struct_fields__ if (text := _given(name, environ, overrides)) is not None}
        values = {name: _READ[name](f"ROLLCALL_{name.upper()}", text) for name, text in given.items()}
        values.setdefault("replication", 3 if values.get("brokers") else 1)
        settings = cls(**values)
        settings.check()
        return settings

    def check(self) -> None:
        """The rules that join several settings. Raises SettingsError."""
        sasl = (self.sasl_mechanism, self.sasl_username, self.sasl_password_file)
        if any(sasl) and not all(sasl):
            names = "ROLLCALL_SASL_MECHANISM, ROLLCALL_SASL_USERNAME and ROLLCALL_SASL_PASSWORD_FILE"
            raise SettingsError(f"{names} go together: set all three or none")
        if self.tls_key and not self.tls_cert:
            raise SettingsError("ROLLCALL_TLS_KEY needs ROLLCALL_TLS_CERT beside it")
        if not self.brokers and (any(sasl) or self.tls_ca or self.tls_cert):
            raise SettingsError("the embedded broker speaks plain text on loopback: SASL and TLS need ROLLCALL_BROKERS")

    @property
    def bootstrap(self) -> str:
        """The brokers' addresses. Raises SettingsError where only `up` could know them."""
        if not self.brokers:
            raise SettingsError("ROLLCALL_BROKERS is not set: name the brokers, for example 127.0.0.1:9092")
        return self.brokers

    @property
    def quotas(self) -> Quotas:
        """How much one tenant may define."""
        return Quotas(**{name: getattr(self, f"max_{name}") for name in Quotas.__struct_fields__})

    @property
    def http_host(self) -> str:
        """The host to listen on, without the brackets of IPv6."""
        return self.http.rpartition(":")[0].strip("[]")

    @property
    def http_port(self) -> int:
        """The port to listen on; 0 is a free one."""
        return int(self.http.rpartition(":")[2])

    def with_brokers(self, bootstrap: str) -> Settings:
        """The same settings for the processes beside an embedded broker, whose replication stays."""
        return msgspec.structs.replace(self, brokers=bootstrap)

    def environ(self) -> dict[str, str]:
        """What a process must find in its environment to read these settings again."""
        pairs = ((f"ROLLCALL_{name.upper()}", getattr(self, name)) for name in self.__struct_fields__)
        return {variable: str(value) for variable, value in pairs if value is not None}

    def kafka_security(self) -> dict[str, Any]:
        """Keyword arguments for every aiokafka client; empty for plain text. Reads the files: raises SettingsError."""
        tls = _tls(self) if self.tls_ca or self.tls_cert else None
        if not (tls or self.sasl_mechanism):
            return {}
        protocol = ("SASL_" if self.sasl_mechanism else "") + ("SSL" if tls else "PLAINTEXT")
        sasl = _sasl(self) if self.sasl_mechanism else {}
        return {"security_protocol": protocol, **sasl, **({"ssl_context": tls} if tls else {})}


def cache_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """ROLLCALL_CACHE, else the user's cache folder: what can be fetched again lies there."""
    own = environ.get("ROLLCALL_CACHE")
    if own:
        return Path(own).expanduser().absolute()
    base = environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "rollcall"


def _given(name: str, environ: Mapping[str, str], overrides: Mapping[str, object]) -> str | None:
    """The override or the variable as text; an empty variable is one that is not set."""
    if overrides.get(name) is not None:
        return str(overrides[name])
    return environ.get(f"ROLLCALL_{name.upper()}") or None


def _text(_variable: str, text: str) -> str:
    return text


def _path(_variable: str, text: str) -> Path:
    return Path(text).expanduser()


def _file(variable: str, text: str) -> Path:
    path = _path(variable, text)
    if not path.is_file():
        raise SettingsError(f"{variable}: there is no file {path}")
    return path


def _number(low: int, high: int) -> Callable[[str, str], int]:
    def read(variable: str, text: str) -> int:
        if not re.fullmatch(r"[0-9]{1,9}", text) or not low <= int(text) <= high:
            raise SettingsError(f"{variable}: {text!r} is not a whole number from {low} to {high}")
        return int(text)

    return read


def _address(variable: str, text: str) -> str:
    found = _HOST_PORT.fullmatch(text.strip())
    if not found or int(found["port"]) > 65535:
        raise SettingsError(f"{variable}: {text!r} is not host:port, for example 127.0.0.1:6066")
    return text.strip()


def _brokers(variable: str, text: str) -> str | None:
    if text.strip() == EMBEDDED:
        return None
    addresses = [part for part in text.split(",") if part.strip()]
    if not addresses:
        raise SettingsError(f"{variable}: {text!r} names no broker, for example 127.0.0.1:9092")
    return ",".join(_address(variable, part) for part in addresses)


def _prefix(variable: str, text: str) -> str:
    if not _PREFIX.fullmatch(text):
        raise SettingsError(f"{variable}: {text!r} may hold letters, digits, '.', '_' and '-' only, 150 at most")
    return text


def _duration(variable: str, text: str) -> str:
    if not _DURATION.fullmatch(text) or not re.search("[1-9]", text):
        raise SettingsError(f"{variable}: {text!r} is not an ISO 8601 duration above zero, for example P400D")
    return text


def _mechanism(variable: str, text: str) -> str:
    if text.upper() not in _MECHANISMS:
        raise SettingsError(f"{variable}: {text!r} is not one of {', '.join(_MECHANISMS)}")
    return text.upper()


def _ca(variable: str, text: str) -> str:
    return text if text == _SYSTEM_CA else str(_file(variable, text))


_READ: dict[str, Callable[[str, str], Any]] = {
    "brokers": _brokers,
    "broker_port": _number(0, 65535),
    "http": _address,
    "http_connections": _number(1, 1_000_000),
    "http_per_address": _number(1, 1_000_000),
    "http_seconds": _number(1, 3_600),
    "data": _path,
    "topic_prefix": _prefix,
    "partitions": _number(1, 1000),
    "replication": _number(1, 9),
    "retention": _duration,
    "max_groups": _number(1, 1_000_000),
    "max_rule_keywords": _number(1, 100_000),
    "max_keywords": _number(1, 10_000_000),
    "max_definition_bytes": _number(1_024, 900_000),
    "max_reply_bytes": _number(1, 65_536),
    "max_description_bytes": _number(1, 65_536),
    "max_consent_words": _number(1, 10_000),
    "session_seconds": _number(1, 300),
    "stuck_seconds": _number(1, 3600),
    "tokens": _file,
    "hash_key_file": _path,
    "sasl_mechanism": _mechanism,
    "sasl_username": _text,
    "sasl_password_file": _file,
    "tls_ca": _ca,
    "tls_cert": _file,
    "tls_key": _file,
}


def _sasl(settings: Settings) -> dict[str, Any]:
    assert settings.sasl_password_file  # noqa: S101 (check() has made sure)
    try:
        password = settings.sasl_password_file.read_text().strip("\r\n")
    except (OSError, UnicodeError) as error:
        raise SettingsError(f"ROLLCALL_SASL_PASSWORD_FILE cannot be read: {type(error).__name__}") from None
    return {
        "sasl_mechanism": settings.sasl_mechanism,
        "sasl_plain_username": settings.sasl_username,
        "sasl_plain_password": password,
    }


def _tls(settings: Settings) -> ssl.SSLContext:
    ca = None if settings.tls_ca == _SYSTEM_CA else settings.tls_ca
    try:
        context = ssl.create_default_context(cafile=ca)
        if settings.tls_cert:
            context.load_cert_chain(settings.tls_cert, settings.tls_key)
    except (OSError, ssl.SSLError) as error:
        names = "ROLLCALL_TLS_CA, ROLLCALL_TLS_CERT or ROLLCALL_TLS_KEY"
        raise SettingsError(f"{names}: not usable as PEM files ({error})") from None
    return context
