"""The rule language: what parses, what does not and where, and which rules are the same."""

from __future__ import annotations

import copy
from decimal import Decimal
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from processors.windows import parse_duration
from schemas.durations import upper_days
from schemas.rules import (
    AllRule,
    AnyRule,
    BookingRule,
    ContactRule,
    GroupRule,
    ManualRule,
    MessageRule,
    NoneRule,
    RatingRule,
    Rule,
    RuleError,
    canonical,
    equal,
    group_refs,
    leaves,
    parse_rule,
    rule_hash,
)

CONTRACT: list[dict[str, Any]] = [
    {"event": "manual"},
    {"event": "rating", "min_stars": 4, "max_stars": 5, "mode": "any", "within": "P6M", "property": "ubud"},
    {
        "event": "message", "any_of": ["restaurant", "dinner"], "none_of": [], "match": "word", "within": "P3M",
        "channels": ["whatsapp"], "min_count": 1,
    },
    {
        "event": "booking", "room_types": ["Pool Villa"], "min_spent": "10000000", "currency": "IDR", "min_bookings": 2,
        "min_nights": 1, "statuses": ["checked_out"], "channels": [], "within": "P12M", "stay": "past",
    },
    {"contact": "tags", "has_any": ["vip"]},
    {"contact": "tags", "has_all": ["vip", "gold"], "present": True},
    {"contact": "country", "is": "ID"},
    {"contact": "language", "is_any": ["id", "en"]},
    {"contact": "email", "present": False},
    {"contact": "bookings", "min": 2, "max": "5"},
    {"contact": "latest_rating", "is": 4.5},
    {"contact": "spent", "min": "100.50", "currency": "EUR"},
    {"contact": "customer_since", "older_than": "P1Y"},
    {"contact": "last_booking", "newer_than": "P6M", "older_than": "P1D"},
    {"contact": "attributes.tier", "is_any": ["gold", 1, True]},
    {"contact": "attributes.points", "min": 10, "max": 1000.5},
    {"group": "vip"},
    {"all": [{"group": "vip"}, {"any": [{"event": "manual"}]}, {"none": [{"contact": "tags", "has_any": ["no"]}]}]},
]  # fmt: skip


def parsed(value: object) -> Rule | RuleError:
    """Parse a rule, or give the error as a value."""
    try:
        return parse_rule(value)
    except RuleError as error:
        return error


def nested(levels: int) -> dict[str, Any]:
    """Put a leaf under so many compositions."""
    rule: dict[str, Any] = {"event": "manual"}
    for _ in range(levels):
        rule = {"all": [rule]}
    return rule


@pytest.mark.parametrize("value", CONTRACT, ids=str)
def test_contract_rules_parse(value: dict[str, Any]) -> None:
    """Every form that the contract names parses, mutates nothing, and is itself again from its canonical form."""
    before = copy.deepcopy(value)
    rule = parse_rule(value)
    assert value == before
    assert parse_rule(canonical(rule)) == rule
    assert parse_rule(msgspec.json.decode(msgspec.json.encode(canonical(rule)))) == rule


def test_absent_rule_is_manual() -> None:
    """A group without a rule has the manual one."""
    assert parse_rule(None) == parse_rule({"event": "manual"}) == ManualRule()


def test_defaults() -> None:
    """What a rule leaves out has the contract's defaults."""
    assert parse_rule({"event": "rating"}) == RatingRule(
        min_stars=1, max_stars=5, mode="any", within=None, property=None
    )
    assert parse_rule({"event": "message", "any_of": ["pet"]}) == MessageRule(
        any_of=("pet",), none_of=(), match="word", within=None, channels=(), min_count=1
    )
    assert parse_rule({"event": "booking"}) == BookingRule(
        statuses=("confirmed", "checked_in", "checked_out"), min_bookings=1, stay="any"
    )


def test_null_is_a_field_left_out() -> None:
    """Null stands for a field that is not there."""
    assert parse_rule({"event": "rating", "within": None, "min_stars": None}) == RatingRule()


def test_values_are_typed() -> None:
    """Numbers become decimals, floats or whole numbers, a currency upper case, lists tuples."""
    rule = parse_rule({"event": "booking", "min_spent": 10.5, "currency": "idr", "min_bookings": 2.0})
    assert rule == BookingRule(min_spent=Decimal("10.5"), currency="IDR", min_bookings=2)
    assert parse_rule({"contact": "bookings", "is": "3.0"}) == ContactRule(contact="bookings", is_=3)
    assert parse_rule({"contact": "latest_rating", "is_any": [4, "4.5"]}) == ContactRule(
        contact="latest_rating", is_any=(4, 4.5)
    )
    assert parse_rule({"any": [{"group": "a"}]}) == AnyRule(rules=(GroupRule(group="a"),))
    assert parse_rule({"none": [{"group": "a"}]}) == NoneRule(rules=(GroupRule(group="a"),))


MESSAGE = {"event": "message", "any_of": ["pet"]}
WRONG: list[tuple[Any, str, str]] = [
    ([], "rule", "must be an object"),
    ("manual", "rule", "must be an object"),
    ({}, "rule", "exactly one of event, contact, group, all, any, none"),
    ({"event": "rating", "any": []}, "rule", "exactly one of"),
    ({"event": "call"}, "rule.event", "one of manual, rating, message, booking"),
    ({"event": None}, "rule.event", "one of manual, rating, message, booking"),
    ({"event": ["manual"]}, "rule.event", "one of manual"),
    ({"event": "manual", "within": "P1D"}, "rule.within", "allowed are event"),
    ({"event": "rating", "stars": 4}, "rule.stars", "allowed are event, min_stars, max_stars, mode, within, property"),
    ({"event": "rating", "Jane Doe": 4}, "rule", "not known here"),
    ({"event": "rating", "min_stars": 9}, "rule.min_stars", "from 1 to 5"),
    ({"event": "rating", "min_stars": 0.5}, "rule.min_stars", "from 1 to 5"),
    ({"event": "rating", "max_stars": 4.3}, "rule.max_stars", "steps of 0.5"),
    ({"event": "rating", "max_stars": "4"}, "rule.max_stars", "must be a number"),
    ({"event": "rating", "max_stars": True}, "rule.max_stars", "must be a number"),
    ({"event": "rating", "max_stars": float("nan")}, "rule.max_stars", "must be a number"),
    ({"event": "rating", "min_stars": 4, "max_stars": 3}, "rule.min_stars", "at most max_stars"),
    ({"event": "rating", "mode": "best"}, "rule.mode", "one of any, latest, all"),
    ({"event": "rating", "property": ""}, "rule.property", "text of 1 to 255"),
    ({"event": "rating", "property": "x" * 256}, "rule.property", "text of 1 to 255"),
    ({"event": "rating", "property": 3}, "rule.property", "text of 1 to 255"),
    ({"event": "rating", "within": "3 months"}, "rule.within", "ISO 8601"),
    ({"event": "rating", "within": "P"}, "rule.within", "ISO 8601"),
    ({"event": "rating", "within": "P0D"}, "rule.within", "above nothing"),
    ({"event": "rating", "within": "P1000Y"}, "rule.within", "P99Y at most"),
    ({"event": "rating", "within": 3}, "rule.within", "ISO 8601"),
    ({"event": "message"}, "rule.any_of", "is required"),
    ({"event": "message", "any_of": None}, "rule.any_of", "is required"),
    ({"event": "message", "any_of": []}, "rule.any_of", "1 to 1000"),
    ({"event": "message", "any_of": "pet"}, "rule.any_of", "must be a list"),
    ({"event": "message", "any_of": ["pet", " "]}, "rule.any_of[1]", "letter or a digit"),
    ({"event": "message", "any_of": ["!?"]}, "rule.any_of[0]", "letter or a digit"),
    ({"event": "message", "any_of": [3]}, "rule.any_of[0]", "must be text"),
    ({"event": "message", "any_of": ["x" * 201]}, "rule.any_of[0]", "1 to 200 characters"),
    ({"event": "message", "any_of": ["x"] * 1001}, "rule.any_of", "1 to 1000"),
    (MESSAGE | {"none_of": [""]}, "rule.none_of[0]", "letter or a digit"),
    (MESSAGE | {"match": "stem"}, "rule.match", "word, exact, first_word, prefix"),
    (MESSAGE | {"min_count": 0}, "rule.min_count", "whole number from 1"),
    (MESSAGE | {"min_count": 1.5}, "rule.min_count", "whole number from 1"),
    (MESSAGE | {"min_count": True}, "rule.min_count", "whole number from 1"),
    (MESSAGE | {"min_count": float("inf")}, "rule.min_count", "whole number from 1"),
    (MESSAGE | {"channels": [""]}, "rule.channels[0]", "text of 1"),
    (MESSAGE | {"within": "P401D"}, "rule.within", "retention of messages, P400D"),
    (MESSAGE | {"within": "P2Y"}, "rule.within", "retention"),
    ({"event": "booking", "min_spent": "-1", "currency": "IDR"}, "rule.min_spent", "at least 0"),
    ({"event": "booking", "min_spent": "NaN", "currency": "IDR"}, "rule.min_spent", "decimal string"),
    ({"event": "booking", "min_spent": "1e999999", "currency": "IDR"}, "rule.min_spent", "below 10^18"),
    ({"event": "booking", "min_spent": 10**5000, "currency": "IDR"}, "rule.min_spent", "below 10^18"),
    ({"event": "booking", "min_spent": "lots", "currency": "IDR"}, "rule.min_spent", "decimal string"),
    ({"event": "booking", "min_spent": True, "currency": "IDR"}, "rule.min_spent", "decimal string"),
    ({"event": "booking", "min_spent": [1], "currency": "IDR"}, "rule.min_spent", "decimal string"),
    ({"event": "booking", "min_spent": 10}, "rule.currency", "required with min_spent"),
    ({"event": "booking", "min_spent": 10, "currency": "rupiah"}, "rule.currency", "three letters"),
    ({"event": "booking", "min_bookings": 0}, "rule.min_bookings", "from 1"),
    ({"event": "booking", "min_nights": -1}, "rule.min_nights", "from 1"),
    ({"event": "booking", "statuses": []}, "rule.statuses", "1 to 1000"),
    ({"event": "booking", "statuses": ["gone"]}, "rule.statuses[0]", "confirmed, checked_in, checked_out, cancelled"),
    ({"event": "booking", "stay": "soon"}, "rule.stay", "past, current, upcoming, any"),
    ({"contact": "shoe_size", "is": "44"}, "rule.contact", "source, property, country"),
    ({"contact": 3, "is": "44"}, "rule.contact", "attributes.X"),
    ({"contact": "attributes.", "is": "44"}, "rule.contact", "attributes.X"),
    ({"contact": "attributes. ", "is": "44"}, "rule.contact", "attributes.X"),
    ({"contact": "tags"}, "rule", "one or more of has_any, has_all, present"),
    ({"contact": "spent", "currency": "IDR"}, "rule", "one or more of"),
    ({"contact": "tags", "min": 1}, "rule.min", "allowed are contact, has_any, has_all, present"),
    ({"contact": "tags", "has_any": []}, "rule.has_any", "1 to 1000"),
    ({"contact": "country", "is": 3}, "rule.is", "must be text"),
    ({"contact": "email", "present": "yes"}, "rule.present", "true or false"),
    ({"contact": "bookings", "min": 5, "max": 2}, "rule.min", "at most max"),
    ({"contact": "attributes.x", "is": []}, "rule.is", "text, a number"),
    ({"contact": "attributes.x", "is": float("inf")}, "rule.is", "text, a number"),
    ({"contact": "customer_since", "older_than": "long"}, "rule.older_than", "ISO 8601"),
    ({"group": "VIP!"}, "rule.group", "id of a group"),
    ({"group": 3}, "rule.group", "id of a group"),
    ({"group": "vip", "within": "P1D"}, "rule.within", "allowed are group"),
    ({"all": []}, "rule.all", "one or more rules"),
    ({"all": {"event": "manual"}}, "rule.all", "one or more rules"),
    ({"all": [{"event": "manual"}], "sticky": True}, "rule.sticky", "allowed are all"),
    ({"any": [{"event": "rating", "min_stars": 9}]}, "rule.any[0].min_stars", "from 1 to 5"),
    ({"all": [{"group": "a"}, {"none": [{"event": "x"}]}]}, "rule.all[1].none[0].event", "one of manual"),
    ({"any": [{"event": "manual"}] * 251}, "rule", "250 at most"),
    ({"all": [{"any": [{"event": "manual"}] * 126}] * 2}, "rule", "250 at most"),
    (nested(9), "rule" + ".all[0]" * 8, "8 levels"),
    (nested(5000), "rule" + ".all[0]" * 8, "8 levels"),
]


@pytest.mark.parametrize(
    ("value", "path", "message"), WRONG, ids=[f"{path}-{i}" for i, (_, path, _m) in enumerate(WRONG)]
)
def test_wrong_rules_say_where(value: object, path: str, message: str) -> None:
    """A rule that does not parse names the path of the wrong node and what is allowed there."""
    with pytest.raises(RuleError) as caught:
        parse_rule(value, retention="P400D")
    assert caught.value.path == path
    assert message in caught.value.message
    assert str(caught.value) == f"{path}: {caught.value.message}"


def test_limits_are_reached() -> None:
    """250 leaves, 8 levels and the whole retention are allowed."""
    assert len(list(leaves(parse_rule({"any": [{"event": "manual"}] * 250})))) == 250
    assert parse_rule(nested(8))
    assert parse_rule(MESSAGE | {"within": "P400D", "none_of": ["x"] * 1000}, retention="P400D")


def test_retention_is_a_setting() -> None:
    """A message rule's window is held against the retention given; a rule in force is read again whatever it is."""
    assert parse_rule(MESSAGE | {"within": "P9Y"})
    assert parse_rule(MESSAGE | {"within": "P2Y"}, retention="P3Y")
    with pytest.raises(RuleError, match="P30D"):
        parse_rule(MESSAGE | {"within": "P31D"}, retention="P30D")
    with pytest.raises(RuleError, match="P30D"):
        parse_rule({"all": [MESSAGE | {"within": "P1M"}]}, retention="P30D")


SAME: list[tuple[Any, Any]] = [
    ({"event": "rating"}, {"event": "rating", "min_stars": 1, "max_stars": 5.0, "mode": "any"}),
    (
        {"event": "booking", "min_spent": "10", "currency": "IDR"},
        {"min_spent": 10, "currency": "idr", "event": "booking"},
    ),
    (
        {"event": "booking", "min_spent": "10.0", "currency": "IDR"},
        {"event": "booking", "min_spent": 1e1, "currency": "IDR"},
    ),
    (
        {"event": "booking", "min_spent": "-0.0", "currency": "IDR"},
        {"event": "booking", "min_spent": 0, "currency": "IDR"},
    ),
    (MESSAGE, MESSAGE | {"none_of": [], "min_count": 1, "channels": [], "within": None}),
    ({"contact": "attributes.x", "is": 1}, {"contact": "attributes.x", "is": 1.0}),
    ({"all": [{"event": "rating"}]}, {"all": [{"event": "rating", "mode": "any"}]}),
]
OTHER: list[tuple[Any, Any]] = [
    ({"event": "rating"}, {"event": "rating", "min_stars": 1.5}),
    ({"all": [{"group": "a"}]}, {"any": [{"group": "a"}]}),
    ({"all": [{"group": "a"}, {"group": "b"}]}, {"all": [{"group": "b"}, {"group": "a"}]}),
    ({"contact": "attributes.x", "is": 1}, {"contact": "attributes.x", "is": True}),
    ({"contact": "attributes.x", "is": 1}, {"contact": "attributes.x", "is": "1"}),
    ({"event": "manual"}, {"event": "rating"}),
    (MESSAGE | {"within": "P12M"}, MESSAGE | {"within": "P1Y"}),
]


@pytest.mark.parametrize(("one", "other"), SAME)
def test_equal_with_defaults_filled_in(one: object, other: object) -> None:
    """Rules are the same, and so are their hashes, when they are with the defaults filled in."""
    assert equal(parse_rule(one), parse_rule(other))
    assert rule_hash(parse_rule(one), sticky=True) == rule_hash(parse_rule(other), sticky=True)


@pytest.mark.parametrize(("one", "other"), OTHER)
def test_other_rules_differ(one: object, other: object) -> None:
    """Rules that say something else, or the same in another order, are other rules."""
    assert not equal(parse_rule(one), parse_rule(other))


def test_hash_is_for_ever() -> None:
    """The hash of a rule is written into changes, so it may never move; sticky is part of it."""
    rule = parse_rule({"event": "rating", "min_stars": 4, "within": "P6M"})
    assert rule_hash(rule, sticky=False) == "561f02fb63bd40eb"
    assert rule_hash(rule, sticky=True) == "4d02450aa18bd839"


def test_canonical_form() -> None:
    """The canonical form has every default, plain JSON values and whole numbers without a point."""
    assert canonical(parse_rule({"any": [{"event": "rating", "min_stars": 4}]})) == {
        "any": [{"event": "rating", "min_stars": 4, "max_stars": 5, "mode": "any"}]
    }
    spent = canonical(parse_rule({"event": "booking", "min_spent": "1E+3", "currency": "IDR", "min_nights": 2}))
    assert spent["min_spent"] == "1000"
    assert spent["statuses"] == ["confirmed", "checked_in", "checked_out"]
    assert "within" not in spent


def test_group_refs() -> None:
    """The groups that a rule names are listed once, in its order."""
    rule = parse_rule({"all": [{"group": "b"}, {"none": [{"group": "a"}, {"group": "b"}]}, {"event": "manual"}]})
    assert group_refs(rule) == ("b", "a")
    assert group_refs(ManualRule()) == ()
    assert isinstance(rule, AllRule)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)
FIELDS = [
    "event", "contact", "group", "all", "any", "none", "min_stars", "max_stars", "mode", "within", "property", "any_of",
    "match", "min_count", "min_spent", "currency", "statuses", "stay", "is", "is_any", "has_any", "min", "max",
    "older_than", "present",
]  # fmt: skip
WORDS = [
    "manual",
    "rating",
    "message",
    "booking",
    "tags",
    "spent",
    "bookings",
    "attributes.x",
    "vip",
    "P3M",
    "any",
    "IDR",
]
rule_values = st.recursive(
    json_values | st.sampled_from(WORDS),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(FIELDS), inner, max_size=4),
    max_leaves=12,
)


@given(rule_values)
def test_any_json_is_a_rule_or_a_rule_error(value: object) -> None:
    """Whatever JSON comes, it is a rule that survives its canonical form, or a RuleError with a path."""
    rule = parsed(value)
    if isinstance(rule, RuleError):
        assert rule.path.startswith("rule")
    else:
        assert equal(parse_rule(canonical(rule)), rule)


PRIVATE = "Zq7Secret"


@pytest.mark.parametrize("template", [rule for rule in CONTRACT if "event" in rule or "contact" in rule], ids=str)
def test_errors_hold_no_values(template: dict[str, Any]) -> None:
    """An error never repeats what stood in the rule, in whichever field it is wrong."""
    for name in [*template, "odd name " + PRIVATE]:
        for value in (PRIVATE + "!", [PRIVATE + "!" * 200], {PRIVATE: 1}):
            rule = parsed(template | {name: value})
            assert not isinstance(rule, RuleError) or PRIVATE not in str(rule)


@pytest.mark.parametrize(
    ("text", "days"),
    [
        ("P1D", 1),
        ("P1Y2M3W4D", 366 + 62 + 21 + 4),
        ("P1M", 31),
        ("P13M", 397),
        ("P1Y1M", 397),
        ("P24M", 731),
        ("P4Y", 1461),
        ("PT24H", 1),
        ("PT1440M", 1),
        ("PT0.5S", 0.5 / 86_400),
        ("PT0S", 0),
    ],
)
def test_upper_days(text: str, days: float) -> None:
    """A duration's most days are those of the longest months in a row; a year is twelve of them."""
    assert upper_days(text) == pytest.approx(days)


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "P1", "1D", "P-1D", "P1.5D", "P1DT", "P1D2M", "p1d", "P1D\n", "P\u0661D", "P1S"]
)
def test_no_durations(text: str) -> None:
    """Text that is no ISO 8601 duration is None."""
    assert upper_days(text) is None


@given(st.from_regex(r"P([0-9]{1,3}Y)?([0-9]{1,4}M)?([0-9]{1,4}W)?([0-9]{1,5}D)?(T[0-9]{1,9}S)?", fullmatch=True))
def test_windows_take_what_rules_take(text: str) -> None:
    """Every window that a rule may name is one that the arithmetic of windows can do."""
    try:
        parse_rule({"event": "rating", "within": text})
    except RuleError:
        return
    assert any(parse_duration(text))
