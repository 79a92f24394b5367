"""Laws over random histories of guests with several ids: who is who, and what is known, depends on no order."""

from __future__ import annotations

from collections import Counter
from random import Random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors import scans
from tests.processors.model import Heard, Model, when
from tests.processors.test_laws import (
    BEGIN,
    GROUPS,
    PUT,
    Step,
    creations,
    definitions,
    event_of,
    key_of,
    law,
    leave_out_none,
    opted_out,
    pauses,
    play,
    play_on,
    says_the_same_however_cut,
    sendable,
    start,
    steps,
    table,
    tables,
    texts,
    texts_or_none,
)
from tests.processors.world import DAY, SECOND, World, iso

PEOPLE = [
    {"phone": "+6281234567890", "email": "made@example.com", "telegram": "4711"},
    {"phone": "+6281234567891", "email": "wayan@example.com", "telegram": "4712"},
    {"email": "anna@example.com", "telegram": "4713"},
]
"""Guests with all their ids; the last one has no phone."""
IDS = [
    {"phone": "", "email": "mailto:", "telegram": "telegram:"}[name] + value
    for one in PEOPLE
    for name, value in one.items()
]

people = st.sampled_from(PEOPLE)


@st.composite
def named(draw: Any) -> dict[str, str]:
    """Draw a guest as an event names them: by one id or more."""
    person = draw(people)
    names = draw(st.sets(st.sampled_from(sorted(person)), min_size=1))
    return {name: person[name] for name in sorted(names)}


refs = people.flatmap(lambda one: st.sampled_from([*one.items()])).map(
    lambda pair: {"phone": pair[1]} if pair[0] == "phone" else
    {"id": f"{'mailto' if pair[0] == 'email' else 'telegram'}:{pair[1]}"}
)  # fmt: skip


def _message(guest: dict[str, str], text: str, revision: int, nth: str) -> tuple[str, dict[str, Any]]:
    channel = next(name for name in ("telegram", "phone", "email") if name in guest)
    lead = guest["email"] if channel == "telegram" and "email" in guest else guest[channel]
    return "message", leave_out_none({
        "message_id": f"{channel}/{lead}/{nth}", "channel": "whatsapp" if channel == "phone" else channel,
        "direction": "inbound", "from": guest[channel], "text": text, "revision": revision,
        "email": guest.get("email") if channel == "telegram" else None,
    })  # fmt: skip


nths = st.sampled_from("123")
messages = st.builds(_message, named(), texts, st.sampled_from([1, 1, 2]), nths)
ratings = st.builds(
    lambda id_, guest, stars, revision: (
        "rating", {"rating_id": f"r{id_}", "guest": guest, "stars": stars, "revision": revision}
    ),
    nths, named(), st.sampled_from([1, 3, 5]), st.integers(1, 3),
)  # fmt: skip
bookings = st.builds(
    lambda id_, guest, revision, paid, tag: ("booking", leave_out_none({
        "booking_id": f"b{id_}", "guest": guest if guest or revision > 1 else PEOPLE[0], "revision": revision,
        "status": "confirmed", "room_type": "Pool villa", "check_in": "2026-02-01", "check_out": "2026-02-03",
        "amount": paid, "currency": "IDR", "tags": [tag] if tag else None, "attributes": {"tier": tag} if tag else None,
    })),
    nths, st.one_of(named(), named(), st.none()), st.integers(1, 3), st.sampled_from(["50.25", "200"]),
    st.sampled_from([None, "vip", "gold"]),
)  # fmt: skip
pins = st.builds(
    lambda kind, group, who, reason, ends, evidence: (kind, {
        "group": group, "contacts": [who],
        **({"reason": reason} if kind != "group.clear_pin" else {}),
        **({"ends": ends} if kind == "group.add" and ends else {}),
        **({"evidence": "x"} if kind == "group.add" and evidence else {}),
    }),
    st.sampled_from(["group.add", "group.add", "group.remove", "group.clear_pin"]), st.sampled_from(GROUPS),
    refs, st.sampled_from(["manual", "import", "flow"]), st.sampled_from([None, None, 30 * SECOND, DAY]), st.booleans(),
)  # fmt: skip
consents = st.builds(
    lambda kind, scope, who: (kind, leave_out_none({"contacts": [who], "scope": scope})),
    st.sampled_from(["consent.opt_out", "consent.opt_in"]), st.sampled_from([None, *GROUPS]), refs,
)  # fmt: skip
edits = st.one_of(
    st.builds(
        lambda kind, who, tag: (kind, {"contacts": [who], "tags": [tag]}),
        st.sampled_from(["contact.tag", "contact.untag"]), refs, st.sampled_from(["vip", "VIP", "quiet", "gold"]),
    ),
    st.builds(
        lambda who, language: ("contact.upsert", {"contact": leave_out_none({**who, "language": language})}),
        refs, texts_or_none,
    ),
)  # fmt: skip
facts = st.one_of(messages, messages, ratings, bookings, bookings, pins, consents, edits)
renames = st.builds(
    lambda who, to: ("contact.rename", {"contact": who, "phone": to}),
    refs, st.sampled_from(["+6281234567890", "+6281234567891", "+6281234567899"]),
)  # fmt: skip
deletions = st.builds(lambda who, erase: ("contact.delete", {"contact": who, "erase": erase}), refs, st.booleans())
mixed = named().map(lambda one: {**one, "phone": "+4915123456789"})
conflicts = st.builds(
    lambda id_, guest: ("rating", {"rating_id": f"c{id_}", "guest": guest, "stars": 5, "revision": 1}), nths, mixed
)
anything = st.one_of(facts, facts, renames, deletions, conflicts, definitions)


def events_of(history: list[Step]) -> list[dict[str, Any]]:
    """Write a history's events, as of its beginning."""
    return [event_of(BEGIN, at, late, kind, content) for at, (_, late, (kind, content)) in enumerate(history)]


def once(history: list[Step]) -> list[Step]:
    """Leave out other contents under a fact's id and revision: of those the first one read stays."""
    named: dict[Any, Step] = {}
    for at, step in enumerate(history):
        named.setdefault(key_of({"type": step[2][0], "id": at, "data": step[2][1]}), step)
    return list(named.values())


def agrees(world: World, heard: list[Heard]) -> None:
    """The tables are what the model says."""
    model = Model(heard)
    assert table(world) == model.memberships(when(iso(world.now)), sorted({*map(model.links.of, IDS)}))
    assert all(said is not model.consents.out(guest) for _, guest, said in sendable(world))
    for row in world.tables["contacts"].values():
        name = row["contact"].removeprefix("tel:")
        camp = next((camp for camp in model.links.camps() if name in camp), {name})
        assert [one.removeprefix("tel:") for one in row["linked"]] == sorted(camp - {name})


@law(150)
@given(steps(st.one_of(facts, facts, facts, definitions)), steps(creations, 4), st.sampled_from([1, 3]), st.data())
def test_the_fold_agrees_with_the_model(history: list[Step], groups: list[Step], partitions: int, data: Any) -> None:
    """Guests with several ids are one from the event on that says so, and all that was known is theirs."""
    world = start(partitions, "P9999D")
    heard = play(world, [PUT, *groups])
    history = once(history)
    cut = data.draw(st.integers(0, len(history)))
    for part in (history[:cut], history[cut:]):
        heard += play_on(world, part, len(heard))
        world.tick(data.draw(pauses))
        agrees(world, heard)


@law(100)
@given(steps(facts), steps(creations, 3), st.sampled_from([1, 3]), st.data())
def test_arrival_order_changes_nothing(history: list[Step], groups: list[Step], partitions: int, data: Any) -> None:
    """In whatever order events and links come, who survives, and all that is known and said of them, is the same."""
    events = events_of(once(history))
    ends = []
    for order in (events, data.draw(st.permutations(events))):
        world = start(partitions, "P9999D")
        play(world, [PUT, *groups])
        for event in order:
            assert world.publish(event) is None
        world.tick(DAY)
        ends.append((table(world), sendable(world), world.tables["contacts"]))
    assert ends[0] == ends[1]


@law(100)
@given(steps(facts), steps(creations, 3), st.integers(0, 2**32))
def test_partitions_that_lag_change_nothing(history: list[Step], groups: list[Step], seed: int) -> None:
    """However far each partition is behind the others, records that cross end in the same state."""
    ends = []
    for dice in (None, Random(seed)):
        world = start(4, "P9999D")
        play(world, [PUT, *groups])
        for event in events_of(once(history)):
            for keyed in world.keyed(event):
                world.append(keyed.key, keyed.value)
            if dice is None:
                world.run()
            else:
                stumble(world, dice, dice.randint(0, 3))
        while dice is not None and stumble(world, dice, 1):
            pass
        world.tick(DAY)
        ends.append((table(world), sendable(world), world.tables["contacts"]))
    assert ends[0] == ends[1]


def stumble(world: World, dice: Random, times: int) -> bool:
    """Let some partitions apply a few records; return whether there was anything to apply."""
    behind: list[int] = []
    for _ in range(times):
        behind = [at for at, log in enumerate(world.logs) if world.read[at] < len(log)]
        if behind:
            world.step(dice.choice(behind), dice.randint(1, 3))
    return bool(behind)


@law(80)
@given(steps(anything), steps(creations, 3), st.integers(0, 2**32))
def test_nothing_is_lost_whatever_crosses(history: list[Step], groups: list[Step], seed: int) -> None:
    """Also with conflicts, renames and deletions: it ends, an alias is nobody, facts lie with one contact each.

    Laps have come to hardly anybody when the next record comes.
    """
    world, dice = start(4, "P9999D"), Random(seed)
    play(world, [PUT, *groups])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(scans, "SLICE", 1)
        for event in events_of(history):
            for keyed in world.keyed(event):
                world.append(keyed.key, keyed.value)
            stumble(world, dice, dice.randint(0, 3))
        left = 10_000
        while stumble(world, dice, 1):
            left -= 1
            assert left, "records go round in circles"
        world.rest()
    linked = Counter(name for row in world.tables["contacts"].values() for name in row["linked"])
    assert all(count == 1 for count in linked.values())
    assert not linked.keys() & {row["contact"] for row in world.tables["contacts"].values()}
    assert not linked.keys() & {row["contact"] for row in world.tables["memberships"].values()}
    alternates(world)


@law(60)
@given(steps(anything), steps(creations, 3), st.data())
def test_cuts_change_nothing(history: list[Step], groups: list[Step], data: Any) -> None:
    """However a log with links is cut into chunks, commits and restarts, the same is said in the same order."""
    world = start()
    play(world, [PUT, *groups, *once(history)], rest=False)
    says_the_same_however_cut(world, data)


@law(50)
@given(steps(st.one_of(facts, conflicts, definitions)), steps(creations, 3), st.sampled_from([1, 3]))
def test_duplicates_change_nothing(history: list[Step], groups: list[Step], partitions: int) -> None:
    """Each event published twice links and merges as once."""
    once, twice = start(partitions), start(partitions)
    play(once, [PUT, *groups, *history])
    play(twice, [PUT, *groups, *history], again=True)
    assert once.changes() == twice.changes()
    assert tables(once.out) == tables(twice.out)


@law(60)
@given(steps(anything), steps(creations, 3), st.sampled_from([1, 3]))
def test_changes_alternate_and_fold_into_the_table(history: list[Step], groups: list[Step], partitions: int) -> None:
    """Seqs of each id go on through merges, and the last of each is the table; so do those of consent."""
    world = start(partitions)
    play(world, [PUT, *groups, *history])
    alternates(world)


def alternates(world: World) -> None:
    """Each (group, contact) has gapless seqs, odd in and even out, which end as the table says; consent too."""
    last: dict[tuple[str, str], int] = {}
    for change in world.changes():
        name = change["group"], change["contact"]
        assert change["seq"] == last.get(name, 0) + 1
        assert change["change"] == ("left", "joined")[change["seq"] % 2]
        last[name] = change["seq"]
    rows = {(row["group"], row["contact"]): row["seq"] for row in world.tables["memberships"].values()}
    assert rows == {name: seq for name, seq in last.items() if seq % 2}
    out = opted_out(world)
    for row in world.tables["contacts"].values():
        assert row["sendable"] is ((row["contact"], "all") not in out)
