"""A dead letter: the original record with why it was turned away, written and read back."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import cast, get_args

from msgspec import Struct

from schemas.base import Reason, Reject

Headers = Sequence[tuple[str, bytes]]

MAX_ORIGINAL = 1024 * 1024
CUT = 64 * 1024
MAX_CARRIED = 16 * 1024
"""Bytes of the original's own headers that go along; a record with more is only looked at, never sent again."""


class DeadLetter(Struct, frozen=True, kw_only=True):
    """One record of `dead-letters`: the original `value` (base64 in JSON), where it lay, and what is wrong with it.

    {"reason": "field_missing", "detail": "data.booking_id", "topic": "rollcall.bookings", "partition": 3, "offset": 17,
     "value": "e30=", "truncated": false, "size": 2, "sha256": null,
     "headers": [["content-type", "YXBwbGljYXRpb24vanNvbg=="]]}
    """

    reason: Reason
    detail: str
    topic: str
    partition: int
    offset: int
    value: bytes | None
    truncated: bool = False
    size: int = 0
    sha256: str | None = None
    headers: tuple[tuple[str, bytes], ...] = ()


def headers(  # noqa: PLR0913, PLR0917 - the contract's header list
    reject: Reject, topic: str, partition: int, offset: int, value: bytes | None, original: Headers = ()
) -> list[tuple[str, bytes]]:
    """Give the headers of a dead letter; `original` are the record's own, which binary mode needs to be read again."""
    carried = _carried(original)
    too_many = sum(len(name) + len(content) for name, content in carried) > MAX_CARRIED
    texts = {
        "reason": reject.reason, "detail": reject.detail,
        "topic": topic, "partition": str(partition), "offset": str(offset),
    }  # fmt: skip
    if too_many or len(value or b"") > MAX_ORIGINAL:
        texts |= _truncated(value or b"")
    return [(name, text.encode()) for name, text in texts.items()] + ([] if too_many else carried)


def body(value: bytes | None) -> bytes | None:
    """Give the value of a dead letter: the original, or its first 64 KiB if it is above 1 MiB."""
    return value[:CUT] if value is not None and len(value) > MAX_ORIGINAL else value


def read(value: bytes | None, headers: Headers) -> DeadLetter:
    """Read a dead letter back; ValueError if the record is none (someone else wrote into the topic)."""
    found = {name: content for name, content in reversed(headers) if not _is_event_header(name)}
    try:
        return _dead_letter(value, found, tuple(_carried(headers)))
    except (KeyError, UnicodeDecodeError) as error:
        raise ValueError("the record has not the headers of a dead letter") from error


def _dead_letter(value: bytes | None, found: dict[str, bytes], carried: tuple[tuple[str, bytes], ...]) -> DeadLetter:
    truncated = "truncated" in found
    return DeadLetter(
        reason=_reason(found["reason"].decode()),
        detail=found["detail"].decode(),
        topic=found["topic"].decode(),
        partition=int(found["partition"]),
        offset=int(found["offset"]),
        value=value,
        truncated=truncated,
        size=int(found["size"]) if truncated else len(value or b""),
        sha256=found["sha256"].decode() if truncated else None,
        headers=carried,
    )


def _reason(text: str) -> Reason:
    if text not in get_args(Reason):
        raise ValueError("the record has not the headers of a dead letter")
    return cast("Reason", text)


def _truncated(value: bytes) -> dict[str, str]:
    return {"truncated": "true", "size": str(len(value)), "sha256": hashlib.sha256(value).hexdigest()}


def _carried(original: Headers) -> list[tuple[str, bytes]]:
    return [(name, content or b"") for name, content in original if _is_event_header(name)]  # a null header is empty


def _is_event_header(name: str) -> bool:
    return name.lower() == "content-type" or name.lower().startswith("ce_")
