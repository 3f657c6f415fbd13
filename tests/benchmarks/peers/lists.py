"""Scores to lists, for the peers that are written here."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from tasks.schema import ITEM, RANK, USER, Task
from tests.benchmarks.peers.history import History

Positions = NDArray[np.intp]
Scores = Callable[[Positions], sp.csr_matrix]
"""Positions of users to (n_users, n_items); only what is above 0 is recommended."""
_BLOCK = 256


def best(
    history: History, scores: Scores, users: NDArray[Any], k: int, task: Task, filler: Positions | None = None
) -> pd.DataFrame:
    """`user_id, item_id, rank`: of equals, the item with more buyers first. Under task new nothing that is owned.

    A list that would be short goes on with `filler`, items by position, best first; None: those with the most buyers.
    """
    positions = pd.Index(history.users).get_indexer(pd.Index(users))
    positions = positions[positions >= 0]
    owned = history.owned() if task == "new" else None
    filler = np.arange(len(history.items)) if filler is None else filler
    is_known = np.zeros(len(history.items), bool)
    found: list[Positions] = []
    for start in range(0, len(positions), _BLOCK):
        block = positions[start : start + _BLOCK]
        rows = scores(block)
        for at, user in enumerate(block):
            known = np.empty(0, np.intp) if owned is None else _columns(owned, user)
            is_known[known] = True
            found.append(_row(_columns(rows, at), _values(rows, at), is_known, k, filler))
            is_known[known] = False
    sizes = [len(row) for row in found]
    return pd.DataFrame(
        {
            USER: np.repeat(history.users[positions], sizes),
            ITEM: history.items[np.concatenate(found)],
            RANK: np.concatenate([np.arange(1, size + 1) for size in sizes]),
        }
    )


def _columns(matrix: sp.csr_matrix, row: int) -> Positions:
    return np.asarray(matrix.indices[matrix.indptr[row] : matrix.indptr[row + 1]], np.intp)


def _values(matrix: sp.csr_matrix, row: int) -> NDArray[np.float64]:
    return np.asarray(matrix.data[matrix.indptr[row] : matrix.indptr[row + 1]], np.float64)


def _row(
    items: Positions, scores: NDArray[np.float64], is_known: NDArray[np.bool_], k: int, filler: Positions
) -> Positions:
    kept = (scores > 0) & ~is_known[items]
    items, scores = items[kept], scores[kept]
    if len(items) > k:
        high = scores >= np.partition(scores, len(scores) - k)[len(scores) - k]
        items, scores = items[high], scores[high]
    chosen = items[np.lexsort((items, -scores))][:k]
    if len(chosen) == k:
        return chosen
    rest = filler[~is_known[filler]]
    rest = rest[~np.isin(rest, chosen)]
    return np.concatenate([chosen, rest[: k - len(chosen)]])


def framed(users: NDArray[Any], items: NDArray[Any], found: NDArray[np.bool_]) -> pd.DataFrame:
    """`users` (n,), `items` and `found` (n, k), best first, to a row a found item."""
    ranks = np.broadcast_to(np.arange(1, items.shape[1] + 1), items.shape)
    wide = np.broadcast_to(users[:, None], items.shape)
    return pd.DataFrame({USER: wide[found], ITEM: items[found], RANK: ranks[found]})
