"""What can go wrong for a client, by whose fault it is and what to do; no text holds a guest's data."""

from __future__ import annotations

from schemas.base import Reason


class ClientError(Exception):
    """Any fault that the client reports; the text says what to do."""


class InvalidEventError(ClientError):
    """The caller's fault: nothing was sent, because the pipeline would put this event aside as a dead letter.

    `reason` is the dead letter's word, `field` the path of what is wrong, `index` its place in a list of events.
    """

    def __init__(self, reason: Reason, detail: str, *, index: int | None = None) -> None:
        self.reason: Reason = reason
        self.detail = detail
        self.field = detail.partition(":")[0]
        self.index = index
        place = "" if index is None else f"event {index}: "
        super().__init__(f"{place}{reason}: {detail}" if detail else f"{place}{reason}")


class UnreachableError(ClientError):
    """No broker answers at the address given."""

    def __init__(self, bootstrap: str, *, secured: bool) -> None:
        # a refused password or certificate looks the same from here
        also = ", or the SASL and TLS settings" if secured else ""
        super().__init__(f"no broker answers at {bootstrap}: start it, or correct the address{also}")


class MissingTopicError(ClientError):
    """A topic is not there, or this user may not see it."""

    def __init__(self, topic: str) -> None:
        super().__init__(f"there is no topic {topic}: `rollcall topics create` makes it; or the prefix is another")


class UnacknowledgedError(ClientError):
    """The brokers did not acknowledge: the event may lie in the log or not. Publishing it again is safe."""

    def __init__(self, topic: str, what: str) -> None:
        super().__init__(f"{topic}: {what}; publish it again with the same id and source: a repeat has no effect")


class CheckpointError(ClientError):
    """A checkpoint is damaged, or was made by a reader of something else."""


class GapError(ClientError):
    """The log no longer holds what comes next, so changes would be missed.

    Throw away the checkpoint and what was made of it, then start again: a reader without a checkpoint begins with the
    whole table.
    """

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what}: changes are missing. Drop the checkpoint and everything derived from it, and start again from"
            " the table by opening the reader without a checkpoint"
        )


class ReadError(ClientError):
    """A record is not what the contract says, or the brokers refuse to hand it out."""
