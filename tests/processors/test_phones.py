"""Phones: every form of the contract, every region of the library."""

from __future__ import annotations

import phonenumbers
import pytest
from hypothesis import given
from hypothesis import strategies as st
from phonenumbers import PhoneNumberFormat

from processors import phones
from processors.phones import e164, is_whatsapp_user_id, region_of

MADE = "+6281234567890"
REGIONS = sorted(phonenumbers.SUPPORTED_REGIONS)


def example(region: str) -> phonenumbers.PhoneNumber:
    """Return the library's example of a mobile, or of any kind, that is valid in the region."""
    for kind in (phonenumbers.PhoneNumberType.MOBILE, phonenumbers.PhoneNumberType.FIXED_LINE):
        number = phonenumbers.example_number_for_type(region, kind)
        if number is not None and phonenumbers.is_valid_number(number):
            return number
    raise AssertionError(region)


def library(raw: str, region: str) -> str | None:
    """Read a phone by the library alone."""
    try:
        number = phonenumbers.parse(raw, region)
    except phonenumbers.NumberParseException:
        return None
    valid = phonenumbers.is_valid_number(number)
    return phonenumbers.format_number(number, PhoneNumberFormat.E164) if valid else None


@pytest.mark.parametrize(
    "raw",
    [
        "0812-3456-7890",
        "0812 3456 7890",
        "081234567890",
        "(0812) 3456 7890",
        "+6281234567890",
        "+62 812 3456 7890",
        "6281234567890",
        "0062 812 3456 7890",
        "006281234567890",
        "00 62 81234567890",
        "(0062) 812-3456-7890",
        "+62 (0)812-3456-7890",
        "+62 0812 3456 7890",
        "  0812.3456.7890\n",
        "tel:+62-812-3456-7890",
        "tel:0812-3456-7890;phone-context=+62",
        "WA: 0812-3456-7890",
        "call me at 0812-3456-7890",
        "0812-3456-7890 ext 4",
        "0812-3456-7890 x12",
        "\u202a+62 812\u20113456\u20117890\u202c",
        "+62\u00a0812\u00a03456\u00a07890",
        "\uff0b\uff16\uff12\uff18\uff11\uff12\uff13\uff14\uff15\uff16\uff17\uff18\uff19\uff10",
        "\u0660\u0668\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669\u0660",
        "\u09e6\u09ee\u09e7\u09e8\u09e9\u09ea\u09eb\u09ec\u09ed\u09ee\u09ef\u09e6",
        "\u0660\u0660\u0666\u0662\u0668\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669\u0660",
    ],
)
def test_every_way_to_write_one_number_in_its_region(raw: str) -> None:
    """With region ID every form that people type is one number."""
    assert e164(raw, "ID") == MADE


@pytest.mark.parametrize("region", ["ID", "US", "IT", "JP", None, "ZZ"])
@pytest.mark.parametrize(
    "raw",
    [
        "whatsapp:+6281234567890",
        "whatsapp:6281234567890",
        "whatsapp: +62 812-3456-7890",
        "WhatsApp:+6281234567890",
        "whatsapp:006281234567890",
        "whatsapp:6281234567890@c.us",
        "wa.me/6281234567890",
        "wa.me/+6281234567890",
        "https://wa.me/6281234567890",
        "HTTPS://WA.ME/6281234567890?text=Hi%20there",
        "http://www.wa.me/6281234567890/",
        "https://wa.me/%2B6281234567890#x",
        "https://wa.me/c/6281234567890",
        "chat: https://wa.me/6281234567890 please",
        "https://wa.me/\u0666\u0662\u0668\u0661\u0662\u0663\u0664\u0665\u0666\u0667\u0668\u0669\u0660",
        "https://api.whatsapp.com/send?phone=6281234567890",
        "https://api.whatsapp.com/send/?phone=%2B6281234567890&text&type=phone_number",
        "https://api.whatsapp.com/send?text=0812&phone=+62%20812-3456-7890",
        "whatsapp://send?phone=6281234567890&text=hi",
        "6281234567890@s.whatsapp.net",
        "+6281234567890@s.whatsapp.net",
        "6281234567890:12@s.whatsapp.net",
        "6281234567890.0:3@S.WhatsApp.Net",
        "6281234567890@c.us",
    ],
)
def test_whatsapp_forms_are_international(raw: str, region: str | None) -> None:
    """A WhatsApp form is one number whatever the region."""
    assert e164(raw, region) == MADE


@pytest.mark.parametrize("raw", ["whatsapp:081234567890", "wa.me/081234567890", "081234567890@c.us", "?phone=0812"])
def test_a_national_number_in_a_whatsapp_form_is_none(raw: str) -> None:
    """WhatsApp forms never take the region, so a trunk zero there is no phone."""
    assert e164(raw, "ID") is None


@pytest.mark.parametrize(
    ("raw", "region", "number"),
    [
        ("+44 (0)20 7031 3000", "ID", "+442070313000"),
        ("020 7031 3000", "GB", "+442070313000"),
        ("+49 (0) 30 901820", "US", "+4930901820"),
        ("06 698 12345", "IT", "+390669812345"),  # Italy keeps its zero
        ("0039 06 698 12345", "DE", "+390669812345"),
        ("0039 06 698 12345", "US", "+390669812345"),  # 00 is not what Americans dial: once more with +
        ("0039 06 698 12345", None, "+390669812345"),
        ("011 39 06 698 12345", "US", "+390669812345"),
        ("39 06 698 12345", "IT", "+390669812345"),
        ("1 650 253 0000", "US", "+16502530000"),
        ("(650) 253-0000", "US", "+16502530000"),
        ("1-800-FLOWERS", "US", "+18003569377"),
        ("+1 650 253 0000 ext. 123", "ID", "+16502530000"),
        ("+1 650 253 0000;ext=123", None, "+16502530000"),
        ("8 (912) 345-67-89", "RU", "+79123456789"),
        ("090-1234-5678", "JP", "+819012345678"),
        ("13812345678", "CN", "+8613812345678"),
        ("+800 1234 5678", None, "+80012345678"),
        ("0812-3456-7890", "id", MADE),
        ("020 7031 3000", "UK", "+442070313000"),
    ],
)
def test_other_countries(raw: str, region: str | None, number: str) -> None:
    """Trunk zeros, exit codes, kept zeros, vanity letters and extensions go as the library takes them."""
    assert e164(raw, region) == number


@pytest.mark.parametrize(
    "raw",
    [
        "", " ", "n/a", "-", "0812", "+62 12", "phone", "+", "00", "0000", "+0", "++", "081234567890123456789",
        "+999123456789", "2026-11-01 10:00", "made@example.com", "\x00", "wa.me/", "wa.me/message/ABCDEF", "whatsapp:",
        "?phone=", "whatsapp:US.13491208655302741918", "US.13491208655302741918", "131412345678901@lid",
        "6281234567890-1425368@g.us", "https://wa.me/qr/4XYZ", "\ud800", "1" * 251, "?phone=" + "1" * 300,
    ],
)  # fmt: skip
@pytest.mark.parametrize("region", ["ID", None])
def test_what_is_no_phone(raw: str, region: str | None) -> None:
    """Anything else is None and raises nothing."""
    assert e164(raw, region) is None


@pytest.mark.parametrize(
    "raw",
    [
        "6.28E+11", "6.28e11", "6.28123E+12", "6,28E+11", "6.E+11", "628e10", "6.28123456789e+12", " 6.28E+11 ",
        "'6.28E+11", '"6.28E+11"', '="6.28E+11"', "+6.28123456789E+12", "6.28123456789E+12", "62812345678E2",
        "whatsapp:6.28123456789E+12", "whatsapp:+6.28E+11", "wa.me/6.28123456789e12",
        "\u0666.\u0662\u0668E+\u0661\u0661",
    ],
)  # fmt: skip
def test_scientific_notation_is_no_phone(raw: str) -> None:
    """What a spreadsheet made of a phone has lost digits: it is none, though the library would read some."""
    assert e164(raw, "ID") is None


def test_a_region_s_own_exit_code_comes_before_00() -> None:
    """In Indonesia 009 dials abroad too, and the library comes first."""
    assert e164("00918123456789", "ID") == "+18123456789"
    assert e164("00918123456789", "DE") == "+918123456789"


@pytest.mark.parametrize("region", ["ID", "US"])
def test_a_long_link_is_read_and_endless_text_is_not(region: str) -> None:
    """A link may carry a text; what is longer than any link is None at once, and neither fills the cache."""
    before = phones._remembered.cache_info().currsize
    assert e164("https://wa.me/6281234567890?text=" + "x" * 1000, region) == MADE
    assert e164("https://wa.me/6281234567890?text=" + "x" * 300_000, region) is None
    assert phones._remembered.cache_info().currsize == before


def test_the_cache_is_bounded() -> None:
    """It holds a set number of short texts."""
    assert phones._remembered.cache_info().maxsize == phones.CACHED == 200_000


@pytest.mark.parametrize("region", REGIONS)
def test_every_region_every_form(region: str) -> None:
    """A region's example number is found in all forms: national, international, E.164, 00 and WhatsApp's."""
    number = example(region)
    expected = phonenumbers.format_number(number, PhoneNumberFormat.E164)
    digits = expected[1:]
    national = phonenumbers.format_number(number, PhoneNumberFormat.NATIONAL)
    international = phonenumbers.format_number(number, PhoneNumberFormat.INTERNATIONAL)
    uri = phonenumbers.format_number(number, PhoneNumberFormat.RFC3966)
    assert {raw: e164(raw, region) for raw in (national, international, expected, uri)} == dict.fromkeys(
        (national, international, expected, uri), expected
    )
    other = "ID" if region != "ID" else "US"
    anywhere = (
        *(international, expected, f"whatsapp:{expected}", f"whatsapp:{digits}", f"https://wa.me/{digits}"),
        *(f"https://api.whatsapp.com/send?phone={digits}", f"{digits}@s.whatsapp.net", f"{digits}@c.us"),
    )
    assert {(raw, at): e164(raw, at) for raw in anywhere for at in (region, other, None)} == {
        (raw, at): expected for raw in anywhere for at in (region, other, None)
    }
    assert e164(f"00{digits}", None) == expected


@given(st.text(max_size=80) | st.text("+0123456789 ()-./xe@:", max_size=40), st.sampled_from([None, *REGIONS]))
def test_whatever_comes_the_answer_is_valid_and_stays(raw: str, region: str | None) -> None:
    """No text raises; an answer is a valid number, and reading it again, anywhere, gives itself."""
    number = e164(raw, region)
    if number is not None:
        assert phonenumbers.is_valid_number(phonenumbers.parse(number))
        assert e164(number, None) == e164(f"whatsapp:{number}", region) == number


@given(st.from_regex(r"\+?[0-9]{5,15}", fullmatch=True), st.sampled_from(REGIONS))
def test_plain_digits_are_the_library_s(raw: str, region: str) -> None:
    """Where no form of ours applies, the library in the region decides, then once more 00 as +."""
    expected = library(raw, region)
    if expected is not None:
        assert e164(raw, region) == expected
    elif raw.startswith("00"):
        assert e164(raw, region) == e164(f"+{raw[2:]}", region)
    else:
        assert e164(raw, region) is None


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("US.13491208655302741918", True),
        ("ID.abcDEF123", True),
        ("US.ENT.11815799212886844830", True),
        ("131412345678901@lid", True),
        ("us.13491208655302741918", False),
        ("US.", False),
        ("US.12-34", False),
        ("USA.123", False),
        ("6281234567890", False),
        ("US.123\n", False),
        ("", False),
    ],
)
def test_whatsapp_user_ids(text: str, answer: bool) -> None:  # noqa: FBT001 - a table's column
    """WhatsApp's own ids are a country's two capitals, a point and letters or digits, or a number at lid."""
    assert is_whatsapp_user_id(text) is answer


@pytest.mark.parametrize(
    ("country", "region"),
    [("ID", "ID"), (" id ", "ID"), ("UK", "GB"), ("XX", None), ("", None), (None, None), ("Bali", None)],
)
def test_a_country_hint_means_a_region_or_nothing(country: str | None, region: str | None) -> None:
    """Case and spaces do not matter, UK is GB, and other text leaves the choice to the property."""
    assert region_of(country) == region


@pytest.mark.parametrize("raw", [
    "6281234005555.0", "6281234005555.00", "6281234005555,0", "+6281234005555.0", "81234005555.0", "081234005555,00",
    '"6281234005555.0"', "='6281234005555.0", " 6281234005555.000 ", "6,281,234,005,555.00", "6.281.234.005.555,0",
    "whatsapp:6281234005555.0", "wa.me/6281234005555.0",
    "\u0666\u0662\u0668\u0661\u0662\u0663\u0664\u0660\u0660\u0665\u0665\u0665\u0665.0",
])  # fmt: skip
def test_a_spreadsheets_zero_fraction_is_dropped(raw: str) -> None:
    """However many zeros, behind a point or a comma, with separators of thousands, in every form."""
    assert e164(raw, "ID") == "+6281234005555"


@pytest.mark.parametrize("raw", [
    "6281234005555.5", "6281234005555,25", "81234005556.01", "+6281234005555.001", "whatsapp:6281234005555.5",
    "6,281,234,005,555.50", "0812340.5", "62812340055550.1",
])  # fmt: skip
def test_any_other_fraction_is_no_phone(raw: str) -> None:
    """A number that was calculated with is nobody's."""
    assert e164(raw, "ID") is None


@pytest.mark.parametrize("raw", ["0812.3456.7890", "0812.34567890", "0812345.67890", "0812-3456.7890"])
def test_points_between_groups_are_no_fraction(raw: str) -> None:
    """People write phones with points, too."""
    assert e164(raw, "ID") == MADE
