"""Adds and removes by hand: the newest `time` wins, a tie by id (then source), whatever the arrival."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from processors.desk import Out
from processors.membership import Who, Why, named_by, row_of, settle
from processors.outlook import pinned_out
from processors.profile import introduce
from processors.rows import CLEARED, NO_PIN, PINNED_OUT, Add, Pins, Row
from schemas.base import moment
from schemas.outputs import Outcome, OutcomeReason, OutcomeResult

if TYPE_CHECKING:
    from processors.definitions import Definition, Definitions
    from schemas.activity import Pin

Verdict = tuple[OutcomeResult, OutcomeReason | None]
LEAVE = {"manual": "manual", "keyword": "keyword", "flow": "flow", "bulk": "bulk", "import": "bulk"}


def apply_pin(at: Who, pin: Pin, definitions: Definitions) -> None:
    """Carry out one contact's part of a command and append its outcome."""
    definition = definitions.groups.get(pin.group)
    if definition is None or definition.deleting:
        result: Verdict = ("skipped", "group_unknown")
    else:
        result = _carry_out(at, pin, definition)
    at.desk.out.append(_outcome(at, pin, result))


def _carry_out(at: Who, pin: Pin, definition: Definition) -> Verdict:
    row = row_of(at, definition)
    pins = row.pins or Pins()
    before = _shown(row)
    late = _lay(pins, pin)
    if late is not None:
        return ("unchanged" if late == "repeated" else "skipped"), late
    row.pins = pins
    if pin.type == "group.add" and introduce(at.head.profile, pin.reason):
        at.desk.changed_profiles[at.key] = None
    why = Why(
        pin.reason if pin.type == "group.add" else None,
        LEAVE[pin.reason],
        (pin.source, pin.id),
        min(pin.time, at.desk.now),
        evidence=pin.evidence,
    )
    settle(at, definition, row, at.desk.now, why)
    return ("applied", None) if before != _shown(row) else _no_change(pin, at.desk.now)


def _shown(row: Row) -> tuple[int, int, int, bool]:
    """What people can see of a row."""
    return row.mask, row.seq, row.expires, row.pins is not None and pinned_out(row.pins)


def _no_change(pin: Pin, now: int) -> Verdict:
    if pin.type != "group.add":
        return "unchanged", "already_in_force"
    return ("skipped", "expired") if 0 < pin.expires <= now else ("unchanged", "already_member")


def _lay(pins: Pins, pin: Pin) -> OutcomeReason | None:
    """Lay a pin on what is there; return why it is too late for that, if so.

    An add that has expired already is laid too: it ends an older pin and add just as if it had come in time.
    """
    mark = (pin.time, f"{pin.id}\0{pin.source}")
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


def _late(mark: str, known: str) -> OutcomeReason:
    return "repeated" if mark == known else "newer_known"


def _reset(pins: Pins, pin: Pin, mark: tuple[int, str]) -> None:
    pins.reset = PINNED_OUT if pin.type == "group.remove" else CLEARED
    pins.reset_time, pins.reset_id = mark
    pins.adds = {r: add for r, add in pins.adds.items() if (add.time, add.id) > mark}


def _outcome(at: Who, pin: Pin, verdict: Verdict) -> Out:
    """Return the record of `outcomes` for one contact of a command."""
    tenant, contact = named_by(at.key)
    value = Outcome(
        tenant=tenant,
        command=pin.id,
        source=pin.source,
        type=pin.type,
        outcome=verdict[0],
        reason=verdict[1],
        group=pin.group,
        contact=contact,
        index=pin.nth,
        of=pin.of,
        time=moment(at.desk.now),
    )
    return Out("outcomes", f"{tenant}/{pin.id}".encode(), msgspec.json.encode(value))
