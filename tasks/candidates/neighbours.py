"""Neighbourhood retrievers: items like those that the user has, and what users like this one have."""

from dataclasses import dataclass
from typing import Self, cast

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from tasks.candidates.history import History
from tasks.candidates.retriever import Arrays, pack, unpack
from tasks.candidates.scores import SparseScores
from tasks.params.candidates import ItemNeighbourParams, Similarity, UserNeighbourParams

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
    """Each user's own row has no part in it: what the user has already, `own_history` knows.

    Of many users, neighbours are looked for in a sample, as Jannach and Ludewig do among many sessions (When Recurrent
    Neural Networks meet the Neighborhood for Session-Based Recommendation, RecSys 2017).
    """
    strength = history.matrix(params.half_life_days)
    alike = similarities(strength, params.similarity, params.neighbours + 1, _pool(history, strength, params.pool))
    alike.setdiag(0)
    alike.data **= params.power
    alike.eliminate_zeros()
    total = np.asarray(alike.sum(axis=1)).ravel()
    shares = sp.diags(1 / np.maximum(total, np.finfo(np.float32).tiny)) @ alike
    return Neighbours(sp.csr_matrix(shares, dtype=np.float32), strength)


def _pool(history: History, strength: sp.csr_matrix, pairs: int | None) -> NDArray[np.intp] | None:
    """Positions, ascending, of users who store no more than so many pairs, one user at least; None where all do.

    By the hash of their ids: chance, and the same users whoever joins later.
    """
    if pairs is None or strength.nnz <= pairs:
        return None
    order = np.argsort(pd.util.hash_array(history.users), kind="stable")
    stored = np.cumsum(strength.getnnz(axis=1)[order])
    return np.sort(order[stored <= max(pairs, stored[0])])


def similarities(
    rows: sp.csr_matrix, kind: Similarity, neighbours: int, pool: NDArray[np.intp] | None = None
) -> sp.csr_matrix:
    """(n, n): of each row of `rows` (n, m) its similarity to the `neighbours` rows most like it, itself included; with
    a `pool`, to those of these rows, which ascend.

    cosine: a.b / |a||b|; pearson: the cosine of the rows less their means over all m columns; tfidf: cosine of rows
    weighted by sqrt(tf) * idf; bm25: the dot product of BM25 weighted rows (all but pearson as `implicit` has them).
    """
    n, m = cast(tuple[int, int], rows.shape)
    if n == 0 or m == 0:
        return sp.csr_matrix((n, n), dtype=np.float32)
    if kind == "pearson":
        return _pearson(rows, neighbours, np.arange(n) if pool is None else pool)
    weighted = _weighted(rows, kind)
    found = _products(weighted, min(neighbours, n)) if pool is None else _products_in(weighted, neighbours, pool)
    # A column that all rows but one have is worth nothing: a row of only such has no length to be divided by.
    found.data = np.nan_to_num(found.data, copy=False, nan=0)
    found.eliminate_zeros()
    return found


def _weighted(rows: sp.csr_matrix, kind: Similarity) -> sp.csr_matrix:
    from implicit.nearest_neighbours import bm25_weight, normalize, tfidf_weight

    if kind == "bm25":
        return sp.csr_matrix(bm25_weight(rows, K1=1.2, B=0.75))  # pyright: ignore[reportArgumentType]
    with np.errstate(invalid="ignore"):
        return sp.csr_matrix(normalize(tfidf_weight(rows) if kind == "tfidf" else rows))


def _products(rows: sp.csr_matrix, neighbours: int) -> sp.csr_matrix:
    from implicit.nearest_neighbours import ItemItemRecommender

    model = ItemItemRecommender(K=neighbours)
    model.fit(sp.csr_matrix(rows.T), show_progress=False)
    return sp.csr_matrix(model.similarity, dtype=np.float32)


def _products_in(rows: sp.csr_matrix, neighbours: int, pool: NDArray[np.intp]) -> sp.csr_matrix:
    """`_products` with the rows of the pool alone, a row at a time and on one thread."""
    from implicit.nearest_neighbours import NearestNeighboursScorer

    n, m = cast(tuple[int, int], rows.shape)
    columns = sp.csr_matrix(rows[pool].T, dtype=np.float32)
    columns.resize(max(m, len(pool)), len(pool))  # it has a sum for each row, but adds to that of each column
    scorer = NearestNeighboursScorer(columns)
    found = [
        scorer.recommend(rows.indptr[row : row + 2], rows.indices, rows.data, K=neighbours, remove_own_likes=False)
        for row in range(n)
    ]
    ends = np.cumsum([0, *(len(places) for places, _ in found)])
    places, values = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return sp.csr_matrix((values, pool[places], ends), shape=(n, n), dtype=np.float32)


def _pearson(rows: sp.csr_matrix, neighbours: int, pool: NDArray[np.intp]) -> sp.csr_matrix:
    n, m = cast(tuple[int, int], rows.shape)
    mean = np.asarray(rows.mean(axis=1)).ravel()
    deviation = np.sqrt(np.maximum(np.asarray(rows.multiply(rows).mean(axis=1)).ravel() - mean**2, 0))
    scale = np.divide(1, deviation, out=np.zeros_like(deviation), where=deviation > 0)
    columns, keep = rows[pool].T, min(neighbours, len(pool))
    blocks = []
    for start in range(0, n, _BLOCK):
        block = slice(start, min(start + _BLOCK, n))
        dot = (rows[block] @ columns).toarray()
        correlation = (dot / m - np.outer(mean[block], mean[pool])) * np.outer(scale[block], scale[pool])
        best = np.argpartition(-correlation, keep - 1, axis=1)[:, :keep]
        values = np.maximum(np.take_along_axis(correlation, best, axis=1), 0)
        at = np.repeat(np.arange(len(best)), keep)
        blocks.append(sp.csr_matrix((values.ravel(), (at, pool[best.ravel()])), shape=(len(best), n)))
    result = sp.csr_matrix(sp.vstack(blocks), dtype=np.float32)
    result.eliminate_zeros()
    return result
