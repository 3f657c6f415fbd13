"""What sells now: the same for every shopper."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import numpy as np
from numpy.typing import NDArray

from tasks.candidates.history import History
from tasks.candidates.retriever import Arrays
from tasks.candidates.scores import Everybody, SameScores
from tasks.params import PopularityParams


@dataclass(frozen=True)
class Popularity:
    """score(u, i) = number of sessions with a target event of i in the last `days`."""

    sessions: NDArray[np.float32]
    """(n_universe,)"""

    @classmethod
    def fit(cls, history: History, params: PopularityParams) -> Self:
        recent = history.target & (history.age_days <= params.days) & (history.item < history.n_universe)
        return cls(np.bincount(history.item[recent], minlength=history.n_universe).astype(np.float32))

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
