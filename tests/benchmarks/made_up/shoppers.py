"""Who shops in a made-up shop: a few buy most of it, each has a taste, and visits the shop in a rhythm."""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.schema import USER
from tests.benchmarks.made_up.calendar import visit_seconds
from tests.benchmarks.made_up.catalogue import AISLES

EVENTS_A_SHOPPER = 584
"""Mean; the numbers of all shoppers fall as an exponential distribution does."""
BASKET, BASKET_SPREAD, VISIT_SPREAD = 10.5, 0.5, 1.15
"""Median size of a shopper's baskets, its spread over shoppers, and over the visits of one; both of the logarithm."""
_KINDS, _AISLES_A_KIND, LIKED = 40, 40, 14
"""Shoppers are of so many kinds; one likes some of the aisles of the kind."""
_LATE, _LATE_BY = 0.25, 0.12
"""Share of shoppers who join within the year, and after what part of it, on average."""
_TELLS = 0.32
"""Share of shoppers whose attributes are known."""
ATTRIBUTES = {"age": 6, "income": 12, "home_ownership": 4, "household_size": 5, "kids_count": 4}


@dataclass(frozen=True)
class Shoppers:
    events: NDArray[np.float64]
    """(n_users,), about what each buys."""
    visits: NDArray[np.int64]
    """(n_users,)"""
    joined: NDArray[np.float64]
    """(n_users,), the share of the year that is over when they begin."""
    liked: NDArray[np.int16]
    """(n_users, LIKED) aisles."""

    @classmethod
    def draw(cls, n_users: int, rng: np.random.Generator) -> Self:
        events = EVENTS_A_SHOPPER * -np.log1p(-(rng.permutation(n_users) + 0.5) / n_users)
        basket = np.exp(rng.normal(np.log(BASKET), BASKET_SPREAD, n_users))
        late = np.where(rng.random(n_users) < _LATE, rng.exponential(_LATE_BY, n_users), 0)
        of_kind = np.argsort(rng.random((_KINDS, AISLES)), axis=1)[:, :_AISLES_A_KIND].astype(np.int16)
        kind = rng.integers(0, _KINDS, (n_users, 1))
        return cls(
            events=events,
            visits=np.maximum(1, np.round(events / basket)).astype(np.int64),
            joined=np.minimum(late, 0.98),
            liked=of_kind[kind, rng.integers(0, _AISLES_A_KIND, (n_users, LIKED))],
        )

    def users(self, ids: NDArray[np.int64], rng: np.random.Generator) -> pd.DataFrame:
        tells = rng.random(len(ids)) < _TELLS
        frame = pd.DataFrame({USER: ids})
        for name, kinds in ATTRIBUTES.items():
            named = np.array([f"{name} {number}" for number in range(kinds)], dtype=object)
            frame[name] = pd.Series(named[rng.integers(0, kinds, len(ids))]).where(tells)
        return frame


@dataclass(frozen=True)
class Visits:
    """Sorted by user, then by time."""

    user: NDArray[np.int32]
    second: NDArray[np.int64]
    """From the first midnight of the year."""
    size: NDArray[np.float64]
    """How much is bought, compared with other visits."""

    @classmethod
    def draw(cls, shoppers: Shoppers, rng: np.random.Generator) -> Self:
        user = np.repeat(np.arange(len(shoppers.visits), dtype=np.int32), shoppers.visits)
        second = visit_seconds(shoppers.joined[user], rng)
        order = np.lexsort((second, user))
        size = (shoppers.events / shoppers.visits)[user] * np.exp(rng.normal(0, VISIT_SPREAD, len(user)))
        return cls(user, second[order], size)
