"""What a contact's tags and attributes may be, whoever tells of them."""

from __future__ import annotations

from typing import Any

import msgspec

MAX_TAG = 255
MAX_NAME = 200
MAX_VALUE = 1_024
"""Bytes of a value's JSON: a contact keeps 200 attributes, and all of them must fit one record of `contacts`."""


def is_tag(text: str) -> bool:
    """Whether a text can be a tag."""
    return bool(text.strip()) and len(text) <= MAX_TAG


def is_attribute(name: str, value: Any) -> bool:
    """Whether a name and a JSON value can be an attribute."""
    named = name == name.strip() and 0 < len(name) <= MAX_NAME
    return named and len(msgspec.json.encode(value)) <= MAX_VALUE and _keepable(value)


def _keepable(value: Any) -> bool:
    """Whether a value can be kept: JSON has whole numbers without end, MessagePack has 64 bits."""
    try:
        msgspec.msgpack.encode(value)
    except OverflowError:
        return False
    return True
