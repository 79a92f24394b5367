"""What a message means that says nothing but a word of consent or help; opt_out_phrases.py knows what nearly says so.

The words that cannot be switched off go first, then the tenant's own (in any language), then what all tenants have,
then the groups' words to join and leave. Texts are compared in the one written form of `processors.words`, so that
case, accents, dashes and what stands around them do not matter. A message costs one look-up in a dict of whole texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from processors.identity import channel_of
from processors.opt_out_phrases import opt_outs_of
from processors.words import normalise

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.groups import Group
    from schemas.tenants import Tenant

Act = Literal["opt_out", "opt_in", "help"]
Where = Literal["anywhere", "sms", "chat"]

ALWAYS = ("STOP", "UNSUBSCRIBE", "REVOKE", "OPT OUT", "OPTOUT")
"""No tenant and no group can give these another meaning."""
Words = tuple[Act, Where, Sequence[str]]
OF_ALL: tuple[Words, ...] = (
    ("opt_out", "anywhere", ("STOPALL", "STOP ALL", "ARRET")),
    ("opt_in", "anywhere", ("START", "UNSTOP", "RESUBSCRIBE")),
    ("opt_in", "sms", ("YES",)),
    ("help", "anywhere", ("HELP", "INFO")),
)
END_OF_STAY = ("CANCEL", "END", "QUIT")
"""Guests say these in chats about their bookings, so there they mean nothing unless the tenant says so."""


class Meaning(Struct):
    """What one text means: the act on the channels where it is one, else the groups to leave and to join.

    Groups stand with the phrase as their definition writes it. `shared`: the groups hear the word beside the act.
    """

    phrase: str
    act: Act | None = None
    where: Where = "anywhere"
    shared: bool = False
    leaves: list[tuple[str, str]] = []
    joins: list[tuple[str, str]] = []

    def on(self, channel: str) -> Act | None:
        """Return the act on a channel, None if the text is none there."""
        if self.where == "anywhere":
            return self.act
        name = channel_of(channel)
        heard = name == "sms" or (self.where == "chat" and name != "email")
        return self.act if heard else None


def meanings(record: Tenant, groups: Iterable[Group]) -> dict[str, Meaning]:
    """Return what whole texts mean to a tenant, by their written form; `groups` are those in force."""
    known: dict[str, Meaning] = {}
    where: Where = "chat" if record.chat_stop_words else "sms"
    words: list[Words] = [
        ("opt_out", "anywhere", ALWAYS),
        ("opt_out", "anywhere", record.opt_out_words),
        ("opt_in", "anywhere", record.opt_in_words),
        *OF_ALL,
        ("opt_out", where, END_OF_STAY),
    ]
    for act, place, phrases in words:
        for phrase in phrases:
            # YES may be the word of a group as well: who is not opted out says it to that group
            known.setdefault(normalise(phrase), Meaning(phrase, act, place, phrase == "YES" and place == "sms"))
    for group in sorted(groups, key=lambda group: group.id):
        _add_words(known, group)
    return known


def has_words(group: Group) -> bool:
    """Whether a group hears words at all."""
    return bool(group.join_words or group.leave_words)


def _add_words(known: dict[str, Meaning], group: Group) -> None:
    """Add a group's words; one that is both leaves."""
    leaves = {normalise(phrase): phrase for phrase in group.leave_words}
    joins = {normalise(phrase): phrase for phrase in group.join_words}
    for text, phrase in leaves.items():
        known.setdefault(text, Meaning(phrase)).leaves.append((group.id, phrase))
    for text, phrase in joins.items():
        if text not in leaves:
            known.setdefault(text, Meaning(phrase)).joins.append((group.id, phrase))


def opts_out(record: Tenant, text: str, channel: str) -> bool:
    """Whether a normalised text opts out of everything, or sounds like it; whatever groups there are."""
    meaning = meanings(record, ()).get(text)
    if meaning is not None:
        return meaning.on(channel) == "opt_out"
    return opt_outs_of(tuple(record.opt_out_words)).near_miss(text) is not None
