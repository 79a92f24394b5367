"""The contact's actor: what joins and leaves, when, and what is said of it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.processors.world import DAY, HOUR, MADE, SECOND, START, World, millis

DINNER = {"event": "message", "any_of": ["dinner"], "within": "PT20S"}
ANNA = "+4915123456789"


@pytest.fixture
def world() -> World:
    """A world with a tenant."""
    made = World()
    made.tenant()
    return made


def test_a_window_ends_at_its_deadline(world: World) -> None:
    """The left comes at the deadline and not a millisecond before, by itself, with the deadline and no cause."""
    world.group("g", DINNER)
    world.say("dinner")
    world.tick(20 * SECOND - 1)
    assert world.members("g") == [f"tel:{MADE}"]
    world.tick(1)
    left = world.changes()[-1]
    assert (left["reason"], left["cause"], left["effective_at"]) == ("expired", None, "2026-11-02T10:05:31Z")
    assert world.members("g") == []


def test_a_late_tick_tells_the_deadline(world: World) -> None:
    """A deadline that fires a day late still says when it was."""
    world.group("g", DINNER)
    world.say("dinner")
    world.tick(DAY)
    change = world.values("membership-changes")[-1]
    assert millis(change["data"]["effective_at"]) == START + 20 * SECOND
    assert millis(change["time"]) == START + DAY


def test_a_fact_later_than_its_deadline_joins_nobody(world: World) -> None:
    """No join-and-leave for a message that arrives after its window."""
    world.group("g", DINNER)
    world.say("dinner", time=START - 20 * SECOND)
    assert world.flips() == []


def test_a_newer_message_moves_the_deadline_later(world: World) -> None:
    """The membership goes on to the newer message's deadline, without a change, and the table says so."""
    world.group("g", DINNER)
    world.say("dinner")
    world.tick(15 * SECOND)
    world.say("dinner")
    world.tick(15 * SECOND)
    assert world.flips() == [("g", "joined", "message")]
    (row,) = world.tables["memberships"].values()
    assert (row["seq"], millis(row["expires_at"])) == (1, START + 35 * SECOND)
    world.tick(5 * SECOND)
    assert world.flips()[-1] == ("g", "left", "expired")


def test_a_deletion_moves_the_deadline_earlier(world: World) -> None:
    """Without the newer message the older one's deadline counts again."""
    world.group("g", DINNER)
    world.say("dinner")
    world.tick(10 * SECOND)
    world.say("dinner", id_="m2")
    world.say("", id_="m2", revision=2, deleted=True)
    world.tick(10 * SECOND)
    assert millis(world.changes()[-1]["effective_at"]) == START + 20 * SECOND


def test_of_several_the_newest_turned_the_rule(world: World) -> None:
    """A message that comes late is one of the several that are asked for; true they were since the newest."""
    world.group("g", {"event": "message", "any_of": ["dinner"], "min_count": 2})
    world.say("dinner", id_="m2")
    world.say("dinner", id_="m1", time=START - DAY)
    assert [millis(change["effective_at"]) for change in world.changes()] == [START]


def test_an_edit_joins_and_takes_back(world: World) -> None:
    """An edited message is matched again: joined by new words, retracted without; older revisions are nothing."""
    world.group("g", DINNER)
    world.say("lunch", id_="m1")
    world.say("dinner", id_="m1", revision=2)
    world.say("lunch", id_="m1", revision=1)
    world.say("lunch", id_="m1", revision=3)
    assert world.flips() == [("g", "joined", "message"), ("g", "left", "retracted")]
    assert world.changes()[0]["evidence"] == "dinner"


def test_an_equal_revision_of_a_message_changes_nothing(world: World) -> None:
    """Of two texts under one id and revision the first read stays, also after a restart."""
    world.group("g", DINNER)
    world.say("lunch", id_="m1")
    world.restart()
    world.say("dinner", id_="m1")
    assert world.flips() == []
    assert world.folds[0].desk.counts["repeated"] == 1


def test_outbound_messages_match_nothing(world: World) -> None:
    """Only the guest's own words count; what the hotel writes does not."""
    world.group("g", DINNER)
    data = {"message_id": "o1", "channel": "whatsapp", "direction": "outbound", "to": MADE, "text": "dinner?"}
    world.must("message", data)
    assert world.flips() == []


def test_min_count_counts_messages_in_the_window(world: World) -> None:
    """Two messages in the window join; the first of them to end takes the membership back."""
    world.group("g", {**DINNER, "min_count": 2})
    world.say("dinner")
    world.tick(5 * SECOND)
    world.say("dinner")
    assert millis(world.changes()[0]["expires_at"]) == START + 20 * SECOND
    world.tick(15 * SECOND)
    assert world.flips() == [("g", "joined", "message"), ("g", "left", "expired")]


def test_channels_and_none_of_filter(world: World) -> None:
    """A message of another channel, or with a barred word, does not count; others do."""
    world.group("g", {**DINNER, "channels": ["WhatsApp"], "none_of": ["boss"]})
    world.say("dinner", channel="sms")
    world.say("dinner with my boss")
    assert world.flips() == []
    world.say("dinner")
    assert world.flips() == [("g", "joined", "message")]


def test_month_ends_are_counted_by_the_deadline_not_by_the_time() -> None:
    """Of two messages a month may end the earlier one later; the membership lasts until then."""
    world = World(now=millis("2026-01-30T23:00:00Z"))
    world.tenant(zone="UTC")
    world.group("g", {**DINNER, "within": "P1M"})
    world.say("dinner")
    world.tick(2 * HOUR)
    world.say("dinner")
    assert world.changes()[0]["expires_at"] == "2026-02-28T23:00:00Z"
    (row,) = world.tables["memberships"].values()
    assert row["expires_at"] == "2026-02-28T23:00:00Z"


def test_a_revised_rating_is_retracted_a_newer_one_no_longer_matches(world: World) -> None:
    """The latest rating decides; a newer one ends the match, an edit takes it back."""
    world.group("g", {"event": "rating", "min_stars": 4, "mode": "latest"})
    world.rate(5, "r1", time=START - HOUR)
    world.rate(2, "r2")
    world.rate(5, "r2", revision=2)
    world.rate(1, "r2", revision=3)
    assert [reason for _, _, reason in world.flips()] == ["rating", "no_longer_matches", "rating", "retracted"]


def test_a_rule_without_facts_takes_whoever_comes(world: World) -> None:
    """`none` holds for a guest of whom nothing else is known: joined live by the event that brought them."""
    world.group("g", {"none": [{"event": "rating", "max_stars": 3}]})
    world.say("hello")
    change = world.changes()[0]
    assert (change["reason"], change["origin"], change["cause"]["source"]) == ("rating", "live", "s")
    world.rate(2, "r1")
    assert world.flips()[-1] == ("g", "left", "no_longer_matches")


def test_stays_turn_true_by_time_alone(world: World) -> None:
    """A booking to come is upcoming, then current, then past, each flip at the local midnight with reason time."""
    for stay in ("upcoming", "current", "past"):
        world.group(stay, {"event": "booking", "stay": stay})
    world.book("b1", check_in="2026-11-05", check_out="2026-11-07")
    world.tick(10 * DAY)
    flips = [(c["group"], c["change"], c["reason"], c["effective_at"]) for c in world.changes()]
    assert flips[0][:3] == ("upcoming", "joined", "booking")
    assert sorted(flips[1:], key=lambda f: (f[3], f[1])) == [
        ("current", "joined", "time", "2026-11-04T16:00:00Z"),
        ("upcoming", "left", "expired", "2026-11-04T16:00:00Z"),
        ("past", "joined", "time", "2026-11-06T16:00:00Z"),
        ("current", "left", "expired", "2026-11-06T16:00:00Z"),
    ]


def test_deadlines_fire_in_their_order(world: World) -> None:
    """After a long pause, what ended earlier is told earlier, whosever it is."""
    world.group("short", {**DINNER, "within": "PT10S"})
    world.group("long", {**DINNER, "within": "PT40M"})
    world.say("dinner", phone=MADE)
    world.tick(5 * SECOND)
    world.say("dinner", phone=ANNA)
    world.tick(DAY)
    times = [c["effective_at"] for c in world.changes() if c["change"] == "left"]
    assert times == sorted(times)
    assert len(times) == 4


def test_a_sticky_group_keeps_whom_the_rule_brought(world: World) -> None:
    """Once in by the rule, no window's end takes a guest out, only a person; whom a pin held out never was in."""
    world.group("g", DINNER, sticky=True)
    world.say("dinner")
    world.pin("remove", "g", ANNA)
    world.say("dinner", phone=ANNA)
    world.tick(HOUR)
    world.pin("clear_pin", "g", ANNA)
    assert world.members("g") == [f"tel:{MADE}"]
    world.pin("remove", "g", MADE)
    assert world.members("g") == []


def test_one_notice_a_day_for_a_phone_that_is_none(world: World) -> None:
    """A guest who comes by another id because the phone is none is told of once a day."""
    guest = {"guest": {"phone": "12345", "email": "made@example.com"}}
    for at in range(3):
        world.must("rating", {"rating_id": f"r{at}", "stars": 5, **guest})
    (notice,) = world.values("notices")
    assert (notice["kind"], notice["contact"]) == ("identity_invalid", "mailto:made@example.com")
    assert notice["cause"] == {"source": "s", "id": "e3"}
    world.tick(DAY)
    world.must("message", {
        "message_id": "m", "channel": "sms", "direction": "inbound", "from": "12345", "email": "made@example.com",
        "text": "x",
    })  # fmt: skip
    assert len({n["id"] for n in world.values("notices")}) == 2


def test_messages_beyond_the_retention_are_forgotten() -> None:
    """A day's sweep drops old messages from the rows; a rule for ever still counts what it counted."""
    world = World(retention="P10D")
    world.tenant()
    world.group("ever", {"event": "message", "any_of": ["dinner"], "min_count": 2})
    world.say("dinner", id_="m1")
    world.tick(9 * DAY)
    world.say("dinner", id_="m2")
    before = messages(world)
    world.tick(4 * DAY)
    world.rest()
    assert (before, messages(world)) == (2, 1)
    world.say("dinner", id_="m3")
    world.say("lunch", id_="m3", revision=2)
    assert world.members("ever") == [f"tel:{MADE}"]
    world.group("new", {"event": "message", "any_of": ["dinner"], "min_count": 2})
    assert world.members("new") == []


def messages(world: World) -> int:
    """Count the message facts in the rows."""
    return sum(key.startswith(b"f") for key in world.stores[0].rows)


def test_ids_with_slashes_and_nuls_stay_apart(world: World) -> None:
    """Ids may hold any character; no contact sees another's facts, no fact another's revisions."""
    world.group("g", {"event": "booking", "min_bookings": 2})
    for source, id_ in (("a", "b:c"), ("a:b", "c"), ("a", "b:c\0bX"), ("x/y", "z/1")):
        world.book(id_, phone=None, guest={"first_name": "?"}, source=source)
    assert len(world.tables["contacts"]) == 3
    assert world.tables["contacts"]["bali/booking:x/y:z/1"]["bookings"] == 1
    assert sorted(row["bookings"] for row in world.tables["contacts"].values()) == [1, 1, 2]


def test_a_message_that_said_nothing_may_say_something_later(world: World) -> None:
    """A revision with words counts although the first had none."""
    world.group("g", DINNER)
    world.say("", id_="m1")
    world.say("dinner", id_="m1", revision=2)
    assert world.flips() == [("g", "joined", "message")]


@pytest.mark.parametrize(
    ("rule", "since"),
    [
        ({"event": "booking", "stay": "past"}, "2026-11-09T16:00:00Z"),
        ({"event": "booking", "stay": "past", "within": "P1M"}, "2026-11-09T16:00:00Z"),
        ({"event": "booking", "stay": "any"}, "2026-10-23T10:05:11Z"),
        ({"contact": "last_booking", "older_than": "P7D"}, "2026-11-16T16:00:00Z"),
        ({"contact": "customer_since", "older_than": "P1M"}, "2026-11-23T10:05:11Z"),
        ({"all": [{"event": "booking", "stay": "past"}, {"event": "booking"}]}, "2026-11-09T16:00:00Z"),
    ],
)
def test_a_stay_that_is_told_of_late_counts_since_time_made_it_true(rule: dict[str, Any], since: str) -> None:
    """`effective_at` and `since` are when the rule turned true by what is known now, not when the room was booked."""
    world = World(now=START + 22 * DAY)
    world.tenant()
    world.group("g", rule)
    world.book("b", time=START - 10 * DAY, check_in="2026-11-03", check_out="2026-11-10")
    (joined,) = world.changes()
    assert (joined["effective_at"], joined["change"]) == (since, "joined")
    assert world.tables["memberships"][f"bali/g/tel:{MADE}"]["since"] == since


def test_nobody_leaves_before_having_joined(world: World) -> None:
    """A withdrawal that tells an older time than the rating is of the moment at which the rating was given."""
    world.group("stars", {"event": "rating", "min_stars": 4})
    world.rate(5, "r", time=START - HOUR)
    world.rate(5, "r", revision=2, withdrawn=True, time=START - DAY)
    joined, left = (millis(change["effective_at"]) for change in world.changes())
    assert (joined, left) == (START - HOUR, START - HOUR)


def test_who_joins_again_by_a_late_fact_does_so_after_having_left(world: World) -> None:
    """A late rating opens no spell before the last one's end."""
    world.group("g", {"any": [{"event": "rating", "within": "P1M"}, {"event": "booking", "stay": "past"}]})
    world.rate(5, "r", time=START)
    world.tick(40 * DAY)
    world.book("b", time=START - 10 * DAY, check_in="2026-11-03", check_out="2026-11-10")
    joined, left, again = (millis(change["effective_at"]) for change in world.changes())
    assert joined < left == again


def test_of_many_turns_the_first_by_now_since_which_it_holds() -> None:
    """Neither one while it holds already, nor one to come, when the rule turns true again."""
    world = World(now=START + 22 * DAY)
    world.tenant()
    past = {"event": "booking", "stay": "past", "within": "P1M"}
    world.group("g", {"any": [past, {"contact": "last_booking", "older_than": "P7D"}]})
    world.group("past", past)
    world.book("to come", ANNA, check_in="2026-12-15", check_out="2026-12-20")
    for phone in (MADE, ANNA):
        world.book(f"late {phone}", phone, time=START - 10 * DAY, check_in="2026-11-03", check_out="2026-11-10")
    assert len(world.changes()) == 4
    assert {change["effective_at"] for change in world.changes()} == {"2026-11-09T16:00:00Z"}


def test_who_is_added_by_hand_is_in_since_then() -> None:
    """Also where the rule has turned true between the add and its coming."""
    world = World()
    world.tenant()
    world.group("g", {"event": "booking", "stay": "past"})
    world.book("b", check_in="2026-11-03", check_out="2026-11-10")
    world.pin("remove", "g")
    world.tick(20 * DAY)
    world.pin("add", "g", time=START + HOUR)
    (joined,) = world.changes()
    assert (joined["sources"], millis(joined["effective_at"])) == (["rule", "manual"], START + HOUR)
