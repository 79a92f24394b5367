"""`rollcall tenants`: the records of the business accounts."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from streams.cli import options
from streams.cli.ask import api
from streams.cli.say import TroubleError, as_json, fields, json_object, note, table

app = typer.Typer(help="The business accounts.", epilog="Example: rollcall tenants list", no_args_is_help=True)

Region = Annotated[str | None, typer.Option("--region", help="ISO country in which local phones are read: ID.")]
Zone = Annotated[str | None, typer.Option("--zone", help="IANA time zone: Asia/Makassar.")]
PhoneFormat = Annotated[str | None, typer.Option("--phone-format", help="plus or digits.")]
Property = Annotated[
    list[str] | None,
    typer.Option("--property", metavar="ID[=REGION[/ZONE]]", help="A hotel or outlet; may be repeated."),
]
Record = Annotated[
    str | None, typer.Option("--file", metavar="FILE.json", help="The record as JSON, - for standard input.")
]


@app.command("list", epilog="Example: rollcall tenants list --json")
def list_(http: options.Http = None, json_: options.Json = False) -> None:
    """List the tenants."""
    rows = list(api(options.settings(http=http)).items())
    as_json(rows) if json_ else table(rows, ["tenant", "name", "region", "zone"])


@app.command("show", epilog="Example: rollcall tenants show bali-resorts")
def show(tenant: options.Tenant, http: options.Http = None, json_: options.Json = False) -> None:
    """Show one tenant's record."""
    record = api(options.settings(http=http), tenant).get()
    as_json(record) if json_ else fields(record)


@app.command(
    "put", epilog="Example: rollcall tenants put bali-resorts --region ID --zone Asia/Makassar --property ubud=ID"
)
def put(  # noqa: PLR0913  # one argument a flag
    tenant: options.Tenant,
    region: Region = None,
    zone: Zone = None,
    phone_format: PhoneFormat = None,
    property_: Property = None,
    file: Record = None,
    http: options.Http = None,
) -> None:
    """Write a tenant's record: the file's fields, then the flags'; known to the whole pipeline once this ends."""
    record = json_file(file) if file else {}
    given = {"region": region, "zone": zone, "phone_format": phone_format}
    record |= {name: value for name, value in given.items() if value is not None}
    if property_:
        record["properties"] = record.get("properties", {}) | dict(_property(text) for text in property_)
    api(options.settings(http=http), tenant).send("PUT", body=record)
    note(f"tenant {tenant} is written")


def _property(text: str) -> tuple[str, dict[str, str]]:
    name, _, where = text.partition("=")
    region, _, zone = where.partition("/")
    return name, {key: value for key, value in (("region", region), ("zone", zone)) if value}


def json_file(name: str) -> dict[str, Any]:
    """A JSON object from a file, or from standard input for `-`."""
    try:
        document = json_object(sys.stdin.read() if name == "-" else Path(name).read_text(encoding="utf-8"))
    except OSError as error:
        raise TroubleError(f"cannot read {name}: {error.strerror}") from error
    except ValueError as error:
        raise TroubleError(f"{name} is no JSON: {error}") from error
    if document is None:
        raise TroubleError(f"{name} must hold a JSON object")
    return document
