"""Every struct of the package shows itself by one sentence and one example that decodes."""

from __future__ import annotations

import importlib
import pkgutil
import types
import typing
from typing import Any, get_args

import msgspec
import pytest
from msgspec import Struct

import schemas
from schemas.base import example
from schemas.rules import Rule, parse_rule


def _structs() -> list[type[Struct]]:
    modules = [importlib.import_module(f"schemas.{module.name}") for module in pkgutil.iter_modules(schemas.__path__)]
    found = {
        value
        for module in modules
        for name, value in vars(module).items()
        if isinstance(value, type) and issubclass(value, Struct) and value is not Struct and not name.startswith("_")
    }
    return sorted(found, key=lambda struct: (struct.__module__, struct.__name__))


def _arrays(hint: Any, value: Any) -> Any:
    """Write examples of array-like structs, which are given with their names for people, as they are encoded."""
    if isinstance(value, dict):
        struct = next(
            (one for one in (hint, *get_args(hint)) if isinstance(one, type) and issubclass(one, Struct)), None
        )
        return value if struct is None else _array(struct, value)
    return value


def _array(struct: type[Struct], value: dict[str, Any]) -> Any:
    hints = typing.get_type_hints(struct)
    unknown = value.keys() - set(struct.__struct_fields__)
    assert not unknown, f"{struct.__name__} has no {unknown}"
    return struct(**{name: _arrays(hints[name], one) for name, one in value.items()})


def _read(struct: type[Struct], text: bytes) -> Any:
    if struct in get_args(Rule):
        return parse_rule(msgspec.json.decode(text))
    if not struct.__struct_config__.array_like:
        return msgspec.json.decode(text, type=struct)
    return msgspec.json.decode(msgspec.json.encode(_array(struct, msgspec.json.decode(text))), type=struct)


@pytest.mark.parametrize("struct", _structs(), ids=lambda struct: struct.__name__)
def test_example(struct: type[Struct]) -> None:
    """The docstring's example decodes into its struct and knows no field that the struct lacks."""
    text = example(struct)
    read = _read(struct, text)
    assert type(read) is struct
    tag = {struct.__struct_config__.tag_field}
    assert set(msgspec.json.decode(text)) - tag <= set(struct.__struct_encode_fields__)


@pytest.mark.parametrize("struct", _structs(), ids=lambda struct: struct.__name__)
def test_sentence(struct: type[Struct]) -> None:
    """The docstring opens with a sentence in one paragraph before the example."""
    sentence, _, _ = (struct.__doc__ or "").partition("{")
    assert sentence.strip().endswith("."), sentence
    assert "\n\n" not in sentence.strip()


@pytest.mark.parametrize("struct", _structs(), ids=lambda struct: struct.__name__)
def test_frozen(struct: type[Struct]) -> None:
    """Values are frozen."""
    assert struct.__struct_config__.frozen


def test_all_are_found() -> None:
    """The search finds the structs at all, in every kind of module."""
    names = {struct.__name__ for struct in _structs()}
    assert {"Reject", "BookingEvent", "GroupAdd", "Tenant", "Group", "Change", "RatingRule", "DeadLetter"} <= names
    assert isinstance(schemas, types.ModuleType)
