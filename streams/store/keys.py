"""How the rows of the store are named, so that one range of keys answers one question.

A key is a letter for the kind of row and then its parts. Every part but the last ends in a mark that no part can
contain (a zero byte inside a part is escaped), so a range over `tenant, contact` never runs into a contact whose id
merely begins alike.

| letter | parts | value |
| --- | --- | --- |
| m | tenant, group, contact | the membership as its topic has it |
| i | tenant, contact, group | empty: the memberships once more, by contact |
| h | tenant, contact, group, seq | append time, then the change as its topic has it |
| n | tenant, group | how many members, how many of them sendable |
| c | tenant, contact | the profile as its topic has it |
| a | tenant, contact | an id that is another contact's: whose |
| g | tenant, group | the definition as its topic has it |
| t | tenant | the tenant's record as its topic has it |
| o | tenant, command, source, index | append time, then the outcome as its topic has it |
| r | tenant, command, source, index | the same where it only tells that it came again |
| d | tenant, command, source | append time, then why the command was turned away |
| x | append time, key of an o, r or d row | empty: what to forget, oldest first |
| y | append time, key of an h row | the same of changes |
| p | topic, partition | how far that partition is applied |
| s | word | what the folder belongs to |
"""

from __future__ import annotations

import struct

_END = b"\0\1"
_U32 = struct.Struct(">I")
_U64 = struct.Struct(">Q")


def part(text: str) -> bytes:
    """One part of a key, closed, in an order that agrees with the text's bytes."""
    return text.encode("utf-8", "surrogatepass").replace(b"\0", b"\0\xff") + _END


def text(closed: bytes) -> str:
    """The text of one closed part."""
    return closed[: -len(_END)].replace(b"\0\xff", b"\0").decode("utf-8", "surrogatepass")


def key(kind: str, *parts: str) -> bytes:
    """The key of a row, or the prefix of all rows that begin with these parts."""
    return kind.encode() + b"".join(map(part, parts))


def last(row_key: bytes, prefix: bytes) -> str:
    """The one part that a key has beyond a prefix."""
    return text(row_key[len(prefix) :])


def upper(prefix: bytes) -> bytes:
    """The first key after all that begin with the prefix."""
    return prefix[:-1] + bytes([prefix[-1] + 1])


def u32(number: int) -> bytes:
    """A number whose bytes sort as it does."""
    return _U32.pack(number)


def u64(number: int) -> bytes:
    """A larger number whose bytes sort as it does."""
    return _U64.pack(number)


def read_u64(raw: bytes, at: int = 0) -> int:
    """The number that `u64` wrote."""
    number: int = _U64.unpack_from(raw, at)[0]
    return number


def outcome(tenant: str, command: str, source: str, index: int, *, again: bool = False) -> bytes:
    """The key of one contact's outcome of a command."""
    return key("r" if again else "o", tenant, command, source) + u32(index)


def change(tenant: str, contact: str, group: str, seq: int) -> bytes:
    """The key of one change of a membership; what is told of a contact's consent has no group."""
    return key("h", tenant, contact, group) + u32(seq)


def position(topic: str, partition: int) -> bytes:
    """The key under which the place in a partition is kept."""
    return key("p", topic) + u32(partition)
