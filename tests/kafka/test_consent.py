"""Consent through the whole pipeline: said in a message, taken back by command, seen in every topic and over HTTP."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import quote

import pytest

from rollcall.client import Brokers, MembershipReader
from streams.settings import Settings
from tests.kafka.pipeline import TENANT, Pipeline, Store, message, phone, until, verified

FOOD = {
    "id": "food", "rule": {"event": "message", "any_of": ["dinner"]}, "reply": "Welcome", "leave_words": ["NO FOOD"],
}  # fmt: skip
ID = f"tel:{phone(1)}"
OTHER = f"tel:{phone(2)}"


def sendable(pipeline: Pipeline) -> dict[str, bool]:
    """Who is sendable, by the two tables: contacts, and members as group/contact."""
    contacts = {row["contact"]: row["sendable"] for row in pipeline.newest("contacts").values()}
    rows = pipeline.newest("memberships").values()
    return contacts | {f"{row['group']}/{row['contact']}": row["sendable"] for row in rows}


def say(pipeline: Pipeline, id_: str, text: str, number: int = 1) -> None:
    """Let a guest write."""
    pipeline.put("messages", message(id_, phone(number), text))
    pipeline.flush()


def told(pipeline: Pipeline, contact: str) -> list[tuple[str, Any]]:
    """What the log says of a contact: type, and group or scope."""
    mine = [one for one in pipeline.changes() if one["subject"] == contact]
    return [(one["type"], one["data"].get("group") or one["data"]["scope"]) for one in mine]


def test_stop_and_back(settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """STOP as a message, consent.opt_in as a command, a group's leave word, a near miss: all is told, and verified."""
    opened = threading.Event()
    with Pipeline(settings) as pipeline, ThreadPoolExecutor(1) as threads:
        pipeline.both()
        pipeline.set_up(FOOD)
        pipeline.command("tenant.put", region="ID", zone="UTC", opt_out_reply="No more", opt_in_reply="Back")
        following = threads.submit(lambda: asyncio.run(follow(settings, opened)))
        assert opened.wait(60)
        say(pipeline, "m1", "dinner?")
        until(lambda: sendable(pipeline) == {ID: True, f"food/{ID}": True}, what="a member")
        say(pipeline, "m2", " Stop! ")
        until(lambda: sendable(pipeline) == {ID: False, f"food/{ID}": False}, what="the opt-out")
        with Store(settings) as store:
            shown = store.get(f"/v1/{TENANT}/contacts/{quote(ID)}")
            assert (shown["reachable"], shown["sendable"]) == (True, False)
            until(lambda: store.get(f"/v1/{TENANT}/groups/food")["sendable"] == 0, what="the counts")
            command = pipeline.command("consent.opt_in", contacts=[{"phone": phone(1)}], evidence="form 12")
            until(lambda: sendable(pipeline) == {ID: True, f"food/{ID}": True}, what="the opt-in")
            assert [one["outcome"] for one in pipeline.outcomes(command)] == ["applied"]
            until(lambda: store.get(f"/v1/{TENANT}/groups/food")["sendable"] == 1, what="the counts")
        say(pipeline, "m3", "no food")
        say(pipeline, "m4", "please stop texting me", 2)
        until(lambda: sendable(pipeline) == {ID: True, OTHER: False}, what="the end")
        assert told(pipeline, ID) == [
            ("membership.joined", "food"), ("contact.suppressed", "all"), ("contact.restored", "all"),
            ("contact.suppressed", "food"), ("membership.left", "food"),
        ]  # fmt: skip
        assert told(pipeline, OTHER) == [("contact.suppressed", "all")]
        replies = sorted((one.value for one in pipeline.read("replies")), key=lambda one: str(one["in_reply_to"]))
        assert [(one["kind"], one["in_reply_to"], one["to"]) for one in replies] == [
            ("join", "m1", phone(1)), ("opt_out", "m2", phone(1)),
        ]  # fmt: skip
        reviews = [one.value for one in pipeline.read("notices") if one.value["kind"] == "review"]
        assert [(one["contact"], one["cause"]["id"]) for one in reviews] == [(OTHER, "m4:1")]
        begun, *kinds = sorted(following.result(60))
        assert begun in {"joined", "left"}
        assert kinds[-4:] == ["restored", *["suppressed"] * 3]
        verified(settings, monkeypatch, capsys)


async def follow(settings: Settings, opened: threading.Event) -> list[str]:
    """What the client's reader tells, as far as six things go."""
    brokers = Brokers(bootstrap=settings.bootstrap, prefix=settings.topic_prefix)
    found: list[str] = []
    async with asyncio.timeout(120), MembershipReader(brokers, tenant=TENANT) as reader:
        opened.set()
        async for one in reader:
            found.append(one.kind)
            if len(found) == 6:
                break
    return found
