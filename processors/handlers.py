"""Which actor a record of contact-activity goes to, and what is done around it."""

from __future__ import annotations

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
    from collections.abc import Callable

    from processors.afterlife import Afterlife
    from processors.asks import Asks
    from processors.definitions import Definitions
    from processors.desk import Desk
    from processors.heads import Heads
    from processors.scans import Scans


class Partition(Protocol):
    """What is done with records is done to this: a fold, as far as handlers know it."""

    desk: Desk
    heads: Heads
    scans: Scans
    afterlife: Afterlife
    asks: Asks

    @property
    def definitions(self) -> Callable[[bytes], Definitions]:
        """Returns the definitions of the tenant of a key."""
        ...

    def tick(self) -> None:
        """Go on with what takes many ticks."""
        ...


def _to_desk(act: Callable[[Desk, bytes, Any], None]) -> Callable[[Partition, bytes, Any], None]:
    return lambda fold, key, activity: act(fold.desk, key, activity)


def _to_tenant(act: Callable[[Desk, bytes, Any], None]) -> Callable[[Partition, bytes, Any], None]:
    def run(fold: Partition, key: bytes, activity: Any) -> None:
        if not fold.asks.has_to_wait(key, activity):
            act(fold.desk, key, activity)

    return run


def carry_out(desk: Desk, key: bytes, activity: Any) -> None:
    """Carry out a command that had to wait."""
    _ASKED[activity.__class__](desk, key, activity)


_ASKED: dict[type, Callable[[Desk, bytes, Any], None]] = {
    TenantAsked: tenant.on_tenant_asked,
    PinsAsked: tenant.on_pins_asked,
    EditsAsked: edits_asked.on_edits_asked,
}


def _to_contact(act: Callable[[Desk, bytes, Any, Definitions], None]) -> Callable[[Partition, bytes, Any], None]:
    watching = watched(act)

    def run(fold: Partition, key: bytes, activity: Any) -> None:
        desk = fold.desk
        definitions = fold.definitions(key) if desk.ahead is None else desk.ahead.definitions
        head = desk.heads.get(key)
        if head is not None and head.links is not None and alias.passed_on(desk, key, activity, definitions):
            return
        (watching if definitions.entangled else act)(desk, key, activity, definitions)
        if desk.waiting:
            settle_waiting(Who(desk, key, desk.heads[key]), desk.now)
        if desk.revived is not None:
            deletion.revive(desk, key, definitions)
        if head is None:
            head = desk.heads[key]  # only now met
        if head.deleted is not None:
            if head.links is not None and activity.__class__ is Edit:
                parting.part(desk, key, head, partial(is_over, desk.pending, key))
            fold.heads.see_off(key)

    return run


def _to_linked(act: Callable[[Desk, bytes, Any, Definitions], None]) -> Callable[[Partition, bytes, Any], None]:
    def run(fold: Partition, key: bytes, activity: Any) -> None:
        act(fold.desk, key, activity, fold.definitions(key))
        head = fold.desk.heads.get(key)
        if head is None or key not in fold.desk.dirty:
            return
        if head.deleted is not None:
            fold.heads.see_off(key)
        elif head.links is not None and head.links.cut is not None:
            fold.afterlife.forget(key)  # it was erased once, and is there again without what tells so

    return run


def _on_forwarded(fold: Partition, key: bytes, forwarded: Forwarded) -> None:
    """Take in what came to a linked id, as of the contact."""
    if alias.arrived(fold.desk, key, forwarded):
        activity = decode(forwarded.body)
        fold.desk.via = forwarded.via
        if activity.__class__ is MessageSeen:
            (fold.desk.ahead,) = look_ahead([(key, activity)], fold.definitions, fold.desk.pending.store.get_many)
        HANDLE[activity.__class__](fold, key, activity)
        fold.desk.via = ""


def _on_defined(fold: Partition, key: bytes, defined: Defined) -> None:
    fold.scans.on_defined(key, defined)


def _on_tick(fold: Partition, key: bytes, tick: Tick) -> None:
    del key, tick
    fold.tick()


HANDLE: dict[type, Callable[[Partition, bytes, Any], None]] = {
    MessageSeen: _to_contact(contact.on_message),
    FactPut: _to_contact(contact.on_fact_put),
    FactTaken: _to_contact(contact.on_fact_taken),
    Pin: _to_contact(contact.on_pin),
    Heard: _to_contact(contact.on_heard),
    Edit: _to_contact(contact.on_edit),
    BookingSeen: _to_desk(fact_owner.on_fact_seen),
    RatingSeen: _to_desk(fact_owner.on_fact_seen),
    FactErased: _to_desk(fact_owner.on_fact_erased),
    **{kind: _to_tenant(act) for kind, act in _ASKED.items()},
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
    CountAsked: _to_desk(bulk.on_count_asked),
    Counted: _to_desk(bulk.on_counted),
    Defined: _on_defined,
    Tick: _on_tick,
}
OF_CONTACTS = frozenset({
    MessageSeen, FactPut, FactTaken, Heard, Pin, Edit, LinkSeen, Conflict, Renaming, Directed, Handed, Parted,
    Forwarded,
})  # fmt: skip
"""Activities of contacts: the head under the key is wanted."""
