"""Accuracy of lists, a value a user.

Every function takes `hits` (n_users, depth), True where the item at that place is relevant to that user, `relevant`
(n_users,), how many items are relevant to each (at least 1), and the list length `k <= depth`. It gives (n_users,).
A list that is shorter than k has no hit at its missing places: it is not excused from them. Below, R = relevant,
rel(i) = 1 where place i (from 1) is a hit, hits@k = sum of rel(i) for i <= k.
"""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

Hits = NDArray[np.bool_]
Counts = NDArray[np.int64]
Values = NDArray[np.float64]


def recall(hits: Hits, relevant: Counts, k: int) -> Values:
    """recall@k = hits@k / min(k, R): the best possible list scores 1 even where R > k."""
    return _found(hits, k) / np.minimum(k, relevant)


def precision(hits: Hits, relevant: Counts, k: int) -> Values:  # noqa: ARG001 - one signature for all metrics
    """precision@k = hits@k / k."""
    return _found(hits, k) / k


def f1(hits: Hits, relevant: Counts, k: int) -> Values:
    """F1@k = 2 · precision@k · recall@k / (precision@k + recall@k) of each user; 0 without a hit."""
    p, r = precision(hits, relevant, k), recall(hits, relevant, k)
    return np.divide(2 * p * r, p + r, out=np.zeros_like(p), where=p + r > 0)


def ndcg(hits: Hits, relevant: Counts, k: int) -> Values:
    """NDCG@k = sum over i <= k of rel(i) / log2(i + 1), divided by that sum for i <= min(k, R), the best reachable."""
    discount = 1 / np.log2(np.arange(2, k + 2))
    ideal = np.cumsum(discount)[np.minimum(k, relevant) - 1]
    return (hits[:, :k] * discount).sum(axis=1) / ideal


def average_precision(hits: Hits, relevant: Counts, k: int) -> Values:
    """AP@k = sum over hits i <= k of (hits@i / i), divided by min(k, R); its mean over users is MAP@k."""
    top = hits[:, :k]
    at_hits = np.cumsum(top, axis=1) / np.arange(1, k + 1) * top
    return at_hits.sum(axis=1) / np.minimum(k, relevant)


def reciprocal_rank(hits: Hits, relevant: Counts, k: int) -> Values:  # noqa: ARG001
    """RR@k = 1 / place of the first hit, 0 without one in the first k; its mean over users is MRR@k."""
    top = hits[:, :k]
    return np.where(top.any(axis=1), 1 / (top.argmax(axis=1) + 1), 0.0)


def hit_rate(hits: Hits, relevant: Counts, k: int) -> Values:  # noqa: ARG001
    """1 where hits@k > 0, else 0; its mean is the share of users with at least one hit."""
    return (_found(hits, k) > 0).astype(np.float64)


METRICS: dict[str, Callable[[Hits, Counts, int], Values]] = {
    "recall": recall,
    "precision": precision,
    "f1": f1,
    "ndcg": ndcg,
    "map": average_precision,
    "mrr": reciprocal_rank,
    "hit_rate": hit_rate,
}


def per_user(hits: Hits, relevant: Counts, lengths: Sequence[int]) -> dict[str, Values]:
    """Every metric at every length, keyed `ndcg@10`."""
    return {f"{name}@{k}": metric(hits, relevant, k) for name, metric in METRICS.items() for k in lengths}


def recall_curve(hits: Hits, relevant: Counts) -> Values:
    """(depth,): mean recall@k for k = 1 … depth."""
    return reached_curve(np.cumsum(hits, axis=1, dtype=np.int64), relevant)


def reached_curve(found: NDArray[np.integer], relevant: Counts) -> Values:
    """(depth,): mean over users of found@k / min(k, R), from `found` (n_users, depth), the hits within the first k."""
    lengths = np.arange(1, found.shape[1] + 1)
    return (found / np.minimum(lengths, relevant[:, None])).mean(axis=0)


def _found(hits: Hits, k: int) -> NDArray[np.int64]:
    return hits[:, :k].sum(axis=1)
