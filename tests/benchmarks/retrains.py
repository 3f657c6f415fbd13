"""Weekly retrains that are simulated on real per-user values, with a gain or loss that is known."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.evaluation.slices import COLD
from tasks.promotion.measured import Lift, Measured, MeasuredTask, Paired, Sides, Slice
from tasks.schema import TASKS, Task

CUTOFF = datetime(2017, 12, 25, 5, tzinfo=UTC)
GROUPS: Mapping[str, tuple[float, ...]] = {
    "activity": (0.25, 0.25, 0.25, 0.25),
    "tenure": (0.25, 0.25, 0.25, 0.25),
    "age": (0.03, 0.08, 0.12, 0.17, 0.03, 0.04, 0.53),
    "income": (0.03, 0.05, 0.05, 0.11, 0.12, 0.06, 0.06, 0.52),
    "home ownership": (0.30, 0.03, 0.67),
    "marital status": (0.20, 0.20, 0.60),
    "household size": (0.15, 0.18, 0.07, 0.03, 0.04, 0.53),
    "household comp": (0.05, 0.16, 0.12, 0.15, 0.52),
    "kids count": (0.31, 0.09, 0.04, 0.04, 0.52),
}
"""Dimension to the shares of its slices, as in The Complete Journey."""


@dataclass(frozen=True)
class Noise:
    """What another seed and another week of training change in a user's value, though neither model is better."""

    moved: float
    """Share of users whose two values are drawn anew; the others have the same on both sides."""
    reach: float
    """Scale of the jump along the users sorted by value, as a share of all users; Student's t, 3 degrees of freedom."""


@dataclass(frozen=True)
class Effect:
    """How much better the challenger really is: a share of each user's value, a task."""

    gain: Mapping[Task, float] = field(default_factory=dict)
    of_group: float = 0.0
    """Instead, for the users of one slice: the third of `age`, 12 % of all."""


NOISE: Mapping[Task, Noise] = {"all": Noise(0.55, 0.04), "new": Noise(0.5, 0.02)}
METRICS = ("ndcg@10", "recall@20")
NOVELTY: Mapping[Task, float] = {"all": 3.9, "new": 2.4}


@dataclass(frozen=True)
class RealUsers:
    """One task's; by the judged metric, the lowest first."""

    values: Mapping[str, NDArray[np.float64]]
    """Metric to (n_users,)."""
    ranks: Mapping[str, NDArray[np.int64]]
    """Metric to each user's place when sorted by it."""

    def moved(self, metric: str, users: NDArray[np.int64], jumps: NDArray[np.int64]) -> NDArray[np.float64]:
        """The values of who stands so many places further."""
        ranks = self.ranks[metric][users] + jumps
        return np.sort(self.values[metric])[np.clip(ranks, 0, len(self.ranks[metric]) - 1)]


def read_users(path: Path) -> dict[Task, RealUsers]:
    """Of `reports/per_user.parquet`."""
    frame = pd.read_parquet(path).sort_values(list(METRICS))
    users: dict[Task, RealUsers] = {}
    for task in TASKS:
        values = {metric: frame.loc[frame["task"] == task, metric].to_numpy(dtype=np.float64) for metric in METRICS}
        ranks = {metric: of.argsort(kind="stable").argsort(kind="stable") for metric, of in values.items()}
        users[task] = RealUsers(values, ranks)
    return users


def week(
    users: Mapping[Task, RealUsers],
    effect: Effect,
    gate: int,
    rng: np.random.Generator,
    noise: Mapping[Task, Noise] = NOISE,
) -> Measured:
    """A champion and a challenger on as many users as there are real ones, drawn from these with replacement.

    A user whose lists changed has two values, one a side, drawn in the same way from real users near in value. So the
    sides can be swapped: where no effect is planted the challenger is no better, exactly.
    """
    return Measured(
        champion=1,
        challenger=gate + 1,
        cutoff=CUTOFF + timedelta(weeks=gate),
        end=CUTOFF + timedelta(weeks=gate + 1),
        gate=gate,
        tasks={task: _task(task, of, effect, noise[task], rng) for task, of in users.items()},
        latency_p95_ms=Sides(40.0, float(rng.normal(40, 3))),
        size_mib=Sides(80.0, float(rng.normal(80, 2))),
        accepted=True,
    )


def _task(task: Task, real: RealUsers, effect: Effect, noise: Noise, rng: np.random.Generator) -> MeasuredTask:
    n = len(real.values[METRICS[0]])
    users = rng.integers(0, n, n)
    slices = _slices(users / n, rng)
    jumps = rng.standard_t(3, (2, n)) * noise.reach * n * (rng.random(n) < noise.moved)
    one, other = np.rint(jumps).astype(np.int64)
    gain = np.full(n, effect.gain.get(task, 0.0))
    if effect.of_group:
        gain[next(s.inside for s in slices if (s.dimension, s.value) == ("age", "2"))] = effect.of_group
    metrics = {
        metric: Paired(real.moved(metric, users, one), np.clip(real.moved(metric, users, other) * (1 + gain), 0, 1))
        for metric in METRICS
    }
    novelty = rng.normal(NOVELTY[task], 1.0, n)
    metrics["novelty@10"] = Paired(novelty, novelty + rng.normal(0, 0.3, n))
    coverage = Sides(0.05, float(rng.normal(0.05, 0.001)))
    return MeasuredTask(metrics, slices, coverage, Lift(0.013, 0.009, 0.017))


def _slices(place: NDArray[np.float64], rng: np.random.Generator) -> tuple[Slice, ...]:
    """By chance, but for activity: who buys more is served better."""
    n, found = len(place), []
    for dimension, shares in GROUPS.items():
        position = rng.random(n) + (place if dimension == "activity" else 0)
        of = np.searchsorted(np.cumsum(shares)[:-1], position.argsort().argsort() / n, side="right")
        found += [Slice(dimension, str(value), of == value) for value in range(len(shares))]
    cold = np.arange(n) < 3
    return (*found, Slice(COLD, "at most 3 events", cold), Slice(COLD, "more than 3 events", ~cold))
