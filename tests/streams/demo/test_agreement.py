"""The judge of memberships and the pure parts that it judges, each written apart, agree on all of the demo's input."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest

from processors import phones, windows, words
from processors.normalize import Keyed, Normalizer, Raw
from schemas import activity
from schemas.base import Reject, millis
from schemas.rules import parse_rule
from streams.demo import feed, groups
from streams.demo.faults import REASONS
from tests.streams.demo import expected

NOW = millis(datetime(2026, 11, 22, 18, 30, 12, 345_000, UTC))
RECORDS = list(feed.events(NOW, 0.25))
DATA = [json.loads(value)["data"] for _, key, value in RECORDS if key not in REASONS]
NORMALIZER = Normalizer({groups.TENANT_ID: groups.TENANT})


def normalized(topic: str, key: bytes, value: bytes) -> list[Keyed] | Reject:
    """Return what becomes of a record fed now."""
    return NORMALIZER.normalize(Raw(activity.RAW_TOPICS.index(topic), 0, 0, NOW, key, value, ()))


def test_faults() -> None:
    """Each bad record is turned away for the reason it was made for."""
    faults = {key: normalized(topic, key, value) for topic, key, value in RECORDS if key in REASONS}
    assert {key: fault.reason for key, fault in faults.items() if isinstance(fault, Reject)} == REASONS


def test_contacts() -> None:
    """Both take every other event for the same contact's."""
    for topic, key, value in RECORDS:
        if key in REASONS:
            continue
        records = normalized(topic, key, value)
        assert not isinstance(records, Reject)
        record, *links = records
        assert all(isinstance(activity.decode(link.value), activity.LinkSeen) for link in links)
        judged = expected.who(topic.removesuffix("s"), json.loads(value)["data"])
        seen = activity.decode(record.value)
        found = seen.contact if isinstance(seen, activity.BookingSeen | activity.RatingSeen) else None
        assert judged == (found if topic != "messages" else record.key.decode().partition("/")[2])


def test_commands() -> None:
    """All the demo's commands are taken."""
    for record in [*groups.setup(NOW), *feed.vips(NOW)]:
        assert not isinstance(normalized(*record), Reject)


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
        assert parse_rule(data.rule)
