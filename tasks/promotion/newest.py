"""How well a ranker does on the newest horizon, with its state as of that horizon's first instant."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.evaluation.evidence import TASK
from tasks.evaluation.lists import scored_lists
from tasks.evaluation.metrics import per_user
from tasks.folds import Fold, labels
from tasks.ingestion.valid import Valid
from tasks.params import ShopParams
from tasks.promotion.measure import evidence_on
from tasks.schema import TASKS, USER, Task

_SYSTEM = "refreshed"


@dataclass(frozen=True)
class Newest:
    """One metric on one task, a mean over users."""

    learned: float
    """On the test fold of the retrain that learned the ranker."""
    now: float | None
    """On the newest horizon; None: nobody can be measured there."""
    users: int


def who_is_asked(events: pd.DataFrame, fold: Fold, shop: ShopParams, most: int, seed: int) -> dict[Task, NDArray[Any]]:
    """Of each task the ids, sorted, of up to `most` users with a label in the fold: the first ones of an order that is
    drawn once, so that most of them are the same."""
    came_back: dict[Task, NDArray[Any]] = {
        task: labels(events, fold, shop, task)[USER].drop_duplicates().to_numpy() for task in TASKS
    }
    drawn = np.random.default_rng(seed).permutation(came_back["all"])
    return {task: np.sort(drawn[pd.Index(drawn).isin(users)][:most]) for task, users in came_back.items()}


def measure_newest(
    lists: pd.DataFrame,
    asked: Mapping[Task, NDArray[Any]],
    valid: Valid,
    fold: Fold,
    shop: ShopParams,
    metric: str,
    learned: Mapping[str, Any],
) -> dict[Task, Newest]:
    """Of `metric`, such as `ndcg@10`, on each task of which `learned` (as `reports/metrics.json`) has it.

    `lists`: `task, user_id, item_id, rank` of the users who were `asked`, who alone count. Raises BrokenCheckError
    where a list breaks its contract.
    """
    evidence = evidence_on(valid, fold, shop, {_SYSTEM: lists})
    bought = evidence.labels
    counted = [bought[bought[TASK].eq(task) & bought[USER].isin(users)] for task, users in asked.items()]
    evidence = replace(evidence, labels=pd.concat(counted))
    k, found = int(metric.partition("@")[2]), dict[Task, Newest]()
    for task in TASKS:
        before = learned.get(task, {}).get(metric)
        if before is None:
            continue
        if not (evidence.labels[TASK] == task).any():
            found[task] = Newest(before, None, 0)
            continue
        scored = scored_lists(evidence, task, k, (_SYSTEM,))
        values = per_user(scored.hits[_SYSTEM], scored.relevant, [k])[metric]
        found[task] = Newest(before, float(values.mean()), len(values))
    return found
