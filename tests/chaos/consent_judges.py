"""The judges of consent: who may be written to, by whose word, what guests were answered, and who was greeted."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from tests.chaos.evidence import Fault, accepted, members, model_of, table, told
from tests.chaos.history import History
from tests.chaos.link_judges import linking
from tests.chaos.model import ids_in
from tests.chaos.model_consent import ALL

Change = Mapping[str, Any]


def consent(history: History) -> Iterator[tuple[Fault, str]]:
    """What is told of consent has no gap and flips each time, by a word that was said, and ends where the words end."""
    out, seqs = dict[tuple[str, str], bool](), Counter[str]()
    for _, change in told(history, "membership-changes"):
        data, contact = change["data"], change["data"]["contact"]
        if change["type"].startswith("membership."):
            if data["sendable"] == (out.get((contact, ALL), False) or out.get((contact, data["group"]), False)):
                yield "wrong", f"{data['group']}, {contact}, seq {data['seq']}: sendable is {data['sendable']}"
            continue
        yield from _next(seqs[contact], data)
        yield from _flip(history, change, before=out.get((contact, data["scope"]), False))
        out[contact, data["scope"]] = change["type"] == "contact.suppressed"
        seqs[contact] = max(seqs[contact], data["seq"])
    yield from _ends(history, {name for name, is_so in out.items() if is_so})


def _next(before: int, data: Change) -> Iterator[tuple[Fault, str]]:
    if data["seq"] <= before:
        yield "repeated", f"{data['contact']}: consent's seq {data['seq']} after {before}"
    elif data["seq"] > before + 1:
        yield "lost", f"{data['contact']}: consent's seq {data['seq']} after {before}"


def _flip(history: History, change: Change, *, before: bool) -> Iterator[tuple[Fault, str]]:
    data, now = change["data"], change["type"] == "contact.suppressed"
    name = f"{data['contact']}, consent's seq {data['seq']}"
    if now == before:
        yield "wrong", f"{name}: {change['type']} changes nothing"
    model = model_of(history)
    words = model.guests[model.of(data["contact"])].words[data["scope"]]
    if (data["cause"]["id"], now, not data["review"]) not in {(word.id, word.out, word.certain) for word in words}:
        yield "wrong", f"{name}: {change['type']} by {data['cause']['id']}, who says no such thing"


def _ends(history: History, out: set[tuple[str, str]]) -> Iterator[tuple[Fault, str]]:
    """Compare what the log, the tables and the words themselves come to; an id that is linked says nothing any more."""
    model = model_of(history)
    wanted, out = model.opted_out(), {name for name in out if name[0] not in model.links}
    for contact, scope in wanted - out:
        yield "lost", f"{contact} opted out of {scope}, and the log does not say so"
    for contact, scope in out - wanted:
        yield "wrong", f"{contact} is not opted out of {scope}, and the log says so"
    for row in table(history, "contacts"):
        if row["sendable"] == ((row["contact"], ALL) in wanted):
            yield "wrong", f"{row['contact']}: the profile's sendable is {row['sendable']}"
    for (group, contact), row in members(history).items():
        if row["sendable"] == bool({(contact, ALL), (contact, group)} & wanted):
            yield "wrong", f"{group}, {contact}: the membership's sendable is {row['sendable']}"


# replies -------------------------------------------------------------------------------------------------------------

Acts = Mapping[tuple[str, str, str | None], set[str]]
"""Who said what in which message: the ids of the events that did."""
Asked = Counter[tuple[str, str, str | None]]
"""How often a contact is to be written to: contact, kind (with a greeting's text), the message that is answered."""
QUIET = ("import", "bulk")


def replies(history: History) -> Iterator[tuple[Fault, str]]:
    """Whoever joins, asks for help, opts out or comes back is answered once, and nobody else is."""
    linked, of = linking(history), model_of(history).of
    wanted, found = _wanted(history) + _greeted(history, lambda cause: cause not in linked), Asked()
    ids = Counter(reply["reply_id"] for _, reply in told(history, "replies"))
    for _, reply in told(history, "replies"):
        kind = f"join: {reply['text']}" if reply["kind"] == "join" else reply["kind"]
        found[of(reply["contact"]), kind, reply["in_reply_to"]] += 1
    yield from (("repeated", f"reply {id_}, {count} times") for id_, count in ids.items() if count > 1)
    yield from (("lost", f"{count} repl(ies) {name}") for name, count in (wanted - found).items())
    most = (wanted | _calls(history)) + _greeted(history, linked.__contains__) + _of_linked(history)
    yield from _beside(history, found - most)


def _wanted(history: History) -> Asked:
    """Return what is answered whatever the order of arrival: the flips, and the newest revisions that want help."""
    acts, model, wanted = _acts(history), model_of(history), Asked()
    for contact, _, message in _calls(history):
        newest = model.facts["message"]["gateway", str(message)]
        if ("help", ALL) in model.speech.asked(newest.data) and newest.time > model.guests[contact].erased:
            wanted[contact, "help", message] = 1
    for contact, change in _flips(history):
        kind, act = ("opt_out", "out") if change["type"] == "contact.suppressed" else ("opt_in", "back")
        if _by(change, acts, act) and contact not in model.linked:
            wanted[contact, kind, _message_of(change)] += 1
    return wanted


def _greeted(history: History, by: Callable[[str], bool]) -> Asked:
    """Return who is to be greeted: whoever joined live and may be written to, on the message that did it if one did.

    `by` chooses causes. An event that links makes the contact join, of which nobody is greeted, and may do so itself.
    """
    wanted, quiet, model = Asked(), _quiet(history), model_of(history)
    for _, change in told(history, "membership-changes"):
        data, cause = change["data"], change["data"]["cause"] or {"source": "", "id": ""}
        greeting = model.greetings.get(data.get("group"))
        if change["type"] == "membership.joined" and greeting and data["origin"] == "live" and data["sendable"]:
            message = _message_of(change) if cause["source"] == "gateway" else None
            called_for = by(cause["id"]) and cause["id"] not in quiet
            wanted[model.of(data["contact"]), f"join: {greeting}", message] += called_for
    return wanted


def _of_linked(history: History) -> Asked:
    """Return what those who have two ids said: whether that flips anything when it comes may depend on the link."""
    kinds, linked = {"out": "opt_out", "back": "opt_in"}, model_of(history).linked
    acts = {name: ids for name, ids in _acts(history).items() if name[0] in linked and name[1] in kinds}
    return Asked({(contact, kinds[act], message): len(ids) for (contact, act, message), ids in acts.items()})


def _quiet(history: History) -> set[str]:
    """Return the commands on which nobody is greeted."""
    asked = [(command["id"], command["type"], command["data"]) for _, command in accepted(history, "commands")]
    deletions = {id_ for id_, kind, _ in asked if kind == "contact.delete"}
    return deletions | {id_ for id_, _, data in asked if data.get("reason") in QUIET and not data.get("reply")}


def _calls(history: History) -> Asked:
    """Return each call for help: a revision that was the newest when it came was answered."""
    return Asked({name: len(ids) for name, ids in _acts(history).items() if name[1] == "help"})


def _beside(history: History, more: Asked) -> Iterator[tuple[Fault, str]]:
    """Judge answers to what flipped nothing.

    Who was opted out by a command or on suspicion is answered when they say so themselves, once; which of their words
    that is depends on the order of arrival.
    """
    acts, open_ = _acts(history), Counter[str]()
    for contact, change in _flips(history):
        open_[contact] += change["type"] == "contact.suppressed" and not _by(change, acts, "out")
    for (contact, kind, message), count in more.items():
        if kind == "opt_out" and (contact, "out", message) in acts and count <= open_[contact]:
            open_[contact] -= count
        else:
            yield "wrong", f"{count} repl(ies) {(contact, kind, message)} that nobody called for"


def _acts(history: History) -> Acts:
    found, model = defaultdict[tuple[str, str, str | None], set[str]](set), model_of(history)
    for _, event in accepted(history, "messages"):
        for act, _ in model.speech.asked(event["data"]):
            found[model.of(ids_in(event)[0]), act, event["data"]["message_id"]].add(event["id"])
    return found


def _flips(history: History) -> Iterator[tuple[str, Change]]:
    """Yield what was told of everything."""
    for _, change in told(history, "membership-changes"):
        if not change["type"].startswith("membership.") and change["data"]["scope"] == ALL:
            yield change["data"]["contact"], change


def _message_of(change: Change) -> str:
    return str(change["data"]["cause"]["id"]).rpartition(":")[0]


def _by(change: Change, acts: Acts, act: str) -> bool:
    """Whether a flip was caused by a message that says nothing else."""
    return change["data"]["cause"]["id"] in acts.get((change["data"]["contact"], act, _message_of(change)), ())
