"""How sure a mean over users is: percentile bootstrap intervals, many means at a time on the same draws."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_BLOCK_ELEMENTS = 8_000_000
"""Draws × users held at a time, so that memory does not grow with the number of users (32 MB)."""


@dataclass(frozen=True)
class Intervals:
    """A mean a column, with the low and high ends of its interval; each (n_columns,). NaN where no user counts."""

    mean: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]


def bootstrap(
    values: NDArray[np.float64], draws: int, seed: int, level: float | NDArray[np.float64] = 0.95
) -> Intervals:
    """Percentile intervals of the column means of `values` (n_users, n_columns); `level`: one, or one a column.

    Users are drawn with replacement, n_users a draw, and all columns see the same draws. So the interval of a column of
    differences `a - b` is the paired one, and it is exact that the draws of a slice are the slice's part of the draws
    of all. A NaN says that a user does not count in that column.
    Same seed, same intervals; the columns beside one do not change it.
    """
    n_users = len(values)
    counted = ~np.isnan(values)
    filled = np.where(counted, values, 0.0).astype(np.float64)
    all_count = counted.all(axis=0)
    rng = np.random.default_rng(seed)
    block = max(1, min(draws, _BLOCK_ELEMENTS // max(n_users, 1)))
    means = np.empty((draws, values.shape[1]))
    for start in range(0, draws, block):
        times = _times_drawn(rng, min(block, draws - start), n_users)
        size = np.full((len(times), values.shape[1]), float(n_users))
        size[:, ~all_count] = times @ counted[:, ~all_count].astype(np.float64)
        with np.errstate(invalid="ignore"):
            means[start : start + len(times)] = (times @ filled) / size
    return Intervals(_column_means(filled, counted), *_ends(means, level))


def _times_drawn(rng: np.random.Generator, draws: int, n_users: int) -> NDArray[np.float64]:
    """(draws, n_users): how often each user came up in each draw."""
    drawn = rng.integers(0, n_users, (draws, n_users)) + np.arange(draws)[:, None] * n_users
    return np.bincount(drawn.ravel(), minlength=draws * n_users).reshape(draws, n_users).astype(np.float64)


def _column_means(filled: NDArray[np.float64], counted: NDArray[np.bool_]) -> NDArray[np.float64]:
    size = counted.sum(axis=0)
    return np.divide(filled.sum(axis=0), size, out=np.full(len(size), np.nan), where=size > 0)


def _ends(
    means: NDArray[np.float64], level: float | NDArray[np.float64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    tails = np.broadcast_to((1 - np.asarray(level)) / 2 * 100, means.shape[1])
    low, high = np.full(means.shape[1], np.nan), np.full(means.shape[1], np.nan)
    for column in np.flatnonzero(~np.isnan(means).all(axis=0)):
        ends = [tails[column], 100 - tails[column]]
        low[column], high[column] = np.nanpercentile(means[:, column], ends)
    return low, high
