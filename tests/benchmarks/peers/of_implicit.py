"""The models of `implicit`, as it gives their lists."""

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import pandas as pd
from implicit.als import AlternatingLeastSquares
from implicit.bpr import BayesianPersonalizedRanking
from implicit.lmf import LogisticMatrixFactorization
from implicit.nearest_neighbours import BM25Recommender, CosineRecommender, TFIDFRecommender
from numpy.typing import NDArray

from tasks.schema import Task
from tests.benchmarks.peers.history import History
from tests.benchmarks.peers.known import THREADS
from tests.benchmarks.peers.lists import framed

NEIGHBOURS = {"bm25": BM25Recommender, "cosine": CosineRecommender, "tfidf": TFIDFRecommender}
SEED = 1


def als(factors: int, alpha: float, regularization: float, iterations: int) -> Any:
    return AlternatingLeastSquares(
        factors=factors,
        alpha=alpha,
        regularization=regularization,
        iterations=iterations,
        use_gpu=False,
        num_threads=THREADS,
        random_state=SEED,
    )


class _Implicit(ABC):
    """`settings` are those of the model."""

    def __init__(self, strength: str, **settings: Any) -> None:
        self._strength, self._settings = strength, settings

    @abstractmethod
    def _model(self) -> Any: ...

    def fit(self, history: History, task: Task) -> None:  # noqa: ARG002 - one signature for all peers
        self._history = history
        self._matrix = history.strength(self._strength)
        self._fitted = self._model()
        self._fitted.fit(self._matrix, show_progress=False)

    def lists(self, users: NDArray[Any], k: int, task: Task) -> pd.DataFrame:
        """What it pads with, or scores at the lowest float for being owned, is no recommendation."""
        positions = pd.Index(self._history.users).get_indexer(pd.Index(users))
        items, scores = self._fitted.recommend(
            positions, self._matrix[positions], N=k, filter_already_liked_items=task == "new"
        )
        found = (scores > -np.finfo(np.float32).max) & (scores != 0) & (items >= 0)
        return framed(np.asarray(users), self._history.items[items], found)


class ImplicitAls(_Implicit):
    def _model(self) -> Any:
        return als(**self._settings)


class ImplicitBpr(_Implicit):
    """On one thread: with more of them its steps fall in another order each time, and so do its lists."""

    def _model(self) -> Any:
        return BayesianPersonalizedRanking(**self._settings, use_gpu=False, num_threads=1, random_state=SEED)


class ImplicitLmf(_Implicit):
    """On one thread, for the same reason."""

    def _model(self) -> Any:
        return LogisticMatrixFactorization(**self._settings, use_gpu=False, num_threads=1, random_state=SEED)


class ImplicitKnn(_Implicit):
    def __init__(self, kind: str, strength: str, neighbours: int, **settings: float) -> None:
        super().__init__(strength, **settings)
        self._kind, self._neighbours = kind, neighbours

    def _model(self) -> Any:
        return NEIGHBOURS[self._kind](K=self._neighbours, num_threads=THREADS, **self._settings)
