"""The oracle finds what a person finds, and what the Faust peer's other way of looking finds."""

from __future__ import annotations

import importlib
import json
import re
from types import ModuleType

import pytest

from benchmarks import job as job_module
from benchmarks import oracle
from benchmarks.job import Job, Record
from benchmarks.oracle import answer, blanked
from benchmarks.vocabulary import groups

GROUP, (FIRST, *_) = next(iter(groups().items()))


def _record(typed: str | None, text: str) -> Record:
    data = {"text": text} if typed is None else {"text": text, "from": typed}
    return (None, json.dumps({"data": data}).encode())


def test_hand_made_case() -> None:
    """Two ways to type one number are one member; a second match is no second join; other text joins nobody."""
    found = answer([
        _record("081200001234", f"Hello, {FIRST.upper()}!"),
        _record("+62 812-0000-1234", f"{FIRST} please"),
        _record("6281300005678", f"{FIRST.title()}, {FIRST}"),
        _record("+6282100009999", "good morning"),
    ])  # fmt: skip
    assert found.joined == {("tel:+6281200001234", GROUP), ("tel:+6281300005678", GROUP)}
    assert (found.valid, found.invalid, found.matches) == (4, 0, 3)


@pytest.mark.parametrize("typed", [None, "0812", "+62 12", "n/a", ""])
def test_no_number_is_invalid(typed: str | None) -> None:
    """What is no number joins nobody and is counted."""
    found = answer([_record(typed, FIRST)])
    assert (found.joined, found.valid, found.invalid) == (frozenset(), 0, 1)


def test_broken_json_is_invalid() -> None:
    """A record cut off is counted."""
    assert answer([(None, b'{"data":{"from":"0812')]).invalid == 1


def test_words_match_whole_and_in_order() -> None:
    """A word inside a word, or a phrase the other way round, is no match."""
    assert " pet " not in blanked("a carpet, petting")
    assert " late bed " not in blanked("bed late")
    assert " late bed " in blanked("a Late, BED!")


def test_parts_give_the_answer_of_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """However the records are cut; and a job in parts has each message once."""
    monkeypatch.setattr(job_module, "PART", 700)
    job = Job(2000, 1_795_000_000)
    assert [len(part) for part in job.parts] == [700, 700, 600]
    assert answer(*job.parts) == answer(job.records)
    ids = [found[0] for found in (re.findall(rb"m-\d{9}", value) for _, value in job.records) if found]
    assert len(ids) == len({*ids}) == 2000


def test_no_phrase_is_overlooked() -> None:
    """What is found by first words is what is found by looking for each phrase."""
    phrases = [(f" {phrase} ", group) for group, any_of in groups().items() for phrase in any_of]
    texts = [blanked(json.loads(value)["data"]["text"]) for _, value in Job(3000, 1).records if value.endswith(b"}}")]
    for text in texts:
        assert oracle._matched(text) == {group for phrase, group in phrases if phrase in text}


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The Faust program, imported without a broker."""
    for name in ("NAME", "BROKERS", "DATA"):
        monkeypatch.setenv(f"PEER_{name}", "127.0.0.1:1")
    monkeypatch.setenv("PEER_PARTITIONS", "4")
    return importlib.import_module("benchmarks.peer_faust")


def test_peer_agrees(peer: ModuleType) -> None:
    """Over five thousand messages the peer's matcher and libphonenumber give the oracle's memberships."""
    records = Job(5000, 1_795_000_000).records
    events = [event for event in map(peer.parse, (value for _, value in records)) if event]
    joined = {(event["contact"], group) for event in events for group in peer.match(event["data"]["text"])}
    expected = answer(records)
    assert joined == expected.joined
    assert len(events) == expected.valid
    assert len(records) - len(events) == expected.invalid > 0
