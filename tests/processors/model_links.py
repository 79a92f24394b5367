"""Links in the slow model: which ids are one guest, whose they are, and what they have said of consent as one.

Everything is computed anew from the whole list of events, each id by the texts that events name it with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from operator import itemgetter
from typing import Any

Event = Mapping[str, Any]
Edge = tuple[datetime, str, str]
SCHEMES = {"whatsapp": "", "sms": "", "email": "mailto:"}
INTRODUCING = ("group.add", "contact.tag", "contact.untag", "contact.note", "contact.upsert")


def ids_in(event: Event) -> list[str]:
    """Return the ids by which an event names its guest, the leading one first; a phone has no scheme."""
    data = event["data"]
    if event["type"] == "message":
        scheme = SCHEMES.get(data["channel"], f"{data['channel']}:")
        mails = [f"mailto:{data['email']}"] if data.get("email") else []
        chat = [scheme + data["from"]]
        return chat + mails if not scheme else [*mails, *chat]
    guest = data.get("guest") or {}
    named = {"phone": "", "email": "mailto:", "telegram": "telegram:"}
    return [scheme + guest[name] for name, scheme in named.items() if guest.get(name)]


def refs(event: Event) -> list[Any]:
    """Return whom a command names."""
    data = event["data"]
    return list(data.get("contacts") or ([data["contact"]] if isinstance(data.get("contact"), dict) else []))


def id_of(ref: Event) -> str:
    """Return the id that a reference means."""
    return str(ref["phone"] if "phone" in ref else ref["id"])


def plain(event: Event) -> Event:
    """Write an event anew, with the leading one of its ids as the phone."""
    return _renamed(event, str, ids_in(event)[:1] if event["type"] in {"message", "booking", "rating"} else ())


def _renamed(event: Event, rename: Callable[[str], str], ids: Sequence[str] = ()) -> Event:
    data = dict(event["data"])
    if event["type"] == "message":
        data["from"] = ids[0] if ids else rename(data["from"])
    elif data.get("guest"):
        data["guest"] = {"phone": ids[0] if ids else rename(data["guest"]["phone"])}
    elif "contacts" in data:
        data["contacts"] = [{"phone": rename(id_of(ref))} for ref in data["contacts"]]
    elif isinstance(data.get("contact"), dict):
        rest = {name: value for name, value in data["contact"].items() if name not in {"id", "phone"}}
        data["contact"] = {**rest, "phone": rename(id_of(data["contact"]))}
    return {**event, "data": data}


class Links:
    """The links of all events, and who is who by them."""

    def __init__(self, events: Iterable[Event]) -> None:
        self.edges: list[Edge] = []
        self.first: dict[str, datetime] = {}
        self.leader: dict[str, str] = {}
        groups: set[str] = set()
        for event in events:
            time = datetime.fromisoformat(event["time"])
            kind, data = event["type"], event["data"]
            if kind in {"message", "booking", "rating"}:
                ids = ids_in(event)
                self.edges += [(time, ids[0], other) for other in ids[1:]]
            elif kind in INTRODUCING and (kind != "group.add" or data["group"] in groups):
                ids = [id_of(ref) for ref in refs(event)]
            else:
                ids = []
                groups |= {data["id"]} if kind == "group.create" else set()
                groups -= {data["group"]} if kind == "group.delete" else set()
            for name in ids:
                self.first[name] = min(time, self.first.get(name, time))
        self._find_leaders()

    def _find_leaders(self) -> None:
        for camp in self.camps():
            phones = [name for name in camp if name.startswith("+")]
            leader = phones[0] if phones else min((self.first[name], name) for name in camp)[1]
            self.leader.update(dict.fromkeys(camp, leader))

    def camps(self) -> list[set[str]]:
        """Return the ids that are one guest."""
        camps: list[set[str]] = []
        for name in self.first:
            mine = {name}
            for _, one, other in self.edges * 3:  # guests have three ids
                if one in mine or other in mine:
                    mine |= {one, other}
            if mine not in camps:
                camps.append(mine)
        return camps

    def of(self, name: str) -> str:
        """Return whose an id is."""
        return self.leader.get(name, name)

    def as_one(self, event: Event) -> Event:
        """Write a plain event anew, as of the guest."""
        return _renamed(event, self.of)

    def words(self, guest: str, said: Mapping[str, Sequence[tuple[datetime, bool]]]) -> list[tuple[datetime, bool]]:
        """Return what a guest has said, in order, from what each id has; a link with who is out is a word too."""
        camps: dict[str, tuple[set[str], list[tuple[datetime, bool]]]] = {}
        for time, kind, *rest in sorted(self._timeline(guest, said)):
            names = [name for name in rest if isinstance(name, str)]
            found = [camps.setdefault(name, ({name}, [])) for name in names]
            if kind == 1:
                found[0][1].append((time, rest[0]))
            elif found[0] is not found[1]:
                told = sorted([*found[0][1], *found[1][1]], key=itemgetter(0))
                out = any(words and words[-1][1] for _, words in found)
                whole = (found[0][0] | found[1][0], [*told, *([(time, True)] if out else [])])
                camps.update(dict.fromkeys(whole[0], whole))
        mine = [words for names, words in camps.values() if any(self.of(name) == guest for name in names)]
        return mine[0] if mine else []

    def _timeline(self, guest: str, said: Mapping[str, Sequence[tuple[datetime, bool]]]) -> Iterator[Any]:
        yield from ((time, 0, one, other) for time, one, other in self.edges if self.of(one) == guest)
        for name, words in said.items():
            if self.of(name) == guest:
                yield from ((time, 1, out, name) for time, out in words)
