"""Adds and removes by hand: the newest `time` wins, a tie by id, whatever the arrival."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from processors.desk import Desk, Out
from processors.membership import Who, Why, row_of, settle
from processors.profile import introduce
from processors.rows import CLEARED, NO_PIN, PINNED_OUT, Add, Pins
from schemas.base import moment
from schemas.outputs import Outcome, OutcomeReason, OutcomeResult

if TYPE_CHECKING:
    from processors.definitions import Definition, Definitions
    from schemas.activity import Pin

Verdict = tuple[OutcomeResult, OutcomeReason | None]
LEAVE = {"manual": "manual", "keyword": "keyword", "flow": "flow", "bulk": "bulk", "import": "bulk"}


def apply_pin(desk: Desk, at: Who, pin: Pin, definitions: Definitions) -> None:
    """Carry out one contact's part of a command and append its outcome."""
    definition = definitions.groups.get(pin.group)
    if definition is None or definition.deleting:
        result: Verdict = ("skipped", "group_unknown")
    else:
        result = _carry_out(desk, at, pin, definition)
    desk.out.append(outcome(desk, at, pin, result))


def _carry_out(desk: Desk, at: Who, pin: Pin, definition: Definition) -> Verdict:
    row = row_of(at, definition)
    pins = row.pins or Pins()
    before = (row.mask, row.seq, pins.reset)
    reason = _lay(pins, pin, desk.now)
    if reason is not None:
        return ("unchanged" if reason == "repeated" else "skipped"), reason
    row.pins = pins
    if pin.type == "group.add" and introduce(at.head.profile, pin.reason):
        desk.changed_profiles[at.key] = None
    why = Why(
        pin.reason if pin.type == "group.add" else None,
        LEAVE[pin.reason],
        (pin.source, pin.id),
        min(pin.time, desk.now),
        evidence=pin.evidence,
    )
    settle(desk, at, definition, row, desk.now, why)
    return ("unchanged", None) if before == (row.mask, row.seq, pins.reset) else ("applied", None)


def _lay(pins: Pins, pin: Pin, now: int) -> OutcomeReason | None:
    """Lay a pin on what is there; return why it changes nothing, if so."""
    if pins.reset != NO_PIN and (pin.time, pin.id) <= (pins.reset_time, pins.reset_id):
        return "repeated" if pin.id == pins.reset_id else "newer_known"
    if pin.type != "group.add":
        return _reset(pins, pin)
    if pin.expires and pin.expires <= now:
        return "expired"
    known = pins.adds.get(pin.reason)
    if known is not None and (pin.time, pin.id) <= (known.time, known.id):
        return "repeated" if pin.id == known.id else "newer_known"
    pins.adds[pin.reason] = Add(pin.time, pin.id, pin.expires)
    return None


def _reset(pins: Pins, pin: Pin) -> None:
    pins.reset = PINNED_OUT if pin.type == "group.remove" else CLEARED
    pins.reset_time, pins.reset_id = pin.time, pin.id
    pins.adds = {r: add for r, add in pins.adds.items() if (add.time, add.id) > (pin.time, pin.id)}


def outcome(desk: Desk, at: Who, pin: Pin, verdict: Verdict) -> Out:
    """Return the record of `outcomes` for one contact of a command."""
    value = Outcome(
        tenant=at.tenant,
        command=pin.id,
        source=pin.source,
        type=pin.type,
        outcome=verdict[0],
        reason=verdict[1],
        group=pin.group,
        contact=at.contact,
        index=pin.nth,
        of=pin.of,
        time=moment(desk.now),
    )
    return Out("outcomes", f"{at.tenant}/{pin.id}".encode(), msgspec.json.encode(value))

