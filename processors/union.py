"""What two linked contacts know, as one: pure, and the same whichever is asked first."""

from __future__ import annotations

from typing import TYPE_CHECKING

from processors.bonds import rank
from processors.profile import introduce, meet, newest, original
from processors.rows import NO_PIN, Edits, Pins

if TYPE_CHECKING:
    from collections.abc import Mapping

    from processors.rows import Add, GroupConsent, Known, Profile, Said

Registers = dict[str, "Known"]


def unite_profiles(profile: Profile, other: Profile) -> None:
    """Take in what another profile knows: set once, or the newest, field by field."""
    if other.since is not None:
        meet(profile, other.since, other.source or "")
    if other.introduced is not None:
        introduce(profile, other.introduced.at, other.introduced.id, other.introduced.value)
    if other.named is not None:
        introduce(profile, other.named.at, other.named.id, other.named.value)
    if other.original_name is not None:
        original(profile, other.original_at, other.original_name)
    for name, known in other.fields.items():
        newest(profile, name, known.at, known.value, known.id)
    if other.edits is not None:
        edits = profile.edits = profile.edits or Edits()
        _unite_registers(edits.tags, other.edits.tags)
        _unite_registers(edits.attributes, other.edits.attributes)
        _unite_registers(edits.note, other.edits.note)


def _unite_registers(mine: Registers, other: Registers) -> None:
    for name, known in other.items():
        before = mine.get(name)
        if before is None or (known.at, known.id) > (before.at, before.id):
            mine[name] = known


def unite_pins(mine: Pins | None, other: Pins | None) -> Pins | None:
    """Return what was added and removed by hand of both; consent stays as it is, for it is united apart."""
    if other is None:
        return mine
    mine = mine or Pins()
    reset = max(mine, other, key=lambda pins: (pins.reset != NO_PIN, pins.reset_time, pins.reset_id))
    mark = (reset.reset_time, reset.reset_id)
    adds = _newest_adds(mine.adds, other.adds)
    if reset.reset != NO_PIN:
        adds = {reason: add for reason, add in adds.items() if (add.time, add.id) > mark}
    return Pins(reset.reset, *mark, adds, mine.consent)


def _newest_adds(mine: Mapping[str, Add], other: Mapping[str, Add]) -> dict[str, Add]:
    adds = dict(mine)
    for reason, add in other.items():
        known = adds.get(reason)
        if known is None or (add.time, add.id) > (known.time, known.id):
            adds[reason] = add
    return adds


def unite_words(mine: dict[str, Said], other: Mapping[str, Said]) -> None:
    """Take in what each id said of everything, the newest of each."""
    for name, said in other.items():
        if name not in mine or rank(said) > rank(mine[name]):
            mine[name] = said


def unite_parts(mine: dict[str, GroupConsent], other: Mapping[str, GroupConsent]) -> None:
    """Take in what each id said of a group; of one id the newer knows all that the older does."""
    for name, part in other.items():
        if name not in mine or rank(part.said) > rank(mine[name].said):
            mine[name] = part
