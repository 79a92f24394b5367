"""docs/contacts.md: its table happens as it says, and its command is one."""

from __future__ import annotations

import re
from pathlib import Path

from schemas.commands import ContactRename
from schemas.envelope import read
from schemas.outputs import OutcomeReason
from tests.processors.world import World

TEXT = (Path(__file__).parents[2] / "docs" / "contacts.md").read_text()
CHANNELS = {"tel": "whatsapp", "mailto": "email", "telegram": "telegram"}
FIELDS = {"tel": "phone", "mailto": "email", "telegram": "telegram"}


def happen(world: World, what: str) -> None:
    """Let a row happen."""
    world.tick(1)
    if found := re.fullmatch(r'(\w+):(\S+) writes "(.*)"', what):
        scheme, id_, text = found.groups()
        data = {"message_id": f"m{world.sent}", "channel": CHANNELS[scheme], "direction": "inbound", "from": id_}
        world.must("message", data | {"text": text})
    elif found := re.fullmatch(r"(\w+):(\S+) and (\w+):(\S+) book", what):
        one, first, other, second = found.groups()
        world.book(f"b{world.sent}", guest={FIELDS[one]: first, FIELDS[other]: second})
    else:
        found = re.fullmatch(r"(\S+) is renamed to (\S+)", what)
        assert found, what
        world.must("contact.rename", {"contact": {"id": found[1]}, "phone": found[2]})


def test_the_table() -> None:
    """After each row there are the contacts that it names, and in the group is who it says."""
    world = World(3)
    world.tenant()
    world.group("food", {"event": "message", "any_of": ["dinner"]})
    rows = re.findall(r"^\| ([^|]* (?:writes|book|renamed)[^|]*) \| ([^|]*) \| ([^|]*) \|$", TEXT, re.MULTILINE)
    assert len(rows) == 8
    for what, contacts, members in rows:
        happen(world, what)
        found = sorted(row["contact"] for row in world.tables["contacts"].values())
        assert (what, found) == (what, sorted(contacts.split(", ")))
        assert world.members("food") == [members]
    assert world.contact("+6281234567899")["sendable"] is False
    assert [one["contact"] for one in world.values("notices") if one["kind"] == "identity_conflict"] == [
        "tel:+6281234567891"
    ]


def test_the_command_is_one() -> None:
    """It decodes, and the reasons are those of outcomes."""
    (block,) = re.findall(r"```json\n(.*?)\n```", TEXT, re.DOTALL)
    assert isinstance(read("commands", block.encode(), ()), ContactRename)
    reasons = set(re.findall(r"^\| (?:unchanged|skipped), (\w+)", TEXT, re.MULTILINE))
    assert reasons < set(OutcomeReason.__args__)  # type: ignore[attr-defined]
    assert len(reasons) == 5
