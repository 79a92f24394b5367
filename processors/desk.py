"""What lies before the actors of one partition: its rows, its clock, and what they hand out until the next commit."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any, TypeVar

from msgspec import Struct

from processors.budget import FACT, SAID, SLICE
from processors.deadlines import Deadlines
from processors.ledger import Ledger
from processors.rows import (
    NEVER,
    Head,
    booking_of,
    encode,
    fact_key,
    facts_under,
    head_key,
    head_of,
    message_of,
    rating_of,
)
from processors.state import Pending, Store
from schemas.activity import INTERNAL
from schemas.activity import encode as encode_activity
from schemas.quotas import DEFAULT, Quotas

if TYPE_CHECKING:
    from collections.abc import Callable

    from schemas.activity import Activity, BookingFact, MessageFact, RatingFact

Fact = TypeVar("Fact", "BookingFact", "RatingFact")
FACTS: dict[bytes, Any] = {b"b": booking_of, b"r": rating_of}
"""How facts that stay decoded are read, by the letter of their kind."""

CHANGES, MEMBERSHIPS, CONTACTS = "membership-changes", "memberships", "contacts"
OWN, BY_KEY = -1, -2
ORIGIN = (INTERNAL, 0, 0, 0)
"""The first four fields of a record that an owner writes itself."""


class Out(Struct, frozen=True, gc=False):
    """One record to append: to a partition, to the fold's OWN, or to the one its key hashes to."""

    topic: str
    key: bytes
    value: bytes | None
    partition: int = OWN
    headers: tuple[tuple[str, bytes], ...] = ()


KeyValue = tuple[bytes, bytes | None]
"""Key and value of a record of the fold's own partition that has no headers."""


class Desk:
    """One partition's open work. Actors change heads and facts here and append to `out`; `Fold` commits.

    `spent` counts the work of the turn (budget.py), and `until` is where it ends for the record at hand, after a
    `slice`; what is left by then is the `job` at hand (jobs.py).
    `records` is what is said beside `out`, on the topics that get the most of it.
    `kept` is how long (ms) messages are looked at again; `ahead` is what there is to know of the message at hand;
    `flips` what membership-changes will be told, in its order; `changed_rows` the rows, by contact and group, of which
    the table of memberships is to say something else with the commit, flipped or not; `waiting` the groups of the
    contact at hand that are settled once the record is taken in, and after those that they name, each with the reason;
    `met` counts the contacts of each tenant that came since the last commit; `via` is the linked id to which the record
    at hand came; `revived` by which event, of which time, it is there again after it was deleted, and whether that may
    be greeted; `returning` gives the head of one who was erased, if there is something of such a one.
    """

    returning: Callable[[bytes], Head | None]

    def __init__(  # noqa: PLR0913, PLR0917 - what a partition is, and its settings
        self, store: Store, partition: int, partitions: int, prefix: str, kept: int, quotas: Quotas = DEFAULT
    ) -> None:
        self.quotas = quotas
        self.partition = partition
        self.partitions = partitions
        self.prefix = prefix
        self.kept = kept
        self.pending = Pending(store)
        self.now = 0
        self.spent = 0
        self.slice = SLICE
        self.until = NEVER
        self.job: Any = None
        self.out: list[Out] = []
        self.records: dict[str, list[KeyValue]] = {CHANGES: [], MEMBERSHIPS: [], CONTACTS: []}
        self.counts: Counter[str] = Counter()
        self.met: Counter[bytes] = Counter()
        self.heads: dict[bytes, Head] = {}
        self.dirty: dict[bytes, Head] = {}
        self.changed_rows: dict[tuple[bytes, str], None] = {}
        self.changed_profiles: dict[bytes, None] = {}
        self.revived: tuple[tuple[str, str], int, bool] | None = None
        self.waiting: dict[str, Any] = {}
        self.flips: list[Any] = []
        self.ahead: Any = None
        self.deadlines = Deadlines(store)
        self.via = ""
        self.decoded = 0
        self._ledgers: dict[tuple[bytes, bytes], Ledger] = {}

    def head(self, contact: bytes) -> Head:
        """Return a contact's head to be changed, a new one if it has none."""
        head = self.heads.get(contact)
        if head is None:
            raw = self.pending.get(head_key(contact))
            head = head_of(raw) if raw is not None else self.returning(contact) or Head(version=-1)
            self.heads[contact] = head
        self.dirty[contact] = head
        return head

    def due(self, contact: bytes) -> int:
        """Return the next deadline of a contact (epoch ms), 0 if there is none, or no contact."""
        head = self.heads.get(contact)
        if head is None:
            raw = self.pending.get(head_key(contact))
            head = Head() if raw is None else head_of(raw)
        return head.due

    def wake(self, contact: bytes, head: Head, due: int) -> None:
        """Have a contact looked at when `due` comes."""
        if due and (not head.due or due < head.due):
            head.due = due
            self.deadlines.put(due, contact)

    def tell(self, key: bytes, activity: Activity, partition: int = BY_KEY) -> None:
        """Append a record to contact-activity: what one actor tells another."""
        self.spent += SAID
        self.out.append(Out("contact-activity", key, encode_activity(activity), partition))

    def take(self) -> list[Out]:
        """Return all that was said, and forget it; whoever has much to carry takes `out` and `records` as they are."""
        said = self.out + [Out(topic, *one) for topic, records in self.records.items() for one in records]
        self.out.clear()
        for records in self.records.values():
            records.clear()
        return said

    @property
    def oldest(self) -> int:
        """The earliest time (epoch ms) of messages that are still looked at."""
        return self.now - self.kept

    def message(self, key: bytes, stored: bytes | None) -> MessageFact | None:
        """Return one message that its contact keeps; `stored` is what was committed under its key."""
        raw = self.pending.writes.get(key, stored)
        return message_of(raw) if raw is not None else None

    def messages(self, contact: bytes) -> list[MessageFact]:
        """Return all messages that a contact keeps and that are not beyond the retention."""
        facts = [message_of(value) for _, value in self.pending.scan(facts_under(contact, b"m"))]
        self.spent += FACT * len(facts)
        return [fact for fact in facts if fact.time >= self.oldest]

    def ledger(self, contact: bytes, letter: bytes) -> Ledger:
        """Return a contact's bookings (`b`) or ratings (`r`), which stay decoded as long as there is room."""
        known = self._ledgers.pop((contact, letter), None)
        if known is None:
            decoded, rows = FACTS[letter], self.pending.scan(facts_under(contact, letter))
            known = Ledger({key: decoded(value) for key, value in rows})
        self._ledgers[contact, letter] = known  # who was asked for last stands last
        self.decoded += known.size - known.counted
        known.counted = known.size
        return known

    def bookings(self, contact: bytes) -> dict[bytes, BookingFact]:
        """Return a contact's bookings by key."""
        return self.ledger(contact, b"b").facts

    def ratings(self, contact: bytes) -> dict[bytes, RatingFact]:
        """Return a contact's ratings by key."""
        return self.ledger(contact, b"r").facts

    def put_booking(self, contact: bytes, source: str, id_: str, fact: BookingFact | None) -> BookingFact | None:
        """Keep, replace or drop (None) a booking; return what was there."""
        return self._put(contact, b"b", (source, id_), fact)

    def put_rating(self, contact: bytes, source: str, id_: str, fact: RatingFact | None) -> RatingFact | None:
        """Keep, replace or drop (None) a rating; return what was there."""
        return self._put(contact, b"r", (source, id_), fact)

    def _put(self, contact: bytes, letter: bytes, at: tuple[str, str], fact: Fact | None) -> Fact | None:
        """Keep a fact under its key, and among those that are decoded if the contact's are."""
        self.spent += FACT
        known, under = self._ledgers.get((contact, letter)), facts_under(contact, letter)
        key = fact_key(under, *at)
        if known is None:
            raw = self.pending.get(key)
            before = None if raw is None else FACTS[letter](raw)
        else:
            before = known.put(key, fact)
        self.pending.put(key, None if fact is None else encode(fact), under)
        return before

    def trim(self, most: int) -> None:
        """Forget decoded facts, those first that nobody asked for longest, but not the last contact's."""
        while self.decoded > most and len(self._ledgers) > 1:
            self.decoded -= self._ledgers.pop(next(iter(self._ledgers))).counted

    def clear(self) -> None:
        """Forget what was decoded: everything is committed."""
        self.heads.clear()
        self._ledgers.clear()
        self.decoded = 0
