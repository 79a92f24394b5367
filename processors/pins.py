"""Adds and removes by hand: the newest `time` wins, a tie by id (then source), whatever the arrival."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from processors.budget import COMMANDED
from processors.bulk import count_outcome
from processors.changes import named_by
from processors.consent import ALL, Verdict, lay_for, left_for_good, say, tell
from processors.desk import Out
from processors.membership import Who, Why, row_of
from processors.nested import settle_at
from processors.outlook import floor_of, pinned_out
from processors.profile import introduce
from processors.rows import CLEARED, NO_PIN, PINNED_OUT, Add, Head, Pins, Row, Said, counts, is_gone
from schemas.activity import Pin
from schemas.base import moment
from schemas.outputs import Outcome

if TYPE_CHECKING:
    from processors.definitions import Definition, Definitions
    from schemas.activity import Edit, MessageSeen

CONSENT = {"consent.opt_out": True, "consent.opt_in": False}
"""The commands on consent, and whether they are opt-outs."""
QUIET = {"import", "bulk"}
"""Who is added for these reasons is not greeted, unless the command says so; others are, unless it says not to."""
LEAVE = {"manual": "manual", "keyword": "keyword", "flow": "flow", "bulk": "bulk", "import": "bulk"}


def apply_pin(at: Who, pin: Pin, definitions: Definitions) -> None:
    """Carry out one contact's part of a command and append its outcome."""
    at.desk.out.append(outcome(at, pin, decide_pin(at, pin, definitions), pin.group))


def decide_pin(at: Who, pin: Pin, definitions: Definitions) -> Verdict:
    """Carry out one contact's part of a command, and tell what became of it."""
    said = _word(pin)
    definition = definitions.groups.get(pin.group)
    if said is not None and not pin.group:
        return _say(at, said)
    if definition is None or definition.deleting:
        return "skipped", "group_unknown"
    return carry_out(at, pin, definition, said)


def introduce_by(at: Who, asked: Pin | Edit, source: str) -> bool:
    """Let a command introduce a contact, also one that comes too late for anything else."""
    gone = at.head.deleted is not None and is_gone(at.head)
    if not counts(at.head, asked.time) or not introduce(at.head.profile, *mark_of(asked), source):
        return False
    if gone:
        at.desk.revived = (asked.source, asked.id), asked.time, not isinstance(asked, Pin) or may_greet(asked)
    at.desk.changed_profiles[at.key] = None
    return True


def mark_of(asked: Pin | Edit) -> tuple[int, str]:
    """Return what the newest of commands goes by: time, then id, then source."""
    return asked.time, f"{asked.id}\0{asked.source}"


def _word(pin: Pin) -> Said | None:
    """Return what a command says of consent: an add by hand says that the guest wants it where it has evidence."""
    out = CONSENT.get(pin.type)
    if out is None:
        evident = pin.type == "group.add" and pin.reason == "manual" and pin.evidence and pin.evidence.strip()
        return Said(pin.time, out=False, source=pin.source, event=pin.id, words=pin.evidence) if evident else None
    return Said(pin.time, out, pin.source, pin.id, pin.evidence)


def _say(at: Who, said: Said) -> Verdict:
    """Take a word on everything; who is met only now is shown too, for it must be seen not to be sendable."""
    at.desk.changed_profiles[at.key] = None
    return say(at.desk, at.key, said)


def carry_out(at: Who, pin: Pin, definition: Definition, said: Said | None, seen: MessageSeen | None = None) -> Verdict:
    """Lay a pin, and what it says of consent to its group, on the contact's row; `seen` is the message, if any."""
    if pin.type == "group.add" and seen is None:
        introduce_by(at, pin, pin.reason)
    row = row_of(at, definition)
    pins = row.pins or Pins()
    before, was = _shown(row), left_for_good(pins)
    heard = None if said is None else lay_for(at.desk, at.key, definition.id, pins, said)
    late = heard if pin.type in CONSENT else _lay(pins, pin, at.head)
    if late is not None and said is None:
        return late
    row.pins = pins
    if said is not None and was != left_for_good(pins) and definition.id != ALL:
        tell(at.desk, at.key, definition.id, said)
    settle_at(at, definition, at.desk.now, _why(at, pin, seen))
    return ("applied", None) if before != _shown(row) else late or _no_change(pin, pins, at.desk.now)


def _why(at: Who, pin: Pin, seen: MessageSeen | None) -> Why:
    return Why(
        pin.reason if pin.type == "group.add" else None,
        "keyword" if pin.type in CONSENT else LEAVE[pin.reason],
        (pin.source, pin.id),
        min(pin.time, at.desk.now),
        evidence=pin.evidence,
        seen=seen,
        reply=may_greet(pin),
    )


def may_greet(pin: Pin) -> bool:
    """Whether who joins by a command is greeted."""
    return pin.reason not in QUIET if pin.reply is None else pin.reply


def _shown(row: Row) -> tuple[int, int, int, bool]:
    """What people can see of a row."""
    return row.mask, row.seq, row.expires, row.pins is not None and pinned_out(row.pins)


def _no_change(pin: Pin, pins: Pins, now: int) -> Verdict:
    if pin.type != "group.add":
        return "unchanged", "already_in_force"
    if pin.time < floor_of(pins):
        return "skipped", "opted_out"
    return ("skipped", "expired") if 0 < pin.expires <= now else ("unchanged", "already_member")


def _lay(pins: Pins, pin: Pin, head: Head) -> Verdict | None:
    """Lay a pin on what is there; return why it is too late for that, if so.

    An add that has expired already is laid too: it ends an older pin and add just as if it had come in time.
    """
    mark = mark_of(pin)
    if not counts(head, pin.time):
        return "skipped", "newer_known"
    if pins.reset != NO_PIN and mark <= (pins.reset_time, pins.reset_id):
        return _late(mark[1], pins.reset_id)
    if pin.type != "group.add":
        _reset(pins, pin, mark)
        return None
    known = pins.adds.get(pin.reason)
    if known is not None and mark <= (known.time, known.id):
        return _late(mark[1], known.id)
    pins.adds[pin.reason] = Add(*mark, pin.expires)
    return None


def _late(mark: str, known: str) -> Verdict:
    return ("unchanged", "repeated") if mark == known else ("skipped", "newer_known")


def _reset(pins: Pins, pin: Pin, mark: tuple[int, str]) -> None:
    pins.reset = PINNED_OUT if pin.type == "group.remove" else CLEARED
    pins.reset_time, pins.reset_id = mark
    pins.adds = {r: add for r, add in pins.adds.items() if (add.time, add.id) > mark}


def kept(pins: Pins | None) -> Pins | None:
    """Return what outlives a group: who opted out of it is not in a later one of its name either."""
    return None if pins is None or pins.consent is None else Pins(consent=pins.consent)


def outcome(at: Who, asked: Pin | Edit, verdict: Verdict, group: str = "") -> Out:
    """Return the record of `outcomes` for one contact of a command."""
    tenant, contact = named_by(at.key)
    at.desk.spent += COMMANDED
    if asked.bulk:
        count_outcome(at.desk, tenant, asked.bulk, verdict)
    value = Outcome(
        tenant=tenant,
        command=asked.id,
        source=asked.source,
        type=asked.type,
        outcome=verdict[0],
        reason=verdict[1],
        group=group or None,
        contact=contact,
        index=asked.nth,
        of=asked.of,
        time=moment(at.desk.now),
    )
    return Out("outcomes", f"{tenant}/{asked.id}".encode(), msgspec.json.encode(value))
