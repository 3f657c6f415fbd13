"""What each booster learns from: folds that follow each other, and the one after them to stop on.

A booster that learned from a span of weeks stays as it is while weeks come after it. So a ranker is an ensemble over
time: a week later all its boosters but the newest are those of the week before, and the oldest has left.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from tasks.params.ranker import BoosterParams

F = TypeVar("F")


@dataclass(frozen=True)
class Lesson(Generic[F]):
    learn: tuple[F, ...]
    """From the oldest to the newest."""
    stop: F
    """The fold after them, on which early stopping looks."""
    seed: int


@dataclass(frozen=True)
class Lessons(Generic[F]):
    """Of one ranker of one task."""

    past: tuple[F, ...]
    """The train folds that it learns from, from the oldest to the newest."""
    purchases: int
    """Among their candidates."""
    is_little: bool
    """So few that trees start from the retrievers' fused ranks."""
    each: tuple[Lesson[F], ...]
    """A booster each: from the newest to the oldest span, each with as many seeds as there are `boosters`. None where
    nothing was bought in the train folds, or in the validation fold."""


def plan_lessons(past: Sequence[F], validation: F, params: BoosterParams, bought: Callable[[F], int]) -> Lessons[F]:
    """`past` are all train folds, from the oldest to the newest; `bought`: how many candidates of a fold were bought.

    There is one span where it has no fewer folds than there are, and where purchases are few. A fold without a purchase
    stops nothing, and spans of such folds teach nothing; where that leaves no span, all folds teach at once.
    """
    used = tuple(past[-(params.folds or 0) :])
    purchases = sum(bought(fold) for fold in used)
    is_little = purchases < params.fusion_below
    if not purchases or not bought(validation):
        return Lessons(used, purchases, is_little, ())

    def of_span(span: int) -> tuple[Lesson[F], ...]:
        folds = (*used, validation)
        return tuple(
            Lesson(folds[end - span : end], folds[end], params.seed + n)
            for end in range(len(used), span - 1, -1)
            if bought(folds[end]) and any(bought(fold) for fold in folds[end - span : end])
            for n in range(params.boosters)
        )

    span = len(used) if is_little or params.span is None else min(params.span, len(used))
    return Lessons(used, purchases, is_little, of_span(span) or of_span(len(used)))
