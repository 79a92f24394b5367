"""The judge of definitions: which rules are in force in the end, and what the change from one to the next told."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.chaos.evidence import Fault, accepted, compare, model_of, table, told
from tests.chaos.history import History

BY_RULE = {"no_longer_matches", "message", "rating", "booking"}


def successors(history: History) -> Iterator[tuple[Fault, str]]:
    """A successor's differences are told quietly, once for each contact, and in the end the last rule is in force."""
    asked = {command["id"] for _, command in accepted(history, "commands") if "supersedes" in command["data"]}
    seen = set[tuple[str, str, str]]()
    for _, change in told(history, "membership-changes"):
        data, cause = change["data"], (change["data"]["cause"] or {}).get("id", "")
        if cause in asked:
            name = cause, data["group"], data["contact"]
            if name in seen:
                yield "repeated", f"{name}: more than one change by a successor"
            if data["origin"] != "backfill" or data["reason"] not in BY_RULE:
                yield "wrong", f"{name}: {data['origin']}, {data['reason']} by a successor"
            seen.add(name)
    yield from _in_force(history)


def _in_force(history: History) -> Iterator[tuple[Fault, str]]:
    wanted, found = model_of(history).groups, {row["id"]: row for row in table(history, "groups")}
    yield from compare("the commands", dict.fromkeys(wanted), "groups", dict.fromkeys(found))
    for name in wanted.keys() & found.keys():
        row = found[name]
        if not says(row["rule"], wanted[name]):
            yield "wrong", f"{name} has the rule {row['rule']}, and should have {wanted[name]}"
        if row["status"] != "ready" or row["successor"] is not None:
            yield "lost", f"{name} is {row['status']} for ever, or its successor never comes"


def says(shown: Any, asked: Any) -> bool:
    """Whether a rule, with or without its defaults filled in, says what was asked for."""
    if isinstance(asked, dict):
        return isinstance(shown, dict) and all(says(shown.get(word), part) for word, part in asked.items())
    if isinstance(asked, list):
        return isinstance(shown, list) and len(shown) == len(asked) and all(map(says, shown, asked))
    return bool(shown == asked)
