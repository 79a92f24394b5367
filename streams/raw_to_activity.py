"""The first hop: raw events and commands, decoded, validated and keyed by their contact; the rest to dead-letters."""

from __future__ import annotations

from processors.normalize import Normalizer
from schemas.activity import RAW_TOPICS
from streams.hop import Hop

RAW_TO_ACTIVITY = Hop(
    name="normalize", sources=RAW_TOPICS, step=Normalizer, targets=("contact-activity", "dead-letters")
)
