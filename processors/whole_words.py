"""What a message means that says nothing but a word of consent or help; and the texts that nearly say so.

The words that cannot be switched off go first, then the tenant's own (in any language), then what all tenants have,
then the groups' words to join and leave. Texts are compared in the one written form of `processors.words`, so that
case, accents, dashes and what stands around them do not matter. A message costs one look-up in a dict of whole texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product
from typing import TYPE_CHECKING, Literal

from msgspec import Struct

from processors.identity import channel_of
from processors.words import Matcher, normalise

if TYPE_CHECKING:
    from collections.abc import Iterable

    from schemas.groups import Group
    from schemas.tenants import Tenant

Act = Literal["opt_out", "opt_in", "help", "doubt"]
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
    for text in NEARLY_WHOLE:
        known.setdefault(text, Meaning(text, "doubt"))
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


NEAR_WORDS = 25
"""A longer text is not looked at: of mails that quote a footer, of letters that complain of much, people must judge."""

NEARLY_WHOLE = (
    *(
        "please stop",
        "stop please",
        "stop it",
        "stop it please",
        "please stop it",
        "stop now",
        "just stop",
        "stop stop",
    ),
    *("stop stop stop", "stop thanks", "stop thank you", "stop this", "stop that", "ok stop", "opt out please"),
    *("please opt out", "i opt out", "i want to stop", "pls stop", "plz stop", "stop pls", "stop plz"),
    *("stop whatsapp", "pls stop it", "remove me from the list", "take me off the list"),
    *("stopp", "stpo", "sotp", "unsubscibe", "unsuscribe", "unsubcribe"),  # codespell:ignore
)
"""Whole messages, in their written form, that nearly are a word of consent."""

_MESSAGES = ("messages", "texts", "emails", "sms", "msgs", "spam", "promotions", "marketing", "newsletters")
NEARLY = (
    *(f"stop {what}" for what in (
        "texting", "messaging", "sending", "contacting", "writing", "spamming", "emailing", "bothering", "whatsapping",
        *_MESSAGES,
    )),
    *(f"quit {what}" for what in ("texting", "messaging", "contacting", "spamming", "emailing", "bothering")),
    *(f"stop {whose} {what}" for whose, what in product(
        ("the", "these", "this", "your", "all", "all these", "with the", "with these", "with your"), _MESSAGES,
    )),
    *(f"{no} {what} me" for no, what in product(
        ("don't", "dont", "do not"),
        ("text", "message", "contact", "email", "write", "write to", "whatsapp", "spam", "bother"),
    )),
    *(f"{no} {want} {what}" for no, want, what in product(
        ("don't", "dont", "do not"), ("want any more", "want your", "want these", "want to receive", "wish to receive"),
        _MESSAGES,
    )),
    *(f"no more {what}" for what in _MESSAGES),
    *("unsubscribe", "opt me out", "want to opt out", "like to opt out", "opt out of messages", "opt out of marketing"),
    *(f"{away} {whose} list" for away, whose in product(
        ("remove me from", "take me off"), ("your", "this", "your mailing", "this mailing", "the mailing"),
    )),
    *("remove my number", "delete my number", "take my number off", "leave me alone"),
)  # fmt: skip
"""Phrases that, anywhere in a short message, sound like opting out; plurals count as in a rule's keywords."""
HINTS = ("stop", "quit", "no more", "unsubscribe", "number", "opt out", "t want ", "t wish ", " me ")
"""One of these lies in each of the phrases: whoever has found none in a text need not look for all."""
_match_all = Matcher((at, phrase, "word") for at, phrase in enumerate(NEARLY)).match_all


def near_misses(texts: Iterable[str]) -> list[str | None]:
    """Return for each normalised text what in it sounds like opting out, if anything does."""
    found = _match_all([text if text.count(" ") < NEAR_WORDS else "" for text in texts])
    return [NEARLY[one[0]] if one else None for one in found]


def near_miss(words: str) -> str | None:
    """Return what in one normalised text sounds like opting out, if anything does."""
    return near_misses([words])[0]
