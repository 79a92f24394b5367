"""Dead letters: what is written is read back, and the original can be sent again."""

from __future__ import annotations

import hashlib

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.base import Reject
from schemas.dead_letters import DeadLetter, Headers, closing, headers, keep, read

MIB = 1024 * 1024
REJECT = Reject("field_missing", "data.booking_id")


def sent(value: bytes | None, key: bytes | None = None, original: Headers = ()) -> DeadLetter:
    """Return what is read of the dead letter of a record."""
    kept = keep(value, key, original)
    return read(kept.value, headers(REJECT, "t", 0, 0, kept))


def test_headers_are_the_contracts() -> None:
    """The headers say reason, detail, topic, partition and offset, and the original's own go along."""
    own = [("content-type", b"application/json"), ("ce_id", b"e1"), ("traceparent", b"00-1"), ("topic", b"forged")]
    assert headers(REJECT, "rollcall.bookings", 3, 17, keep(b"{}", None, own)) == [
        ("reason", b"field_missing"),
        ("detail", b"data.booking_id"),
        ("topic", b"rollcall.bookings"),
        ("partition", b"3"),
        ("offset", b"17"),
        ("content-type", b"application/json"),
        ("ce_id", b"e1"),
    ]


@pytest.mark.parametrize("value", [None, b"", b"{}", b"\xff", b"x" * MIB])
def test_bytes_stay(value: bytes | None) -> None:
    """An original of up to 1 MiB is kept to the byte."""
    assert keep(value).value == value
    letter = sent(value)
    assert (letter.value, letter.truncated, letter.size, letter.sha256) == (value, False, len(value or b""), None)


def test_large_originals_are_cut() -> None:
    """An original above 1 MiB is cut to 64 KiB and says its size and hash."""
    value = b"0123456789" * 200_000
    letter = sent(value)
    assert letter.value == value[: 64 * 1024]
    assert (letter.truncated, letter.size) == (True, 2_000_000)
    assert letter.sha256 == hashlib.sha256(value).hexdigest()


def test_many_headers_are_left_out() -> None:
    """An original with too many bytes of headers keeps its value but is marked, as it cannot be sent again."""
    letter = sent(b"{}", original=[("ce_id", b"x" * 20_000)])
    assert (letter.value, letter.truncated, letter.size, letter.headers) == (b"{}", True, 2, ())


def test_a_long_key_is_cut() -> None:
    """Of a key above 4 KiB the first KiB is kept, with size and hash of the whole; retry knows that it was cut."""
    key = b"k" * 3_000_000
    assert keep(b"{}", key).key == key[:1024]
    letter = sent(b"{}", key)
    assert (letter.truncated, letter.value, letter.size) == (True, b"{}", 2)
    assert (letter.key_size, letter.key_sha256) == (3_000_000, hashlib.sha256(key).hexdigest())
    assert keep(b"{}", b"k" * 4096).key == b"k" * 4096


def test_cut_headers_are_measured() -> None:
    """Headers that were left out tell their bytes; empty ones count too."""
    letter = sent(b"{}", original=[("ce_a", b"")] * 4_000)
    assert (letter.headers, letter.headers_size) == ((), 7 * 4_000)
    assert letter.headers_sha256 == hashlib.sha256(b"ce_a: \n" * 4_000).hexdigest()


LARGE = st.integers(0, 9_000_000).map(lambda size: b"x" * size)


@settings(max_examples=25, deadline=None)
@given(LARGE, LARGE, st.lists(st.tuples(st.text(max_size=9).map("ce_".__add__), LARGE), max_size=3), st.text())
def test_a_dead_letter_fits(value: bytes, key: bytes, own: list[tuple[str, bytes]], detail: str) -> None:
    """Whatever a record holds, its dead letter is far below what the topic takes."""
    kept = keep(value, key, own)
    lines = headers(Reject("not_json", detail * 1000), "rollcall.messages", 3, 17, kept)
    told = sum(len(name.encode()) + len(content) for name, content in lines)
    assert len(kept.value or b"") + len(kept.key or b"") + told < 1.1 * MIB


def test_null_header() -> None:
    """A header without content, which Kafka allows, is an empty one."""
    null: bytes = None  # type: ignore[assignment]  # clients give None for it
    assert sent(b"{}", original=[("ce_id", null)]).headers == (("ce_id", b""),)


@given(
    st.text(max_size=50), st.integers(0, 99), st.integers(0, 2**62), st.none() | st.binary(max_size=99),
    st.lists(st.tuples(st.sampled_from(["ce_id", "CE_type", "Content-Type"]), st.binary(max_size=20)), max_size=4),
)  # fmt: skip
def test_written_is_read(
    detail: str, partition: int, offset: int, value: bytes | None, own: list[tuple[str, bytes]]
) -> None:
    """Whatever is written is read back the same."""
    kept = keep(value, None, own)
    letter = read(kept.value, headers(Reject("not_json", detail), "rollcall.messages", partition, offset, kept))
    assert letter == DeadLetter(
        reason="not_json", detail=detail, topic="rollcall.messages", partition=partition, offset=offset, value=value,
        size=len(value or b""), headers=tuple(own),
    )  # fmt: skip
    assert msgspec.json.decode(msgspec.json.encode(letter), type=DeadLetter) == letter


GOOD = dict(headers(REJECT, "t", 0, 0, keep(b"")))


@pytest.mark.parametrize(
    "bad",
    [
        {}, GOOD | {"reason": b"whim"}, GOOD | {"partition": b"x"}, GOOD | {"detail": b"\xff"},
        GOOD | {"truncated": b"true"}, {name: value for name, value in GOOD.items() if name != "offset"},
    ],
    ids=["none", "reason", "partition", "detail", "truncated", "offset"],
)  # fmt: skip
def test_no_dead_letters(bad: dict[str, bytes]) -> None:
    """A record that someone else wrote is a ValueError, not a wrong dead letter."""
    with pytest.raises(ValueError, match=r".+"):
        read(b"{}", list(bad.items()))


def test_a_closing_record_names_the_same_place() -> None:
    """It says of the letter's place where the original was sent again, and has no value."""
    letter = read(b"{}", headers(REJECT, "rollcall.bookings", 3, 17, keep(b"{}")))
    closed = read(None, closing(letter, "bookings-0-99"))
    assert (closed.topic, closed.partition, closed.offset) == ("rollcall.bookings", 3, 17)
    assert (closed.reason, closed.detail) == (letter.reason, letter.detail)
    assert (closed.sent_as, closed.value, letter.sent_as) == ("bookings-0-99", None, None)
