"""The judges on trial: content with a good history, and red for every fault, each put in by itself."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from tests.chaos.evidence import accepted, model_of
from tests.chaos.history import History, newest
from tests.chaos.judges import JUDGES, judge, lateness
from tests.chaos.load import stamp
from tests.chaos.model import millis
from tests.chaos.reader import Taken
from tests.chaos.rehearsal import rehearse, talk


@pytest.fixture(scope="module")
def good() -> History:
    """A history as it should be."""
    return rehearse(7, beats=200)


def copied(history: History) -> History:
    """Copy what the faults change; records never change, so the copy of the lists that hold them will do."""
    return msgspec.structs.replace(
        history,
        acknowledged=list(history.acknowledged),
        followed=list(history.followed),
        topics={name: list(records) for name, records in history.topics.items()},
        members=copy.deepcopy(history.members),
        remembered=dict(history.remembered),
    )


def told(one: Taken) -> dict[str, Any]:
    """Read a record."""
    value: dict[str, Any] = json.loads(one.value or b"{}")
    return value


def rewrite(history: History, topic: str, choose: Callable[[dict[str, Any]], bool], **data: Any) -> None:
    """Change the last record of a topic that is chosen, in its `data`, or itself where it has none."""
    at = max(i for i, one in enumerate(history[topic]) if one.value and choose(told(one)))
    value = told(history[topic][at])
    value.get("data", value).update(data)
    put(history, topic, at, history[topic][at]._replace(value=json.dumps(value).encode()))


def put(history: History, topic: str, at: int, one: Taken) -> None:
    """Change a record, also for who followed live."""
    if topic == "membership-changes":
        history.followed[history.followed.index(history[topic][at])] = one
    history[topic][at] = one


def drop(history: History, topic: str, choose: Callable[[Taken], bool]) -> Taken:
    """Take the last record away that is chosen, also for who followed live."""
    at = max(i for i, one in enumerate(history[topic]) if choose(one))
    one = history[topic].pop(at)
    if topic == "membership-changes":
        history.followed.remove(one)
    return one


def always(_: Any) -> bool:
    """Choose anything."""
    return True


def one_of(change: str) -> Callable[[dict[str, Any]], bool]:
    """Choose changes of a kind."""
    return lambda value: value["type"].endswith(f".{change}")


def is_membership(one: Taken) -> bool:
    """Choose joins and leaves."""
    return "group" in told(one)["data"]


def overwrite(history: History, topic: str, choose: Callable[[dict[str, Any]], bool], **data: Any) -> None:
    """Write a row of a table once more, otherwise."""
    rows = [(key, json.loads(value)) for key, value in newest(history[topic]).items() if value is not None]
    key, row = next((key, row) for key, row in rows if choose(row))
    history[topic].append(Taken(0, 10**6, history.at, key, json.dumps(row | data).encode()))


def again(history: History, topic: str, choose: Callable[[dict[str, Any]], bool], **more: Any) -> None:
    """Say a record of a log once more, in its whole or otherwise."""
    one = next(one for one in reversed(history[topic]) if choose(told(one)))
    history[topic].append(one._replace(offset=10**6, value=json.dumps(told(one) | more).encode()))


# the faults ----------------------------------------------------------------------------------------------------------


def an_acknowledged_event_is_gone(history: History) -> None:
    """The broker loses what it acknowledged."""
    drop(history, "messages", always)


def an_event_has_no_activity(history: History) -> None:
    """The hop normalize passes an event over."""
    drop(history, "contact-activity", lambda one: msgspec.msgpack.decode(one.value or b"")[1] >= 0)


def poison_has_no_dead_letter(history: History) -> None:
    """The hop normalize drops what it cannot read."""
    drop(history, "dead-letters", always)


def a_good_event_is_a_dead_letter(history: History) -> None:
    """The hop normalize turns a valid event away."""
    wrong = history["dead-letters"][0]
    lines = tuple((name, b"0" if name == "offset" else value) for name, value in wrong.headers)
    history["dead-letters"].append(wrong._replace(offset=99, headers=lines))


def an_outcome_is_missing(history: History) -> None:
    """A command goes unanswered."""
    drop(history, "outcomes", always)


def an_outcome_is_told_twice(history: History) -> None:
    """A command is answered twice."""
    history["outcomes"].append(history["outcomes"][-1]._replace(offset=10**6))


def a_change_is_missing(history: History) -> None:
    """A seq is left out."""
    last = {_name(one): _seq(one) for one in history["membership-changes"]}
    drop(history, "membership-changes", lambda one: _seq(one) < last[_name(one)] and is_membership(one))


def a_change_is_repeated(history: History) -> None:
    """A change is written twice."""
    again = history["membership-changes"][-1]._replace(offset=10**6)
    history["membership-changes"].append(again)
    history.followed.append(again)


def a_change_joins_twice(history: History) -> None:
    """An even seq says joined."""
    rewrite(history, "membership-changes", one_of("left"), change="joined")


def changes_are_out_of_order(history: History) -> None:
    """A contact's change has an earlier time than the one before."""
    changes = history["membership-changes"]
    at = next(i for i in range(len(changes) - 1, -1, -1) if _seq(changes[i]) > 1 and is_membership(changes[i]))
    early = told(changes[at]) | {"time": stamp(0)}
    put(history, "membership-changes", at, changes[at]._replace(value=json.dumps(early).encode()))


def the_reader_misses_a_change(history: History) -> None:
    """What follows live does not get a record."""
    history.followed.pop(5)


def the_reader_gets_a_change_twice(history: History) -> None:
    """What follows live gets a record again."""
    history.followed.append(history.followed[5])


def a_membership_is_missing(history: History) -> None:
    """The table has no row for a member."""
    one = next(one for one in reversed(history["memberships"]) if one.value and "hello-1/" in one.key.decode())
    history["memberships"].append(one._replace(value=None, offset=10**6))


def a_membership_is_too_much(history: History) -> None:
    """The table has a row for nobody."""
    one = next(one for one in history["memberships"] if b"dinner-3s/" in one.key and one.value)
    history["memberships"].append(one._replace(offset=10**6))


def a_membership_ends_at_another_time(history: History) -> None:
    """The newest message of a window was not counted."""
    key, value = next((k, v) for k, v in newest(history["memberships"]).items() if v and b"/hello-3/" in k)
    wrong = json.dumps(json.loads(value) | {"expires_at": stamp(2e9)}).encode()
    history["memberships"].append(Taken(0, 10**6, history.at, key, wrong))


def http_misses_a_member(history: History) -> None:
    """The store was not told."""
    history.members["hello-1"].popitem()


def http_has_an_old_row(history: History) -> None:
    """The store missed the newest state of a row."""
    next(iter(history.members["hello-1"].values()))["expires_at"] = stamp(2e9)


def a_message_was_not_kept(history: History) -> None:
    """The hop decide lost an event that changed no membership."""
    key = next(one.key for one in history["decide-changelog"] if one.key.startswith(b"f") and b"gatewaym-" in one.key)
    history.topics["decide-changelog"] = [one for one in history["decide-changelog"] if one.key != key]


def an_owner_kept_a_moved_fact(history: History) -> None:
    """A booking is with its former guest too."""
    one = next(one for one in history["decide-changelog"] if one.key.startswith(b"f") and one.value is None)
    fact = next(o for o in history["decide-changelog"] if o.key == one.key and o.value is not None)
    history["decide-changelog"].append(fact._replace(offset=10**6))


def a_sum_was_counted_twice(history: History) -> None:
    """A booking counts double."""
    rewrite(history, "contacts", lambda value: bool(value.get("spent")), spent={"IDR": "1"})


def a_deadline_fired_early(history: History) -> None:
    """A membership ends before its time."""
    changes = history["membership-changes"]
    at = max(i for i, one in enumerate(changes) if told(one)["data"].get("reason") == "expired")
    due = millis(told(changes[at])["data"]["effective_at"])
    put(history, "membership-changes", at, changes[at]._replace(timestamp=due - 1))


def a_deadline_is_nobodys(history: History) -> None:
    """A membership ends at a moment that no fact gives."""
    changes = history["membership-changes"]
    at = max(i for i, one in enumerate(changes) if told(one)["data"].get("reason") == "expired")
    value = told(changes[at])
    value["data"]["effective_at"] = stamp((millis(value["data"]["effective_at"]) - 1) / 1000)
    put(history, "membership-changes", at, changes[at]._replace(value=json.dumps(value).encode()))


def an_opt_out_is_not_told(history: History) -> None:
    """A flip of consent is left out of the log."""
    first = next(told(one) for one in history["membership-changes"] if told(one)["type"] == "contact.suppressed")
    drop(history, "membership-changes", lambda one: told(one)["id"] == first["id"])


def a_word_is_lost(history: History) -> None:
    """The newest flip of a contact is left out, so that no gap shows."""
    drop(history, "membership-changes", lambda one: told(one)["type"] == "contact.suppressed")


def an_opt_out_is_told_twice(history: History) -> None:
    """A flip of consent is written again."""
    again(history, "membership-changes", one_of("suppressed"))


def an_opt_out_is_nobodys(history: History) -> None:
    """A flip names a message that says no such thing."""
    rewrite(history, "membership-changes", one_of("suppressed"), cause={"source": "gateway", "id": "m-1:1"})


def a_near_miss_is_certain(history: History) -> None:
    """A flip that a person should look at is told as a plain one."""
    rewrite(history, "membership-changes", lambda value: bool(value["data"].get("review")), review=False)


def an_opt_out_does_not_take_out(history: History) -> None:
    """Who opted out of a group is in its table."""
    contact = next(contact for contact, scope in sorted(model_of(history).opted_out()) if scope == "club")
    one = next(one for one in history["memberships"] if b"/club/" in one.key and one.value)
    key = one.key.rpartition(b"/")[0] + f"/{contact}".encode()
    value = json.dumps(told(one) | {"contact": contact}).encode()
    history["memberships"].append(Taken(0, 10**6, history.at, key, value))


def a_change_is_sendable_after_a_stop(history: History) -> None:
    """A change tells that somebody may be written to who may not."""
    rewrite(history, "membership-changes", lambda value: value["data"].get("sendable") is False, sendable=True)


def a_member_is_sendable_after_a_stop(history: History) -> None:
    """A membership was not written again when its contact opted out."""
    overwrite(history, "memberships", lambda row: not row["sendable"], sendable=True)


def a_profile_is_sendable_after_a_stop(history: History) -> None:
    """A contact was not written again when it opted out."""
    overwrite(history, "contacts", lambda row: not row["sendable"], sendable=True)


def http_has_not_heard_a_stop(history: History) -> None:
    """The store missed that a member may not be written to any more."""
    rows = (row for rows in history.members.values() for row in rows.values())
    next(row for row in rows if not row["sendable"])["sendable"] = True


def an_answer_is_missing(history: History) -> None:
    """Whoever opted out gets no confirmation."""
    causes = {told(one)["data"]["cause"]["id"] for one in history["membership-changes"] if not is_membership(one)}
    messages = {cause.rpartition(":")[0] for cause in causes}
    drop(history, "replies", lambda one: told(one)["kind"] == "opt_out" and told(one)["in_reply_to"] in messages)


def an_answer_is_given_twice(history: History) -> None:
    """A reply is written again."""
    again(history, "replies", always)


def an_answer_is_nobodys(history: History) -> None:
    """A guest is welcomed back who was not away."""
    again(history, "replies", always, reply_id="new", kind="opt_in", in_reply_to="m-1")


def an_opt_out_is_confirmed_again(history: History) -> None:
    """A second STOP is answered as the first was."""
    flips = [told(one)["data"] for one in history["membership-changes"] if one_of("suppressed")(told(one))]
    otherwise = {data["contact"] for data in flips if data["review"] or not data["cause"]["id"].startswith("m-")}
    again(history, "replies", lambda it: it["kind"] == "opt_out" and it["contact"] not in otherwise, reply_id="new")


def a_join_word_is_not_heard(history: History) -> None:
    """Who said a group's word is no member by it."""
    overwrite(history, "memberships", lambda row: "keyword" in row["sources"], sources=["flow"])


def a_leave_word_is_not_heard(history: History) -> None:
    """Nothing is told of what somebody said to a group who has left it."""
    contact = next(contact for contact, scope in sorted(model_of(history).opted_out()) if scope == "club")
    for topic in (history["membership-changes"], history.followed):
        topic[:] = [one for one in topic if (told(one)["data"].get("scope"), _name(one)[1]) != ("club", contact)]


def a_greeting_is_missing(history: History) -> None:
    """Whoever joined is not greeted."""
    drop(history, "replies", lambda one: told(one)["kind"] == "join")


def a_greeting_is_said_again(history: History) -> None:
    """Whoever joined once is greeted twice."""
    again(history, "replies", lambda value: value["kind"] == "join", reply_id="new")


def a_greeting_is_said_to_the_wrong_message(history: History) -> None:
    """A greeting answers another message than the one that made the contact join."""
    rewrite(history, "replies", lambda value: value["kind"] == "join", in_reply_to="m-0")


def an_import_is_greeted(history: History) -> None:
    """Whoever was imported is greeted."""
    changes = (told(one) for one in history["membership-changes"])
    quiet = {command["id"] for _, command in accepted(history, "commands") if not command["data"].get("reply")}
    joins = (one["data"] for one in changes if one["data"].get("reason") == "import" and one["data"]["group"] == "vip")
    contact = next(data["contact"] for data in joins if data["cause"]["id"] in quiet)
    greeting = {"contact": contact, "in_reply_to": None, "text": "Dear guest", "reply_id": "new"}
    again(history, "replies", lambda value: value["kind"] == "join", **greeting)


def hashed(history: History) -> dict[bytes, bytes]:
    """Return what outlives erased contacts."""
    rows = newest(history["decide-changelog"]).items()
    return {key: value for key, value in rows if key[:1] == b"e" and value is not None}


def the_erased(history: History) -> str:
    """Return who was erased at the end."""
    asked = (event for _, event in accepted(history, "commands") if event["id"].startswith("end-"))
    return str(next(asked)["data"]["contact"]["phone"])


def a_deleted_contact_is_there(history: History) -> None:
    """A profile was not taken away."""
    key = f"chaos/tel:{the_erased(history)}".encode()
    one = next(one for one in reversed(history["contacts"]) if one.key == key and one.value)
    history["contacts"].append(one._replace(offset=10**6))


def who_came_back_is_not_there(history: History) -> None:
    """A contact that is deleted stays away though it writes again."""
    guests = model_of(history).guests.items()
    contact = next(contact for contact, guest in guests if guest.ended >= 0 and guest.messages)
    history["contacts"].append(Taken(0, 10**6, history.at, f"chaos/{contact}".encode(), None))


def a_deletion_gives_another_reason(history: History) -> None:
    """A membership that a deletion ended says that the rule does not match any more."""
    rewrite(history, "membership-changes", because("contact_deleted"), reason="no_longer_matches")


def because(reason: str) -> Callable[[dict[str, Any]], bool]:
    """Choose changes with a reason."""
    return lambda value: bool(value["data"].get("reason") == reason)


def a_deleted_guest_is_a_member(history: History) -> None:
    """A membership was not taken away."""
    key = f"/tel:{the_erased(history)}".encode()
    one = next(one for one in reversed(history["memberships"]) if one.key.endswith(key) and one.value)
    history["memberships"].append(one._replace(offset=10**6))


def an_erased_fact_is_kept(history: History) -> None:
    """A message of a guest who was erased is still there."""
    contact = the_erased(history).encode()
    log = history["decide-changelog"]
    log.append(next(one for one in log if one.key.startswith(b"f") and contact in one.key and one.value))


def a_fact_went_without_an_erasure(history: History) -> None:
    """A message went with its guest, who was not erased."""
    guests = model_of(history).guests.items()
    contacts = [contact.encode() for contact, guest in guests if guest.ended > 0 > guest.erased]
    log = newest(history["decide-changelog"]).items()
    key = next(key for key, value in log if value and key[:1] == b"f" and any(contact in key for contact in contacts))
    history["decide-changelog"].append(Taken(0, 10**6, history.at, key, None))


def a_row_names_who_was_erased(history: History) -> None:
    """The head of a guest who was erased is still there."""
    log, key = history["decide-changelog"], f"hchaos/tel:{the_erased(history)}".encode()
    log.append(next(one for one in reversed(log) if one.key == key and one.value)._replace(offset=10**6))


def nothing_outlives_the_erased(history: History) -> None:
    """The row under the hash is lost."""
    history["decide-changelog"].append(Taken(0, 10**6, history.at, min(hashed(history)), None))


def an_opt_out_dies_with_its_guest(history: History) -> None:
    """What is kept of everything that was said is the other word."""
    key, value = min(hashed(history).items())
    deleted, groups, consent, noticed = msgspec.msgpack.decode(value)
    words = [1, [1, not (consent and consent[1] and consent[1][1]), "gateway", "m-1:1"], False]
    row = msgspec.msgpack.encode([deleted, groups, words, noticed])
    history["decide-changelog"].append(Taken(0, 10**6, history.at, key, row))


def a_seq_begins_anew(history: History) -> None:
    """A contact that comes back counts from 1."""
    left = next(told(one) for one in history["membership-changes"] if because("contact_deleted")(told(one)))
    name = left["data"]["group"], left["data"]["contact"]
    chosen = [one for one in history["membership-changes"] if _name(one) == name and _seq(one) > left["data"]["seq"]]
    value = told(chosen[0])
    value["data"]["seq"] = 1
    at = history["membership-changes"].index(chosen[0])
    put(history, "membership-changes", at, chosen[0]._replace(value=json.dumps(value).encode()))


def by_a_successor(value: dict[str, Any]) -> bool:
    """Choose changes that a successor told."""
    return ((value["data"].get("cause") or {}).get("id") or "").startswith("turn-")


def a_successor_is_told_twice(history: History) -> None:
    """Who differs leaves, and joins again for no reason."""
    again(history, "membership-changes", by_a_successor)


def a_successor_is_told_as_live(history: History) -> None:
    """A difference is told as if the guest had done something."""
    rewrite(history, "membership-changes", by_a_successor, origin="live")


def the_old_rule_stays(history: History) -> None:
    """The last successor was lost."""
    overwrite(history, "groups", lambda row: row["id"] == "turning", rule={"event": "manual"})


def a_successor_never_comes(history: History) -> None:
    """A successor waits for a partition for ever."""
    overwrite(history, "groups", lambda row: row["id"] == "turning", successor={"rule": {}})


def a_member_by_the_old_rule_stays(history: History) -> None:
    """Who does not match the new rule was not taken out."""
    now = {contact for group, contact in model_of(history).memberships(history.at) if group == "turning"}
    rows = [one for one in history["memberships"] if one.value and b"/turning/" in one.key]
    one = next(one for one in rows if one.key.decode().rpartition("/")[2] not in now)
    history["memberships"].append(one._replace(offset=10**6))


def a_link_is_not_known(history: History) -> None:
    """A contact does not name its other id."""
    overwrite(history, "contacts", lambda row: bool(row["linked"]), linked=[])


def a_linked_id_is_a_contact(history: History) -> None:
    """The id that was linked is still a contact of its own."""
    again(history, "contacts", lambda row: row.get("contact") in model_of(history).links)


def a_member_merges_with_nobody(history: History) -> None:
    """A membership is told to have gone to another contact, which there is not."""
    rewrite(history, "membership-changes", because("no_longer_matches"), reason="merged")


def a_fact_stays_with_a_linked_id(history: History) -> None:
    """What an id has handed over is kept by it as well."""
    log = history["decide-changelog"]
    log.append(next(one for one in log if one.key.startswith(b"f") and b"mailto:" in one.key and one.value))


def _seq(one: Taken) -> int:
    return int(told(one)["data"]["seq"])


def _name(one: Taken) -> tuple[str, str]:
    data = told(one)["data"]
    return data.get("group", ""), data["contact"]


FAULTS: list[tuple[Callable[[History], None], str, str]] = [
    (an_acknowledged_event_is_gone, "acknowledged", "lost"),
    (an_event_has_no_activity, "accounted", "lost"),
    (poison_has_no_dead_letter, "accounted", "lost"),
    (a_good_event_is_a_dead_letter, "accounted", "wrong"),
    (an_outcome_is_missing, "outcomes", "lost"),
    (an_outcome_is_told_twice, "outcomes", "repeated"),
    (a_change_is_missing, "log", "lost"),
    (a_change_is_repeated, "log", "repeated"),
    (a_change_joins_twice, "log", "wrong"),
    (changes_are_out_of_order, "log", "wrong"),
    (the_reader_misses_a_change, "followed", "lost"),
    (the_reader_gets_a_change_twice, "followed", "repeated"),
    (a_membership_is_missing, "memberships", "lost"),
    (a_membership_is_too_much, "memberships", "wrong"),
    (a_membership_ends_at_another_time, "memberships", "wrong"),
    (http_misses_a_member, "agreement", "lost"),
    (http_has_an_old_row, "agreement", "wrong"),
    (a_message_was_not_kept, "facts", "lost"),
    (an_owner_kept_a_moved_fact, "facts", "wrong"),
    (a_sum_was_counted_twice, "profiles", "wrong"),
    (a_deadline_fired_early, "deadlines", "early"),
    (a_deadline_is_nobodys, "deadlines", "wrong"),
    (an_opt_out_is_not_told, "consent", "lost"),
    (a_word_is_lost, "consent", "lost"),
    (an_opt_out_is_told_twice, "consent", "repeated"),
    (an_opt_out_is_nobodys, "consent", "wrong"),
    (a_near_miss_is_certain, "consent", "wrong"),
    (an_opt_out_does_not_take_out, "memberships", "wrong"),
    (a_change_is_sendable_after_a_stop, "consent", "wrong"),
    (a_member_is_sendable_after_a_stop, "consent", "wrong"),
    (a_profile_is_sendable_after_a_stop, "consent", "wrong"),
    (http_has_not_heard_a_stop, "agreement", "wrong"),
    (an_answer_is_missing, "replies", "lost"),
    (an_answer_is_given_twice, "replies", "repeated"),
    (an_answer_is_nobodys, "replies", "wrong"),
    (an_opt_out_is_confirmed_again, "replies", "wrong"),
    (a_deleted_contact_is_there, "deletions", "wrong"),
    (who_came_back_is_not_there, "deletions", "lost"),
    (a_deletion_gives_another_reason, "deletions", "wrong"),
    (a_deleted_guest_is_a_member, "memberships", "wrong"),
    (an_erased_fact_is_kept, "facts", "wrong"),
    (a_fact_went_without_an_erasure, "facts", "lost"),
    (a_row_names_who_was_erased, "forgotten", "wrong"),
    (nothing_outlives_the_erased, "forgotten", "lost"),
    (an_opt_out_dies_with_its_guest, "forgotten", "wrong"),
    (a_seq_begins_anew, "log", "repeated"),
    (a_successor_is_told_twice, "successors", "repeated"),
    (a_successor_is_told_as_live, "successors", "wrong"),
    (the_old_rule_stays, "successors", "wrong"),
    (a_successor_never_comes, "successors", "lost"),
    (a_member_by_the_old_rule_stays, "memberships", "wrong"),
    (a_link_is_not_known, "links", "lost"),
    (a_linked_id_is_a_contact, "links", "wrong"),
    (a_member_merges_with_nobody, "links", "wrong"),
    (a_fact_stays_with_a_linked_id, "facts", "wrong"),
    (a_join_word_is_not_heard, "memberships", "wrong"),
    (a_leave_word_is_not_heard, "consent", "lost"),
    (a_greeting_is_missing, "replies", "lost"),
    (a_greeting_is_said_again, "replies", "wrong"),
    (a_greeting_is_said_to_the_wrong_message, "replies", "lost"),
    (an_import_is_greeted, "replies", "wrong"),
]


@pytest.mark.parametrize("seed", [7, 8, 9])
def test_good_history(seed: int) -> None:
    """A history of the pipeline's own folds gives no judge anything to say."""
    assert judge(rehearse(seed)) == []


@pytest.mark.parametrize("seed", [102, 248, 356, 385, 389, 419, 767, 1005])
def test_talkative_guests(seed: int) -> None:
    """Words of consent that come again, late, from erased and linked guests: each was once answered once too often."""
    assert judge(talk(seed)) == []


def test_good_history_has_everything(good: History) -> None:
    """The history that is put on trial has joins, leaves, deadlines, members, moves and dead letters."""
    assert len(lateness(good)) > 20
    assert len(model_of(good).memberships(good.at)) > 50
    kinds = ("membership.joined", "membership.left", "contact.suppressed", "contact.restored")
    assert set(kinds) == {told(one)["type"] for one in good["membership-changes"]}
    assert {"join", "opt_out", "opt_in", "help"} == {told(one)["kind"] for one in good["replies"]}
    assert any(held.sources == ("keyword",) for held in model_of(good).memberships(good.at).values())
    guests = model_of(good).guests.values()
    assert sum(guest.ended >= 0 for guest in guests) > sum(guest.erased >= 0 for guest in guests) > 2
    assert len(hashed(good)) > 1
    assert any(because("merged")(told(one)) for one in good["membership-changes"])
    assert sum(by_a_successor(told(one)) for one in good["membership-changes"]) > 20
    assert len(good["dead-letters"]) == 6


@pytest.mark.parametrize(("spoil", "name", "fault"), FAULTS, ids=[spoil.__name__ for spoil, _, _ in FAULTS])
def test_each_fault_is_seen(good: History, spoil: Callable[[History], None], name: str, fault: str) -> None:
    """The judge whose business it is sees a fault that was put in, and sees nothing without it."""
    history = copied(good)
    spoil(history)
    assert fault in {found for found, _ in JUDGES[name](history)}


def test_every_judge_is_on_trial() -> None:
    """There is a fault for each judge."""
    assert {name for _, name, _ in FAULTS} == set(JUDGES)
