"""Text of others for a terminal: what would act there, or be seen by nobody, is shown escaped.

A guest's name may hold escape sequences, line ends that forge a row, or controls that turn the reading direction.
Joiners stay: Persian and many emoji need them.
"""

from __future__ import annotations

import unicodedata

ACTING = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Unicode categories: controls, formats (of direction, width, tags), half surrogates, line and paragraph ends."""

JOINERS = "\u200c\u200d"


def printable(text: str) -> str:
    r"""Return the text with what would act on a terminal as `\x1b`, `\u202e` or `\U000e0041`."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(char) if _acts(char) else char for char in text)


def printable_json(document: str) -> str:
    r"""Return a JSON document that reads as the same value, with `\u202e` for characters that would act.

    Line ends and spaces between values stay, and those within strings are escaped already.
    """
    if document.isascii():
        return document.replace("\x7f", "\\u007f")
    return "".join(_in_json(char) if char != "\n" and _acts(char) else char for char in document)


def _acts(char: str) -> bool:
    return unicodedata.category(char) in ACTING and char not in JOINERS


def _escaped(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _in_json(char: str) -> str:
    units = char.encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[at : at + 2].hex()}" for at in range(0, len(units), 2))
