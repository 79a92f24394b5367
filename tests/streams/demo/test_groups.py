"""The demo's tenant and groups, and who is in them."""

from __future__ import annotations

import json
import random
from datetime import UTC, datetime
from itertools import pairwise

import msgspec
import pytest

from schemas.base import millis
from schemas.commands import Command, GroupCreate, TenantPut
from streams.demo import feed, groups
from streams.demo.times import DAY, HOUR
from tests.streams.demo import expected

NOW = millis(datetime(2026, 11, 22, 18, 30, 12, 345_000, UTC))
MINUTE = 60_000
GROUPS = tuple(str(data.id) for data in groups.GROUPS)
ALL = [*groups.setup(NOW), *feed.vips(NOW), *feed.events(NOW)]
FACTS = expected.read(ALL, NOW)
MEMBERS = FACTS.members(NOW)


def test_commands_decode() -> None:
    """Tenant first, then six groups, then the VIPs: all are commands of the contract."""
    commands = [msgspec.json.decode(value, type=Command) for topic, _, value in ALL if topic == "commands"]
    kinds = [type(command) for command in commands]
    assert kinds[:7] == [TenantPut, *[GroupCreate] * 6]
    assert len(commands) == 9
    assert {command.tenant for command in commands} == {groups.TENANT_ID}


def test_judge_knows_the_groups() -> None:
    """What the judge of memberships takes for granted is what the groups and the tenant say."""
    rules = {data.id: data.rule or {} for data in groups.GROUPS}
    assert {group: groups.months(group) for group in expected.MONTHS} == expected.MONTHS
    assert set(rules) == {*expected.MONTHS, "vip"} == set(MEMBERS)
    assert tuple(rules["food-lovers"]["any_of"]) == expected.FOOD
    assert tuple(rules["pet-friends"]["any_of"]) == expected.PETS
    assert set(rules["luxury-rooms"]["room_types"]) == expected.LUXURY
    assert rules["happy-guests"]["min_stars"] == 4
    assert (rules["unhappy-guests"]["max_stars"], rules["unhappy-guests"]["mode"]) == (3, "latest")
    places = groups.TENANT.properties
    assert {name: place.zone for name, place in places.items()} == expected.ZONES
    assert {name: place.region for name, place in places.items()} == expected.REGIONS
    assert (groups.TENANT.zone, groups.TENANT.region) == (expected.TENANT_ZONE, expected.TENANT_REGION)


@pytest.mark.parametrize("group", [group for group in GROUPS if group != "vip"])
def test_membership_is_worth_showing(group: str) -> None:
    """Each group has members, leaves most guests out, and has lost some to its window."""
    ever = {contact for contact, _ in FACTS.counting(group)}
    assert len(MEMBERS[group]) >= 30
    assert len(ever - MEMBERS[group]) >= 30


@pytest.mark.parametrize("group", GROUPS)
def test_small_demos(group: str) -> None:
    """A demo of a thousand events has somebody in each group."""
    small = [*feed.vips(NOW, 0.05), *feed.events(NOW, 0.05)]
    assert expected.expected(small, NOW)[group]


def test_vips() -> None:
    """Ten guests are VIP, and the eleventh no more."""
    assert len(MEMBERS["vip"]) == groups.VIPS == 10
    added, removed = (json.loads(value)["data"]["contacts"] for _, _, value in feed.vips(NOW))
    assert len(added) == groups.VIPS + 1
    assert removed == added[-1:]
    assert {name for ref in added for name in ref} == {"id", "phone"}


@pytest.mark.parametrize("group", ["happy-guests", "food-lovers", "pet-friends", "unhappy-guests"])
def test_leavers(group: str) -> None:
    """Within a quarter of an hour a dozen members leave by the clock alone, the first ones after a minute."""
    before, after = MEMBERS[group], FACTS.members(NOW + 15 * MINUTE)[group]
    assert 10 <= len(before - after) <= 14
    assert FACTS.members(NOW + MINUTE - 1) == MEMBERS


def test_leavers_leave_one_by_one() -> None:
    """The leavers' deadlines are a quarter of a minute apart, and each takes somebody out at that very moment."""
    due = [turn for turn in FACTS.turns() if NOW < turn < NOW + 12 * MINUTE]
    assert due[0] == NOW + MINUTE
    assert sum(later - turn == 15_000 for turn, later in pairwise(due)) > 30
    assert FACTS.members(due[0] - 1) != FACTS.members(due[0])


@pytest.mark.parametrize(
    "day", [(2026, 8, 31), (2027, 5, 31), (2026, 11, 30), (2028, 2, 29), (2027, 3, 28), (2026, 10, 25)]
)
def test_awkward_days(day: tuple[int, int, int]) -> None:
    """On month ends and days of clock changes the demo works; leavers leave when they should or are not there."""
    now = millis(datetime(*day, 1, 30, tzinfo=UTC))
    facts = expected.read(feed.events(now, 0.1), now)
    assert all(facts.members(now)[group] for group in expected.MONTHS)
    leavers = {guest.contact for guest in feed.cast(0.1).leavers}
    ends = {end for group in expected.MONTHS for contact, end in facts.ends(group) if contact in leavers}
    assert ends <= {now + MINUTE + number * 15_000 for number in range(len(leavers))}


def test_order_does_not_matter() -> None:
    """The judge answers the same however the records are shuffled."""
    shuffled = ALL[:]
    random.Random(3).shuffle(shuffled)
    assert expected.expected(shuffled, NOW) == MEMBERS


def test_turns_are_all() -> None:
    """Between two turns nothing changes."""
    turns = [turn for turn in FACTS.turns() if NOW < turn < NOW + DAY]
    for turn, later in [*pairwise([NOW, *turns])][:40]:
        assert FACTS.members(turn) == FACTS.members(later - 1)
    assert FACTS.turns()[0] < NOW - HOUR
