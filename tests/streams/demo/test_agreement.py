"""The judge of memberships and the pure parts that it judges, each written apart, agree on all of the demo's input."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from processors import phones, windows, words
from schemas.base import millis
from schemas.rules import decode_rule
from streams.demo import feed, groups
from tests.streams.demo import expected

NOW = millis(datetime(2026, 11, 22, 18, 30, 12, 345_000, UTC))
DATA = [
    json.loads(value)["data"] for _, _, value in feed.events(NOW, 0.25) if b"fault-" not in value and value[-1:] == b"}"
]


def test_phones() -> None:
    """Both read every typed phone as the same number."""
    for data in DATA:
        text = (data.get("guest") or {}).get("phone") or data.get("from", "-")
        region = data.get("country") or expected.REGIONS.get(data.get("property", ""), "PT")
        assert phones.e164(text, region) == expected.phone(text, region)


@pytest.mark.parametrize("phrases", [expected.FOOD, expected.PETS])
def test_words(phrases: tuple[str, ...]) -> None:
    """Both find the phrases in the same messages."""
    matcher = words.Matcher([(number, phrase, "word") for number, phrase in enumerate(phrases)])
    texts = {data["text"] for data in DATA if "message_id" in data}
    assert len(texts) > 1_000
    for text in texts:
        assert bool(matcher.match(words.normalise(text))) == expected.says(text, phrases)


@pytest.mark.parametrize("months", sorted(set(expected.MONTHS.values())))
def test_windows(months: int) -> None:
    """Both end a window of calendar months at the same moment, on every hour of four years."""
    duration = windows.Duration(months=months)
    for at in range(NOW, NOW + 4 * 366 * 86_400_000, 3_600_000 * 5 + 1):
        assert windows.deadline(at, duration, expected.TENANT_ZONE) == expected.plus_months(at, months)


def test_rules() -> None:
    """Every rule of the demo's groups is one of the contract."""
    for data in groups.GROUPS:
        assert decode_rule(data.rule or {})
