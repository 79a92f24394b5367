"""Who would be in a group, before it is created: a slice of one partition's contacts at a time.

Contacts are answered from their facts by the evaluator that a backfill uses, and left as they are. What changes while
the slices go on may be counted as it was or as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from processors.budget import RECORD
from processors.changes import named_by
from processors.consent import sendable
from processors.glance import Glance, memos_of
from processors.membership import evaluated
from processors.outlook import Outlook, look
from processors.profile import names_of
from processors.rows import Head, Row, head_key
from schemas.base import moment
from schemas.groups import Group
from schemas.questions import PreviewAsked, Previewed, Sampled

if TYPE_CHECKING:
    from processors.fold import Fold

SLICE = 10_000
"""Units of work (budget.py) before others get their turn."""
_ALONE = "preview"
"""The rule stands by itself, so its id may be that of another."""


class Preview:
    """One partition's part of a preview, under way."""

    def __init__(self, fold: Fold, asked: PreviewAsked, now: int) -> None:
        self._fold = fold
        self._now = now
        self._asked = asked
        self._under = head_key(f"{asked.tenant}/".encode())
        self._cursor = b""
        group = Group(tenant=asked.tenant, id=_ALONE, name="", rule=asked.rule)
        self._known = fold.definitions(asked.tenant.encode())
        self._definitions, self._definition = self._known.alone(group)
        self._contacts = self._count = self._sendable = 0
        self._sample: list[Sampled] = []
        self._overlap: dict[str, int] = {}

    def go_on(self) -> bool:
        """Look at the next slice; return whether there is more."""
        glance = Glance(self._fold.desk, self._now)
        for row, raw in self._fold.heads.under(self._under, self._cursor):
            self._cursor = row
            glance.spent += RECORD
            head = glance.head(row[1:], raw)
            if head is not None:
                self._look(glance, row[1:], glance.renewed(row[1:], head, self._known))
            if glance.spent >= SLICE:
                return True
        return False

    def _look(self, glance: Glance, key: bytes, head: Head) -> None:
        self._contacts += 1
        facts, rule = glance.facts(key, head, self._definitions), self._definition.rule
        row = evaluated(facts.at, rule, Row(memos=memos_of(facts, self._definition, None)))
        outlook = look(rule, row, glance.now)
        if outlook.mask:
            self._take(key, head, outlook)

    def _take(self, key: bytes, head: Head, outlook: Outlook) -> None:
        contact = named_by(key)[1]
        reached = sendable(head, Row(), contact)
        self._count += 1
        self._sendable += reached
        for group, row in head.rows.items():
            if row.seq & 1:
                self._overlap[group] = self._overlap.get(group, 0) + 1
        if len(self._sample) < self._asked.sample:
            ends = moment(outlook.expires) if outlook.expires else None
            name = names_of(head.profile)[0]
            self._sample.append(Sampled(contact=contact, name=name, expires_at=ends, sendable=reached))

    @property
    def result(self) -> Previewed:
        """What has been found so far."""
        return Previewed(
            contacts=self._contacts,
            count=self._count,
            sendable=self._sendable,
            sample=self._sample,
            overlap=self._overlap,
        )


def united(parts: list[Previewed], sample: int) -> Previewed:
    """Unite what the partitions found: no contact lies in two."""
    overlap: dict[str, int] = {}
    for part in parts:
        for group, count in part.overlap.items():
            overlap[group] = overlap.get(group, 0) + count
    return Previewed(
        contacts=sum(part.contacts for part in parts),
        count=sum(part.count for part in parts),
        sendable=sum(part.sendable for part in parts),
        sample=sorted((one for part in parts for one in part.sample), key=lambda one: one.contact)[:sample],
        overlap=dict(sorted(overlap.items(), key=lambda one: (-one[1], one[0]))),
    )
