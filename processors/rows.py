"""The rows of a partition's state: how each is keyed and what it holds.

Keys begin with one letter: `h` a contact's head, `f` a fact, `o` the owner of a booking or rating, `a` what the
tenant's actor knows, `b` its commands that wait, `v` the groups that it waits for by version, `g` which groups name
which, `y` and `z` the ids that it has linked, `q` and `n` the commands that it has carried out by name and by number,
`u` those on many contacts that are under way, `t` what became of such a one here, `l` how far laps have come, `d` the
definitions as this partition got them, `s` a scan, `x` who will differ under a group's successor, `j` what linked ids
hand over until all of it is there, `r` what was read of the raw topics, `c` the clock, `w` the sweep of old messages,
`e` what outlives an erased contact (afterlife.py), `k` the fingerprint of the key that those are hashed with, `J` jobs
and `W` what waits for one (jobs.py). Local to a disk, and made again from the heads, is `i`, the index of deadlines.
Values are MessagePack arrays, of structs that are in no cycle, so that the collector need not look at them. Times are
epoch milliseconds; of deadlines, 0 stands for never.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

import msgspec
from msgspec import Raw, Struct, field

from schemas.activity import BookingFact, MessageFact, RatingFact

if TYPE_CHECKING:
    from _collections_abc import dict_items, dict_values

SOURCES = ("rule", "manual", "import", "keyword", "flow", "bulk")
BIT = {name: 1 << i for i, name in enumerate(SOURCES)}
NO_PIN, PINNED_OUT, CLEARED = 0, 1, 2
NEVER = 1 << 60
"""More than any time (epoch ms), or any two revisions."""
BEFORE = -2 * NEVER
"""Before any turn of a fact's owner."""
Edge = tuple[int, str, str]
"""A link: the time (epoch ms) of the first event that named two ids of one guest, and the two."""


NAMED: list[list[Any]] = [[name for name in SOURCES if mask & BIT[name]] for mask in range(1 << len(SOURCES))]
"""The names of the sources in each mask, `rule` first."""


class Add(Struct, array_like=True, gc=False):
    """The newest add of one source."""

    time: int
    id: str
    expires: int = 0


class Said(Struct, array_like=True, gc=False):
    """A word on consent: out or in, by which event, in what words, on which channel; a doubtful one needs a person."""

    time: int
    out: bool
    source: str
    event: str
    words: str | None = None
    channel: str | None = None
    doubtful: bool = False


class GroupConsent(Struct, array_like=True, gc=False):
    """What a contact said of one group: the newest word, the time of the newest opt-out, the opt-ins after that."""

    said: Said
    out: int | None = None
    ins: list[int] = []


class Pins(Struct, array_like=True, gc=False):
    """What was added and removed by hand, order-free: the newest reset, the newest add of each source, consent."""

    reset: int = NO_PIN
    reset_time: int = 0
    reset_id: str = ""
    adds: dict[str, Add] = {}
    consent: GroupConsent | None = None


class Row(Struct, array_like=True, gc=False):
    """One contact in one group: odd `seq` is in, `since` it was last told; `mask` and `expires` are what was told."""

    seq: int = 0
    mask: int = 0
    since: int = 0
    expires: int = 0
    due: int = 0
    memos: list[list[Any]] = []
    stuck: bool = False
    pins: Pins | None = None


_item: Any = dict[str, Any].__getitem__
_found: Any = dict[str, Any].get
"""What is in a dict as it is; to ask super() costs 0.1 µs more."""


class Rows(dict[str, Row]):
    """A contact's rows by group, each decoded when it is first asked for and else written as it was read.

    An event touches few of a contact's groups, and decoded rows lie scattered over the memory: to write a head of eight
    groups costs 10 µs that way, 1 µs from the bytes.
    """

    def __getitem__(self, group: str) -> Row:
        """Return the row in a group; raises KeyError."""
        row = _item(self, group)
        if row.__class__ is Raw:
            row = self[group] = _row_of(row)
        return row  # type: ignore[no-any-return]  # a cast would cost a call

    def get(self, group: str, default: Any = None) -> Any:
        """Return the row in a group, or the default."""
        return self[group] if group in self else default  # noqa: SIM401 - that would be this again

    def open(self, group: str) -> Row:
        """Return the row in a group to be changed, a new one if there is none."""
        row = _found(self, group)
        if row is None or row.__class__ is Raw:
            row = self[group] = Row() if row is None else _row_of(row)
        return row  # type: ignore[no-any-return]

    def items(self) -> dict_items[str, Row]:
        """Return all, decoded."""
        self._decode()
        return super().items()

    def values(self) -> dict_values[str, Row]:
        """Return all rows, decoded."""
        self._decode()
        return super().values()

    def _decode(self) -> None:
        for group in self:
            self[group]


if TYPE_CHECKING:
    LazyRows = Rows
else:
    LazyRows = dict[str, Raw]  # what msgspec is to make of them


class Known(Struct, array_like=True, gc=False):
    """A value, and the event time by which it won; with the command's id where one set it."""

    at: int
    value: Any
    id: str = ""


class Edits(Struct, array_like=True, gc=False):
    """What was set by hand or by bookings: tags by case-folded text (off: ""), attributes by name, a note under ""."""

    tags: dict[str, Known] = {}
    attributes: dict[str, Known] = {}
    note: dict[str, Known] = {}


class Profile(Struct, array_like=True, gc=False):
    """What is known of a guest beside facts. `fields` holds what the newest event says, by field.

    `introduced` is the earliest command that named the contact, `named` the newest.
    """

    source: str | None = None
    since: int | None = None
    original_name: str | None = None
    original_at: int = 0
    fields: dict[str, Known] = {}
    bookings: int = 0
    spent: dict[str, str] = {}
    latest_rating: float = 0
    last_booking: str | None = None
    introduced: Known | None = None
    edits: Edits | None = None
    named: Known | None = None


class Links(Struct, array_like=True, gc=False):
    """Which other ids are this contact's, or whose this id is (`to`), since which word of the tenant (`gen`).

    `leads` says of an alias that it is to be the contact again, once it is handed all. `first` is since when the id
    itself is known, an edge a link: its time and the two ids. What each id said of consent is kept apart, of everything
    and by group. `cut` is the deletion of the contact before the link: it cuts off what comes by its own id.
    """

    gen: int
    first: int
    to: str = ""
    leads: bool = False
    edges: list[Edge] = []
    said: dict[str, Said] = {}
    groups: dict[str, dict[str, GroupConsent]] = {}
    cut: Deleted | None = None


class Consent(Struct, array_like=True, gc=False):
    """The newest word on being written to at all; `seq` counts what was told of it and of single groups.

    `confirmed`: the opt-out was answered, which is done once; `back` is the time of the opt-in that last held.
    """

    seq: int = 0
    said: Said | None = None
    confirmed: bool = False
    back: int = 0


class Head(Struct, array_like=True, gc=False):
    """A contact's head row: all but its facts. `version` is the definitions it is up to date with."""

    version: int = 0
    rows: LazyRows = field(default_factory=Rows)
    profile: Profile = field(default_factory=Profile)
    due: int = 0
    indexed: int = 0
    noticed: dict[str, int] = {}
    consent: Consent | None = None
    deleted: Deleted | None = None
    links: Links | None = None


class Deleted(Struct, array_like=True, gc=False):
    """Up to when a contact was deleted, by which command, and up to when its facts were erased, if they were."""

    at: int
    id: str
    erased: int | None = None


class Left(Struct, array_like=True, gc=False):
    """What a contact leaves of its row in a group: its pins, and what only the row knows of messages by that rule."""

    ruled: int
    pins: Pins | None = None
    memos: list[list[Any]] = []
    stuck: bool = False


class Estate(Struct, array_like=True, gc=False):
    """What a contact hands over, but for its facts; a part of it is one too. `consent` tells of answers alone."""

    profile: Profile = field(default_factory=Profile)
    rows: dict[str, Left] = {}
    noticed: dict[str, int] = {}
    said: dict[str, Said] = {}
    groups: dict[str, dict[str, GroupConsent]] = {}
    consent: Consent | None = None


class Legacy(Struct, array_like=True, gc=False):
    """What an erased contact leaves to its other ids: until when it was erased, and its consent."""

    deleted: Deleted
    said: Said | None = None
    groups: dict[str, GroupConsent] = {}
    consent: Consent | None = None


class Component(Struct, array_like=True):
    """Ids that are one contact, as the tenant's actor knows them: `leader` is the contact, `phone` its phone.

    `gen` counts what was said of them, `renamed` is the newest contact.rename (time, id), `firsts` since when an id is
    known where that matters.
    """

    name: str
    leader: str
    phone: str | None = None
    gen: int = 0
    renamed: tuple[int, str] = (0, "")
    edges: list[Edge] = []
    firsts: dict[str, int] = {}


class Owner(Struct, array_like=True, gc=False):
    """The last word on a booking or rating: its newest content, and the newest that named a guest.

    `older` are the revisions below the newest that were read, the lowest first.
    """

    revision: int = -1
    contact: str | None = None
    rank: list[int] = []
    given_to: str | None = None
    booking: BookingFact | None = None
    rating: RatingFact | None = None
    older: tuple[int, ...] = ()


class Authority(Struct, array_like=True):
    """What a tenant's actor knows of its tenant: of `groups` groups that are not being deleted.

    They have `keywords` keywords and `words` words to join and leave; rows from before say -1. `reported` is by
    partition the version that all its contacts are up to date with, `earliest` since when it knows the first of them;
    what waited for a version up to `finished` has been finished. `bulks` numbers the commands whose outcomes are
    counted, `commands` all that were carried out, of which those up to `outdated` are remembered no more. `open`,
    `shadows` and `unused` keep the places of what rows from before have there.
    """

    version: int = 0
    record: bytes | None = None
    open: list[str] = []
    shadows: list[str] = []
    bulks: int = 0
    unused: int = 0
    commands: int = 0
    outdated: int = 0
    groups: int = -1
    keywords: int = 0
    words: int = 0
    reported: dict[int, int] = {}
    earliest: dict[int, int] = {}
    finished: int = 0


class Open(Struct, array_like=True, gc=False):
    """What waits under its version until all partitions have reported: a group, with the members counted so far."""

    group: str
    members: int = 0


class Succession(Struct, array_like=True):
    """The version at which a group's successor was asked for, and by which command; `waiting` is of old rows."""

    version: int
    waiting: list[int]
    source: str
    id: str


class Bulk(Struct, array_like=True):
    """A command on many contacts: when it came, how many of them, what became of them so far, who has not told yet.

    `asked` is how often the partitions were asked.
    """

    source: str
    id: str
    began: int
    type: str = ""
    group: str = ""
    of: int = 0
    counts: dict[str, int] = {}
    waiting: list[int] = []
    asked: int = 0


class Laps(Struct, array_like=True):
    """How far each partition has come, [version, per mille], and when that was last shown."""

    told: int = 0
    shares: dict[int, list[int]] = {}


class AuthorityGroup(Struct, array_like=True):
    """What a tenant's actor knows of a group: its JSON, its version and by which command it got it.

    What partitions have reported of it stood here before: `waiting`, `counted` and `earliest`.
    """

    body: bytes
    version: int
    waiting: list[int] = []
    counted: int = 0
    earliest: int | None = None
    source: str = ""
    id: str = ""
    succession: Succession | None = None


class Scan(Struct, array_like=True):
    """How far a partition's lap over one tenant's contacts has come: `lap` is the version it brings them to, or 0.

    `total` counts the contacts there are, `seen` those of the lap; `told` is when that was last told. `shadows` counts
    who is to join and leave under successors; in `ahead` stand the groups whose successors have just taken over.
    `counts` are the members of groups by the versions of these, `members` by their ids, as laps from before have them.
    `begun` counts the laps that were asked for since the moment `burst` (epoch ms).
    """

    lap: int = 0
    done: int = 0
    cursor: bytes = b""
    members: dict[str, int] = {}
    earliest: int | None = None
    total: int = 0
    seen: int = 0
    told: int = 0
    shadows: dict[str, list[int]] = {}
    ahead: list[str] = []
    counts: dict[int, int] = {}
    burst: int = 0
    begun: int = 0


class Sweep(Struct, array_like=True):
    """When messages are next looked through for those beyond the retention, and how far that has come."""

    due: int = 0
    cursor: bytes = b""


class Defined(Struct, array_like=True):
    """A definition as this partition got it; `version` is when it came or, later, began to be deleted.

    `ruled` is when its rule came (of a tenant's record: the way in which phones are written), `shadow` when its
    successor was asked for, if one is built, `born` when the group came.
    """

    version: int
    body: bytes
    source: str = ""
    id: str = ""
    ruled: int = 0
    shadow: int = 0
    born: int = 0


encode = msgspec.msgpack.Encoder().encode
_row_of: Any = msgspec.msgpack.Decoder(Row).decode
_head_of: Any = msgspec.msgpack.Decoder(Head).decode
message_of: Any = msgspec.msgpack.Decoder(MessageFact).decode
booking_of: Any = msgspec.msgpack.Decoder(BookingFact).decode
rating_of: Any = msgspec.msgpack.Decoder(RatingFact).decode
owner_of: Any = msgspec.msgpack.Decoder(Owner).decode
authority_of: Any = msgspec.msgpack.Decoder(Authority).decode
open_of: Any = msgspec.msgpack.Decoder(Open).decode
authority_group_of: Any = msgspec.msgpack.Decoder(AuthorityGroup).decode
bulk_of: Any = msgspec.msgpack.Decoder(Bulk).decode
laps_of: Any = msgspec.msgpack.Decoder(Laps).decode
scan_of: Any = msgspec.msgpack.Decoder(Scan).decode
sweep_of: Any = msgspec.msgpack.Decoder(Sweep).decode
read_of: Any = msgspec.msgpack.Decoder(dict[int, list[int]]).decode
estate_of: Any = msgspec.msgpack.Decoder(Estate).decode
legacy_of: Any = msgspec.msgpack.Decoder(Legacy).decode
component_of: Any = msgspec.msgpack.Decoder(Component).decode
defined_of: Any = msgspec.msgpack.Decoder(Defined).decode


def head_of(raw: bytes) -> Head:
    """Decode a head, but not yet its rows."""
    head: Head = _head_of(raw)
    head.rows = Rows(head.rows)
    return head


def links_of(head: Head) -> Links:
    """Return the links of a contact that has some."""
    return cast("Links", head.links)


def is_alias(head: Head) -> bool:
    """Whether an id belongs to another contact, to which all that comes goes on."""
    return head.links is not None and bool(head.links.to)


def is_known(head: Head) -> bool:
    """Whether anything was heard of a contact, since it was deleted if it was."""
    return head.profile.since is not None or head.profile.introduced is not None


def is_gone(head: Head) -> bool:
    """Whether there is no contact any more: deleted, and nothing was heard of it since, or linked to another."""
    if is_alias(head):
        return True
    return head.deleted is not None and not is_known(head)


def is_shown(head: Head) -> bool:
    """Whether there is a row of a contact in `contacts`: who was only kept out of groups by hand has none."""
    return not is_gone(head) and (is_known(head) or (head.consent is not None and head.consent.said is not None))


def later(one: Deleted | None, other: Deleted | None) -> Deleted | None:
    """Return the deletion that cuts off more."""
    return max((deleted for deleted in (one, other) if deleted is not None), key=lambda it: it.at, default=None)


def counts(head: Head, time: int) -> bool:
    """Whether an event of this time (epoch ms) says anything of the contact that there is now."""
    return head.deleted is None or time > head.deleted.at


def cut_off(head: Head) -> int:
    """Tell up to when (epoch ms) events say nothing of the contact that there is now."""
    return BEFORE if head.deleted is None else head.deleted.at


def keeps(head: Head, time: int) -> bool:
    """Whether a fact of this time is kept at all."""
    return head.deleted is None or head.deleted.erased is None or time > head.deleted.erased


def owner_key(tenant: str, kind: str, source: str, id_: str) -> bytes:
    """Return the key of a fact's own actor; the source's length keeps a:b and c apart from a and b:c."""
    return f"{tenant}/{kind}:{len(source)}:{source}:{id_}".encode()


def head_key(contact: bytes) -> bytes:
    """Return the key of a contact's head; `contact` is tenant/contact."""
    return b"h" + contact


def facts_under(contact: bytes, kind: bytes) -> bytes:
    """Return the prefix of a contact's facts of one kind (`b`, `r` or `m`).

    The length goes first: ids may hold any character, and no contact's prefix may be the beginning of another's.
    """
    return b"f%b%b%b" % (_length(contact), contact, kind)


def fact_key(under: bytes, source: str, id_: str) -> bytes:
    """Return the key of one fact; `under` is what facts_under gives."""
    return b"%b%b%b" % (under, _named(source), id_.encode())


def _length(text: bytes) -> bytes:
    length = len(text)
    return _LENGTHS[length] if length < len(_LENGTHS) else length.to_bytes(2, "big")


@lru_cache(1_024)
def _named(source: str) -> bytes:
    name = source.encode()
    return _length(name) + name


_LENGTHS = [length.to_bytes(2, "big") for length in range(128)]


def named_in(key: bytes, under: bytes) -> tuple[str, str]:
    """Return the source and the id in the key of a fact."""
    rest = key[len(under) :]
    end = 2 + int.from_bytes(rest[:2], "big")
    return rest[2:end].decode(), rest[end:].decode()


def is_message(key: bytes) -> bool:
    """Tell the key of a message from other facts' keys."""
    at = 3 + int.from_bytes(key[1:3], "big")
    return key[at : at + 1] == b"m"


def contact_of(key: bytes) -> bytes:
    """Return the contact in the key of a fact."""
    return key[3 : 3 + int.from_bytes(key[1:3], "big")]


def fact_name(key: bytes) -> tuple[str, str]:
    """Return the source and id that a fact's key was made of."""
    at = 4 + int.from_bytes(key[1:3], "big")
    end = at + 2 + int.from_bytes(key[at : at + 2], "big")
    return key[at + 2 : end].decode(), key[end:].decode()
