"""What guests wrote is shown on a terminal, and does nothing there."""

from __future__ import annotations

import unicodedata

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streams.cli.printable import JOINERS, printable, printable_json
from streams.cli.say import as_json, fields, note, table

texts = st.text(st.characters(exclude_categories=()))


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Made\x1b[2J\x1b[31m", "Made\\x1b[2J\\x1b[31m"),
        ("x\ntel:+62000", "x\\x0atel:+62000"),
        ("y\rtel:+62111", "y\\x0dtel:+62111"),
        ("\x9b31m\x7f", "\\x9b31m\\x7f"),
        ("abc\u202ecba\u2066\u200e", "abc\\u202ecba\\u2066\\u200e"),
        ("a\u2028b\ufeff\u00ad", "a\\u2028b\\ufeff\\xad"),
        ("\U000e0041", "\\U000e0041"),
        ("\ud83d", "\\ud83d"),
        ("Ni Wayan Sri 王小明 محمد نازنین", "Ni Wayan Sri 王小明 محمد نازنین"),
        ("\u0645\u06cc\u200c\u062e 👩\u200d👧", "\u0645\u06cc\u200c\u062e 👩\u200d👧"),
    ],
)
def test_what_acts_is_escaped(text: str, shown: str) -> None:
    """Escape sequences, line ends, direction controls and what nobody sees are written out; names stay as they are."""
    assert printable(text) == shown


@given(texts)
def test_nothing_acts(text: str) -> None:
    """No text is left with a control character, a format character but the joiners, or a line end."""
    acting = {char for char in printable(text) if unicodedata.category(char)[0] == "C" or char in "\u2028\u2029"}
    assert {char for char in acting if unicodedata.category(char) not in {"Co", "Cn"}} <= set(JOINERS)


@given(st.recursive(st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)), st.booleans())
def test_json_says_the_same(value: object, pretty: bool) -> None:  # noqa: FBT001
    """JSON stays exact: what is escaped reads as the same value."""
    document = orjson.dumps(value, option=orjson.OPT_INDENT_2 if pretty else None).decode()
    shown = printable_json(document)
    assert orjson.loads(shown) == value
    assert printable(shown.replace("\n", "")) == shown.replace("\n", "")


def test_a_name_forges_no_row(capsys: pytest.CaptureFixture[str]) -> None:
    """A table has a line a row and a record a line a field, whatever stands in them; so have notes and JSON."""
    name = "y\r\ntel:+621\x1b[2J\u202e"
    table([{"contact": "tel:+1", "name": name, "tags": [name]}], ["contact", "name", "tags"])
    fields({"name": name, f"attribute\n{name}": {"a": name}})
    as_json({"name": name})
    note(f"wrong: {name}")
    said = capsys.readouterr()
    assert len(said.out.splitlines()) == 5
    assert len(said.err.splitlines()) == 2  # a note may have lines: who quotes others in one escapes them first
    for line in (said.out + said.err).split("\n"):
        assert printable(line) == line
