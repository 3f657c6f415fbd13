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
    """What another week of training changes on one task, though neither model is better."""

    moved: float
    """Share of the users with a hit whose value changes …"""
    found: float
    """… and of those without one."""
    jump: float
    """Scale of the change of NDCG@10 on either side: Student's t of 5 degrees of freedom, cut to 0 and 1."""
    recall: tuple[float, float]
    """Recall@20 changes for this share of those whose NDCG@10 does, and so many times as far."""
    coverage: float
    """Standard deviation of coverage, as a share of it."""
    novelty: float
    """The same of the mean novelty."""


@dataclass(frozen=True)
class Effect:
    """How much better the challenger really is: a share of each user's value, a task."""

    gain: Mapping[Task, float] = field(default_factory=dict)
    of_group: float = 0.0
    """Instead, for the users of one slice: the third of `age`, 12 % of all."""


NOISE: Mapping[Task, Noise] = {
    "all": Noise(moved=0.75, found=0.05, jump=0.0365, recall=(0.35, 1.5), coverage=0.012, novelty=0.008),
    "new": Noise(moved=0.75, found=0.02, jump=0.045, recall=(0.5, 2.5), coverage=0.09, novelty=0.02),
}
"""As four rankers of The Complete Journey differ: three seeds, and one that learned from the folds of a week before."""
METRICS = ("ndcg@10", "recall@20")
NOVELTY: Mapping[Task, float] = {"all": 3.9, "new": 2.4}
COVERAGE: Mapping[Task, float] = {"all": 0.056, "new": 0.0075}

RealUsers = Mapping[Task, pd.DataFrame]
"""A row a user of that task, a column a metric."""


def read_users(path: Path) -> RealUsers:
    """Of `reports/per_user.parquet`."""
    frame = pd.read_parquet(path)
    return {task: frame.loc[frame["task"] == task, list(METRICS)].reset_index(drop=True) for task in TASKS}


def week(users: RealUsers, effect: Effect, gate: int, rng: np.random.Generator) -> Measured:
    """A champion and a challenger on as many users as there are real ones, drawn from these with replacement.

    Both sides of a user begin at the real value, and the same noise is drawn for either. So they can be swapped: where
    no effect is planted the challenger is no better, exactly.
    """
    return Measured(
        champion=1,
        challenger=gate + 1,
        cutoff=CUTOFF + timedelta(weeks=gate),
        end=CUTOFF + timedelta(weeks=gate + 1),
        gate=gate,
        tasks={task: _task(task, of, effect, rng) for task, of in users.items()},
        latency_p95_ms=Sides(40.0, float(rng.normal(40, 3))),
        size_mib=Sides(80.0, float(rng.normal(80, 2))),
        accepted=True,
    )


def spread(users: RealUsers, rng: np.random.Generator) -> dict[Task, float]:
    """Standard deviation of a user's difference in NDCG@10 between equals, a task."""
    weeks = [week(users, Effect(), 1, rng) for _ in range(20)]
    return {task: float(np.mean([w.tasks[task].metrics[METRICS[0]].difference.std() for w in weeks])) for task in users}


def _task(task: Task, users: pd.DataFrame, effect: Effect, rng: np.random.Generator) -> MeasuredTask:
    n, noise = len(users), NOISE[task]
    drawn = users.iloc[rng.integers(0, n, n)]
    slices = _slices(drawn[METRICS[0]].to_numpy(), rng)
    gain = np.full(n, effect.gain.get(task, 0.0))
    if effect.of_group:
        gain[next(s.inside for s in slices if (s.dimension, s.value) == ("age", "2"))] = effect.of_group
    metrics = {metric: _better(pair, gain) for metric, pair in _equals(drawn, noise, rng).items()}
    lists = rng.normal(NOVELTY[task], 1.0, n)
    shift = NOVELTY[task] * rng.normal(0, noise.novelty)
    metrics["novelty@10"] = Paired(lists, lists + shift + rng.normal(0, 0.3, n))
    coverage = Sides(COVERAGE[task], float(COVERAGE[task] * (1 + rng.normal(0, noise.coverage))))
    return MeasuredTask(metrics, slices, coverage, Lift(0.013, 0.009, 0.017))


def _equals(drawn: pd.DataFrame, noise: Noise, rng: np.random.Generator) -> dict[str, Paired]:
    n = len(drawn)
    moved = rng.random(n) < np.where(drawn[METRICS[0]] > 0, noise.moved, noise.found)
    jumps = noise.jump * rng.standard_t(5, (2, n)) * moved
    share, times = noise.recall
    of_recall = times * jumps * (rng.random(n) < share)
    sides = {m: np.clip(drawn[m].to_numpy() + j, 0, 1) for m, j in zip(METRICS, (jumps, of_recall), strict=True)}
    return {metric: Paired(*both) for metric, both in sides.items()}


def _better(pair: Paired, gain: NDArray[np.float64]) -> Paired:
    return Paired(pair.champion, np.clip(pair.challenger * (1 + gain), 0, 1))


def _slices(value: NDArray[np.float64], rng: np.random.Generator) -> tuple[Slice, ...]:
    """By chance, but for activity: who buys more is served better."""
    n, found = len(value), []
    for dimension, shares in GROUPS.items():
        place = rng.random(n) * 0.7 + (value if dimension == "activity" else 0)
        part = np.searchsorted(np.cumsum(shares)[:-1], place.argsort().argsort() / n, side="right")
        found += [Slice(dimension, str(number), part == number) for number in range(len(shares))]
    cold = np.arange(n) < 3
    return (*found, Slice(COLD, "at most 3 events", cold), Slice(COLD, "more than 3 events", ~cold))
