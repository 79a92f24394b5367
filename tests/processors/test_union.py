"""What two linked contacts know, as one: whichever is asked first, and however often."""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from processors.bonds import are_linked, first_links, newest, others, united
from processors.profile import introduce, meet, original
from processors.profile import newest as newest_of_field
from processors.rows import PINNED_OUT, Add, Edits, GroupConsent, Known, Links, Pins, Profile, Said
from processors.union import unite_parts, unite_pins, unite_profiles, unite_words
from tests.processors.test_laws import law

times = st.integers(1, 4)
knowns = st.builds(
    lambda at, value, id_: Known(at, f"{value}{at}{id_}", id_), times, st.just("v"), st.sampled_from("ab")
)
registers = st.dictionaries(st.sampled_from("xy"), knowns, max_size=2)


def _profile(meetings: list[Any], fields: dict[str, Known], edits: Edits | None) -> Profile:
    profile = Profile(edits=edits)
    for time, source in meetings:
        meet(profile, time, source)
        introduce(profile, time, source, f"by {source}")
        original(profile, time, source)
    for name, known in fields.items():
        newest_of_field(profile, name, known.at, known.value, known.id)
    return profile


profiles = st.builds(
    _profile, st.lists(st.tuples(times, st.sampled_from("st")), max_size=2), registers,
    st.one_of(st.none(), st.builds(Edits, registers, registers, registers)),
)  # fmt: skip
adds = st.dictionaries(
    st.sampled_from(["manual", "import"]), st.builds(lambda time: Add(time, f"i{time}"), times), max_size=2
)
pins = st.one_of(
    st.none(),
    st.builds(lambda new: Pins(adds=new), adds),
    st.builds(
        lambda at, new: Pins(PINNED_OUT, at, f"r{at}", {r: add for r, add in new.items() if add.time > at}), times, adds
    ),
)
said = st.builds(lambda time, out: Said(time, out, "s", f"e{time}{out}"), times, st.booleans())


@law(100)
@given(profiles, profiles)
def test_profiles(one: Profile, other: Profile) -> None:
    """Uniting is the same either way round, and a second time changes nothing."""
    left, right = deepcopy(one), deepcopy(other)
    unite_profiles(left, other)
    unite_profiles(right, one)
    assert left == right
    again = deepcopy(left)
    unite_profiles(again, other)
    assert again == left


@law(100)
@given(pins, pins)
def test_pins(one: Pins | None, other: Pins | None) -> None:
    """Adds and removes of two ids are those of one."""
    left, right = unite_pins(deepcopy(one), deepcopy(other)), unite_pins(deepcopy(other), deepcopy(one))
    assert (left or Pins()) == (right or Pins())
    assert unite_pins(deepcopy(left), deepcopy(other)) == left


@law(50)
@given(st.dictionaries(st.sampled_from("ab"), said), st.dictionaries(st.sampled_from("ab"), said))
def test_words(one: dict[str, Said], other: dict[str, Said]) -> None:
    """Of each id the newest word is kept, of everything and of a group."""
    left, right = dict(one), dict(other)
    unite_words(left, other)
    unite_words(right, one)
    assert left == right
    parts = [{name: GroupConsent(word) for name, word in words.items()} for words in (one, other)]
    here, there = dict(parts[0]), dict(parts[1])
    unite_parts(here, parts[1])
    unite_parts(there, parts[0])
    assert here == there == {name: GroupConsent(word) for name, word in left.items()}


def test_edges() -> None:
    """Those by which ids came together first are kept, and tell by when two are linked."""
    edges = [(3, "a", "b"), (1, "b", "c"), (2, "a", "c")]
    kept = first_links(edges)
    assert kept == [(1, "b", "c"), (2, "a", "c")]
    assert are_linked(kept, "a", "b", 2)
    assert not are_linked(kept, "a", "b", 1)
    assert are_linked(kept, "d", "d", 1)
    assert others(Links(1, 1, edges=kept), "b") == ["a", "c"]
    assert others(None, "b") == []


def test_a_word_holds_for_who_is_linked_by_then() -> None:
    """An opt-out that lasts to the link is everybody's; one that was taken back before, or a word after, is not."""
    stop, start = Said(2, out=True, source="s", event="1"), Said(4, out=False, source="s", event="2")
    assert newest({"a": stop, "b": start}, [(5, "a", "b")]) == stop
    assert newest({"a": stop, "b": start}, [(3, "a", "b")]) == start
    back = GroupConsent(Said(3, out=False, source="s", event="3"), 2, [3])
    out = GroupConsent(Said(9, out=True, source="s", event="4"), 9)
    assert united({"a": back}, [(5, "a", "b")]) == back
    assert united({"a": back, "b": out}, [(5, "a", "b")]) == out
    assert united({"a": back, "b": GroupConsent(stop, 2)}, [(5, "a", "b")]) == GroupConsent(stop, 5)
