"""Phones as people and gateways write them, read into E.164."""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from urllib.parse import unquote

from phonenumbers import (
    SUPPORTED_REGIONS,
    NumberParseException,
    PhoneNumberFormat,
    format_number,
    is_valid_number,
    parse,
)

from processors.mobiles import mobile

CACHED = 200_000  # numbers; some 50 MB when full. A hit costs 0.1 µs, a mobile 3, what the library reads 30
LONGEST = 2_048  # a ?phone= link may carry a text; nothing longer is worth looking at
_LONGEST_CACHED = 64  # so that the cache is bounded in bytes too
_LONGEST_NUMBER = 250  # the library's own limit

_WHATSAPP = re.compile(
    r"""[?&]phone=([^&\#\s]*)                                                   # https://api.whatsapp.com/send?phone=62…
      | (?<![\w-])wa\.me/(?:c/)?([^/?\#&\s]*)                                   # https://wa.me/62…
      | ^\s*(?:whatsapp:)?\s*\+?(\d+)(?:[.:_]\d+)*@(?:s\.whatsapp\.net|c\.us)\s*$   # 62…:12@s.whatsapp.net
      | ^\s*whatsapp:(?!//)(.*)$                                                # whatsapp:+62…
    """,
    re.IGNORECASE | re.VERBOSE | re.DOTALL | re.ASCII,
)
_USER_ID = re.compile(r"[A-Z]{2}\.(?:ENT\.)?[A-Za-z0-9]{1,128}|[0-9]{1,32}@lid", re.ASCII)
_SCIENTIFIC = re.compile(r"""[\s"'=]*[+-]?\d+(?:[.,]\d*)?e[+-]?\d+[\s"']*""", re.IGNORECASE | re.ASCII)
_DECIMAL = re.compile(
    r"""[\s"'=]*(\+?(?:\d{9,} | \d{7,8}(?=[.,]\d{1,2}\b) | \d{1,3}(?:,\d{3}){2,}(?=\.) | \d{1,3}(?:\.\d{3}){2,}(?=,)))
        [.,](\d+)[\s"']*""",
    re.VERBOSE | re.ASCII,
)  # 6281234005555.0 or 6,281,234,005,555.00, but not 0812.34567890
_RENUMBERED = (
    (re.compile(r"521(\d{10})"), r"+52\1"),  # Mexico dials mobiles without the 1 since 2019
    (re.compile(r"55(\d\d)([6-9]\d{7})"), r"+55\g<1>9\2"),  # Brazil's mobiles got a ninth digit until 2016
)
"""Numbers under which WhatsApp still knows accounts of old, and what they are now."""
_DOUBLE_ZERO = re.compile(r"[^\w+]*0[^\w+]?0")


def e164(raw: str, region: str | None) -> str | None:
    """Read a phone in an ISO 3166 region (None: international forms only) into `+6281234567890`, or None."""
    if len(raw) <= _LONGEST_CACHED:
        return _remembered(raw, region)
    return _read(raw, region) if len(raw) <= LONGEST else None


def is_whatsapp_user_id(text: str) -> bool:
    """Tell WhatsApp's own ids (`US.1349…`, `US.ENT.1349…`, `…@lid`), which hide the phone, from phones."""
    return _USER_ID.fullmatch(text) is not None


@lru_cache(1_024)
def region_of(country: str | None) -> str | None:
    """Give the region that a country hint means (`id`, `ID`, `UK`), None if it means none: then ask the property."""
    code = (country or "").strip().upper()
    code = "GB" if code == "UK" else code
    return code if code in SUPPORTED_REGIONS else None


def _read(raw: str, region: str | None) -> str | None:
    text = _undecimal(_ascii_digits(raw.strip()))
    number = mobile(text, region)
    if number is not None:
        return number
    whatsapp = _WHATSAPP.search(text)
    if whatsapp is not None:
        return _international(next(filter(None, whatsapp.groups()), ""))
    if _SCIENTIFIC.fullmatch(text):
        return None
    return _valid(text, region_of(region)) or _from_double_zero(text)


def _international(text: str) -> str | None:
    """Read what a WhatsApp form holds, whatever the region: its digits begin with the country."""
    number = _undecimal(unquote(text).strip().lstrip("+\N{FULLWIDTH PLUS SIGN} "))
    if _SCIENTIFIC.fullmatch(number):
        return None
    known = mobile(f"+{number}", None) or _valid(f"+{number}", None) or _renumbered(number)
    return known or _from_double_zero(number)


def _renumbered(number: str) -> str | None:
    """Read a number that WhatsApp keeps in the form that it had before its country's numbers changed."""
    digits = re.sub(r"[ ().-]", "", number)
    for former, now in _RENUMBERED:
        if former.fullmatch(digits):
            return _valid(former.sub(now, digits), None)
    return None


def _undecimal(text: str) -> str:
    """Drop the fraction that a spreadsheet has put behind a number; "" if it is not zero, for then it is no phone."""
    decimal = _DECIMAL.fullmatch(text) if "." in text or "," in text else None
    if decimal is None:
        return text
    return "" if decimal[2].strip("0") else re.sub("[.,]", "", decimal[1])


def _from_double_zero(text: str) -> str | None:
    zeros = _DOUBLE_ZERO.match(text)
    return _valid(f"+{text[zeros.end() :]}", None) if zeros else None


def _valid(text: str, region: str | None) -> str | None:
    if len(text) > _LONGEST_NUMBER:
        return None
    try:
        number = parse(text, region)
    except NumberParseException:
        return None
    return format_number(number, PhoneNumberFormat.E164) if is_valid_number(number) else None


def _ascii_digits(text: str) -> str:
    """Write the digits of every script as 0 to 9, so that what follows knows one kind."""
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in text)


_remembered = lru_cache(CACHED)(_read)
