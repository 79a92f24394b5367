"""The judge of links: who is one contact with whom, and that memberships merge with their contact and not else."""

from __future__ import annotations

from collections.abc import Iterator

from tests.chaos.evidence import Fault, accepted, compare, model_of, table, told
from tests.chaos.history import History
from tests.chaos.model import ids_in


def linking(history: History) -> set[str]:
    """Return the events that name two ids."""
    return {event["id"] for _, event in accepted(history, "bookings", "ratings") if len(ids_in(event)) > 1}


def links(history: History) -> Iterator[tuple[Fault, str]]:
    """Each contact names its other ids, which are no contacts; what `merged` left an id that an event has linked."""
    model, asked = model_of(history), linking(history)
    wanted = {contact: name for name, (_, contact) in model.links.items()}
    rows = {row["contact"]: row["linked"] for row in table(history, "contacts")}
    found = {contact: ", ".join(others) for contact, others in rows.items() if others}
    yield from compare("the events", wanted, "contacts", found)
    for name in model.links.keys() & rows.keys():
        yield "wrong", f"{name} is {model.of(name)}, and a contact too"
    for _, change in told(history, "membership-changes"):
        data = change["data"]
        if data.get("reason") == "merged" and (data["contact"] not in model.links or data["cause"]["id"] not in asked):
            yield "wrong", f"{data['group']}, {data['contact']}, seq {data['seq']}: merged with nobody"
