"""ISO 8601 durations as text: is it one, and how long is it at most."""

from __future__ import annotations

import re
from functools import lru_cache

_DURATION = re.compile(
    r"P(?=[0-9T])(?:(?P<Y>[0-9]{1,9})Y)?(?:(?P<M>[0-9]{1,9})M)?(?:(?P<W>[0-9]{1,9})W)?(?:(?P<D>[0-9]{1,9})D)?"
    r"(?:T(?=[0-9])(?:(?P<h>[0-9]{1,9})H)?(?:(?P<m>[0-9]{1,9})M)?(?:(?P<s>[0-9]{1,9}(?:[.,][0-9]{1,3})?)S)?)?"
)
_DAYS = {"W": 7.0, "D": 1.0, "h": 1 / 24, "m": 1 / 1440, "s": 1 / 86_400}
_MONTHS = {"Y": 12, "M": 1}
_CYCLE = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31] * 3 + [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
"""The days of the months of four years, one of them a leap year."""


@lru_cache(1024)
def upper_days(text: str) -> float | None:
    """Give the most days that a duration such as `P3M` can last, None for other text.

    In the order years, months, weeks, days, T, hours, minutes, seconds; only seconds may have decimals, three at most.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        return None
    told = {unit: float(number.replace(",", ".")) for unit, number in match.groupdict(default="0").items()}
    months = sum(int(told[unit]) * each for unit, each in _MONTHS.items())
    return _longest(months) + sum(told[unit] * days for unit, days in _DAYS.items())


@lru_cache(1_024)
def _longest(months: int) -> int:
    """Return the most days that so many months in a row have."""
    cycles, rest = divmod(months, len(_CYCLE))
    twice = _CYCLE * 2
    return cycles * sum(_CYCLE) + max(sum(twice[start : start + rest]) for start in range(len(_CYCLE)))
