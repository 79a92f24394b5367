"""What owners are asked over HTTP: previews, explanations; and what the store can foresee."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest

from schemas.base import example
from schemas.questions import Answer, ExplainAsked, Explained, PreviewAsked, Previewed, Sampled
from streams.store.tables import Record
from tests.streams.web.conftest import AT, MADE, Served

RATED = {"event": "rating", "min_stars": 4}


def part(partition: int, contact: str, overlap: dict[str, int]) -> Answer:
    """What one partition found."""
    one = Sampled(contact=contact, name="Made", expires_at=None, sendable=True)
    found = Previewed(contacts=5, count=2, sendable=1, sample=[one], overlap=overlap)
    return Answer(id="q", partition=partition, at=AT, previewed=found)


async def post(served: Served, body: Any, status: int = 200) -> Any:
    """Preview a rule."""
    answer = await served[0].post("/v1/bali/groups/preview", data=msgspec.json.encode(body))
    assert answer.status == status, await answer.text()
    return await answer.json(content_type=None)


async def test_a_preview_unites_the_partitions(served: Served) -> None:
    """Counts add up; the sample is cut; of the overlap only groups are told that there still are, with their names."""
    pipeline = served[1]
    pipeline.group("vip")
    pipeline.owners.says = [part(0, "tel:+2", {"vip": 1, "gone": 3}), part(1, "tel:+1", {"vip": 2})]
    told = await post(served, {"rule": RATED, "sample": 1})
    assert (told["contacts"], told["count"], told["sendable"]) == (10, 4, 2)
    assert [one["contact"] for one in told["sample"]] == ["tel:+1"]
    assert told["overlap"] == [{"group": "vip", "name": "Vip", "count": 3}]
    (asked,) = pipeline.owners.asked
    assert isinstance(asked, PreviewAsked)
    assert (asked.tenant, asked.rule, asked.sample) == ("bali", RATED, 1)


async def test_without_a_rule_members_are_added_by_hand(served: Served) -> None:
    """No rule is the default rule."""
    served[1].owners.says = [part(0, "tel:+2", {})]
    await post(served, {})
    (asked,) = served[1].owners.asked
    assert isinstance(asked, PreviewAsked)
    assert asked.rule == {"event": "manual"}


@pytest.mark.parametrize(
    ("body", "path"),
    [
        ({"rule": {"event": "rating", "min_stars": 9}}, "rule.min_stars"),
        ({"rule": {"all": [RATED, {"event": "nothing"}]}}, "rule.all[1].event"),
        ({"rule": 5}, "rule"),
        ({"rule": RATED, "sample": 101}, "sample"),
        ({"rule": RATED, "sample": "many"}, "sample"),
        ({"rule": RATED, "sample": True}, "sample"),
    ],
)
async def test_a_wrong_rule_is_refused_with_its_path(served: Served, body: Any, path: str) -> None:
    """422 names the wrong node, as when the group is created, and no owner is asked."""
    told = await post(served, body, 422)
    assert told["path"] == path
    assert served[1].owners.asked == []


async def test_a_rule_that_names_an_unknown_group(served: Served) -> None:
    """A group that is not there cannot be counted on: 404, as when the group is created."""
    told = await post(served, {"rule": {"any": [RATED, {"group": "none"}]}}, 404)
    assert told["type"] == "urn:rollcall:problem:group_unknown"


async def test_owners_that_do_not_answer(served: Served) -> None:
    """503 says to come again; nothing was lost."""
    served[1].group("vip")
    served[1].profile(MADE)
    told = await post(served, {"rule": RATED}, 503)
    assert told["type"].endswith("owners_unavailable")
    answer = await served[0].get(f"/v1/bali/contacts/{MADE}/groups/vip/explain")
    assert (answer.status, answer.headers["Retry-After"]) == (503, "5")


async def test_an_explanation_with_its_history(served: Served) -> None:
    """The owner says why, the store how it came about."""
    pipeline = served[1]
    pipeline.group("vip")
    pipeline.profile(MADE)
    explained = msgspec.json.decode(example(Explained), type=Explained)
    pipeline.owners.says = [Answer(id="q", partition=0, at=AT, explained=explained)]
    data = {"group": "vip", "contact": MADE, "seq": 1, "change": "joined", "reason": "message", "evidence": "dinner"}
    value = msgspec.json.encode({"tenant": "bali", "time": AT, "data": data})
    pipeline.feed([Record("membership-changes", 0, 0, 1, f"bali/{MADE}".encode(), value)])
    answer = await served[0].get(f"/v1/bali/contacts/{MADE}/groups/vip/explain")
    told = await answer.json()
    assert (told["member"], told["because"], told["rule"]["true"]) == (True, "rule", True)
    assert [(one["seq"], one["reason"], one["evidence"]) for one in told["history"]] == [(1, "message", "dinner")]
    (asked,) = pipeline.owners.asked
    assert isinstance(asked, ExplainAsked)
    assert (asked.contact, asked.group) == (MADE, "vip")


async def test_what_is_unknown_is_not_explained(served: Served) -> None:
    """404 for a group or contact that the store does not know, and for one that its owner does not know any more."""
    served[1].group("vip")
    for path in (f"{MADE}/groups/none", "tel:+6281200000000/groups/vip"):
        assert (await served[0].get(f"/v1/bali/contacts/{path}/explain")).status == 404
    served[1].profile(MADE)
    served[1].owners.says = [Answer(id="q", partition=0, at=AT)]
    answer = await served[0].get(f"/v1/bali/contacts/{MADE}/groups/vip/explain")
    assert (answer.status, (await answer.json(content_type=None))["type"]) == (
        404,
        "urn:rollcall:problem:contact_unknown",
    )


async def test_a_forecast(served: Served) -> None:
    """Members whose end lies within the days are counted by day."""
    served[1].group("vip")
    soon, late = (datetime.now(UTC) + timedelta(days=days) for days in (3, 60))
    served[1].member("vip", "tel:+1", expires_at=soon)
    served[1].member("vip", "tel:+2", expires_at=late)
    served[1].member("vip", "tel:+3")
    told = await (await served[0].get("/v1/bali/groups/vip/forecast")).json()
    assert (told["days"], told["members"], told["leaving"]) == (30, 3, 1)
    assert [one["leaving"] for one in told["by_day"]] == [1]
    more = await (await served[0].get("/v1/bali/groups/vip/forecast?days=90")).json()
    assert more["leaving"] == 2


@pytest.mark.parametrize("days", ["0", "-1", "x", "99999", "3661"])
async def test_a_forecast_has_its_limits(served: Served, days: str) -> None:
    """Days beyond ten years, or none, are refused."""
    served[1].group("vip")
    answer = await served[0].get(f"/v1/bali/groups/vip/forecast?days={days}")
    assert (answer.status, (await answer.json(content_type=None))["path"]) == (422, "days")
