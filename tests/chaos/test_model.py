"""The judges' model against the slow one of the processors' tests: two tellings of one contract, written apart."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.chaos.evidence import accepted, model_of
from tests.chaos.load import mail, phone
from tests.chaos.model import NEVER, Fact, Guest, Truth, millis
from tests.chaos.rehearsal import START, rehearse
from tests.processors.model import Heard, Model

GUESTS = 8
SCOPES = ("all", "vip", "booker", "club", "diner")


@pytest.mark.parametrize("seed", [8, 9])
@pytest.mark.parametrize("later", [0, 6])
def test_two_models_agree(seed: int, later: int) -> None:
    """Both tell the same members, sources and ends, also of open windows, of linked ids, and who opted out of what."""
    history = rehearse(seed, beats=24, guests=GUESTS)
    at = datetime.fromtimestamp(START + 2.5 + later, UTC)
    heard = [
        Heard(at - timedelta(days=1), event)
        for _, event in accepted(history, "commands", "messages", "bookings", "ratings")
    ]
    phones = [phone(nth) for nth in range(GUESTS)]
    model, guests = Model(heard), [*phones, *(f"mailto:{address}" for one in phones if (address := mail(one)))]
    slow = model.memberships(at, guests)
    fast = model_of(history).memberships(round(at.timestamp() * 1000))
    assert len(fast) > 20
    outs = {(name, scope) for name in guests for scope in SCOPES if model.consents.out(name, scope)}
    assert len(outs) > 2
    assert len(model.ended) > 1
    assert len(model.links.edges) > 1
    assert outs == {(contact.removeprefix("tel:"), scope) for contact, scope in model_of(history).opted_out()}
    assert {(group, contact.removeprefix("tel:")): tuple(held) for (group, contact), held in fast.items()} == {
        name: (sources, NEVER if end is None else millis(end)) for name, (sources, end) in slow.items()
    }


@pytest.mark.parametrize("stars", [(1, 5), (5, 1)])
def test_two_ratings_of_one_moment(stars: tuple[int, int]) -> None:
    """Of ratings that were given in one moment the best is the latest, in whatever order they came."""
    guest = Guest()
    guest.ratings = [Fact(1, 1_000, {"stars": given}) for given in stars]
    assert Truth({"event": "rating", "min_stars": 4, "mode": "latest"}, guest).at(1_001)
