"""User neighbours: TIFU-KNN, and a kNN over decayed purchases."""

from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from tasks.schema import Task
from tests.benchmarks.peers.history import History
from tests.benchmarks.peers.lists import Positions, best


class TifuKnn:
    """Hu, He, Gao, Zhang: Modeling Personalized Item Frequency Information for Next-basket Recommendation, 2020.

    A shopper's baskets, in order, are cut into groups of `group_size`, the oldest group taking what is left over. In a
    group the j-th last basket weighs `within_decay ** j`, the i-th last group `group_decay ** i`; means over both are
    the shopper's vector. The score is `alpha` of it and `1 - alpha` of the mean vector of the `neighbours` nearest
    shoppers by Euclidean distance.
    """

    def __init__(self, neighbours: int, group_size: int, within_decay: float, group_decay: float, alpha: float) -> None:
        self._neighbours, self._group_size, self._alpha = neighbours, group_size, alpha
        self._within_decay, self._group_decay = within_decay, group_decay

    def fit(self, history: History, task: Task) -> None:  # noqa: ARG002 - one signature for all peers
        self._history = history
        self._vectors = self.vectors(history)
        self._squares = np.asarray(self._vectors.multiply(self._vectors).sum(axis=1)).ravel()

    def vectors(self, history: History) -> sp.csr_matrix:
        """(n_users, n_items)"""
        baskets = history.lines.groupby("basket", sort=False).agg({"user": "first", "age": "max"})
        baskets = baskets.sort_values(["user", "age"], kind="stable")  # newest first
        from_end = baskets.groupby("user").cumcount().to_numpy()
        of_user = baskets.groupby("user")["age"].transform("size").to_numpy()
        groups = -(-of_user // self._group_size)
        group, place = np.divmod(from_end, self._group_size)
        size = np.minimum(self._group_size, of_user - group * self._group_size)
        weight = self._within_decay**place / size * self._group_decay**group / groups
        of_basket = pd.Series(weight, index=baskets.index)
        return history.summed(of_basket.loc[history.lines["basket"]].to_numpy())

    def lists(self, users: NDArray[Any], k: int, task: Task) -> pd.DataFrame:
        return best(self._history, self._scores, users, k, task)

    def _scores(self, block: Positions) -> sp.csr_matrix:
        own = self._vectors[block]
        distance = self._squares[None, :] - 2 * (own @ self._vectors.T).toarray()  # but for the shopper's own square
        distance[np.arange(len(block)), block] = np.inf
        nearest = _lowest(distance, min(self._neighbours, len(self._squares) - 1))
        mean = _selection(nearest, len(self._squares)) @ self._vectors / max(nearest.shape[1], 1)
        return sp.csr_matrix(self._alpha * own + (1 - self._alpha) * mean)


class DecayedUserKnn:
    """Cosine between decayed purchases; the `neighbours` nearest, the shopper among them, vote with `cosine ** power`.

    `own` is the weight of the shopper's own vote.
    """

    def __init__(self, neighbours: int, half_life: float, power: float, own: float) -> None:
        self._neighbours, self._half_life, self._power, self._own = neighbours, half_life, power, own

    def fit(self, history: History, task: Task) -> None:  # noqa: ARG002
        self._history = history
        vectors = history.decayed(self._half_life)
        norms = np.sqrt(np.asarray(vectors.multiply(vectors).sum(axis=1)).ravel())
        self._unit = sp.csr_matrix(sp.diags(1 / np.maximum(norms, 1e-12)) @ vectors)

    def lists(self, users: NDArray[Any], k: int, task: Task) -> pd.DataFrame:
        return best(self._history, self._scores, users, k, task)

    def _scores(self, block: Positions) -> sp.csr_matrix:
        cosine = (self._unit[block] @ self._unit.T).toarray()
        cosine[np.arange(len(block)), block] = -1
        nearest = _lowest(-cosine, min(self._neighbours, cosine.shape[1] - 1))
        votes = np.maximum(np.take_along_axis(cosine, nearest, axis=1), 0) ** self._power
        return sp.csr_matrix(_selection(nearest, cosine.shape[1], votes) @ self._unit + self._own * self._unit[block])


def _lowest(values: NDArray[np.float64], n: int) -> Positions:
    """(n_rows, n): the columns of the n lowest values of each row."""
    return np.argpartition(values, n - 1, axis=1)[:, :n] if n else np.empty((len(values), 0), np.intp)


def _selection(chosen: Positions, of: int, weight: NDArray[np.float64] | None = None) -> sp.csr_matrix:
    """(n, of): `weight` at the chosen columns (n, k) of each row."""
    rows = np.repeat(np.arange(len(chosen)), chosen.shape[1])
    values = np.ones(chosen.size) if weight is None else weight.ravel()
    return sp.csr_matrix((values, (rows, chosen.ravel())), shape=(len(chosen), of))
