"""What guests write that is no conversation: words of consent and help, and to groups, each in several dresses."""

from __future__ import annotations

from random import Random
from typing import Any

OUT = ("STOP", "stop!", " Unsubscribe", "Opt-out.", "DECLINE")
BACK = ("START", "unstop", "Daftar!")
HELP = ("HELP", "info?")
JOIN = ("JOIN CLUB", "join club!", "Join diner")
LEAVE = ("NO CLUB", "no diner.")
NEARLY = ("please stop texting me", "Stop, please")

RECORD = {
    "region": "ID", "zone": "UTC", "opt_out_words": ["decline"], "opt_in_words": ["daftar"],
    "help_reply": "Call the desk", "opt_out_reply": "No more messages", "opt_in_reply": "Welcome back",
}  # fmt: skip
"""The tenant's record."""

ALSO: dict[str, dict[str, Any]] = {
    "club": {"join_words": ["JOIN CLUB"], "leave_words": ["NO CLUB"], "reply": "Welcome to the club"},
    "diner": {"join_words": ["JOIN DINER"], "leave_words": ["NO DINER"], "reply": "A table awaits"},
    "turning": {"reply": "It is your turn"},
    "vip": {"reply": "Dear guest"},
    "stars-latest": {"reply": "Thank you for the stars"},
}
"""What groups have beside a rule."""

_SAID = (OUT, BACK, HELP, JOIN, LEAVE, NEARLY)
_SHARES = (14, 34, 12, 20, 10, 10)
"""More come back than go, so that most guests can be written to."""


def word(dice: Random) -> str:
    """Say a word that is the whole message."""
    return dice.choice(dice.choices(_SAID, _SHARES)[0])
