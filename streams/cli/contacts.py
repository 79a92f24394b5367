"""`rollcall contacts`: a guest's profile and groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from streams.cli import options
from streams.cli.ask import api
from streams.cli.say import answer, as_json, fields, table

if TYPE_CHECKING:
    from collections.abc import Iterator

app = typer.Typer(
    help="The guests of a tenant.",
    epilog="Example: rollcall contacts show bali-resorts tel:+6281234567890",
    no_args_is_help=True,
)

Contact = Annotated[
    str,
    typer.Argument(
        metavar="CONTACT", help="A contact id like tel:+6281234567890, a phone as people write it, or an e-mail."
    ),
]


@app.command("show", epilog="Example: rollcall contacts show bali-resorts tel:+6281234567890")
def show(tenant: options.Tenant, contact: Contact, http: options.Http = None, json_: options.Json = False) -> None:
    """Show a guest's profile."""
    record = api(options.settings(http=http), tenant).get("contacts", contact)
    as_json(record) if json_ else fields(record)


@app.command("groups", epilog="Example: rollcall contacts groups bali-resorts +6281234567890")
def groups(tenant: options.Tenant, contact: Contact, http: options.Http = None, json_: options.Json = False) -> None:
    """List the groups that a guest is in."""
    rows = list(api(options.settings(http=http), tenant).items("contacts", contact, "groups"))
    as_json(rows) if json_ else table(rows, ["group", "since", "expires_at", "sources", "sendable"])


@app.command("check", epilog="Example: rollcall contacts check bali-resorts +6281234567890 vip")
def check(
    tenant: options.Tenant,
    contact: Contact,
    group: options.Group,
    http: options.Http = None,
    json_: options.Json = False,
) -> None:
    """Say whether a guest is in a group: yes or no."""
    record = api(options.settings(http=http), tenant).get("contacts", contact, "groups", group)
    as_json(record) if json_ else answer("yes" if record["member"] else "no")


@app.command("explain", epilog="Example: rollcall contacts explain bali-resorts +6281234567890 vip")
def explain(
    tenant: options.Tenant,
    contact: Contact,
    group: options.Group,
    http: options.Http = None,
    json_: options.Json = False,
) -> None:
    """Say why a guest is in a group or not, what would change it, and how it came about."""
    record = api(options.settings(http=http), tenant).get("contacts", contact, "groups", group, "explain")
    if json_:
        as_json(record)
        return
    fields({name: record[name] for name in ("member", "because", "sources", "since", "turns_at", "sendable", "flips")})
    table(_nodes(record["rule"]), ["path", "true", "facts", "lacks", "turns_at"])
    table(record["history"], ["time", "change", "reason", "evidence", "effective_at"])


def _nodes(node: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the nodes of a rule from the root down."""
    facts = [fact["what"] for fact in node["facts"] if fact["counts"]]
    yield {**node, "facts": facts}
    for part in node["rules"]:
        yield from _nodes(part)
