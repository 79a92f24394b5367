"""What is known of a guest."""

from __future__ import annotations

from decimal import Decimal
from itertools import permutations
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors import scans
from processors.profile import full_name, kept_name, learn, meet, names_of
from processors.rows import Known, Profile
from processors.totals import BookingTotals, RatingTotals
from schemas.activity import BookingFact, RatingFact, Seen
from tests.processors.world import DAY, MADE, START, World

seen = st.builds(
    Seen,
    st.integers(-5, 5),
    name=st.sampled_from([None, "Made", "Anna"]),
    first_name=st.sampled_from([None, "M"]),
    last_name=st.sampled_from([None, "W"]),
    email=st.sampled_from([None, "a@b.example", "c@d.example"]),
    country=st.sampled_from([None, "ID"]),
)


events = st.lists(st.tuples(st.sampled_from(["a", "b"]), seen), max_size=5)


@given(events.flatmap(lambda all_: st.tuples(st.just(all_), st.permutations(all_))))
def test_the_order_of_events_changes_no_profile(orders: tuple[list[tuple[str, Seen]], ...]) -> None:
    """Newest wins, oldest stays, ties are decided: in any order the same."""
    ends = []
    for order in orders:
        profile = Profile()
        for source, one in order:
            meet(profile, one.time, source)
            learn(profile, one)
        ends.append(profile)
    assert ends[0] == ends[1]


@pytest.mark.parametrize("kept", ["Made", ["Made", None, None]])
def test_a_name_without_parts_is_kept_as_it_is(kept: Any) -> None:
    """Rows from before have the parts that nobody told beside it."""
    assert names_of(Profile(fields={"name": Known(1, kept)})) == ("Made", None, None)
    assert full_name({"name": kept}) == "Made"
    assert kept_name("Made", None, None) == "Made"
    assert kept_name("Made W", "Made", None) == ["Made W", "Made", None]


def test_what_older_records_tell_is_read() -> None:
    """They name the event's source where newer ones have nothing."""
    found = msgspec.convert([START, "whatsapp", "Made"], Seen)
    assert (found.time, found.name, found.first_name) == (START, "Made", None)


def test_first_things_stay_and_names_follow_the_guest() -> None:
    """Source, customer since and original name are the earliest event's; the name shown is the newest's."""
    world = World()
    world.tenant()
    world.say("x", name="Made", time=START - DAY, source="whatsapp")
    world.say("x", name="Made W.", source="telegram")
    world.say("x", name="M", time=START - 2 * DAY, source="sms")
    row = world.contact()
    assert (row["name"], row["original_name"], row["source"]) == ("Made W.", "M", "sms")
    assert row["customer_since"] == "2026-10-31T10:05:11Z"


def test_a_customer_since_the_epoch_is_one() -> None:
    """Midnight of 1970 is a moment like any other."""
    world = World()
    world.tenant()
    world.rate(5, "r1", time=0)
    world.rate(5, "r2")
    assert world.contact()["customer_since"] == "1970-01-01T00:00:00Z"


def test_only_news_is_told() -> None:
    """A second message of the same guest writes no second row."""
    world = World()
    world.tenant()
    world.say("x", name="Made")
    world.tick(DAY)
    world.say("y", name="Made")
    assert len(world.values("contacts")) == 1


def test_money_is_summed_exactly_by_currency() -> None:
    """Cancelled and no-show bookings do not count; sums do not depend on the order, however long the numbers."""
    amounts = ["999999999999999999.999999999", "0.000000001", "99999999999999999.5"]
    facts = [BookingFact(1, 0, "confirmed", amount=a, currency="IDR", check_out="2026-01-02") for a in amounts]
    gone = [BookingFact(1, 0, status, amount="1", currency="EUR") for status in ("cancelled", "no_show")]
    for order in permutations([*facts, *gone, BookingFact(1, 0, "checked_out", amount="2")]):
        profile = Profile()
        BookingTotals(order).tell(profile)
        assert (profile.bookings, profile.last_booking) == (4, "2026-01-02")
        assert {c: Decimal(s) for c, s in profile.spent.items()} == {"IDR": Decimal("1099999999999999999.500000000")}


def test_the_latest_rating_is_by_event_time() -> None:
    """Withdrawn ratings do not count; none at all is none."""
    profile = Profile()
    RatingTotals([RatingFact(1, 5, 2), RatingFact(1, 3, 5), RatingFact(1, 9, 1, withdrawn=True)]).tell(profile)
    assert profile.latest_rating == 2
    RatingTotals([]).tell(profile)
    assert profile.latest_rating == 0


def test_a_profile_by_mail_or_chat() -> None:
    """The id serves as e-mail where no event told one; who has only a booking is not reachable."""
    world = World()
    world.tenant(phone_format="digits")
    world.must("rating", {"rating_id": "r", "stars": 5, "guest": {"email": "Made@Example.com", "first_name": "Made"}})
    world.book("b", phone=None, guest={"last_name": "Anna"})
    mailed, booked = world.tables["contacts"].values()
    assert (mailed["email"], mailed["phone"], mailed["reachable"]) == ("made@example.com", None, True)
    assert (booked["email"], booked["name"], booked["sendable"]) == (None, "Anna", False)
    world.say("x")
    assert world.contact()["phone"] == MADE.removeprefix("+")


def test_another_way_to_write_phones_reaches_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Those who are shown are written anew, also by who takes over amidst; who is gone, or has no phone, is not."""
    monkeypatch.setattr(scans, "SLICE", 1)
    world = World()
    world.tenant()
    phones = [f"+62812345678{at}" for at in range(10, 40)]
    for phone in phones:
        world.say("hello", phone)
    world.must("contact.delete", {"contact": {"phone": phones[0]}})
    world.must("rating", {"rating_id": "r", "stars": 5, "guest": {"email": "made@example.com"}})
    world.group("vip")
    world.pin("remove", "vip", "+4915123456789")
    told = len(world.values("contacts"))
    world.tenant(phone_format="digits")
    world.tick()
    world.restart()
    world.rest()
    shown = {row["contact"]: row["phone"] for row in world.tables["contacts"].values()}
    assert shown == {**{f"tel:{phone}": phone[1:] for phone in phones[1:]}, "mailto:made@example.com": None}
    assert len(world.values("contacts")) == told + len(phones) - 1
    world.tenant(phone_format="digits", name="Bali")
    assert not any(fold.scanning for fold in world.folds)
    world.tenant()
    world.tick()
    world.restart()
    world.rest()
    shown = {row["contact"]: row["phone"] for row in world.tables["contacts"].values()}
    assert shown == {**{f"tel:{phone}": phone for phone in phones[1:]}, "mailto:made@example.com": None}
    assert len(world.values("contacts")) == told + 2 * (len(phones) - 1)


def test_replies_write_phones_as_the_tenant_does() -> None:
    """Whether they answer a message, however its sender was written, or greet who was added by hand."""
    for form, cut in (("plus", 0), ("digits", 1)):
        world = World()
        world.tenant(phone_format=form, opt_out_reply="Bye")
        world.group("vip", reply="Welcome")
        world.say("stop", "0812-3456-7890")
        world.say("stop", "Anna <anna@example.com>", channel="email")
        world.pin("add", "vip", "+4915123456789")
        told = [reply["to"] for reply in world.values("replies")]
        assert told == [MADE[cut:], "anna@example.com", "+4915123456789"[cut:]]
        world.tenant(phone_format="plus" if cut else "digits")
        world.rest()
        world.pin("add", "vip", "+4915123456780")
        assert world.values("replies")[-1]["to"] == "+4915123456780"[1 - cut :]
