"""What sells: the same for every shopper."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.candidates.history import History, decayed
from tasks.candidates.lately import Lately
from tasks.candidates.retriever import Arrays
from tasks.candidates.scores import Everybody, SameScores
from tasks.folds import Fold
from tasks.params.candidates import PopularityParams


@dataclass(frozen=True)
class Popularity:
    """score(u, i) = number of sessions with a target event of i in the last `days`, decayed where there is a half-life,
    and aimed at the coming horizon: times what its promotions multiply sales by, where params ask for it."""

    sessions: NDArray[np.float32]
    """(n_universe,)"""

    @classmethod
    def fit(cls, history: History, params: PopularityParams, promotions: pd.DataFrame | None, fold: Fold) -> Self:
        recent = history.target & (history.age_days <= params.days) & (history.item < history.n_universe)
        ages = history.age_days[recent]
        weights = decayed(np.ones_like(ages), ages, params.half_life_days)
        sold = np.bincount(history.item[recent], weights, history.n_universe).astype(np.float64)  # whole where empty
        if params.promotions and promotions is not None:
            sold *= Lately.of(history, fold.horizon, params.days).moved(promotions, fold, params.half_life_days)
        return cls(sold.astype(np.float32))

    def scores(self, users: NDArray[np.intp]) -> SameScores:
        return SameScores(self._everybody, len(users))

    def arrays(self) -> Arrays:
        return {"sessions": self.sessions}

    @cached_property
    def _everybody(self) -> Everybody:
        return Everybody(self.sessions)

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        return cls(**arrays)
