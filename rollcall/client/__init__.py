"""Publish events and follow memberships from Python: a `Publisher` and a `MembershipReader`, both safe to retry.

docs/client.md tells how, and what is promised.
"""

from rollcall.client.brokers import Brokers
from rollcall.client.errors import (
    CheckpointError,
    ClientError,
    GapError,
    InvalidEventError,
    MissingTopicError,
    ReadError,
    UnacknowledgedError,
    UnreachableError,
)
from rollcall.client.journal import Journal
from rollcall.client.publisher import Publisher, Receipt
from rollcall.client.reader import Batch, MembershipReader
from rollcall.client.state import FileState, ReaderState
from rollcall.client.told import Told
from schemas.outputs import ContactChange

__all__ = [
    "Batch",
    "Brokers",
    "CheckpointError",
    "ClientError",
    "ContactChange",
    "FileState",
    "GapError",
    "InvalidEventError",
    "Journal",
    "MembershipReader",
    "MissingTopicError",
    "Publisher",
    "ReadError",
    "ReaderState",
    "Receipt",
    "Told",
    "UnacknowledgedError",
    "UnreachableError",
]
