"""Options that many commands share, each written once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from streams.settings import Settings

Http = Annotated[
    str | None, typer.Option("--http", metavar="HOST:PORT", help="Where Rollcall answers; else ROLLCALL_HTTP.")
]
Brokers = Annotated[
    str | None, typer.Option("--brokers", metavar="HOST:PORT,…", help="Kafka's brokers; else ROLLCALL_BROKERS.")
]
Prefix = Annotated[
    str | None, typer.Option("--prefix", help="What topic names begin with; else ROLLCALL_TOPIC_PREFIX.")
]
Data = Annotated[str | None, typer.Option("--data", metavar="FOLDER", help="The data folder; else ROLLCALL_DATA.")]
BrokerPort = Annotated[
    int | None,
    typer.Option(
        "--broker-port", min=0, max=65535, help="The embedded broker's port, 0: a free one; else ROLLCALL_BROKER_PORT."
    ),
]
Instance = Annotated[
    str, typer.Option("--instance", help="Name of this process among its like; its state lies under it.")
]
Parent = Annotated[int | None, typer.Option("--parent", hidden=True, help="End when this process has ended.")]
Json = Annotated[bool, typer.Option("--json", help="JSON for programs instead of a table for people.")]
Tenant = Annotated[str, typer.Argument(metavar="TENANT", help="The tenant's id.")]
Group = Annotated[str, typer.Argument(metavar="GROUP", help="The group's id.")]


def settings(**given: Any) -> Settings:
    """The environment's settings with the flags that were given; a wrong value is a usage error."""
    from streams.settings import Settings, SettingsError  # noqa: PLC0415

    if given.get("http"):
        given["http"] = given["http"].removeprefix("http://").rstrip("/")
    try:
        return Settings.from_env(**given)
    except SettingsError as error:
        raise typer.BadParameter(str(error)) from error
