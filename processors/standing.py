"""The ids of one contact stand together: all that they have and have said answers its groups, and is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import structs

from processors.bonds import ids_of, newest, united
from processors.consent import ALL, hold, left_for_good, tell
from processors.facts import count
from processors.identity import is_relay
from processors.membership import evaluated, row_of, settle
from processors.outlook import RULE, mask_at, pinned_out
from processors.profile import newest as newest_of_field
from processors.review import answer, look_back
from processors.rows import NAMED, Pins, links_of

if TYPE_CHECKING:
    from processors.definitions import Definition, Definitions
    from processors.facts import Facts
    from processors.membership import Who, Why
    from processors.rows import Row


def show(at: Who, definitions: Definitions, why: Why) -> bool:
    """Show which ids a contact has; what they said of consent depends on it, and its e-mail if none was told.

    Most new guests come with a phone and an e-mail at once: that must not ask all groups. Returns whether it is done.
    """
    links = links_of(at.head)
    if at.head.version < 0:
        return True
    begun = at.desk.job is not None and at.desk.job.review is not None
    if (begun or links.said or links.groups or _mails(at)) and not stand(at, definitions, why):
        return False
    at.desk.changed_profiles[at.key] = None
    return True


def _mails(at: Who) -> bool:
    """Have an id that is an e-mail address as the contact's, where nothing newer is told; return whether it is news."""
    links = links_of(at.head)
    mails = [name[7:] for name in ids_of(links.edges) if name.startswith("mailto:")]
    told = [newest_of_field(at.head.profile, "email", 0, mail) for mail in mails if not is_relay(mail)]
    return any(told)


def stand(at: Who, definitions: Definitions, why: Why) -> bool:
    """Answer all groups by all that the ids of the contact have, and show it anew; whether that is done."""
    review = look_back(at, definitions)
    if review is None:
        return False
    if not review.asked[0]:
        _mails(at)
        _consent(at)
        count(at, "booking")
        count(at, "rating")
        at.desk.changed_profiles[at.key] = None
    why = structs.replace(why, effective=min(why.effective, at.desk.now))
    return answer(at, definitions, review, lambda facts, definition: _answer(at, facts, definition, why))


def _consent(at: Who) -> None:
    """Have what the ids have said hold, as of one."""
    head, links = at.head, links_of(at.head)
    if links.said:
        hold(at.desk, at.key, newest(links.said, links.edges))
    for group, parts in links.groups.items():
        row = head.rows.open(group)
        pins = row.pins = row.pins or Pins()
        was, pins.consent = left_for_good(pins), united(parts, links.edges)
        if was != left_for_good(pins) and group != ALL:
            tell(at.desk, at.key, group, pins.consent.said)


def _answer(at: Who, facts: Facts, definition: Definition, why: Why) -> None:
    known = row_of(at, definition) if definition.id in at.head.rows else None
    if definition.deleting:
        return
    memos = [facts.memo(definition, i, known) for i in range(len(definition.rule.leaves))]
    if known is not None or any(memos) or definition.rule.true_when_empty:
        row = row_of(at, definition)
        row.memos = memos
        mask = mask_at(definition.rule, evaluated(at, definition.rule, row), at.desk.now)
        settle(at, definition, row, at.desk.now, _reason(row, mask, why))


def _reason(row: Row, mask: int, why: Why) -> Why:
    """Say why it joins: by its rule, or as it was added; or why it leaves."""
    if mask:
        return why if mask & RULE else structs.replace(why, join=NAMED[mask][0])
    if row.pins is not None and pinned_out(row.pins):
        return structs.replace(why, leave="keyword" if left_for_good(row.pins) else "manual")
    return why
