"""docs/rules.md: every group there behaves as the table under it says."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from processors.windows import deadline, parse_duration
from schemas.rules import group_refs, parse_rule
from tests.processors.world import World

TEXT = (Path(__file__).parents[2] / "docs" / "rules.md").read_text()
GUESTS = {"Made": "+6281234567890", "Anna": "+4915123456789"}
ZONE = "Asia/Makassar"


class Example(NamedTuple):
    """A group, and rows of what happens and who is in it then."""

    group: dict[str, Any]
    rows: list[tuple[str, str]]


def examples() -> dict[str, Example]:
    """Read the document."""
    found: dict[str, Example] = {}
    for block, table in re.findall(r"```json\n(.*?)\n```\n((?:\|[^\n]*\|\n)+)", TEXT, re.DOTALL):
        cells = [tuple(cell.strip() for cell in line.strip("|").split("|")) for line in table.splitlines()[2:]]
        group = json.loads(block)
        found[group["id"]] = Example(group, [(what, who) for what, who in cells])
    return found


EXAMPLES = examples()


def write(world: World, who: str, text: str) -> None:
    """A guest writes."""
    world.say(text, GUESTS[who])


def rate(world: World, who: str, stars: str) -> None:
    """A guest rates."""
    world.rate(float(stars), f"r{world.sent}", GUESTS[who])


def book(  # noqa: PLR0917 - what a row says
    world: World, who: str, room: str, first: str, last: str, paid: str | None
) -> None:
    """A guest books."""
    amount, _, currency = (paid or "").partition(" ")
    price = {"amount": amount, "currency": currency} if paid else {}
    world.book(f"b{world.sent}", GUESTS[who], room_type=room, check_in=first, check_out=last, **price)


def tag(world: World, who: str, un: str, text: str) -> None:
    """A person tags a guest, or takes the tag away."""
    world.must(f"contact.{un}tag", {"contacts": [{"phone": GUESTS[who]}], "tags": [text]})


def set_attribute(world: World, who: str, name: str, value: str) -> None:
    """A person sets an attribute."""
    world.must("contact.upsert", {"contact": {"phone": GUESTS[who], "attributes": {name: json.loads(value)}}})


def later(world: World, number: str, unit: str) -> None:
    """Time goes on."""
    within = parse_duration(f"P{number}{unit[0].upper()}")
    world.tick(deadline(world.now, within, ZONE) - world.now)


STEPS: dict[str, Callable[..., None]] = {
    r'(\w+) writes "(.*)"': write,
    r"(\w+) rates ([\d.]+)": rate,
    r"(\w+) books (.+) from (\S+) to (\S+?)(?: for (.+))?": book,
    r"(\w+) is (un|)tagged (.+)": tag,
    r"(\w+) has (\w+) (\".*\"|\d+)": set_attribute,
    r"(\d+) (day|month)s? later": later,
}


def live(world: World, group: str, what: str) -> None:
    """Let a row of a table happen."""
    by_hand = re.fullmatch(r"(\w+) is (add|remove)e?d", what)
    if by_hand:
        world.pin(by_hand[2], group, GUESTS[by_hand[1]])
        return
    for pattern, step in STEPS.items():
        found = re.fullmatch(pattern, what)
        if found:
            step(world, *found.groups())
            return
    raise AssertionError(f"docs/rules.md says what no test understands: {what}")


def create(world: World, group: str) -> None:
    """Create a group of the document after those that it names."""
    made = EXAMPLES[group].group
    for inner in group_refs(parse_rule(made.get("rule"))):
        create(world, inner)
    world.group(made["id"], made.get("rule"), sticky=made.get("sticky", False))


@pytest.mark.parametrize("group", EXAMPLES)
def test_the_example_does_what_its_table_says(group: str) -> None:
    """Row by row, exactly those are in the group."""
    world = World()
    world.tenant(zone=ZONE)
    create(world, group)
    for what, who in EXAMPLES[group].rows:
        live(world, group, what)
        expected = sorted(f"tel:{GUESTS[name]}" for name in who.split(", ") if name != "nobody")
        assert (what, world.members(group)) == (what, expected)


def test_every_rule_of_the_document_is_an_example() -> None:
    """No block of JSON stands there without a table."""
    assert len(EXAMPLES) == TEXT.count("```json")
    assert len(EXAMPLES) > 12
