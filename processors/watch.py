"""Where rules read profiles or name other groups: what a record changes there is answered in the same record.

The groups that read a field are found by it, so that a change of one field asks no others. Somebody who is only now met
is asked about all fields once the first record is taken in, not before: nobody joins for what is not known yet.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from processors.attributes import LAST_BOOKING, value_of
from processors.changes import named_by
from processors.contact import held, reweigh
from processors.facts import Facts
from processors.membership import Happening, Who, Why
from processors.pins import may_greet
from processors.rows import BEFORE
from schemas.activity import Edit, FactPut, FactTaken, MessageSeen, Pin

if TYPE_CHECKING:
    from processors.definitions import Definition, Definitions
    from processors.desk import Desk

COUNTED = frozenset({"bookings", "spent", "latest_rating", LAST_BOOKING})
"""Fields that are counted from facts: what was revised or has moved takes them back. Others are only told anew."""

Act = Callable[["Desk", bytes, Any, "Definitions"], bool | None]
"""What a contact's actor does with a record; False if it is to go on with that later."""


def watched(act: Act) -> Act:
    """Let an actor act, then answer what that changed for the groups that read the profile or name other groups."""

    def run(desk: Desk, key: bytes, activity: Any, definitions: Definitions) -> bool:
        fields = definitions.index.of_field
        at = Who(desk, key, desk.head(key))
        fresh, before = at.head.version < 0, _shown(at, fields)
        leave = "retracted" if _takes_back(at, activity) else "no_longer_matches"
        if act(desk, key, activity, definitions) is False:
            return False  # nothing that is shown has changed
        after = _shown(at, fields)
        stayed = isinstance(activity, FactPut | FactTaken) and activity.kind == "booking"
        changed = {f for f in fields if fresh or before[f] != after[f] or (stayed and f == LAST_BOOKING)}
        _ask(at, definitions, changed, activity, leave)
        return True

    return run


def _shown(at: Who, fields: Iterable[str]) -> dict[str, str]:
    """Write down what fields hold; as text, for true is not 1."""
    contact = named_by(at.key)[1]
    return {field: repr(value_of(at.head.profile, contact, field)) for field in fields}


def _ask(at: Who, definitions: Definitions, changed: set[str], activity: Any, leave: str) -> None:
    asked: dict[str, tuple[Definition, str]] = {}
    for field in sorted(changed):
        for definition in definitions.index.of_field[field]:
            asked.setdefault(definition.id, (definition, field))
    event, time = _cause(activity)
    facts = Facts(at, definitions)
    for _, (definition, field) in sorted(asked.items()):
        reply = not isinstance(activity, Pin) or may_greet(activity)
        reason = leave if field in COUNTED else "no_longer_matches"
        why = Why("attribute", reason, event, min(time, at.desk.now), evidence=field, reply=reply)
        reweigh(at, facts, definition, why)


def _takes_back(at: Who, activity: Any) -> bool:
    """Whether a fact is about to be taken back: it has moved, or was there in another revision."""
    if isinstance(activity, FactPut):
        return held(at, activity.kind, activity.source, activity.id) > BEFORE
    return isinstance(activity, FactTaken)


def _cause(activity: Any) -> tuple[Happening, int]:
    """Return the event or command at hand, and its time."""
    if isinstance(activity, Pin | Edit):
        return (activity.source, activity.id), activity.time
    return (activity.source, activity.event), activity.time if isinstance(activity, MessageSeen) else activity.at
