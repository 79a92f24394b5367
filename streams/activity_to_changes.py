"""The middle hop: each partition of contact-activity folded by its owner into memberships and what tells of them."""

from __future__ import annotations

from processors.fold import Fold
from streams.hop import Hop

ACTIVITY_TO_CHANGES = Hop(
    name="decide",
    sources=("contact-activity",),
    step=Fold,
    targets=(
        "contact-activity",
        "membership-changes",
        "memberships",
        "contacts",
        "groups",
        "tenants",
        "replies",
        "outcomes",
        "notices",
        "dead-letters",
        "decide-changelog",
    ),
)
