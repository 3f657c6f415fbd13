"""Alternating least squares on implicit feedback (Hu, Koren, Volinsky: Collaborative Filtering for Implicit Feedback
Datasets, ICDM 2008), through `implicit`, with time decay in the strength. Confidence is
alpha * strength where there is any and 1 elsewhere: `implicit` leaves out the paper's 1 +."""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tasks.candidates.history import History
from tasks.candidates.retriever import Arrays
from tasks.candidates.scores import DenseScores
from tasks.params.candidates import AlsParams


@dataclass(frozen=True)
class Als:
    """score(u, i) = p_u . q_i, eq. 2 of the paper."""

    user_factors: NDArray[np.float32]
    """(n_users, factors)"""
    item_factors: NDArray[np.float32]
    """(n_universe, factors)"""

    @classmethod
    def fit(cls, history: History, params: AlsParams) -> Self:
        from implicit.cpu.als import AlternatingLeastSquares

        strength = history.matrix(params.half_life_days)
        # A new model for each fit: a second `fit` on the same object goes on from the old factors.
        model = AlternatingLeastSquares(
            factors=params.factors,
            regularization=params.regularization,
            alpha=params.alpha,
            iterations=params.iterations,
            random_state=params.seed,
            num_threads=params.threads,
        )
        model.fit(strength, show_progress=False)
        return cls(np.asarray(model.user_factors), np.asarray(model.item_factors))

    def scores(self, users: NDArray[np.intp]) -> DenseScores:
        return DenseScores(self.user_factors[users] @ self.item_factors.T)

    def arrays(self) -> Arrays:
        return {"user_factors": self.user_factors, "item_factors": self.item_factors}

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        return cls(**arrays)
