"""A tag joins a group on the profile, and with it the groups that name that one: through the whole pipeline."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest

from streams.settings import Settings
from tests.kafka.pipeline import TENANT, Pipeline, Store, faults, message, phone, until, verified, wait_for

VIP = {"id": "vip", "rule": {"contact": "tags", "has_any": ["vip"]}}
GUESTS = {"id": "guests", "rule": {"all": [{"group": "vip"}, {"event": "message", "any_of": ["dinner"]}]}}
CARD = {"id": "card", "rule": {"group": "guests"}}
WHO = [f"tel:{phone(number)}" for number in range(1, 9)]


def tag(pipeline: Pipeline, kind: str, *contacts: str) -> str:
    """Tag contacts by hand, or take the tag away."""
    return pipeline.command(f"contact.{kind}", contacts=[{"id": contact} for contact in contacts], tags=["VIP"])


def test_a_tag_reaches_through(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Tag, attribute group, group of it, group of that; untagged and deleted again; over a restart, and verified."""
    with Pipeline(settings) as pipeline:
        _, decide = pipeline.both()
        pipeline.set_up(VIP, GUESTS, CARD)
        for number in range(1, 9):
            pipeline.put("messages", message(f"m{number}", phone(number), "dinner?"))
        pipeline.flush()
        command = tag(pipeline, "tag", *WHO)
        everybody = {group: set(WHO) for group in ("vip", "guests", "card")}
        until(lambda: pipeline.members() == everybody, what="all in three groups")
        assert {one["outcome"] for one in pipeline.outcomes(command)} == {"applied"}
        assert decide.stop() == 0
        tag(pipeline, "untag", *WHO[:4])
        pipeline.command("contact.delete", contact={"id": WHO[4]}, erase=True)
        wait_for([pipeline.worker("decide")])
        rest = {group: set(WHO[5:]) for group in ("vip", "guests", "card")}
        until(lambda: pipeline.members() == rest, what="the others out of three groups")
        changes: list[Any] = pipeline.changes()
        assert faults(changes, pipeline.members()) == []
        assert {(one["data"]["group"], one["data"]["reason"]) for one in changes} == {
            ("vip", "attribute"), ("guests", "group"), ("card", "group"),
            *((group, reason) for group in rest for reason in ("no_longer_matches", "contact_deleted")),
        }  # fmt: skip
        assert WHO[4] not in {row["contact"] for row in pipeline.newest("contacts").values()}
        with Store(settings) as store:
            until(lambda: store.members(TENANT, "card") == set(WHO[5:]), what="the store")
            assert store.get(f"/v1/{TENANT}/contacts/{quote(WHO[7])}")["tags"] == ["VIP"]
        verified(settings, monkeypatch, capsys)
