"""Fields of a command that there are not: which one, and which one was probably meant."""

from __future__ import annotations

import difflib
import re
from typing import TYPE_CHECKING, Any, get_args, get_type_hints

from schemas.base import Reject
from schemas.commands import Command, ContactRef, ContactUpsertData, Profile
from schemas.tenants import Property

if TYPE_CHECKING:
    from collections.abc import Iterable

    import msgspec

_NAME = r"[a-z][A-Za-z_]{0,39}"
_UNKNOWN = re.compile(rf"Object contains unknown field `(?P<name>{_NAME})` - at `\$\.(?P<path>data[^`]*)`")
_DATA: dict[str, Any] = {
    str(kind.__struct_config__.tag): get_type_hints(kind)["data"] for kind in get_args(Command)
}  # fmt: skip
"""Of which type the data of each command is."""


def explain_unknown(error: msgspec.ValidationError, kind: str) -> Reject | None:
    """Tell the field that a command of this type does not have; None if the error is another one.

    A name that looks like none is not told: it may be anything that somebody wrote.
    """
    found = _UNKNOWN.fullmatch(str(error))
    if found is None:
        return None
    fields = _fields(_DATA[kind], found["path"])
    return Reject("field_invalid", f"{found['path']}.{found['name']}: {no_such('field', found['name'], fields)}")


def no_such(what: str, name: str, known: Iterable[str]) -> str:
    """Say that there is no such thing, and the nearest that there is."""
    near = difflib.get_close_matches(name.lower(), known, n=1)
    return f"no such {what}, did you mean {near[0]}?" if near else f"no such {what}"


def _fields(data: Any, path: str) -> tuple[str, ...]:
    if path == "data":
        return tuple(data.__struct_fields__)
    if path.startswith("data.properties"):
        return Property.__struct_fields__
    return (Profile if data is ContactUpsertData else ContactRef).__struct_fields__
