"""Whose lists are judged: every shopper with a label, or so many of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.folds import Fold, labels
from tasks.params.shop import ShopParams
from tasks.schema import TASKS, USER, Task


@dataclass(frozen=True)
class Asked:
    """One task's shoppers."""

    pairs: pd.DataFrame
    """`user_id, item_id`: all that those who are asked bought; see `tasks.folds.labels`."""
    drawn_from: int
    """How many have a label."""


def who_is_asked(events: pd.DataFrame, fold: Fold, shop: ShopParams, most: int | None, seed: int) -> dict[Task, Asked]:
    """Of each task up to `most` shoppers with a label in the fold, each as likely as any other; None: all.

    They are the first ones of an order that is drawn once, so that most are the same on both tasks.
    """
    bought: dict[Task, pd.DataFrame] = {task: labels(events, fold, shop, task) for task in TASKS}
    order = np.random.default_rng(seed).permutation(bought["all"][USER].drop_duplicates().to_numpy())
    return {task: _first(pairs, pd.Index(order), most) for task, pairs in bought.items()}


def users_of(asked: Mapping[Task, Asked]) -> NDArray[Any]:
    """The ids of all who are asked on any task, sorted."""
    return np.unique(pd.concat([of.pairs[USER] for of in asked.values()]).to_numpy())


def _first(pairs: pd.DataFrame, order: pd.Index, most: int | None) -> Asked:
    came_back = order[order.isin(pairs[USER])]
    if most is not None and len(came_back) > most:
        pairs = pairs[pairs[USER].isin(came_back[:most])].reset_index(drop=True)
    return Asked(pairs, len(came_back))
