"""The data files that come with the demo."""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path

import pytest

from streams.demo import rows

FOLDER = Path(str(files("streams.demo"))) / "data"
DATA = sorted(path.name for path in FOLDER.glob("*.csv"))
README = (FOLDER / "README.md").read_text("utf-8")


@pytest.mark.parametrize("name", DATA)
def test_licence(name: str) -> None:
    """Each data file has its row with source, authors and licence."""
    row = next(line for line in README.splitlines() if line.startswith(f"| `{name}` |"))
    _, _, size, source, licence, _ = row.split("|")
    assert re.search(r"\d", size)
    assert re.search(r"et al\.|Antonio|Liu", source)
    assert re.search(r"github\.com|Same repository", source)
    assert re.search(r"CC BY 4\.0|CC0 1\.0|MIT|Apache-2\.0", licence)


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([\w.-]+\.md)\)", README))))
def test_licence_texts(link: str) -> None:
    """The licences whose text must go with the data do."""
    assert len((FOLDER / link).read_text("utf-8")) > 1000


def test_all_files_are_read() -> None:
    """No file lies there unused, and none is missing."""
    assert sorted(f"{name}.csv" for name in ("hotel_bookings", "hotel_reviews_en", *rows.CHATS)) == DATA


def test_size() -> None:
    """All of it stays under 1.5 MB."""
    assert sum(path.stat().st_size for path in FOLDER.iterdir()) < 1_500_000


def test_row_counts() -> None:
    """The README counts the rows that are there."""
    told = dict(re.findall(r"^\| `([\w.]+)` \| ([\d,]+) ", README, re.MULTILINE))
    found = {"hotel_bookings.csv": len(rows.bookings()), "hotel_reviews_en.csv": len(rows.reviews())}
    lines = [line for dialogue in rows.dialogues() for line in dialogue]
    for name, prefix in zip(rows.CHATS, ("mw-", "woz-", "cw-", "r8k-", "nlupp-"), strict=True):
        found[f"{name}.csv"] = sum(line.dialogue.startswith(prefix) for line in lines)
    assert {name: int(count.replace(",", "")) for name, count in told.items()} == found


def test_languages() -> None:
    """The messages are in four languages."""
    assert {line.language for dialogue in rows.dialogues() for line in dialogue} == {"en", "de", "it", "zh"}


def test_no_addresses() -> None:
    """No text holds an e-mail address."""
    texts = [line.text for dialogue in rows.dialogues() for line in dialogue] + [row.comment for row in rows.reviews()]
    assert not [text for text in texts if re.search(r"\w@\w", text)]


@pytest.mark.parametrize(
    ("count", "taken"),
    [(2, "ac"), (4, "abcd"), (6, "abcdab")],
    ids=["fewer", "all", "more"],
)
def test_spread(count: int, taken: str) -> None:
    """Fewer rows are taken evenly over all of them, more go round again."""
    assert "".join(rows.spread("abcd", number, count) for number in range(count)) == taken
