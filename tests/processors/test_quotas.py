"""A tenant's actor holds the quotas that count over all groups, in the order of the log."""

from __future__ import annotations

from typing import Any

import pytest

from processors.fold import Fold
from schemas.quotas import Quotas
from tests.processors.world import HASH_KEY, World

QUOTAS = Quotas(groups=3, keywords=6, consent_words=4, definition_bytes=2_000)


def pool(*more: str) -> dict[str, Any]:
    """A rule with a keyword and more."""
    return {"event": "message", "any_of": ["pool", *more]}


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    """A tenant that may have three groups, six keywords and four words."""
    monkeypatch.setattr(
        World,
        "fold",
        lambda self, at: Fold(self.stores[at], at, len(self.stores), hash_key=HASH_KEY, quotas=QUOTAS),
    )
    made = World()
    made.tenant()
    return made


def last(world: World) -> tuple[str, str | None, str | None]:
    """Return what became of the last command, and what was said of it."""
    told = world.values("outcomes")[-1]
    return told["outcome"], told["reason"], told["detail"]


def ask(world: World, kind: str, **data: Any) -> tuple[str, str | None]:
    """Send a command and return what became of it."""
    world.must(kind, data)
    world.rest()
    return last(world)[:2]


def test_groups(world: World) -> None:
    """As many as the quota; one that is being deleted counts no more; all else goes on where there are too many."""
    for at in range(3):
        assert ask(world, "group.create", id=f"g{at}") == ("applied", None)
    assert ask(world, "group.create", id="g3") == ("skipped", "too_many_groups")
    assert last(world)[2] == "groups of a tenant, 3 at most (ROLLCALL_MAX_GROUPS)"
    assert ask(world, "group.create", id="g2") == ("unchanged", None)
    assert ask(world, "group.update", group="g2", name="Two") == ("applied", None)
    assert ask(world, "group.delete", group="g2") == ("applied", None)
    assert ask(world, "group.create", id="g3") == ("applied", None)


def test_two_at_once_do_not_pass_together(world: World) -> None:
    """Of commands that lie side by side in the log the first ones fit."""
    for at in range(5):
        for one in world.keyed(world.event("group.create", {"id": f"g{at}"})):
            world.append(one.key, one.value)
    world.run()
    assert [outcome for outcome, _ in world.outcomes()[1:]] == ["applied"] * 3 + ["skipped"] * 2


def test_keywords(world: World) -> None:
    """Those of all rules count, and of successors while they are built; what a group gives back is free again."""
    assert ask(world, "group.create", id="a", rule=pool("spa", "gym")) == ("applied", None)
    assert ask(world, "group.create", id="b", rule=pool("spa", "gym", "bar")) == ("skipped", "too_many_keywords")
    assert ask(world, "group.create", id="b", rule=pool("spa")) == ("applied", None)
    assert ask(world, "group.create", id="a", rule=pool("bar"), supersedes="a") == ("skipped", "too_many_keywords")
    assert ask(world, "group.create", id="a", rule=pool(), supersedes="a") == ("applied", None)
    assert ask(world, "group.create", id="b", rule=pool("spa", "gym"), supersedes="b") == ("applied", None)
    assert ask(world, "group.delete", group="b") == ("applied", None)
    assert ask(world, "group.create", id="c", rule=pool("1", "2", "3", "4")) == ("applied", None)


def test_words_of_consent(world: World) -> None:
    """The tenant's own and those of its groups count together, each list's each word."""
    assert ask(world, "tenant.put", opt_out_words=["A", "B"], opt_in_words=["C"]) == ("applied", None)
    assert ask(world, "group.create", id="a", join_words=["J", "K"]) == ("skipped", "too_many_words")
    assert ask(world, "group.create", id="a", join_words=["J"]) == ("applied", None)
    assert ask(world, "group.update", group="a", leave_words=["L"]) == ("skipped", "too_many_words")
    assert ask(world, "group.update", group="a", join_words=["K"]) == ("applied", None)
    assert ask(world, "tenant.put", opt_out_words=["A", "B"], opt_in_words=["C", "D"]) == ("skipped", "too_many_words")
    assert ask(world, "tenant.put", opt_out_words=["A"]) == ("applied", None)
    assert ask(world, "group.update", group="a", leave_words=["L"]) == ("applied", None)


def test_a_definition_that_grows_by_pieces(world: World) -> None:
    """Each update may be small: the whole is held against the quota; what is smaller than before passes."""
    assert ask(world, "group.create", id="a", description="d" * 900) == ("applied", None)
    assert ask(world, "group.update", group="a", reply="r" * 900) == ("skipped", "definition_too_large")
    assert ask(world, "group.update", group="a", description="") == ("applied", None)
    assert ask(world, "group.update", group="a", reply="r" * 900) == ("applied", None)


def test_what_is_above_a_quota_already_stays(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A quota that is set lower takes nothing away, and lets groups become smaller."""
    assert ask(world, "group.create", id="a", rule=pool("spa"), join_words=["J", "K"]) == ("applied", None)
    monkeypatch.setattr(world.folds[0].desk, "quotas", Quotas(groups=0, keywords=1, consent_words=1))
    world.say("a spa please")
    assert world.members("a")
    assert ask(world, "group.update", group="a", name="A", join_words=["J"]) == ("applied", None)
    assert ask(world, "group.create", id="b") == ("skipped", "too_many_groups")
