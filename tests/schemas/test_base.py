"""Moments, and msgspec's messages made into reasons."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.base import Reject, TenantId, check_tenant, example, explain, millis, moment, stamp


@given(st.integers(-62_000_000_000_000, 250_000_000_000_000))
def test_moment_is_millis(ms: int) -> None:
    """Milliseconds survive the way to a datetime and back, in the years 6 to 9891."""
    assert millis(moment(ms)) == ms


@given(st.integers(-(1 << 50), 1 << 50) | st.integers(-(1 << 38), 1 << 38).map(lambda seconds: seconds * 1000))
def test_a_stamp_is_the_json_of_the_moment(ms: int) -> None:
    """To the byte, with and without milliseconds, and beyond the calendar too."""
    assert stamp(ms) == msgspec.json.encode(moment(ms))


@given(st.from_regex(r"[a-z0-9-]{0,70}") | st.text("aZ0-_.\n/é", max_size=4))
def test_a_tenant_is_held_against_its_pattern(name: str) -> None:
    """As decoding it would: the same texts pass, and the same is said of the others."""
    try:
        msgspec.convert({"tenant": name}, dict[str, TenantId])
    except msgspec.ValidationError as error:
        told = explain(error)
        assert check_tenant(name) == Reject(told.reason, told.detail.replace("[...]", "tenant"))
    else:
        assert check_tenant(name) is None


@given(st.datetimes(timezones=st.just(UTC)), st.integers(-14, 14))
def test_millis_round_down_in_any_zone(at: datetime, hours: int) -> None:
    """Milliseconds are those of the instant, rounded down, whatever its offset."""
    zone = timezone(timedelta(hours=hours))
    assert (
        millis(at.replace(tzinfo=zone))
        == (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1) - hours * 3_600_000
    )


@pytest.mark.parametrize(
    ("text", "reject"),
    [
        ("Object missing required field `id`", Reject("field_missing", "id")),
        ("Object missing required field `id` - at `$.data`", Reject("field_missing", "data.id")),
        (
            "Expected `int`, got `str` - at `$.data.stars`",
            Reject("field_invalid", "data.stars: Expected `int`, got `str`"),
        ),
        ("Expected `object`, got `array`", Reject("field_invalid", "value: Expected `object`, got `array`")),
        ("Invalid enum value 'Made' - at `$.data.status`", Reject("field_invalid", "data.status")),
        ("Invalid value 'Made' - at `$.type`", Reject("field_invalid", "type")),
        ("Invalid enum value 'x` - at `$.Made`' - at `$.data.status`", Reject("field_invalid", "data.status")),
        ("Invalid enum value 'missing required field `Made`'", Reject("field_invalid", "value")),
        ("Expected `str` of length >= 1 - at `key` in `$.data.properties`",
         Reject("field_invalid", "data.properties: Expected `str` of length >= 1")),
        ("A text of a later version with 'Made' - at `$.id`", Reject("field_invalid", "id")),
    ],
)  # fmt: skip
def test_explain(text: str, reject: Reject) -> None:
    """A message keeps its path and what is known to hold no value."""
    assert explain(msgspec.ValidationError(text)) == reject


LIMITS: list[tuple[Any, Any]] = [
    (int, "x"), (float, None), (str, 3), (list[int], [1, "x"]), (datetime, "noon"), (bool, {}),
]  # fmt: skip


@pytest.mark.parametrize(("kind", "value"), LIMITS, ids=str)
def test_texts_of_msgspec_are_known(kind: Any, value: Any) -> None:
    """What msgspec really says about a wrong type is passed on, so that a change of its words is noticed."""
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(msgspec.json.encode({"field": value}), type=dict[str, kind])
    assert ": " in explain(caught.value).detail


def test_no_example() -> None:
    """A struct without an example is an error, not an empty one."""
    with pytest.raises(ValueError, match="substring"):
        example(type("Bare", (), {}))
