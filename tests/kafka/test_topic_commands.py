"""publish, tail, topics and dead-letters on a real broker."""

from __future__ import annotations

import asyncio
import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from schemas import dead_letters
from schemas.base import Reject
from streams.cli.app import run
from streams.runtime.topic_io import Headers, publisher
from streams.settings import Settings

MESSAGE = {"specversion": "1.0", "type": "message", "source": "s", "id": "1", "tenant": "t", "data": {"from": "628"}}


@pytest.fixture
def here(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """The commands find the test's own topics by the environment."""
    for name, value in settings.environ().items():
        monkeypatch.setenv(name, value)
    return settings


class Typed:
    """Types command lines and reads their answers."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys
        self.err = ""

    def __call__(self, *words: str, code: int = 0) -> str:
        """What a command answers."""
        self._capsys.readouterr()
        assert run(list(words)) == code
        said = self._capsys.readouterr()
        self.err = said.err
        return said.out

    def json(self, *words: str, code: int = 0) -> Any:
        """What a command answers with --json."""
        return json.loads(self(*words, "--json", code=code))

    def tail(self, topic: str, *words: str) -> list[Any]:
        """The records of a topic."""
        return [json.loads(line) for line in self("tail", topic, "--from-beginning", "--to-end", *words).splitlines()]


@pytest.fixture
def rollcall(here: Settings, capsys: pytest.CaptureFixture[str]) -> Typed:
    """`rollcall`, typed at the test's topics."""
    return Typed(capsys)


def test_publish_and_tail(rollcall: Typed, tmp_path: Path) -> None:
    """Events of a file are read back in their order, under tenant and guest."""
    file = tmp_path / "events.jsonl"
    file.write_text("\ufeff" + "".join(json.dumps(MESSAGE | {"id": str(number)}) + "\n\n" for number in range(20)))
    assert rollcall.json("publish", str(file), "--topic", "messages") == {"published": 20, "bad_lines": []}
    records = rollcall.tail("messages")
    assert [record["value"]["id"] for record in records] == [str(number) for number in range(20)]
    assert {record["key"] for record in records} == {"t/628"}
    assert len(rollcall.tail("messages", "--max", "3")) == 3


def test_bad_lines(rollcall: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A line that is no JSON object ends with 1 and its number, unless told to keep going."""
    lines = f"{json.dumps(MESSAGE)}\n[]\n{json.dumps(MESSAGE)}\n{{\n".encode()
    for words, code, published, bad in (((), 1, 1, [2]), (("--keep-going",), 0, 2, [2, 4])):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(lines)))
        told = rollcall.json("publish", "-", "--topic", "messages", *words, code=code)
        assert told == {"published": published, "bad_lines": bad}
        assert [line for line in rollcall.err.splitlines() if line.startswith("line ")] == [
            f"line {number} is no JSON object" for number in bad
        ]


def test_tail_of_any_bytes(rollcall: Typed, here: Settings) -> None:
    """Values that are no JSON are shown as text, bytes that are no text in base64, and no value as null."""
    _write(here, "bookings", [(b"{oops", None, ()), (b"\xff", b"\xfe", (("h", b"\xfd"),)), (None, b"k", ())])
    shown = {json.dumps(record["value"]): record for record in rollcall.tail("bookings")}
    assert shown.keys() == {'"{oops"', '{"base64": "/w=="}', "null"}
    assert shown['{"base64": "/w=="}']["key"] == {"base64": "/g=="}
    assert shown['{"base64": "/w=="}']["headers"] == {"h": {"base64": "/Q=="}}


def test_topics(rollcall: Typed) -> None:
    """Topics that are there are not created again, and are shown as the broker has them."""
    assert rollcall.json("topics", "create") == []
    shown = {row["name"].partition(".")[2]: row for row in rollcall.json("topics", "show")}
    assert shown["memberships"]["cleanup"] == "compact"
    assert shown["membership-changes"]["retention_days"] == 400
    assert {row["partitions"] for row in shown.values()} == {4}


def test_a_topic_that_is_not_there(rollcall: Typed, monkeypatch: pytest.MonkeyPatch) -> None:
    """A prefix without topics is told, with what makes them."""
    assert rollcall("tail", "messages", "--prefix", "nix.", code=1) == ""
    assert "there is no topic nix.messages: `rollcall topics create` makes it" in rollcall.err


def test_dead_letters(rollcall: Typed, here: Settings) -> None:
    """Dead letters are listed without their content, shown as they came, and sent again with key, bytes and headers."""
    binary = (("content-type", b"application/json"), ("ce_type", b"booking"))
    first = _letter(here, Reject("not_json"), "bookings", 3, b"{oops \xff", binary)
    second = _letter(here, Reject("field_missing", "data.from"), "messages", 9, b'{"a": 1}')
    _write(here, "dead-letters", [first, second, first, (b"a stranger's", None, ())])

    rows = rollcall.json("dead-letters", "list")
    assert {(row["id"], row["reason"], row["detail"]) for row in rows} == {
        ("bookings-1-3", "not_json", ""),
        ("messages-1-9", "field_missing", "data.from"),
    }
    assert "oops" not in json.dumps(rows) + rollcall("dead-letters", "list")
    assert [row["id"] for row in rollcall.json("dead-letters", "list", "--reason", "field_missing")] == ["messages-1-9"]
    assert [row["id"] for row in rollcall.json("dead-letters", "list", "--topic", "bookings")] == ["bookings-1-3"]
    assert rollcall("dead-letters", "show", "messages-1-9") == '{"a": 1}'
    assert rollcall.json("dead-letters", "show", "bookings-1-3")["reason"] == "not_json"

    assert rollcall.json("dead-letters", "retry", "bookings-1-3") == {"sent": ["bookings-1-3"], "lost": []}
    (again,) = rollcall.tail("bookings")
    assert again["value"] == {"base64": "e29vcHMg/w=="}
    assert again["key"] == "key"
    assert again["headers"] == {"content-type": "application/json", "ce_type": "booking"}
    assert len(rollcall.json("dead-letters", "retry", "--all")["sent"]) == 1  # the other was sent before
    rollcall("dead-letters", "retry", "nix-0-0", code=1)
    assert "no such dead letter: nix-0-0" in rollcall.err


def test_what_was_sent_again_is_closed(rollcall: Typed, here: Settings) -> None:
    """A letter that was sent again is listed no more; turned away again, the new letter stands in its place."""
    value = b'{"a": 1}'
    _write(here, "dead-letters", [_letter(here, Reject("tenant_unknown", "tenant"), "messages", 9, value)])
    for turn in range(3):
        (open_one,) = rollcall.json("dead-letters", "list")
        assert rollcall.json("dead-letters", "retry", "--reason", "tenant_unknown")["sent"] == [open_one["id"]]
        assert rollcall.json("dead-letters", "list") == rollcall.json("dead-letters", "retry", "--all")["sent"] == []
        again = rollcall.tail("messages")[-1]
        (closed,) = [row for row in rollcall.json("dead-letters", "list", "--all") if row["id"] == open_one["id"]]
        assert closed["sent_as"] == _id(again)
        letter = _letter(
            here, Reject("tenant_unknown", "tenant"), "messages", again["offset"], value, at=again["partition"]
        )
        if turn:
            _write(here, "dead-letters", [letter])  # normalize may write it twice
        _write(here, "dead-letters", [letter])
    assert len(rollcall.tail("messages")) == 3
    assert rollcall("dead-letters", "show", "messages-1-9") == value.decode()
    assert rollcall.json("dead-letters", "retry", "messages-1-9")["sent"] == ["messages-1-9"]
    assert "sent_as" in rollcall("dead-letters", "list", "--all").splitlines()[0]


def test_a_dead_letter_that_was_cut(rollcall: Typed, here: Settings) -> None:
    """What was cut is sent again whole from where it lies, or told as lost when it is gone."""
    whole = b'"' + b"x" * dead_letters.MAX_ORIGINAL + b'"'
    _write(here, "messages", [(whole, b"key", ())])
    (lies,) = rollcall.tail("messages")
    cut = [
        _letter(here, Reject("too_large"), "messages", lies["offset"] + n, whole, at=lies["partition"]) for n in (0, 7)
    ]
    _write(here, "dead-letters", cut)
    told = rollcall.json("dead-letters", "retry", "--all", code=1)
    assert (told["sent"], told["lost"]) == ([_id(lies)], [_id(lies | {"offset": 7})])
    assert [len(record["value"]) for record in rollcall.tail("messages")] == [len(whole) - 2] * 2


def _id(lies: dict[str, Any]) -> str:
    return f"{lies['topic']}-{lies['partition']}-{lies['offset']}"


Row = tuple[bytes | None, bytes | None, Headers]


def _letter(  # noqa: PLR0917
    here: Settings, why: Reject, topic: str, offset: int, value: bytes, original: Headers = (), at: int = 1
) -> Row:
    name = here.topic_prefix + topic
    kept = dead_letters.keep(value, b"key", original)
    return kept.value, kept.key, tuple(dead_letters.headers(why, name, at, offset, kept))


def _write(here: Settings, topic: str, rows: list[Row]) -> None:
    async def write() -> None:
        async with publisher(here) as out:
            for value, key, headers in rows:
                await out.send(topic, value, key, headers)
            await out.flush()

    asyncio.run(write())
