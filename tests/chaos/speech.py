"""What guests write that is no conversation: words of consent and help, each in several dresses."""

from __future__ import annotations

from random import Random

OUT = ("STOP", "stop!", " Unsubscribe", "Opt-out.", "DECLINE")
BACK = ("START", "unstop", "Daftar!")
HELP = ("HELP", "info?")
NEARLY = ("please stop texting me", "Stop, please")

RECORD = {
    "region": "ID", "zone": "UTC", "opt_out_words": ["decline"], "opt_in_words": ["daftar"],
    "help_reply": "Call the desk", "opt_out_reply": "No more messages", "opt_in_reply": "Welcome back",
}  # fmt: skip
"""The tenant's record."""

_SAID = (OUT, BACK, HELP, NEARLY)
_SHARES = (20, 50, 20, 10)
"""More come back than go, so that most guests can be written to."""


def word(dice: Random) -> str:
    """Say a word that is the whole message."""
    return dice.choice(dice.choices(_SAID, _SHARES)[0])
