"""docs/groups.md: the commands that it shows are there, and the notice is one."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import msgspec
import typer

from schemas.outputs import Notice
from schemas.rules import parse_rule
from streams.cli.app import app

TEXT = (Path(__file__).parents[2] / "docs" / "groups.md").read_text()


def test_the_notice_is_one() -> None:
    """It decodes, and its counts add up."""
    (block,) = re.findall(r"```json\n(.*?)\n```", TEXT, re.DOTALL)
    notice = msgspec.json.decode(block, type=Notice, strict=True)
    assert notice.kind == "bulk_finished"
    assert (notice.applied or 0) + (notice.unchanged or 0) + (notice.skipped or 0) == notice.count
    assert sum(notice.reasons.values()) == (notice.unchanged or 0) + (notice.skipped or 0)
    assert set(json.loads(block)) <= set(Notice.__struct_fields__)


def test_the_commands_are_there() -> None:
    """Each command parses with its flags, and the rules are rules."""
    groups = typer.main.get_command(app).commands["groups"].commands  # type: ignore[attr-defined]
    lines = re.findall(r"^rollcall (groups .*)$", TEXT, re.MULTILINE)
    for line in lines:
        _, name, *arguments = shlex.split(line, comments=True)
        context = groups[name].make_context(name, arguments)
        if context.params.get("rule"):
            parse_rule(json.loads(context.params["rule"]))
    assert len(lines) == 4
