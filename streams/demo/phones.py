"""Invented phone numbers, and the many ways in which people type one."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import phonenumbers
from phonenumbers import PhoneNumberFormat, PhoneNumberType

if TYPE_CHECKING:
    import random
    from collections.abc import Iterable

DIGITS = {
    "AE": "٠١٢٣٤٥٦٧٨٩", "EG": "٠١٢٣٤٥٦٧٨٩", "SA": "٠١٢٣٤٥٦٧٨٩", "IN": "०१२३४५६७८९", "TH": "๐๑๒๓๔๕๖๗๘๙",
    "CN": "\uff10\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19",
    "JP": "\uff10\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19",
}  # fmt: skip
"""Regions whose people also type digits of their own script, 0 to 9."""


EXAMPLES = {"ID": "+6281234567890"}
"""Where libphonenumber's own example does not serve."""


def invent(region: str, dice: random.Random, taken: set[str]) -> str:
    """Invent a valid number in E.164 that is not taken yet: the region's example with other subscriber digits."""
    prefix = _example(region)[:-6]
    while True:
        number = f"{prefix}{dice.randrange(1_000_000):06d}"
        if number not in taken and read(number, region) == number:
            return number


def read(text: str, region: str) -> str | None:
    """Return the E.164 of a number as a receiver in the region reads it; None for what is no valid number."""
    for form in (text, f"+{text[2:]}") if text.startswith("00") else (text,):
        try:
            number = phonenumbers.parse(form, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return str(phonenumbers.format_number(number, PhoneNumberFormat.E164))
    return None


def national(number: str, region: str) -> tuple[str, ...]:
    """Tell how people at home type it: trunk zero, spaces, dashes, brackets, the country code without its plus."""
    parsed = phonenumbers.parse(number)
    plain = phonenumbers.format_number(parsed, PhoneNumberFormat.NATIONAL)
    bracketed = re.sub(r"^(\d+)[ -]", r"(\1) ", plain)
    forms = (plain, _digits(plain), re.sub(r"\D+", "-", plain).strip("-"), bracketed, number[1:])
    return _legible(forms, number, (region,))


def international(number: str, region: str, readers: tuple[str, ...]) -> tuple[str, ...]:
    """Tell how people type it for strangers: read as the same number in each of the readers' regions."""
    parsed = phonenumbers.parse(number)
    spaced = str(phonenumbers.format_number(parsed, PhoneNumberFormat.INTERNATIONAL))
    own = number.translate(str.maketrans("0123456789", DIGITS.get(region, "0123456789")))
    forms = (number, spaced, spaced.replace(" ", "-"), f"00{number[1:]}", f"00 {spaced[1:]}", own)
    return _legible(forms, number, readers)


def whatsapp(number: str) -> tuple[str, ...]:
    """Return the forms that WhatsApp and its gateways use; international whatever the reader's region."""
    bare = number[1:]
    return f"whatsapp:{number}", f"https://wa.me/{bare}", f"wa.me/{bare}", f"{bare}@s.whatsapp.net"


def _example(region: str) -> str:
    # the library's example for ID is a rare short one, whose form without the plus is also somebody else's number
    found = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
    if region == "ID" or found is None:
        return EXAMPLES[region]
    return f"+{found.country_code}{found.national_number}"


def _digits(text: str) -> str:
    return re.sub(r"\D", "", text)


def _legible(forms: Iterable[str], number: str, readers: Iterable[str]) -> tuple[str, ...]:
    # what a metadata update no longer reads must not turn the demo's guests into strangers
    return tuple(dict.fromkeys(form for form in forms if all(read(form, region) == number for region in readers)))
