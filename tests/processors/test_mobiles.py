"""Mobiles in plain digits: the short way never differs from the library."""

from __future__ import annotations

from typing import TYPE_CHECKING

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat, PhoneNumberType

from processors.mobiles import mobile, plan_of

if TYPE_CHECKING:
    from collections.abc import Iterator

REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)
PLANNED = [region for region in REGIONS if plan_of(region) is not None]
KINDS = (PhoneNumberType.MOBILE, PhoneNumberType.FIXED_LINE, PhoneNumberType.TOLL_FREE, PhoneNumberType.PREMIUM_RATE)


def library(text: str, region: str | None) -> str | None:
    """Read a phone by the library alone."""
    try:
        number = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    valid = phonenumbers.is_valid_number(number)
    return phonenumbers.format_number(number, PhoneNumberFormat.E164) if valid else None


def forms(number: phonenumbers.PhoneNumber) -> Iterator[str]:
    """Write a number in the ways that plain digits allow, and in some that are wrong."""
    code, national = str(number.country_code), phonenumbers.national_significant_number(number)
    yield from (
        f"+{code}{national}",
        f"{code}{national}",
        national,
        f"0{national}",
        f"8{national}",
        f"00{code}{national}",
    )
    yield from (
        f"+{code}0{national}",
        f"{code}0{national}",
        f"{code}{code}{national}",
        f"00{national}",
        f"011{code}{national}",
    )
    yield from (f"+{code} ({national[:3]}) {national[3:]}", f"{national[:3]}-{national[3:]}", f"+{code}{national}1")


@pytest.mark.parametrize("region", REGIONS)
def test_every_region_s_examples(region: str) -> None:
    """At home and abroad, with one digit more, less or changed: the library's answer or none."""
    examples = [phonenumbers.example_number_for_type(region, kind) for kind in KINDS]
    texts = [text for number in examples if number for text in forms(number)]
    texts += [text[:at] + "7" + text[at + 1 :] for text in texts for at in (2, 4, len(text) - 1)]
    texts += [text[:-1] for text in texts]
    answers = {(text, at): mobile(text, at) for text in texts for at in (region, "ID", "DE", None)}
    read = {key: number for key, number in answers.items() if number is not None}
    assert read == {(text, at): library(text, at) for text, at in read}


@pytest.mark.parametrize("region", PLANNED)
def test_a_planned_region_s_mobiles_need_no_library(region: str) -> None:
    """The example in E.164 is read; if it were not, nothing would be faster."""
    number = phonenumbers.example_number_for_type(region, PhoneNumberType.MOBILE)
    assert number is not None
    text = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    certain = phonenumbers.national_significant_number(number)[0] != "0" and not starts_like_trunk(region, number)
    assert mobile(text, None) == (text if certain else None)


def starts_like_trunk(region: str, number: phonenumbers.PhoneNumber) -> bool:
    """Tell numbers that begin with what may be dialled before a national one: only the library can say."""
    plan = plan_of(region)
    return plan is not None and plan.trunk.match(phonenumbers.national_significant_number(number)) is not None


@pytest.mark.parametrize(
    "text",
    [
        "+6281234567890",
        "6281234567890",
        "081234567890",
        "81234567890",
        "0812-3456-7890",
        "(0812) 3456.7890",
        "+62 812 3456 7890",
    ],
)
def test_the_forms_that_are_read(text: str) -> None:
    """In the region ID."""
    assert mobile(text, "ID") == "+6281234567890"


@pytest.mark.parametrize(
    ("text", "region"),
    [
        ("", "ID"),
        ("0812x", "ID"),
        ("whatsapp:+6281234567890", "ID"),
        ("++6281234567890", "ID"),
        ("081234567890", None),
        ("081234567890", "XX"),
        ("0081234567890", "ID"),
        ("02112345678", "ID"),  # a landline
        ("+16502530000", "US"),  # a shared code
        ("+999123456789", None),
        ("+0", None),
        ("+", None),
        ("+62", None),
        ("+62081234567890", None),
        ("5491123456789", "AR"),  # rewritten numbers
    ],
)
def test_what_is_left_to_the_library(text: str, region: str | None) -> None:
    """What is not certain from three patterns is not read here."""
    assert mobile(text, region) is None


@given(st.from_regex(r"\+?[0-9]{4,15}", fullmatch=True), st.sampled_from([None, *REGIONS]))
def test_any_digits(text: str, region: str | None) -> None:
    """The library's answer or none."""
    assert mobile(text, region) in (None, library(text, region))


@given(
    st.from_regex(r"\+?(62|65|81|49|55|91)?0?[0-9]{7,12}", fullmatch=True),
    st.sampled_from(["ID", "SG", "JP", "DE", "BR", "IN"]),
)
def test_digits_that_are_nearly_numbers(text: str, region: str) -> None:
    """The library's answer or none, close to where answers are."""
    assert mobile(text, region) in (None, library(text, region))
