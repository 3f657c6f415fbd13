"""What a retriever may know: the weighted events before one cutoff, with users and items as positions."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from tasks.params import CandidateParams, ShopParams
from tasks.schema import EVENT_TYPE, ITEM, SESSION, TIMESTAMP, USER

_DAY = pd.Timedelta(days=1)


@dataclass(frozen=True)
class History:
    """Events strictly before a cutoff, one a (user, item, session, event type).

    Positions follow `users`, sorted by id, and `items`: first the universe, the `n_universe` items that enough people
    bought lately, from the most to the least bought, then the others by id; of too many, the least bought are others,
    and of those bought alike the higher ids. Only the universe is proposed to people who never had an item.
    """

    users: NDArray[Any]
    items: NDArray[Any]
    n_universe: int
    user: NDArray[np.int32]
    item: NDArray[np.int32]
    age_days: NDArray[np.float32]
    """Days from the event to the cutoff, above 0."""
    weight: NDArray[np.float32]
    """Strength of one event by its type; 1 for a target event unless params say otherwise."""
    target: NDArray[np.bool_]

    @classmethod
    def as_of(cls, events: pd.DataFrame, cutoff: datetime, params: CandidateParams, shop: ShopParams) -> Self:
        weights = {shop.target_event: 1.0} | dict(params.event_weights)
        past = events[(events[TIMESTAMP] < cutoff) & events[EVENT_TYPE].isin(list(weights))]
        past = past.drop_duplicates([USER, ITEM, SESSION, EVENT_TYPE])
        age = ((cutoff - past[TIMESTAMP]) / _DAY).to_numpy(np.float32)
        target = (past[EVENT_TYPE] == shop.target_event).to_numpy()
        recent = past[target & (age <= params.universe_days)]
        buyers = recent.drop_duplicates([USER, ITEM])[ITEM].value_counts()
        buyers = buyers[buyers >= params.universe_min_buyers].sort_index().sort_values(ascending=False, kind="stable")
        universe = buyers.index.to_numpy()[: params.universe_max_items]
        users = np.sort(past[USER].unique())
        items = np.concatenate([universe, np.setdiff1d(past[ITEM].unique(), universe)])
        return cls(
            users=users,
            items=items,
            n_universe=len(universe),
            user=pd.Index(users).get_indexer(pd.Index(past[USER])).astype(np.int32),
            item=pd.Index(items).get_indexer(pd.Index(past[ITEM])).astype(np.int32),
            age_days=age,
            weight=past[EVENT_TYPE].map(weights).to_numpy(np.float32),
            target=target,
        )

    def matrix(self, half_life_days: float | None) -> sp.csr_matrix:
        """(n_users, n_universe): sum of weight * 0.5 ** (age / half-life); no half-life, no decay."""
        inside = self.item < self.n_universe
        strength = decayed(self.weight, self.age_days, half_life_days)[inside]
        return _matrix(strength, self.user[inside], self.item[inside], (len(self.users), self.n_universe))

    def owned(self, half_life_days: float | None = None) -> sp.csr_matrix:
        """(n_users, n_items), target events only: their decayed number, above 0 where the pair ever had one."""
        strength = decayed(np.ones_like(self.age_days), self.age_days, half_life_days)[self.target]
        return _matrix(strength, self.user[self.target], self.item[self.target], (len(self.users), len(self.items)))


def decayed(weight: NDArray[np.float32], age_days: NDArray[np.float32], half_life_days: float | None) -> Any:
    """weight * 0.5 ** (age / half-life), never 0: the faintest trace of a pair stays a trace."""
    if half_life_days is None:
        return weight
    return np.maximum(weight * 0.5 ** (age_days / np.float32(half_life_days)), np.finfo(np.float32).tiny)


def _matrix(
    strength: NDArray[np.float32], rows: NDArray[np.int32], columns: NDArray[np.int32], shape: tuple[int, int]
) -> sp.csr_matrix:
    matrix = sp.csr_matrix((strength, (rows, columns)), shape=shape, dtype=np.float32)
    matrix.sum_duplicates()
    return matrix
