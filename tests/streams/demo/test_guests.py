"""The invented guests and what they type."""

from __future__ import annotations

import phonenumbers
import pytest

from streams.demo.dice import cast
from streams.demo.guests import HOME, REGIONS, Guest, guests, of_region, typed
from streams.demo.names import NAMES
from tests.streams.demo import expected

EVERYONE = guests(1_200, 7)
WITH_PHONE = [guest for guest in EVERYONE if guest.phone]


def test_same_seed() -> None:
    """The same seed invents the same guests, and more of them begin with the same ones."""
    assert guests(1_200, 7)[:100] == EVERYONE[:100] == guests(100, 7)


def test_other_seed() -> None:
    """Another seed invents others."""
    assert guests(50, 8) != EVERYONE[:50]


def test_phones_are_valid() -> None:
    """Every number is a valid one of the guest's country, in E.164."""
    for guest in WITH_PHONE:
        number = phonenumbers.parse(guest.phone or "")
        assert phonenumbers.is_valid_number(number)
        assert phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164) == guest.phone
        assert number.country_code == phonenumbers.country_code_for_region(guest.region)


def test_contacts_are_unique() -> None:
    """No two guests share a phone, an address or a chat id."""
    assert len({guest.contact for guest in EVERYONE}) == len(EVERYONE)
    emails = [guest.email for guest in EVERYONE if guest.email]
    assert len(set(emails)) == len(emails)


def test_regions() -> None:
    """The numbers are of all the regions named, more than 30."""
    assert {guest.region for guest in WITH_PHONE} == set(REGIONS)
    assert len(REGIONS) > 30


def test_addresses_are_reserved() -> None:
    """No e-mail address can be anybody's."""
    assert all(guest.email.rpartition("@")[2].startswith("example.") for guest in EVERYONE if guest.email)


def test_kinds() -> None:
    """Most guests have a phone, some only an e-mail address, some only a chat id."""
    kinds = [guest.contact.partition(":")[0] for guest in EVERYONE]
    assert kinds.count("tel") > 1_000
    assert min(kinds.count(kind) for kind in ("mailto", "telegram", "instagram")) > 5


@pytest.mark.parametrize("region", HOME)
def test_typed(region: str) -> None:
    """However a number is typed into a hotel's form, it is read as the guest's."""
    for guest in WITH_PHONE:
        for number in range(5):
            text, country = typed(guest, region, cast(1, "test", number))
            assert expected.phone(text, country or region) == guest.phone


def test_typed_at_home() -> None:
    """A number without country code comes from home, or names its country."""
    for guest in WITH_PHONE:
        for text in guest.at_home:
            assert expected.phone(text, guest.region) == guest.phone
        for text in (*guest.abroad, *guest.on_whatsapp):
            assert expected.phone(text, "PT") == expected.phone(text, "ID") == guest.phone


def test_ways_of_typing() -> None:
    """Trunk zeros, plus, 00, spaces, dashes, brackets, WhatsApp forms, links and other digits all occur."""
    forms = {form for guest in WITH_PHONE for form in (*guest.at_home, *guest.abroad, *guest.on_whatsapp)}
    for mark in ("whatsapp:+", "https://wa.me/", "@s.whatsapp.net", " ", "-", "(", "٠", "०", "０"):  # noqa: RUF001
        assert any(mark in form for form in forms), mark
    for start in ("0", "00", "+", "62812"):
        assert any(form.startswith(start) for form in forms), start


def test_without_phone() -> None:
    """Whoever has no phone cannot type one."""
    with pytest.raises(ValueError, match="no phone"):
        typed(next(guest for guest in EVERYONE if not guest.phone), "PT", cast(1, "test", 1))


def test_names() -> None:
    """Guests go by names of their language."""
    guest: Guest = next(guest for guest in EVERYONE if guest.language == "zh")
    assert guest.first_name in NAMES["zh"][0]
    assert guest.name == f"{guest.first_name} {guest.last_name}"


def test_who_can_book() -> None:
    """Those known by a chat id only do not book."""
    bookers = [guest for crowd in of_region(EVERYONE).values() for guest in crowd]
    assert sorted(bookers) == sorted(guest for guest in EVERYONE if not guest.chat)
