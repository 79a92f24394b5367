"""What the fields of a rule may hold: each check takes a path and a JSON value, and gives the value or raises."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from typing import Any, cast

from schemas.durations import upper_days

MAX_PHRASES = 1_000
MAX_PHRASE = 200
MAX_TEXT = 255
MAX_COUNT = 1_000_000_000
SAFE = 10**18
MAX_DAYS = 36_500.0
"""A window of a hundred years of 365 days: beyond it the arithmetic of calendars ends."""

Check = Callable[[str, Any], Any]

_CURRENCY = re.compile(r"[A-Za-z]{3}")
_GROUP = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")


class RuleError(ValueError):
    """Where a rule is wrong, and what is allowed there; never what stood there."""

    def __init__(self, path: str, message: str) -> None:
        super().__init__(f"{path}: {message}")
        self.path = path
        self.message = message


def is_word(text: str) -> bool:
    """Whether anything is left of a text once spaces, signs and punctuation are gone."""
    return any(unicodedata.category(sign)[0] in "LMN" for sign in unicodedata.normalize("NFKC", text))


def exact(text: str) -> Decimal | None:
    """Read the number that a text writes, None if it is none or one that sums could not hold exactly."""
    try:
        number = Decimal(text)
    except InvalidOperation:
        return None
    return number if sane(number) else None


def sane(number: Decimal) -> bool:
    """Finite, below 10^18 and with 9 decimals at most: sums stay exact, and writing it out stays short."""
    if not number.is_finite():
        return False
    exponent = number.as_tuple().exponent
    return isinstance(exponent, int) and exponent >= -9 and number.adjusted() < 18


def one_of(*allowed: str) -> Check:
    """Take one of some words."""
    words = ", ".join(allowed)

    def check(path: str, value: Any) -> str:
        if not isinstance(value, str) or value not in allowed:
            raise RuleError(path, f"must be one of {words}")
        return value

    return check


def some_of(*allowed: str) -> Check:
    """Take a list of one or more of some words."""
    return listed(one_of(*allowed), at_least=1)


def listed(item: Check, *, at_least: int = 0) -> Check:
    """Take a list whose items pass a check."""

    def check(path: str, value: Any) -> tuple[Any, ...]:
        items = cast("list[Any]", value) if isinstance(value, list | tuple) else None
        if items is None or not at_least <= len(items) <= MAX_PHRASES:
            raise RuleError(path, f"must be a list of {at_least} to {MAX_PHRASES} items")
        return tuple(item(f"{path}[{index}]", one) for index, one in enumerate(items))

    return check


def phrase(path: str, value: Any) -> str:
    """Take text of at most 200 characters that a guest could write."""
    if not isinstance(value, str) or len(value) > MAX_PHRASE or not is_word(value):
        raise RuleError(path, f"must be text of 1 to {MAX_PHRASE} characters with a letter or a digit in it")
    return value


def text(path: str, value: Any) -> str:
    """Take text that is not blank."""
    if not isinstance(value, str) or not value.strip() or len(value) > MAX_TEXT:
        raise RuleError(path, f"must be text of 1 to {MAX_TEXT} characters")
    return value


def group(path: str, value: Any) -> str:
    """Take the id of a group."""
    if not isinstance(value, str) or not _GROUP.fullmatch(value):
        raise RuleError(path, "must be the id of a group: a-z, 0-9, then also . _ -, 63 characters at most")
    return value


def currency(path: str, value: Any) -> str:
    """Take a currency, and write it in upper case."""
    if not isinstance(value, str) or not _CURRENCY.fullmatch(value):
        raise RuleError(path, "must be three letters such as IDR")
    return value.upper()


def flag(path: str, value: Any) -> bool:
    """Take true or false."""
    if not isinstance(value, bool):
        raise RuleError(path, "must be true or false")
    return value


def stars(path: str, value: Any) -> float:
    """Take 1 to 5 in halves."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= 5 or value * 2 % 1:
        raise RuleError(path, "must be a number from 1 to 5 in steps of 0.5")
    return float(value)


def count(path: str, value: Any) -> int:
    """Take a whole number, at least 1."""
    whole = int(value) if isinstance(value, float) and value.is_integer() else value
    if isinstance(whole, bool) or not isinstance(whole, int) or not 1 <= whole <= MAX_COUNT:
        raise RuleError(path, f"must be a whole number from 1 to {MAX_COUNT}")
    return whole


def number(path: str, value: Any) -> Decimal:
    """Take a decimal, as a number or as a string."""
    writable = isinstance(value, str | float) or (isinstance(value, int) and abs(value) < SAFE)
    found = exact(str(value)) if writable and not isinstance(value, bool) else None
    if found is None:
        raise RuleError(path, "must be a number or a decimal string, below 10^18 and with 9 decimals at most")
    return found


def plain_number(path: str, value: Any) -> int | float:
    """Take a number without a fixed scale, such as a count."""
    found = number(path, value)
    return int(found) if found == found.to_integral_value() else float(found)


def spent(path: str, value: Any) -> Decimal:
    """Take an amount of money, at least 0."""
    amount = number(path, value)
    if amount < 0:
        raise RuleError(path, "must be at least 0")
    return amount


def scalar(path: str, value: Any) -> str | int | float | bool:
    """Take text, a number, true or false."""
    if isinstance(value, str):
        return text(path, value)
    if not isinstance(value, int | float) or not abs(value) < SAFE:
        raise RuleError(path, "must be text, a number below 10^18, true or false")
    return value


def within(path: str, value: Any) -> str:
    """Take a duration above nothing."""
    days = upper_days(value) if isinstance(value, str) else None
    if days is None or not 0 < days <= MAX_DAYS:
        raise RuleError(path, "must be an ISO 8601 duration such as P3M, P14D or PT12H, above nothing and P99Y at most")
    return str(value)
