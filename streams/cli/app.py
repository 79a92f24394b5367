"""The `rollcall` command: every subcommand in its place, and how a command ends."""

from __future__ import annotations

from typing import Annotated

import typer
from typer.main import get_command

from streams.cli import contacts, dead_letters, groups, members, options, records, singly, tenants, verify
from streams.cli.say import TroubleError, note

app = typer.Typer(
    name="rollcall",
    help="Contact groups as a stream: who booked, rated or wrote what, kept as live memberships over Kafka.",
    epilog="Example: rollcall demo",
    no_args_is_help=True,
    rich_markup_mode=None,  # rich would take half the time that --help may take
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def run(argv: list[str]) -> int:
    """Run one command line and give its exit code: 0, 1 failed, 2 usage."""
    try:
        get_command(app)(argv, prog_name="rollcall")
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    except TroubleError as trouble:
        note(f"rollcall: {trouble}")
        return 1
    return 0


@app.command("up", epilog="Example: rollcall up --http 127.0.0.1:6066 --data .rollcall")
def up(
    brokers: options.Brokers = None,
    broker_port: options.BrokerPort = None,
    http: options.Http = None,
    data: options.Data = None,
) -> None:
    """Run everything in the foreground: broker (unless brokers are given), topics, workers, store and HTTP.

    When all answer, one line on standard output: `ready URL brokers=HOST:PORT`. Ctrl-C or SIGTERM stops all in order.
    """
    from streams.cli.up import up as serve  # noqa: PLC0415

    raise typer.Exit(serve(options.settings(brokers=brokers, broker_port=broker_port, http=http, data=data)))


@app.command("demo", epilog="Example: rollcall demo --events 2000 --exit-after-feed")
def demo(  # noqa: PLR0913  # one argument a flag
    broker_port: options.BrokerPort = None,
    http: options.Http = None,
    data: Annotated[
        str, typer.Option("--data", metavar="FOLDER", help="A folder of the demo's own.")
    ] = ".rollcall-demo",
    events: Annotated[
        int, typer.Option("--events", min=100, max=1_000_000, help="About how many events to feed.")
    ] = 20_000,
    rate: Annotated[int, typer.Option("--rate", min=0, help="Events a second, 0: as fast as it goes.")] = 2_500,
    fresh: Annotated[bool, typer.Option("--fresh", help="Wipe the demo's folder first.")] = False,
    exit_after_feed: Annotated[
        bool, typer.Option("--exit-after-feed", help="Stop once all is fed and counted.")
    ] = False,
) -> None:
    """Run everything on a folder of its own, feed in sample data, and show six groups filling on a live table."""
    from streams.cli.demo import Wishes  # noqa: PLC0415
    from streams.cli.demo import demo as show  # noqa: PLC0415

    settings = options.settings(broker_port=broker_port, http=http, data=data)
    raise typer.Exit(show(settings, Wishes(events, rate, exit_after_feed), fresh=fresh))


@app.command("bench", epilog="Example: rollcall bench -- --rounds 1", context_settings={"ignore_unknown_options": True})
def bench(
    arguments: Annotated[
        list[str] | None, typer.Argument(metavar="[ARGUMENTS]…", help="Handed to the benchmark.")
    ] = None,
) -> None:
    """Run the benchmarks of a checkout against the peers they name."""
    from streams.cli.bench import bench as measure  # noqa: PLC0415

    raise typer.Exit(measure(arguments or []))


app.command("worker", epilog="Example: rollcall worker decide --instance decide-2 --metrics-port 9101")(singly.worker)
app.command("store", epilog="Example: rollcall store --http 127.0.0.1:6066")(singly.store)
app.command("publish", epilog="Example: rollcall publish events.jsonl --topic messages")(records.publish)
app.command("tail", epilog="Example: rollcall tail membership-changes --from-beginning --max 10")(records.tail)
app.command("verify", epilog="Example: rollcall verify --json")(verify.verify)
app.add_typer(singly.broker, name="broker")
app.add_typer(singly.topics, name="topics")
app.add_typer(tenants.app, name="tenants")
app.add_typer(groups.app, name="groups")
app.add_typer(members.app, name="members")
app.add_typer(contacts.app, name="contacts")
app.add_typer(dead_letters.app, name="dead-letters")
