"""The job's input is what the benchmark says it is."""

from __future__ import annotations

import json
import random
from collections import Counter
from datetime import datetime
from typing import Any

import phonenumbers
import pytest

from benchmarks import job as job_module
from benchmarks.job import SPREAD_S, Job, commands
from benchmarks.vocabulary import GROUPS, PHRASES_EACH, TEXT_WORDS, groups

ENDS_AT = 1_795_000_000


@pytest.fixture(scope="module")
def job() -> Job:
    """A small one."""
    return Job(5000, ENDS_AT, contacts=2000)


@pytest.fixture(scope="module")
def events(job: Job) -> list[dict[str, Any]]:
    """Its records that are JSON."""
    return [event for event in map(_decoded, (value for _, value in job.records)) if event]


def _decoded(value: bytes) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(value)
    except ValueError:
        return {}
    return found


def test_same_seed_same_records(job: Job) -> None:
    """The same job gives the same records, another seed others."""
    again = Job(5000, ENDS_AT, contacts=2000)
    assert again.records == job.records
    assert Job(5000, ENDS_AT, contacts=2000, seed=8).records != job.records


def test_one_in_a_hundred_is_invalid(job: Job, events: list[dict[str, Any]]) -> None:
    """Broken JSON, no `from`, and a number that is none each occur, one record in a hundred in all."""
    broken = len(job.records) - len(events)
    nobody = sum("from" not in event["data"] for event in events)
    no_number = sum(event["data"].get("from") in {"0812", "+62 12", "n/a", ""} for event in events)
    assert min(broken, nobody, no_number) > 0
    assert 25 < broken + nobody + no_number < 100


def test_every_other_number_is_valid(events: list[dict[str, Any]]) -> None:
    """The library takes every form of every number as a valid one of Indonesia."""
    typed = {event["data"]["from"] for event in events if len(event["data"].get("from", "")) > 10}
    numbers = [phonenumbers.parse(raw, "ID") for raw in typed]
    assert all(phonenumbers.is_valid_number(number) for number in numbers)
    assert {raw[: len(form)] for raw in typed for form in ("08", "+628", "628", "+62 8") if raw.startswith(form)} == {
        "08", "+628", "628", "+62 8",
    }  # fmt: skip


def test_every_contact_has_its_own_number() -> None:
    """Fifty thousand contacts, no number twice."""
    dice = random.Random(7)
    assert len({job_module._number(dice, contact) for contact in range(50_000)}) == 50_000


def test_key_is_the_number_as_typed(job: Job) -> None:
    """One contact's messages have several keys: a contestant must re-key them."""
    keys = {key for key, _ in job.records if key}
    digits = {"".join(filter(str.isdigit, key.decode())) for key in keys}
    assert len(keys) > len(digits) > 1000


def test_times_lie_in_the_last_day(events: list[dict[str, Any]]) -> None:
    """No event is from the future, none older than a day."""
    times = [datetime.fromisoformat(event["time"]).timestamp() for event in events]
    assert min(times) >= ENDS_AT - SPREAD_S
    assert max(times) <= ENDS_AT


def test_a_few_guests_write_much(events: list[dict[str, Any]]) -> None:
    """The busiest tenth of the guests write more than a third of the messages."""
    written = sorted(Counter(event["data"]["name"] for event in events).values(), reverse=True)
    assert sum(written[:200]) > len(events) / 3


def test_groups_have_three_phrases_of_one_or_two_words() -> None:
    """A hundred groups, three hundred phrases, none twice."""
    phrases = [phrase for any_of in groups().values() for phrase in any_of]
    assert len(groups()) == GROUPS
    assert len(phrases) == len(set(phrases)) == GROUPS * PHRASES_EACH
    assert Counter(len(phrase.split()) for phrase in phrases) == {1: 150, 2: 150}


def test_plurals_decide_nothing() -> None:
    """No two words differ by a final s, so whether a matcher takes plurals or not changes no answer."""
    words = {*TEXT_WORDS, *(word for any_of in groups().values() for phrase in any_of for word in phrase.split())}
    assert not {f"{word}s" for word in words} & words


def test_single_keywords_are_in_no_other_text() -> None:
    """A keyword of one word stands only where the generator put it."""
    single = {phrase for any_of in groups().values() for phrase in any_of if " " not in phrase}
    assert not single & set(TEXT_WORDS)


def test_commands_create_the_tenant_before_its_groups() -> None:
    """The tenant first, then its hundred groups, all under one key so that they keep this order."""
    found = [json.loads(value) for _, value in commands(ENDS_AT)]
    assert [command["type"] for command in found] == ["tenant.put"] + ["group.create"] * GROUPS
    assert {key for key, _ in commands(ENDS_AT)} == {b"bench"}
    assert len({command["id"] for command in found}) == GROUPS + 1
    assert found[1]["data"]["rule"] == {"event": "message", "any_of": list(groups()["g000"]), "within": "P6M"}
