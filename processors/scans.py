"""The laps: each brings all contacts of a tenant up to date with its definitions, a slice with every tick.

One lap at a time for a tenant: what is defined meanwhile waits for the next one, for all such definitions together.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from processors import contact, shadow
from processors.budget import DEFINED, KEYWORD, RECORD
from processors.desk import ORIGIN
from processors.membership import Who
from processors.progress import count_met, tell_progress
from processors.rows import Scan, encode, head_key, head_of, scan_of
from schemas.activity import Scanned

if TYPE_CHECKING:
    from processors.catalogue import Catalogue
    from processors.definitions import Definitions
    from processors.desk import Desk
    from processors.heads import Heads
    from processors.jobs import Jobs
    from schemas.activity import Defined

SLICE = 10_000
"""Units of work (budget.py) that a tick gives to the laps of all tenants together."""


SECOND = 1_000
SINGLY = 8
"""Laps that begin with their definition in a second; what comes in a burst shares the lap that the next tick begins."""
TOLD = 1_000
"""Groups whose members one record counts."""


class Scans:
    """One partition's laps, by tenant in `of`."""

    def __init__(self, desk: Desk, catalogue: Catalogue, heads: Heads, jobs: Jobs) -> None:
        self._desk = desk
        self._catalogue = catalogue
        self._heads = heads
        self._jobs = jobs
        rows = desk.pending.store.scan(b"s")
        self.of: dict[str, Scan] = {key[1:].decode(): scan_of(value) for key, value in rows}

    @property
    def under_way(self) -> bool:
        """Whether a lap is to go on."""
        return any(scan.lap for scan in self.of.values())

    def on_defined(self, key: bytes, defined: Defined) -> None:
        """Take a definition, and begin or queue a lap where one is needed."""
        catalogue, known = self._catalogue, self._catalogue.of(key)
        if defined.gone is not None:
            catalogue.drop_group(key, defined.gone)
        elif defined.group is not None:
            before, shadows = known.version, dict(known.shadows)
            phrases = catalogue.put_group(key, defined).phrases
            self._desk.spent += DEFINED + KEYWORD * len(phrases)
            if shadows:
                scan = self._scan(key)
                shadow.follow(self._desk, key, scan, shadows, known)
                self._keep(key, scan)
            if known.outstanding(before):
                self._begin(key, known)
        elif defined.record is not None:
            before = known.version
            if catalogue.put_record(key, defined):
                catalogue.keep_groups(key)
            if known.outstanding(before):
                self._begin(key, known)
        # what a tenant had stays as it is when its record is taken away

    def go_on(self) -> None:
        """Do a slice of every lap."""
        laps = [(name.encode(), scan) for name, scan in self.of.items() if scan.lap]
        for name, scan in laps:
            self._go_on(name, scan, SLICE // len(laps))

    def begin_all(self) -> None:
        """Begin a lap for every tenant that has none."""
        for name, scan in self.of.items():
            scan.lap = scan.lap or self._catalogue.of(name.encode()).version
            self._keep(name.encode(), scan)

    def count_met(self) -> None:
        """Count who is new since the last commit."""
        if self._desk.met:
            count_met(self._desk, self.of)

    def _scan(self, name: bytes) -> Scan:
        return self.of.setdefault(name.decode(), Scan())

    def _keep(self, name: bytes, scan: Scan) -> None:
        self._desk.pending.put(b"s" + name, encode(scan), b"s")

    def _begin(self, name: bytes, known: Definitions) -> None:
        scan = self._scan(name)
        if scan.lap:
            return
        scan.lap, scan.cursor = known.version, b""
        if self._desk.now - scan.burst >= SECOND:
            scan.burst, scan.begun = self._desk.now, 0
        scan.begun += 1
        if scan.begun <= SINGLY:
            self._go_on(name, scan, SLICE)
        else:
            self._keep(name, scan)

    def _go_on(self, name: bytes, scan: Scan, work: int) -> None:
        known = self._catalogue.of(name)
        if not scan.cursor:
            scan.lap = max(scan.lap, known.version)  # what has come since the lap was asked for shares it
        ahead = shadow.those_ahead(self._desk, name, scan)
        for key in ahead:
            self._renew(key, known)
        if not ahead:
            self._go_through(name, scan, known, work)
        self._keep(name, scan)

    def _go_through(self, name: bytes, scan: Scan, known: Definitions, work: int) -> None:
        """Bring the next slice up to date."""
        found, desk = shadow.Differing(), self._desk
        until = desk.spent + work
        for key, raw in self._heads.under(head_key(name + b"/"), scan.cursor):
            if desk.spent >= until or key[1:] in self._jobs.of or not self._look_in(key[1:], raw, scan, known, found):
                tell_progress(desk, name, scan)
                break
            scan.cursor, scan.seen = key, scan.seen + 1
        else:
            self._end(name, scan, known)
        shadow.write_down(desk, name, found)

    def _renew(self, key: bytes, known: Definitions) -> bool:
        """Bring one contact up to date; whether it is, for it may take longer."""
        desk = self._desk
        desk.spent += RECORD
        desk.until = desk.spent + desk.slice
        done = key not in self._jobs.of and contact.renew(Who(desk, key, desk.head(key)), known, desk.now)
        if not done and key not in self._jobs.of:
            self._jobs.keep(key, None)
        desk.job = None
        return done

    def _look_in(self, key: bytes, raw: bytes, scan: Scan, known: Definitions, found: shadow.Differing) -> bool:
        """Bring one contact up to date, and count it for the groups that the lap is for; False if that takes longer."""
        if key not in self._desk.heads:
            self._desk.heads[key] = head_of(raw)
        at = Who(self._desk, key, self._desk.head(key))
        if not self._renew(key, known):
            return False
        head = at.head
        if known.shadows:
            shadow.look_ahead(at, scan, known, found)
        for name in head.rows:
            definition = known.groups.get(name)
            if definition is not None and scan.done < definition.version <= scan.lap and head.rows[name].seq & 1:
                scan.counts[definition.version] = scan.counts.get(definition.version, 0) + 1
        if head.deleted is not None:
            self._heads.see_off(key)
        since = head.profile.since
        if since is not None and (scan.earliest is None or since < scan.earliest):
            scan.earliest = since
        return True

    def _end(self, name: bytes, scan: Scan, known: Definitions) -> None:
        of, counts = (*ORIGIN, self._desk.partition, scan.lap), [*scan.counts.items()]
        while len(counts) > TOLD:
            part, counts = counts[:TOLD], counts[TOLD:]
            self._desk.tell(name, Scanned(*of, {}, counts=dict(part), more=True))
        told = scan.members, scan.earliest, scan.shadows, dict(counts)
        self._desk.tell(name, Scanned(*of, *told))
        scan.total, scan.seen = max(scan.total, scan.seen - self._desk.met[name]), 0
        scan.done, scan.cursor, scan.members, scan.earliest, scan.shadows, scan.counts = scan.lap, b"", {}, None, {}, {}
        scan.lap = known.version if known.outstanding(scan.lap) else 0
