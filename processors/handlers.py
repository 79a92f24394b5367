"""Which actor a record of contact-activity goes to, and what is done around it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from processors import (
    alias,
    bulk,
    contact,
    deletion,
    edits_asked,
    fact_owner,
    group_lifecycle,
    handover,
    links,
    parting,
    progress,
    renaming,
    takeover,
    tenant,
)
from processors.afterlife import is_over
from processors.ahead import look_ahead
from processors.jobs import job_of
from processors.membership import Who
from processors.nested import settle_waiting
from processors.watch import watched
from schemas.activity import (
    BookingSeen,
    Conflict,
    CountAsked,
    Counted,
    Defined,
    Directed,
    Edit,
    EditsAsked,
    FactErased,
    FactPut,
    FactTaken,
    Forwarded,
    Handed,
    Heard,
    Lapping,
    LinkAsked,
    LinkSeen,
    MessageSeen,
    Parted,
    Parting,
    Pin,
    PinsAsked,
    RatingSeen,
    RenameAsked,
    Renaming,
    Scanned,
    TenantAsked,
    Tick,
    decode,
)

if TYPE_CHECKING:
    from processors.afterlife import Afterlife
    from processors.asks import Asks
    from processors.definitions import Definitions
    from processors.desk import Desk
    from processors.heads import Heads
    from processors.jobs import Jobs
    from processors.rows import Head
    from processors.scans import Scans
    from processors.watch import Act


class Partition(Protocol):
    """What is done with records is done to this: a fold, as far as handlers know it."""

    desk: Desk
    heads: Heads
    scans: Scans
    afterlife: Afterlife
    asks: Asks
    jobs: Jobs

    @property
    def definitions(self) -> Callable[[bytes], Definitions]:
        """Returns the definitions of the tenant of a key."""
        ...

    def tick(self) -> None:
        """Go on with what takes many ticks."""
        ...


Handle = Callable[["Partition", bytes, Any], bool | None]
"""What a record does to a partition; False if that is to go on as a job (jobs.py)."""


def _to_desk(act: Callable[[Desk, bytes, Any], bool | None]) -> Handle:
    return lambda fold, key, activity: act(fold.desk, key, activity)


ASKED: dict[type, Callable[[Desk, bytes, Any], bool | None]] = {
    TenantAsked: tenant.on_tenant_asked,
    PinsAsked: tenant.on_pins_asked,
    EditsAsked: edits_asked.on_edits_asked,
}
"""Commands of a tenant, which wait for each other in rows where they are many."""


def _to_tenant(act: Callable[[Desk, bytes, Any], bool | None]) -> Handle:
    def run(fold: Partition, key: bytes, activity: Any) -> bool | None:
        if fold.asks.has_to_wait(key, activity):
            return True
        if key in fold.jobs.of:
            fold.jobs.park(key, activity)
            return True
        return act(fold.desk, key, activity)

    return run


def _to_contact(act: Act) -> Handle:
    watching = watched(act)

    def run(fold: Partition, key: bytes, activity: Any) -> bool:
        desk, job = fold.desk, fold.desk.job
        definitions = fold.definitions(key) if desk.ahead is None else desk.ahead.definitions
        head = desk.heads.get(key)
        linked = job is None and head is not None and head.links is not None
        if linked and alias.passed_on(desk, key, activity, definitions):
            return True
        if not _acted(fold, key, activity, watching if definitions.entangled else act, definitions):
            return False
        if (desk.waiting or desk.revived is not None) and not _finish(desk, key, definitions):
            return False
        if head is None:
            head = desk.heads[key]  # only now met
        if head.deleted is not None:
            if head.links is not None and activity.__class__ is Edit:
                parting.part(desk, key, head, partial(is_over, desk.pending, key))
            fold.heads.see_off(key)
        return True

    return run


def _acted(fold: Partition, key: bytes, activity: Any, act: Act, definitions: Definitions) -> bool:
    """Bring a contact up to date, then let its actor act; whether that is done, or was before."""
    desk, job, head = fold.desk, fold.desk.job, fold.desk.heads.get(key)
    if job is not None and job.acted:
        return True
    if head is not None and not _up_to_date(desk, key, head, definitions):
        return False
    return act(desk, key, activity, definitions) is not False


def _up_to_date(desk: Desk, key: bytes, head: Head, definitions: Definitions) -> bool:
    """Bring a contact that was met before up to date, before anything else; whether that is done, and time is left."""
    if head.version < 0 or (head.version == definitions.version and (desk.job is None or desk.job.renewal is None)):
        return True
    return contact.renew(Who(desk, key, desk.head(key)), definitions, desk.now) and desk.spent < desk.until


def _finish(desk: Desk, key: bytes, definitions: Definitions) -> bool:
    """Settle what waits once the record is taken in; whether that is done."""
    at = Who(desk, key, desk.head(key))
    if not settle_waiting(at, desk.now) or (desk.revived is not None and not deletion.revive(at, definitions)):
        job_of(desk).acted = True
        return False
    return True


def _to_linked(act: Act) -> Handle:
    def run(fold: Partition, key: bytes, activity: Any) -> bool:
        desk, definitions = fold.desk, fold.definitions(key)
        if not _acted(fold, key, activity, act, definitions):
            return False
        if desk.waiting and not _finish(desk, key, definitions):
            return False
        head = desk.heads.get(key)
        if head is None or key not in desk.dirty:
            return True
        if head.deleted is not None:
            fold.heads.see_off(key)
        elif head.links is not None and head.links.cut is not None:
            fold.afterlife.forget(key)  # it was erased once, and is there again without what tells so
        return True

    return run


def _on_forwarded(fold: Partition, key: bytes, forwarded: Forwarded) -> bool:
    """Take in what came to a linked id, as of the contact."""
    if not alias.arrived(fold.desk, key, forwarded):
        return True
    activity = decode(forwarded.body)
    fold.desk.via = forwarded.via
    if activity.__class__ is MessageSeen:
        (fold.desk.ahead,) = look_ahead([(key, activity)], fold.definitions, fold.desk.pending.store.get_many)
    done = HANDLE[activity.__class__](fold, key, activity)
    fold.desk.via = ""
    return done is not False


def _on_count_asked(fold: Partition, key: bytes, asked: CountAsked) -> bool:
    """Tell what became of a command here once no contact is being worked on, for it may be one of the command's."""
    if not fold.jobs.busy:
        bulk.on_count_asked(fold.desk, key.partition(COUNTING)[0], asked)
        return True
    if fold.desk.job is None:  # under a key of its own, so that other commands need not wait
        fold.jobs.keep(key + COUNTING + asked.bulk.to_bytes(8, "big"), asked)
        return True
    return False


def _on_defined(fold: Partition, key: bytes, defined: Defined) -> None:
    fold.scans.on_defined(key, defined)


def _on_tick(fold: Partition, key: bytes, tick: Tick) -> None:
    del key, tick
    fold.tick()


COUNTING = b"#"
"""Stands in no tenant's name."""
HANDLE: dict[type, Handle] = {
    MessageSeen: _to_contact(contact.on_message),
    FactPut: _to_contact(contact.on_fact_put),
    FactTaken: _to_contact(contact.on_fact_taken),
    Pin: _to_contact(contact.on_pin),
    Heard: _to_contact(contact.on_heard),
    Edit: _to_contact(contact.on_edit),
    BookingSeen: _to_desk(fact_owner.on_fact_seen),
    RatingSeen: _to_desk(fact_owner.on_fact_seen),
    FactErased: _to_desk(fact_owner.on_fact_erased),
    **{kind: _to_tenant(act) for kind, act in ASKED.items()},
    LinkSeen: _to_desk(alias.on_link_seen),
    LinkAsked: _to_desk(links.on_link_asked),
    Conflict: _to_desk(alias.on_conflict),
    RenameAsked: _to_desk(links.on_rename_asked),
    Renaming: _to_desk(renaming.on_renaming),
    Directed: _to_linked(handover.on_directed),
    Handed: _to_linked(takeover.on_handed),
    Parting: _to_desk(links.on_parting),
    Parted: _to_linked(lambda desk, key, parted, _: parting.on_parted(desk, key, parted)),
    Forwarded: _on_forwarded,
    Scanned: _to_desk(group_lifecycle.on_scanned),
    Lapping: _to_desk(progress.on_lapping),
    CountAsked: _on_count_asked,
    Counted: _to_desk(bulk.on_counted),
    Defined: _on_defined,
    Tick: _on_tick,
}
OF_CONTACTS = frozenset({
    MessageSeen, FactPut, FactTaken, Heard, Pin, Edit, LinkSeen, Conflict, Renaming, Directed, Handed, Parted,
    Forwarded,
})  # fmt: skip
"""Activities of contacts: the head under the key is wanted."""
OF_PARTITIONS = frozenset({Defined, Tick, CountAsked, *ASKED})
"""Activities that wait for no job, or see to that themselves."""
