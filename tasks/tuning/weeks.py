"""The weeks on which settings are tried: each is judged with a ranker that learned, and was stopped, before it."""

from collections.abc import Sequence
from dataclasses import dataclass

from tasks.errors import ParamsError
from tasks.folds import Fold

LEAST_JUDGED = 2
"""What is best on one week alone is mostly chance."""


@dataclass(frozen=True)
class Week:
    judged: Fold
    stop: Fold
    """The week before it, on which early stopping looks."""
    learn: tuple[Fold, ...]
    """All train folds before that, from the oldest to the newest."""

    @property
    def name(self) -> str:
        return self.judged.name


@dataclass(frozen=True)
class Weeks:
    judged: tuple[Week, ...]
    """Those that trials are judged on, the newest first: the validation fold, then train-1, …"""
    aside: Week | None
    """The week before them, which no trial is judged on: whether the winner holds there too. None: too few folds."""
    train: int
    """How many train folds there are."""

    @classmethod
    def of(cls, folds: Sequence[Fold], wanted: int) -> "Weeks":
        """Of all folds, from the oldest to the newest; the test fold is not among those used.

        Raises ParamsError where there are too few train folds for so many weeks.
        """
        past = [fold for fold in folds if fold.kind in ("train", "validation")]
        train = len(past) - 1
        if train < wanted + 1:
            raise ParamsError(
                f"folds.train is {train}, but to judge settings on {wanted} weeks, each after a week to stop on and"
                f" one to learn from, takes {wanted + 1} or more; raise folds.train and run `shoprec run`"
            )
        weeks = [Week(past[-n], past[-n - 1], tuple(past[: -n - 1])) for n in range(1, wanted + 2) if past[: -n - 1]]
        return cls(tuple(weeks[:wanted]), weeks[wanted] if len(weeks) > wanted else None, train)

    @property
    def all(self) -> tuple[Week, ...]:
        return (*self.judged, *((self.aside,) if self.aside else ()))

    @property
    def folds(self) -> list[Fold]:
        """All that are read, from the oldest to the newest."""
        used = {fold.cutoff: fold for week in self.all for fold in (*week.learn, week.stop, week.judged)}
        return [used[cutoff] for cutoff in sorted(used)]

    @property
    def most_folds(self) -> int:
        """That a judged week has to learn from."""
        return max(len(week.learn) for week in self.judged)
