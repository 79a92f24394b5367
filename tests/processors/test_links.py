"""Linking ids and renaming contacts: what is told, what is kept, what is refused."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from processors import handover, links, rows, scans
from processors.fold import Fold
from processors.rows import Add, Estate, Left, Pins, owner_key
from processors.state import MemoryStore
from schemas.activity import Directed, Handed, Parted, Parting, Tick, decode, encode
from tests.processors.test_laws import tables
from tests.processors.world import DAY, HASH_KEY, HOUR, MADE, SECOND, START, World, commit, iso, told

OTHER, NEW = "+6281234567891", "+6281234567899"
MAIL, CHAT = "made@example.com", "4711"
BY_MAIL, BY_CHAT, BY_PHONE = {"id": f"mailto:{MAIL}"}, {"id": f"telegram:{CHAT}"}, {"phone": MADE}
TEL = f"tel:{MADE}"
FOOD = {"event": "message", "any_of": ["dinner"], "within": "P3M"}


@pytest.fixture(params=[1, 3])
def world(request: pytest.FixtureRequest) -> World:
    """A world of one partition, or of several, with a tenant and a group."""
    world = World(request.param)
    world.tenant()
    world.group("food", FOOD, reply="Welcome", join_words=["JOIN FOOD"], leave_words=["NO FOOD"])
    return world


def mail(world: World, text: str, **more: Any) -> None:
    """Let the guest write an e-mail."""
    id_ = more.pop("id_", f"m{world.sent}")
    data = {"message_id": id_, "channel": "email", "direction": "inbound", "from": MAIL, "text": text}
    data |= {"revision": more.pop("revision", 1)}
    world.must("message", data, **more)


def chat(world: World, text: str, email: str | None = None, **more: Any) -> None:
    """Let the guest write on Telegram; a form there may tell an e-mail too."""
    data = {"message_id": f"m{world.sent}", "channel": "telegram", "direction": "inbound", "from": CHAT, "text": text}
    world.must("message", data | ({"email": email} if email else {}), **more)


def rated(world: World, id_: str = "r1", **more: Any) -> None:
    """Link the mail and the phone: a rating names both."""
    guest = more.pop("guest", {"phone": MADE, "email": MAIL})
    world.must("rating", {"rating_id": id_, "stars": 5, "guest": guest}, **more)


def rename(world: World, contact: dict[str, str], phone: str, **more: Any) -> tuple[str, str | None]:
    """Rename a contact a little later; return what became of it."""
    world.tick(1)
    world.must("contact.rename", {"contact": contact, "phone": phone}, **more)
    return world.outcomes()[-1]


def contacts(world: World) -> dict[str, list[str]]:
    """Return the contacts there are, with their other ids."""
    return {row["contact"]: row["linked"] for row in world.tables["contacts"].values()}


def flips(world: World, group: str) -> list[tuple[str, str, str, int]]:
    """Return the changes of a group: contact, change, reason, seq."""
    rows = [row for row in world.changes() if row["group"] == group]
    return [(row["contact"], row["change"], row["reason"], row["seq"]) for row in rows]


def notices(world: World) -> list[tuple[str, str, str]]:
    """Return the notices of conflicts."""
    told_of = [one for one in world.values("notices") if one["kind"] == "identity_conflict"]
    return [(one["kind"], one["contact"], one["cause"]["id"]) for one in told_of]


# linking -------------------------------------------------------------------------------------------------------------


def test_two_ids_of_one_event_become_one_contact(world: World) -> None:
    """The phone's id leads; the mail's membership leaves with `merged`, the phone joins what it was not in, unasked."""
    mail(world, "dinner?")
    rated(world, id="link")
    assert contacts(world) == {TEL: [f"mailto:{MAIL}"]}
    joined, left, again = (row for row in world.changes() if row["group"] == "food")
    assert (joined["contact"], left["contact"], again["contact"]) == (f"mailto:{MAIL}", f"mailto:{MAIL}", TEL)
    assert (left["reason"], left["seq"], left["cause"]["id"]) == ("merged", 2, "link")
    assert (again["reason"], again["seq"], again["origin"], again["sources"]) == ("message", 1, "live", ["rule"])
    assert again["expires_at"] == joined["expires_at"]
    assert [reply["contact"] for reply in world.values("replies")] == [f"mailto:{MAIL}"]
    assert world.contact()["email"] == MAIL


def test_a_survivor_joins_only_what_it_was_not_in(world: World) -> None:
    """Who was in a group under both ids stays in it under the one that is left."""
    mail(world, "dinner?")
    world.say("dinner!")
    rated(world)
    assert flips(world, "food")[2:] == [(f"mailto:{MAIL}", "left", "merged", 2)]
    assert world.members("food") == [TEL]


def test_later_events_of_a_linked_id_reach_the_survivor(world: World) -> None:
    """Messages, ratings, bookings, pins, edits, consent: whatever names the mail is the phone's."""
    world.group("vip")
    rated(world)
    mail(world, "dinner?")
    world.must("booking", {
        "booking_id": "b1", "status": "confirmed", "room_type": "Villa", "check_in": "2026-11-01",
        "check_out": "2026-11-02", "guest": {"email": MAIL},
    })  # fmt: skip
    world.must("group.add", {"group": "vip", "contacts": [BY_MAIL]})
    world.must("contact.tag", {"contacts": [BY_MAIL], "tags": ["vip"]})
    assert [world.members(group) for group in ("food", "vip")] == [[TEL], [TEL]]
    assert (world.contact()["bookings"], world.contact()["tags"]) == (1, ["vip"])
    assert world.values("outcomes")[-1]["contact"] == TEL
    world.must("consent.opt_out", {"contacts": [BY_MAIL]})
    assert world.contact()["sendable"] is False
    assert contacts(world) == {TEL: [f"mailto:{MAIL}"]}


def test_the_first_seen_survives_without_a_phone(world: World) -> None:
    """Of a chat id and a mail the one known for longer leads, also if that turns out later."""
    mail(world, "dinner", time=START - DAY)
    chat(world, "hello", MAIL)
    assert contacts(world) == {f"mailto:{MAIL}": [f"telegram:{CHAT}"]}
    chat(world, "this came late", time=START - 2 * DAY)
    assert contacts(world) == {f"telegram:{CHAT}": [f"mailto:{MAIL}"]}
    assert world.members("food") == [f"telegram:{CHAT}"]
    assert flips(world, "food") == [
        (f"mailto:{MAIL}", "joined", "message", 1), (f"mailto:{MAIL}", "left", "merged", 2),
        (f"telegram:{CHAT}", "joined", "message", 1),
    ]  # fmt: skip
    mail(world, "and this too", time=START - 3 * DAY)
    assert world.members("food") == [f"mailto:{MAIL}"]
    assert flips(world, "food")[3:] == [
        (f"telegram:{CHAT}", "left", "merged", 2), (f"mailto:{MAIL}", "joined", "message", 3),
    ]  # fmt: skip
    mail(world, "stop")
    assert world.tables["contacts"][f"bali/mailto:{MAIL}"]["sendable"] is False


def test_commands_tell_since_when_an_id_is_known(world: World) -> None:
    """Who was tagged or added first leads; to be removed or deleted makes nobody known."""
    world.must("contact.tag", {"contacts": [BY_CHAT], "tags": ["x"]}, time=START - HOUR)
    chat(world, "hello", MAIL)
    assert list(contacts(world)) == [f"telegram:{CHAT}"]
    world.must("group.remove", {"group": "food", "contacts": [BY_MAIL]}, time=START - DAY)
    world.must("contact.delete", {"contact": BY_MAIL}, time=START - DAY)
    world.must("consent.opt_in", {"contacts": [BY_MAIL]}, time=START - DAY)
    assert list(contacts(world)) == [f"telegram:{CHAT}"]
    world.must("group.add", {"group": "food", "contacts": [BY_MAIL]}, time=START - HOUR - 1)
    assert list(contacts(world)) == [f"mailto:{MAIL}"]


def test_a_phone_leads_as_soon_as_there_is_one(world: World) -> None:
    """A chain: chat and mail, then mail and phone; all that was known under the three is the phone's."""
    chat(world, "dinner", MAIL, time=START - DAY)
    world.must("contact.tag", {"contacts": [BY_CHAT], "tags": ["quiet"]})
    rated(world)
    assert contacts(world) == {TEL: [f"mailto:{MAIL}", f"telegram:{CHAT}"]}
    chat(world, "dinner once more")
    assert (world.contact()["tags"], world.members("food")) == (["quiet"], [TEL])
    rated(world, "r2", time=START - 2 * DAY, guest={"phone": MADE, "telegram": CHAT})
    assert contacts(world) == {TEL: [f"mailto:{MAIL}", f"telegram:{CHAT}"]}


def test_a_relay_address_never_links(world: World) -> None:
    """The address that a booking site lends is neither linked nor reachable."""
    relay = "xyz@guest.booking.com"
    world.must("rating", {"rating_id": "r1", "stars": 5, "guest": {"phone": MADE, "email": relay}})
    world.must("rating", {"rating_id": "r2", "stars": 5, "guest": {"email": relay}})
    assert contacts(world) == {TEL: [], f"mailto:{relay}": []}
    assert world.tables["contacts"][f"bali/mailto:{relay}"]["reachable"] is False


def test_two_phones_in_conflict_are_both_kept(world: World) -> None:
    """A mail that two phones come with stays with the first; people are told, once a day and contact."""
    rated(world)
    for nth in (2, 3):
        rated(world, f"r{nth}", guest={"phone": OTHER, "email": MAIL}, id=f"c{nth}")
    assert contacts(world) == {TEL: [f"mailto:{MAIL}"], f"tel:{OTHER}": []}
    assert notices(world) == [("identity_conflict", f"tel:{OTHER}", "c2")]
    world.tick(DAY)
    rated(world, "r4", guest={"phone": OTHER, "email": MAIL}, id="c4")
    assert [notice[2] for notice in notices(world)] == ["c2", "c4"]
    mail(world, "dinner")
    assert world.members("food") == [TEL]


def test_two_phones_in_one_event_are_a_conflict(world: World) -> None:
    """A guest with a phone and another number on WhatsApp is two contacts: the first named has the fact."""
    rated(world, guest={"phone": MADE, "whatsapp": OTHER})
    assert notices(world)[0][1] == TEL
    assert contacts(world) == {TEL: []}


def test_a_conflict_reaches_the_survivor(world: World) -> None:
    """The notice names the contact as it is, not an id that was linked to it."""
    rename(world, BY_PHONE, NEW)
    world.say("hello")
    rename(world, BY_PHONE, NEW)
    rated(world, "r9", guest={"phone": OTHER, "email": MAIL})
    rated(world, id="c")
    assert notices(world) == [("identity_conflict", f"tel:{NEW}", "c")]


def test_an_address_that_everybody_uses_stops_linking(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A contact has no more than so many ids; beyond, people are told."""
    monkeypatch.setattr(links, "MOST", 3)
    for nth in range(4):
        rated(world, f"r{nth}", guest={"email": MAIL, "telegram": str(nth)})
    (linked,) = [ids for ids in contacts(world).values() if ids]
    assert len(linked) == 2
    assert len(notices(world)) == 1


# united --------------------------------------------------------------------------------------------------------------


def test_pins_are_united_and_the_newest_wins(world: World) -> None:
    """A remove under one id outlasts an older add under the other, and gives way to a newer one."""
    for group in ("vip", "club", "spa"):
        world.group(group)
        world.must("group.add", {"group": group, "contacts": [BY_MAIL], "reason": "import"}, time=START - HOUR)
    world.pin("remove", "vip", time=START - HOUR + 1)
    world.pin("remove", "club", time=START - HOUR - 1)
    world.pin("add", "spa", time=START - HOUR - 1)
    world.pin("add", "spa", reason="import", time=START - HOUR - 1)
    rated(world)
    assert [world.members(group) for group in ("vip", "club", "spa")] == [[], [TEL], [TEL]]
    assert world.tables["memberships"][f"bali/spa/{TEL}"]["sources"] == ["manual", "import"]
    assert flips(world, "club")[-1] == (TEL, "joined", "import", 1)


def test_a_remove_under_the_other_id_takes_the_survivor_out(world: World) -> None:
    """The survivor leaves a group from which the loser was taken out later by hand."""
    world.group("vip")
    world.pin("add", "vip", time=START - HOUR)
    world.must("group.remove", {"group": "vip", "contacts": [BY_MAIL]})
    rated(world)
    assert flips(world, "vip")[-1] == (TEL, "left", "manual", 2)


def test_between_linked_ids_an_opt_out_wins(world: World) -> None:
    """Who had stopped by mail is not sendable by phone either, though a START there is newer: until a word after."""
    mail(world, "STOP")
    world.tick(HOUR)
    world.say("START")
    world.tick(HOUR)
    rated(world)
    assert world.contact()["sendable"] is False
    assert [(one["type"], one["subject"]) for one in world.consents()] == [
        ("contact.suppressed", f"mailto:{MAIL}"), ("contact.suppressed", TEL),
    ]  # fmt: skip
    world.tick(1)
    world.say("START")
    assert world.contact()["sendable"] is True
    assert [one["data"]["seq"] for one in world.consents() if one["subject"] == TEL] == [1, 2]
    mail(world, "STOP", time=START)
    assert world.outcomes() == [("applied", None), ("applied", None)]
    assert world.contact()["sendable"] is True


def confirmed(world: World) -> list[tuple[str, str]]:
    """Return to whom an opt-out was confirmed, on which message."""
    replies = [reply for reply in world.values("replies") if reply["kind"] == "opt_out"]
    return [(reply["contact"], reply["in_reply_to"]) for reply in replies]


def test_an_opt_out_is_confirmed_to_one_of_the_ids(world: World) -> None:
    """What was answered under one id is not under the other, nor when it comes again; after an opt-in it is."""
    world.tenant(opt_out_reply="No more")
    mail(world, "stop", id_="m1")
    mail(world, "sorry", id_="m1", revision=2)
    world.tick(SECOND)
    rated(world)
    mail(world, "stop", id_="m1", time=START)
    mail(world, "stop", id_="m2")
    world.say("stop", id_="m3")
    assert confirmed(world) == [(BY_MAIL["id"], "m1")]
    world.tick(SECOND)
    world.say("start")
    world.tick(SECOND)
    world.say("stop", id_="m4")
    assert confirmed(world)[1:] == [(TEL, "m4")]


def test_who_is_back_under_a_former_id_is_answered(world: World) -> None:
    """What was confirmed under it has ended since, under the other id."""
    world.tenant(opt_out_reply="No more")
    world.say("stop", id_="m1")
    assert rename(world, BY_PHONE, NEW) == ("applied", None)
    world.say("start", NEW)
    world.tick(SECOND)
    world.consent("opt_out", NEW)
    assert rename(world, {"phone": NEW}, MADE) == ("applied", None)
    world.say("stop", id_="m2")
    assert confirmed(world) == [(TEL, "m1"), (TEL, "m2")]


def test_an_erased_contacts_opt_out_was_confirmed_to_all_its_ids(world: World) -> None:
    """Each of them stays opted out, and is not answered for it once more."""
    world.tenant(opt_out_reply="No more")
    rated(world)
    mail(world, "stop", id_="m1")
    world.tick(SECOND)
    world.must("contact.delete", {"contact": BY_PHONE, "erase": True})
    mail(world, "stop", id_="m1", time=START)
    mail(world, "stop", id_="m2")
    assert confirmed(world) == [(TEL, "m1")]
    world.tick(SECOND)
    mail(world, "start")
    world.tick(SECOND)
    mail(world, "stop", id_="m3")
    assert confirmed(world)[1:] == [(BY_MAIL["id"], "m3")]


@pytest.mark.parametrize("by_mail", [True, False])
def test_revisions_that_came_under_two_ids_were_read(world: World, by_mail: bool) -> None:  # noqa: FBT001 - a parameter
    """A copy of one of them says nothing, once they are one contact's, whichever of them had the newer."""
    ways: list[Callable[..., None]] = [partial(mail, world), world.say]
    older, newer = ways if by_mail else reversed(ways)
    for revision in range(1, 70):
        older("stop", id_="m", revision=revision)
    for revision in range(70, 140):
        newer("hello", id_="m", revision=revision)
    rated(world)
    world.tick(SECOND)
    mail(world, "start", id_="m", revision=50)
    assert not world.contact()["sendable"]
    facts = [fact for fold in world.folds for fact in fold.desk.messages(f"bali/{TEL}".encode())]
    assert [(fact.revision, fact.older) for fact in facts] == [(139, (*range(39, 139),))]


def test_the_same_message_under_two_ids(world: World) -> None:
    """Its one revision is not below itself."""
    world.say("hello", id_="m")
    mail(world, "hello", id_="m")
    rated(world)
    facts = [fact for fold in world.folds for fact in fold.desk.messages(f"bali/{TEL}".encode())]
    assert [(fact.revision, fact.older) for fact in facts] == [(1, ())]


def test_an_opt_in_under_another_id_answers_what_was_before_it(world: World) -> None:
    """An opt-out from before it that comes again is not answered by the survivor, though nobody has it any more."""
    world.tenant(opt_out_reply="No more")
    mail(world, "stop", id_="m1")
    world.tick(SECOND)
    mail(world, "start")
    world.tick(SECOND)
    world.must("contact.delete", {"contact": BY_MAIL, "erase": True})
    world.tick(SECOND)
    world.consent("opt_out")
    rated(world)
    mail(world, "stop", id_="m1", time=START)
    assert confirmed(world) == [(BY_MAIL["id"], "m1")]
    mail(world, "stop", id_="m2")
    assert confirmed(world)[1:] == [(TEL, "m2")]


def test_a_link_that_turns_out_to_be_older(world: World) -> None:
    """What was said after the earliest event that named both is the contact's, whenever that event comes."""
    mail(world, "STOP", time=START - 5 * HOUR)
    world.say("START", time=START - 2 * HOUR)
    rated(world)
    assert world.contact()["sendable"] is False
    rated(world, "r2", time=START - 3 * HOUR)
    assert world.contact()["sendable"] is True


def test_an_opt_out_of_a_group_goes_over(world: World) -> None:
    """Who left a group for good under one id is out under all, until the join word comes."""
    world.say("dinner")
    mail(world, "no food")
    rated(world, time=START + 1)
    assert flips(world, "food")[-1] == (TEL, "left", "keyword", 2)
    assert ("contact.suppressed", "food", TEL) in [
        (one["type"], one["data"]["scope"], one["subject"]) for one in world.consents()
    ]
    mail(world, "dinner, please")
    assert world.members("food") == []
    world.tick(2)
    mail(world, "join food")
    assert world.members("food") == [TEL]


def test_a_word_that_was_said_before_the_link_by_who_is_not_out(world: World) -> None:
    """Opt-ins and opt-outs of a group before the link are told apart by id, and one that came back is not out."""
    world.say("no food", time=START - 3 * HOUR)
    world.say("join food", time=START - 2 * HOUR)
    mail(world, "join food", time=START - HOUR)
    rated(world)
    assert world.members("food") == [TEL]
    mail(world, "no food", time=START - HOUR - 1)
    assert world.members("food") == [TEL]


def test_a_group_called_all_tells_nothing(world: World) -> None:
    """An opt-out of a group of that name is not told as one of everything, when ids are linked neither."""
    world.group("all", FOOD, leave_words=["NO ALL"])
    mail(world, "dinner")
    mail(world, "no all")
    world.say("no all")
    rated(world)
    assert world.consents() == []
    assert world.members("all") == []


def test_profiles_are_united_field_by_field(world: World) -> None:
    """What is set once is the earliest, what may change the newest; totals are counted over the facts of both."""
    world.must("contact.upsert", {"contact": {**BY_MAIL, "language": "id", "tags": ["Quiet"], "name": "Old"}}, id="a")
    world.must("contact.note", {"contact": BY_MAIL, "text": "shy"})
    mail(world, "hi", time=START - DAY)
    world.rate(3, "r0")
    world.tick(1)
    world.must("contact.upsert", {"contact": {**BY_PHONE, "language": "en", "attributes": {"tier": "gold"}}}, id="b")
    world.must("contact.untag", {"contacts": [BY_PHONE], "tags": ["quiet"]})
    rated(world)
    row = world.contact()
    assert (row["language"], row["tags"], row["note"], row["attributes"]) == ("en", [], "shy", {"tier": "gold"})
    assert (row["original_name"], row["name"], row["latest_rating"]) == ("Old", "Old", 5)
    assert row["customer_since"] == "2026-11-01T10:05:11Z"


def test_an_id_that_is_a_mail_is_the_contacts_mail(world: World) -> None:
    """A mail that only its id tells is shown for the phone, and rules read it; any that was told is newer."""
    world.group("mailed", {"contact": "email", "present": True})
    world.must("contact.tag", {"contacts": [BY_MAIL], "tags": ["x"]})
    assert rename(world, BY_MAIL, MADE) == ("applied", None)
    assert (world.contact()["email"], world.members("mailed")) == (MAIL, [TEL])
    world.must("contact.upsert", {"contact": {**BY_PHONE, "email": "b@example.com"}})
    assert world.contact()["email"] == "b@example.com"


def test_a_sticky_membership_goes_over(world: World) -> None:
    """Who is in for ever by an old word stays in for ever under the other id."""
    world.group("loyal", {**FOOD, "within": "PT1H"}, sticky=True)
    mail(world, "dinner")
    world.tick(DAY)
    rated(world)
    assert world.members("loyal") == [TEL]


def test_messages_beyond_the_retention_are_counted_on(world: World) -> None:
    """A rule for ever counts what both ids wrote, though the messages are forgotten."""
    world.group("twice", {"event": "message", "any_of": ["dinner"], "min_count": 2})
    mail(world, "dinner")
    world.say("dinner")
    world.now += 900 * DAY
    rated(world)
    assert world.members("twice") == [TEL]
    assert not [key for store in world.stores for key in store.rows if key[0:1] == b"f" and MAIL.encode() in key]


def test_groups_that_name_others_are_settled(world: World) -> None:
    """What the survivor joins is seen by the groups that name it, and what the loser leaves too."""
    world.group("nested", {"group": "food"})
    world.group("none", {"none": [{"group": "food"}]})
    mail(world, "dinner")
    rated(world)
    assert [row[:3] for row in flips(world, "nested")] == [
        (f"mailto:{MAIL}", "joined", "group"), (f"mailto:{MAIL}", "left", "merged"), (TEL, "joined", "group"),
    ]  # fmt: skip
    assert world.members("none") == []


def test_deadlines_go_over(world: World) -> None:
    """The survivor leaves when the loser's window ends; nothing fires for the loser."""
    mail(world, "dinner")
    rated(world)
    world.restart()
    world.tick(100 * DAY)
    assert flips(world, "food")[-1] == (TEL, "left", "expired", 2)
    assert len(flips(world, "food")) == 4


# facts on the move ---------------------------------------------------------------------------------------------------


def test_a_fact_that_moves_between_linked_ids_stays(world: World) -> None:
    """A rating first by mail, then by phone, of one guest is not lost, whichever word comes first."""
    rated(world)
    world.tick(4)
    world.must("rating", {"rating_id": "x", "stars": 1, "guest": {"email": MAIL}}, time=START + 1)
    world.must("rating", {"rating_id": "x", "revision": 2, "stars": 2, "guest": {"phone": MADE}}, time=START + 2)
    assert world.contact()["latest_rating"] == 2
    world.must("rating", {"rating_id": "x", "revision": 3, "stars": 3, "guest": {"email": MAIL}}, time=START + 3)
    assert world.contact()["latest_rating"] == 3
    world.must("rating", {"rating_id": "x", "revision": 4, "stars": 4, "guest": {"phone": OTHER}}, time=START + 4)
    assert (world.contact()["latest_rating"], world.contact(OTHER)["latest_rating"]) == (5, 4)


def test_a_late_revision_that_names_the_other_id_takes_nothing(world: World) -> None:
    """A booking stays with its contact when an older revision, of the mail, comes after newer ones."""
    both, only_mail = {"phone": MADE, "email": MAIL}, {"email": MAIL}
    for revision, guest in ((1, both), (4, None), (3, both), (2, only_mail)):
        more = {} if guest is None else {"guest": guest}
        world.book("b1", None, revision=revision, amount=f"{revision}00.00", currency="IDR", **more)
    assert world.tables["contacts"][f"bali/{TEL}"]["spent"] == {"IDR": "400.00"}


def test_a_fact_that_comes_the_long_way_is_not_taken_back_in() -> None:
    """A booking that has moved away is not there again because a linked id hears of it late."""
    stay = {"status": "confirmed", "room_type": "Villa", "check_in": "2026-11-01", "check_out": "2026-11-02"}
    guests = [{"email": MAIL}, {"phone": MADE}, {"phone": OTHER}]
    for moves in (2, 3):
        world = World(7)
        world.tenant()
        rated(world)
        slow = world.partition(f"bali/mailto:{MAIL}".encode())
        assert world.partition(owner_key("bali", "booking", "s", "b1")) != slow
        for revision, guest in enumerate(guests[:moves], 1):
            data = {"booking_id": "b1", "revision": revision, "guest": guest, **stay}
            for keyed in world.keyed(world.event("booking", data)):
                world.append(keyed.key, keyed.value)
            for _ in range(4):
                for at in range(7):
                    if at != slow:
                        world.step(at)
        world.run()
        assert world.contact()["bookings"] == (moves == 2)
    assert world.contact(OTHER)["bookings"] == 1
    world.must("booking", {"booking_id": "b1", "revision": 4, "guest": {"phone": MADE}, **stay})
    assert (world.contact()["bookings"], world.contact(OTHER)["bookings"]) == (1, 0)


def test_the_higher_revision_of_a_message_is_kept(world: World) -> None:
    """Of a message that both ids have, as no gateway should say, the higher revision counts."""
    mail(world, "dinner", id_="m")
    data = {"message_id": "m", "channel": "whatsapp", "direction": "inbound", "from": MADE, "text": "x", "revision": 2}
    world.must("message", data)
    rated(world)
    assert world.members("food") == []


def test_thousands_of_messages_go_over_in_parts(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """No record grows with the contact; what is handed over is taken in once all of it is there."""
    monkeypatch.setattr(handover, "PIECE", 400)
    world.group("often", {"event": "message", "any_of": ["dinner"], "min_count": 30})
    world.group("club")
    world.must("group.add", {"group": "club", "contacts": [BY_MAIL]})
    for nth in range(40):
        mail(world, f"dinner {nth}")
    mail(world, "no food")
    rated(world)
    parts = [one for log in world.logs for row in log if isinstance(one := decode(row.value), Handed)]
    assert len(parts) > 3
    assert max(len(encode(part)) for part in parts) < 1_500
    assert (world.members("often"), world.members("club")) == ([TEL], [TEL])
    assert [row for row in flips(world, "often") if row[0] == TEL] == [(TEL, "joined", "message", 1)]
    assert not any(key.startswith(b"j") for store in world.stores for key in store.rows)


def test_parts_of_two_ids_may_come_mixed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What two ids hand over at once is told apart; what was laid aside goes on where the contact is renamed."""
    monkeypatch.setattr(handover, "PIECE", 100)
    for renamed in (False, True):
        world = World(7)
        world.tenant()
        world.group("often", {"event": "message", "any_of": ["dinner"], "min_count": 24})
        for _ in range(12):
            mail(world, "dinner")
            chat(world, "dinner")
        for at, guest in enumerate([{"phone": MADE, "email": MAIL}, {"phone": MADE, "telegram": CHAT}]):
            event = world.event("rating", {"rating_id": f"r{at}", "stars": 5, "guest": guest})
            for keyed in world.keyed(event):
                world.append(keyed.key, keyed.value)
        slow = world.partition(f"bali/{TEL}".encode())
        others = [at for at in range(7) if at != slow]
        for _ in range(7):
            for at in others:
                world.step(at)
        waiting = world.logs[slow][world.read[slow] :]
        handed = [row for row in waiting if isinstance(decode(row.value), Handed)]
        rest = [row for row in waiting if row not in handed]
        mixed = sorted(handed, key=lambda row: decode(row.value).nth)
        assert len({decode(row.value).of for row in mixed[:2]}) == 2
        world.logs[slow][world.read[slow] :] = rest + mixed[:4]
        world.run()
        if renamed:
            rename(world, BY_PHONE, NEW)
        world.logs[slow] += mixed[4:]
        world.run()
        assert world.members("often") == [f"tel:{NEW if renamed else MADE}"]


def test_words_of_the_tenant_that_come_again(world: World) -> None:
    """What was said of links once changes nothing when it is said again, or after something newer."""
    mail(world, "dinner")
    rated(world)
    rename(world, BY_PHONE, NEW)
    before = dict(world.tables["memberships"]), dict(world.tables["contacts"])
    for log in world.logs:
        log += [row for row in log if isinstance(decode(row.value), Directed)]
    world.run()
    assert (world.tables["memberships"], world.tables["contacts"]) == before
    world.tick(1)
    world.must("contact.delete", {"contact": BY_MAIL, "erase": True})
    world.tick(1)
    mail(world, "hello again")
    for log in world.logs:
        log += [row for row in log if isinstance(decode(row.value), Parted | Parting)]
    world.run()
    assert contacts(world) == {f"mailto:{MAIL}": []}


def test_parts_that_meet_an_alias_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Parts on their way to a contact that is renamed meanwhile arrive at the new id, those laid aside too."""
    monkeypatch.setattr(handover, "PIECE", 100)
    for at_once in (1, 2, 3, 50):
        world = World(4)
        world.tenant()
        world.group("often", {"event": "message", "any_of": ["dinner"], "min_count": 5})
        for nth in range(7):
            mail(world, f"dinner {nth}")
        world.say("hi")
        rename_event = world.event("contact.rename", {"contact": BY_PHONE, "phone": NEW})
        link = world.event("rating", {"rating_id": "r", "stars": 5, "guest": {"phone": MADE, "email": MAIL}})
        for event in (link, rename_event):
            for keyed in world.keyed(event):
                world.append(keyed.key, keyed.value)
        while any(read < len(log) for read, log in zip(world.read, world.logs, strict=True)):
            for at in (3, 2, 1, 0):
                world.step(at, at_once)
        assert world.members("often") == [f"tel:{NEW}"]
        assert contacts(world) == {f"tel:{NEW}": [f"mailto:{MAIL}", TEL]}


def test_a_definition_that_comes_in_between(world: World) -> None:
    """A group that is created or deleted while ids are linked has whom it should have."""
    mail(world, "dinner")
    world.must("group.create", {"id": "late", "rule": FOOD})
    rated(world)
    world.must("group.delete", {"group": "food"})
    world.rest()
    assert (world.members("late"), world.members("food")) == ([TEL], [])
    world.must("group.create", {"id": "later", "rule": {"event": "rating"}})
    world.rest()
    assert world.members("later") == [TEL]


def test_a_group_that_the_survivor_is_yet_to_hear_of(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was pinned in a group is kept for it by a partition that does not know the group yet."""
    del monkeypatch
    world = World(7)
    world.tenant()
    world.rate(1, "r0")
    slow, quick = world.partition(f"bali/{TEL}".encode()), world.partition(f"bali/mailto:{MAIL}".encode())
    assert slow != quick
    for kind, data in (
        ("group.create", {"id": "vip"}), ("group.add", {"group": "vip", "contacts": [BY_MAIL]}),
        ("rating", {"rating_id": "r", "stars": 5, "guest": {"phone": MADE, "email": MAIL}}),
    ):  # fmt: skip
        for keyed in world.keyed(world.event(kind, data)):
            world.append(keyed.key, keyed.value)
        for at in [*range(7)] * 6:
            if at != slow:
                world.step(at)
    (handed,) = [[row] for row in world.logs[slow] if isinstance(decode(row.value), Handed)]
    others = [row for row in world.logs[slow][world.read[slow] :] if row not in handed]
    world.logs[slow][world.read[slow] :] = [*handed, *others]  # another partition's record may come first
    world.run()
    world.rest()
    assert world.members("vip") == [TEL]


def test_what_a_row_knows_by_another_rule_is_left_out() -> None:
    """Where a group's rule was replaced in between, the row that was handed over tells only what was pinned."""
    world = World()
    world.tenant()
    world.group("food", {"event": "message", "any_of": ["dinner"]}, sticky=True)
    world.say("hello")
    edges = [(START, f"mailto:{MAIL}", TEL)]
    row = Left(99, Pins(adds={"import": Add(START, "x")}), [[START]], stuck=True)
    estate = rows.encode(Estate(rows={"food": row}))
    handed = Handed(-1, 0, 0, 0, "s", "e", START, 1, f"mailto:{MAIL}", 0, more=False, edges=edges, estate=estate)
    world.append(f"bali/{TEL}".encode(), encode(handed))
    world.run()
    assert world.tables["memberships"][f"bali/food/{TEL}"]["sources"] == ["import"]


# deletion ------------------------------------------------------------------------------------------------------------


def test_a_link_after_a_deletion_brings_nothing_back(world: World) -> None:
    """What was deleted under one id stays away when it is linked; what the other id has is untouched."""
    mail(world, "dinner")
    world.group("happy", {"event": "rating", "min_stars": 4})
    world.rate(5, "r0")
    world.tick(HOUR)
    world.must("contact.delete", {"contact": BY_MAIL})
    world.tick(HOUR)
    rated(world)
    assert (world.members("food"), world.members("happy")) == ([], [TEL])
    mail(world, "dinner", time=START)
    assert world.members("food") == []
    mail(world, "stop", time=START)
    assert world.contact()["sendable"] is False
    world.must("rating", {"rating_id": "late", "stars": 1, "guest": {"email": MAIL}}, time=START)
    assert world.contact()["latest_rating"] == 5
    world.must("rating", {"rating_id": "late", "revision": 3, "stars": 2, "guest": {"email": MAIL}})
    world.must("rating", {"rating_id": "late", "revision": 2, "stars": 2, "guest": {"email": MAIL}}, time=START)
    mail(world, "please stop texting me", time=START)
    mail(world, "dinner tonight")
    assert world.members("food") == [TEL]


def test_a_link_to_a_deleted_contact(world: World) -> None:
    """The survivor's deletion cuts off what was its own, also what comes late, and nothing of the other id."""
    world.group("pool", {"event": "message", "any_of": ["pool"]})
    world.say("dinner")
    world.pin("add", "food")
    mail(world, "pool")
    world.tick(HOUR)
    world.must("contact.delete", {"contact": BY_PHONE})
    world.tick(HOUR)
    rated(world)
    assert [world.members(group) for group in ("food", "pool")] == [[], [TEL]]
    assert contacts(world) == {TEL: [f"mailto:{MAIL}"]}
    world.say("dinner", time=START)
    assert world.members("food") == []
    mail(world, "dinner", time=START)
    assert world.members("food") == [TEL]
    rename(world, BY_PHONE, NEW)
    world.say("pool", time=START)
    world.must("contact.delete", {"contact": BY_MAIL})
    assert (world.members("pool"), contacts(world)) == ([], {})


def test_deleting_a_linked_id_deletes_the_contact(world: World) -> None:
    """They are one: contact.delete by the mail is one of all, and what comes later is a new contact's."""
    mail(world, "dinner")
    rated(world)
    world.tick(HOUR)
    world.must("contact.delete", {"contact": BY_MAIL})
    assert (contacts(world), world.members("food")) == ({}, [])
    assert flips(world, "food")[-1] == (TEL, "left", "contact_deleted", 2)
    world.tick(HOUR)
    mail(world, "dinner")
    assert (world.members("food"), contacts(world)) == ([TEL], {TEL: [f"mailto:{MAIL}"]})
    assert flips(world, "food")[-1] == (TEL, "joined", "message", 3)


def test_an_erased_contact_is_not_linked_any_more(world: World) -> None:
    """With erase no row names any of the ids; consent outlives it under each; a new event links them anew."""
    mail(world, "stop")
    mail(world, "no food")
    chat(world, "dinner", MAIL)
    rated(world)
    world.tick(HOUR)
    world.must("contact.delete", {"contact": BY_MAIL, "erase": True})
    world.tick(SECOND)
    named = (MADE.encode(), MAIL.encode(), CHAT.encode())
    rows = [row for store in world.stores for pair in store.rows.items() for row in pair]
    assert not [row for row in rows if any(name in row for name in named)]
    world.tick(HOUR)
    world.must("contact.upsert", {"contact": {"email": MAIL}, "groups": ["food"]})
    world.must("contact.upsert", {"contact": BY_CHAT})
    assert contacts(world) == {f"mailto:{MAIL}": [], f"telegram:{CHAT}": []}
    assert {row["sendable"] for row in world.tables["contacts"].values()} == {False}
    assert world.members("food") == []
    rated(world)
    assert contacts(world) == {TEL: [f"mailto:{MAIL}"], f"telegram:{CHAT}": []}
    assert (world.contact()["sendable"], world.members("food")) == (False, [])


def test_erased_facts_that_come_by_a_linked_id_late(world: World) -> None:
    """A booking that was erased under the mail, before it was linked, is not kept when it comes once more."""
    stay = {"status": "confirmed", "room_type": "Villa", "check_in": "2026-11-01", "check_out": "2026-11-02"}
    mail(world, "hello")
    world.tick(HOUR)
    world.must("contact.delete", {"contact": BY_MAIL, "erase": True})
    world.tick(1)
    mail(world, "hello again")
    world.tick(HOUR)
    rated(world)
    world.must("booking", {"booking_id": "b", "guest": {"email": MAIL}, **stay}, time=START)
    assert world.contact()["bookings"] == 0
    assert not [key for store in world.stores for key in store.rows if key.startswith(b"obali/booking")]


def test_a_link_to_an_erased_contact(world: World) -> None:
    """What a linked id brings along is older than an erasure of the survivor, and not erased by that."""
    mail(world, "dinner")
    world.must("rating", {"rating_id": "old", "stars": 5, "guest": {"email": MAIL}})
    stay = {"status": "confirmed", "room_type": "Villa", "check_in": "2026-11-01", "check_out": "2026-11-02"}
    world.must("booking", {"booking_id": "b", "guest": {"email": MAIL}, **stay})
    world.say("x")
    world.tick(HOUR)
    world.must("contact.delete", {"contact": BY_PHONE, "erase": True})
    world.tick(1)
    world.say("hello again")
    world.tick(HOUR)
    rated(world)
    assert (world.contact()["bookings"], world.members("food")) == (1, [TEL])
    world.must("booking", {"booking_id": "late", "guest": BY_PHONE, **stay}, time=START)
    assert world.contact()["bookings"] == 1
    owners = sorted(key for store in world.stores for key in store.rows if key.startswith(b"obali/booking"))
    assert owners == [b"obali/booking:1:s:b"]


def test_a_phone_that_somebody_erased_had(world: World) -> None:
    """A number that goes to another guest brings nothing of its former one, and takes nothing from the new one."""
    world.say("dinner")
    for phone in (OTHER, NEW):
        world.say("dinner", phone)
        world.tick(HOUR)
        world.must("contact.delete", {"contact": {"phone": phone}, "erase": phone == NEW})
    assert rename(world, BY_PHONE, OTHER) == ("applied", None)
    assert world.members("food") == [f"tel:{OTHER}"]
    assert rename(world, BY_PHONE, NEW) == ("applied", None)
    assert world.members("food") == [f"tel:{NEW}"]
    world.restart()
    world.say("stop")
    assert contacts(world) == {f"tel:{NEW}": [TEL, f"tel:{OTHER}"]}
    assert not [key for store in world.stores for key in store.rows if key.startswith(b"e")]
    if len(world.logs) == 1:
        store = MemoryStore()
        fold = Fold(store, 0, 1, hash_key=HASH_KEY)
        fold.apply(world.logs[0])
        commit(fold, store)
        assert tables(fold.desk.take()) == tables(world.out)
        assert not [key for key in store.rows if key.startswith(b"e")]


# renaming ------------------------------------------------------------------------------------------------------------


def test_a_rename_gives_the_new_phones_id(world: World) -> None:
    """The old id leaves with `merged` and is linked, the new one joins, and what comes to the old reaches the new."""
    world.say("dinner")
    assert rename(world, BY_PHONE, "0812-3456-7899", id="cmd") == ("applied", None)
    assert world.values("outcomes")[-1]["contact"] == f"tel:{NEW}"
    assert contacts(world) == {f"tel:{NEW}": [TEL]}
    assert flips(world, "food")[1:] == [(TEL, "left", "merged", 2), (f"tel:{NEW}", "joined", "message", 1)]
    world.say("stop")
    assert world.contact(NEW)["sendable"] is False
    assert rename(world, BY_PHONE, OTHER) == ("applied", None)
    assert contacts(world) == {f"tel:{OTHER}": [TEL, f"tel:{NEW}"]}


def test_a_rename_goes_back(world: World) -> None:
    """A contact gets a former phone again; seqs go on."""
    world.say("dinner")
    rename(world, BY_PHONE, NEW)
    assert rename(world, {"phone": NEW}, MADE) == ("applied", None)
    assert contacts(world) == {TEL: [f"tel:{NEW}"]}
    assert flips(world, "food")[-1] == (TEL, "joined", "message", 3)


def test_a_rename_that_is_refused(world: World) -> None:
    """A phone that is taken, that is none, or is the contact's already; a contact that nobody knows or that is none."""
    world.say("hello")
    world.say("hello", OTHER)
    assert rename(world, BY_PHONE, OTHER) == ("skipped", "phone_taken")
    assert rename(world, BY_PHONE, "12") == ("skipped", "phone_invalid")
    assert rename(world, {"phone": "12"}, NEW) == ("skipped", "contact_invalid")
    assert rename(world, {"phone": NEW}, "+6281234567000") == ("skipped", "contact_unknown")
    assert rename(world, BY_PHONE, MADE) == ("unchanged", "already_in_force")
    assert contacts(world) == {TEL: [], f"tel:{OTHER}": []}
    world.must("contact.delete", {"contact": {"phone": OTHER}})
    assert rename(world, BY_PHONE, OTHER) == ("applied", None)
    assert rename(world, BY_PHONE, OTHER) == ("unchanged", "already_in_force")
    world.say("hello", NEW)
    assert rename(world, {"phone": NEW}, MADE) == ("skipped", "phone_taken")


def test_a_rename_that_comes_again_or_late(world: World) -> None:
    """The same command changes nothing, whatever its time; one that is older than the newest rename is skipped."""
    world.say("hello")
    event = world.event("contact.rename", {"contact": BY_PHONE, "phone": NEW})
    for _ in range(2):
        world.publish(event)
    assert world.outcomes()[-2:] == [("applied", None), ("unchanged", "repeated")]
    assert rename(world, BY_PHONE, OTHER, time=START - 1) == ("skipped", "newer_known")
    rename(world, BY_PHONE, OTHER)
    world.tick(SECOND)
    world.publish(event | {"time": iso(world.now)})
    assert world.outcomes()[-1] == ("unchanged", "repeated")
    assert list(contacts(world)) == [f"tel:{OTHER}"]


def test_a_rename_that_changed_nothing_is_known_again(world: World) -> None:
    """It was carried out too: its second attempt does not undo what came between."""
    world.say("hello")
    assert rename(world, BY_PHONE, OTHER) == ("applied", None)
    assert rename(world, BY_PHONE, OTHER, id="second") == ("unchanged", "already_in_force")
    assert rename(world, BY_PHONE, NEW) == ("applied", None)
    assert rename(world, BY_PHONE, OTHER, id="second") == ("unchanged", "repeated")
    assert list(contacts(world)) == [f"tel:{NEW}"]


def test_a_rename_that_was_refused_is_decided_anew(world: World) -> None:
    """As by what is true, and told, then."""
    world.say("hello")
    assert rename(world, BY_PHONE, OTHER) == ("applied", None)
    assert rename(world, BY_PHONE, NEW, id="late", time=START - 1) == ("skipped", "newer_known")
    assert rename(world, BY_PHONE, NEW, id="late") == ("applied", None)


def test_a_rename_repeated_on_its_way(world: World) -> None:
    """Two copies that are both let through by the contacts are carried out once."""
    world.say("hello")
    event = world.event("contact.rename", {"contact": BY_PHONE, "phone": NEW})
    for keyed in (*world.keyed(event), *world.keyed(event)):
        world.append(keyed.key, keyed.value)
    world.run()
    assert sorted(world.outcomes()[-2:]) == [("applied", None), ("unchanged", "repeated")]


def test_a_rename_of_somebody_who_is_being_linked() -> None:
    """The outcome comes also where the contact was just about to become another's."""
    for at_once in (1, 2, 3, 4):
        world = World(4)
        world.tenant()
        mail(world, "x", time=START - DAY)
        chat(world, "x", time=START - HOUR)
        events = [
            world.event("rating", {"rating_id": "r", "stars": 5, "guest": {"telegram": CHAT, "email": MAIL}}),
            world.event("contact.rename", {"contact": BY_CHAT, "phone": MADE}),
            world.event("rating", {"rating_id": "q", "stars": 5, "guest": {"telegram": CHAT}}, time=START - 2 * DAY),
            world.event("contact.rename", {"contact": BY_MAIL, "phone": NEW}, time=START + 1),
        ]
        for event in events:
            for keyed in world.keyed(event):
                world.append(keyed.key, keyed.value)
        while any(read < len(log) for read, log in zip(world.read, world.logs, strict=True)):
            for at in (2, 0, 3, 1):
                world.step(at, at_once)
        assert len([one for one in world.values("outcomes") if one["type"] == "contact.rename"]) == 2
        assert len(contacts(world)) in {1, 2}


def test_a_tenant_that_is_not_known(world: World) -> None:
    """A rename for a tenant without a record is a dead letter."""
    reject = world.send("contact.rename", {"contact": BY_PHONE, "phone": NEW}, tenant="nobody")
    assert reject is not None
    assert reject.reason == "tenant_unknown"


# the owner's log -----------------------------------------------------------------------------------------------------


def test_an_alias_is_nobody_to_groups_that_take_everybody(world: World) -> None:
    """A group of all who never rated has the contact, not its other id, also when it is created later."""
    rated(world)
    world.must("group.create", {"id": "quiet", "rule": {"none": [{"event": "booking"}]}})
    world.rest()
    assert world.members("quiet") == [TEL]
    mail(world, "hello")
    assert world.members("quiet") == [TEL]


def test_an_alias_that_leads_again_is_asked_anew(world: World) -> None:
    """Groups that came while an id was an alias have it once it is a contact again."""
    world.say("dinner")
    rename(world, BY_PHONE, NEW)
    world.group("late", FOOD)
    world.group("calm", {"none": [{"event": "booking"}]})
    rename(world, {"phone": NEW}, MADE)
    assert [world.members(group) for group in ("late", "calm")] == [[TEL], [TEL]]


def test_nothing_hangs_on_ticks_or_restarts(world: World) -> None:
    """An owner that is taken over forwards, and knows its links."""
    mail(world, "dinner")
    rated(world)
    world.restart()
    world.append(b"tick", encode(Tick(-1, 0, 0, 0)), 0)
    mail(world, "stop")
    assert world.contact()["sendable"] is False
    rated(world, "r2")
    assert contacts(world) == {TEL: [f"mailto:{MAIL}"]}
    assert {told(out)["contact"] for out in world.out if out.topic == "contacts" and out.value} == {
        TEL, f"mailto:{MAIL}",
    }  # fmt: skip


EDGES = [(START, f"mailto:{MAIL}", TEL)]
LEAD = Directed(-1, 0, 0, 0, "reviews", "r1", START, 1, TEL, EDGES, {})
NOTHING = Handed(-1, 0, 0, 0, "reviews", "r1", START, 1, f"mailto:{MAIL}", 0, more=False, edges=EDGES)


@pytest.mark.parametrize("word", [LEAD, NOTHING])
def test_a_link_while_a_successor_takes_over(
    world: World, monkeypatch: pytest.MonkeyPatch, word: Directed | Handed
) -> None:
    """Who turns out to have two ids is answered by the rule in force, though the lap has not come to it."""
    for at in range(12):
        world.say("hello", f"+62812345671{at:02}")
    world.say("dinner")
    world.rate(5, "r2")
    world.group("good", {"event": "rating", "min_stars": 4})
    monkeypatch.setattr(scans, "SLICE", 1)
    dinner = {"event": "message", "any_of": ["dinner"]}
    world.must("group.create", {"id": "good", "supersedes": "good", "rule": dinner})
    while world.tables["groups"]["bali/good"]["status"] != "building":
        world.tick()
    world.append(f"bali/{TEL}".encode(), encode(word))
    world.run()
    assert contacts(world)[TEL] == [f"mailto:{MAIL}"]
    world.rate(2, "r2", revision=2)
    world.rest()
    assert flips(world, "good") == [(TEL, "joined", "rating", 1)]
