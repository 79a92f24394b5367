"""What `publish` makes of a line, and the key that it gives."""

from __future__ import annotations

from typing import Any

import pytest

from streams.cli.records import iso, read_lines, record_key


@pytest.mark.parametrize(
    ("topic", "data", "key"),
    [
        ("bookings", {"booking_id": "b", "guest": {"phone": "0812", "email": "a@b.c"}}, b"t/0812"),
        ("ratings", {"rating_id": "r", "guest": {"email": "a@b.c"}}, b"t/a@b.c"),
        ("bookings", {"booking_id": "b"}, b"t/b"),
        ("messages", {"message_id": "m", "from": "628"}, b"t/628"),
        ("messages", {"message_id": "m", "from": 628, "user_id": "US.1"}, b"t/US.1"),
        ("messages", {"guest": "x"}, b"t"),
        ("messages", [], b"t"),
        ("commands", {"group": "g"}, b"t"),
    ],
)
def test_keys(topic: str, data: Any, key: bytes) -> None:
    """One guest's events share a key, so that they stay in order; commands lie under their tenant."""
    assert record_key(topic, {"tenant": "t", "data": data}) == key


@pytest.mark.parametrize("event", [{}, {"tenant": 7}, {"tenant": None, "data": {"from": "628"}}])
def test_no_tenant_no_key(event: dict[str, Any]) -> None:
    """An event without a tenant goes out without a key: the stream turns it away by name."""
    assert record_key("messages", event) is None


def test_lines() -> None:
    """Empty lines only count; a byte order mark, bad UTF-8 and values that are no objects do not stop it."""
    source = [b"\xef\xbb\xbf{}\r\n", b"\n", b'  {"a": 1}\n', b"\xff\n", b"[]\n", b"{"]
    assert list(read_lines(source)) == [
        (1, b"{}", {}),
        (3, b'{"a": 1}', {"a": 1}),
        (4, b"\xff", None),
        (5, b"[]", None),
        (6, b"{", None),
    ]


def test_times() -> None:
    """Times are RFC 3339 in UTC with milliseconds."""
    assert iso(1_700_000_000_123) == "2023-11-14T22:13:20.123Z"


@pytest.mark.parametrize("data", [{"from": "x" * 2_500_000}, {"guest": {"email": "é" * 600}}])
def test_a_long_key_is_a_hash(data: dict[str, Any]) -> None:
    """A key above 1 KiB is a hash: the same for the same guest, and small beside any value."""
    one, other = (record_key("messages", {"tenant": tenant, "data": data}) for tenant in "ab")
    assert one == record_key("messages", {"tenant": "a", "data": data}) != other
    assert one is not None
    assert (one[:7], len(one)) == (b"sha256:", 71)
