"""Peers that are a few lines: what most people buy, and what a shopper bought most often."""

from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from tasks.schema import Task
from tests.benchmarks.peers.history import History
from tests.benchmarks.peers.lists import best


class Popular:
    """The items with the most buyers in the last `days`, for everybody."""

    def __init__(self, days: float) -> None:
        self._days = days

    def fit(self, history: History, task: Task) -> None:  # noqa: ARG002 - one signature for all peers
        self._history = history
        self._order = np.argsort(-history.buyers(self._days), kind="stable")

    def lists(self, users: NDArray[Any], k: int, task: Task) -> pd.DataFrame:
        nothing = sp.csr_matrix((len(self._history.users), len(self._history.items)))
        return best(self._history, lambda block: nothing[block], users, k, task, self._order)


class TopFrequency:
    """The items that the shopper bought in most sessions, one of `half_life` days ago counting half; then popular ones.

    It says nothing of task new.
    """

    def __init__(self, half_life: float | None) -> None:
        self._half_life = half_life

    def fit(self, history: History, task: Task) -> None:  # noqa: ARG002
        self._history = history
        self._times = history.decayed(self._half_life)

    def lists(self, users: NDArray[Any], k: int, task: Task) -> pd.DataFrame:
        return best(self._history, lambda block: self._times[block], users, k, task)
