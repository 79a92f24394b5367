"""The records of `contact-activity`: what one partition's owner folds, in MessagePack arrays.

The topic is internal, so its form may change with the code; its records are read again for 30 days at most. A record
that comes from a raw topic carries where it lay there (`topic`, `partition`, `offset`, `index`): the owner skips
what is
not above the last it has of that raw partition, which makes normalize's repeats harmless. What owners write themselves
(`topic` -1) is transactional and needs no such memory. Times are epoch milliseconds.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec import Struct

RAW_TOPICS = ("bookings", "ratings", "messages", "commands")
BOOKINGS, RATINGS, MESSAGES, COMMANDS = range(len(RAW_TOPICS))
INTERNAL = -1


class Activity(Struct, frozen=True, array_like=True, tag_field="_", gc=False):
    """Where a record lay in its raw topic; `topic` indexes RAW_TOPICS, `index` counts the records made of one.

    {"topic": 2, "partition": 0, "offset": 17, "index": 0}
    """

    topic: int
    partition: int
    offset: int
    index: int


class Edited(Struct, frozen=True, array_like=True, gc=False):
    """What a command, or a booking, sets on a contact. A tag is on or off; an attribute that is null is taken away.

    {"tags": {"vip": true}, "attributes": {"tier": "gold"}, "note": null, "fields": {"language": "id"}}
    """

    tags: dict[str, bool] = {}
    attributes: dict[str, Any] = {}
    note: str | None = None
    fields: dict[str, Any] = {}


class Seen(Struct, frozen=True, array_like=True, gc=False):
    """What an event tells of its guest, beside the contact id; `unused` keeps the place of what older records have.

    {"time": 1793613911000, "unused": null, "name": "Made"}
    """

    time: int
    unused: str | None = None
    name: str | None = None
    first_name: str | None = None
    last_name: str | None = None
    email: str | None = None
    country: str | None = None
    area: str | None = None
    language: str | None = None
    property: str | None = None
    phone_invalid: bool = False
    edited: Edited | None = None


class MessageSeen(Activity, frozen=True, array_like=True, tag="m", gc=False):
    """A message, keyed by its contact; `words` is the normalised text.

    {"topic": 2, "partition": 0, "offset": 17, "index": 0, "source": "whatsapp", "event": "wamid.A1", "id": "wamid.A1",
     "revision": 1, "time": 1793613911000, "words": "can we book dinner", "channel": "whatsapp", "seen": null}
    """

    source: str
    event: str
    id: str
    revision: int
    time: int
    words: str
    channel: str
    seen: Seen | None = None
    property: str | None = None
    inbound: bool = True
    deleted: bool = False
    address: str = ""


class BookingFact(Struct, frozen=True, array_like=True, gc=False):
    """A booking as its contact keeps it; days are ISO dates. `turn` goes up each time its owner gives it to anybody.

    {"revision": 3, "time": 1792488600000, "status": "confirmed", "property": "ubud", "channel": "booking.com",
     "room_type": "Pool Villa", "check_in": "2026-11-01", "check_out": "2026-11-04", "amount": "4250000.00",
     "currency": "IDR"}
    """

    revision: int
    time: int
    status: str
    property: str | None = None
    channel: str | None = None
    room_type: str | None = None
    check_in: str | None = None
    check_out: str | None = None
    amount: str | None = None
    currency: str | None = None
    turn: int = 0


class RatingFact(Struct, frozen=True, array_like=True, gc=False):
    """A rating as its contact keeps it; `turn` as a booking's.

    {"revision": 1, "time": 1793793600000, "stars": 5, "property": "ubud", "withdrawn": false}
    """

    revision: int
    time: int
    stars: float = 0
    property: str | None = None
    withdrawn: bool = False
    turn: int = 0


class MessageFact(Struct, frozen=True, array_like=True, gc=False):
    """A message as its contact keeps it, for the retention; `older` are the revisions below it that were read.

    {"revision": 2, "time": 1793613911000, "words": "can we book dinner", "channel": "whatsapp", "property": null,
     "inbound": true, "deleted": false, "older": [1]}
    """

    revision: int
    time: int
    words: str
    channel: str
    property: str | None = None
    inbound: bool = True
    deleted: bool = False
    older: tuple[int, ...] = ()


class BookingSeen(Activity, frozen=True, array_like=True, tag="b", gc=False):
    """A booking's revision, keyed by the booking; `contact` is null where the event names no guest.

    {"topic": 0, "partition": 0, "offset": 4, "index": 0, "source": "booking.com", "event": "bk-1001:3", "id":
     "bk-1001",
     "fact": {"revision": 3, "time": 1792488600000, "status": "confirmed"}, "contact": "tel:+6281234567890", "seen":
     null}
    """

    source: str
    event: str
    id: str
    fact: BookingFact
    contact: str | None = None
    seen: Seen | None = None


class RatingSeen(Activity, frozen=True, array_like=True, tag="r", gc=False):
    """A rating's revision, keyed by the rating.

    {"topic": 1, "partition": 0, "offset": 4, "index": 0, "source": "reviews", "event": "rt-77:1", "id": "rt-77",
     "fact": {"revision": 1, "time": 1793793600000, "stars": 5}, "contact": "tel:+6281234567890", "seen": null}
    """

    source: str
    event: str
    id: str
    fact: RatingFact
    contact: str | None = None
    seen: Seen | None = None


class FactPut(Activity, frozen=True, array_like=True, tag="p", gc=False):
    """A booking's or rating's owner gives it to its contact.

    {"topic": -1, "partition": 0, "offset": 0, "index": 0, "kind": "booking", "source": "booking.com",
     "event": "bk-1001:3", "id": "bk-1001", "at": 1792488600000,
     "booking": {"revision": 3, "time": 1792488600000, "status": "confirmed"}, "rating": null, "seen": null}
    """

    kind: str
    source: str
    event: str
    id: str
    at: int
    booking: BookingFact | None = None
    rating: RatingFact | None = None
    seen: Seen | None = None

    @property
    def turn(self) -> int:
        """The owner's turn by which it is given."""
        fact = self.booking or self.rating
        return fact.turn if fact is not None else 0


class FactTaken(Activity, frozen=True, array_like=True, tag="x", gc=False):
    """A booking or rating has moved to another contact; with `seen` if it had before this one was even heard of.

    {"topic": -1, "partition": 0, "offset": 0, "index": 0, "kind": "booking", "source": "booking.com",
     "event": "bk-1001:4", "id": "bk-1001", "at": 1792488600000, "seen": null}
    """

    kind: str
    source: str
    event: str
    id: str
    at: int
    seen: Seen | None = None
    turn: int = 0  # counts what the owner gave by then: what another id of the contact was given at it or later stays


class TenantAsked(Activity, frozen=True, array_like=True, tag="t", gc=False):
    """A command on the tenant or on a group, keyed by the tenant: the command as JSON, and what is kept of its record.

    {"topic": 3, "partition": 0, "offset": 9, "index": 0, "command": "e30=", "original": "e30=", "key": null,
     "headers": [], "cut": {}}
    """

    command: bytes
    original: bytes
    key: bytes | None = None
    headers: list[tuple[str, bytes]] = []
    cut: dict[str, str] = {}


class PinsAsked(Activity, frozen=True, array_like=True, tag="q", gc=False):
    """A command on members or consent (`group` "": of everything; a contact "": a phone that is none), by the tenant.

    {"topic": 3, "partition": 0, "offset": 9, "index": 0, "source": "console", "id": "c-6", "time": 1793613911000,
     "type": "group.add", "group": "vip", "contacts": ["tel:+6281234567890", null], "reason": "manual", "expires": 0,
     "reply": null, "evidence": null}
    """

    source: str
    id: str
    time: int
    type: str
    group: str
    contacts: list[str | None]
    reason: str = "manual"
    expires: int = 0
    reply: bool | None = None
    evidence: str | None = None


class Pin(Activity, frozen=True, array_like=True, tag="n", gc=False):
    """One contact's part of PinsAsked; `bulk` numbers the command where its outcomes are counted.

    {"topic": -1, "partition": 0, "offset": 0, "index": 0, "source": "console", "id": "c-6", "time": 1793613911000,
     "type": "group.add", "group": "vip", "reason": "manual", "expires": 0, "reply": null, "evidence": null,
     "nth": 0, "of": 1, "bulk": 0}
    """

    source: str
    id: str
    time: int
    type: str
    group: str
    reason: str = "manual"
    expires: int = 0
    reply: bool | None = None
    evidence: str | None = None
    nth: int = 0
    of: int = 1
    bulk: int = 0


class Heard(Activity, frozen=True, array_like=True, tag="g", gc=False):
    """What a former revision of a contact's own booking or rating tells of the guest, which came after a later one.

    {"topic": -1, "partition": 0, "offset": 0, "index": 0, "source": "booking.com", "event": "bk-1001:2",
     "at": 1792488600000, "seen": {"time": 1792488600000, "unused": null, "name": "Made"}}
    """

    source: str
    event: str
    at: int
    seen: Seen | None = None


class FactErased(Activity, frozen=True, array_like=True, tag="w", gc=False):
    """A booking or rating was erased with its contact, as far as it is not newer than a moment; keyed by the fact.

    {"topic": -1, "partition": 0, "offset": 0, "index": 0, "contact": "tel:+6281234567890", "until": 1792488600000}
    """

    contact: str
    until: int


class EditsAsked(Activity, frozen=True, array_like=True, tag="e", gc=False):
    """A contact.* command, keyed by the tenant, whose actor knows which groups there are.

    {"topic": 3, "partition": 0, "offset": 9, "index": 0, "source": "console", "id": "c-9", "time": 1793613911000,
     "type": "contact.tag", "contacts": ["tel:+6281234567890", null], "edited": {"tags": {"vip": true}}, "groups": []}
    """

    source: str
    id: str
    time: int
    type: str
    contacts: list[str | None]
    edited: Edited
    groups: list[str] = []
    erase: bool = False


class Edit(Activity, frozen=True, array_like=True, tag="h", gc=False):
    """One contact's part of EditsAsked; `bulk` numbers the command where its outcomes are counted.

    {"topic": -1, "partition": 0, "offset": 0, "index": 0, "source": "console", "id": "c-9", "time": 1793613911000,
     "type": "contact.tag", "edited": {"tags": {"vip": true}}, "groups": [], "nth": 0, "of": 1, "erase": false,
     "bulk": 0}
    """

    source: str
    id: str
    time: int
    type: str
    edited: Edited
    groups: list[str] = []
    nth: int = 0
    of: int = 1
    erase: bool = False
    bulk: int = 0


class CountAsked(Activity, frozen=True, array_like=True, tag="c", gc=False):
    """All parts of a command on many contacts were handed out: each partition tells what became of those with it.

    {"topic": -1, "partition": 0, "offset": 0, "index": 0, "bulk": 17}
    """

    bulk: int


class Counted(Activity, frozen=True, array_like=True, tag="u", gc=False):
    """How many outcomes of each kind a command had in a partition since that was last asked; keyed by the tenant.

    {"topic": -1, "partition": 0, "offset": 0, "index": 0, "by": 7, "bulk": 17,
     "counts": {"applied/": 812, "unchanged/already_member": 3}}
    """

    by: int
    bulk: int
    counts: dict[str, int]


class LinkSeen(Activity, frozen=True, array_like=True, tag="L", gc=False):
    """An event names two ids of one guest, of which `lead` leads; keyed by one, which adds since when it is known.

    {"topic": 0, "partition": 0, "offset": 4, "index": 1, "source": "booking.com", "event": "bk-1001:3",
     "at": 1792488600000, "lead": "tel:+6281234567890", "other": "mailto:made@example.com", "firsts": {}}
    """

    source: str
    event: str
    at: int
    lead: str
    other: str
    firsts: dict[str, int] = {}


class LinkAsked(Activity, frozen=True, array_like=True, tag="a", gc=False):
    """Two ids that are not linked yet, or (twice the same) one that is known for longer; keyed by the tenant.

    {"topic": -1, "partition": 0, "offset": 0, "index": 0, "source": "booking.com", "event": "bk-1001:3",
     "at": 1792488600000, "lead": "tel:+6281234567890", "other": "mailto:made@example.com",
     "firsts": {"mailto:made@example.com": 1792488600000}}
    """

    source: str
    event: str
    at: int
    lead: str
    other: str
    firsts: dict[str, int]


class Conflict(Activity, frozen=True, array_like=True, tag="C", gc=False):
    """An event names an id of this contact and one of another who cannot be the same; keyed by the contact.

    {"topic": -1, "partition": 0, "offset": 0, "index": 0, "source": "booking.com", "event": "bk-1001:3"}
    """

    source: str
    event: str


class Asked(Struct, frozen=True, array_like=True, gc=False):
    """A command whose outcome is told by whoever carries it out last.

    {"source": "console", "id": "c-14", "time": 1793613911000}
    """

    source: str
    id: str
    time: int


class RenameAsked(Activity, frozen=True, array_like=True, tag="v", gc=False):
    """A contact.rename, keyed by the tenant; asked again with `free` once nobody else has the new id.

    {"topic": 3, "partition": 0, "offset": 9, "index": 0, "asked": {"source": "console", "id": "c-14",
     "time": 1793613911000}, "contact": "tel:+6281234567890", "to": "tel:+6281234567891", "free": false}
    """

    asked: Asked
    contact: str | None
    to: str | None
    free: bool = False


class Renaming(Activity, frozen=True, array_like=True, tag="i", gc=False):
    """Asks the contact whether it is there, then the new id whether somebody else has it.

    {"topic": -1, "partition": 0, "offset": 0, "index": 0, "asked": {"source": "console", "id": "c-14",
     "time": 1793613911000}, "contact": "tel:+6281234567890", "to": "tel:+6281234567891"}
    """

    asked: Asked
    contact: str
    to: str


class Directed(Activity, frozen=True, array_like=True, tag="j", gc=False):
    """The tenant's word to each of some linked ids: whose they are since `gen`, and by which links (time, two ids).

    {"topic": -1, "partition": 0, "offset": 0, "index": 0, "source": "booking.com", "event": "bk-1001:3",
     "at": 1792488600000, "gen": 1, "to": "tel:+6281234567890",
     "edges": [[1792488600000, "mailto:made@example.com", "tel:+6281234567890"]],
     "firsts": {"mailto:made@example.com": 1792488600000}, "asked": null}
    """

    source: str
    event: str
    at: int
    gen: int
    to: str
    edges: list[tuple[int, str, str]]
    firsts: dict[str, int]
    asked: Asked | None = None


class Handed(Activity, frozen=True, array_like=True, tag="y", gc=False):
    """What a contact hands to the one it is linked to, or the `nth` part of that; keyed by the latter.

    {"topic": -1, "partition": 0, "offset": 0, "index": 0, "source": "booking.com", "event": "bk-1001:3",
     "at": 1792488600000, "gen": 1, "of": "mailto:made@example.com", "nth": 0, "more": false,
     "edges": [[1792488600000, "mailto:made@example.com", "tel:+6281234567890"]], "estate": null, "facts": [],
     "asked": null}
    """

    source: str
    event: str
    at: int
    gen: int
    of: str
    nth: int
    more: bool
    edges: list[tuple[int, str, str]]
    estate: bytes | None = None  # a row of the owner's, all but facts; None: nothing was known
    facts: list[tuple[bytes, bytes]] = []  # rows, without the contact in their keys
    asked: Asked | None = None


class Parting(Activity, frozen=True, array_like=True, tag="o", gc=False):
    """A contact was erased that has other ids: keyed by the tenant, which is to forget that they are linked.

    {"topic": -1, "partition": 0, "offset": 0, "index": 0, "contact": "tel:+6281234567890", "gen": 1, "left": "e30="}
    """

    contact: str
    gen: int
    left: bytes  # a row of the owner's: until when it was erased, and its consent


class Parted(Activity, frozen=True, array_like=True, tag="z", gc=False):
    """A linked id is to be its own again: the contact that it belonged to was erased, and it with that.

    {"topic": -1, "partition": 0, "offset": 0, "index": 0, "gen": 1, "left": "e30="}
    """

    gen: int
    left: bytes


class Forwarded(Activity, frozen=True, array_like=True, tag="f", gc=False):
    """A record that came to a linked id, for the contact that it belongs to.

    {"topic": -1, "partition": 0, "offset": 0, "index": 0, "via": "mailto:made@example.com", "body": "e30="}
    """

    via: str
    body: bytes


class Defined(Activity, frozen=True, array_like=True, tag="d", gc=False):
    """A tenant's record or a group's definition, broadcast into every partition; `version` counts definitions.

    {"topic": -1, "partition": 0, "offset": 0, "index": 0, "version": 3, "tenant": "bali-resorts", "record": null,
     "group": "e30=", "gone": null, "source": "console", "id": "c-3"}
    """

    version: int
    tenant: str
    record: bytes | None = None
    group: bytes | None = None
    gone: str | None = None
    source: str = ""
    id: str = ""


class Scanned(Activity, frozen=True, array_like=True, tag="s", gc=False):
    """One partition has all its contacts at a version; `counts` are members by groups' versions, with `more` not all.

    {"topic": -1, "partition": 0, "offset": 0, "index": 0, "by": 7, "version": 3, "members": {},
     "earliest": 1793613911000, "shadows": {"vip": [3, 1]}, "counts": {"2": 40}, "more": false}
    """

    by: int
    version: int
    members: dict[str, int]
    earliest: int | None = None
    shadows: dict[str, list[int]] = {}
    counts: dict[int, int] = {}
    more: bool = False


class Lapping(Activity, frozen=True, array_like=True, tag="l", gc=False):
    """How many per mille of its contacts a partition has brought up to a version so far; keyed by the tenant.

    {"topic": -1, "partition": 0, "offset": 0, "index": 0, "by": 7, "version": 3, "share": 420}
    """

    by: int
    version: int
    share: int


class Tick(Activity, frozen=True, array_like=True, tag="k", gc=False):
    """Time goes on: the append time of this record lets deadlines fire and scans go on.

    {"topic": -1, "partition": 0, "offset": 0, "index": 0}
    """


AnyActivity = (
    MessageSeen
    | BookingSeen
    | RatingSeen
    | FactPut
    | FactTaken
    | TenantAsked
    | PinsAsked
    | Pin
    | Heard
    | FactErased
    | EditsAsked
    | Edit
    | CountAsked
    | Counted
    | LinkSeen
    | LinkAsked
    | Conflict
    | RenameAsked
    | Renaming
    | Directed
    | Handed
    | Parting
    | Parted
    | Forwarded
    | Defined
    | Scanned
    | Lapping
    | Tick
)

encode = msgspec.msgpack.Encoder().encode
decode: Any = msgspec.msgpack.Decoder(AnyActivity).decode
