"""Best of a block of scores. Ties go to the lower position, so that results do not depend on chance."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

_GROUPS = 8
"""Times k."""
Pairs = tuple[NDArray[np.intp], NDArray[np.intp]]
"""(rows, columns)"""


def row_by_row(columns_of: Callable[[int], NDArray[np.intp]], n_rows: int) -> Pairs:
    """The columns of each of so many rows, with the row of each. A row at a time stays in the processor's cache."""
    found = [columns_of(row) for row in range(n_rows)]
    sizes = np.array([len(columns) for columns in found], np.intp)
    return np.repeat(np.arange(n_rows), sizes), np.concatenate([np.empty(0, np.intp), *found])


def best_of(scores: NDArray[np.float32], k: int) -> NDArray[np.intp]:
    """Positions of the at most k highest of `scores` that are above 0, best first."""
    if k < 1:
        return np.empty(0, np.intp)
    floor = _floor(scores, k) if k < len(scores) else np.float32(0)
    # Everything from the k-th score up, and a little more; what is too much is cut below, where ties have an order.
    high = np.flatnonzero(scores >= floor if floor > 0 else scores > 0)
    return high[np.argsort(-scores[high], kind="stable")[:k]]


def best_of_some(columns: NDArray[np.integer], scores: NDArray[np.float32], k: int) -> NDArray[np.intp]:
    """`best_of` where only those of some columns, in any order, are above 0: scores[i] is that of columns[i]."""
    if k < 1:
        return np.empty(0, np.intp)
    floor = np.partition(scores, len(scores) - k)[len(scores) - k] if k < len(scores) else np.float32(0)
    high = np.flatnonzero(scores >= floor if floor > 0 else scores > 0)
    columns, scores = columns[high].astype(np.intp), scores[high]
    return columns[np.lexsort((columns, -scores))[:k]]


def _floor(scores: NDArray[np.float32], k: int) -> np.float32:
    """The k-th highest score, or a bit less.

    Of many columns, the k-th highest of the maxima of columns j, j + m, j + 2m, …: k scores are as high at least. It
    takes a fraction of the time, and the highest columns, which often lie side by side, are each in another group.
    """
    groups = _GROUPS * k
    rounds = len(scores) // groups
    if rounds > 1:
        scores = scores[: rounds * groups].reshape(rounds, groups).max(axis=0)
    return np.partition(scores, len(scores) - k)[len(scores) - k]


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
