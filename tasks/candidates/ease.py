"""EASE: each item's purchases explained by those of the others (Steck: Embarrassingly Shallow Autoencoders for Sparse
Data, WWW 2019), over the items that most people buy, with time decay in the strength."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from scipy.linalg import get_lapack_funcs

from tasks.candidates.history import History
from tasks.candidates.retriever import Arrays, pack, unpack
from tasks.candidates.scores import DenseScores
from tasks.params.candidates import EaseParams


@dataclass(frozen=True)
class Ease:
    """score(u, i) = (strength @ weights)[u, i], eq. 8 of the paper: what u has speaks for i or against it."""

    strength: sp.csr_matrix
    """(n_users, head): log(1 + decayed sessions), as a tenth carton of milk tells less than the first."""
    weights: NDArray[np.float32]
    """(head, head), 0 on the diagonal."""

    @classmethod
    def fit(cls, history: History, params: EaseParams) -> Self:
        """The head are the first items of the universe. Takes head ** 2 memory and head ** 3 time."""
        strength = history.matrix(params.half_life_days)[:, : params.head]
        strength.data = np.log1p(strength.data)
        return cls(strength, _explained(strength, params.regularization))

    def scores(self, users: NDArray[np.intp]) -> DenseScores:
        return DenseScores(self.strength[users] @ self.weights)

    def arrays(self) -> Arrays:
        return {"weights": self.weights} | pack("strength", self.strength)

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        return cls(unpack("strength", arrays), arrays["weights"])


def _explained(strength: sp.csr_matrix, regularization: float) -> NDArray[np.float32]:
    """B = I - P / diag(P), P = (X'X + regularization I) ** -1, by Cholesky: the matrix is symmetric and positive."""
    gram = (strength.T @ strength).toarray().astype(np.float32)
    if not len(gram):
        return gram
    gram[np.diag_indices_from(gram)] += np.float32(regularization)
    potrf, potri = get_lapack_funcs(("potrf", "potri"), (gram,))
    factor, failed = potrf(gram, lower=1, overwrite_a=1)
    inverse, _ = potri(factor, lower=1, overwrite_c=1) if not failed else (factor, failed)
    if failed:
        raise np.linalg.LinAlgError("EASE: candidates.ease.regularization is too small for these events")
    inverse = np.tril(inverse) + np.tril(inverse, -1).T
    weights = -inverse / np.diag(inverse)
    weights[np.diag_indices_from(weights)] = 0
    return np.ascontiguousarray(weights)
