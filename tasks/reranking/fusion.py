"""What the retrievers say together before anything is learned: reciprocal rank fusion (Cormack, Clarke, Büttcher:
Reciprocal Rank Fusion outperforms Condorcet and individual rank learning methods, SIGIR 2009)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from tasks.reranking.examples import Examples
from tasks.schema import RANK

_OFFSET = 60
"""The paper's k."""


@dataclass(frozen=True)
class Fusion:
    """The log-odds that a candidate is bought by its fused ranks: intercept + weight * log(sum of 1 / (60 + rank))."""

    intercept: float
    weight: float
    """No less than 0."""

    @classmethod
    def fit(cls, examples: Examples) -> Self:
        """A logistic regression; where examples are of one kind of label, which tells nothing, the fused ranks as they
        are."""
        if examples.label.min() == examples.label.max():
            return cls(0.0, 1.0)
        fused = _fused_ranks(examples.matrix, examples.names)
        found = LogisticRegression(C=np.inf).fit(fused[:, None], examples.label)
        return cls(float(found.intercept_[0]), max(0.0, float(found.coef_[0, 0])))

    def scores(self, matrix: NDArray[np.float32], names: Sequence[str]) -> NDArray[np.float64]:
        """(n_rows,) of a matrix with columns `names`."""
        return self.intercept + self.weight * _fused_ranks(matrix, names)


def _fused_ranks(matrix: NDArray[np.float32], names: Sequence[str]) -> NDArray[np.float64]:
    """A retriever that would not propose adds nothing; what nobody would propose is as the last of a very long list."""
    ranks = [position for position, name in enumerate(names) if name.endswith(f"_{RANK}")]
    total = np.nansum(1 / (_OFFSET + matrix[:, ranks].astype(np.float64)), axis=1)
    return np.log(np.maximum(total, np.finfo(np.float32).eps))
