"""Random histories by seed, held against the slow model: long ones, over rule trees, with time moving between.

Hypothesis tries small and telling histories (test_laws.py) and shrinks what fails; here each one is drawn anew, so that
long ones with several rules and many turns by time come often.

    python -m tests.processors.histories 100000 [--first 0] [--processes 2]
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from multiprocessing import Pool
from random import Random
from typing import Any, NamedTuple

from processors import scans
from processors.repeats import REMEMBERED
from schemas.rules import leaves, parse_rule
from tests.processors.model import Heard, Model, when
from tests.processors.test_laws import (
    BEGIN,
    GROUPS,
    GUESTS,
    PUT,
    Step,
    event_of,
    replay,
    sendable,
    start,
    streams,
    table,
    tables,
)
from tests.processors.world import DAY, HOUR, SECOND, World, iso

Draw = Callable[[Random], tuple[str, dict[str, Any]]]

WITHINS = [None, "PT20S", "PT2H", "PT2H", "P1D", "P1D", "P1M", "P6M", "P1M1DT1H"]
PAUSES = [0, 0, 1, SECOND, 20 * SECOND, 20 * SECOND, 2 * HOUR, 2 * HOUR, DAY, 28 * DAY, 31 * DAY, 190 * DAY]
LATE = [0] * 8 + [SECOND, 25 * SECOND, HOUR, DAY, 27 * DAY, 31 * DAY, 200 * DAY]
TEXTS = ["dinner", "dinners and pool villa", "the boss has dinner", "pets", "carpet", "pool", "pool villas", "stop",
         "start", "please stop texting me", "no a", "no b", "join a", "join c"]  # fmt: skip
KEPT = "P9999D"
DEFINITIONS = ("tenant.", "group.create", "group.delete")
PINS = {"group.add", "group.remove", "group.clear_pin"}
HELD_BACK, LET_GO, REPEATED = 0.2, 0.4, 0.15
"""How likely an event waits, is let go with each that comes, and how likely a former one is published again."""
RESTED = 0.3
"""How likely an event comes when no lap is under way."""
TIERS = [None, "gold", 7, "2025-12-31"]
TAGS = ["vip", "VIP", "quiet", "gold"]


class Sized(NamedTuple):
    """How much a history asks: its events, the leaves of its rules, the flips that time alone caused."""

    events: int
    leaves: int
    by_time: int


def some(dice: Random, values: Sequence[Any], most: int) -> list[Any]:
    """Draw one or more, each once."""
    return dice.sample(list(values), dice.randint(1, most))


def given(**fields: Any) -> dict[str, Any]:
    """Write an absent field as absent."""
    return {name: value for name, value in fields.items() if value is not None}


# rules ---------------------------------------------------------------------------------------------------------------


def rule(dice: Random, depth: int = 0) -> dict[str, Any]:
    """Draw a rule tree, two levels deep at most."""
    if depth < 2 and dice.random() < (0.6 if depth == 0 else 0.25):
        word = dice.choice(["all", "any", "none"])
        return {word: [rule(dice, depth + 1) for _ in range(dice.randint(1, 3))]}
    return dice.choice([_message_rule, _message_rule, _rating_rule, _booking_rule, _contact_rule, _group_rule])(dice)


def _message_rule(dice: Random) -> dict[str, Any]:
    barred = ["boss"] if dice.random() < 0.2 else None
    any_of = some(dice, ["dinner", "pool villa", "pets"], 2)
    count = dice.choice([None, None, 1, 2, 3])
    return given(event="message", any_of=any_of, none_of=barred, within=dice.choice(WITHINS), min_count=count)


def _rating_rule(dice: Random) -> dict[str, Any]:
    mode, low = dice.choice(["any", "latest", "all"]), dice.choice([2, 4])
    return given(event="rating", mode=mode, min_stars=low, within=dice.choice(WITHINS))


def _booking_rule(dice: Random) -> dict[str, Any]:
    spent = dice.choice([None, None, "100.50"])
    return given(
        event="booking", stay=dice.choice(["any", "past", "current", "upcoming"]), within=dice.choice(WITHINS),
        min_bookings=dice.choice([None, 2]), min_nights=dice.choice([None, None, 3]), min_spent=spent,
        currency="IDR" if spent else None, room_types=dice.choice([None, ["Pool Villa"]]),
        statuses=dice.choice([None, None, ["cancelled"], ["cancelled", "checked_out"]]),
    )  # fmt: skip


def _contact_rule(dice: Random) -> dict[str, Any]:
    dated, within = dice.choice(["customer_since", "last_booking", "attributes.tier"]), dice.choice(WITHINS[1:])
    return dice.choice([
        {"contact": "tags", dice.choice(["has_any", "has_all"]): some(dice, TAGS, 2)},
        {"contact": dice.choice(["tags", "attributes.tier", "language", "bookings"]), "present": dice.random() < 0.5},
        {"contact": dated, dice.choice(["older_than", "newer_than"]): within},
        {"contact": "attributes.tier", "is": dice.choice(["gold", 7])},
        {"contact": "bookings", "min": dice.choice([0, 1, 2])},
        {"contact": "spent", "max": dice.choice(["0", "100.50"]), "currency": "IDR"},
    ])  # fmt: skip


def _group_rule(dice: Random) -> dict[str, Any]:
    return {"group": dice.choice(["a", "b"])}


# events --------------------------------------------------------------------------------------------------------------


def message(dice: Random) -> tuple[str, dict[str, Any]]:
    """Draw a message, now and then a revision or a deletion of one."""
    return "message", {
        "message_id": f"m{dice.randint(1, 9)}", "channel": "whatsapp", "direction": "inbound",
        "from": dice.choice(GUESTS), "text": dice.choice(TEXTS), "revision": dice.choice([1, 1, 1, 2, 3]),
        "deleted": dice.random() < 0.1,
    }  # fmt: skip


def rating(dice: Random) -> tuple[str, dict[str, Any]]:
    """Draw a rating's revision."""
    return "rating", {
        "rating_id": f"r{dice.randint(1, 4)}", "guest": {"phone": dice.choice(GUESTS)},
        "stars": dice.choice([1, 3, 4.5, 5]), "revision": dice.randint(1, 4), "withdrawn": dice.random() < 0.15,
    }  # fmt: skip


def booking(dice: Random) -> tuple[str, dict[str, Any]]:
    """Draw a booking's revision; a later one may leave its guest out."""
    revision, nights, tag = dice.randint(1, 4), dice.randint(0, 4), dice.choice([None, None, "vip", "gold"])
    first = datetime.fromtimestamp(BEGIN / 1000, UTC).date().toordinal() + dice.randint(-40, 40)
    known = {"phone": dice.choice(GUESTS)} if revision == 1 or dice.random() < 0.7 else None
    status = dice.choice(["confirmed", "checked_out", "confirmed", "cancelled", "no_show"])
    stay = {"check_in": datetime.fromordinal(first).date().isoformat()}
    stay["check_out"] = datetime.fromordinal(first + nights).date().isoformat()
    if status == "cancelled" and dice.random() < 0.5:
        stay = {}
    return "booking", given(
        booking_id=f"b{dice.randint(1, 4)}", guest=known, revision=revision, room_type="Pool villa", status=status,
        **stay, property="ubud" if nights == 2 else None,
        amount=dice.choice(["0", "50.25", "200"]), currency="IDR", tags=[tag] if tag else None,
        attributes={"tier": tag} if tag else None,
    )  # fmt: skip


def pin(dice: Random) -> tuple[str, dict[str, Any]]:
    """Draw an add, remove or clear by hand."""
    kind = dice.choice(["group.add", "group.add", "group.remove", "group.clear_pin"])
    more = {} if kind == "group.clear_pin" else {"reason": dice.choice(["manual", "import", "flow"])}
    if kind == "group.add":
        ends, evidence = dice.choice([None, -SECOND, 30 * SECOND, DAY]), "x" if dice.random() < 0.5 else None
        more |= given(ends=ends, evidence=evidence)
    return kind, {"group": dice.choice(GROUPS), "contacts": _contacts(dice), **more}


def _contacts(dice: Random) -> list[dict[str, str]]:
    return [{"phone": guest} for guest in some(dice, GUESTS, 2)]


def consent(dice: Random) -> tuple[str, dict[str, Any]]:
    """Draw an opt-out or opt-in by command."""
    scope = dice.choice([None, *GROUPS])
    return dice.choice(["consent.opt_out", "consent.opt_in"]), given(contacts=_contacts(dice), scope=scope)


def edit(dice: Random) -> tuple[str, dict[str, Any]]:
    """Draw a tag, its end, or a profile written by hand."""
    if dice.random() < 0.6:
        return dice.choice(["contact.tag", "contact.untag"]), {"contacts": _contacts(dice), "tags": some(dice, TAGS, 2)}
    known = given(phone=dice.choice(GUESTS), language=dice.choice([None, "id", "en"]))
    return "contact.upsert", {"contact": {**known, "attributes": {"tier": dice.choice(TIERS)}}}


def creation(dice: Random) -> tuple[str, dict[str, Any]]:
    """Draw a new group."""
    name = dice.choice(GROUPS)
    return "group.create", {
        "id": name, "rule": rule(dice), "join_words": [f"JOIN {name}"], "leave_words": [f"No {name}!"]
    }  # fmt: skip


def succession(dice: Random) -> tuple[str, dict[str, Any]]:
    """Draw another rule for a group."""
    name = dice.choice(GROUPS)
    return "group.create", {"id": name, "rule": rule(dice), "supersedes": name}


def definition(dice: Random) -> tuple[str, dict[str, Any]]:
    """Draw a new group, another rule for one, the end of one, or other zones."""
    if dice.random() < 0.5:
        return dice.choice([creation, succession])(dice)
    if dice.random() < 0.5:
        return "group.delete", {"group": dice.choice(GROUPS)}
    zones = {"ubud": {"zone": "Pacific/Auckland"}}
    return "tenant.put", {"zone": dice.choice(["UTC", "Asia/Makassar", "America/New_York"]), "properties": zones}


def once(draw: Draw) -> Draw:
    """Draw an event of one revision, with an id that no other has."""

    def drawn(dice: Random) -> tuple[str, dict[str, Any]]:
        kind, data = draw(dice)
        return kind, {name: value for name, value in data.items() if name != f"{kind}_id"} | {"revision": 1}

    return drawn


def deletion(dice: Random) -> tuple[str, dict[str, Any]]:
    """Draw the end of a contact."""
    return "contact.delete", {"contact": {"phone": dice.choice(GUESTS)}, "erase": dice.random() < 0.7}


ENDING: list[Draw] = [*[once(message)] * 3, once(rating), pin, pin, consent, edit, deletion, deletion, definition]
"""Whose booking it is, is forgotten with the guest who was erased: so no fact has a later revision here."""
EVENTS: list[Draw] = [*[message] * 4, *[rating] * 2, *[booking] * 3, pin, consent, edit, definition]


# trying --------------------------------------------------------------------------------------------------------------


def history(dice: Random) -> list[Step]:
    """Draw groups and then events: how long to wait before each, how late it is, and what it is.

    In one of four histories contacts are deleted.
    """
    draws = ENDING if dice.random() < 0.25 else EVENTS
    groups: list[Step] = [(0, 0, creation(dice)) for _ in range(dice.randint(2, 5))]
    events = [(dice.choice(PAUSES), dice.choice(LATE), dice.choice(draws)(dice)) for _ in range(dice.randint(12, 40))]
    return [PUT, *groups, *events]


def attempt(seed: int) -> Sized:
    """Live through one history; at a moment in it and at its end engine, model and replay must agree."""
    dice = Random(seed)
    steps = history(dice)
    scans.SLICE = dice.choice([1, 10_000])
    world, heard = start(dice.choice([1, 3]), KEPT), list[Heard]()
    cut = dice.randint(0, len(steps))
    for part in (steps[:cut], steps[cut:]):
        _live(world, part, heard, dice)
        world.tick(dice.choice(PAUSES))
        world.rest()
        model = Model(heard)
        assert table(world) == model.memberships(when(iso(world.now)), GUESTS), seed
        assert all(said is not model.consents.out(guest) for _, guest, said in sendable(world)), seed
    if len(world.logs) == 1:
        _replay(world, dice)
    created = {data["id"]: data["rule"] for _, _, (kind, data) in steps if kind == "group.create"}
    count = sum(len(list(leaves(parse_rule(rule)))) for rule in created.values())
    return Sized(len(steps), count, sum(reason in {"expired", "time"} for _, _, reason in world.flips()))


def _live(world: World, steps: list[Step], heard: list[Heard], dice: Random) -> None:
    """Publish what happens: some of it after what happened later, and some of it again, which must change nothing.

    Definitions come in their order, which decides.
    """
    held: list[Mapping[str, Any]] = []
    for nth, (pause, late, (kind, data)) in enumerate(steps):
        if pause:
            world.tick(pause)
        event = event_of(world.now, len(heard) + len(held), late, kind, data)
        if dice.random() < HELD_BACK and not kind.startswith(DEFINITIONS):
            held.append(event)
        else:
            _publish(world, event, heard, dice)
        while held and (nth == len(steps) - 1 or dice.random() < LET_GO):
            _publish(world, held.pop(dice.randrange(len(held))), heard, dice)
        again = _repeatable(world, heard) if dice.random() < REPEATED else []
        if again:
            assert world.publish(_retold(dice.choice(again), world, dice)) is None


def _retold(one: Heard, world: World, dice: Random) -> Mapping[str, Any]:
    """Tell an event again; a command, as long as it is remembered, now and then as of now, or with another time."""
    if one.event["type"] in {"message", "booking", "rating"} or one.at < _oldest(world) or dice.random() < 0.5:
        return one.event
    return {**one.event, "time": iso(world.now - dice.choice(LATE))}


def _oldest(world: World) -> datetime:
    return when(iso(world.now - REMEMBERED + 1))


def _repeatable(world: World, heard: list[Heard]) -> list[Heard]:
    """Leave out what would be news: what was refused or is not remembered any more.

    And what was never to be published: other content under an id and revision that was there already.
    """
    refused = {row["command"] for row in world.values("outcomes") if row["outcome"] == "skipped"}
    deleted = _last(heard, "group.delete")
    oldest = _oldest(world)
    first: dict[object, str] = {}
    return [
        one
        for at, one in enumerate(heard)
        if one.event["id"] not in refused
        and (at >= deleted or one.at >= oldest or one.event["type"] not in PINS)
        and (one.at >= oldest or not one.event["type"].startswith(DEFINITIONS))
        and first.setdefault(_revision(one), one.event["id"]) == one.event["id"]
    ]


def _last(heard: list[Heard], kind: str) -> int:
    return max((at for at, one in enumerate(heard) if one.event["type"] == kind), default=0)


def _revision(one: Heard) -> object:
    """Name what there can be one of: a revision of a fact, or any other event."""
    kind, data = one.event["type"], one.event["data"]
    return (kind, data[f"{kind}_id"], data["revision"]) if f"{kind}_id" in data else one.event["id"]


def _publish(world: World, event: Mapping[str, Any], heard: list[Heard], dice: Random) -> None:
    """Publish one event, mostly while laps are under way; but a definition waits for them, as an id is free by then."""
    if event["type"].startswith(DEFINITIONS) or dice.random() < RESTED:
        world.rest()
    assert world.publish(event) is None
    heard.append(Heard(when(iso(world.now)), event))


def _replay(world: World, dice: Random) -> None:
    """Fold the log again, whole, and cut into chunks with commits and restarts: all say the same."""
    (log,) = world.logs
    cuts = sorted({*(dice.randint(1, len(log)) for _ in range(8)), len(log)})
    commits, restarts = set(dice.choices(cuts, k=4)), set(dice.choices(cuts, k=2))
    whole = replay(log, [len(log)], commits={0}, retention=KEPT)
    pieces = replay(log, cuts, commits=commits | restarts, restarts=restarts, hot=0, retention=KEPT)
    assert streams(whole) == streams(pieces)
    assert tables(whole) == tables(pieces) == tables(world.out)


def _tried(seed: int) -> Sized | int:
    try:
        return attempt(seed)
    except Exception:  # noqa: BLE001 - told by its seed
        return seed
    except AssertionError:
        return seed


def deciles(tried: Sequence[Sized]) -> str:
    """Tell the distribution of what was tried."""
    told = [[sorted(column)[len(tried) * tenth // 10] for tenth in range(1, 10)] for column in zip(*tried, strict=True)]
    share = sum(one.by_time > 0 for one in tried) / max(len(tried), 1)
    words = ("events", "leaves", "flips by time")
    deciles = ", ".join(f"{word} {column}" for word, column in zip(words, told, strict=False))
    return f"{deciles} (deciles); {share:.0%} with flips by time"


def main(arguments: Sequence[str] | None = None) -> int:
    """Try histories and tell the distribution; 1 and the seeds when the model says otherwise."""
    parser = argparse.ArgumentParser(prog="python -m tests.processors.histories", description=__doc__)
    parser.add_argument("count", type=int)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--processes", type=int, default=2)
    asked = parser.parse_args(arguments)
    with Pool(asked.processes) as pool:
        found = pool.map(_tried, range(asked.first, asked.first + asked.count), chunksize=50)
    tried = [one for one in found if isinstance(one, Sized)]
    failed = [one for one in found if isinstance(one, int)]
    sys.stdout.write(f"{len(tried):,} of {len(found):,} agree with the model: {deciles(tried)}\n")
    if failed:
        sys.stdout.write(f"seeds that do not: {failed[:20]}\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
