"""How commands speak: answers on standard output, everything else on standard error, JSON when asked."""

from __future__ import annotations

import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any, TypeGuard, cast

import orjson

from streams.cli.printable import printable, printable_json

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class TroubleError(Exception):
    """What went wrong, in words for the person at the terminal: the command ends with exit code 1."""


def note(text: str) -> None:
    """Lines for the person, never part of the answer."""
    lines = "\n".join(map(printable, text.split("\n")))
    with suppress(OSError):  # a terminal that was closed must not keep anything from ending in order
        print(lines, file=sys.stderr, flush=True)  # noqa: T201  # a command speaks


def answer(text: str) -> None:
    """A line of the answer."""
    print(text, flush=True)  # noqa: T201  # a command speaks


def as_json(value: Any) -> None:
    """The answer as one JSON document, on one line in a pipe, indented on a terminal."""
    answer(document(value, pretty=sys.stdout.isatty()))


def document(value: Any, *, pretty: bool = False) -> str:
    """A value as JSON, on one line or indented; what would act on a terminal is escaped in it."""
    return printable_json(orjson.dumps(value, option=orjson.OPT_INDENT_2 if pretty else None).decode())


def table(rows: Iterable[dict[str, Any]], columns: Sequence[str]) -> None:
    """Rows under a heading, columns as wide as their widest cell."""
    cells = [list(columns), *([_cell(row.get(name)) for name in columns] for row in rows)]
    widths = [max(len(row[at]) for row in cells) for at in range(len(columns))]
    for row in cells:
        answer("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())


def fields(record: dict[str, Any]) -> None:
    """One record, a line per field that says something."""
    width = max((len(name) for name in record), default=0)
    for name, value in record.items():
        if value not in (None, "", [], {}):
            answer(f"{printable(name).ljust(width)}  {_cell(value)}")


def json_object(text: str | bytes) -> dict[str, Any] | None:
    """What a text says where that is a JSON object. Raises ValueError where it is no JSON at all."""
    said = orjson.loads(text)
    return cast("dict[str, Any]", said) if isinstance(said, dict) else None


def _is_list(value: object) -> TypeGuard[list[Any]]:
    return isinstance(value, list)


def _cell(value: Any) -> str:
    if value is None:
        return "-"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if _is_list(value):
        return ", ".join(_cell(item) for item in value) or "-"
    return printable(value) if isinstance(value, str) else document(value)
