"""A dead letter: the original record with why it was turned away, written and read back.

It always fits: value, key and headers are cut where they are large, so none is above 1.1 MiB, whatever was sent.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any, cast, get_args

from msgspec import Struct

from schemas.base import Reason, Reject

Headers = Sequence[tuple[str, bytes]]

MAX_ORIGINAL = 1024 * 1024
CUT = 64 * 1024
MAX_KEY = 4 * 1024
CUT_KEY = 1024
MAX_DETAIL = 1024
MAX_CARRIED = 16 * 1024
"""Bytes of the original's own headers that go along; a record with more is only looked at, never sent again."""


class DeadLetter(Struct, frozen=True, kw_only=True):
    """One record of `dead-letters`: the original `value` (base64 in JSON), where it lay, what is wrong, what was cut.

    {"reason": "field_missing", "detail": "data.booking_id", "topic": "rollcall.bookings", "partition": 3, "offset": 17,
     "value": "e30=", "truncated": false, "size": 2, "sha256": null,
     "headers": [["content-type", "YXBwbGljYXRpb24vanNvbg=="]],
     "key_size": null, "key_sha256": null, "headers_size": null, "headers_sha256": null}
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
    key_size: int | None = None
    key_sha256: str | None = None
    headers_size: int | None = None
    headers_sha256: str | None = None
    sent_as: str | None = None
    """Closes the letter of the same place: its original was sent again and lies here now (`messages-3-99`)."""


class Kept(Struct, frozen=True, gc=False):
    """What a dead letter keeps of a record; `cut` measures the original, if any of it was too large.

    {"value": "e30=", "key": "YmFsaQ==", "headers": [], "cut": {}}
    """

    value: bytes | None
    key: bytes | None
    headers: list[tuple[str, bytes]]
    cut: dict[str, str]


def keep(value: bytes | None, key: bytes | None = None, original: Headers = ()) -> Kept:
    """Keep a record to the byte, or its beginning: 64 KiB of a value above 1 MiB, 1 KiB of a key above 4.

    Of its headers those go along that binary mode needs to be read again; none if they are above 16 KiB.
    """
    carried = _carried(original)
    together = _together(carried)
    long_value, long_key = len(value or b"") > MAX_ORIGINAL, len(key or b"") > MAX_KEY
    too_many = len(together) > MAX_CARRIED
    cut = _measured("key_", key) if long_key else {}
    cut |= _measured("headers_", together) if too_many else {}
    if long_value or cut:
        cut |= {"truncated": "true", **_measured("", value)}
    return Kept(
        value[:CUT] if value and long_value else value,
        key[:CUT_KEY] if key and long_key else key,
        [] if too_many else carried,
        cut,
    )


def headers(reject: Reject, topic: str, partition: int, offset: int, kept: Kept) -> list[tuple[str, bytes]]:
    """Give the headers of a dead letter: why, whence, what was cut, and the record's own."""
    texts = {
        "reason": reject.reason, "detail": reject.detail[:MAX_DETAIL],
        "topic": topic, "partition": str(partition), "offset": str(offset), **kept.cut,
    }  # fmt: skip
    return [(name, text.encode()) for name, text in texts.items()] + kept.headers


def closing(letter: DeadLetter, sent_as: str) -> list[tuple[str, bytes]]:
    """Give the headers of the record that closes a letter whose original was sent again, and lies in `sent_as` now."""
    texts = {
        "reason": letter.reason, "detail": letter.detail, "topic": letter.topic, "partition": str(letter.partition),
        "offset": str(letter.offset), "sent_as": sent_as,
    }  # fmt: skip
    return [(name, text.encode()) for name, text in texts.items()]


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
        **_cut(found, "key"),
        **_cut(found, "headers"),
        sent_as=found["sent_as"].decode() if "sent_as" in found else None,
    )


def _cut(found: dict[str, bytes], part: str) -> dict[str, Any]:
    if f"{part}_size" not in found:
        return {}
    return {f"{part}_size": int(found[f"{part}_size"]), f"{part}_sha256": found[f"{part}_sha256"].decode()}


def _reason(text: str) -> Reason:
    if text not in get_args(Reason):
        raise ValueError("the record has not the headers of a dead letter")
    return cast("Reason", text)


def _measured(part: str, whole: bytes | None) -> dict[str, str]:
    whole = whole or b""
    return {f"{part}size": str(len(whole)), f"{part}sha256": hashlib.sha256(whole).hexdigest()}


def _together(carried: Headers) -> bytes:
    """Write headers as one text, to be measured; a thousand empty ones are not nothing."""
    return b"".join(b"%b: %b\n" % (name.encode(), content) for name, content in carried)


def _carried(original: Headers) -> list[tuple[str, bytes]]:
    return [(name, content or b"") for name, content in original if _is_event_header(name)]  # a null header is empty


def _is_event_header(name: str) -> bool:
    return name.lower() == "content-type" or name.lower().startswith("ce_")
