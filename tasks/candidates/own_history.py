"""What the shopper buys again and again: the personal top frequency, decayed."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from tasks.candidates.history import History
from tasks.candidates.retriever import Arrays, pack, unpack
from tasks.candidates.scores import SparseScores
from tasks.params.candidates import OwnHistoryParams


@dataclass(frozen=True)
class OwnHistory:
    """score(u, i) = sum over the sessions in which u had i of 0.5 ** (age / half-life)."""

    frequency: sp.csr_matrix
    """(n_users, n_items), of all items, not of the universe alone: a shopper may be the only one who buys a thing."""

    @classmethod
    def fit(cls, history: History, params: OwnHistoryParams) -> Self:
        return cls(history.owned(params.half_life_days))

    def scores(self, users: NDArray[np.intp]) -> SparseScores:
        return SparseScores(self.frequency[users])

    def arrays(self) -> Arrays:
        return pack("frequency", self.frequency)

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        return cls(unpack("frequency", arrays))
