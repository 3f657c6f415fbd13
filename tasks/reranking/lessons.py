"""What each booster learns from: folds that follow each other, and the one after them to stop on.

A booster that learned from a span of weeks stays as it is while weeks come after it. So a ranker is an ensemble over
time: a week later all its boosters but the newest are those of the week before, and the oldest has left.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from tasks.params import BoosterParams

F = TypeVar("F")


@dataclass(frozen=True)
class Lesson(Generic[F]):
    learn: tuple[F, ...]
    """From the oldest to the newest."""
    stop: F
    """The fold after them, on which early stopping looks."""
    seed: int


def lessons(past: Sequence[F], validation: F, params: BoosterParams, all_at_once: bool) -> list[Lesson[F]]:
    """From the newest to the oldest, each span with as many seeds as there are `params.boosters`.

    `past` are the train folds, from the oldest to the newest. Where there are no more of them than a span has, or all
    are learned from `all_at_once`, there is one span.
    """
    used = [*past[-(params.folds or 0) :], validation]
    most = len(used) - 1
    span = most if all_at_once or params.span is None else min(params.span, most)
    return [
        Lesson(tuple(used[end - span : end]), used[end], params.seed + n)
        for end in range(most, span - 1, -1)
        for n in range(params.boosters)
    ]
