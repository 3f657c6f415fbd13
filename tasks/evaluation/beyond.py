"""What lists are like beyond being right: how much of the shop they show, how new, how varied, how concentrated.

`items` is (n_users, depth), places in the catalogue, NO_ITEM where a list has ended.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.evaluation.evidence import BUYERS
from tasks.evaluation.lists import NO_ITEM

Items = NDArray[np.int64]
Values = NDArray[np.float64]


def coverage(items: Items, k: int, in_catalogue: NDArray[np.bool_]) -> float:
    """coverage@k = distinct catalogue items in anyone's first k / items in the catalogue."""
    shown = np.unique(_shown(items, k))
    return float(in_catalogue[shown].sum() / max(in_catalogue.sum(), 1))


def gini(items: Items, k: int, in_catalogue: NDArray[np.bool_]) -> float:
    """Gini@k of exposure: 0 = every catalogue item shown equally often, near 1 = one item takes all places.

    With x_(1) <= … <= x_(n) the times each of the n catalogue items stands in anyone's first k:
    G = 2 · sum(i · x_(i)) / (n · sum(x)) - (n + 1) / n. Items never shown count. NaN where nothing is shown.
    """
    times = np.sort(np.bincount(_shown(items, k), minlength=len(in_catalogue))[in_catalogue])
    n, total = len(times), times.sum()
    if not total:
        return float("nan")
    return float(2 * (np.arange(1, n + 1) @ times) / (n * total) - (n + 1) / n)


def novelty(items: Items, k: int, surprise: Values) -> Values:
    """(n_users,): novelty@k = mean over the first k of -log2(share of users who bought the item), NaN for no list."""
    top = items[:, :k]
    there = top != NO_ITEM
    total = np.where(there, surprise[top], 0.0).sum(axis=1)
    return np.divide(total, there.sum(axis=1), out=np.full(len(top), np.nan), where=there.any(axis=1))


def item_surprise(items: pd.DataFrame, n_users: int) -> Values:
    """-log2(buyers / n_users) an item; an item that nobody bought counts as bought once."""
    return -np.log2(np.maximum(items[BUYERS].to_numpy(dtype=np.float64), 1) / max(n_users, 1))


def diversity(items: Items, k: int, levels: Sequence[NDArray[np.int64]]) -> Values:
    """(n_users,): intra-list diversity@k = mean distance of all pairs in the first k; NaN for fewer than two items.

    The distance of two items is 1 - (category levels they share, from the widest down) / (number of levels): 0 in the
    same narrowest category, 1 in different departments. NaN everywhere where the shop has no categories.
    """
    top = items[:, :k]
    there = top != NO_ITEM
    n = there.sum(axis=1)
    pairs = n * (n - 1) / 2
    if not levels:
        return np.full(len(top), np.nan)
    rows = np.nonzero(there)[0]
    shared = sum(_pairs_alike(rows, level[top[there]], len(top)) for level in levels)
    return np.divide(pairs - shared / len(levels), pairs, out=np.full(len(top), np.nan), where=pairs > 0)


def _pairs_alike(rows: NDArray[np.int64], codes: NDArray[np.int64], n_users: int) -> Values:
    width = int(codes.max(initial=0)) + 1
    groups, size = np.unique(rows * width + codes, return_counts=True)
    return np.bincount(groups // width, weights=size * (size - 1) / 2, minlength=n_users).astype(np.float64)


def _shown(items: Items, k: int) -> NDArray[np.int64]:
    top = items[:, :k]
    return top[top != NO_ITEM]
