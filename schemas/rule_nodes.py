"""The nodes of a group's rule: four kinds of event, the profile, another group, and what composes them."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct, field

from schemas.base import GroupId, PropertyId
from schemas.events import Stars, Status

Mode = Literal["any", "latest", "all"]
Match = Literal["word", "exact", "first_word", "prefix"]
Stay = Literal["past", "current", "upcoming", "any"]
Count = Annotated[int, Meta(ge=1, le=1_000_000_000)]
Within = Annotated[str, Meta(pattern=r"^P[0-9YMWDTHS.,]+\Z", description="an ISO 8601 duration above nothing")]
Phrase = Annotated[str, Meta(min_length=1, max_length=200, description="a word or phrase with a letter or digit in it")]
Text = Annotated[str, Meta(min_length=1, max_length=255)]
Phrases = Annotated[tuple[Phrase, ...], Meta(max_length=1_000)]
Texts = Annotated[tuple[Text, ...], Meta(max_length=1_000)]
Scalar = str | bool | int | float
Currency = Annotated[str, Meta(pattern=r"^[A-Za-z]{3}\Z", description="ISO 4217, as upper case")]
Number = Annotated[Decimal, Meta(description="a decimal string, or a JSON number")]
ContactField = Annotated[
    str,
    Meta(
        pattern=r"^(source|property|country|area|language|email|tags|bookings|spent|latest_rating|customer_since"
        r"|last_booking|attributes\..{1,200})\Z"
    ),
]


class ManualRule(Struct, frozen=True, kw_only=True, tag_field="event", tag="manual", forbid_unknown_fields=True):
    """Never true by itself: members are added.

    {"event": "manual"}
    """


class RatingRule(Struct, frozen=True, kw_only=True, tag_field="event", tag="rating", forbid_unknown_fields=True):
    """Any, the latest or all of the ratings in the window are in range.

    {"event": "rating", "min_stars": 4, "max_stars": 5, "mode": "any", "within": "P6M", "property": "ubud"}
    """

    min_stars: Stars = 1.0
    max_stars: Stars = 5.0
    mode: Mode = "any"
    within: Within | None = None
    property: PropertyId | None = None


class MessageRule(Struct, frozen=True, kw_only=True, tag_field="event", tag="message", forbid_unknown_fields=True):
    """So many messages in the window say one of the phrases and none of the others.

    {"event": "message", "any_of": ["restaurant", "dinner"], "none_of": [], "match": "word", "within": "P3M",
     "channels": ["whatsapp"], "min_count": 1}
    """

    any_of: Annotated[Phrases, Meta(min_length=1)]
    none_of: Phrases = ()
    match: Match = "word"
    within: Within | None = None
    channels: Texts = ()
    min_count: Count = 1


class BookingRule(Struct, frozen=True, kw_only=True, tag_field="event", tag="booking", forbid_unknown_fields=True):
    """All named conditions hold over the bookings that pass the filters; an empty list filters nothing.

    {"event": "booking", "room_types": ["Pool Villa"], "min_spent": "10000000", "currency": "IDR", "min_bookings": 2,
     "min_nights": 1, "statuses": ["checked_out"], "channels": [], "within": "P12M", "stay": "past"}
    """

    room_types: Texts = ()
    min_spent: Number | None = None
    currency: Currency | None = None
    min_bookings: Count = 1
    min_nights: Count | None = None
    statuses: Annotated[tuple[Status, ...], Meta(min_length=1)] = ("confirmed", "checked_in", "checked_out")
    channels: Texts = ()
    within: Within | None = None
    stay: Stay = "any"


class ContactRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A field of the profile passes every operator given; `currency` goes with `spent` (without it: any one currency).

    {"contact": "tags", "has_any": ["vip"]}
    """

    contact: ContactField
    is_: Scalar | None = field(default=None, name="is")
    is_any: tuple[Scalar, ...] | None = None
    has_any: Texts | None = None
    has_all: Texts | None = None
    min: Number | None = None
    max: Number | None = None
    older_than: Within | None = None
    newer_than: Within | None = None
    present: bool | None = None
    currency: Currency | None = None


class GroupRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Member of another group of the tenant.

    {"group": "vip"}
    """

    group: GroupId


class AllRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Every rule of the list is true.

    {"all": [{"group": "vip"}, {"event": "rating", "min_stars": 4}]}
    """

    rules: tuple[Any, ...] = field(name="all")


class AnyRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """At least one rule of the list is true.

    {"any": [{"group": "vip"}, {"event": "rating", "min_stars": 4}]}
    """

    rules: tuple[Any, ...] = field(name="any")


class NoneRule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """No rule of the list is true.

    {"none": [{"group": "vip"}, {"event": "rating", "max_stars": 3}]}
    """

    rules: tuple[Any, ...] = field(name="none")


Leaf = ManualRule | RatingRule | MessageRule | BookingRule | ContactRule | GroupRule
Composed = AllRule | AnyRule | NoneRule
Rule = Leaf | Composed
