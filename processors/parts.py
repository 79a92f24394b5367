"""A command on one or many contacts, as the tenant's actor hands it out: a part to each, a slice at a time."""

from __future__ import annotations

from typing import TYPE_CHECKING

from processors import bulk
from processors.budget import SAID
from processors.desk import Out
from processors.jobs import job_of
from processors.office import to_json
from processors.repeats import is_repeat, remember
from schemas.base import moment
from schemas.outputs import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

    from processors.office import Office, Verdict
    from schemas.activity import Edit, EditsAsked, Pin, PinsAsked


def hand_out(
    office: Office,
    asked: PinsAsked | EditsAsked,
    part: Callable[[int, int], Pin | Edit],
    group: str | None,
    *,
    missing: bool,
) -> bool:
    """Give each contact its part, `part(nth, bulk)`; where the group is missing, or it is none, refuse it here.

    A command that was handed out before is not again, whatever it says now; one that was refused may come again.
    Returns whether it is handed out to all.
    """
    repeated, job = is_repeat(office, asked.source, asked.id), job_of(office.desk)
    if not job.nth and not job.step and not repeated:
        job.step = bulk.begin(office, asked)
    for nth, contact in enumerate(asked.contacts[job.nth :], job.nth):
        if office.desk.spent >= office.desk.until:
            return False
        job.nth = nth + 1
        verdict = _refused(contact, missing=missing, repeated=repeated)
        if verdict is None:
            office.desk.tell(f"{office.tenant}/{contact}".encode(), part(nth, job.step))
        else:
            office.desk.spent += SAID
            office.desk.out.append(_outcome(office, asked, nth, verdict, group))
            job.counts[bulk.word(verdict)] = job.counts.get(bulk.word(verdict), 0) + 1
    if job.step:
        bulk.handed_out(office, job.step, asked, group, job.counts)
    if not repeated and len(asked.contacts) > sum(job.counts.values()):
        remember(office, asked.source, asked.id)
    return True


def _refused(contact: str | None, *, missing: bool, repeated: bool) -> Verdict | None:
    """Say why a contact is not told of a command, if so."""
    if repeated:
        return "unchanged", "repeated"
    if missing:
        return "skipped", "group_unknown"
    if not contact:
        return "skipped", "contact_invalid" if contact is None else "phone_invalid"
    return None


def _outcome(office: Office, asked: PinsAsked | EditsAsked, nth: int, verdict: Verdict, group: str | None) -> Out:
    """Return the outcome of a command for a contact that is not told of it."""
    value = Outcome(
        tenant=office.tenant,
        command=asked.id,
        source=asked.source,
        type=asked.type,
        outcome=verdict[0],
        reason=verdict[1],
        group=group or None,
        contact=asked.contacts[nth] or None,
        index=nth,
        of=len(asked.contacts),
        time=moment(office.desk.now),
    )
    return Out("outcomes", f"{office.tenant}/{asked.id}".encode(), to_json(value))
