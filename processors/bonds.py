"""Links between ids, and what the ids of one contact have said of consent, as one: whatever order all that came in.

A link is an edge: the time of the first event that named two ids of one guest, and the two. Of the edges a contact
keeps those by which its ids came together first, one fewer than it has ids.

What each id said is kept apart. Told again in the order of their times, words and links give one answer: a word is the
newest of the contact as it is at that time; where two are linked of which one is opted out, both are, until a
newer word.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from msgspec import Struct

from processors.rows import GroupConsent, Said

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from processors.rows import Edge, Links

WORD = 1
"""A link of the same time comes first: what is said at that moment is said by both."""


def rank(said: Said) -> tuple[int, bool, bool, str, str]:
    """Return what the newest word goes by: of one moment an opt-out, then one that is certain."""
    return said.time, said.out, not said.doubtful, said.event, said.source


def ids_of(edges: Iterable[Edge]) -> list[str]:
    """Return the ids that edges link, in order."""
    return sorted({name for _, one, other in edges for name in (one, other)})


def others(links: Links | None, contact: str) -> list[str]:
    """Return the other ids of a contact."""
    return [] if links is None else [name for name in ids_of(links.edges) if name != contact]


def first_links(edges: Iterable[Edge]) -> list[Edge]:
    """Keep the edges by which ids came together first."""
    camps: dict[str, set[str]] = {}
    return [edge for edge in sorted(edges) if _unite(camps, edge)]


def are_linked(edges: Iterable[Edge], one: str, other: str, at: int) -> bool:
    """Whether two ids were linked by a time (epoch ms)."""
    camps: dict[str, set[str]] = {}
    for edge in edges:
        if edge[0] <= at:
            _unite(camps, edge)
    return one == other or other in camps.get(one, ())


def _unite(camps: dict[str, set[str]], edge: Edge) -> bool:
    one, other = (camps.setdefault(name, {name}) for name in edge[1:])
    if one is other:
        return False
    one |= other
    camps.update(dict.fromkeys(other, one))
    return True


class _Camp(Struct):
    """Ids that are linked by a time, and what they have said by then: the newest word, opt-out, opt-ins since."""

    names: set[str]
    said: Said | None = None
    out: int | None = None
    ins: list[int] = []

    @property
    def is_out(self) -> bool:
        return self.out is not None and not self.ins

    def hear(self, time: int, said: Said | None, *, out: bool) -> None:
        self.said = said or self.said
        if out:
            self.out, self.ins = time, []
        else:
            self.ins.append(time)

    def join(self, other: _Camp, time: int) -> None:
        """Be one from a time on: of two words the opt-out holds, and holds from then on."""
        told = [one for one in (self, other) if one.is_out] or [self, other]
        words = [one.said for one in told if one.said is not None]
        outs = [one.out for one in (self, other) if one.out is not None]
        ins = sorted(t for t in (*self.ins, *other.ins) if t > max(outs, default=t - 1))
        if self.is_out or other.is_out:
            outs, ins = [*outs, time], []
        self.names |= other.names
        self.said, self.out, self.ins = max(words, key=rank, default=None), max(outs, default=None), ins


def united(parts: Mapping[str, GroupConsent], edges: Iterable[Edge]) -> GroupConsent:
    """Return what the ids of one contact, of which at least one has said something, have said as one."""
    edges = list(edges)
    camps = {name: _Camp({name}) for name in {*parts, *ids_of(edges)}}
    timeline: list[Any] = [*((time, 0, (one, other)) for time, one, other in edges), *_words(parts)]
    for time, kind, *rest in sorted(timeline, key=lambda one: one[:3]):
        if kind == WORD:
            camps[rest[1]].hear(time, rest[2], out=rest[0][0])
        else:
            one, other = (camps[name] for name in rest[0])
            one.join(other, time)
            camps.update(dict.fromkeys(other.names, one))
    whole = camps[next(iter(parts))]
    return GroupConsent(cast("Said", whole.said), whole.out, whole.ins[:1])


def _words(parts: Mapping[str, GroupConsent]) -> Iterator[Any]:
    """Yield each word: its time, what it ranks by, whose it is; of all but the newest of an id no more is known."""
    for name, part in parts.items():
        said = part.said
        yield said.time, WORD, rank(said)[1:], name, said
        if part.out is not None and not said.out:
            yield part.out, WORD, (True,), name, None
        yield from ((time, WORD, (False,), name, None) for time in part.ins if said.out or time != said.time)


def newest(said: Mapping[str, Said], edges: Iterable[Edge]) -> Said:
    """Return which word of those on everything holds for the contact."""
    parts = {name: GroupConsent(one, one.time if one.out else None, [] if one.out else [one.time])
             for name, one in said.items()}  # fmt: skip
    return united(parts, edges).said
