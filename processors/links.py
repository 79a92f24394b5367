"""The tenant's part of linking: which ids are one contact, and whose they are.

All links of a tenant are decided in one place, in the order of its log: two that cross, chains and cycles need no
protocol between contacts. Ids that are one contact are a component. A phone leads it; without one, the id that is known
for longest, of two the first by name: that does not depend on the order in which links and events come. A component has
one phone: a link between two that have one is a conflict, and both stay as they are. `contact.rename` puts another
phone in the place of the one that leads.

Each change of a component has a number, higher than all before it. Its ids are told who leads (`Directed`); they do
what the highest number that they have heard says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from processors.bonds import first_links, ids_of
from processors.desk import ORIGIN
from processors.office import Office
from processors.renaming import became, mark_of
from processors.repeats import is_repeat, remember
from processors.rows import Component, component_of, encode
from schemas.activity import Conflict, Directed, Parted, Renaming

if TYPE_CHECKING:
    from processors.desk import Desk
    from processors.rows import Edge
    from schemas.activity import Asked, LinkAsked, Parting, RenameAsked
    from schemas.outputs import OutcomeReason, OutcomeResult

MOST = 50
"""Ids that events may link: an address that whole offices use is no guest's."""


class Register:
    """The components of a tenant: one row each, one for each id that says in which it is, and how often it was told."""

    def __init__(self, desk: Desk, tenant: str) -> None:
        self.desk = desk
        self.tenant = tenant

    def of(self, name: str) -> Component:
        """Return the component of an id; alone, it is one too."""
        raw = self.desk.pending.get(self._key(b"z", name))
        if raw is None:
            return Component(name, name, name if name.startswith("tel:") else None)
        row = self.desk.pending.get(self._key(b"y", raw.decode()))
        component: Component = component_of(row)
        return component

    def keep(self, component: Component) -> None:
        """Put a component back, and where its ids are."""
        self.desk.pending.put(self._key(b"y", component.name), encode(component))
        for name in ids_of(component.edges):
            self.desk.pending.put(self._key(b"z", name), component.name.encode())

    def unite(self, one: Component, other: Component) -> None:
        """Let the ids of another component be the first one's."""
        self.desk.pending.put(self._key(b"y", other.name), None)
        one.phone = one.phone or other.phone
        one.renamed = max(one.renamed, other.renamed)
        one.edges += other.edges
        one.firsts |= other.firsts

    def _key(self, letter: bytes, name: str) -> bytes:
        return letter + f"{self.tenant}/{name}".encode()

    def next_gen(self) -> int:
        """Count what is said of all components: one that is forgotten and comes again goes on above."""
        row = b"y" + self.tenant.encode()
        gen = int.from_bytes(self.desk.pending.get(row) or b"", "big") + 1
        self.desk.pending.put(row, gen.to_bytes(8, "big"))
        return gen

    def forget(self, component: Component) -> None:
        """Forget that ids are linked."""
        self.desk.pending.put(self._key(b"y", component.name), None)
        for name in ids_of(component.edges):
            self.desk.pending.put(self._key(b"z", name), None)


class _Cause(NamedTuple):
    """The event or command that links, and its time."""

    source: str
    event: str
    at: int


def on_link_asked(desk: Desk, key: bytes, asked: LinkAsked) -> None:
    """Link two ids, unless both have a phone; or take in that one is known for longer."""
    register = Register(desk, key.decode())
    component, other = register.of(asked.lead), register.of(asked.other)
    apart = component.name != other.name
    if apart and _may_not(component, other):
        desk.counts["conflicts"] += 1
        desk.tell(f"{register.tenant}/{asked.lead}".encode(), Conflict(*ORIGIN, asked.source, asked.event))
        return
    if apart:
        register.unite(component, other)
    link = [] if asked.lead == asked.other else [(asked.at, *sorted((asked.lead, asked.other)))]
    if _grow(component, [*component.edges, *link], asked.firsts) or apart:  # type: ignore[list-item]
        _direct(register, component, _Cause(asked.source, asked.event, asked.at))
    register.keep(component)


def _may_not(one: Component, other: Component) -> bool:
    """Whether two components must stay apart."""
    both = one.phone is not None and other.phone is not None
    return both or len({*ids_of(one.edges), one.name, *ids_of(other.edges), other.name}) > MOST


def _grow(component: Component, edges: list[Edge], firsts: dict[str, int]) -> bool:
    """Take in links and since when ids are known; return whether that changes anything for them."""
    before = component.edges, component.leader
    component.edges = first_links(edges)
    for name, first in firsts.items():
        component.firsts[name] = min(first, component.firsts.get(name, first))
    if component.phone is not None:
        component.firsts = {}  # nobody asks for them again
    component.leader = component.phone or min((first, name) for name, first in component.firsts.items())[1]
    return before != (component.edges, component.leader)


def _direct(
    register: Register, component: Component, cause: _Cause, former: str = "", asked: Asked | None = None
) -> None:
    """Tell each id whose it is; `former`, which is to hand all over, for which command."""
    component.gen = register.next_gen()
    for name in ids_of(component.edges):
        directed = Directed(
            *ORIGIN, *cause, component.gen, component.leader, component.edges, component.firsts,
            asked if name == former else None,
        )  # fmt: skip
        register.desk.tell(f"{register.tenant}/{name}".encode(), directed)


def on_parting(desk: Desk, key: bytes, parting: Parting) -> None:
    """Forget that the ids of an erased contact are linked, unless there is a newer word on them: then it asks again."""
    register = Register(desk, key.decode())
    component = register.of(parting.contact)
    if component.gen == parting.gen:
        register.forget(component)
        for name in ids_of(component.edges):
            if name != parting.contact:
                desk.tell(f"{register.tenant}/{name}".encode(), Parted(*ORIGIN, parting.gen, parting.left))


def on_rename_asked(desk: Desk, key: bytes, asked: RenameAsked) -> None:
    """Have contact and new id looked at; then let the new id lead, if it is free."""
    tenant = key.decode()
    if is_repeat(Office(desk, tenant), asked.asked.source, asked.asked.id):
        became(desk, tenant, asked.asked, asked.contact, ("unchanged", "repeated"))
    elif asked.contact is None or asked.to is None:
        reason: OutcomeReason = "contact_invalid" if asked.contact is None else "phone_invalid"
        became(desk, tenant, asked.asked, asked.contact, ("skipped", reason))
    elif not asked.free:
        desk.tell(f"{tenant}/{asked.contact}".encode(), Renaming(*ORIGIN, asked.asked, asked.contact, asked.to))
    else:
        _rename(Register(desk, tenant), asked.asked, asked.contact, asked.to)


def _rename(register: Register, asked: Asked, contact: str, to: str) -> None:
    component, other = register.of(contact), register.of(to)
    verdict = _refused(component, other, asked, to)
    if verdict is None or verdict[0] != "skipped":
        remember(Office(register.desk, register.tenant), asked.source, asked.id)
    if verdict is not None:
        became(register.desk, register.tenant, asked, contact, verdict)
        return
    former = component.leader
    if component.name != other.name:
        register.unite(component, other)
    component.phone, component.renamed = to, mark_of(asked)
    one, two = sorted((contact, to))
    _grow(component, [*component.edges, (asked.time, one, two)], {})
    _direct(register, component, _Cause(asked.source, asked.id, asked.time), former, asked)
    register.keep(component)


def _refused(
    component: Component, other: Component, asked: Asked, to: str
) -> tuple[OutcomeResult, OutcomeReason] | None:
    if mark_of(asked) <= component.renamed:
        return ("unchanged", "repeated") if mark_of(asked) == component.renamed else ("skipped", "newer_known")
    if component.leader == to:
        return "unchanged", "already_in_force"
    if component.name != other.name and other.edges:
        return "skipped", "phone_taken"
    return None
