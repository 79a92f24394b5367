"""Which roles of words (`processors.opt_out_words`) mean opting out when they stand close together."""

from __future__ import annotations

from typing import Literal, NamedTuple, cast

Role = Literal[
    "stop", "end", "enough", "leave", "remove", "send", "receive", "want", "message", "me", "list", "no", "none",
    "more", "can", "keep", "ordinary", "when", "polite", "glue", "at",
]  # fmt: skip
Roles = frozenset[Role]


class Rule(NamedTuple):
    """Roles that together mean opting out, for so many points; what may not stand between, and how many unknown words.

    A `wish` asks for an end, so that a `no` before it asks for the opposite.
    """

    roles: Roles
    points: int
    broken_by: Roles
    unknown: int
    wish: bool


def as_roles(names: str) -> Roles:
    """Return the roles that a text names."""
    return frozenset(cast("list[Role]", names.split()))


def _rules(points: int, *names: str, broken_by: str, unknown: int = 0, wish: bool = False) -> list[Rule]:
    return [Rule(as_roles(name), points, as_roles(broken_by), unknown, wish) for name in names]


RULES: tuple[Rule, ...] = (
    *_rules(5, "stop message", "stop send", "stop receive", broken_by="ordinary", unknown=1, wish=True),
    *_rules(5, "end message", "end send", "end receive", broken_by="ordinary keep", unknown=1, wish=True),
    *_rules(5, "enough message", "enough send", "end list", broken_by="ordinary keep", unknown=1, wish=True),
    *_rules(3, "leave", broken_by="", wish=True),
    *_rules(3, "remove me", "remove list", "remove message", broken_by="ordinary send can", unknown=1, wish=True),
    *_rules(3, "want stop", broken_by="ordinary at", wish=True),
    *_rules(3, "no send me", broken_by="ordinary can at"),
    *_rules(3, "no send more", "no want message", "no want receive", broken_by="ordinary can", unknown=1),
    *_rules(3, "no receive more", "no message more", "none message more", broken_by="ordinary can at", unknown=1),
    *_rules(3, "none send more", broken_by="ordinary can at me glue"),
    *_rules(3, "no want send", broken_by="ordinary can at"),
)
"""Each counts by itself, and the best decides."""

ALONE: tuple[Roles, ...] = tuple(map(as_roles, ("stop", "end", "no message", "none message", "no send")))
"""What opts out where the text says little else."""

WORTH_A_LOOK = (*(rule.roles for rule in RULES), *ALONE)
"""A text without any of these together cannot mean to opt out."""
