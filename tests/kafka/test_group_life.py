"""The life of a group on a real broker: progress that moves, a successor under live traffic, a bulk to its notice."""

from __future__ import annotations

import asyncio
import json
import signal
import urllib.request
from typing import Any

import pytest
from msgspec.structs import replace

from streams.runtime.admin import create_topics
from streams.settings import Settings
from tests.kafka.pipeline import TENANT, Pipeline, Store, event, faults, message, until, verified, wait_for

DINNER = {"event": "message", "any_of": ["dinner"]}
LUNCH = {"event": "message", "any_of": ["lunch"]}
TEXTS = ["dinner", "lunch", "dinner and lunch", "breakfast"]
GUESTS = 10_000


@pytest.fixture
def quick(settings: Settings) -> Settings:
    """Settings with a session of 4 s."""
    return replace(settings, session_seconds=4)


def guest(number: int) -> str:
    """One of a hundred thousand mobile numbers."""
    return f"+62812{number:08}"


def write(pipeline: Pipeline, first: int, last: int) -> None:
    """Let guests write, each text by a quarter of them."""
    for number in range(first, last):
        pipeline.put("messages", message(f"m{number}", guest(number), TEXTS[number % 4]))
    pipeline.flush()


def rows(pipeline: Pipeline, group: str) -> list[dict[str, Any]]:
    """Return what was shown of a group, in order."""
    return [one.value for one in pipeline.read("groups") if one.key == f"{TENANT}/{group}".encode() and one.value]


def row(pipeline: Pipeline, group: str) -> dict[str, Any]:
    """Return a group's row."""
    return rows(pipeline, group)[-1]


def activity(pipeline: Pipeline) -> list[bytes]:
    """Return what lies in the owners' log."""
    return [one.value for one in pipeline.read("contact-activity") if isinstance(one.value, bytes)]


def told_of(text: str, first: int, last: int) -> set[str]:
    """Return the ids of those whose message has a word."""
    return {f"tel:{guest(number)}" for number in range(first, last) if text in TEXTS[number % 4]}


def test_progress_moves(bare_settings: Settings) -> None:
    """A group over ten thousand guests tells its progress between 0 and 1, over HTTP too, and ends ready."""
    alone = replace(bare_settings, partitions=1)  # one owner, more than thirty commits: never over at once
    asyncio.run(create_topics(alone))
    with Pipeline(alone) as pipeline:
        pipeline.both()
        pipeline.set_up()
        write(pipeline, 0, GUESTS)
        until(lambda: len(pipeline.newest("contacts")) == GUESTS, what="the guests")
        with Store(alone) as store:
            pipeline.command("group.create", id="food", rule=DINNER)
            path, seen = f"/v1/{TENANT}/groups/food", dict[float, None]()

            def ready() -> bool:
                try:
                    shown = store.get(path)
                except OSError:
                    return False  # the definition is not there yet
                seen[shown["progress"]] = None
                return bool(shown["status"] == "ready")

            until(ready, what="the group")
            assert any(progress is not None and 0 < progress < 1 for progress in seen)
            assert store.get(path)["members"] == GUESTS // 2
        progress = [one["progress"] for one in rows(pipeline, "food") if one["status"] == "building"]
        assert progress == sorted(progress)
        assert len([one for one in progress if 0 < one < 1]) >= 2


def test_a_successor_under_live_traffic(
    quick: Settings, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Guests write on and the owner is killed, while it builds and while it takes over: only differences are told."""
    with Pipeline(quick) as pipeline:
        _, decide = pipeline.both()
        pipeline.set_up({"id": "food", "rule": DINNER}, {"id": "rest", "rule": {"none": [{"group": "food"}]}})
        write(pipeline, 0, 4_000)
        until(lambda: len(pipeline.newest("contacts")) == 4_000, what="the guests")
        until(lambda: len(pipeline.members()["food"]) == 2_000, what="the old rule's members")
        before = len(pipeline.changes())
        assert decide.stop() == 0
        pipeline.command("group.create", id="food", rule=LUNCH, supersedes="food")
        write(pipeline, 4_000, 4_400)
        until(lambda: b"supersedes" in b"".join(activity(pipeline)), what="the command's activity")
        for first in (4_400, 4_800):
            # two commits write and read the tick with which owners begin; then a lap of this size takes some more
            assert pipeline.worker("decide", fail_at="decide-after-commit:4").ended() == -signal.SIGKILL
            shown = row(pipeline, "food")
            assert shown["successor"] or shown["status"] == "building"
            write(pipeline, first, first + 400)
        wait_for([pipeline.worker("decide")])
        until(lambda: row(pipeline, "food")["status"] == "ready", what="ready")
        until(lambda: len(pipeline.newest("contacts")) == 5_200, what="the other guests")
        until(lambda: pipeline.members()["food"] == told_of("lunch", 0, 5_200), what="the new rule's members")
        changes: list[Any] = pipeline.changes()
        assert faults(changes, pipeline.members()) == []
        both = told_of("dinner", 0, 4_000) & told_of("lunch", 0, 4_000)
        later = [c["data"] for c in changes if c["data"]["group"] == "food"]
        known = {f"tel:{guest(number)}" for number in range(4_000)}
        flips = [(c["contact"], c["change"]) for c in later if c["contact"] in known and c["origin"] == "backfill"]
        assert len(flips) == len(set(flips)) == 2_000  # a thousand left, a thousand joined
        assert not both & {contact for contact, _ in flips}
        assert before >= 4_000
        ready = [one.value for one in pipeline.read("notices") if one.value.get("group") == "food"]
        assert [one["kind"] for one in ready] == ["group_ready"] * 2
        verified(quick, monkeypatch, capsys)


def test_a_bulk_to_its_notice(quick: Settings) -> None:
    """Ten thousand contacts are added by one command, over a kill: one notice whose counts add up, and HTTP agrees."""
    contacts = [{"phone": guest(number)} for number in range(GUESTS)]
    with Pipeline(quick) as pipeline:
        _, decide = pipeline.both()
        pipeline.set_up({"id": "vip"})
        pipeline.command("consent.opt_out", contacts=contacts[:7], scope="vip")
        pipeline.command("group.add", group="vip", contacts=contacts[10:15])
        until(lambda: len(bulks(pipeline)) == 2, what="the small ones")
        with Store(quick) as store:
            value = event("group.add", "bulk", {"group": "vip", "contacts": contacts, "reason": "import"})
            assert len(value) < 1024 * 1024
            body = json.loads(value)
            request = urllib.request.Request(f"{store.address}/v1/{TENANT}/commands", json.dumps(body).encode())  # noqa: S310
            request.add_header("Content-Type", "application/json")
            with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
                assert answer.status == 202
            until(lambda: pipeline.outcomes("bulk"), what="the first outcomes")
            decide.signal(signal.SIGKILL)
            decide.ended()
            until(lambda: store.get(f"/v1/{TENANT}/commands/bulk")["of"] == GUESTS, what="the store")
            wait_for([pipeline.worker("decide")])
            until(lambda: len(bulks(pipeline)) == 3, what="the notice")
            told = until(lambda: finished(store), what="the store")
        notice = bulks(pipeline)[-1]
        assert (notice["count"], notice["applied"], notice["skipped"]) == (GUESTS, GUESTS - 7, 7)
        assert notice["reasons"] == {"opted_out": 7}
        assert {word: told[word] for word in ("applied", "unchanged", "skipped", "reasons", "of")} == {
            "applied": GUESTS - 7, "unchanged": 0, "skipped": 7, "reasons": {"opted_out": 7}, "of": GUESTS,
        }  # fmt: skip
        assert (len(told["outcomes"]), told["cursor"] is not None) == (1_000, True)
        assert len(pipeline.outcomes("bulk")) == GUESTS
        assert len(pipeline.members()["vip"]) == GUESTS - 7


def finished(store: Store) -> dict[str, Any] | None:
    """Return what HTTP tells of the command once it is finished."""
    told: dict[str, Any] = store.get(f"/v1/{TENANT}/commands/bulk")
    return told if told["finished"] else None


def bulks(pipeline: Pipeline) -> list[dict[str, Any]]:
    """Return the notices of finished commands."""
    return [one.value for one in pipeline.read("notices") if one.value["kind"] == "bulk_finished"]


def test_a_burst_meets_its_quotas(settings: Settings) -> None:
    """Of groups that are asked for at once the first ones fit, and are ready; what is too large is a dead letter."""
    small = replace(settings, max_groups=3, max_reply_bytes=10)
    with Pipeline(small) as pipeline:
        pipeline.both()
        pipeline.set_up()
        pipeline.put("messages", message("m1", guest(1), "dinner"))
        asked = [pipeline.command("group.create", id=f"g{at}", rule=DINNER) for at in range(5)]
        pipeline.command("group.create", id="g9", rule=DINNER, reply="much too long")
        until(lambda: all(pipeline.outcomes(command) for command in asked), what="the outcomes")
        told = [pipeline.outcomes(command)[0] for command in asked]
        assert [(one["outcome"], one["reason"]) for one in told] == [
            *[("applied", None)] * 3,
            *[("skipped", "too_many_groups")] * 2,
        ]
        assert told[-1]["detail"] == "groups of a tenant, 3 at most (ROLLCALL_MAX_GROUPS)"
        until(lambda: {*pipeline.members()} == {"g0", "g1", "g2"}, what="the members of the groups that fit")
        letters = [one.headers for one in pipeline.read("dead-letters")]
        assert [letter["reason"] for letter in letters] == [b"quota_exceeded"]
        assert b"ROLLCALL_MAX_REPLY_BYTES" in letters[0]["detail"]
