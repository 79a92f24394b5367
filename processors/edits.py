"""What people, and bookings, set on a contact: tags, attributes, a note, fields of the profile.

Each is a register of its own: the newest event time wins, a tie by id (then source), whatever the order of arrival.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import msgspec

from processors.pins import decide_pin, introduce_by, mark_of, outcome
from processors.profile import full_name, newest, original
from processors.rows import Edits, Known, counts
from schemas.activity import INTERNAL, Pin

if TYPE_CHECKING:
    from collections.abc import Iterator

    from processors.consent import Verdict
    from processors.definitions import Definitions
    from processors.membership import Who
    from processors.rows import Profile
    from schemas.activity import Edit, Edited

to_json = msgspec.json.Encoder().encode

KEPT = 200
"""Tags, and attributes, that a contact keeps, the newest: one event must not make its row too large to be written."""

Became = Literal["changed", "same", "repeated", "late"]
Mark = tuple[int, str]

_VERDICTS: dict[Became, Verdict] = {
    "changed": ("applied", None),
    "same": ("unchanged", "already_in_force"),
    "repeated": ("unchanged", "repeated"),
    "late": ("skipped", "newer_known"),
}
_BEST_FIRST = ("applied", "unchanged", "skipped")


def apply_edit(at: Who, edit: Edit, definitions: Definitions) -> None:
    """Carry out one contact's part of a command, add it to the groups named, and append the outcome."""
    if not counts(at.head, edit.time):
        at.desk.out.append(outcome(at, edit, _VERDICTS["late"]))
        return
    mark = mark_of(edit)
    profile = at.head.profile
    became = {*_fields(profile, mark, edit.edited), *_registers(profile, mark, edit.edited)}
    if introduce_by(at, edit, "manual") or "changed" in became:
        at.desk.changed_profiles[at.key] = None
        became.add("changed")
    verdicts = [next((_VERDICTS[word] for word in _VERDICTS if word in became), _VERDICTS["same"])]
    for group in edit.groups:
        pin = Pin(INTERNAL, 0, 0, 0, edit.source, edit.id, edit.time, "group.add", group)
        verdicts.append(decide_pin(at, pin, definitions))
    verdict = min(verdicts, key=lambda one: _BEST_FIRST.index(one[0]))
    at.desk.out.append(outcome(at, edit, verdict))


def set_by_event(profile: Profile, mark: Mark, edited: Edited) -> bool:
    """Take the tags and attributes that a booking tells; return whether anything shown has changed."""
    return "changed" in set(_registers(profile, mark, edited))


def _fields(profile: Profile, mark: Mark, edited: Edited) -> Iterator[Became]:
    for name, value in edited.fields.items():
        known = profile.fields.get(name)
        before = (known.at, known.id) if known is not None else None
        yield _became(before, mark, newest(profile, name, mark[0], value, mark[1]))
    full = full_name(edited.fields)
    if full and original(profile, mark[0], full):
        yield "changed"


def _registers(profile: Profile, mark: Mark, edited: Edited) -> Iterator[Became]:
    if not edited.tags and not edited.attributes and edited.note is None:
        return
    edits = profile.edits = profile.edits or Edits()
    for tag, on in edited.tags.items():
        yield _write(edits.tags, tag.casefold(), mark, tag if on else "")
    for name, value in edited.attributes.items():
        yield _write(edits.attributes, name, mark, value)
    if edited.note is not None:
        yield _write(edits.note, "", mark, edited.note)


def _write(registers: dict[str, Known], name: str, mark: Mark, value: Any) -> Became:
    known = registers.get(name)
    before = (known.at, known.id) if known is not None else None
    if before is not None and mark <= before:
        return _became(before, mark, changed=False)
    registers[name] = Known(mark[0], value, mark[1])
    if len(registers) > KEPT:
        oldest = min(registers, key=lambda one: (registers[one].at, registers[one].id, one))
        del registers[oldest]
        return "changed" if name in registers else "late"
    return _became(before, mark, changed=_unlike(known.value if known is not None else None, value))


def _unlike(one: Any, other: Any) -> bool:
    """Whether two values differ as JSON: true is not 1; "" is how a tag or note that is off is kept."""
    return to_json(None if one == "" else one) != to_json(None if other == "" else other)


def _became(before: Mark | None, mark: Mark, changed: bool) -> Became:  # noqa: FBT001 - what the write has found
    if changed:
        return "changed"
    if before is None or before < mark:
        return "same"
    return "repeated" if before == mark else "late"
