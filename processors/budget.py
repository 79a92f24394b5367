"""How much is done in one go: work is counted, so that the same log is cut at the same places on every machine.

A unit is about a microsecond of one core. What is counted is what there may be much of: records, facts that are read
or moved, groups that are asked, rows that are settled. `Desk.spent` is the counter.
"""

from __future__ import annotations

from typing import NamedTuple

TURN = 15_000
"""Units after which an owner lets others have their turn; the record at hand is finished first."""

SLICE = 8_000
"""Units of one record or job before it goes on with the next tick, while others are served."""

RECORD = 20
"""What any record takes, and any contact whose deadline fires or whom a lap looks at."""

FACT = 2
"""A fact that is read, kept or let go: whether it is decoded already makes no difference."""

READ = 5
"""A message that is read again for the words in it."""

ANSWERED = 3
"""A group that is answered from the facts, beside what its facts take."""

SETTLED = 10
"""A row that is compared with what was told of it."""

ASKED = 150
"""A command on a tenant or a group, but for what it tells the partitions."""

COMMANDED = 80
"""One contact's part of a command."""

TAKEN = 8
"""A fact that comes from another id of its contact."""

DEFINED, KEYWORD = 60, 12
"""A definition that is taken in, and a keyword of it."""

SAID = 2
"""A record that is appended."""


class Budget(NamedTuple):
    """Units of a turn, and of one record or job in it."""

    turn: int = TURN
    slice: int = SLICE


BUDGET = Budget()
