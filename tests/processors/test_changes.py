"""Records of changes and memberships, filled into forms: to the byte what encoding them would give."""

from __future__ import annotations

from typing import cast, get_args

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from processors.changes import Flip, change_id, table_row, tell
from processors.desk import CHANGES, MEMBERSHIPS, Desk
from processors.rows import NAMED, Consent, Head, Row, Rows, Said
from processors.state import MemoryStore
from schemas.base import moment
from schemas.groups import Group
from schemas.outputs import Cause, Change, ChangeData, ChangeReason, JoinReason, LeaveReason, Membership, Origin

texts = st.text('ab%"\\\0\n{}é餐😀', max_size=6)
times = st.integers(-(1 << 45), 1 << 45)
groups = st.tuples(st.sampled_from(["vip", "food"]) | texts, texts).map(
    lambda told: Group(tenant="bali", id=told[0], name="", rule={"event": "manual"}, rule_hash=told[1])
)
flips = st.tuples(
    st.just("tel:+6281234567890") | texts.map("chat:{}".format),
    groups,
    st.integers(1, 1 << 53),
    st.sampled_from([*get_args(JoinReason), *get_args(LeaveReason)]),
    st.none() | st.tuples(texts, texts),
    st.none() | texts,
    times,
    st.just(0) | times,
    st.integers(0, len(NAMED) - 1),
    st.sampled_from(["live", "backfill"]),
    st.booleans(),
    times,
).map(lambda told: Flip(f"bali/{told[0]}".encode(), "bali", *told))


def desk() -> Desk:
    """A desk with nothing on it."""
    return Desk(MemoryStore(), 0, 1, "rollcall.", 0)


def change(flip: Flip) -> Change:
    """The record of a flip, by its schema."""
    tenant, contact = flip.tenant, flip.contact
    joined = flip.seq % 2 == 1
    return Change(
        type="membership.joined" if joined else "membership.left",
        id=change_id(tenant, flip.group.id, contact, flip.seq),
        time=moment(flip.now),
        tenant=tenant,
        subject=contact,
        data=ChangeData(
            group=flip.group.id,
            contact=contact,
            change="joined" if joined else "left",
            seq=flip.seq,
            reason=cast("ChangeReason", flip.reason),
            cause=Cause(*flip.cause) if flip.cause else None,
            evidence=flip.evidence,
            rule_hash=flip.group.rule_hash,
            effective_at=moment(flip.effective),
            expires_at=moment(flip.expires) if flip.expires else None,
            sources=NAMED[flip.mask],
            origin=cast("Origin", flip.origin),
            sendable=flip.sendable,
        ),
    )


def membership(flip: Flip) -> tuple[bytes, bytes | None]:
    """The record of `memberships` after a flip, by its schema."""
    group, contact = flip.group.id, flip.contact
    shown = Membership(
        tenant="bali",
        group=group,
        contact=contact,
        since=moment(flip.effective),
        seq=flip.seq,
        change_id=change_id("bali", group, contact, flip.seq),
        sources=NAMED[flip.mask],
        expires_at=moment(flip.expires) if flip.expires else None,
        sendable=flip.sendable,
    )
    return f"bali/{group}/{contact}".encode(), msgspec.json.encode(shown) if flip.seq % 2 else None


@given(st.lists(flips, max_size=4))
def test_changes_are_what_their_schema_encodes(told: list[Flip]) -> None:
    """In their order, between what else is told, whatever characters ids and evidence hold."""
    open_desk, other = desk(), (b"k", b"{}")
    open_desk.flips = [other, *told]
    tell(open_desk)
    assert open_desk.records[CHANGES] == [other, *((flip.key, msgspec.json.encode(change(flip))) for flip in told)]
    assert open_desk.records[MEMBERSHIPS] == [*map(membership, told)]


@given(flips)
def test_memberships_are_what_their_schema_encodes(flip: Flip) -> None:
    """A row that is in is shown, one that is out is null, whether it has just flipped or is shown as it is."""
    row = Row(seq=flip.seq, mask=flip.mask, since=flip.effective, expires=flip.expires)
    silent = Consent(said=None if flip.sendable else Said(0, out=True, source="", event=""))
    head = Head(rows=Rows({flip.group.id: row}), consent=silent)
    assert table_row(flip.key, flip.group.id, head) == membership(flip)
