"""The job as the guide of faust-streaming has it: an agent per topic, one event at a time, a table on RocksDB."""

# faust types its streams loosely
# pyright: basic, reportGeneralTypeIssues=false

from __future__ import annotations

import os
import re
from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import faust
import orjson
import phonenumbers
from phonenumbers import NumberParseException, PhoneNumberFormat

from benchmarks.vocabulary import groups

if TYPE_CHECKING:
    from faust.types import StreamT

NAME = os.environ["PEER_NAME"]
RAW, BY_CONTACT, CHANGES, DEAD_LETTERS = (
    f"{NAME}.{topic}" for topic in ("messages", "by-contact", "changes", "dead-letters")
)
REGION = "ID"

app = faust.App(
    NAME,
    broker=f"kafka://{os.environ['PEER_BROKERS']}",
    store="rocksdb://",
    datadir=os.environ["PEER_DATA"],
    topic_partitions=int(os.environ["PEER_PARTITIONS"]),
    web_enabled=False,
    consumer_auto_offset_reset="earliest",
    # what a user who wants throughput would set after reading the settings page
    broker_commit_interval=2.0,
    producer_compression_type="lz4",
    producer_linger_ms=50,
    producer_max_batch_size=128 * 1024,
)
raw = app.topic(RAW, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
by_contact = app.topic(BY_CONTACT, key_type=str, key_serializer="raw", value_serializer="json")
changes = app.topic(CHANGES, key_type=str, key_serializer="raw", value_serializer="json")
dead_letters = app.topic(DEAD_LETTERS, key_type=bytes, value_type=bytes, key_serializer="raw", value_serializer="raw")
contacts = app.Table("contacts", default=dict, key_type=str)

BY_WORDS = {tuple(phrase.split()): group for group, any_of in groups().items() for phrase in any_of}
ONE_WORD = {words[0]: group for words, group in BY_WORDS.items() if len(words) == 1}
TWO_WORDS = {words: group for words, group in BY_WORDS.items() if len(words) == 2}
words_of = re.compile("[a-z0-9]+").findall


def match(text: str) -> set[str]:
    """The groups that have a phrase in the text, in one pass over its words."""
    words = words_of(text.lower())
    pairs = pairwise(words)
    return {ONE_WORD[word] for word in words if word in ONE_WORD} | {
        TWO_WORDS[pair] for pair in pairs if pair in TWO_WORDS
    }


@lru_cache(200_000)
def contact_of(typed: str) -> str | None:
    """The contact's id, or None where this is no valid number."""
    try:
        number = phonenumbers.parse(typed, REGION)
    except NumberParseException:
        return None
    if not phonenumbers.is_valid_number(number):
        return None
    return f"tel:{phonenumbers.format_number(number, PhoneNumberFormat.E164)}"


def parse(value: bytes) -> dict[str, Any] | None:
    """The event with its contact, or None where it is invalid."""
    try:
        event: dict[str, Any] = orjson.loads(value)
        event["contact"] = contact_of(event["data"]["from"])
    except (ValueError, KeyError, TypeError):
        return None
    return event if event["contact"] else None


@app.agent(raw)
async def intake(stream: StreamT[bytes]) -> None:
    """Validate, normalise the phone, send on under the contact's key."""
    async for key, value in stream.items():
        event = parse(value)
        if event is None:
            await dead_letters.send(key=key, value=value)
        else:
            await by_contact.send(key=event["contact"], value=event)


@app.agent(by_contact)
async def membership(stream: StreamT[dict[str, Any]]) -> None:
    """Keep each contact's groups with the time of the last match; tell who joins."""
    async for contact, event in stream.items():
        matched = match(event["data"]["text"])
        if matched:
            known: dict[str, str] = contacts[contact]
            joined = [group for group in matched if group not in known]
            at: str = event["time"]
            contacts[contact] = {**known, **{group: max(at, known.get(group, at)) for group in matched}}
            for group in joined:
                await changes.send(
                    key=contact, value={"contact": contact, "group": group, "change": "joined", "at": at}
                )


if __name__ == "__main__":
    faust.Worker(app, loglevel="WARN").execute_from_commandline()
