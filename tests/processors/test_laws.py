"""Laws over random histories: what memberships depend on, and what they do not depend on."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, TypeVar

import msgspec
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from processors import scans
from processors.budget import BUDGET, Budget
from processors.desk import Out
from processors.fold import Fold, Record
from processors.state import MemoryStore
from tests.processors.model import Heard, Membership, Model, when
from tests.processors.world import DAY, HASH_KEY, HOUR, SECOND, World, commit, iso, keep

EXAMPLES = int(os.environ.get("ROLLCALL_EXAMPLES", "0"))
"""How many histories each law is tried on; unset: a few, the same every time."""


Test = TypeVar("Test", bound=Callable[..., None])


def law(few: int) -> Callable[[Test], Test]:
    """Try a law on a few histories, or on as many as the environment asks for."""
    return settings(
        max_examples=EXAMPLES or few,
        derandomize=not EXAMPLES,
        deadline=None,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
    )


BEGIN = 1_769_870_000_000  # 2026-01-31T14:33:20Z: 31 January, and in Makassar 22:33
GUESTS = ["+6281234567890", "+6281234567891", "+4915123456789"]
GROUPS = ["a", "b", "c"]

ids = st.sampled_from(["1", "2", "3"])
guests = st.sampled_from(GUESTS)
revisions = st.integers(1, 4)
withins = st.sampled_from([None, "PT20S", "PT2H", "P1D", "P1M", "P6M", "P1M1DT1H"])
lateness = st.sampled_from([0, 0, 0, SECOND, 25 * SECOND, HOUR, DAY, 27 * DAY, 29 * DAY, 31 * DAY, 200 * DAY])
pauses = st.sampled_from([0, 0, 1, SECOND, 20 * SECOND, 2 * HOUR, DAY, 28 * DAY, 31 * DAY, 190 * DAY])
days = st.integers(-40, 40)


def leave_out_none(value: dict[str, Any]) -> dict[str, Any]:
    """Write an absent field as absent."""
    return {name: one for name, one in value.items() if one is not None}


message_rules = st.builds(
    lambda any_of, none_of, within, count: {
        **leave_out_none({"event": "message", "any_of": any_of, "within": within, "min_count": count}),
        **({"none_of": none_of} if none_of else {}),
    },
    st.lists(st.sampled_from(["dinner", "pool villa", "pets"]), min_size=1, max_size=2, unique=True),
    st.lists(st.sampled_from(["boss", "cancel"]), max_size=1),
    withins,
    st.sampled_from([None, 1, 2, 3]),
)
rating_rules = st.builds(
    lambda mode, low, within: leave_out_none({"event": "rating", "mode": mode, "min_stars": low, "within": within}),
    st.sampled_from(["any", "latest", "all"]),
    st.sampled_from([2, 4]),
    withins,
)
booking_rules = st.builds(
    lambda stay, within, least, nights, spent, rooms: leave_out_none({
        "event": "booking", "stay": stay, "within": within, "min_bookings": least, "min_nights": nights,
        "min_spent": spent, "currency": "IDR" if spent else None, "room_types": rooms,
    }),
    st.sampled_from(["any", "any", "past", "current", "upcoming"]),
    withins,
    st.sampled_from([None, 2]),
    st.sampled_from([None, 3]),
    st.sampled_from([None, "100.50"]),
    st.sampled_from([None, ["Pool Villa"]]),
)  # fmt: skip
manual_rules = st.just({"event": "manual"})
contact_rules = st.one_of(
    st.builds(
        lambda word, tags: {"contact": "tags", word: tags},
        st.sampled_from(["has_any", "has_all"]),
        st.lists(st.sampled_from(["vip", "Quiet", "gold"]), min_size=1, max_size=2, unique=True),
    ),
    st.builds(
        lambda field, present: {"contact": field, "present": present},
        st.sampled_from(["tags", "attributes.tier", "language", "last_booking", "bookings", "latest_rating"]),
        st.booleans(),
    ),
    st.builds(
        lambda field, word, within: {"contact": field, word: within},
        st.sampled_from(["customer_since", "last_booking", "last_booking", "attributes.tier"]),
        st.sampled_from(["older_than", "newer_than"]),
        withins.filter(bool),
    ),
    st.builds(lambda tier: {"contact": "attributes.tier", "is": tier}, st.sampled_from(["gold", 7])),
    st.builds(lambda least: {"contact": "bookings", "min": least}, st.sampled_from([0, 1, 2])),
    st.builds(lambda most: {"contact": "spent", "max": most, "currency": "IDR"}, st.sampled_from(["0", "100.50"])),
    st.builds(lambda least: {"contact": "latest_rating", "min": least, "max": 5}, st.sampled_from([3, 4])),
)
group_rules = st.builds(lambda group: {"group": group}, st.sampled_from(["a", "b"]))
leaf_rules = st.one_of(message_rules, rating_rules, booking_rules, manual_rules, contact_rules, group_rules)
rules = st.one_of(
    leaf_rules,
    st.recursive(
        leaf_rules,
        lambda inner: st.builds(
            lambda word, parts: {word: parts},
            st.sampled_from(["all", "any", "none"]),
            st.lists(inner, min_size=1, max_size=3),
        ),
        max_leaves=4,
    ),
)

WORDS = ["stop", "start", "please stop texting me", *(f"{verb} {group}" for verb in ("no", "join") for group in GROUPS)]
texts = st.one_of(
    st.sampled_from(WORDS),
    *2 * [st.lists(st.sampled_from(
        ["dinner", "dinners", "pool", "villas", "pool villa", "pet", "carpet", "boss", "and"]
    ), max_size=4).map(" ".join)],
)  # fmt: skip
messages = st.builds(
    lambda id_, guest, text, revision, deleted: ("message", {
        "message_id": f"m{id_}", "channel": "whatsapp", "direction": "inbound", "from": guest, "text": text,
        "revision": revision, "deleted": deleted,
    }),
    st.sampled_from("12345"), guests, texts, st.sampled_from([1, 1, 2, 3]),
    st.sampled_from([False, False, False, True]),
)  # fmt: skip
ratings = st.builds(
    lambda id_, guest, stars, revision, withdrawn: ("rating", leave_out_none({
        "rating_id": f"r{id_}", "guest": {"phone": guest} if guest or revision == 1 else None, "stars": stars,
        "revision": revision, "withdrawn": withdrawn,
    })),
    ids, guests, st.sampled_from([1, 3, 4.5, 5]), revisions, st.sampled_from([False, False, False, True]),
)  # fmt: skip


def booking(  # noqa: PLR0917 - what Hypothesis draws
    id_: str, guest: str | None, revision: int, status: str, stay: tuple[int, int], paid: str, tag: str | None
) -> Any:
    """Make a booking around the beginning of the history; a later revision may leave its guest out."""
    first, nights = stay
    start = datetime.fromtimestamp(BEGIN / 1000, UTC).date().toordinal() + first
    known = {"phone": guest or GUESTS[0]} if guest or revision == 1 else None
    return "booking", leave_out_none({
        "booking_id": f"b{id_}", "guest": known, "revision": revision, "status": status, "room_type": "Pool villa",
        "check_in": datetime.fromordinal(start).date().isoformat(), "property": "ubud" if nights == 2 else None,
        "check_out": datetime.fromordinal(start + nights).date().isoformat(), "amount": paid, "currency": "IDR",
        "tags": [tag] if tag else None, "attributes": {"tier": tag} if tag else None,
    })  # fmt: skip


bookings = st.builds(
    booking, ids, st.one_of(guests, st.none()), revisions,
    st.sampled_from(["confirmed", "checked_out", "cancelled", "no_show"]), st.tuples(days, st.integers(0, 4)),
    st.sampled_from(["0", "50.25", "200"]), st.sampled_from([None, None, "vip", "gold"]),
)  # fmt: skip
pins = st.builds(
    lambda kind, group, who, reason, ends, evidence: (kind, {
        "group": group, "contacts": [{"phone": guest} for guest in who],
        **({"reason": reason} if kind != "group.clear_pin" else {}),
        **({"ends": ends} if kind == "group.add" and ends else {}),
        **({"evidence": "x"} if kind == "group.add" and evidence else {}),
    }),
    st.sampled_from(["group.add", "group.add", "group.remove", "group.clear_pin"]), st.sampled_from(GROUPS),
    st.lists(guests, min_size=1, max_size=2, unique=True), st.sampled_from(["manual", "import", "flow"]),
    st.sampled_from([None, None, -SECOND, 30 * SECOND, DAY]), st.booleans(),
)  # fmt: skip
consents = st.builds(
    lambda kind, scope, who: (kind, leave_out_none({
        "contacts": [{"phone": guest} for guest in who], "scope": scope,
    })),
    st.sampled_from(["consent.opt_out", "consent.opt_in"]), st.sampled_from([None, *GROUPS]),
    st.lists(guests, min_size=1, max_size=2, unique=True),
)  # fmt: skip
tags = st.lists(st.sampled_from(["vip", "VIP", "quiet", "gold"]), min_size=1, max_size=2, unique=True)
texts_or_none = st.sampled_from([None, "id", "en"])
edits = st.one_of(
    st.builds(
        lambda kind, who, tags: (kind, {"contacts": [{"phone": guest} for guest in who], "tags": tags}),
        st.sampled_from(["contact.tag", "contact.untag"]), st.lists(guests, min_size=1, max_size=2, unique=True), tags,
    ),
    st.builds(
        lambda guest, language, tier: ("contact.upsert", {"contact": {
            **leave_out_none({"phone": guest, "language": language}), "attributes": {"tier": tier},
        }}),
        guests, texts_or_none, st.sampled_from([None, "gold", 7, "2025-12-31"]),
    ),
    st.builds(lambda guest: ("contact.note", {"contact": {"phone": guest}, "text": "x"}), guests),
)  # fmt: skip
deletions = st.builds(
    lambda guest, erase: ("contact.delete", {"contact": {"phone": guest}, "erase": erase}), guests, st.booleans()
)
facts = st.one_of(messages, messages, ratings, bookings, pins, consents, edits)
creations = st.builds(
    lambda id_, rule: ("group.create", {
        "id": id_, "rule": rule, "join_words": [f"JOIN {id_}"], "leave_words": [f"No {id_}!"],
    }),
    st.sampled_from(GROUPS), rules,
)  # fmt: skip
successions = st.builds(
    lambda id_, rule: ("group.create", {"id": id_, "rule": rule, "supersedes": id_}), st.sampled_from(GROUPS), rules
)
definitions = st.one_of(
    creations,
    successions,
    st.builds(lambda group: ("group.delete", {"group": group}), st.sampled_from(GROUPS)),
    st.sampled_from(["UTC", "Asia/Makassar", "America/New_York"]).map(
        lambda zone: ("tenant.put", {"zone": zone, "properties": {"ubud": {"zone": "Pacific/Auckland"}}})
    ),
)
Step = tuple[int, int, tuple[str, dict[str, Any]]]
"""How long to wait, how late the event is, the event."""

PUT = (0, 0, ("tenant.put", {"zone": "Asia/Makassar", "properties": {"ubud": {"zone": "Pacific/Auckland"}}}))


def steps(what: Any, most: int = 30) -> Any:
    """Draw a history of events."""
    return st.lists(st.tuples(pauses, lateness, what), min_size=most // 4, max_size=most)


def play(world: World, history: list[Step], *, again: bool = False, rest: bool = True) -> list[Heard]:
    """Live through a history; `again` publishes each event twice."""
    heard: list[Heard] = []
    for at, (pause, late, (kind, data)) in enumerate(history):
        if pause:
            world.tick(pause)
        event = event_of(world.now, at, late, kind, data)
        for _ in range(1 + again):
            assert world.publish(event) is None
        heard.append(Heard(when(iso(world.now)), event))
        if rest:
            world.rest()
    world.rest()
    return heard


def event_of(now: int, at: int, late: int, kind: str, data: dict[str, Any]) -> dict[str, Any]:
    """Write an event; what a pin says of its end counts from its own time."""
    time = now - late
    content = {name: value for name, value in data.items() if name != "ends"}
    if "ends" in data:
        content["expires_at"] = iso(time + data["ends"])
    if kind in {"message", "rating"}:
        content.setdefault(f"{kind}_id", f"e{at:03}")
    envelope = {"specversion": "1.0", "type": kind, "source": "s", "id": f"e{at:03}", "tenant": "bali"}
    return {**envelope, "time": iso(time), "data": content}


def table(world: World) -> dict[tuple[str, str], Membership]:
    """Read the memberships table as the model writes it."""
    rows = world.tables["memberships"].values()
    return {
        (row["group"], row["contact"].removeprefix("tel:")): (
            tuple(row["sources"]),
            when(row["expires_at"]).isoformat() if row["expires_at"] else None,
        )
        for row in rows
    }


def sendable(world: World) -> set[tuple[str, str, bool]]:
    """Read who is sendable: as a member of each group, and as a contact."""
    rows = [*world.tables["memberships"].values(), *world.tables["contacts"].values()]
    return {(row.get("group", ""), row["contact"].removeprefix("tel:"), row["sendable"]) for row in rows}


def start(partitions: int = 1, retention: str = "P400D", budget: Budget = BUDGET) -> World:
    """Make a world in which nothing has happened."""
    return World(partitions, now=BEGIN, retention=retention, budget=budget)


@law(120)
@given(steps(st.one_of(facts, facts, facts, definitions)), steps(creations, 4), st.sampled_from([1, 3]), st.data())
def test_the_fold_agrees_with_the_model(history: list[Step], groups: list[Step], partitions: int, data: Any) -> None:
    """At any time the memberships are those that the slow model, which forgets nothing, computes from all events."""
    world = start(partitions, "P9999D")
    heard = play(world, [PUT, *groups])
    cut = data.draw(st.integers(0, len(history)))
    for part in (history[:cut], history[cut:]):
        heard += play_on(world, part, len(heard))
        world.tick(data.draw(pauses))
        model = Model(heard)
        assert table(world) == model.memberships(when(iso(world.now)), GUESTS)
        assert all(said is not model.consents.out(guest) for _, guest, said in sendable(world))


def play_on(world: World, history: list[Step], first: int) -> list[Heard]:
    """Go on with a history; event ids go on too."""
    heard = []
    for at, (pause, late, (kind, data)) in enumerate(history, first):
        if pause:
            world.tick(pause)
        event = event_of(world.now, at, late, kind, data)
        assert world.publish(event) is None
        heard.append(Heard(when(iso(world.now)), event))
        world.rest()
    return heard


@law(60)
@given(steps(st.one_of(facts, facts, deletions, definitions)), steps(creations, 3), st.data())
def test_cuts_change_nothing(history: list[Step], groups: list[Step], data: Any) -> None:
    """However a log is cut into chunks, commits and restarts, each topic is told the same in the same order."""
    world = start()
    play(world, [PUT, *groups, *history], rest=False)
    says_the_same_however_cut(world, data)


def says_the_same_however_cut(world: World, data: Any) -> None:
    """Replay the log of a world of one partition, whole and in pieces, and compare."""
    (log,) = world.logs
    said = replay(log, [len(log)], commits={0}, budget=world.budget)
    cuts = sorted(data.draw(st.sets(st.integers(1, len(log)), max_size=12)) | {len(log)})
    commits = data.draw(st.sets(st.sampled_from(cuts)))
    restarts = data.draw(st.sets(st.sampled_from(cuts)))
    hot = data.draw(st.sampled_from([0, 20_000]))
    other = replay(log, cuts, commits=commits | restarts, restarts=restarts, hot=hot, budget=world.budget)
    assert streams(said) == streams(other)
    assert tables(said) == tables(other) == tables(world.out)


def replay(
    log: list[Record],
    cuts: list[int],
    *,
    commits: set[int],
    restarts: set[int] | None = None,
    hot: int = 20_000,
    retention: str = "P400D",
    budget: Budget = BUDGET,
) -> list[Out]:
    """Fold a log whose own records are in it already: chunks end at the cuts, some with a commit or a restart."""
    store, said, before = MemoryStore(), list[Out](), 0
    fold = Fold(store, 0, 1, hot=hot, retention=retention, hash_key=HASH_KEY, budget=budget)
    for cut in cuts:
        fold.apply(log[before:cut])
        if cut in commits or cut == cuts[-1]:
            commit(fold, store)
        said += fold.desk.take()
        if restarts and cut in restarts:
            fold = Fold(store, 0, 1, hot=hot, retention=retention, hash_key=HASH_KEY, budget=budget)
        before = cut
    return said


def streams(said: list[Out]) -> list[Out]:
    """Return what was said, topic by topic, without the tables, where a commit may tell less."""
    return sorted((out for out in said if out.topic not in ("memberships", "contacts")), key=lambda out: out.topic)


def tables(said: list[Out]) -> dict[str, Any]:
    """Compact all topics."""
    found: dict[str, Any] = {"memberships": {}, "contacts": {}, "groups": {}, "tenants": {}}
    for out in said:
        if out.topic in found:
            keep(found, out)
    return found


@law(60)
@given(steps(facts), steps(creations, 3), st.sampled_from([1, 3]), st.data())
def test_arrival_order_changes_nothing(history: list[Step], groups: list[Step], partitions: int, data: Any) -> None:
    """The same events in another order give the same memberships, ends and profiles at the same moment."""
    ends = []
    numbered = enumerate(history, len(groups) + 1)
    events = [(event_of(BEGIN, at, late, kind, content)) for at, (_, late, (kind, content)) in numbered]
    unique = list({key_of(event): event for event in events}.values())
    pace = [pause for pause, _, _ in history]
    end = data.draw(pauses)
    for order in (unique, data.draw(st.permutations(unique))):
        world = start(partitions, "P9999D")
        play(world, [PUT, *groups])
        for pause, event in zip(pace, order, strict=False):
            world.tick(pause)
            assert world.publish(event) is None
        world.tick(sum(pace[len(unique) :]) + end)
        ends.append((table(world), sendable(world), world.tables["contacts"]))
    assert ends[0] == ends[1]


single = st.one_of(
    st.builds(
        lambda guest, text: ("message", {
            "channel": "whatsapp", "direction": "inbound", "from": guest, "text": text, "revision": 1,
        }),
        guests, texts,
    ),
    st.builds(
        lambda guest, stars: ("rating", {"guest": {"phone": guest}, "stars": stars, "revision": 1}),
        guests, st.sampled_from([1, 5]),
    ),
    pins, edits, consents, deletions, deletions,
)  # fmt: skip


@law(80)
@given(steps(single), steps(creations, 3), st.sampled_from([1, 3]), st.data())
def test_deletions_in_any_order(history: list[Step], groups: list[Step], partitions: int, data: Any) -> None:
    """What is left of contacts and memberships after deletions does not depend on the order of arrival.

    `source` aside: it names the earliest command that is newer and still known, and adds that others ended are not.
    """
    ends = []
    events = [event_of(BEGIN, at, late, kind, content) for at, (_, late, (kind, content)) in enumerate(history)]
    end = data.draw(pauses)
    for order in (events, data.draw(st.permutations(events))):
        world = start(partitions, "P9999D")
        play(world, [PUT, *groups])
        for event in order:
            assert world.publish(event) is None
        world.tick(end)
        contacts = {key: {**row, "source": None} for key, row in world.tables["contacts"].items()}
        ends.append((table(world), contacts))
    assert ends[0] == ends[1]


@law(80)
@given(steps(st.one_of(single, single, definitions)), steps(creations, 3), st.sampled_from([1, 3]), st.data())
def test_deletions_agree_with_the_model(history: list[Step], groups: list[Step], partitions: int, data: Any) -> None:
    """Whoever was deleted or erased is in the groups, and sendable, as the slow model says; who is gone is nowhere."""
    world = start(partitions, "P9999D")
    heard = play(world, [PUT, *groups])
    heard += play_on(world, history, len(heard))
    world.tick(data.draw(pauses))
    model = Model(heard)
    assert table(world) == model.memberships(when(iso(world.now)), GUESTS)
    assert all(said is not model.consents.out(guest) for _, guest, said in sendable(world))
    assert named_nowhere(world) >= {guest for guest in erased(heard) if not model.told(guest)} - kept(world)


def erased(heard: list[Heard]) -> set[str]:
    """Return who was erased."""
    commands = [one.event["data"] for one in heard if one.event["type"] == "contact.delete"]
    return {data["contact"]["phone"] for data in commands if data["erase"]}


def kept(world: World) -> set[str]:
    """Return who is a contact, or has facts that were deleted, but not erased."""
    contacts = {row["phone"] for row in world.tables["contacts"].values()}
    facts = [key for store in world.stores for key in store.rows if key.startswith(b"f")]
    return contacts | {guest for guest in GUESTS if any(guest.encode() in key for key in facts)}


def named_nowhere(world: World) -> set[str]:
    """Return the guests whose number stands in no row of the state and of the tables."""
    rows = [key + value for store in world.stores for key, value in store.rows.items()]
    rows += [msgspec.json.encode([world.tables["contacts"], world.tables["memberships"]])]
    return {guest for guest in GUESTS if not any(guest[1:].encode() in row for row in rows)}


def key_of(event: dict[str, Any]) -> Any:
    """Name the revision of a fact: of two contents under one, the first read stays, so there may be only one."""
    data = event["data"]
    id_ = next((data[name] for name in ("message_id", "rating_id", "booking_id") if name in data), event["id"])
    return (event["type"], id_, data.get("revision"), data.get("from"))


@law(40)
@given(steps(st.one_of(facts, facts, deletions, definitions)), steps(creations, 3))
def test_duplicates_change_nothing(history: list[Step], groups: list[Step]) -> None:
    """Each event published twice gives the same changes and tables as once."""
    once, twice = start(), start()
    play(once, [PUT, *groups, *history])
    play(twice, [PUT, *groups, *history], again=True)
    assert once.changes() == twice.changes()
    assert tables(once.out) == tables(twice.out)


@law(60)
@given(steps(st.one_of(facts, facts, deletions, definitions)), steps(creations, 3), st.sampled_from([1, 3]))
def test_changes_alternate_and_fold_into_the_table(history: list[Step], groups: list[Step], partitions: int) -> None:
    """Joins and leaves alternate with a gapless seq, and in time; their ids are unique, the last ones are the table."""
    world = start(partitions)
    play(world, [PUT, *groups, *history])
    effective: dict[tuple[str, str], datetime] = {}
    last: dict[tuple[str, str], dict[str, Any]] = {}
    changes = [told for told in world.values("membership-changes") if told["type"].startswith("membership.")]
    for change in changes:
        data = change["data"]
        before = last.get((data["group"], data["contact"]), {"data": {"seq": 0}})["data"]["seq"]
        assert data["seq"] == before + 1
        assert data["change"] == ("left", "joined")[data["seq"] % 2]
        assert change["type"] == f"membership.{data['change']}"
        assert data["origin"] == "backfill" or when(data["effective_at"]) <= when(change["time"])
        pair, at = (data["group"], data["contact"]), when(data["effective_at"])
        assert effective.setdefault(pair, at) <= at
        effective[pair] = at
        last[data["group"], data["contact"]] = change
    ids_ = [told["id"] for told in world.values("membership-changes")]
    assert len(set(ids_)) == len(ids_)
    joined = {at: (c["data"]["seq"], c["id"]) for at, c in last.items() if c["data"]["change"] == "joined"}
    rows = world.tables["memberships"].values()
    assert joined == {(row["group"], row["contact"]): (row["seq"], row["change_id"]) for row in rows}


def opted_out(world: World) -> set[tuple[str, str]]:
    """Return who is suppressed of what by the log, whose seqs have no gap and which flips each time."""
    seqs, last = Counter[str](), dict[tuple[str, str], str]()
    for told in world.consents():
        data = told["data"]
        seqs[data["contact"]] += 1
        assert data["seq"] == seqs[data["contact"]]
        assert told["type"] != last.get((data["contact"], data["scope"]), "contact.restored")
        last[data["contact"], data["scope"]] = told["type"]
    return {name for name, type_ in last.items() if type_ == "contact.suppressed"}


@law(60)
@given(steps(st.one_of(messages, consents, pins, definitions)), steps(creations, 3), st.sampled_from([1, 3]))
def test_consent_alternates_and_folds_into_the_tables(history: list[Step], groups: list[Step], partitions: int) -> None:
    """Suppressed and restored have a gapless seq by contact, alternate by scope, and end as the tables say."""
    world = start(partitions)
    play(world, [PUT, *groups, *history])
    out = opted_out(world)
    assert all(said is ((f"tel:{guest}", "all") not in out) for _, guest, said in sendable(world))
    assert not {(f"tel:{guest}", group) for group, guest in table(world)} & out


@law(30)
@given(steps(facts), steps(creations, 3))
def test_what_is_handed_in_stays_as_it_is(history: list[Step], groups: list[Step]) -> None:
    """Neither the records of a chunk nor the rows of the store are changed by applying."""
    world = start()
    play(world, [PUT, *groups])
    before = len(world.logs[0])
    play(world, history)
    chunk = world.logs[0][before:]
    copy, rows = msgspec.msgpack.encode(chunk), dict(world.stores[0].rows)
    world.fold(0).apply(chunk)
    assert msgspec.msgpack.encode(chunk) == copy
    assert world.stores[0].rows == rows


@law(60)
@given(
    steps(st.one_of(pins, consents, edits, pins, messages, definitions)), steps(creations, 3),
    st.sampled_from([1, 3]), st.booleans(),
)  # fmt: skip
def test_bulks_add_up(history: list[Step], groups: list[Step], partitions: int, again: bool) -> None:  # noqa: FBT001
    """Each command on several contacts, also published twice, has one notice; its counts are those of its outcomes.

    One that was refused is decided anew, and told anew.
    """
    world = start(partitions)
    heard = play(world, [PUT, *groups, *history], again=again)
    notices = [notice for notice in world.values("notices") if notice["kind"] == "bulk_finished"]
    several = {one.event["id"]: one.event for one in heard if len(one.event["data"].get("contacts", ())) > 1}
    told = Counter(notice["cause"]["id"] for notice in notices)
    refused = {notice["cause"]["id"] for notice in notices if set(notice.get("reasons", ())) == {"group_unknown"}}
    assert told == Counter(dict.fromkeys(several, 1)) + Counter(dict.fromkeys(refused, int(again)))
    for notice in notices:
        outcomes = [said for said in world.values("outcomes") if said["command"] == notice["cause"]["id"]]
        first = {said["index"]: said for said in reversed(outcomes)}.values()
        counts = Counter(said["outcome"] for said in first)
        assert {word: notice[word] for word in ("applied", "unchanged", "skipped")} == {
            word: counts[word] for word in ("applied", "unchanged", "skipped")
        }
        assert notice.get("reasons", {}) == dict(Counter(said["reason"] for said in first if said["reason"]))
        assert notice["count"] == len(several[notice["cause"]["id"]]["data"]["contacts"]) == counts.total()


@law(60)
@given(steps(facts), steps(creations, 3), successions, st.sampled_from([1, 3]))
def test_a_successor_tells_only_the_differences(
    history: list[Step], groups: list[Step], succession: tuple[str, dict[str, Any]], partitions: int
) -> None:
    """Who is in before and after is told of no change; who differs, in the group or in one that names it, of one."""
    world = start(partitions, "P9999D")
    play(world, [PUT, *groups, *history])
    before, told = set(table(world)), len(world.changes())
    play_on(world, [(0, 0, succession)], 999)
    flips = [(change["group"], change["contact"].removeprefix("tel:")) for change in world.changes()[told:]]
    assert sorted(flips) == sorted(before ^ set(table(world)))
    assert {change["origin"] for change in world.changes()[told:]} <= {"backfill"}


@law(20)
@given(steps(facts, 12), steps(st.one_of(creations, successions), 4))
def test_slices_change_no_membership(history: list[Step], groups: list[Step]) -> None:
    """A lap that looks at one contact a tick ends where one that looks at all at once does."""
    ends = []
    for size in (1, 300):
        original, scans.SLICE = scans.SLICE, size
        try:
            world = start()
            play(world, [PUT, *history, *groups], rest=False)
            ends.append(table(world))
        finally:
            scans.SLICE = original
    assert ends[0] == ends[1]
