"""How far a lap has come: partitions tell the tenant's actor now and then, and it shows that in `groups`.

Nobody else is told: a hundred rows twice a second is the most that this costs, however many contacts and groups.
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING

from msgspec import structs

from processors.desk import ORIGIN
from processors.office import Office, group_of
from processors.rows import Laps, Scan, encode, laps_of
from schemas.activity import Lapping

if TYPE_CHECKING:
    from processors.desk import Desk
    from processors.rows import AuthorityGroup
    from schemas.groups import Group

EVERY = 500
"""Milliseconds between what a partition tells, and between what is shown."""
SHOWN = 100
"""Groups whose progress is shown, the oldest; those behind them wait anyway."""
WHOLE = 1000


def tell_progress(desk: Desk, name: bytes, scan: Scan) -> None:
    """Tell the tenant's actor how far this partition's lap has come, unless that was told just now."""
    if desk.now - scan.told >= EVERY:
        scan.told = desk.now
        share = scan.seen * WHOLE // max(scan.total + desk.met[name], 1)
        desk.tell(name, Lapping(*ORIGIN, desk.partition, scan.lap, min(share, WHOLE - 1)))


def count_met(desk: Desk, scans: dict[str, Scan]) -> None:
    """Add the contacts that are new to those that a lap has before it."""
    for name, count in desk.met.items():
        mine = scans.setdefault(name.decode(), Scan())
        mine.total += count
        desk.pending.put(b"s" + name, encode(mine), b"s")
    desk.met.clear()


def on_lapping(desk: Desk, key: bytes, lapping: Lapping) -> None:
    """Take what a partition tells, and show what is known of all."""
    raw = desk.pending.get(_row(key))
    laps: Laps = Laps() if raw is None else laps_of(raw)
    laps.shares[lapping.by] = max(laps.shares.get(lapping.by, [0, 0]), [lapping.version, lapping.share])
    if desk.now - laps.told >= EVERY:
        laps.told = desk.now
        _show(Office(desk, key.decode()), laps)
    desk.pending.put(_row(key), encode(laps))


def forget(office: Office) -> None:
    """No partition is at work for this tenant any more."""
    if next(office.open(), None) is None:
        office.desk.pending.put(_row(office.tenant.encode()), None)


def _row(key: bytes) -> bytes:
    return b"l" + key


def _show(office: Office, laps: Laps) -> None:
    names = dict.fromkeys(row.group for _, row in islice(office.open(), SHOWN))
    for known in filter(None, map(office.group, names)):
        before = group_of(known.body)
        group = _with_progress(office, known, before, laps)
        if group != before:
            office.write(group, known)


def _with_progress(office: Office, known: AuthorityGroup, group: Group, laps: Laps) -> Group:
    if group.progress is not None:
        group = structs.replace(group, progress=_share(office, known.version, laps))
    if group.successor is not None and known.succession is not None:
        share = _share(office, known.succession.version, laps)
        group = structs.replace(group, successor=structs.replace(group.successor, progress=share))
    return group


def _share(office: Office, version: int, laps: Laps) -> float:
    """Take the mean of all partitions: contacts are spread evenly over them."""
    partitions, waiting = office.desk.partitions, office.behind(version)
    told = [laps.shares[by] for by in waiting if by in laps.shares]
    done = sum(share for at, share in told if at >= version) + WHOLE * (partitions - len(waiting))
    return done // partitions / WHOLE  # rounded down: what is not over is not all
