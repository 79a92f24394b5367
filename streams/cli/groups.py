"""`rollcall groups`: the definitions, each a name and one rule."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from streams.cli import options
from streams.cli.ask import Answer, api
from streams.cli.say import as_json, fields, json_object, note, table
from streams.cli.tenants import json_file

app = typer.Typer(
    help="The groups of a tenant.", epilog="Example: rollcall groups list bali-resorts", no_args_is_help=True
)

PREVIEW_PATIENCE = 75.0
"""Seconds: longer than the server waits for the owners."""

Id = Annotated[str | None, typer.Option("--id", help="The group's id; without it, made from the name.")]
Name = Annotated[str | None, typer.Option("--name", help="What people call it.")]
Rule = Annotated[
    str | None, typer.Option("--rule", metavar="JSON", help="Who is in; without it, members are added by hand.")
]
Description = Annotated[str | None, typer.Option("--description", help="What it is for.")]
Reply = Annotated[str | None, typer.Option("--reply", help="A message to each one who joins.")]
JoinWords = Annotated[
    list[str] | None, typer.Option("--join-word", help="A message that lets its writer in; may be repeated.")
]
LeaveWords = Annotated[
    list[str] | None, typer.Option("--leave-word", help="A message that takes its writer out; may be repeated.")
]
Definition = Annotated[
    str | None, typer.Option("--file", metavar="FILE.json", help="The definition as JSON, - for standard input.")
]


@app.command("list", epilog="Example: rollcall groups list bali-resorts")
def list_(tenant: options.Tenant, http: options.Http = None, json_: options.Json = False) -> None:
    """List a tenant's groups with their counts."""
    rows = list(api(options.settings(http=http), tenant).items("groups"))
    if json_:
        as_json(rows)
        return
    table([row | {"status": standing(row)} for row in rows], ["id", "name", "status", "members", "sendable"])


@app.command("show", epilog="Example: rollcall groups show bali-resorts food-lovers --json")
def show(tenant: options.Tenant, group: options.Group, http: options.Http = None, json_: options.Json = False) -> None:
    """Show one group: rule, words, counts."""
    record = api(options.settings(http=http), tenant).get("groups", group)
    as_json(record) if json_ else fields(record)


@app.command(
    "create",
    epilog='Example: rollcall groups create bali-resorts --id food --rule \'{"event": "message", "any_of": ["pet"]}\'',
)
def create(  # noqa: PLR0913  # one argument a flag
    tenant: options.Tenant,
    id_: Id = None,
    name: Name = None,
    rule: Rule = None,
    sticky: Annotated[bool, typer.Option("--sticky", help="Once in, never out by the rule.")] = False,
    supersede: Annotated[bool, typer.Option("--supersede", help="Replace the rule of the group of this id.")] = False,
    description: Description = None,
    reply: Reply = None,
    join_word: JoinWords = None,
    leave_word: LeaveWords = None,
    file: Definition = None,
    http: options.Http = None,
    json_: options.Json = False,
) -> None:
    """Create a group; the same id with the same rule again changes nothing.

    With --supersede, a group that is there gets another rule: its members stay or leave, and join, by that one, and
    words that are not given stay.
    """
    body = json_file(file) if file else {}
    body |= _given(id=id_, name=name, rule=_rule(rule), description=description, reply=reply)
    body |= _given(sticky=sticky or None, join_words=join_word, leave_words=leave_word)
    if supersede and not body.get("id"):
        raise typer.BadParameter("--supersede needs the group's --id")
    body |= _given(supersedes=body["id"] if supersede else None)
    told = api(options.settings(http=http), tenant).send("POST", "groups", body=body)
    made = "is created" if told.status == 201 else "is there already"  # Created
    _tell(told, json_=json_, done="gets another rule" if told.body.get("successor") else made)


@app.command(
    "update", epilog='Example: rollcall groups update bali-resorts food-lovers --name Foodies --reply "Welcome!"'
)
def update(  # noqa: PLR0913  # one argument a flag
    tenant: options.Tenant,
    group: options.Group,
    name: Name = None,
    description: Description = None,
    reply: Reply = None,
    join_word: JoinWords = None,
    leave_word: LeaveWords = None,
    http: options.Http = None,
    json_: options.Json = False,
) -> None:
    """Change a group's name, description, reply or words; its rule stays."""
    body = _given(name=name, description=description, reply=reply, join_words=join_word, leave_words=leave_word)
    if not body:
        raise typer.BadParameter("name at least one field to change")
    told = api(options.settings(http=http), tenant).send("PATCH", "groups", group, body=body)
    _tell(told, json_=json_, done="is changed")


@app.command(
    "preview", epilog='Example: rollcall groups preview bali-resorts --rule \'{"event": "rating", "min_stars": 4}\''
)
def preview(tenant: options.Tenant, rule: Rule = None, http: options.Http = None, json_: options.Json = False) -> None:
    """Count who would be in a group of this rule, before it is created."""
    asked = api(options.settings(http=http), tenant, patience=PREVIEW_PATIENCE)
    told = asked.send("POST", "groups", "preview", body={"rule": _rule(rule)}).body
    if json_:
        as_json(told)
        return
    fields({name: told[name] for name in ("contacts", "count", "sendable")})
    table(told["sample"], ["contact", "name", "expires_at", "sendable"])
    table(told["overlap"], ["group", "name", "count"])


@app.command("forecast", epilog="Example: rollcall groups forecast bali-resorts food-lovers --days 90")
def forecast(
    tenant: options.Tenant,
    group: options.Group,
    days: Annotated[int, typer.Option("--days", min=1, help="How far to look ahead.")] = 30,
    http: options.Http = None,
    json_: options.Json = False,
) -> None:
    """Count who leaves a group in the next days if nothing happens."""
    record = api(options.settings(http=http), tenant).get("groups", group, "forecast", days=days)
    as_json(record) if json_ else table(record["by_day"], ["day", "leaving"])


@app.command("delete", epilog="Example: rollcall groups delete bali-resorts food-lovers")
def delete(tenant: options.Tenant, group: options.Group, http: options.Http = None) -> None:
    """Delete a group; every member leaves it."""
    api(options.settings(http=http), tenant).send("DELETE", "groups", group)
    note(f"group {group} is deleted")


def standing(group: dict[str, Any]) -> str:
    """Tell a group's status, and how far that has come."""
    if group.get("progress") is not None:
        return f"{group['status']} {group['progress']:.0%}"
    return (
        f"replacing {group['successor']['progress']:.0%}" if group.get("successor") else str(group.get("status", "-"))
    )


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _rule(text: str | None) -> dict[str, Any] | None:
    if text is None:
        return None
    try:
        rule = json_object(text)
    except ValueError as error:
        raise typer.BadParameter(f"--rule is no JSON: {error}") from error
    if rule is None:
        raise typer.BadParameter("--rule must be a JSON object")
    return rule


def _tell(told: Answer, *, json_: bool, done: str) -> None:
    if json_:
        as_json(told.body)
        return
    name = told.body["id"]
    note(f"group {name} {done}" if told.status != 202 else f"asked for, as command {name}")  # Accepted
