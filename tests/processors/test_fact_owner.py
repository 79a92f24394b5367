"""The actor of one booking or rating: whose it is, in whatever order its revisions come."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import pytest

from processors.rows import owner_of
from tests.processors.world import MADE, World

ANNA = "+4915123456789"


@pytest.fixture
def world() -> World:
    """A world with a group of all who booked."""
    made = World()
    made.tenant()
    made.group("g", {"event": "booking"})
    return made


@pytest.mark.parametrize("order", list(permutations(range(3))))
def test_revisions_in_any_order(world: World, order: tuple[int, ...]) -> None:
    """Moved to another guest, then confirmed without naming one: in any order it is the other guest's, once."""
    revisions: list[dict[str, Any]] = [
        {"revision": 1, "phone": MADE},
        {"revision": 2, "phone": ANNA},
        {"revision": 3, "phone": None, "amount": "7", "currency": "IDR"},
    ]
    for at in order:
        world.book("b1", **revisions[at])
    assert world.members("g") == [f"tel:{ANNA}"]
    assert world.contact(ANNA)["spent"] == {"IDR": "7"}
    assert world.contact(MADE)["bookings"] == 0


def test_a_revision_without_a_guest_waits(world: World) -> None:
    """A cancellation that comes before its booking waits, and then cancels it."""
    world.book("b1", phone=None, revision=2, status="cancelled")
    assert world.out[-1].topic != "contacts"
    world.book("b1")
    assert world.flips() == []
    assert world.contact()["bookings"] == 0


def test_an_equal_revision_changes_nothing(world: World) -> None:
    """Of two contents under one revision the first read stays."""
    world.book("b1", phone=MADE)
    world.book("b1", phone=ANNA, amount="5", currency="IDR")
    assert world.members("g") == [f"tel:{MADE}"]
    assert f"bali/tel:{ANNA}" not in world.tables["contacts"]


def test_a_known_guest_stays_when_a_revision_has_no_address(world: World) -> None:
    """A revision whose guest is but a name does not take the booking from its phone, in either order."""
    world.book("b1", phone=MADE)
    world.book("b1", phone=None, guest={"first_name": "Made"}, revision=2)
    world.book("b2", phone=None, guest={"first_name": "Anna"}, revision=2)
    world.book("b2", phone=ANNA)
    assert world.members("g") == [f"tel:{MADE}", f"tel:{ANNA}"][::-1]


def test_a_later_word_of_the_same_guest_is_remembered(world: World) -> None:
    """A revision that names the known guest again, older than the content, still outranks what comes after it."""
    world.rate(5, "r1", revision=1)
    world.rate(4, "r1", None, revision=9)
    world.rate(3, "r1", revision=5)
    world.rate(3, "r1", ANNA, revision=4)
    assert world.contact()["latest_rating"] == 4
    assert world.contact(ANNA)["latest_rating"] is None


def test_who_had_a_fact_before_is_known_in_any_order(world: World) -> None:
    """A guest named only by an older revision that comes late is met all the same."""
    world.rate(5, "r1", revision=2)
    world.rate(5, "r1", ANNA, revision=1)
    assert world.contact(ANNA)["source"] == "s"


def test_of_two_contents_of_one_revision_the_first_stays(world: World) -> None:
    """The second says neither whose the fact is, where the first named nobody, nor anything of its guest."""
    world.book("b1", None, revision=2)
    world.book("b1", ANNA, revision=2, tags=["vip"])
    assert f"bali/tel:{ANNA}" not in world.tables["contacts"]
    world.book("b1", revision=1)
    world.book("b1", None, revision=3)
    world.book("b1", ANNA, revision=2, tags=["vip"])
    world.book("b1", ANNA, revision=1)
    assert world.members("g") == [f"tel:{MADE}"]
    assert f"bali/tel:{ANNA}" not in world.tables["contacts"]


def test_the_memory_of_revisions_is_bounded(world: World) -> None:
    """Who has thousands of them is remembered to have the highest."""
    for revision in (*range(1, 300), 0, 250):
        world.book("b1", revision=revision)
    (row,) = [value for store in world.stores for key, value in store.rows.items() if key.startswith(b"obali/")]
    owner = owner_of(row)
    assert (owner.revision, owner.older) == (299, (*range(199, 299),))
