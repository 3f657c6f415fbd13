"""Whether lists of some users are what lists have to be, whatever is in them."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.candidates.history import History
from tasks.schema import ITEM, TASKS, USER

USERS = 200
LENGTH = 10


@dataclass(frozen=True)
class Sample:
    """Counts over the lists of both tasks."""

    users: int
    lists: int
    """That were asked for: one a task and user."""
    unknown_users: int
    unknown_items: int
    short: int
    """Lists with fewer items than `LENGTH` and than the shop sells to that user; one that is missing is short too."""


def some_of(users: NDArray[Any], most: int, seed: int) -> NDArray[Any]:
    """`most` of these ids, or all where there are no more, sorted."""
    return np.sort(np.random.default_rng(seed).choice(users, min(most, len(users)), replace=False))


def look_at(lists: pd.DataFrame, users: NDArray[Any], history: History) -> Sample:
    """`lists` (`task, user_id, item_id, rank`) are those of `users`, with a state as of the history's cutoff."""
    sold = history.items[np.unique(history.item[history.target])]
    known = lists[lists[USER].isin(users) & lists[ITEM].isin(sold)]
    asked = pd.MultiIndex.from_product([TASKS, users], names=["task", USER])
    lengths = known.groupby(["task", USER]).size().reindex(asked, fill_value=0).to_numpy()
    return Sample(
        users=len(users),
        lists=len(asked),
        unknown_users=int(lists.loc[~lists[USER].isin(users), USER].nunique()),
        unknown_items=int(lists.loc[~lists[ITEM].isin(sold), ITEM].nunique()),
        short=int((lengths < np.minimum(LENGTH, _sellable(history, users))).sum()),
    )


def _sellable(history: History, users: NDArray[Any]) -> NDArray[np.int64]:
    """In the order of `asked`: to each user the whole universe on task all, and what of it they never bought on new."""
    owned = history.owned()[pd.Index(history.users).get_indexer(pd.Index(users))]
    mine = owned[:, : history.n_universe].getnnz(axis=1)
    return np.concatenate([np.full(len(users), history.n_universe), history.n_universe - mine])
