"""What was measured of champion and challenger: the same users, the same test fold, side by side."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from tasks.errors import BrokenCheckError
from tasks.evaluation.slices import COLD
from tasks.schema import Task

Values = NDArray[np.float64]


@dataclass(frozen=True)
class Sides:
    """One number a side; NaN where it could not be measured."""

    champion: float
    challenger: float


@dataclass(frozen=True)
class Paired:
    """A metric of each user, by either side; (n_users,) each, in the same order. NaN in both: the user has no value."""

    champion: Values
    challenger: Values

    @property
    def difference(self) -> Values:
        """Above 0 where the challenger is better."""
        return self.challenger - self.champion

    @property
    def of_champion(self) -> float:
        """The champion's mean; NaN where no user has a value."""
        known = self.champion[~np.isnan(self.champion)]
        return float(known.mean()) if len(known) else float("nan")


@dataclass(frozen=True)
class Slice:
    """Some users, by what they are or did."""

    dimension: str
    value: str
    inside: NDArray[np.bool_]
    """(n_users,)."""

    @property
    def is_cold(self) -> bool:
        """Whether these are the users with hardly a history; see `tasks.evaluation.slices.user_groups`."""
        return self.dimension == COLD and self.value.startswith("at most ")


@dataclass(frozen=True)
class Lift:
    """The challenger's re-ranking over its best single retriever, in the judged metric, with its 95 % interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True)
class MeasuredTask:
    metrics: Mapping[str, Paired]
    """By the evaluation's names, such as `ndcg@10`."""
    slices: tuple[Slice, ...]
    coverage: Sides
    """Of all lists together."""
    lift: Lift | None
    """None where no single retriever was measured beside the challenger."""


@dataclass(frozen=True)
class Measured:
    """Raises BrokenCheckError where the two sides are not of the same users, or a value is no number."""

    champion: int | str
    """Number of the version that serves; words for what is in no registry, such as a branch."""
    challenger: int | str
    cutoff: datetime
    end: datetime
    """The test fold: [cutoff, end)."""
    gate: int
    """How many gates there were against this champion, with this one: 1, 2, …"""
    tasks: Mapping[Task, MeasuredTask]
    latency_p95_ms: Sides | None
    """Of requests of a single user; None: nobody asked for it, as where only lists are compared."""
    size_mib: Sides | None
    """Of the bundle; None as well."""
    accepted: bool
    """Whether the validation accepted the data that the challenger learned from."""

    def __post_init__(self) -> None:
        faults = [*self._faults()]
        if faults:
            who = f"{named(self.challenger)} cannot be judged against {named(self.champion)}"
            raise BrokenCheckError(f"{who}: {'; '.join(faults)}; score both on the same users of one test fold")

    def _faults(self) -> Iterator[str]:
        if self.gate < 1:
            yield f"gate {self.gate} does not count from 1"
        if not self.tasks:
            yield "no task was measured"
        for task, of in self.tasks.items():
            lengths = {len(s.inside) for s in of.slices}
            for metric, pair in of.metrics.items():
                lengths |= {len(pair.champion), len(pair.challenger)}
                yield from (f"task {task}, {metric}: {fault}" for fault in _faults_of(pair))
            if len(lengths) != 1 or 0 in lengths:
                yield f"task {task}: its metrics and slices are of {sorted(lengths)} users"


def named(side: int | str) -> str:
    return f"version {side}" if isinstance(side, int) else side


def _faults_of(pair: Paired) -> Iterator[str]:
    if len(pair.champion) != len(pair.challenger):
        return
    if (one_sided := int((np.isnan(pair.champion) ^ np.isnan(pair.challenger)).sum())) > 0:
        yield f"{one_sided} users have a value on one side only"
    if np.isinf(pair.champion).any() or np.isinf(pair.challenger).any():
        yield "a value is infinite"
