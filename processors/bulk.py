"""A command on many contacts, from its parts to one notice that it is finished.

Each partition counts what becomes of its parts, and the question for that count follows them in its log: so one record
a partition answers for all of them. Where the counts are fewer than the contacts, some part was on its way from one
partition to another; then all are asked again, and it has arrived by the time the question does.
"""

from __future__ import annotations

from collections import Counter
from hashlib import blake2b
from typing import TYPE_CHECKING, Any, Literal

import msgspec

from processors.desk import ORIGIN, Out
from processors.office import Office, Verdict, to_json
from processors.rows import Bulk, bulk_of, encode
from schemas.activity import CountAsked, Counted
from schemas.base import moment
from schemas.outputs import Cause, Notice

if TYPE_CHECKING:
    from collections.abc import Mapping

    from processors.desk import Desk
    from schemas.activity import EditsAsked, PinsAsked

ASKED = 8
"""So often partitions are asked; a part passes from one to another once or twice."""

_counts_of: Any = msgspec.msgpack.Decoder(dict[str, int]).decode


def word(verdict: Verdict) -> str:
    """Name what became of one contact."""
    return f"{verdict[0]}/{verdict[1] or ''}"


def begin(office: Office, asked: PinsAsked | EditsAsked) -> int:
    """Number a command whose outcomes are to be counted; 0 for one contact."""
    if len(asked.contacts) < 2:
        return 0
    office.authority.bulks += 1
    office.save()
    return office.authority.bulks


def handed_out(
    office: Office, number: int, asked: PinsAsked | EditsAsked, group: str | None, refused: Mapping[str, int]
) -> None:
    """Ask every partition what became of the parts that have just been handed out."""
    of, began = len(asked.contacts), office.desk.now
    row = Bulk(asked.source, asked.id, began, asked.type, group or "", of, dict(refused))
    _go_on(office, number, row)


def count_outcome(desk: Desk, tenant: str, number: int, verdict: Verdict) -> None:
    """Count what became of one contact, until that is asked for."""
    row, said = _tally(tenant, number), word(verdict)
    raw = desk.pending.get(row)
    counts: dict[str, int] = {} if raw is None else _counts_of(raw)
    counts[said] = counts.get(said, 0) + 1
    desk.pending.put(row, encode(counts))


def on_count_asked(desk: Desk, key: bytes, asked: CountAsked) -> None:
    """Tell the tenant's actor what became of the parts so far, and begin to count anew."""
    row = _tally(key.decode(), asked.bulk)
    raw = desk.pending.get(row)
    if raw is not None:
        desk.pending.put(row, None)
    desk.tell(key, Counted(*ORIGIN, desk.partition, asked.bulk, {} if raw is None else _counts_of(raw)))


def on_counted(desk: Desk, key: bytes, counted: Counted) -> None:
    """Add what a partition counted; when all have told, the command is finished, or they are asked again."""
    office = Office(desk, key.decode())
    raw = desk.pending.get(_numbered(office.tenant, counted.bulk))
    row: Bulk | None = None if raw is None else bulk_of(raw)
    if row is not None and counted.by in row.waiting:
        row.waiting.remove(counted.by)
        row.counts = dict(Counter(row.counts) + Counter(counted.counts))
        if row.waiting:
            _keep(office, counted.bulk, row)
        else:
            _go_on(office, counted.bulk, row)


def _go_on(office: Office, number: int, row: Bulk) -> None:
    if sum(row.counts.values()) >= row.of:
        office.desk.out.append(_notice(office, row))
        _keep(office, number, None)
    elif row.asked < ASKED:
        row.asked += 1
        row.waiting = list(range(office.desk.partitions))
        office.broadcast(CountAsked(*ORIGIN, number))
        _keep(office, number, row)
    else:
        _keep(office, number, None)


def _keep(office: Office, number: int, row: Bulk | None) -> None:
    """Keep how far a command has come, or nothing more of it."""
    office.desk.pending.put(_numbered(office.tenant, number), None if row is None else encode(row))


def _notice(office: Office, row: Bulk) -> Out:
    tenant = office.tenant
    value = Notice(
        tenant=tenant,
        kind="bulk_finished",
        id=blake2b(f"bulk_finished/{tenant}/{row.source}/{row.id}".encode(), digest_size=16).hexdigest(),
        time=moment(office.desk.now),
        group=row.group or None,
        count=row.of,
        cause=Cause(row.source, row.id),
        type=row.type,
        applied=_of(row, "applied"),
        unchanged=_of(row, "unchanged"),
        skipped=_of(row, "skipped"),
        reasons={said.partition("/")[2]: n for said, n in sorted(row.counts.items()) if not said.endswith("/")},
    )
    return Out("notices", tenant.encode(), to_json(value))


def _of(row: Bulk, result: Literal["applied", "unchanged", "skipped"]) -> int:
    return sum(count for said, count in row.counts.items() if said.partition("/")[0] == result)


def _tally(tenant: str, number: int) -> bytes:
    return b"t%b/%b" % (tenant.encode(), number.to_bytes(8, "big"))


def _numbered(tenant: str, number: int) -> bytes:
    return b"u%b/%b" % (tenant.encode(), number.to_bytes(8, "big"))
