"""Contact ids: which id leads, which are linked, who can be reached."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.identity import (
    LONGEST_ID,
    Identity,
    booking_contact,
    canonical,
    channel_of,
    identify_guest,
    identify_message,
    identify_profile,
    is_reachable,
    is_relay,
    mail_of,
    meant,
)
from schemas.events import Guest

MADE = "+6281234567890"
TEL = f"tel:{MADE}"
USER = "US.13491208655302741918"
NOBODY = Identity(None, reachable=False)


@pytest.mark.parametrize("channel", ["whatsapp", "sms", "WhatsApp", " SMS "])
@pytest.mark.parametrize("from_", ["6281234567890", "0812-3456-7890", "whatsapp:+6281234567890"])
def test_on_whatsapp_and_sms_from_is_a_phone(channel: str, from_: str) -> None:
    """The phone's id is the contact's."""
    assert identify_message(channel, from_, None, None, "ID") == Identity(TEL, MADE)


@pytest.mark.parametrize("region", ["ID", "US", "IT", None])
def test_a_foreign_guest_on_whatsapp(region: str | None) -> None:
    """Gateways give bare international digits: what is none in the region is read so once more, in no other field."""
    assert identify_message("whatsapp", "4915112345678", None, None, region) == Identity(
        "tel:+4915112345678", "+4915112345678"
    )
    assert identify_message("sms", "4915112345678", None, None, region).contact == "tel:+4915112345678"
    assert identify_guest(Guest(phone="4915112345678"), region).phone_invalid


@pytest.mark.parametrize("from_", [USER, f"whatsapp:{USER}", f" {USER} "])
def test_on_whatsapp_from_may_be_a_user_id(from_: str) -> None:
    """It is a chat id of its own, so the guest is reachable, and no phone was wrong."""
    assert identify_message("whatsapp", from_, None, None, "ID") == Identity(f"whatsapp:{USER}")


def test_a_user_id_is_no_sender_of_an_sms() -> None:
    """Only WhatsApp has user ids."""
    assert identify_message("sms", USER, USER, None, "ID") == Identity(None, reachable=False, phone_invalid=True)


def test_a_user_id_beside_a_phone_is_linked() -> None:
    """The phone leads."""
    found = identify_message("whatsapp", "6281234567890", USER, None, "ID")
    assert found == Identity(TEL, MADE, links=(f"whatsapp:{USER}",))


def test_the_same_user_id_twice_is_one_id() -> None:
    """What `from` and `user_id` both say is said once."""
    assert identify_message("whatsapp", USER, USER, None, "ID") == Identity(f"whatsapp:{USER}")


def test_a_user_id_serves_where_the_phone_is_left_blank() -> None:
    """Gateways leave `from` blank where the guest hides the phone: none was given, so none is wrong."""
    assert identify_message("whatsapp", "", USER, None, "ID") == Identity(f"whatsapp:{USER}")


@pytest.mark.parametrize("user_id", ["", "made.wirawan", "not an id"])
def test_a_user_id_that_is_none_is_left_out(user_id: str) -> None:
    """It is no phone that went wrong either."""
    assert identify_message("whatsapp", "6281234567890", user_id, None, "ID") == Identity(TEL, MADE)


@pytest.mark.parametrize("from_", ["", "0812", "n/a", "6.28E+11"])
@pytest.mark.parametrize("channel", ["whatsapp", "sms"])
def test_a_sender_that_is_no_phone_is_said_to_be_none(channel: str, from_: str) -> None:
    """Nothing names the guest, or the e-mail beside it serves; both times `phone_invalid` tells."""
    assert identify_message(channel, from_, None, None, "ID") == Identity(None, reachable=False, phone_invalid=True)
    found = identify_message(channel, from_, None, "Made@Example.com", "ID")
    assert found == Identity("mailto:made@example.com", email="made@example.com", phone_invalid=True)


@pytest.mark.parametrize(
    ("channel", "contact"),
    [
        ("telegram", "telegram:Made/77"),
        ("instagram", "instagram:Made/77"),
        ("facebook", "facebook:Made/77"),
        ("live_chat", "live_chat:Made/77"),
        ("Live Chat", "live_chat:Made/77"),
        ("live-chat", "live_chat:Made/77"),
        ("booking.com", "booking.com:Made/77"),
        ("LINE", "line:Made/77"),
        ("微信", "微信:Made/77"),
        ("tel", "tel_chat:Made/77"),
        ("mailto", "mailto_chat:Made/77"),
        ("booking", "booking_chat:Made/77"),
        ("a:b", "a_b:Made/77"),
        ("!!", "chat:Made/77"),
    ],
)
def test_elsewhere_from_is_the_channel_s_own_id(channel: str, contact: str) -> None:
    """It stands as it is behind the channel's name, which never holds a colon nor passes for tel, mailto or booking."""
    assert identify_message(channel, " Made/77 ", None, None, "ID") == Identity(contact)
    assert identify_message(channel, None, "Made/77", None, "ID") == Identity(contact)


@pytest.mark.parametrize("from_", [None, "", " ", "a\x00b", "a\nb", "x" * 513])
def test_a_chat_id_that_cannot_be_one_names_nobody(from_: str | None) -> None:
    """Blank, endless or with control characters: nothing else being there, there is no contact."""
    assert identify_message("telegram", from_, None, None, "ID") == NOBODY


def test_an_email_leads_a_chat_id() -> None:
    """An event that names two ids links them."""
    found = identify_message("telegram", "77", None, "made@example.com", "ID")
    assert found == Identity("mailto:made@example.com", email="made@example.com", links=("telegram:77",))


@pytest.mark.parametrize("channel", ["email", "E-Mail", "e_mail"])
def test_on_email_from_is_an_address(channel: str) -> None:
    """Another address beside it is linked."""
    assert identify_message(channel, " Made@Example.com", None, None, "ID") == Identity(
        "mailto:made@example.com", email="made@example.com"
    )
    assert identify_message(channel, "a@example.com", None, "b@example.com", "ID") == Identity(
        "mailto:a@example.com", email="a@example.com", links=("mailto:b@example.com",)
    )
    assert identify_message(channel, "nobody", None, None, "ID") == NOBODY


def test_a_guest_s_ids_in_their_order() -> None:
    """Phone, e-mail, whatsapp, telegram, instagram, facebook, live_chat: the first leads, the others are linked."""
    everything = {
        "phone": "0812-3456-7890",
        "email": "Made@Example.com",
        "whatsapp": USER,
        "telegram": "1",
        "instagram": "2",
        "facebook": "3",
        "live_chat": "4",
    }
    ids = [
        *(TEL, "mailto:made@example.com", f"whatsapp:{USER}"),
        *("telegram:1", "instagram:2", "facebook:3", "live_chat:4"),
    ]
    for at in range(len(ids)):
        found = identify_guest(Guest(**dict(list(everything.items())[at:])), "ID", "booking:b:1")
        assert (found.contact, found.links, found.reachable) == (ids[at], tuple(ids[at + 1 :]), True)


@pytest.mark.parametrize("phone", [None, "", "  "])
def test_a_guest_whom_nothing_names_has_the_booking_s_id(phone: str | None) -> None:
    """It cannot be reached; a blank phone is no wrong phone."""
    found = identify_guest(Guest(phone=phone, name="Made"), "ID", "booking:b:1")
    assert found == Identity("booking:b:1", reachable=False)
    assert identify_guest(Guest(phone=phone), "ID") == NOBODY


def test_a_guest_s_wrong_phone_tells_and_the_next_id_serves() -> None:
    """Also where another phone is right."""
    assert identify_guest(Guest(phone="0812", telegram="1"), "ID") == Identity("telegram:1", phone_invalid=True)
    assert identify_guest(Guest(phone="0812"), "ID", "booking:b:1") == Identity(
        "booking:b:1", reachable=False, phone_invalid=True
    )
    assert identify_guest(Guest(phone="0812", whatsapp="6281234567890"), "ID") == Identity(
        TEL, MADE, phone_invalid=True
    )


def test_whatsapp_s_phone_is_a_phone() -> None:
    """It leads where no other phone is; another one is linked; the same one is not."""
    assert identify_guest(Guest(whatsapp="6281234567890"), "US") == Identity(TEL, MADE)
    assert identify_guest(Guest(phone="0812-3456-7890", whatsapp="6281234567890"), "ID") == Identity(TEL, MADE)
    assert identify_guest(Guest(phone="0812-3456-7890", whatsapp="6281234567891"), "ID") == Identity(
        TEL, MADE, links=("tel:+6281234567891",)
    )


RELAYS = [
    "mwira.123456@guest.booking.com",
    "1234-abcd@property.booking.com",
    "a@guest.agoda.com",
    "a@agoda-messaging.com",
    "a@m.expediapartnercentral.com",
    "a@expediapartnercentral.com",
    "abc123@guest.airbnb.com",
    "a@messages.homeaway.com",
    "a@x.y.rakuten.co.jp",
]


@pytest.mark.parametrize("relay", RELAYS)
def test_a_relay_never_links_and_is_never_reachable(relay: str) -> None:
    """It names the guest only where nothing else does, before the booking's id."""
    assert is_relay(relay)
    assert identify_guest(Guest(email=relay.upper(), phone="0812-3456-7890"), "ID") == Identity(TEL, MADE)
    assert identify_guest(Guest(email=relay, telegram="1"), "ID") == Identity("telegram:1")
    assert identify_guest(Guest(email=relay), "ID", "booking:b:1") == Identity(f"mailto:{relay}", reachable=False)
    assert identify_message("email", relay, None, "made@example.com", None) == Identity(
        "mailto:made@example.com", email="made@example.com"
    )


@pytest.mark.parametrize(
    "mail", ["a@booking.com", "a@example.com", "a@notbooking.com", "a@guest.booking.com.example.org"]
)
def test_people_s_own_addresses_are_no_relays(mail: str) -> None:
    """Not even of those who work at a booking site."""
    assert not is_relay(mail)


@pytest.mark.parametrize(
    ("text", "mail"),
    [
        (" Made@Example.COM ", "made@example.com"),
        ("mailto:made@example.com", "made@example.com"),
        ("made+bali@mail.example.co.id", "made+bali@mail.example.co.id"),
        ("o'neil@example.com", "o'neil@example.com"),
        ("josé@exämple.de", "josé@exämple.de"),
        ("Made Wirawan <Made@example.com>", "made@example.com"),
        ('"Wirawan, M." < made@example.com > ', "made@example.com"),
        ("made@xn--exmple-cua.xn--p1ai", "made@xn--exmple-cua.xn--p1ai"),
        *(
            (text, None)
            for text in ("", "made", "made@", "@example.com", "made@example", "a b@example.com", "a@b@c.de")
        ),
        *(
            (text, None)
            for text in ("made@-a.com", "made@a-.com", "made@a..com", "made@1.2.3.4", "Made <m>", "a@b.de, C <c@d.de>")
        ),
        *(
            (text, None)
            for text in ("a@example.com,b@example.com", "a@example.c", "a" * 65 + "@example.com", "a\n@b.de")
        ),
        ("a@" + "b" * 250 + ".com", None),
        (None, None),
    ],
)
def test_what_an_email_is(text: str | None, mail: str | None) -> None:
    """Trimmed, in lower case and without a name before it; a local part, one @ and a domain name."""
    assert mail_of(text) == mail


def test_a_profile_has_a_phone_and_an_email() -> None:
    """As a command or an import's row gives them."""
    assert identify_profile("0812-3456-7890", "made@example.com", "ID") == Identity(
        TEL, MADE, "made@example.com", ("mailto:made@example.com",)
    )
    assert identify_profile(" ", None, "ID") == NOBODY
    assert identify_profile("0812", None, "ID") == Identity(None, reachable=False, phone_invalid=True)


def test_a_booking_s_id_always_fits() -> None:
    """What would be longer than a contact id may be is hashed, and two of them do not meet."""
    assert booking_contact("booking.com", "bk/1") == "booking:booking.com:bk/1"
    long = [booking_contact("s" * 1024, "b" * 1023 + end) for end in "12"]
    assert max(map(len, long)) <= LONGEST_ID
    assert len(set(long)) == 2


@pytest.mark.parametrize(
    ("contact", "answer"),
    [
        (TEL, TEL),
        ("tel:6281234567890", TEL),
        ("tel:+62 812-3456-7890", TEL),
        ("tel:0812", None),
        ("whatsapp:6281234567890", TEL),
        (f"whatsapp:{USER}", f"whatsapp:{USER}"),
        ("whatsapp:x", None),
        ("mailto:Made@Example.com", "mailto:made@example.com"),
        ("mailto:made", None),
        ("telegram:Made/7 7", "telegram:Made/7 7"),
        ("booking:booking.com:bk-1", "booking:booking.com:bk-1"),
        ("Telegram:7", None),
        ("telegram:", None),
        ("telegram:a\x00", None),
        (":7", None),
        ("made", None),
        ("", None),
    ],
)
def test_an_id_that_somebody_wrote(contact: str, answer: str | None) -> None:
    """It is brought into the pipeline's form, or is none."""
    assert canonical(contact) == answer


@pytest.mark.parametrize(
    ("contact", "answer"),
    [
        *((TEL, True), ("mailto:a@example.com", True), ("telegram:1", True), ("telegram:a@x.booking.com", True)),
        *(("booking:b:1", False), ("mailto:a@guest.booking.com", False)),
    ],
)
def test_which_ids_are_addresses(contact: str, answer: bool) -> None:  # noqa: FBT001 - a table's column
    """A booking's id and a relay are none."""
    assert is_reachable(contact) is answer


texts = (
    st.none()
    | st.text(max_size=20)
    | st.sampled_from(["0812-3456-7890", "6281234567890", USER, "a@example.com", *RELAYS])
)


@given(st.text(max_size=10) | st.sampled_from(["whatsapp", "sms", "email", "telegram"]), texts, texts, texts)
def test_laws_of_every_identity(channel: str, from_: str | None, user_id: str | None, email: str | None) -> None:
    """Links differ from the contact and each other, all are canonical, and who is reachable has a contact that is."""
    found = identify_message(channel, from_, user_id, email, "ID")
    ids = [i for i in (found.contact, *found.links) if i]
    assert len({*ids}) == len(ids)
    assert [canonical(i) for i in ids] == ids
    assert found.reachable == bool(found.contact and is_reachable(found.contact))
    assert not any(link.startswith("mailto:") and is_relay(link) for link in found.links)
    assert (found.phone is not None) == (found.contact or "").startswith("tel:")
    assert identify_message(channel_of(channel), from_, user_id, email, "ID") == found


MEXICAN, BRAZILIAN = "+525512345678", "+5531988887766"


@pytest.mark.parametrize("region", ["ID", "MX", "BR", "US", None])
@pytest.mark.parametrize("channel", ["whatsapp", "sms"])
@pytest.mark.parametrize(
    ("from_", "phone"),
    [
        ("5215512345678", MEXICAN), ("+5215512345678", MEXICAN), ("whatsapp:+5215512345678", MEXICAN),
        ("+52 1 55 1234 5678", MEXICAN), ("5215512345678@s.whatsapp.net", MEXICAN), ("525512345678", MEXICAN),
        ("553188887766", BRAZILIAN), ("+553188887766", BRAZILIAN), ("553188887766@c.us", BRAZILIAN),
        ("5531988887766", BRAZILIAN), ("551133334444", "+551133334444"), ("5493512345678", "+5493512345678"),
    ],
)  # fmt: skip
def test_numbers_in_their_former_form(channel: str, from_: str, phone: str, region: str | None) -> None:
    """WhatsApp keeps Mexico's 1 and leaves out Brazil's ninth digit; the guest is the one of today's number."""
    assert identify_message(channel, from_, None, None, region) == Identity(f"tel:{phone}", phone)


def test_former_numbers_in_other_fields() -> None:
    """A field for WhatsApp reads them, and so does a contact id; a phone's field does only in a WhatsApp form."""
    assert identify_guest(Guest(whatsapp="5215512345678"), "ID") == Identity(f"tel:{MEXICAN}", MEXICAN)
    assert identify_guest(Guest(phone="wa.me/5215512345678"), "ID") == Identity(f"tel:{MEXICAN}", MEXICAN)
    assert identify_guest(Guest(phone="+5215512345678"), "ID").phone_invalid
    assert identify_profile("553188887766", None, "ID").phone_invalid
    assert canonical("whatsapp:553188887766") == f"tel:{BRAZILIAN}"


@pytest.mark.parametrize("number", ["999123456789", "22501234567", "22997123456", "1234567"])
@pytest.mark.parametrize("form", ["{}", "+{}", "whatsapp:{}", "{}@c.us"])
def test_a_number_of_no_plan_keeps_its_channels_id(number: str, form: str) -> None:
    """Whoever writes is heard and can be answered, under one id however the number is written."""
    for channel in ("whatsapp", "sms"):
        contact = f"{channel}:{number}"
        assert identify_message(channel, form.format(number), None, None, "US") == Identity(contact)
        assert canonical(contact) == contact
        assert is_reachable(contact)


@pytest.mark.parametrize(
    "from_", ["12345", "0812", "BALIHOTEL", "1" * 16, "6281234005555.5", "6.28E+11", "", "+", "x1234567"]
)
def test_what_is_no_number_is_nobody(from_: str) -> None:
    """Short codes, names of senders, what is too long, and what a spreadsheet has made of a number."""
    for channel in ("whatsapp", "sms"):
        assert identify_message(channel, from_, None, None, "US").contact is None


@pytest.mark.parametrize(
    ("written", "region", "contact"),
    [
        ("tel:+6281234567890", None, "tel:+6281234567890"),
        (" 0812-3456-7890 ", "ID", "tel:+6281234567890"),
        ("6281234567890", "ID", "tel:+6281234567890"),
        ("6281234567890", "US", "tel:+6281234567890"),
        ("6281234567890", None, "tel:+6281234567890"),
        ("081234567890", None, None),
        ("Made@Example.com", "ID", "mailto:made@example.com"),
        ("6281234567890@c.us", None, "tel:+6281234567890"),
        ("telegram:77", None, "telegram:77"),
        ("made", "ID", None),
        ("", "ID", None),
    ],
)
def test_whom_people_mean(written: str, region: str | None, contact: str | None) -> None:
    """An id, a phone in any notation, or an e-mail."""
    assert meant(written, region) == contact
