"""Every system's means with intervals, and the recommender's lift over each on the same users."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from tasks.evaluation.beyond import coverage, diversity, gini, item_surprise, novelty
from tasks.evaluation.evidence import BUYERS, SHOPREC, Evidence
from tasks.evaluation.intervals import Intervals, bootstrap
from tasks.evaluation.lists import ScoredLists
from tasks.evaluation.metrics import per_user
from tasks.features.levels import category_levels
from tasks.params.evaluation import EvaluationParams

UserValues = dict[str, dict[str, NDArray[np.float64]]]
"""System to metric@k to a value a scored user."""


def score_users(evidence: Evidence, lists: ScoredLists, params: EvaluationParams) -> UserValues:
    """Accuracy, novelty and diversity of every list."""
    surprise = item_surprise(evidence.items, len(evidence.users))
    levels = category_levels(evidence.items)
    values: UserValues = {}
    for system, items in lists.items.items():
        values[system] = per_user(lists.hits[system], lists.relevant, params.list_lengths)
        values[system] |= {f"novelty@{k}": novelty(items, k, surprise) for k in params.list_lengths}
        values[system] |= {f"diversity@{k}": diversity(items, k, levels) for k in params.list_lengths}
    return values


def compare(
    evidence: Evidence, lists: ScoredLists, values: UserValues, params: EvaluationParams
) -> dict[str, dict[str, Any]]:
    """`systems[name][metric@k]` and `lifts[other][metric@k]`: each `{value, low, high}`.

    A lift is the recommender's mean minus the other's, on the same users, with the interval of that difference.
    Coverage and Gini are of all lists together and have a value only.
    """
    names = list(values[SHOPREC])
    own = np.column_stack([values[SHOPREC][n] for n in names])
    columns = {system: np.column_stack([of[n] for n in names]) for system, of in values.items()}
    others = [system for system in columns if system != SHOPREC]
    stacked = np.hstack([*columns.values(), *(own - columns[other] for other in others)])
    found = bootstrap(stacked, params.draws, params.seed)
    blocks = [_named(found, i * len(names), names) for i in range(len(columns) + len(others))]
    systems = dict(zip(columns, blocks[: len(columns)], strict=True))
    in_catalogue = evidence.items[BUYERS].to_numpy() > 0
    for system, items in lists.items.items():
        for k in params.list_lengths:
            systems[system][f"coverage@{k}"] = {"value": coverage(items, k, in_catalogue)}
            systems[system][f"gini@{k}"] = {"value": gini(items, k, in_catalogue)}
    return {"systems": systems, "lifts": dict(zip(others, blocks[len(columns) :], strict=True))}


def _named(found: Intervals, start: int, names: list[str]) -> dict[str, dict[str, float]]:
    return {
        name: {"value": float(found.mean[i]), "low": float(found.low[i]), "high": float(found.high[i])}
        for i, name in enumerate(names, start)
    }
