"""Linked contacts on a real broker, several partitions: merged, renamed, in conflict, and killed in the middle."""

from __future__ import annotations

import signal
from typing import Any
from urllib.parse import quote

import pytest
from msgspec.structs import replace

from streams.settings import Settings
from tests.kafka.pipeline import TENANT, Pipeline, Store, event, faults, message, phone, until, verified, wait_for

FOOD = {"id": "food", "rule": {"event": "message", "any_of": ["dinner"]}, "reply": "Welcome"}
VILLA = {"id": "villa", "rule": {"event": "booking", "room_types": ["Villa"]}}


def mail_of(number: int) -> str:
    """The e-mail address of a guest."""
    return f"guest{number}@example.com"


def write(pipeline: Pipeline, number: int, text: str, id_: str) -> None:
    """Let a guest write an e-mail."""
    data = {"message_id": id_, "channel": "email", "direction": "inbound", "from": mail_of(number), "text": text}
    pipeline.put("messages", event("message", id_, data, "mail"))


def book(pipeline: Pipeline, id_: str, **guest: str) -> None:
    """Book a villa for a guest."""
    stay = {"status": "confirmed", "room_type": "Villa", "check_in": "2026-11-01", "check_out": "2026-11-04"}
    pipeline.put("bookings", event("booking", id_, {"booking_id": id_, **stay, "guest": guest}, "booking.com"))


def linked(pipeline: Pipeline) -> dict[str, list[str]]:
    """The contacts there are, with their other ids."""
    return {row["contact"]: row["linked"] for row in pipeline.newest("contacts").values()}


def told(pipeline: Pipeline, group: str = "food") -> list[tuple[str, str, str, int]]:
    """The changes of a group, in no order across partitions."""
    rows: list[dict[str, Any]] = [one["data"] for one in pipeline.changes() if one["data"].get("group") == group]
    return sorted((row["contact"], row["change"], row["reason"], row["seq"]) for row in rows)


def test_one_guest(settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Known by e-mail, then by a booking with both: one contact, in every topic and over HTTP; renamed; in conflict."""
    tel, new, other = (f"tel:{phone(n)}" for n in (1, 2, 3))
    mail = f"mailto:{mail_of(1)}"
    with Pipeline(settings) as pipeline:
        pipeline.both()
        pipeline.set_up(FOOD, VILLA)
        write(pipeline, 1, "dinner?", "m1")
        pipeline.flush()
        until(lambda: pipeline.members() == {"food": {mail}}, what="the member by mail")
        book(pipeline, "b1", phone=phone(1), email=mail_of(1))
        pipeline.flush()
        until(lambda: pipeline.members() == {"food": {tel}, "villa": {tel}}, what="one contact")
        assert told(pipeline) == [
            (mail, "joined", "message", 1), (mail, "left", "merged", 2), (tel, "joined", "message", 1),
        ]  # fmt: skip
        assert linked(pipeline) == {tel: [mail]}
        book(pipeline, "b2", phone=phone(3), email=mail_of(1))
        pipeline.flush()
        notice = until(lambda: [n.value for n in pipeline.read("notices") if n.value["kind"] == "identity_conflict"])
        assert [(one["contact"], one["cause"]["id"]) for one in notice] == [(other, "b2")]
        until(lambda: linked(pipeline) == {tel: [mail], other: []}, what="both")
        with Store(settings) as store:
            until(lambda: store.get(f"/v1/{TENANT}/contacts/{quote(mail)}")["contact"] == tel, what="the row by mail")
            shown = store.get(f"/v1/{TENANT}/contacts/{quote(mail)}/groups/food")
            assert (shown["member"], shown["contact"]) == (True, tel)
            assert store.get(f"/v1/{TENANT}/contacts/{quote(mail)}/groups/food/explain")["member"] is True
            command = pipeline.command("contact.rename", contact={"id": mail}, phone=phone(2))
            until(lambda: pipeline.outcomes(command), what="the outcome")
            assert [(one["outcome"], one["contact"]) for one in pipeline.outcomes(command)] == [("applied", new)]
            until(lambda: store.get(f"/v1/{TENANT}/contacts/{quote(tel)}")["contact"] == new, what="the row renamed")
        assert linked(pipeline) == {new: [mail, tel], other: []}
        refused = pipeline.command("contact.rename", contact={"phone": phone(1)}, phone=phone(3))
        until(lambda: pipeline.outcomes(refused), what="the outcome")
        assert [(one["outcome"], one["reason"]) for one in pipeline.outcomes(refused)] == [("skipped", "phone_taken")]
        pipeline.put("messages", message("m2", phone(1), "stop"))
        pipeline.flush()
        until(lambda: pipeline.newest("contacts")[f"{TENANT}/{new}".encode()]["sendable"] is False, what="the opt-out")
        assert faults(pipeline.changes(), pipeline.members()) == []
        assert [one.value["contact"] for one in pipeline.read("replies")] == [mail]
        verified(settings, monkeypatch, capsys)


@pytest.mark.parametrize("point", ["decide-before-commit", "decide-after-commit"])
def test_a_worker_that_dies_while_contacts_are_merged(
    settings: Settings, point: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Killed at commit after commit of many merges: each is told exactly once, and none is half done."""
    guests = range(10, 30)
    with Pipeline(replace(settings, session_seconds=4)) as pipeline:
        _, decide = pipeline.both()
        pipeline.set_up(FOOD, VILLA)
        for number in guests:
            write(pipeline, number, "dinner", f"m{number}")
        pipeline.flush()
        until(lambda: len(pipeline.members().get("food", ())) == len(guests), what="the members by mail")
        assert decide.stop() == 0
        for number in guests:
            book(pipeline, f"b{number}", phone=phone(number), email=mail_of(number))
        pipeline.flush()
        for nth in (2, 3, 3):
            dying = pipeline.worker("decide", fail_at=f"{point}:{nth}")
            assert dying.ended() == -signal.SIGKILL
        wait_for([pipeline.worker("decide")])
        tels = {f"tel:{phone(number)}" for number in guests}
        until(lambda: pipeline.members() == {"food": tels, "villa": tels}, what="the merged")
        until(lambda: len(linked(pipeline)) == len(guests), what="the contacts")
        wanted = [
            change
            for number in guests
            for change in (
                (f"mailto:{mail_of(number)}", "joined", "message", 1),
                (f"mailto:{mail_of(number)}", "left", "merged", 2),
                (f"tel:{phone(number)}", "joined", "message", 1),
            )
        ]
        assert told(pipeline) == sorted(wanted)
        assert faults(pipeline.changes(), pipeline.members()) == []
        assert linked(pipeline) == {f"tel:{phone(number)}": [f"mailto:{mail_of(number)}"] for number in guests}
        verified(settings, monkeypatch, capsys)
