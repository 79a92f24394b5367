"""Dead letters: what is written is read back, and the original can be sent again."""

from __future__ import annotations

import hashlib

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.base import Reject
from schemas.dead_letters import DeadLetter, body, headers, read

MIB = 1024 * 1024
REJECT = Reject("field_missing", "data.booking_id")


def test_headers_are_the_contracts() -> None:
    """The headers say reason, detail, topic, partition and offset, and the original's own go along."""
    own = [("content-type", b"application/json"), ("ce_id", b"e1"), ("traceparent", b"00-1"), ("topic", b"forged")]
    assert headers(REJECT, "rollcall.bookings", 3, 17, b"{}", own) == [
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
    assert body(value) == value
    letter = read(body(value), headers(REJECT, "t", 0, 0, value))
    assert (letter.value, letter.truncated, letter.size, letter.sha256) == (value, False, len(value or b""), None)


def test_large_originals_are_cut() -> None:
    """An original above 1 MiB is cut to 64 KiB and says its size and hash."""
    value = b"0123456789" * 200_000
    letter = read(body(value), headers(REJECT, "t", 0, 0, value))
    assert letter.value == value[: 64 * 1024]
    assert (letter.truncated, letter.size) == (True, 2_000_000)
    assert letter.sha256 == hashlib.sha256(value).hexdigest()


def test_many_headers_are_left_out() -> None:
    """An original with too many bytes of headers keeps its value but is marked, as it cannot be sent again."""
    letter = read(b"{}", headers(REJECT, "t", 0, 0, b"{}", [("ce_id", b"x" * 20_000)]))
    assert (letter.value, letter.truncated, letter.size, letter.headers) == (b"{}", True, 2, ())


def test_null_header() -> None:
    """A header without content, which Kafka allows, is an empty one."""
    null: bytes = None  # type: ignore[assignment]  # clients give None for it
    assert read(b"{}", headers(REJECT, "t", 0, 0, b"{}", [("ce_id", null)])).headers == (("ce_id", b""),)


@given(
    st.text(max_size=50), st.integers(0, 99), st.integers(0, 2**62), st.none() | st.binary(max_size=99),
    st.lists(st.tuples(st.sampled_from(["ce_id", "CE_type", "Content-Type"]), st.binary(max_size=20)), max_size=4),
)  # fmt: skip
def test_written_is_read(
    detail: str, partition: int, offset: int, value: bytes | None, own: list[tuple[str, bytes]]
) -> None:
    """Whatever is written is read back the same."""
    letter = read(body(value), headers(Reject("not_json", detail), "rollcall.messages", partition, offset, value, own))
    assert letter == DeadLetter(
        reason="not_json", detail=detail, topic="rollcall.messages", partition=partition, offset=offset, value=value,
        size=len(value or b""), headers=tuple(own),
    )  # fmt: skip
    assert msgspec.json.decode(msgspec.json.encode(letter), type=DeadLetter) == letter


GOOD = dict(headers(REJECT, "t", 0, 0, b""))


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
