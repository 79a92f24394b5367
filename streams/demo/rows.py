"""The rows of the data files, as they lie beside this module."""

from __future__ import annotations

import csv
from datetime import date
from functools import cache
from importlib.resources import files
from itertools import groupby
from operator import attrgetter
from typing import TYPE_CHECKING, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Sequence

T = TypeVar("T")
CHATS = ("multiwoz_en", "woz2_en_de_it", "crosswoz_zh", "restaurant8k_en", "nlupp_hotels_en")
"""The files of messages."""


class BookingRow(NamedTuple):
    """One real booking."""

    row: str
    hotel: str
    lead_days: int
    arrival: date
    nights: int
    adults: str
    children: str
    country: str
    segment: str
    reserved: str
    assigned: str
    changes: int
    adr: str
    status: str
    status_day: date


class ReviewRow(NamedTuple):
    """One real review, its score from 2.5 to 10."""

    review_id: str
    score: float
    comment: str


class Line(NamedTuple):
    """One real message of a dialogue."""

    dialogue: str
    turn: int
    language: str
    text: str


@cache
def bookings() -> tuple[BookingRow, ...]:
    """Return the bookings in the order of their arrival."""
    return tuple(sorted((_booking(row) for row in _read("hotel_bookings")), key=attrgetter("arrival", "row")))


@cache
def reviews() -> tuple[ReviewRow, ...]:
    """Return the reviews, what was good before what was not."""
    return tuple(
        ReviewRow(row["review_id"], float(row["score_10"]), _comment(row["positive_text"], row["negative_text"]))
        for row in _read("hotel_reviews_en")
    )


@cache
def dialogues() -> tuple[tuple[Line, ...], ...]:
    """Return the guest's side of each dialogue; the files take turns, so that any part has all languages."""
    piles = [list(_dialogues(name)) for name in CHATS]
    turns = sorted(
        (place / len(pile), number, place) for number, pile in enumerate(piles) for place in range(len(pile))
    )
    return tuple(piles[number][place] for _, number, place in turns)


def spread(rows: Sequence[T], number: int, count: int) -> T:
    """Return row `number` of `count`: evenly over all the rows when fewer are wanted, round and round when more are."""
    return rows[number * len(rows) // count if count < len(rows) else number % len(rows)]


def _read(name: str) -> list[dict[str, str]]:
    with files("streams.demo").joinpath("data", f"{name}.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def _booking(row: dict[str, str]) -> BookingRow:
    return BookingRow(
        row["source_row"], row["hotel"], int(row["lead_time"]), date.fromisoformat(row["arrival_date"]),
        int(row["nights"]), row["adults"], row["children"], row["country"], row["market_segment"],
        row["reserved_room_type"], row["assigned_room_type"], int(row["booking_changes"]), row["adr"],
        row["reservation_status"], date.fromisoformat(row["reservation_status_date"]),
    )  # fmt: skip


def _comment(good: str, bad: str) -> str:
    return f"{good}. {bad}" if good and bad else good or bad


def _dialogues(name: str) -> list[tuple[Line, ...]]:
    lines = [Line(row["dialogue_id"], int(row["turn"]), row["lang"], row["text"]) for row in _read(name)]
    return [tuple(group) for _, group in groupby(lines, key=attrgetter("dialogue"))]
