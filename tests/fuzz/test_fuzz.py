"""A short, seeded turn of every fuzz target: no bytes make a parser raise anything but the error that it documents."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.mutate import mutated
from tests.fuzz.targets import CUT, TARGETS, parts

NAMES = list(TARGETS)
_quick = settings(max_examples=150, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))


@pytest.mark.parametrize("name", NAMES)
def test_seeds(name: str) -> None:
    """The inputs to begin with pass."""
    seeds = list(TARGETS[name].seeds())
    assert seeds
    for seed in seeds:
        TARGETS[name].eat(seed)


@pytest.mark.parametrize("name", NAMES)
@_quick
@given(data=st.binary(max_size=400))
def test_any_bytes(name: str, data: bytes) -> None:
    """Bytes without any sense."""
    TARGETS[name].eat(data)


@pytest.mark.parametrize("name", NAMES)
@_quick
@given(data=st.data())
def test_spoiled(name: str, data: st.DataObject) -> None:
    """Good inputs with some bytes changed, put in, taken away or cut off."""
    seed = bytearray(data.draw(st.sampled_from(list(TARGETS[name].seeds()))))
    for _ in range(data.draw(st.integers(1, 4))):
        at = data.draw(st.integers(0, len(seed)))
        seed[at : at + data.draw(st.integers(0, 8))] = data.draw(st.binary(max_size=8))
    TARGETS[name].eat(bytes(seed))


@pytest.mark.parametrize("name", NAMES)
def test_hard_values(name: str) -> None:
    """Good JSON with values at the edges of what fields take, or of another kind."""
    dice = Random(2026)
    seeds = list(TARGETS[name].seeds())
    for _ in range(600):
        TARGETS[name].eat(spoiled(dice.choice(seeds), dice))


def spoiled(seed: bytes, dice: Random) -> bytes:
    """Change the JSON within an input, wherever it lies there."""
    *before, last = parts(seed, seed.count(CUT) + 1)
    skip = 0 if before or last[:1] in {b"{", b"["} else 1
    return CUT.join([*before, last[:skip] + mutated(last[skip:], dice)])
