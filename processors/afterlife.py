"""What outlives an erased contact: consent, where its seqs stand, and until when it was erased, under a keyed hash.

Once nothing is known of an erased contact that is newer, its head goes, and with it every row that names it. What must
not be forgotten lies in the same partition under HMAC-SHA256(key, tenant/contact), the key in a file outside Kafka: so
nobody can tell from the rows who was there, and whoever comes back is known again. That happens as soon as a record
leaves nothing else of the contact, not with a commit, so the same log gives the same changes however it is cut.
"""

from __future__ import annotations

import hmac
import re
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from processors.rows import (
    Consent,
    Deleted,
    Edits,
    GroupConsent,
    Head,
    Pins,
    Profile,
    Row,
    Rows,
    Said,
    encode,
    facts_under,
    is_gone,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from processors.definitions import Definitions
    from processors.state import Pending

LETTER, KEYED = b"e", b"k"
TAIL = 8
"""So many digits in a row that a phone ends with name it, however the rest is written."""

_digits = re.compile(r"[+(]*\d(?:[\d\s().+/-]*\d)?")


class Pinned(Struct, array_like=True):
    """What was pinned in a group, and at which version that was created: a later one of its id has none of it."""

    pins: Pins
    born: int


class Floor(Struct, array_like=True):
    """What is left of a contact in one group: its last seq, what it said of the group, and newer pins."""

    seq: int
    consent: GroupConsent | None = None
    pinned: Pinned | None = None


class Outlived(Struct, array_like=True):
    """What is left of a contact."""

    deleted: Deleted
    groups: dict[str, Floor] = {}
    consent: Consent | None = None
    noticed: dict[str, int] = {}


_outlived_of: Any = msgspec.msgpack.Decoder(Outlived).decode


class Afterlife:
    """One partition's erased contacts. `any` is whether there may be some: without, nobody is looked for.

    `departed` are those that went, or were looked up here, since the last commit: the store may still have their heads.
    """

    def __init__(self, key: bytes, pending: Pending, definitions: Callable[[bytes], Definitions]) -> None:
        self._key = key
        self._pending = pending
        self._definitions = definitions
        self.any = next(iter(pending.store.scan(LETTER)), None) is not None
        self.departed: set[bytes] = set()

    def name(self, contact: bytes) -> bytes:
        """Return the key of what outlives a contact (tenant/contact)."""
        return LETTER + hmac.digest(self._key, contact, "sha256")

    def among(self, contacts: Sequence[bytes]) -> list[bytes]:
        """Return those of the contacts of whom there is something."""
        rows = self._pending.get_many([self.name(contact) for contact in contacts])
        return [contact for contact, row in zip(contacts, rows, strict=True) if row is not None]

    def find(self, contact: bytes) -> Head | None:
        """Return the head of an erased contact, up to date with the definitions: there is nothing to be answered."""
        raw = self._pending.get(self.name(contact)) if self.any else None
        if raw is None:
            return None
        self.departed.add(contact)
        definitions, left = self._definitions(contact), _outlived_of(raw)
        rows = Rows((group, _row(floor, group, definitions)) for group, floor in left.groups.items())
        return Head(definitions.version, rows, noticed=left.noticed, consent=left.consent, deleted=left.deleted)

    def keep(self, contact: bytes, head: Head) -> None:
        """Keep what must not be forgotten of a contact."""
        definitions, who = self._definitions(contact), contact.partition(b"/")[2].decode()
        floors = {group: floor for group, row in head.rows.items() if (floor := _floor(row, group, definitions, who))}
        consent = head.consent and replace(head.consent, said=_nameless(head.consent.said, who))
        left = Outlived(head.deleted or Deleted(0, ""), floors, consent, head.noticed)
        self._pending.put(self.name(contact), encode(left))
        self.any = True
        self.departed.add(contact)

    def forget(self, contact: bytes) -> None:
        """Drop what was kept of a contact: it has a head again."""
        self.departed.discard(contact)
        if self.any and self._pending.get(self.name(contact)) is not None:
            self._pending.put(self.name(contact), None)


def fingerprint(key: bytes) -> bytes:
    """Return what tells one key from another, and nothing else of it."""
    return hmac.digest(key, b"rollcall", "sha256")


def is_over(pending: Pending, contact: bytes, head: Head) -> bool:
    """Whether a contact was erased and nothing is known of it that is newer, nor that it has other ids."""
    if (
        head.links is not None
        or head.deleted is None
        or head.deleted.erased is None
        or not is_gone(head)
        or not _is_blank(head.profile)
    ):
        return False
    facts = (next(pending.scan(facts_under(contact, kind)), None) for kind in (b"b", b"r", b"m"))
    return all(fact is None for fact in facts)


def _is_blank(profile: Profile) -> bool:
    return not profile.fields and profile.original_name is None and profile.edits in (None, Edits())


def _floor(row: Row, group: str, definitions: Definitions, contact: str) -> Floor | None:
    """Return what is left of a row, None if there is nothing."""
    pins = row.pins or Pins()
    said = pins.consent and replace(pins.consent, said=_nameless(pins.consent.said, contact))
    pinned, definition = replace(pins, consent=None), definitions.groups.get(group)
    if pinned == Pins() or definition is None or definition.deleting:
        return Floor(row.seq, said) if row.seq or said else None
    return Floor(row.seq, said, Pinned(pinned, definition.born))


def _row(floor: Floor, group: str, definitions: Definitions) -> Row:
    pinned, definition = floor.pinned, definitions.groups.get(group)
    row = Row(floor.seq, pins=None if floor.consent is None else Pins(consent=floor.consent))
    if definition is not None:
        row.memos = definition.rule.empty()
        if pinned is not None and pinned.born == definition.born:
            row.pins = replace(pinned.pins, consent=floor.consent)
    return row


def _nameless(said: Said | None, contact: str) -> Said | None:
    """Take the contact's address out of what was written down as evidence; what the guest said has none."""
    return said and replace(said, words=said.words and without(said.words, contact))


def without(words: str, contact: str) -> str:
    """Return a text with `…` where it has the address that a contact id is."""
    scheme, _, address = contact.partition(":")
    if scheme != "tel":
        return re.sub(rf"(?<!\w){re.escape(address)}(?!\w)", "…", words, flags=re.IGNORECASE)
    end = address[-TAIL:].lstrip("+")
    return _digits.sub(lambda run: "…" if end in _plain(run[0]) else run[0], words)


def _plain(number: str) -> str:
    """Return the digits of a number, in whatever script."""
    return "".join(str(int(sign)) for sign in number if sign.isdecimal())
