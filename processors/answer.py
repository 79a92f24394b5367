"""One question to a partition's owner, answered in slices between chunks and commits."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from processors.explain import explain
from processors.preview import Preview
from schemas.base import moment
from schemas.questions import Answer, ExplainAsked, Question

if TYPE_CHECKING:
    from collections.abc import Iterator

    from processors.fold import Fold


def answering(fold: Fold, question: Question, now: int) -> Iterator[Answer | None]:
    """Yield None after each slice that leaves more to look at, then the answer.

    `now` is the append time of the question (epoch ms). Between slices the fold may go on; what is uncommitted counts,
    so no slice may run while a commit is under way.
    """
    said = partial(Answer, id=question.id, partition=fold.desk.partition, at=moment(now))
    if isinstance(question, ExplainAsked):
        key = f"{question.tenant}/{question.contact}".encode()
        definitions = fold.definitions(question.tenant.encode())
        yield said(explained=explain(fold.desk, key, question.group, definitions, now))
        return
    preview = Preview(fold, question, now)
    while preview.go_on():
        yield None
    yield said(previewed=preview.result)
