"""How well a ranker does on the newest horizon, with its state as of that horizon's first instant."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from tasks.evaluation.asked import Asked
from tasks.evaluation.evidence import TASK
from tasks.evaluation.lists import scored_lists
from tasks.evaluation.metrics import per_user
from tasks.folds import Fold
from tasks.ingestion.valid import Valid
from tasks.params.shop import ShopParams
from tasks.promotion.measure import evidence_on
from tasks.schema import TASKS, Task

_SYSTEM = "refreshed"


@dataclass(frozen=True)
class Newest:
    """One metric on one task, a mean over users."""

    learned: float
    """On the test fold of the retrain that learned the ranker."""
    now: float | None
    """On the newest horizon; None: nobody can be measured there."""
    users: int


def measure_newest(
    lists: pd.DataFrame,
    asked: Mapping[Task, Asked],
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
    evidence = evidence_on(valid, fold, shop, {_SYSTEM: lists}, asked)
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
