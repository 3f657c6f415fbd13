"""Measured evidence to change by a line: two models on 300 users, the challenger 0.02 better on both tasks."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from tasks.params import load_params
from tasks.params.evaluation import Counts, Shares
from tasks.params.promotion import GroupParams, PromotionParams
from tasks.promotion.check import Check
from tasks.promotion.measured import Lift, Measured, MeasuredTask, Paired, Sides, Slice, Values
from tasks.promotion.verdict import Verdict
from tasks.schema import Task

PARAMS: PromotionParams = load_params(Path(__file__).parents[2] / "params.yaml").promotion.model_copy(
    update={"draws": 10_000, "slices": GroupParams(min_users=Counts(all=100, new=100), margin=Shares(all=0.1, new=0.5))}
)
"""The project's, with fewer draws for time, and slices for a shop of 300."""
USERS = 300
COLD_USERS = np.arange(USERS) < 40
SLICES = (
    Slice("cold start", "at most 3 events", COLD_USERS),
    Slice("cold start", "more than 3 events", ~COLD_USERS),
    Slice("age", "25-34", np.arange(USERS) % 2 == 0),
    Slice("age", "35-44", np.arange(USERS) % 2 == 1),
    Slice("club", "gold", np.arange(USERS) % 10 == 0),
)


def noise(seed: int, scale: float = 0.01, users: int = USERS) -> Values:
    """With a mean of 0."""
    drawn = np.random.default_rng(seed).normal(0, scale, users)
    return drawn - drawn.mean()


def pair(lift: float, seed: int = 0, mean: float = 0.3, users: int = USERS) -> Paired:
    champion = mean + noise(seed, 0.05, users)
    return Paired(champion, champion + lift + noise(seed + 1, users=users))


def of_task(better: float = 0.02, **changes: Any) -> MeasuredTask:
    """By how much NDCG@10, `recall`, and `novelty` are better; anything else replaces that field."""
    metrics = {
        "ndcg@10": pair(better),
        "recall@20": pair(changes.pop("recall", 0.0), 2),
        "novelty@10": pair(changes.pop("novelty", 0.0), 4, mean=3.0),
    }
    found = MeasuredTask(metrics, SLICES, Sides(0.05, 0.05), Lift(0.01, 0.005, 0.015))
    return replace(found, **changes)


def measured(all: MeasuredTask | None = None, new: MeasuredTask | None = None, **changes: Any) -> Measured:
    tasks: dict[Task, MeasuredTask] = {"all": all or of_task(), "new": new or of_task()}
    found = Measured(
        champion=5,
        challenger=7,
        cutoff=datetime(2024, 3, 4, tzinfo=UTC),
        end=datetime(2024, 3, 11, tzinfo=UTC),
        gate=3,
        tasks=tasks,
        latency_p95_ms=Sides(80.0, 80.0),
        size_mib=Sides(100.0, 100.0),
        accepted=True,
    )
    return replace(found, **changes)


def failed(verdict: Verdict) -> list[str]:
    return [check.name for check in verdict.checks if check.failed]


def named(verdict: Verdict, name: str) -> Check:
    return next(check for check in verdict.checks if check.name == name)
