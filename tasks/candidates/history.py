"""What a retriever may know: the weighted events before one cutoff, with users and items as positions."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import numpy as np
import pandas as pd
import scipy.sparse as sp
from numpy.typing import NDArray

from tasks.params.candidates import CandidateParams
from tasks.params.shop import ShopParams
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
        user, users = _coded(past[USER])
        item, ids = _coded(past[ITEM])
        first = _first_of_each(user, item, past)
        user, item = user[first], item[first]
        age = ((cutoff - past[TIMESTAMP]) / _DAY).to_numpy(np.float32)[first]
        target = (past[EVENT_TYPE] == shop.target_event).to_numpy()[first]
        lately = target & (age <= params.universe_days)
        pairs = _matrix(np.ones(lately.sum(), np.float32), user[lately], item[lately], (len(users), len(ids)))
        universe = _most_bought(pairs.getnnz(axis=0), params.universe_min_buyers)[: params.universe_max_items]
        order = np.concatenate([universe, np.setdiff1d(np.arange(len(ids)), universe)])
        return cls(
            users=users,
            items=ids[order],
            n_universe=len(universe),
            user=user,
            item=_places(order)[item],
            age_days=age,
            weight=past[EVENT_TYPE].map(weights).to_numpy(np.float32)[first],
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


def _coded(ids: pd.Series) -> tuple[NDArray[np.int32], NDArray[Any]]:
    """Positions of `ids` among the distinct ones, and these, sorted."""
    codes, found = pd.factorize(ids)
    distinct = np.asarray(found)
    order = np.argsort(distinct, kind="stable")
    return _places(order)[codes], distinct[order]


def _places(order: NDArray[np.intp]) -> NDArray[np.int32]:
    """Of each of 0, 1, 2, …, where it stands in `order`."""
    places = np.empty(len(order), np.int32)
    places[order] = np.arange(len(order), dtype=np.int32)
    return places


def _first_of_each(user: NDArray[np.int32], item: NDArray[np.int32], past: pd.DataFrame) -> NDArray[np.intp]:
    """Ascending: the first row of each (user, item, session, event type).

    By sorting, which is quick where events are nearly sorted, as they are in time: a table of as many keys as events
    is larger than a processor's cache, and then `drop_duplicates` takes several times as long an event.
    """
    session = pd.factorize(past[SESSION])[0]
    visit = pd.factorize(session * (user.max(initial=0) + 1) + user)[0]
    kind = past[EVENT_TYPE].astype("category").cat.codes.to_numpy()
    key = (visit * (kind.max(initial=0) + 1) + kind) * (int(item.max(initial=0)) + 1) + item
    order = np.argsort(key, kind="stable")
    again = np.diff(key[order]) == 0
    return np.sort(order[np.r_[True, ~again]]) if len(order) else order


def _most_bought(buyers: NDArray[np.integer], at_least: int) -> NDArray[np.intp]:
    """Positions with so many buyers, from the most to the fewest, of equal ones the lower first."""
    enough = np.flatnonzero(buyers >= at_least)
    return enough[np.argsort(-buyers[enough], kind="stable")]


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
