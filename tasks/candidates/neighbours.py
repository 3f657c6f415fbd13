"""Neighbourhood retrievers: items like those that the user has, and what users like this one have."""

import warnings
from dataclasses import dataclass
from typing import Self, cast

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from tasks.candidates.history import History
from tasks.candidates.retriever import Arrays, pack, unpack
from tasks.candidates.scores import SparseScores
from tasks.params import ItemNeighbourParams, Similarity, UserNeighbourParams

_BLOCK = 1024


@dataclass(frozen=True)
class Neighbours:
    """score(u, i) = (left @ right)[u, i]: for item neighbours strength @ similarity, for user neighbours similarity
    @ strength."""

    left: sp.csr_matrix
    right: sp.csr_matrix

    def scores(self, users: NDArray[np.intp]) -> SparseScores:
        return SparseScores(self.left[users] @ self.right)

    def arrays(self) -> Arrays:
        return pack("left", self.left) | pack("right", self.right)

    @classmethod
    def from_arrays(cls, arrays: Arrays) -> Self:
        return cls(unpack("left", arrays), unpack("right", arrays))


def fit_item_neighbours(history: History, params: ItemNeighbourParams) -> Neighbours:
    """Sarwar et al.: Item-based Collaborative Filtering Recommendation Algorithms, WWW 2001."""
    strength = history.matrix(params.half_life_days)
    return Neighbours(strength, similarities(strength.T.tocsr(), params.similarity, params.neighbours))


def fit_user_neighbours(history: History, params: UserNeighbourParams) -> Neighbours:
    """Each user's own row has no part in it: what the user has already, `own_history` knows."""
    strength = history.matrix(params.half_life_days)
    alike = similarities(strength, params.similarity, params.neighbours + 1)
    alike.setdiag(0)
    alike.data **= params.power
    alike.eliminate_zeros()
    total = np.asarray(alike.sum(axis=1)).ravel()
    shares = sp.diags(1 / np.maximum(total, np.finfo(np.float32).tiny)) @ alike
    return Neighbours(sp.csr_matrix(shares, dtype=np.float32), strength)


def similarities(rows: sp.csr_matrix, kind: Similarity, neighbours: int) -> sp.csr_matrix:
    """(n, n): of each row of `rows` (n, m) its similarity to the `neighbours` rows most like it, itself included.

    cosine: a.b / |a||b|; pearson: the cosine of the rows less their means over all m columns; tfidf: cosine of rows
    weighted by sqrt(tf) * idf; bm25: the dot product of BM25 weighted rows (all but pearson as `implicit` has them).
    """
    n, m = cast(tuple[int, int], rows.shape)
    if n == 0 or m == 0:
        return sp.csr_matrix((n, n), dtype=np.float32)
    if kind == "pearson":
        return _pearson(rows, neighbours)
    from implicit.nearest_neighbours import BM25Recommender, CosineRecommender, TFIDFRecommender
    from implicit.utils import ParameterWarning

    model = {"bm25": BM25Recommender, "cosine": CosineRecommender, "tfidf": TFIDFRecommender}[kind](
        K=min(neighbours, n)
    )
    with warnings.catch_warnings(), np.errstate(invalid="ignore"):
        warnings.simplefilter("ignore", ParameterWarning)  # it makes a COO matrix of its own, and then warns of it
        model.fit(sp.csr_matrix(rows.T), show_progress=False)
    found = sp.csr_matrix(model.similarity, dtype=np.float32)
    # A column that all rows but one have is worth nothing: a row of only such has no length to be divided by.
    found.data = np.nan_to_num(found.data, copy=False, nan=0)
    found.eliminate_zeros()
    return found


def _pearson(rows: sp.csr_matrix, neighbours: int) -> sp.csr_matrix:
    n, m = cast(tuple[int, int], rows.shape)
    mean = np.asarray(rows.mean(axis=1)).ravel()
    deviation = np.sqrt(np.maximum(np.asarray(rows.multiply(rows).mean(axis=1)).ravel() - mean**2, 0))
    scale = np.divide(1, deviation, out=np.zeros_like(deviation), where=deviation > 0)
    keep = min(neighbours, n)
    blocks = []
    for start in range(0, n, _BLOCK):
        block = slice(start, min(start + _BLOCK, n))
        dot = (rows[block] @ rows.T).toarray()
        correlation = (dot / m - np.outer(mean[block], mean)) * np.outer(scale[block], scale)
        best = np.argpartition(-correlation, keep - 1, axis=1)[:, :keep]
        values = np.maximum(np.take_along_axis(correlation, best, axis=1), 0)
        at = np.repeat(np.arange(len(best)), keep)
        blocks.append(sp.csr_matrix((values.ravel(), (at, best.ravel())), shape=(len(best), n)))
    result = sp.csr_matrix(sp.vstack(blocks), dtype=np.float32)
    result.eliminate_zeros()
    return result
