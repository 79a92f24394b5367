"""ISO 8601 durations as text: is it one, and how long is it at most."""

from __future__ import annotations

import re

_DURATION = re.compile(
    r"P(?=[0-9T])(?:(?P<Y>[0-9]{1,9})Y)?(?:(?P<M>[0-9]{1,9})M)?(?:(?P<W>[0-9]{1,9})W)?(?:(?P<D>[0-9]{1,9})D)?"
    r"(?:T(?=[0-9])(?:(?P<h>[0-9]{1,9})H)?(?:(?P<m>[0-9]{1,9})M)?(?:(?P<s>[0-9]{1,9}(?:[.,][0-9]{1,3})?)S)?)?"
)
_DAYS = {"Y": 366.0, "M": 31.0, "W": 7.0, "D": 1.0, "h": 1 / 24, "m": 1 / 1440, "s": 1 / 86_400}
"""The longest that a unit can be: a leap year, a month of 31 days."""


def upper_days(text: str) -> float | None:
    """Give the most days that a duration such as `P3M` can last, None for other text.

    In the order years, months, weeks, days, T, hours, minutes, seconds; only seconds may have decimals, three at most.
    """
    match = _DURATION.fullmatch(text)
    if match is None:
        return None
    return sum(float(number.replace(",", ".")) * _DAYS[unit] for unit, number in match.groupdict(default="0").items())
