"""Consent by message: the words of all, of tenants and of groups; near misses; what is answered."""

from __future__ import annotations

from itertools import permutations
from typing import Any

import msgspec
import pytest

from processors.definitions import Definitions
from processors.desk import ORIGIN
from processors.opt_out_spelling import LOOKED_AT
from processors.words import normalise
from schemas.activity import MessageSeen
from tests.processors.world import DAY, HOUR, MADE, SECOND, START, World

DINNER = {"event": "message", "any_of": ["dinner"], "within": "P1D"}
NEW = {"none": [{"event": "booking"}]}
REPLIES = {"help_reply": "Call us", "opt_out_reply": "No more", "opt_in_reply": "Welcome back"}
ANNA = "+4915123456789"


def made(**record: Any) -> World:
    """A world with a tenant."""
    world = World()
    world.tenant(**REPLIES, **record)
    return world


@pytest.fixture
def world() -> World:
    """A world in which Made wrote of dinner, and a club with a reply and words of its own."""
    made_world = made()
    made_world.group("g", DINNER)
    made_world.group("club", reply="Hello!", join_words=["Join Club"], leave_words=["NO club", "join  club?"])
    made_world.say("dinner", property="ubud", time=START - HOUR)
    return made_world


def is_out(world: World, phone: str = MADE) -> bool:
    """Whether a contact is not sendable."""
    return not world.contact(phone)["sendable"]


def kinds(world: World) -> list[tuple[str, str]]:
    """The kinds and texts of all replies."""
    return [(reply["kind"], reply["text"]) for reply in world.values("replies")]


@pytest.mark.parametrize("text", [
    "STOP", "stop", " Stop! ", "…stop.", "STOPALL", "stop all", "Stop-All", "unsubscribe", "Revoke", "OPTOUT",
    "opt out", "Opt_Out", "Arrêt", "ARRET", "🛑 ＳＴＯＰ 🛑",  # noqa: RUF001 - full width, as some keyboards write
])  # fmt: skip
def test_a_word_that_is_the_whole_message_opts_out(text: str) -> None:
    """On every channel, in any case, with whatever punctuation around it."""
    for channel in ("whatsapp", "sms", "email"):
        world = made()
        sender = {"phone": "made@example.com"} if channel == "email" else {}
        world.say("hello", channel=channel, **sender)
        world.say(text, channel=channel, **sender)
        (row,) = world.tables["contacts"].values()
        assert row["sendable"] is False
        assert [one["type"] for one in world.consents()] == ["contact.suppressed"]


@pytest.mark.parametrize(
    "text", ["stop the shuttle", "stops", "do not stop", "the bus stop", "👍", "", "yes", "cancel"]
)
def test_anything_else_does_not(text: str) -> None:
    """A word among others, another form of it, YES and CANCEL in a chat: no consent changes."""
    world = made()
    world.say(text)
    assert world.consents() == []
    assert world.values("notices") == []


def test_a_word_is_told_with_what_people_may_ask_about_it(world: World) -> None:
    """The record tells scope, the word as it is listed, and the message."""
    world.say("Stop.", id="e-stop")
    (told,) = world.consents()
    assert told["data"] == {
        "contact": f"tel:{MADE}", "scope": "all", "seq": 1, "evidence": "STOP", "review": False,
        "cause": {"source": "s", "id": "e-stop"},
    }  # fmt: skip
    (row,) = world.tables["memberships"].values()
    assert (row["sendable"], row["seq"]) == (False, 1)


def test_start_ends_it_and_nothing_else_does(world: World) -> None:
    """Messages, bookings, adds with evidence and imports leave the contact opted out; START and the like do not."""
    for word in ("START", "unstop", "Resubscribe"):
        world.tick(SECOND)
        world.say("stop")
        world.tick(SECOND)
        world.say("dinner")
        world.say("yes")
        world.book(f"b{word}")
        world.pin("add", "club", evidence="asked for it")
        world.pin("add", "club", reason="import")
        assert is_out(world)
        world.say(word)
        assert not is_out(world)


def test_yes_opts_in_by_sms_only_and_only_who_was_out() -> None:
    """By the time of the events: a STOP that comes late but is older than the YES is over, one that is newer holds."""
    world = made()
    world.say("stop", channel="sms")
    world.tick(SECOND)
    world.say("yes")
    assert is_out(world)
    world.say("YES!", channel="SMS")
    assert not is_out(world)
    other = made()
    other.say("yes", channel="sms")
    assert other.consents() == []
    other.say("stop", channel="sms", time=START - SECOND)
    assert not is_out(other)
    other.say("stop", channel="sms")
    assert is_out(other)


def test_yes_may_be_a_groups_word_too() -> None:
    """By sms YES joins that group and opts in; in a chat it only joins."""
    world = made()
    world.group("club", join_words=["yes"])
    world.say("yes")
    world.say("stop", ANNA, channel="sms")
    world.tick(SECOND)
    world.say("yes", ANNA, channel="sms")
    assert world.members("club") == [f"tel:{ANNA}", f"tel:{MADE}"]
    assert not is_out(world, ANNA)


@pytest.mark.parametrize("word", ["CANCEL", "end", "Quit"])
def test_words_of_stays_count_by_sms_or_where_the_tenant_says_so(word: str) -> None:
    """CANCEL, END and QUIT mean bookings in chats and in mails, unless chat_stop_words is set: then chats count too."""
    for chat_stop_words, outs in ((False, ["sms"]), (True, ["sms", "whatsapp", "telegram"])):
        for channel in ("sms", "whatsapp", "telegram", "email"):
            world = made(chat_stop_words=chat_stop_words)
            sender = {"email": "made@example.com", "telegram": "77"}.get(channel, MADE)
            world.say(word, sender, channel=channel)
            (row,) = world.tables["contacts"].values()
            assert row["sendable"] is (channel not in outs)


def test_tenants_words_go_first_but_some_words_stay() -> None:
    """Words in any language opt out and in; STOP, UNSUBSCRIBE, REVOKE and OPT OUT mean what they mean."""
    world = made(
        opt_out_words=["หยุด", "Berhenti!", "START"], opt_in_words=["Daftar", "stop", "opt-out", "INFO", "STOPALL"]
    )
    for out, back in (("หยุด", "daftar"), ("BERHENTI", "info"), ("start", "stop all daftar"), ("stop", "stopall")):
        world.tick(SECOND)
        world.say(out)
        assert is_out(world)
        world.tick(SECOND)
        world.say(back)
        assert is_out(world) is (back == "stop all daftar")
    world.say("opt out")
    assert is_out(world)


def test_a_groups_words_join_and_leave(world: World) -> None:
    """Reason keyword both ways; leaving is consent; everybody else is as before; a word for both leaves."""
    world.say("join  club!")
    assert world.members("club") == []
    world.must("group.update", {"group": "club", "leave_words": ["no club"]})
    world.tick(SECOND)
    world.say("join CLUB", id="e-join")
    joined = world.changes()[-1]
    assert (joined["reason"], joined["sources"], joined["evidence"]) == ("keyword", ["keyword"], "Join Club")
    assert joined["cause"] == {"source": "s", "id": "e-join"}
    world.tick(SECOND)
    world.say("no club")
    assert world.flips()[-1] == ("club", "left", "keyword")
    for reason in ("import", "flow", "bulk", "keyword"):
        world.pin("add", "club", reason=reason)
        assert world.outcomes()[-1] == ("skipped", "opted_out")
    assert not is_out(world)
    world.tick(SECOND)
    world.say("join club")
    assert world.members("club") == [f"tel:{MADE}"]
    assert [(one["type"][8:], one["data"]["scope"]) for one in world.consents()] == [
        ("suppressed", "club"), ("restored", "club"), ("suppressed", "club"), ("restored", "club"),
    ]  # fmt: skip


def test_a_tenants_word_goes_before_a_groups() -> None:
    """What the tenant or everybody has as a word no group hears; one word may be that of several groups."""
    world = made(opt_out_words=["enough"])
    world.group("a", join_words=["enough", "help", "stop", "both", "cancel"])
    world.group("b", join_words=["both"])
    for text in ("enough", "help", "stop"):
        world.say(text)
    assert world.changes() == []
    world.say("both")
    assert (world.members("a"), world.members("b")) == ([f"tel:{MADE}"], [f"tel:{MADE}"])
    world.say("cancel", ANNA)
    assert world.members("a") == sorted([f"tel:{MADE}", f"tel:{ANNA}"])


def test_words_of_a_group_that_is_going_mean_nothing(world: World) -> None:
    """From the moment its deletion is asked for nobody joins it by its word."""
    world.must("group.delete", {"group": "club"})
    world.say("join club", ANNA)
    world.say("no club", ANNA)
    assert world.consents() == []


def test_a_backfill_hears_no_words(world: World) -> None:
    """What was said before a group was there, or had these words, does nothing later."""
    world.say("join us")
    world.group("later", DINNER, join_words=["join us"], reply="Hello!")
    assert [change["origin"] for change in world.changes() if change["group"] == "later"] == ["backfill"]
    assert world.tables["memberships"][f"bali/later/tel:{MADE}"]["sources"] == ["rule"]
    assert kinds(world) == []


def test_words_are_consent_whatever_becomes_of_the_message(world: World) -> None:
    """A repeat changes nothing; an edit or deletion takes nothing back; a late older revision is heard too."""
    world.say("stop", id_="m", revision=1)
    world.say("stop", id_="m", revision=1)
    world.say("start", id_="m", revision=1, time=START + SECOND)
    world.say("sorry", id_="m", revision=2)
    world.say("", id_="m", revision=3, deleted=True)
    assert is_out(world)
    assert kinds(world) == [("opt_out", "No more")]
    world.say("hello", ANNA, id_="n", revision=2)
    world.say("stop", ANNA, id_="n", revision=1)
    assert is_out(world, ANNA)


def test_a_second_copy_of_an_older_revision_says_nothing(world: World) -> None:
    """Days later, after a restart and with other words in it: it is neither answered again nor taken for a word."""
    world.say("stop", id_="m", revision=1)
    world.say("sorry", id_="m", revision=3)
    world.say("see you", id_="m", revision=2)
    world.tick(SECOND)
    world.say("start")
    world.tick(DAY)
    world.consent("opt_out")
    world.restart()
    world.say("stop", id_="m", revision=1, time=START)
    world.tick(DAY)
    world.say("start", id_="m", revision=1)
    world.say("start", id_="m", revision=2)
    assert is_out(world)
    assert kinds(world) == [("opt_out", "No more"), ("opt_in", "Welcome back")]


def test_only_so_many_older_revisions_are_remembered(world: World) -> None:
    """The highest: a guest who edits a message thousands of times has no row that grows with it."""
    for revision in range(150):
        world.say("hello", id_="m", revision=revision)
    (fact,) = (fact for fact in world.folds[0].desk.messages(f"bali/tel:{MADE}".encode()) if fact.revision == 149)
    assert fact.older == (*range(49, 149),)


def test_an_opt_out_from_before_the_opt_in_is_not_answered(world: World) -> None:
    """It was, or need not be: also where the message is kept no more, and came twice."""
    world.say("stop", id_="m")
    world.tick(SECOND)
    world.say("start")
    world.tick(SECOND)
    world.must("contact.delete", {"contact": {"phone": MADE}, "erase": True})
    world.tick(SECOND)
    world.consent("opt_out")
    world.say("stop", id_="m", time=START)
    assert kinds(world) == [("opt_out", "No more"), ("opt_in", "Welcome back")]
    world.say("stop", id_="n")
    assert kinds(world)[2:] == [("opt_out", "No more")]


def test_an_opt_out_of_the_moment_of_the_opt_in_is_answered(world: World) -> None:
    """It holds, so it is confirmed."""
    world.say("stop")
    world.tick(SECOND)
    world.say("start")
    world.say("stop")
    assert kinds(world) == [("opt_out", "No more"), ("opt_in", "Welcome back"), ("opt_out", "No more")]


def test_order_of_arrival_does_not_matter() -> None:
    """Words by message and by command in every order: the newest wins, a tie is an opt-out."""
    steps: list[tuple[str, int]] = [("stop", -3), ("start", -2), ("opt_in", -1), ("please stop", -1), ("start", -4)]
    for order in permutations(steps):
        world = made()
        for text, at in order:
            if text == "opt_in":
                world.consent(text, time=START + at * HOUR)
            else:
                world.say(text, time=START + at * HOUR)
        assert is_out(world)
        assert world.consents()[-1]["type"] == "contact.suppressed"


def test_each_asked_for_answer_is_given_once(world: World) -> None:
    """One confirmation of an opt-out, HELP even then, one welcome back; nothing to who asks for what is so already."""
    world.say("start")
    world.say("help", property="ubud")
    for _ in range(2):
        world.tick(SECOND)
        world.say("stop", id_=f"m{world.now}")
    world.say("info")
    world.consent("opt_out", time=world.now + 1)
    for _ in range(2):
        world.tick(SECOND)
        world.say("start")
    assert kinds(world) == [
        ("help", "Call us"),
        ("opt_out", "No more"),
        ("help", "Call us"),
        ("opt_in", "Welcome back"),
    ]
    first = world.values("replies")[1]
    assert (first["to"], first["channel"], first["contact"]) == (MADE, "whatsapp", f"tel:{MADE}")
    assert first["in_reply_to"].startswith("m")
    assert len({reply["reply_id"] for reply in world.values("replies")}) == 4


def test_a_call_for_help_is_answered_once(world: World) -> None:
    """One that comes again, or late, is not answered: not after an edit, and not after its guest was erased."""
    for text, revision in (("help", 1), ("help", 1), ("dinner", 2), ("help", 1)):
        world.say(text, id_="m", revision=revision)
    assert kinds(world) == [("help", "Call us")]
    world.say("help", id_="n")
    at = world.now
    world.tick(SECOND)
    world.must("contact.delete", {"contact": {"phone": MADE}, "erase": True})
    world.say("help", id_="n", time=at)
    assert kinds(world) == [("help", "Call us")] * 2
    world.tick(1)
    world.say("help", id_="o")
    assert kinds(world) == [("help", "Call us")] * 3


def test_an_older_word_is_not_confirmed(world: World) -> None:
    """A STOP that a newer START has ended already is not confirmed; one by command is confirmed when it is said too."""
    world.say("start")
    world.say("stop", time=START - HOUR)
    assert kinds(world) == []
    world.tick(SECOND)
    world.consent("opt_out")
    world.say("stop")
    assert kinds(world) == [("opt_out", "No more")]


def test_without_a_text_nothing_is_answered() -> None:
    """A tenant that has set no replies sends none."""
    world = World()
    world.tenant()
    for text in ("help", "stop", "start"):
        world.tick(SECOND)
        world.say(text)
    assert world.values("replies") == []
    assert not is_out(world)


def test_who_cannot_be_reached_is_not_welcomed_back() -> None:
    """A relay address of a booking site may opt out and in, and is never sendable."""
    world = made()
    for text in ("stop", "start"):
        world.tick(SECOND)
        world.say(text, "abc@guest.booking.com", channel="email")
    assert kinds(world) == [("opt_out", "No more")]


def test_a_group_greets_who_joins_live(world: World) -> None:
    """Once per join: by word, by rule, by hand; not for an import or a bulk add, unless the add says otherwise."""
    world.group("pool", {"event": "message", "any_of": ["pool"], "within": "P1D"}, reply="Splash")
    world.say("a pool?", property="ubud")
    world.say("the pool!")
    world.must("group.update", {"group": "club", "leave_words": []})
    world.say("join club", ANNA)
    others = [f"+62812345678{at}" for at in range(10, 15)]
    for phone, reason in zip(others, ("import", "bulk", "manual", "flow", "keyword"), strict=True):
        world.pin("add", "club", phone, reason=reason)
    world.pin("add", "club", "+6281234567820", reason="import", reply=True)
    world.pin("add", "club", "+6281234567821", reply=False)
    greeted = [reply["contact"][4:] for reply in world.values("replies")]
    assert greeted == [MADE, ANNA, *others[2:], "+6281234567820"]
    assert all(reply["kind"] == "join" for reply in world.values("replies"))
    by_rule, by_word, by_hand = world.values("replies")[:3]
    assert (by_rule["text"], by_rule["property"], by_rule["to"]) == ("Splash", "ubud", MADE)
    assert by_word["in_reply_to"] is not None
    assert (by_hand["channel"], by_hand["to"], by_hand["in_reply_to"]) == ("whatsapp", others[2], None)


def test_a_greeting_goes_where_the_guest_last_wrote_from(world: World) -> None:
    """Who joins by hand or by a booking is greeted on the channel of its newest message, else by its id's own."""
    world.say("hi", channel="sms", property="ubud")
    world.pin("add", "club")
    world.must("group.add", {"group": "club", "contacts": [{"id": "telegram:77"}, {"id": "mailto:made@example.com"}]})
    assert [(reply["channel"], reply["to"], reply["property"]) for reply in world.values("replies")] == [
        ("sms", MADE, "ubud"), ("telegram", "77", None), ("email", "made@example.com", None),
    ]  # fmt: skip


def test_the_unsendable_are_not_greeted() -> None:
    """Not who opted out, not who cannot be reached, and not a stranger whose first word is STOP or nearly so."""
    world = made()
    world.group("new", NEW, reply="Hello!")
    world.say("stop")
    world.say("please stop texting me", "+6281234567801")
    world.book("b", None, guest={"last_name": "X"})
    world.say("join", ANNA)
    assert [(reply["kind"], reply["contact"][4:]) for reply in world.values("replies")] == [
        ("opt_out", MADE), ("join", ANNA),
    ]  # fmt: skip
    assert {row["contact"][4:]: row["sendable"] for row in world.tables["memberships"].values()} == {
        MADE: False, "+6281234567801": False, ANNA: True,
    }  # fmt: skip


NEAR = [
    "please stop texting me", "Stop sending these messages", "stop it!", "pls unsubscribe me", "Don't message me again",
    "do not contact me", "no more texts please", "take me off your list", "Stop, please.", "leave me alone",
    "I don't want any more messages", "i do not wish to receive messages", "Remove me from the list!",
    "please stop with the messages", "please quit texting me", "Pls stop", "stop sms", "stop the promotions",
    "I opt out",
    "stopp",  # codespell:ignore
]  # fmt: skip
FAR = [
    "please stop at the lobby", "where does the shuttle stop?", "don't worry, text me", "can we opt out of breakfast",
    "do not want any more towels", "take me off the list for breakfast", "stop by our room",
    "I never got your message", "no more towels", "word " * 25 + "unsubscribe",
]  # fmt: skip


@pytest.mark.parametrize("text", NEAR)
def test_a_near_miss_suppresses_until_somebody_has_looked(text: str) -> None:
    """It is not confirmed to the guest; a notice names the event; the command in either direction settles it."""
    for kind, out in (("opt_in", False), ("opt_out", True)):
        world = made()
        world.say("dinner")
        world.say(text, id="e-near")
        assert is_out(world)
        (told,) = world.consents()
        assert told["data"]["review"] is True
        (notice,) = world.values("notices")
        assert (notice["kind"], notice["cause"]["id"], notice["contact"]) == ("review", "e-near", f"tel:{MADE}")
        assert kinds(world) == []
        world.tick(SECOND)
        world.consent(kind)
        assert world.outcomes()[-1] == ("applied", None)
        assert is_out(world) is out


@pytest.mark.parametrize("text", FAR)
def test_what_only_looks_alike_suppresses_nobody(text: str) -> None:
    """Shuttles stop and guests opt out of breakfast; a long text is for people."""
    world = made()
    world.say(text)
    assert world.consents() == []


def message(text: str) -> MessageSeen:
    """Make a message as normalize does."""
    return MessageSeen(*ORIGIN, "s", "e", "e", 1, START, normalise(text), "sms")


def test_each_message_tells_its_own() -> None:
    """What is found in one pass over many texts belongs to the text that has it; a long text has no near miss."""
    known = Definitions("bali")
    rule = {"event": "message", "any_of": ["dinner", "my number"]}
    known.set_group(1, msgspec.json.encode({"tenant": "bali", "id": "g", "name": "g", "rule": rule}), ("c", "1"))
    texts = ["stop", "dinner", "", "what is my number", "stop texting me at dinner", "hi", "stop texting me at dinner"]
    long = "so " * LOOKED_AT + "please stop texting me"
    told = [
        (one.meaning is not None, one.near, [word.phrase for word in one.hits])
        for one in known.read([message(text) for text in [*texts, long]])
    ]
    near = "stop texting"
    assert told == [
        (True, None, []),
        (False, None, ["dinner"]),
        (False, None, []),
        (False, None, ["my number"]),
        (False, near, ["dinner"]),
        (False, None, []),
        (False, near, ["dinner"]),
        (False, None, []),
    ]
    assert known.read([]) == []


def test_near_misses_are_noticed_once_a_day(world: World) -> None:
    """START ends a near miss; the next suppresses again, with a notice only on another day."""
    for pause in (SECOND, SECOND, DAY):
        world.tick(pause)
        world.say("stop texting me")
        world.say("stop texting me")
        world.tick(SECOND)
        world.say("start")
    assert [one["type"][8:] for one in world.consents()] == ["suppressed", "restored"] * 3
    assert [notice["kind"] for notice in world.values("notices") if notice["kind"] == "review"] == ["review"] * 2


def test_a_stop_after_a_near_miss_is_confirmed(world: World) -> None:
    """Suppressed already, the guest says the word itself: it is answered, and told of no second time."""
    world.say("please stop")
    world.tick(SECOND)
    world.say("stop")
    world.tick(SECOND)
    world.say("please stop")
    world.say("stop")
    assert kinds(world) == [("opt_out", "No more")]
    assert len(world.consents()) == 1


def test_a_near_miss_still_says_what_it_says(world: World) -> None:
    """Keywords in it count, though the change is not sendable; a group's own word is not one."""
    world.group("pets", {"event": "message", "any_of": ["pet"], "within": "P1D"})
    world.say("stop texting me about pets")
    assert world.changes()[-1]["sendable"] is False
    world.group("mail", join_words=["no more spam"])
    world.say("no more spam", ANNA)
    assert world.members("mail") == [f"tel:{ANNA}"]
    assert not is_out(world, ANNA)
