"""A contact as it stands, looked at by those who only ask: nothing that is read is kept, and nothing is changed."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

from msgspec import structs

from processors.budget import FACT
from processors.desk import FACTS
from processors.facts import Facts
from processors.ledger import Ledger
from processors.membership import Who
from processors.rows import (
    Head,
    Row,
    Rows,
    facts_under,
    head_key,
    head_of,
    is_gone,
    message_of,
)

if TYPE_CHECKING:
    from processors.definitions import Definition, Definitions
    from processors.desk import Desk
    from processors.leaf import Memo
    from schemas.activity import BookingFact, MessageFact, RatingFact


class Glance:
    """What lies on a desk and below it, committed or not.

    A desk remembers what it decodes; who looks at all contacts must not have it do so. `now` is when it is asked
    (epoch ms): a quiet partition's own clock may have stood still since its last record. `spent` counts the work.
    """

    def __init__(self, desk: Desk, now: int) -> None:
        self._desk = desk
        self.now = max(now, desk.now)
        self.oldest = self.now - desk.kept
        self.spent = 0
        self._contact = b""
        self._ledgers: dict[bytes, Ledger] = {}

    def head(self, contact: bytes, raw: bytes | None = None) -> Head | None:
        """Return the head of a contact that is there; `raw` is its row where that is at hand."""
        known = self._desk.heads.get(contact)
        if known is None:
            row = raw or self._desk.pending.get(head_key(contact))
            known = Head(version=-1) if row is None else head_of(row)
        return known if known.version >= 0 and not is_gone(known) else None

    def renewed(self, contact: bytes, head: Head, definitions: Definitions) -> Head:
        """Return a head whose rows remember nothing of a rule that another has replaced since it was looked at."""
        if head.version >= definitions.ruled:
            return head
        later = [known for known in definitions.since(head.version) if known.ruled > head.version]
        anew = structs.replace(head, rows=Rows(head.rows), version=definitions.version)
        for known in later:
            row = anew.rows.get(known.id, Row())
            anew.rows[known.id] = structs.replace(row, memos=known.rule.empty(), stuck=row.stuck and known.group.sticky)
        facts = self.facts(contact, anew, definitions)
        for known in sorted(later, key=lambda one: (one.level, one.id)):
            anew.rows[known.id].memos = memos_of(facts, known, None)
        return anew

    def messages(self, contact: bytes) -> list[MessageFact]:
        """Return the messages that a contact keeps and that are not beyond the retention."""
        return list(self.messages_by_key(contact).values())

    def messages_by_key(self, contact: bytes) -> dict[bytes, MessageFact]:
        """Return the same by the keys of their rows."""
        facts = {key: message_of(raw) for key, raw in self._desk.pending.scan(facts_under(contact, b"m"))}
        self.spent += FACT * len(facts)
        return {key: fact for key, fact in facts.items() if fact.time >= self.oldest}

    def ledger(self, contact: bytes, letter: bytes) -> Ledger:
        """Return a contact's bookings (`b`) or ratings (`r`); of one contact at a time."""
        if contact != self._contact:
            self._contact, self._ledgers = contact, {}
        if letter not in self._ledgers:
            decoded, rows = FACTS[letter], self._desk.pending.scan(facts_under(contact, letter))
            self._ledgers[letter] = Ledger({key: decoded(raw) for key, raw in rows})
        return self._ledgers[letter]

    def bookings(self, contact: bytes) -> dict[bytes, BookingFact]:
        """Return a contact's bookings by key."""
        return self.ledger(contact, b"b").facts

    def ratings(self, contact: bytes) -> dict[bytes, RatingFact]:
        """Return a contact's ratings by key."""
        return self.ledger(contact, b"r").facts

    def facts(self, contact: bytes, head: Head, definitions: Definitions) -> Facts:
        """Return a contact's facts as rules read them."""
        return Facts(Who(cast("Desk", self), contact, head), definitions)


def memos_of(facts: Facts, definition: Definition, before: Row | None) -> list[Memo]:
    """Answer a group's leaves from the facts; of messages beyond the retention only the row `before` tells."""
    return [facts.memo(definition, at, before) for at in range(len(definition.rule.leaves))]
