"""Best of a block of scores. Ties go to the lower position, so that results do not depend on chance."""

import numpy as np
from numpy.typing import NDArray

_SPARSE = 0.02
_GROUPS = 8
"""Times k."""


def best_per_row(scores: NDArray[np.float32], k: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """(rows, columns) of the at most k highest scores above 0 in each row, best first within a row."""
    if k < 1 or scores.shape[1] == 0:
        return np.empty(0, np.intp), np.empty(0, np.intp)
    positive = scores > 0
    if k < scores.shape[1] and np.count_nonzero(positive) > _SPARSE * scores.size:
        # Everything from the k-th score up, and a little more; what is too much is cut below, where ties have an order.
        positive &= scores >= _floor(scores, k)
    rows, columns = np.divmod(np.flatnonzero(positive), scores.shape[1])  # many times as fast as np.nonzero
    order = np.lexsort((columns, -scores[rows, columns], rows))
    rows, columns = rows[order], columns[order]
    keep = place_in_group(rows) < k
    return rows[keep], columns[keep]


def _floor(scores: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    """(n, 1): the k-th highest score of each row, or a bit less.

    Of many columns, the k-th highest of the maxima of columns j, j + m, j + 2m, …: k scores are as high at least. It
    takes a fraction of the time, and the highest columns, which often lie side by side, are each in another group.
    """
    groups = _GROUPS * k
    rounds = scores.shape[1] // groups
    if rounds > 1:
        scores = scores[:, : rounds * groups].reshape(len(scores), rounds, groups).max(axis=1)
    return np.partition(scores, scores.shape[1] - k, axis=1)[:, [scores.shape[1] - k]]


def place_in_group(groups: NDArray[np.integer]) -> NDArray[np.intp]:
    """0, 1, 2, … within each run of equal values in `groups`."""
    n = len(groups)
    starts = np.flatnonzero(np.r_[True, groups[1:] != groups[:-1]]) if n else np.empty(0, np.intp)
    return np.arange(n) - np.repeat(starts, np.diff(np.r_[starts, n]))


def rank_in_group(groups: NDArray[np.integer], scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rank from 1 of each score within its run of equal `groups`; NaN where the score is not above 0."""
    place = place_in_group(groups)
    run = np.cumsum(place == 0) - 1
    padded = np.full((run[-1] + 1, place.max() + 1) if len(run) else (0, 0), -np.inf, np.float32)
    padded[run, place] = scores
    ranks = np.empty(padded.shape, np.float32)
    order = np.argsort(-padded, axis=1, kind="stable")
    np.put_along_axis(ranks, order, np.arange(1, padded.shape[1] + 1, dtype=np.float32)[None, :], axis=1)
    return np.where(scores > 0, ranks[run, place], np.float32(np.nan))
