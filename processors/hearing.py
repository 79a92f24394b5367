"""What guests say of consent in their messages, and what is answered.

Said is said: an edited or deleted message takes no consent back, either way, and an older revision that comes after a
newer one counts as well. So the end depends on what was said and when, not on the order in which it came. Help is for
the moment: what comes too late to be kept, or kept in mind, is not answered, for nobody knows whether it was before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from processors.changes import named_by
from processors.consent import opted_out, say
from processors.desk import ORIGIN
from processors.identity import is_reachable
from processors.membership import Who
from processors.notices import notify
from processors.pins import carry_out
from processors.replies import answer
from processors.rows import Said
from schemas.activity import MessageSeen, Pin

if TYPE_CHECKING:
    from processors.definitions import Definitions
    from processors.whole_words import Meaning


def hear(at: Who, seen: MessageSeen, meaning: Meaning, definitions: Definitions, *, late: bool) -> bool:
    """Act on a message that is nothing but a word with a meaning; return whether it has one on its channel.

    `late` is a revision that is not kept: it is no longer the newest, or its guest was erased after it.
    """
    act = meaning.on(seen.channel)
    if act == "help" and not late:
        answer(at.desk, at.key, seen, "help", definitions.record.help_reply)
    elif act == "opt_out":
        _opt_out(at, seen, meaning.phrase, definitions.record.opt_out_reply)
    elif act == "opt_in":
        _opt_in(at, seen, meaning.phrase, definitions.record.opt_in_reply)
    if act is None or meaning.shared:
        return _to_groups(at, seen, meaning, definitions) or act is not None
    return True


def _opt_out(at: Who, seen: MessageSeen, phrase: str, text: str | None) -> None:
    """Opt out of everything; confirm it once, until the contact opts in again, and nothing from before that."""
    say(at.desk, at.key, _word(seen, phrase, out=True))
    consent = at.head.consent
    if consent is not None and opted_out(at.head) and not consent.confirmed and seen.time >= consent.back:
        consent.confirmed = True
        answer(at.desk, at.key, seen, "opt_out", text)


def _opt_in(at: Who, seen: MessageSeen, phrase: str, text: str | None) -> None:
    """Opt in again. Who was not out is not answered, yet the word is kept: an older STOP may come late."""
    before = opted_out(at.head)
    say(at.desk, at.key, _word(seen, phrase, out=False))
    if before and not opted_out(at.head) and is_reachable(named_by(at.key)[1]):
        answer(at.desk, at.key, seen, "opt_in", text)


def _to_groups(at: Who, seen: MessageSeen, meaning: Meaning, definitions: Definitions) -> bool:
    for group, phrase in meaning.leaves:
        pin = _pin(seen, "consent.opt_out", group, phrase)
        carry_out(at, pin, definitions.groups[group], _word(seen, phrase, out=True))
    for group, phrase in meaning.joins:
        pin = _pin(seen, "group.add", group, phrase)
        carry_out(at, pin, definitions.groups[group], _word(seen, phrase, out=False), seen)
    return bool(meaning.leaves or meaning.joins)


def suspect(at: Who, seen: MessageSeen, phrase: str) -> None:
    """Take a near miss for an opt-out until a person has looked at it."""
    said = _word(seen, phrase, out=True)
    said.doubtful = True
    if say(at.desk, at.key, said)[0] == "applied":
        notify(at.desk, at.key, "review", (seen.source, seen.event))


def _word(seen: MessageSeen, phrase: str, *, out: bool) -> Said:
    return Said(seen.time, out, seen.source, seen.event, phrase, seen.channel)


def _pin(seen: MessageSeen, kind: str, group: str, phrase: str) -> Pin:
    return Pin(*ORIGIN, seen.source, seen.event, seen.time, kind, group, "keyword", evidence=phrase)
