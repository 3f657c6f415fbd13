"""What was bought in the last horizons, and by what the promotions of the coming one move it."""

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tasks.candidates.history import History, decayed
from tasks.candidates.promoted import factors_of_promotions, reach_of_promotions
from tasks.folds import Fold

_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Lately:
    """Target events of the last horizons, with how many horizons each lies back."""

    history: History
    days: float
    """Of a horizon."""
    horizons: int
    """As far as the history goes back."""
    user: NDArray[np.int32]
    item: NDArray[np.int32]
    age_days: NDArray[np.float32]
    back: NDArray[np.int64]

    @classmethod
    def of(cls, history: History, horizon: timedelta, most_days: float) -> Self:
        """As many whole horizons as there are in `most_days`, one at least."""
        days = horizon / _DAY
        back = np.ceil(history.age_days / days).astype(np.int64) - 1
        used = history.target & (back < max(1, int(most_days // days)))
        horizons = int(back[used].max()) + 1 if used.any() else 0
        return cls(history, days, horizons, history.user[used], history.item[used], history.age_days[used], back[used])

    def sold(self, half_life_days: float) -> NDArray[np.float64]:
        """(n_universe,): sessions with the item, decayed."""
        weights = decayed(np.ones_like(self.age_days), self.age_days, half_life_days)
        found = np.bincount(self.item, weights, len(self.history.items)).astype(np.float64)
        return found[: self.history.n_universe]

    def sold_in_horizons(self) -> NDArray[np.float64]:
        """(horizons, n_universe)"""
        inside = self.item < self.history.n_universe
        cells = self.back[inside] * self.history.n_universe + self.item[inside]
        shape = (self.horizons, self.history.n_universe)
        return np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)

    def share_with_few(self, most: int) -> float:
        """Of (shopper, horizon) with a target event in it and one before, the share with at most so many before."""
        back = np.ceil(self.history.age_days[self.history.target] / self.days).astype(np.int64) - 1
        cells = np.minimum(back, self.horizons) * len(self.history.users) + self.history.user[self.history.target]
        shape = (self.horizons + 1, len(self.history.users))
        events = np.bincount(cells, minlength=shape[0] * shape[1]).reshape(shape)
        before = events.sum(axis=0) - np.cumsum(events, axis=0)
        counted = (events[: self.horizons] > 0) & (before[: self.horizons] > 0)
        return float((before[: self.horizons][counted] <= most).mean()) if counted.any() else 0.0

    def items_of_a_shopper(self) -> float:
        """Mean number of items of the universe that a shopper buys within a horizon with a purchase."""
        bought = self._bought
        inside = bought % len(self.history.items) < self.history.n_universe
        return inside.sum() / max(len(np.unique(bought // len(self.history.items))), 1)

    def bought_again(self, levels: list[NDArray[np.intp]], smoothing: float) -> NDArray[np.float64] | None:
        """(n_items,): of shoppers who had the item in a horizon and bought in the next, the share who bought it again.

        It is smoothed by so many shoppers towards that of the item's narrowest category, that one towards that of the
        wider one, up to all items together; None where nobody came twice. `levels`: codes from the widest level on.
        """
        n_items, n_users = len(self.history.items), len(self.history.users)
        bought = self._bought
        had = bought[np.isin(bought // n_items - n_users, bought // n_items)]  # the next horizon has a lower number
        if not len(had):
            return None
        is_again = np.isin(had - n_users * n_items, bought, assume_unique=True)
        number = np.bincount(had % n_items, minlength=n_items).astype(np.float64)
        times = np.bincount(had % n_items, is_again, n_items)
        chance = np.full(n_items, times.sum() / number.sum())
        for codes in [*levels, np.arange(n_items)]:
            wider = np.bincount(codes, chance) / np.bincount(codes)
            smoothed = (np.bincount(codes, times) + smoothing * wider) / (np.bincount(codes, number) + smoothing)
            chance = smoothed[codes]
        return chance

    @cached_property
    def _bought(self) -> NDArray[np.int64]:
        """What each user bought in each horizon, ascending, each once: (back * n_users + user) * n_items + item."""
        return np.unique((self.back * len(self.history.users) + self.user) * len(self.history.items) + self.item)

    def moved(self, promotions: pd.DataFrame | None, fold: Fold, half_life_days: float | None) -> NDArray[np.float64]:
        """(n_universe,): by what the promotions of the fold's horizon multiply sales, against those of the sales that
        are counted, which are decayed with the half-life.

        Of `promotions` those up to the end of the horizon are looked at.
        """
        universe = self.history.items[: self.history.n_universe]
        if promotions is None or not self.horizons:
            return np.ones(len(universe))
        reach = reach_of_promotions(promotions, universe, fold.cutoff, fold.horizon, self.horizons)
        factors = factors_of_promotions(reach, self.sold_in_horizons())
        middles = (np.arange(self.horizons) + 0.5) * self.days
        weights = np.ones(self.horizons) if half_life_days is None else 0.5 ** (middles / half_life_days)
        return factors[0] / np.average(factors[1:], axis=0, weights=weights)
