"""`rollcall verify` on consent: a world that agrees with itself, and each way in which it may not."""

from __future__ import annotations

from typing import Any

import pytest

from streams.verify_books import Entry
from tests.processors.world import HOUR, World
from tests.streams.test_verify import MADE, PET, Recorded


def heard() -> World:
    """A world in which guests opted out and in, of everything and of groups, by word and by command."""
    world = World()
    world.tenant()
    world.group("pet", PET)
    world.group("club", join_words=["join club"], leave_words=["no club"])
    for phone in ("+6281234567890", "+6281234567891"):
        for text in ("a pet", "join club", "stop", "start", "no club"):
            world.tick(HOUR)
            world.say(text, phone)
    world.tick(HOUR)
    world.say("stop")
    world.say("please stop texting me", "+6281234567891")
    world.consent("opt_in", "+6281234567891", scope="club")
    world.must("group.delete", {"group": "pet"})
    world.rest()
    world.pin("add", "club", "+6281234567891")
    return world


@pytest.fixture
def consenting() -> Recorded:
    """What that world has recorded, to be tampered with."""
    return Recorded(heard())


def consent_at(recorded: Recorded, at: int) -> int:
    """The place of one of Made's records of consent in the log."""
    places = [p for p, one in enumerate(recorded.log) if one.key == MADE and b'"type":"contact.' in (one.value or b"")]
    return places[at]


def test_consent_agrees(consenting: Recorded) -> None:
    """Nothing disagrees, with the whole log and with its end alone."""
    assert consenting.differences() == []
    assert any(b'"sendable":false' in (one.value or b"") for one in consenting.table)
    consenting.whole = False
    del consenting.log[: consent_at(consenting, 1)]
    assert consenting.differences() == []


def test_a_membership_that_hides_an_opt_out(consenting: Recorded) -> None:
    """A row of the table that says sendable of who opted out."""
    last = max(at for at, one in enumerate(consenting.table) if one.value)
    consenting.member(last, sendable=True)
    assert consenting.kinds() == {"table_wrong": 1}


@pytest.mark.parametrize(("change", "kinds"), [
    ({"seq": 9}, {"log_gap": 1, "log_wrong": 2}),
    ({"seq": 1}, {"log_repeat": 1, "log_wrong": 2}),
    ({"_id": "x"}, {"log_wrong": 1}),
    ({"_tenant": "other"}, {"log_wrong": 1}),
    ({"_type": "contact.restored"}, {"log_wrong": 2}),
    ({"scope": "club"}, {"log_wrong": 2}),
    ({"cause": 3}, {"log_unreadable": 1, "log_wrong": 1}),
])  # fmt: skip
def test_consent_that_was_told_wrong(consenting: Recorded, change: dict[str, Any], kinds: dict[str, int]) -> None:
    """The last record of consent tampered with."""
    consenting.change(consent_at(consenting, -1), **change)
    assert consenting.kinds() == kinds


def test_consent_that_was_not_told(consenting: Recorded) -> None:
    """The first, the last and all records of consent gone."""
    log = list(consenting.log)
    del consenting.log[consent_at(consenting, 0)]
    assert consenting.kinds() == {"log_gap": 1}
    consenting.log[:] = log
    del consenting.log[consent_at(consenting, -1)]
    assert consenting.kinds() == {"log_wrong": 1}
    consenting.log[:] = [one for one in log if b'"type":"contact.' not in (one.value or b"")]
    assert consenting.kinds() == {"log_missing": 2}
    consenting.whole = False
    assert consenting.kinds() == {}


def test_only_the_log_knows_of_consent(consenting: Recorded) -> None:
    """A contact without an owner, of whom the log tells an opt-out."""
    key, value = consenting.log[consent_at(consenting, 0)]
    consenting.log.append(Entry(key.replace(b"890", b"899"), (value or b"").replace(b"890", b"899")))
    assert set(consenting.kinds()) == {"log_wrong"}


def test_a_stop_that_nobody_heard(consenting: Recorded) -> None:
    """The owner's word is older than the guest's STOP, or none."""
    head = consenting.head()
    assert head.consent is not None
    assert head.consent.said is not None
    head.consent.said.time -= 1
    consenting.put(head)
    assert consenting.kinds() == {"consent_wrong": 1}
    head.consent.said = None
    consenting.put(head)
    assert consenting.kinds()["consent_wrong"] == 1


def test_an_owner_that_forgot_an_opt_out_of_a_group(consenting: Recorded) -> None:
    """The log says that the contact has left the group for good, and its row says nothing of it."""
    head = consenting.head()
    head.rows["club"].pins = None
    consenting.put(head)
    assert consenting.kinds() == {"log_wrong": 1}
