"""Every command: its help, its example, and how it ends."""

from __future__ import annotations

import io
import json
import shlex
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from streams.cli.app import app, run

TREE: Any = get_command(app)


def walk(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command that does something, with the words that lead to it."""
    for name, child in getattr(command, "commands", {}).items():
        yield from walk(child, (*path, name))
    if not getattr(command, "commands", None):
        yield path, command


COMMANDS = dict(walk(TREE))


@pytest.fixture(autouse=True)
def nobody(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No Rollcall is there: every address is one where nothing listens."""
    monkeypatch.setenv("ROLLCALL_HTTP", "127.0.0.1:9")
    monkeypatch.setenv("ROLLCALL_BROKERS", "127.0.0.1:9")
    monkeypatch.setenv("ROLLCALL_DATA", str(tmp_path))


def test_all_commands_are_there() -> None:
    """The contract's commands, by name."""
    assert {path[0] for path in COMMANDS} == {
        "up", "demo", "broker", "topics", "worker", "store", "tenants", "groups", "members", "contacts",
        "publish", "tail", "dead-letters", "bench", "verify",
    }  # fmt: skip


@pytest.mark.parametrize("group", sorted({path[0] for path in COMMANDS if len(path) > 1}))
def test_help_of_a_group_of_commands_shows_an_example(group: str, capsys: pytest.CaptureFixture[str]) -> None:
    """So does the help of what only holds commands; the example is one of these."""
    assert run([group, "--help"]) == 0
    assert "Example: rollcall" in capsys.readouterr().out
    words = shlex.split(TREE.commands[group].epilog.removeprefix("Example: "))
    COMMANDS[words[1], words[2]].make_context("rollcall", words[3:])


READING = {"list", "show", "status", "check", "groups", "tail", "preview", "explain", "forecast"}


@pytest.mark.parametrize("path", COMMANDS, ids=" ".join)
def test_help_shows_an_example_that_parses(path: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    """The help of a command ends with an example, and the example is a line that this command takes."""
    assert run([*path, "--help"]) == 0
    assert "Example: rollcall" in capsys.readouterr().out
    words = shlex.split(COMMANDS[path].epilog.removeprefix("Example: "))
    assert tuple(words[: len(path) + 1]) == ("rollcall", *path)
    COMMANDS[path].make_context("rollcall", words[len(path) + 1 :])


@pytest.mark.parametrize("path", [p for p in COMMANDS if p[-1] in READING], ids=" ".join)
def test_reading_commands_speak_json(path: tuple[str, ...]) -> None:
    """Every command that reads takes --json."""
    assert any("--json" in parameter.opts for parameter in COMMANDS[path].params)


@pytest.mark.parametrize(
    "line",
    [
        "nix",
        "groups",
        "groups show",
        "groups create t --rule {",
        "groups create t --rule []",
        "groups create t --name x --supersede",
        "groups update t g",
        "worker nix",
        "up --http nix",
        "up --broker-port 70000",
        "up --broker-port x",
        "publish - --topic nix",
        "publish -",
        "tail nix",
        "members list t g --limit 0",
        "dead-letters retry",
        "tenants list --http 127.0.0.1:70000",
    ],
)
def test_usage_errors_end_with_2(
    line: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What cannot be meant is a usage error, told on standard error."""
    monkeypatch.setattr("streams.cli.kafka._listens", lambda _broker: True)
    assert run(shlex.split(line)) == 2
    said = capsys.readouterr()
    assert said.out == "" or line == "groups"  # a group without a command shows its help
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("tenants list", "nothing answers at http://127.0.0.1:9: is `rollcall up` running?"),
        ("tenants put t --region ID", "nothing answers at http://127.0.0.1:9"),
        ("groups create t --name x", "nothing answers at http://127.0.0.1:9"),
        ("members add t g 0812", "nothing answers at http://127.0.0.1:9"),
        ("contacts check t +62812 g --http 127.0.0.1:10", "nothing answers at http://127.0.0.1:10"),
        ("tail messages", "no broker answers at 127.0.0.1:9: is `rollcall up` running?"),
        ("publish - --topic messages", "no broker answers at 127.0.0.1:9"),
        ("dead-letters list --brokers 127.0.0.1:10,127.0.0.1:11", "no broker answers at 127.0.0.1:10,127.0.0.1:11"),
        ("topics show", "no broker answers at 127.0.0.1:9"),
        ("tenants put t --file nix.json", "cannot read nix.json: No such file or directory"),
        ("broker stop", "no broker runs in"),
    ],
)
def test_failures_end_with_1(line: str, said: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Where nothing answers, one line on standard error says so."""
    assert run(shlex.split(line)) == 1
    answered = capsys.readouterr()
    assert said in answered.err
    assert answered.err.count("\n") == 1
    assert answered.out == ""


def test_status_without_a_broker(capsys: pytest.CaptureFixture[str]) -> None:
    """The status of a broker that does not run is an answer, and exit code 1."""
    assert run(["broker", "status", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["running"] is False


@pytest.mark.parametrize("text", ["{", "[]", "7"])
def test_a_record_that_is_none(text: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """A record from standard input must be a JSON object."""
    monkeypatch.setattr(sys, "stdin", io.StringIO(text))
    assert run(["tenants", "put", "t", "--file", "-"]) == 1
    assert "JSON" in capsys.readouterr().err


def test_help_imports_nothing_heavy() -> None:
    """`--help` answers at once: no Kafka client, no HTTP server, no state store is imported for it."""
    import subprocess  # noqa: PLC0415

    code = "import sys; from streams.cli.app import run; run(['--help']); print(sorted(sys.modules), file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"aiokafka", "aiohttp", "faust", "rocksdict", "rich", "msgspec", "phonenumbers", "urllib.request"}
    assert heavy.isdisjoint(name.strip("[]',\n") for name in done.stderr.split())
