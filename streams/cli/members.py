"""`rollcall members`: who is in a group, and who is added to it or taken out by hand."""

from __future__ import annotations

from typing import Annotated

import typer

from streams.cli import options
from streams.cli.ask import api
from streams.cli.say import as_json, note, table

app = typer.Typer(
    help="The members of a group.", epilog="Example: rollcall members list bali-resorts vip", no_args_is_help=True
)

Limit = Annotated[int | None, typer.Option("--limit", min=1, help="At most so many.")]
Contacts = Annotated[
    list[str], typer.Argument(metavar="CONTACT…", help="Contact ids (tel:+62…) or phones as people write them.")
]


@app.command("list", epilog="Example: rollcall members list bali-resorts food-lovers --limit 20")
def list_(
    tenant: options.Tenant,
    group: options.Group,
    limit: Limit = None,
    http: options.Http = None,
    json_: options.Json = False,
) -> None:
    """List a group's members."""
    rows = list(api(options.settings(http=http), tenant).items("groups", group, "members", limit=limit))
    as_json(rows) if json_ else table(rows, ["contact", "name", "since", "expires_at", "sources", "sendable"])


@app.command("add", epilog="Example: rollcall members add bali-resorts vip 0812-3456-7890 mailto:made@example.com")
def add(tenant: options.Tenant, group: options.Group, contacts: Contacts, http: options.Http = None) -> None:
    """Add contacts to a group; those that are not known yet are created."""
    body = {"contacts": [_reference(text) for text in contacts]}
    told = api(options.settings(http=http), tenant).send("POST", "groups", group, "members", body=body)
    note("asked for" if told.status == 202 else f"{len(contacts)} added to {group}")  # Accepted


@app.command("remove", epilog="Example: rollcall members remove bali-resorts vip tel:+6281234567890")
def remove(tenant: options.Tenant, group: options.Group, contacts: Contacts, http: options.Http = None) -> None:
    """Take contacts out of a group and keep them out, whatever its rule says."""
    asked = api(options.settings(http=http), tenant)
    for text in contacts:
        asked.send("DELETE", "groups", group, "members", text)
    note(f"{len(contacts)} taken out of {group}")


def _reference(text: str) -> dict[str, str]:
    """Name a contact in a body as people write it: an id, an e-mail, or a phone, a link or a chat's number too."""
    if text.startswith(("whatsapp:+", "http://", "https://")) or text.endswith(("@s.whatsapp.net", "@c.us")):
        return {"phone": text}
    if ":" in text:
        return {"id": text}
    return {"id": f"mailto:{text}"} if "@" in text else {"phone": text}
