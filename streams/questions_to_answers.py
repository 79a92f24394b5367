"""Beside the stream: what only a contact's owner knows, asked and answered. decide's workers carry it."""

from __future__ import annotations

from processors.answer import answering
from streams.hop import Hop

QUESTIONS_TO_ANSWERS = Hop(name="answer", sources=("questions",), step=answering, targets=("answers",))
