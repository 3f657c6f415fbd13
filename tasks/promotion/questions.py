"""Whether a mean over users stands as it has to, told by the bootstrap; all questions of a task on the same draws."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tasks.evaluation.intervals import bootstrap
from tasks.promotion.check import Check, Kind, Needs, Status
from tasks.promotion.measured import Values
from tasks.promotion.spending import level_of


@dataclass(frozen=True, kw_only=True)
class Question:
    name: str
    says: str
    difference: Values
    """(n_users,), challenger minus champion; NaN for who does not count."""
    tail: float
    """Chance that is allowed beyond an end of the interval."""
    needs: Needs
    """above, at least: the low end to the threshold; reaching: the high end comes up to it."""
    threshold: float
    kind: Kind = "guardrail"
    leads_to_rejection: bool = False
    differing: int = 0
    """It fails where fewer users have a difference other than 0."""
    quoted: str | None = None


def answers(questions: Sequence[Question], draws: int, seed: int) -> list[Check]:
    """The same draws for all, so that what is asked beside a question does not change its answer."""
    values = np.column_stack([question.difference for question in questions])
    counted = ~np.isnan(values)
    differing = (counted & (values != 0)).sum(axis=0)
    levels = [level_of(question.tail, int(n), draws) for question, n in zip(questions, differing, strict=True)]
    found = bootstrap(values, draws, seed, np.array(levels))
    found_of_each = np.column_stack([found.mean, found.low, found.high, counted.sum(axis=0), differing])
    return [_check(question, *row) for question, row in zip(questions, found_of_each.tolist(), strict=True)]


def _check(question: Question, value: float, low: float, high: float, users: float, differing: float) -> Check:
    known = users > 0 and math.isfinite(question.threshold)
    enough = differing >= question.differing
    status: Status = "pass" if known and enough and _stands(question, low, high) else "fail"
    few = f"; only {differing:.0f} users are served differently well, {question.differing} are needed"
    return Check(
        name=question.name,
        says=(question.says + ("" if enough else few)) if known else "no user has a value",
        value=value if known else None,
        low=low if known else None,
        high=high if known else None,
        threshold=question.threshold if known else None,
        status=status,
        kind=question.kind,
        otherwise="reject" if question.leads_to_rejection and known else "hold",
        needs=question.needs,
        level=1 - 2 * question.tail,
        users=int(users),
        quoted=question.quoted,
    )


def _stands(question: Question, low: float, high: float) -> bool:
    if question.needs == "above":
        return low > question.threshold
    return (low if question.needs == "at least" else high) >= question.threshold
